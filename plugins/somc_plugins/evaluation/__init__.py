"""Satisfaction after service: evaluators at the counter, a link in a message, surveys; scores of the hall.

    [plugins]
    enabled = ["evaluation"]

    [plugin.evaluation]
    template = "evaluation"
    link = "https://hall.example/plugins/evaluation/r/{code}"

An evaluator's key is a `ticket.rated` without this plugin. With a `template`, whoever left a number gets a
message with a link after the service; the page behind it takes one answer. `GET /scores` gives one score for
the hall and period, by agent and service, with the number of answers; a bad rating is an alert while the
customer may still be there. Reference: docs/reference/plugins/evaluation.md.

Store: `day/DATE` sums; `survey/ID`; `code/CODE` a ticket that may be rated; `secret`, of which codes are
made; `cleared`, the day on which old things were last dropped.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from datetime import datetime
from html import escape
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from somc.api import (
    PUBLIC,
    About,
    Json,
    PluginContext,
    RaiseAlert,
    RateTicket,
    Record,
    Refusal,
    Request,
    Response,
    Route,
    SendMessage,
    Words,
    hookimpl,
)
from somc_plugins.evaluation.scores import Day, Survey, counted, scores
from somc_plugins.json_source import check_template
from somc_plugins.shelf import all_under, drop_unless

__all__ = ["EvaluationConfig"]

DAYS_KEPT = 400
CODE_LIFE_MS = 24 * 3600 * 1000
FACES = ("😞", "🙁", "😐", "🙂", "😀")
SCALE = len(FACES)


class EvaluationConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[plugin.evaluation]`."""

    template: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    """The message that asks after a service; none: nobody is asked by message."""
    link: Annotated[str, Meta(max_length=500)] | None = None
    """The address of this plugin's page as customers reach it, with `{code}`; the template's `{link}`."""
    bad_below: Annotated[int, Meta(ge=0, le=100)] = 30
    """A rating of fewer points than this (of 100) is an alert; 0: none."""

    def __post_init__(self) -> None:
        if (self.template is None) != (self.link is None):
            raise ValueError("template and link go together: the message carries the link")
        if self.link is not None:
            check_template("link", self.link, frozenset(("code",)))


@hookimpl
def somc_plugin() -> About:
    return About(
        title=Words("满意度评价", "Satisfaction"),
        config=EvaluationConfig,
        sees=frozenset(("history",)),
        follows=("ticket.rated", "ticket.finished"),
    )


@hookimpl
async def somc_start(context: PluginContext) -> None:
    context.state = ZoneInfo((await context.hall()).timezone)


@hookimpl
async def somc_record(context: PluginContext, record: Record) -> None:
    if record.type == "ticket.rated":
        await count(context, record)
    elif context.config.template is not None:
        await ask(context, record)


async def count(context: PluginContext, record: Record) -> None:
    """Into the sums of its day; a bad one is an alert, once."""
    ticket = await context.ticket(str(record.data["ticket"]))
    key = f"day/{datetime.fromtimestamp(record.at / 1000, context.state):%Y-%m-%d}"
    kept = await context.store.get(key)
    day = msgspec.convert(kept, Day) if kept is not None else Day()
    await clear_once_a_day(context, record.at)
    if not counted(day, record, None if ticket is None else ticket.service):
        return
    score, scale = record.data.get("score"), int(record.data["scale"])
    if score is not None and (score - 1) / (scale - 1) * 100 < context.config.bad_below:
        number = record.data["number"]
        words = Words(
            f"{number} 号客户评价 {score}/{scale}，请回访",
            f"{number} rated {score} of {scale}: speak to them",
        )
        await context.do(
            RaiseAlert(kind="bad_rating", words=words, value=score, ticket=record.data["ticket"])
        )
    await context.store.put(key, msgspec.to_builtins(day))


async def ask(context: PluginContext, record: Record) -> None:
    """A message with a link to whoever left a number, once a ticket: a record may come again, and then makes
    the same code and the same message, which the hall sends once."""
    ticket = await context.ticket(str(record.data["ticket"]))
    if ticket is None or ticket.person is None:
        return
    await clear_once_a_day(context, record.at)
    code = await code_of(context, ticket.id)
    await context.store.put(f"code/{code}", {"ticket": ticket.id, "number": ticket.number, "at": record.at})
    link = context.config.link.format(code=code)
    message = SendMessage(
        template=context.config.template,
        person=ticket.person,
        values={"number": ticket.number, "link": link},
        about=ticket.id,
        key=f"evaluation:{ticket.id}",
    )
    outcome = await context.do(message)
    if isinstance(outcome, Refusal):
        context.log.warning("nobody is asked by message", why=outcome.words.en)


async def code_of(context: PluginContext, ticket: str) -> str:
    """The ticket's own code, always the same, which nobody can guess without the secret of this store."""
    secret = await context.store.get("secret")
    if secret is None:
        secret = secrets.token_hex(32)
        await context.store.put("secret", secret)
    digest = hmac.digest(bytes.fromhex(str(secret)), ticket.encode(), "sha256")
    return urlsafe_b64encode(digest[:9]).decode()


async def clear_once_a_day(context: PluginContext, at: int) -> None:
    """Drop codes that are too old, and days of long ago."""
    today = f"{datetime.fromtimestamp(at / 1000, context.state):%Y-%m-%d}"
    if await context.store.get("cleared") == today:
        return
    first = datetime.fromtimestamp(context.now() / 1000 - DAYS_KEPT * 24 * 3600, context.state)
    await drop_unless(context.store, "day/", lambda day, kept: day >= f"{first:%Y-%m-%d}")
    now = context.now()
    await drop_unless(context.store, "code/", lambda code, kept: now - kept["at"] <= CODE_LIFE_MS)
    await drop_unless(context.store, "asked/", lambda ticket, at: False)  # an earlier version's notes
    await context.store.put("cleared", today)


@hookimpl
def somc_routes(context: PluginContext) -> Iterable[Route]:
    store = context.store

    async def kept_of(code: str) -> Json | None:
        """The ticket that may be rated with this code, while the code is good."""
        kept = await store.get(f"code/{code}")
        return None if kept is None or context.now() - kept["at"] > CODE_LIFE_MS else kept

    async def show(request: Request) -> Response:
        """The page behind the link: five faces, one answer."""
        kept = await kept_of(request.params["code"])
        if kept is None:
            return page(404, "此链接已失效 · This link is no longer good")
        buttons = "".join(
            f"<button name=score value={number}>{face}</button>" for number, face in enumerate(FACES, 1)
        )
        title = f"{kept['number']} 号：请评价本次服务 · How was it?"
        return page(200, title, f"<form method=post>{buttons}</form>")

    async def rate(request: Request) -> Response:
        kept = await kept_of(request.params["code"])
        given = request.body.decode("ascii", "replace").removeprefix("score=")
        if kept is None or given not in {str(number) for number in range(1, SCALE + 1)}:
            return page(404, "此链接已失效 · This link is no longer good")
        rating = RateTicket(ticket=kept["ticket"], score=int(given), scale=SCALE, source="message")
        outcome = await context.do(rating)
        await store.delete(f"code/{request.params['code']}")
        if isinstance(outcome, Refusal):
            return page(409, f"{outcome.words.zh} · {outcome.words.en}")
        return page(200, "谢谢您的评价 · Thank you")

    async def show_scores(request: Request) -> Response:
        """`from` and `to` are days, both included; without them everything that is kept."""
        first, last = request.query.get("from", ""), request.query.get("to", "9999")
        days = [
            msgspec.convert(kept, Day) for day, kept in await all_under(store, "day/") if first <= day <= last
        ]
        surveys = [msgspec.convert(kept, Survey) for _, kept in await all_under(store, "survey/")]
        fitting = [survey for survey in surveys if first <= survey.day <= last]
        return Response(body={"from": first or None, "to": request.query.get("to"), **scores(days, fitting)})

    async def load_survey(request: Request) -> Response:
        survey = request.body_as(Survey)
        await store.put(f"survey/{survey.id}", msgspec.to_builtins(survey))
        return Response(status=201, body={"id": survey.id})

    managers = frozenset(("manager", "centre"))
    return [
        Route("GET", "/r/{code}", show, PUBLIC, rate_per_min=120),
        Route("POST", "/r/{code}", rate, PUBLIC, body_limit=64, rate_per_min=120),
        Route("GET", "/scores", show_scores, managers),
        Route("POST", "/surveys", load_survey, managers),
    ]


def page(status: int, title: str, rest: str = "") -> Response:
    """One page for a phone, without a script."""
    style = "body{font:1.3rem system-ui;text-align:center;padding:2rem}button{font-size:2.2rem;margin:.3rem}"
    head = "<!doctype html><meta name=viewport content='width=device-width'>"
    body = f"{head}<title>评价</title><style>{style}</style><h1>{escape(title)}</h1>{rest}"
    return Response(status=status, body=body, content_type="text/html; charset=utf-8")
