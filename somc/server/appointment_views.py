"""What the outside sees of appointments, slots and the calendar. Pure functions of the state.

No view carries a phone number, a person or a code; whoever may tell one joins it after the view is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from somc.domain import estimates
from somc.domain.booking import free_places, last_bookable_date
from somc.domain.bookings import Appointment, AppointmentState
from somc.domain.business_day import day_before
from somc.domain.calendar import Slot, slot_rules, slots_on, spans_on
from somc.domain.state import HallState
from somc.domain.values import TicketState, to_plain
from somc.server.message_views import about_view

__all__ = [
    "appointment_view",
    "booked_view",
    "choice_view",
    "date_view",
    "found_view",
    "services_view",
    "slots_today",
    "slots_view",
]

Plain = dict[str, Any]
CAME = (
    AppointmentState.BOOKED,
    AppointmentState.CONFIRMED,
    AppointmentState.CHECKED_IN,
    AppointmentState.MISSED,
)
"""Those that count as booked in the summary of a day: who gave up in time is not missed."""


def appointment_view(state: HallState, appointment: Appointment) -> Plain:
    """One appointment, and what became of its ticket."""
    ticket = None if appointment.ticket is None else state.tickets.get(appointment.ticket)
    return {
        "id": appointment.id,
        "service": appointment.service,
        "at": appointment.at,
        "ends_at": appointment.ends_at,
        "state": appointment.state.value,
        "channel": appointment.channel,
        "block": appointment.block,
        "made_at": appointment.made_at,
        "wait_until": appointment.until,
        "answer_by": appointment.answer_by,
        "ended_at": appointment.ended_at,
        "cause": appointment.cause,
        "ticket": appointment.ticket,
        "number": appointment.number,
        "ticket_state": None if ticket is None else ticket.state.value,
        "position_now": None,
        "expected_wait_s": None,
        "counter": None,
        "phone": None,
    }


def booked_view(state: HallState, names: list[str]) -> Plain:
    """What was booked at once: the first whole, and every place with room for its code."""
    first = appointment_view(state, state.bookings.all[names[0]])
    return {**first, "code": None, "places": [{"id": name, "code": None} for name in names]}


def choice_view(appointment: Appointment) -> Plain:
    """What somebody is shown who must say which of several appointments is meant."""
    return {"id": appointment.id, "service": appointment.service, "at": appointment.at}


def services_view(state: HallState, now: int) -> Plain:
    """The services that take appointments."""
    hall = state.hall
    return {
        "name": to_plain(hall.name),
        "timezone": hall.timezone,
        "services": [
            {
                "id": name,
                "name": to_plain(service.name),
                "papers": to_plain(service.papers),
                "last_date": last_bookable_date(state, name, now),
            }
            for name, service in hall.services.items()
            if slot_rules(hall, name).capacity > 0
        ],
    }


def found_view(state: HallState, appointment: Appointment, now: int) -> Plain:
    """One appointment, what was sent about it, and where its ticket stands in line now."""
    view = appointment_view(state, appointment)
    view["messages"] = about_view(state, appointment=appointment.id)
    ticket = None if appointment.ticket is None else state.tickets.get(appointment.ticket)
    if ticket is None:
        return view
    place, wait_s = None, None
    if ticket.state is TicketState.WAITING:
        place, wait_s = estimates.forecast(state, now).get(ticket.id, (None, None))
    return {**view, "position_now": place, "expected_wait_s": wait_s, "counter": ticket.counter}


def slots_view(state: HallState, service: str, day: date, now: int) -> Plain:
    """The slots of a service on a date; `free` is 0 where it is too late or too early to book."""
    rules = slot_rules(state.hall, service)
    last = last_bookable_date(state, service, now)
    offered = rules.capacity > 0 and day.isoformat() <= last
    slots = slots_on(state.hall, state.zone, day, service) if rules.capacity else []
    return {
        "service": service,
        "date": day.isoformat(),
        "last_date": last if rules.capacity else None,
        "slot_s": rules.slot_s,
        "slots": [_slot_view(state, service, slot, offered, rules.lead_s, now) for slot in slots],
    }


def _slot_view(state: HallState, service: str, slot: Slot, offered: bool, lead_s: int, now: int) -> Plain:
    free = free_places(state, service, slot)
    bookable = offered and now <= slot.at - lead_s * 1000
    return {"at": slot.at, "ends_at": slot.ends_at, "free": free if bookable else 0, "bookable": bookable}


def slots_today(state: HallState, now: int) -> list[Plain]:
    """The running day's appointments, summed up by slot: booked, arrived, served, missed. Slots for which
    nobody has booked are left out."""
    day = state.day_at(now)
    begin, end = state.day_end_of(day_before(day)), state.day_end_of(day)
    rows: dict[tuple[int, str], Plain] = {}
    for appointment in state.bookings.between(begin, end):
        if appointment.state not in CAME:
            continue
        row = rows.setdefault(
            (appointment.at, appointment.service),
            {
                "at": appointment.at,
                "ends_at": appointment.ends_at,
                "service": appointment.service,
                **dict.fromkeys(("booked", "arrived", "served", "missed"), 0),
            },
        )
        row["booked"] += 1
        row["arrived"] += appointment.state is AppointmentState.CHECKED_IN
        row["missed"] += appointment.state is AppointmentState.MISSED
        row["served"] += _is_served(state, appointment)
    return [rows[key] for key in sorted(rows)]


def _is_served(state: HallState, appointment: Appointment) -> bool:
    ticket = None if appointment.ticket is None else state.tickets.get(appointment.ticket)
    return ticket is not None and ticket.state is TicketState.FINISHED


def date_view(state: HallState, day: str) -> Plain:
    """The hours of a date, and what is special about it."""
    special = state.hall.calendar.get(day)
    spans = spans_on(state.hall, date.fromisoformat(day))
    return {
        "date": day,
        "hours": [f"{_clock(start)}-{_clock(end)}" for start, end in spans],
        "special": special is not None,
        "name": None if special is None else to_plain(special.name),
    }


def _clock(second: int) -> str:
    within = second if second == 86_400 else second % 86_400
    return f"{within // 3600:02}:{within % 3600 // 60:02}"


def appointment_views(state: HallState, appointments: Iterable[Appointment]) -> list[Plain]:
    return [appointment_view(state, each) for each in appointments]
