"""What `care` serves: the floor's page and its list, machines that report, the hall's waits, the report."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from somc.api import PUBLIC, Json, LogCare, PluginContext, Refusal, Request, Response, Route
from somc_plugins.care.advice import Reported
from somc_plugins.care.floor import to_care_for
from somc_plugins.care.machines import machine_list
from somc_plugins.care.service import Care
from somc_plugins.care.tally import summed

__all__ = ["FLOOR", "routes"]

FLOOR = frozenset(("floor", "manager"))
PAGE = {
    "index.html": "text/html; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
}


class Report(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a machine posts."""

    state: Literal["working", "paused", "out_of_order", "offline"]
    uses: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    """Customers since midnight."""
    detail: Annotated[str, Meta(max_length=120)] = ""


class CareGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the floor's page posts."""

    ticket: Annotated[str, Meta(min_length=1, max_length=64)]
    kind: Annotated[str, Meta(min_length=1, max_length=64)]
    note: Annotated[str, Meta(max_length=120)] | None = None


def routes(context: PluginContext) -> list[Route]:
    def care() -> Care:
        found: Care = context.state
        return found

    def machines_now() -> list[dict[str, Json]]:
        now = context.now()
        return machine_list(context.config, now, care().day_of(now), care().outside)

    async def customers(request: Request) -> Response:
        tickets = await context.tickets()
        facts = {ticket.id: await context.facts(ticket.id, of="crm") for ticket in tickets}
        lines = to_care_for(context.config, tickets, facts, await care().cares_today())
        return Response(body={"kinds": list(context.config.kinds), "customers": msgspec.to_builtins(lines)})

    async def log_care(request: Request) -> Response:
        given = request.body_as(CareGiven)
        action = LogCare(ticket=given.ticket, kind=given.kind, note=given.note or None, agent=request.subject)
        outcome = await context.do(action)
        if isinstance(outcome, Refusal):
            status = {"not_found": 404, "conflict": 409}.get(outcome.kind, 422)
            return Response(status=status, body={"words": msgspec.to_builtins(outcome.words)})
        return Response(body={"seq": outcome.seq})

    async def report_machine(request: Request) -> Response:
        name = request.params["machine"]
        if name not in context.config.machines:
            known = ", ".join(context.config.machines)
            return Response(status=404, body={"detail": f"there is no machine '{name}'; known: {known}"})
        given = request.body_as(Report)
        now = context.now()
        report = Reported(
            state=given.state, at=now, day=care().day_of(now), uses=given.uses, detail=given.detail
        )
        await care().reported(name, report)
        return Response(status=204)

    async def machines(request: Request) -> Response:
        return Response(body={"machines": machines_now()})

    async def waits(request: Request) -> Response:
        """What the hall's displays say anyway, for near halls."""
        return Response(body=(await context.hall()).expected_wait_s)

    async def report(request: Request) -> Response:
        first, last = request.query.get("from", ""), request.query.get("to", "9999")
        days = [day for name, day in await care().days() if first <= name <= last]
        uses = {entry["id"]: entry["uses_today"] for entry in machines_now()}
        quiet = care().outside.quiet
        return Response(body={"days": len(days), **summed(days), "machine_uses_today": uses, "quiet": quiet})

    def page(name: str) -> Callable[[Request], Awaitable[Response]]:
        async def handler(request: Request) -> Response:
            body = files("somc_plugins.care").joinpath("page", name).read_bytes()
            return Response(body=body, content_type=PAGE[name])

        return handler

    staff = frozenset(("floor", "agent", "manager"))
    return [
        Route("GET", "/", page("index.html"), FLOOR),
        Route("GET", "/page.js", page("page.js"), FLOOR),
        Route("GET", "/page.css", page("page.css"), FLOOR),
        Route("GET", "/customers", customers, FLOOR),
        Route("POST", "/care", log_care, FLOOR),
        Route("POST", "/machines/{machine}", report_machine, frozenset(("device",))),
        Route("GET", "/machines", machines, staff),
        Route("GET", "/waits", waits, PUBLIC, rate_per_min=120),
        Route("GET", "/report", report, frozenset(("manager", "centre"))),
    ]
