"""The catalogue of reads: what may be asked of a hall without changing it.

Reads go through `Hall.read`, so that nobody sees what is not on disk yet. Only `tickets` and `ticket`
ever show a phone number, masked, and only to those who serve. The public's screens get the public forms
of `audience`.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from somc.domain.policy import HISTORY_LIMIT
from somc.domain.refusals import refuse
from somc.domain.state import HallState
from somc.domain.values import Ticket, TicketState
from somc.server import views
from somc.server.access import Principal, may
from somc.server.ahead import preview_view, ticket_now_views
from somc.server.appointment_queries import APPOINTMENT_QUERIES
from somc.server.audience import is_public, knows_people, public_hall, public_ticket, without_person
from somc.server.message_queries import MESSAGE_QUERIES
from somc.server.message_views import about_view
from somc.server.policy_views import history_view, policy_view
from somc.server.problems import Problem, of_refusal, problem
from somc.server.query import EVERYBODY, SERVERS, STAFF, Floor, NoParams, Query
from somc.server.settings import settings_view
from somc.server.watching import WATCHING

__all__ = ["QUERIES", "Floor", "Query", "hall_snapshot"]

Plain = dict[str, Any]
PREVIEW_LIMIT = 10


class TicketParams(msgspec.Struct, frozen=True):
    ticket: Annotated[str, Meta(max_length=64)]


class TicketsParams(msgspec.Struct, frozen=True):
    state: TicketState | None = None
    service: Annotated[str, Meta(max_length=64)] | None = None
    counter: Annotated[int, Meta(ge=1, le=999)] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 200
    after: Annotated[str, Meta(max_length=64)] | None = None
    """The id of the last ticket of the page before."""


class PreviewParams(msgspec.Struct, frozen=True):
    counter: Annotated[int, Meta(ge=1, le=999)]
    limit: Annotated[int, Meta(ge=1, le=100)] = PREVIEW_LIMIT


class HistoryParams(msgspec.Struct, frozen=True):
    limit: Annotated[int, Meta(ge=1, le=HISTORY_LIMIT)] = HISTORY_LIMIT


class RecordsParams(msgspec.Struct, frozen=True):
    after: Annotated[int, Meta(ge=0, le=2**53)] = 0
    epoch: str | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 500


async def hall_snapshot(floor: Floor, *, public: bool) -> Plain:
    """The hall as one snapshot, for the public's screens or for staff."""
    hall = floor.hall
    view = await hall.read(
        lambda state, now: views.hall_view(
            state,
            now,
            floor.figures(state, now),
            epoch=hall.journal.epoch,
            speed=hall.clock.speed,
            drivers=floor.devices,
        )
    )
    return public_hall(view) if public else view


async def _hall(floor: Floor, params: NoParams, principal: Principal) -> Any:
    return await hall_snapshot(floor, public=is_public(principal))


async def _services(floor: Floor, params: NoParams, principal: Principal) -> Any:
    return await floor.hall.read(lambda state, now: views.service_views(state))


async def _ticket(floor: Floor, params: TicketParams, principal: Principal) -> Any:
    def view(state: HallState, now: int) -> Plain | None:
        ticket = state.tickets.get(params.ticket)
        if ticket is None:
            return None
        sent = about_view(state, ticket=ticket.id)
        return _with_person({**ticket_now_views(state, [ticket], now)[0], "messages": sent}, ticket)

    found = await floor.hall.read(view)
    if found is None:
        return of_refusal(refuse("unknown_ticket", ticket=params.ticket))
    ticket = (await _join_people(floor, [found], principal))[0]
    return {**public_ticket(ticket), "messages": []} if is_public(principal) else ticket


async def _tickets(floor: Floor, params: TicketsParams, principal: Principal) -> Any:
    def wanted(ticket: Ticket) -> bool:
        return (
            (params.state is None or ticket.state is params.state)
            and (params.service is None or ticket.service == params.service)
            and (params.counter is None or ticket.counter == params.counter)
        )

    def view(state: HallState, now: int) -> list[Plain] | Problem:
        tickets = list(state.tickets.values())
        if params.after is not None:
            last = state.tickets.get(params.after)
            if last is None:
                return of_refusal(refuse("unknown_ticket", ticket=params.after))
            tickets = [ticket for ticket in tickets if ticket.key > last.key]
        page = [ticket for ticket in tickets if wanted(ticket)][: params.limit]
        shown = ticket_now_views(state, page, now)
        return [_with_person(view, ticket) for view, ticket in zip(shown, page, strict=True)]

    found = await floor.hall.read(view)
    return found if isinstance(found, Problem) else await _join_people(floor, found, principal)


def _with_person(view: Plain, ticket: Ticket) -> Plain:
    view["person"] = ticket.person
    return view


async def _join_people(floor: Floor, tickets: list[Plain], principal: Principal) -> list[Plain]:
    """Put masked phone numbers into the views for those who serve; the person id never leaves."""
    shown = may(principal, SERVERS)
    for view in tickets:
        person_id = view.pop("person")
        if shown and person_id is not None:
            person = await floor.hall.journal.person(person_id)
            view["phone"] = None if person is None else views.mask(person.phone)
    return tickets


async def _preview(floor: Floor, params: PreviewParams, principal: Principal) -> Any:
    def view(state: HallState, now: int) -> Plain | Problem:
        if params.counter not in state.counters:
            return of_refusal(refuse("unknown_counter", counter=params.counter))
        return preview_view(state, state.counters[params.counter], now, params.limit)

    return await floor.hall.read(view)


async def _records(floor: Floor, params: RecordsParams, principal: Principal) -> Any:
    journal = floor.hall.journal
    if params.epoch is not None and params.epoch != journal.epoch:
        return problem(409, "other_epoch", f"the journal is of epoch {journal.epoch}: begin at after=0")
    # Of before the read: while it waits the head may move on to records that this page does not hold.
    head = journal.head
    records = await journal.records_after(params.after, params.limit)
    through = records[-1].seq if records else min(params.after, head)
    if not knows_people(principal):
        records = [without_person(record) for record in records]
    return {"epoch": journal.epoch, "through": through, "records": records}


async def _policy_history(floor: Floor, params: HistoryParams, principal: Principal) -> Any:
    return await floor.hall.read(lambda state, now: history_view(state, params.limit))


async def _policy(floor: Floor, params: NoParams, principal: Principal) -> Any:
    return await floor.hall.read(policy_view)


async def _settings(floor: Floor, params: NoParams, principal: Principal) -> Any:
    return await floor.hall.read(settings_view)


async def _devices(floor: Floor, params: NoParams, principal: Principal) -> Any:
    return await floor.hall.read(lambda state, now: views.device_views(state, floor.devices))


async def _counters(floor: Floor, params: NoParams, principal: Principal) -> Any:
    def view(state: HallState, now: int) -> list[Plain]:
        return [
            views.counter_with_ticket_view(state, state.counters[number], now)
            for number in sorted(state.counters)
        ]

    return await floor.hall.read(view)


QUERIES: tuple[Query, ...] = (
    Query("hall", "/hall", NoParams, EVERYBODY, _hall, "The hall as one snapshot", True),
    Query("services", "/services", NoParams, EVERYBODY, _services, "The services as set up (业务)"),
    Query("tickets", "/tickets", TicketsParams, STAFF, _tickets, "Tickets of the running day"),
    Query(
        "ticket", "/tickets/{ticket}", TicketParams, EVERYBODY, _ticket, "One ticket with all its time stamps"
    ),
    Query("counters", "/counters", NoParams, STAFF, _counters, "The counters with the tickets there (台席)"),
    Query(
        "queue.preview",
        "/queue/preview",
        PreviewParams,
        SERVERS,
        _preview,
        "The next tickets this counter would get, in order",
        True,
    ),
    Query("records", "/records", RecordsParams, STAFF, _records, "Journal records (记录)"),
    Query("policy", "/policy", NoParams, STAFF, _policy, "The routing policy in force (排队策略)", True),
    Query(
        "policy.history",
        "/policy/history",
        HistoryParams,
        STAFF,
        _policy_history,
        "The versions of the policy that can be rolled back to, the newest first",
        True,
    ),
    Query(
        "settings",
        "/settings",
        NoParams,
        frozenset(("manager", "centre")),
        _settings,
        "The settings in force, each with hall.toml's own",
        True,
    ),
    Query(
        "devices",
        "/devices",
        NoParams,
        frozenset((*STAFF, "device")),
        _devices,
        "The devices and their health",
    ),
    *APPOINTMENT_QUERIES,
    *MESSAGE_QUERIES,
    *WATCHING,
)
