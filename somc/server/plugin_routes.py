"""The plugins of a running hall over HTTP: what they are and do, and their changes; what they say of
customers.

What must stay true
- Administrators change plugins; whoever watches over a hall sees how they do. No secret leaves.
- A plugin's fault is never the asker's: a card, an advice, a screen comes in time with what there is.
- A change that was begun is finished, also if whoever asked for it has gone: no plugin is left half changed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import structlog
import trio
from quart import Response

from somc.api import CardSection, Prompt, TicketView, Visit
from somc.domain.refusals import refuse
from somc.domain.state import HallState
from somc.domain.values import Ticket
from somc.errors import UsageError
from somc.runtime.plugins.facts import Known
from somc.runtime.plugins.host import InUse, PluginHost
from somc.runtime.plugins.views import hall_view, ticket_view
from somc.server.access import Principal, may
from somc.server.edge import Edge, read_body
from somc.server.problems import Problem, of_refusal, of_validation, problem
from somc.server.query import EVERYBODY

__all__ = ["PluginChanges", "add_plugin_routes", "card_request", "to_its_end"]

WATCHERS = frozenset(("manager", "centre"))
CARERS = frozenset(("floor", "agent", "manager"))
AT_COUNTERS = frozenset(("agent", "manager", "display", "device", "kiosk"))
NOBODY = frozenset[str]()
"""Administrators only: they may do all."""

log = structlog.get_logger(__name__)

plain = msgspec.to_builtins


class PluginChanges(msgspec.Struct, frozen=True):
    """Key → value, `null` for hall.toml's own."""

    changes: dict[str, Any]


def add_plugin_routes(edge: Edge, host: PluginHost) -> None:
    """Adds them to the framework's application."""
    app, base = edge.quart, "/api/v1"

    def asker(roles: frozenset[str], what: str) -> Principal | Problem:
        caller = edge.caller()
        if isinstance(caller, Problem):
            return caller
        return caller.principal if may(caller.principal, roles) else _no_right(caller.principal, roles, what)

    def changer(what: str) -> Principal | Problem:
        principal = edge.changer()
        if isinstance(principal, Problem) or may(principal, NOBODY):
            return principal
        return _no_right(principal, frozenset(("admin",)), what)

    async def change(name: str, what: str, do: Callable[[str], Awaitable[object]]) -> Response:
        principal = changer(f"{what} plugins")
        if isinstance(principal, Problem):
            return edge.fail(principal)
        try:
            await to_its_end(host.nursery, do, principal.by)
        except InUse as error:
            return edge.fail(problem(409, "plugin_in_use", str(error)))
        except UsageError as error:
            return edge.fail(problem(422, "plugin_refused", str(error)))
        return edge.answer(200, _about(host, name))

    @app.get(f"{base}/plugins", endpoint="plugins")
    async def plugins() -> Response:
        principal = asker(WATCHERS, "see plugins")
        return edge.fail(principal) if isinstance(principal, Problem) else edge.answer(200, host.about())

    @app.post(f"{base}/plugins/<name>/enable", endpoint="plugins.enable")
    async def enable(name: str) -> Response:
        return await change(name, "enable", lambda by: host.enable(name, by))

    @app.post(f"{base}/plugins/<name>/disable", endpoint="plugins.disable")
    async def disable(name: str) -> Response:
        return await change(name, "disable", lambda by: host.disable(name, by))

    @app.post(f"{base}/plugins/<name>/reload", endpoint="plugins.reload")
    async def reload(name: str) -> Response:
        return await change(name, "reload", lambda by: host.reload(name, by))

    @app.post(f"{base}/plugins/<name>/configure", endpoint="plugins.configure")
    async def configure(name: str) -> Response:
        principal = changer("configure plugins")
        if isinstance(principal, Problem):
            return edge.fail(principal)
        try:
            body = msgspec.json.decode(await read_body(), type=PluginChanges)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return edge.fail(of_validation(error))
        return await change(name, "configure", lambda by: host.configure(name, body.changes, by))

    @app.get(f"{base}/plugins/pages", endpoint="plugins.pages")
    async def pages() -> Response:
        principal = asker(EVERYBODY, "see pages")
        if isinstance(principal, Problem):
            return edge.fail(principal)
        mine = [
            {
                "plugin": name,
                "url": f"/plugins/{name}{page.path}",
                "title": plain(page.title),
                "icon": page.icon,
            }
            for name, page in host.web.pages()
            if "*" in page.roles or may(principal, page.roles)
        ]
        return edge.answer(200, mine)

    @app.get(f"{base}/tickets/<ticket>/card", endpoint="tickets.card")
    async def card(ticket: str) -> Response:
        principal = asker(CARERS, "see cards")
        if isinstance(principal, Problem):
            return edge.fail(principal)
        found, now = await host.hall.read(lambda state, now: (state.tickets.get(ticket), now))
        if found is None:
            return edge.fail(of_refusal(refuse("unknown_ticket", ticket=ticket)))
        return edge.answer(200, await card_of(host, found, now))

    @app.get(f"{base}/services/<service>/advice", endpoint="services.advice")
    async def advice(service: str) -> Response:
        principal = asker(EVERYBODY, "ask for advice")
        if isinstance(principal, Problem):
            return edge.fail(principal)
        if service not in host.hall.state.hall.services:
            known = ", ".join(host.hall.state.hall.services)
            return edge.fail(of_refusal(refuse("unknown_service", service=service, known=known)))
        view = await host.hall.read(hall_view)
        said = await host.asking.kiosk_advice(service, view)
        return edge.answer(200, [{"plugin": name, **_whole(each)} for name, each in said])

    @app.get(f"{base}/counters/<int:counter>/second", endpoint="counters.second")
    async def second(counter: int) -> Response:
        principal = asker(AT_COUNTERS, "see second screens")
        if isinstance(principal, Problem):
            return edge.fail(principal)

        def there(state: HallState, now: int) -> tuple[bool, Ticket | None, int]:
            at = state.counters.get(counter)
            ticket = None if at is None or at.ticket is None else state.tickets[at.ticket]
            return at is not None, ticket, now

        known, ticket, now = await host.hall.read(there)
        if not known:
            return edge.fail(of_refusal(refuse("unknown_counter", counter=counter)))
        if ticket is None:
            return edge.answer(200, {"counter": counter, "number": None, "panels": []})
        panels = await host.asking.second_screen(ticket_view(ticket, now), host.facts.of(ticket.id))
        shown = [{"plugin": name, **_whole(panel)} for name, panel in panels]
        return edge.answer(200, {"counter": counter, "number": ticket.number, "panels": shown})


async def card_request(
    host: PluginHost, ticket: Ticket, now: int
) -> tuple[TicketView, Visit, Mapping[str, Known]]:
    """What plugins are asked with for a card: ticket, visit with the phone for who may see it, facts."""
    person = None if ticket.person is None else await host.hall.journal.person(ticket.person)
    visit = Visit(
        service=ticket.service,
        channel=ticket.channel,
        at=ticket.taken_at,
        person=ticket.person,
        phone=None if person is None else person.phone,
        customer_class=ticket.customer_class,
        ticket=ticket.id,
    )
    return ticket_view(ticket, now), visit, host.facts.of(ticket.id)


async def card_of(host: PluginHost, ticket: Ticket, now: int) -> dict[str, Any]:
    """The card of one ticket: what plugins say of its customer, and which of them did not in time."""
    view, visit, known = await card_request(host, ticket, now)
    made = await host.asking.card(view, visit, known)
    return {
        "ticket": ticket.id,
        "number": ticket.number,
        "sections": [{"plugin": name, **_whole(section)} for name, section in made.sections],
        "late": [{"plugin": name, "why": why} for name, why in made.late.items()],
        "prompts": [{"plugin": name, **_whole(prompt)} for name, prompt in made.prompts],
        "offers": [{"plugin": name, **_whole(offer)} for name, offer in made.offers],
        "known": [_known(name, of) for name, of in known.items()],
    }


def _known(plugin: str, known: Known) -> dict[str, Any]:
    return {
        "plugin": plugin,
        "name": known.name,
        "note": known.note,
        "source": known.source,
        "facts": known.facts,
    }


def _whole(value: CardSection | Prompt | Any) -> dict[str, Any]:
    """Every field, defaults too: pages rely on shapes. (Values of the API leave defaults out on the pipe.)"""
    whole: dict[str, Any] = {}
    for name in value.__struct_fields__:
        each = getattr(value, name)
        if isinstance(each, msgspec.Struct):
            whole[name] = _whole(each)
        elif isinstance(each, list):
            whole[name] = [_whole(one) if isinstance(one, msgspec.Struct) else one for one in each]
        else:
            whole[name] = each
    return whole


async def to_its_end(nursery: trio.Nursery, do: Callable[[str], Awaitable[object]], by: str) -> None:
    """Do it in a task of the host's: it ends with the hall, and not because a browser was closed."""
    done, failures = trio.Event(), list[Exception]()

    async def run() -> None:
        try:
            await do(by)
        except Exception as failure:
            failures.append(failure)
            log.warning("plugin not changed", why=str(failure), by=by)
        finally:
            done.set()

    nursery.start_soon(run)
    await done.wait()
    for failure in failures:
        raise failure


def _about(host: PluginHost, name: str) -> dict[str, Any]:
    return next((each for each in host.about() if each["name"] == name), {"name": name, "state": "off"})


def _no_right(principal: Principal, roles: frozenset[str], what: str) -> Problem:
    allowed = ", ".join(sorted(roles))
    return problem(403, "no_right", f"{principal.by} may not {what}; allowed: {allowed}")
