"""What `crm` serves: the way to the operator's page, the number filled in, and the hall's visits read back.

What must stay true: a number leaves in one way only, to the operator's own system: in a redirect that an
agent follows while the customer is called or served. No answer to a page of SOMC's carries it.
"""

from __future__ import annotations

from somc.api import Json, PluginContext, Request, Response, Route, TicketView
from somc_plugins.crm.card import page_for
from somc_plugins.json_source import filled

__all__ = ["routes"]

STAFF = frozenset(("agent", "manager"))
SYSTEMS = frozenset(("channel", "centre"))
"""Roles of programs: a CRM or a hotline signs in with a token of `channel`."""

HERE = ("called", "serving")


def routes(context: PluginContext) -> list[Route]:
    """`GET /open/{ticket}`, `POST /visits` and `GET /systems`."""

    async def open_page(request: Request) -> Response:
        ticket = await context.ticket(request.params["ticket"])
        if ticket is None or (ticket.state not in HERE and "manager" not in request.roles):
            return _no(404, "no such ticket is called or served now")
        template = page_for(context.config, ticket.service)
        phone = await context.phone_of(ticket.person) if ticket.person is not None else None
        if template is None or phone is None:
            return _no(404, "no number is known for this ticket, or its service has no page of a CRM")
        context.log.info("the CRM's page is opened", ticket=ticket.id, by=request.subject)
        values = {
            "phone": phone,
            "service": ticket.service,
            "ticket": ticket.id,
            "counter": str(ticket.counter or ""),
        }
        page = filled(template, **values)
        return Response(status=303, headers={"Location": page, "Referrer-Policy": "no-referrer"})

    async def visits(request: Request) -> Response:
        """The number comes in the body: what stands in a URL is written to logs."""
        asked = request.json()
        phone = asked.get("phone") if isinstance(asked, dict) else None
        if not isinstance(phone, str) or not phone:
            return _no(422, 'say whose visits: {"phone": "13800138000"}')
        person = await context.person_of(phone)
        found = [] if person is None else await context.visits(person, 100)
        hall = await context.hall()
        return Response(body={"hall": hall.org, "visits": [_visit(ticket) for ticket in found]})

    async def systems(request: Request) -> Response:
        found = [
            {"name": source.name, "state": source.state, "failure": source.failure, "asked": source.asked}
            for source in context.state.sources
        ]
        return Response(body={"systems": found})

    return [
        Route("GET", "/open/{ticket}", open_page, STAFF),
        Route("POST", "/visits", visits, SYSTEMS),
        Route("GET", "/systems", systems, frozenset(("manager", "centre"))),
    ]


def _visit(ticket: TicketView) -> Json:
    """One visit for another system: the business, the wait, the handling and who served."""
    began, ended = ticket.started_at, ticket.ended_at
    return {
        "ticket": ticket.id,
        "number": ticket.number,
        "service": ticket.service,
        "channel": ticket.channel,
        "customer_class": ticket.customer_class,
        "state": ticket.state,
        "taken_at": ticket.taken_at,
        "called_at": ticket.called_at,
        "ended_at": ticket.ended_at,
        "waited_s": ticket.waited_s,
        "served_s": None if began is None or ended is None else (ended - began) // 1000,
        "counter": ticket.counter,
        "agent": ticket.agent,
    }


def _no(status: int, why: str) -> Response:
    return Response(status=status, body={"detail": why})
