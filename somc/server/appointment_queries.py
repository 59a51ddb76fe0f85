"""Reads about appointments: slots, lists, today's summary, the calendar.

Phones are joined masked, for those who serve, as in lists of tickets. A channel learns what its codes are
for, never whose the other appointments are.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from somc.domain.bookings import Appointment, AppointmentState
from somc.domain.calendar import date_of
from somc.domain.refusals import refuse
from somc.domain.settings import is_date
from somc.domain.state import HallState
from somc.server import views
from somc.server.access import Principal, may
from somc.server.appointment_views import appointment_view, date_view, found_view, slots_today, slots_view
from somc.server.phones import bad_phone, normal_phone
from somc.server.problems import Problem, of_refusal
from somc.server.query import EVERYBODY, SERVERS, STAFF, Floor, NoParams, Query

__all__ = ["APPOINTMENT_QUERIES", "find_appointment", "find_slots"]

Plain = dict[str, Any]
Date = Annotated[str, Meta(min_length=10, max_length=10)]
ServiceId = Annotated[str, Meta(min_length=1, max_length=64)]
MOST_DATES = 62


class SlotsParams(msgspec.Struct, frozen=True):
    service: ServiceId
    date: Date | None = None
    """Today if it is not given."""


class AppointmentParams(msgspec.Struct, frozen=True):
    appointment: Annotated[str, Meta(min_length=1, max_length=64)]


class AppointmentsParams(msgspec.Struct, frozen=True):
    date: Date | None = None
    service: ServiceId | None = None
    state: AppointmentState | None = None
    phone: Annotated[str, Meta(max_length=32)] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 200
    after: Annotated[str, Meta(max_length=64)] | None = None
    """The id of the last appointment of the page before."""


class CalendarParams(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    from_: Date | None = None
    """Today if it is not given."""
    days: Annotated[int, Meta(ge=1, le=MOST_DATES)] = 14


async def find_slots(floor: Floor, service: str, on: str | None) -> Plain | Problem:
    """The slots of a service on a date (today if it is not given)."""

    def view(state: HallState, now: int) -> Plain | Problem:
        if service not in state.hall.services:
            known = ", ".join(state.hall.services)
            return of_refusal(refuse("unknown_service", service=service, known=known))
        day = on or date_of(now, state.zone).isoformat()
        if not is_date(day):
            return of_refusal(refuse("bad_date", date=day))
        return slots_view(state, service, date.fromisoformat(day), now)

    return await floor.hall.read(view)


async def _slots(floor: Floor, params: SlotsParams, principal: Principal) -> Any:
    return await find_slots(floor, params.service, params.date)


async def _appointments(floor: Floor, params: AppointmentsParams, principal: Principal) -> Any:
    persons: list[str] | None = None
    if params.date is not None and not is_date(params.date):
        return of_refusal(refuse("bad_date", date=params.date))
    if params.phone is not None:
        phone = normal_phone(params.phone)
        if phone is None:
            return bad_phone()
        persons = await floor.hall.journal.persons_of(phone)

    def wanted(state: HallState, each: Appointment) -> bool:
        return (
            (params.date is None or date_of(each.at, state.zone).isoformat() == params.date)
            and (params.service is None or each.service == params.service)
            and (params.state is None or each.state is params.state)
            and (persons is None or each.person in persons)
        )

    def view(state: HallState, now: int) -> list[tuple[Plain, str | None]] | Problem:
        found = sorted(state.bookings.all.values(), key=lambda each: (each.at, each.key))
        if params.after is not None:
            last = state.bookings.all.get(params.after)
            if last is None:
                return of_refusal(refuse("unknown_appointment"))
            found = [each for each in found if (each.at, each.key) > (last.at, last.key)]
        page = [each for each in found if wanted(state, each)][: params.limit]
        return [(appointment_view(state, each), each.person) for each in page]

    found = await floor.hall.read(view)
    return found if isinstance(found, Problem) else await _join_people(floor, found, principal)


async def find_appointment(floor: Floor, name: str) -> Plain | Problem:
    """One appointment by its id, as a channel sees it."""

    def view(state: HallState, now: int) -> Plain | Problem:
        found = state.bookings.all.get(name)
        return of_refusal(refuse("unknown_appointment")) if found is None else found_view(state, found, now)

    return await floor.hall.read(view)


async def _appointment(floor: Floor, params: AppointmentParams, principal: Principal) -> Any:
    name = floor.finder.find(params.appointment, principal)
    if isinstance(name, Problem):
        return name

    def view(state: HallState, now: int) -> tuple[Plain, str | None] | None:
        found = state.bookings.all.get(name)
        return None if found is None else (found_view(state, found, now), found.person)

    found = await floor.hall.read(view)
    if found is None:
        return of_refusal(refuse("unknown_appointment"))
    return (await _join_people(floor, [found], principal))[0]


async def _join_people(
    floor: Floor, found: list[tuple[Plain, str | None]], principal: Principal
) -> list[Plain]:
    """Masked phone numbers for those who serve; the person id never leaves."""
    shown = may(principal, SERVERS)
    for view, person_id in found:
        if shown and person_id is not None:
            person = await floor.hall.journal.person(person_id)
            view["phone"] = None if person is None else views.mask(person.phone)
    return [view for view, _ in found]


async def _today(floor: Floor, params: NoParams, principal: Principal) -> Any:
    return await floor.hall.read(slots_today)


async def _calendar(floor: Floor, params: CalendarParams, principal: Principal) -> Any:
    def view(state: HallState, now: int) -> list[Plain] | Problem:
        begin = params.from_ or date_of(now, state.zone).isoformat()
        if not is_date(begin):
            return of_refusal(refuse("bad_date", date=begin))
        first = date.fromisoformat(begin)
        return [date_view(state, (first + timedelta(days=n)).isoformat()) for n in range(params.days)]

    return await floor.hall.read(view)


APPOINTMENT_QUERIES: tuple[Query, ...] = (
    Query(
        "appointments.slots",
        "/appointments/slots",
        SlotsParams,
        EVERYBODY,
        _slots,
        "The slots of a service on a date, with the places left (可预约时段)",
        True,
    ),
    Query(
        "appointments.today",
        "/appointments/today",
        NoParams,
        STAFF,
        _today,
        "The running day by slot: booked, arrived, served, missed (预约汇总)",
        True,
    ),
    Query(
        "appointments",
        "/appointments",
        AppointmentsParams,
        frozenset(("floor", "agent", "manager")),
        _appointments,
        "Appointments by their time (预约)",
    ),
    Query(
        "appointment",
        "/appointments/{appointment}",
        AppointmentParams,
        frozenset(("channel", "floor", "agent", "manager")),
        _appointment,
        "One appointment, by its code or its id",
    ),
    Query(
        "calendar",
        "/calendar",
        CalendarParams,
        EVERYBODY,
        _calendar,
        "The opening hours of dates, and what is special about them (营业日历)",
        True,
    ),
)
