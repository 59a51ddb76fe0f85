"""What plugins may do about appointments: the actions of the API, through the same desk as any channel.

What must stay true: a plugin acts as a channel does and no more: it books, moves, confirms, gives up and
checks in; it sees no list, no phone number, and no code but that of its own booking.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from somc.api import (
    Action,
    BookAppointment,
    CancelAppointment,
    ChangeAppointment,
    CheckIn,
    ConfirmAppointment,
    Done,
    FindAppointment,
    ListServices,
    ListSlots,
    Refusal,
)
from somc.domain.business_day import local
from somc.domain.values import Words
from somc.runtime.plugins.acting import Actions
from somc.server.access import Principal
from somc.server.acts import BY_NAME
from somc.server.appointment_queries import find_appointment, find_slots
from somc.server.appointment_views import services_view
from somc.server.desk import Acting
from somc.server.problems import Problem
from somc.server.query import Floor

__all__ = ["add_appointment_actions"]

Plain = dict[str, Any]
KINDS = {404: "not_found", 422: "invalid"}


def add_appointment_actions(actions: Actions, desk: Acting, floor: Floor) -> None:
    """Offer them to the plugins of a hall."""

    async def act(name: str, fields: Plain, by: Principal, key: str | None = None) -> Done | Refusal:
        found = BY_NAME[name]
        answer = await desk.do(found, msgspec.convert(fields, found.body), by, key)
        return refusal_of(answer) if isinstance(answer, Problem) else done(answer.view)

    def done(view: Plain) -> Done:
        return Done(seq=floor.hall.journal.head, data=view)

    async def book(plugin: str, sees: frozenset[str], action: BookAppointment) -> Done | Refusal:
        fields = {
            "service": action.service,
            "at": instant(action.at),
            "until": instant(action.until),
            "phone": action.phone,
            "places": action.places,
            "wait": action.wait,
            "confirmed": action.confirmed,
            "channel": action.channel,
        }
        return await act("appointments.book", fields, principal_of(plugin), action.key)

    async def by_code(plugin: str, action: Any, name: str, **fields: Any) -> Done | Refusal:
        by = principal_of(plugin)
        found = floor.finder.find(action.appointment, by, action.asker)
        if isinstance(found, Problem):
            return refusal_of(found)
        return await act(name, {"appointment": found, **fields}, by)

    async def confirm(plugin: str, sees: frozenset[str], action: ConfirmAppointment) -> Done | Refusal:
        return await by_code(plugin, action, "appointments.confirm")

    async def change(plugin: str, sees: frozenset[str], action: ChangeAppointment) -> Done | Refusal:
        fields = {"service": action.service, "at": instant(action.at)}
        return await by_code(plugin, action, "appointments.change", **fields)

    async def cancel(plugin: str, sees: frozenset[str], action: CancelAppointment) -> Done | Refusal:
        return await by_code(plugin, action, "appointments.cancel", reason=action.reason)

    async def check_in(plugin: str, sees: frozenset[str], action: CheckIn) -> Done | Refusal:
        return await by_code(plugin, action, "appointments.check_in", channel=action.channel)

    async def find(plugin: str, sees: frozenset[str], action: FindAppointment) -> Done | Refusal:
        found = floor.finder.find(action.appointment, principal_of(plugin), action.asker)
        view = found if isinstance(found, Problem) else await find_appointment(floor, found)
        return refusal_of(view) if isinstance(view, Problem) else done(view)

    async def services(plugin: str, sees: frozenset[str], action: ListServices) -> Done | Refusal:
        return done(await floor.hall.read(services_view))

    async def slots(plugin: str, sees: frozenset[str], action: ListSlots) -> Done | Refusal:
        view = await find_slots(floor, action.service, action.date)
        return refusal_of(view) if isinstance(view, Problem) else done(view)

    offered: dict[type[Action], Any] = {
        ListServices: services,
        ListSlots: slots,
        BookAppointment: book,
        FindAppointment: find,
        ConfirmAppointment: confirm,
        ChangeAppointment: change,
        CancelAppointment: cancel,
        CheckIn: check_in,
    }
    for kind, handler in offered.items():
        actions.add(kind, handler)


def principal_of(plugin: str) -> Principal:
    """A plugin as who asks: under its own name, with the rights of a channel."""
    return Principal(plugin, ("plugin", "channel"))


def refusal_of(why: Problem) -> Refusal:
    """An edge's no as the domain words its own."""
    kind: Any = KINDS.get(why.status, "conflict")
    return Refusal(code=why.code, kind=kind, words=why.words or Words(why.detail, why.detail))


def instant(at: int | None) -> datetime | None:
    return None if at is None else local(at, UTC)
