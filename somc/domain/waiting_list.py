"""What becomes of appointments by themselves: offers to the waiting list (候补), and what time brings.

What must stay true
- A free place goes to whoever has been on the list longest and whom it suits, and is kept for nobody else
  meanwhile; whoever does not accept in time makes room for the next.
- A reminder is told once; two that came due while the hall stood still are told as one.
- Nobody looks through the list in vain twice: what was found stands until something could have freed a place.
"""

from __future__ import annotations

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.booking import free_places
from somc.domain.bookings import Appointment, AppointmentState, about
from somc.domain.calendar import Slot, date_of, slot_rules, slots_on
from somc.domain.refusals import Refusal
from somc.domain.state import HallState

__all__ = ["came_due", "came_free", "offer", "see_to"]

MOST_AT_ONCE = 100
"""What one command sees to; after a standstill the rest follows in further commands."""


# -- looks ----------------------------------------------------------------------------------------


def came_due(state: HallState, now: int) -> c.SeeToAppointments | None:
    """Whether an appointment's deadline has come."""
    due = state.bookings.next_due()
    return c.SeeToAppointments(by="deadline") if due is not None and due <= now else None


def came_free(state: HallState, now: int) -> c.OfferPlaces | None:
    """Whether there is a place for somebody on the waiting list."""
    bookings = state.bookings
    if not bookings.waiting or bookings.nothing_free_at == bookings.version:
        return None
    if _offers(state, now) is not None:
        return c.OfferPlaces(by="waiting_list")
    bookings.nothing_free_at = bookings.version
    return None


# -- rules ------------------------------------------------------------------------------------------


def offer(state: HallState, command: c.OfferPlaces, now: int) -> list[e.Event] | Refusal:
    """The first place that suits somebody on the list, kept for the first whom it suits."""
    found = _offers(state, now)
    if found is None:
        return []
    appointment, slot = found
    return [
        e.AppointmentOffered(
            by=command.by,
            appointment=appointment.id,
            service=appointment.service,
            slot=slot.at,
            person=appointment.person,
            ends_at=slot.ends_at,
            answer_by=min(now + state.hall.appointments.offer_s * 1000, slot.at),
        )
    ]


def see_to(state: HallState, command: c.SeeToAppointments, now: int) -> list[e.Event] | Refusal:
    """What is due of each, the earliest first."""
    return [_due(state, command, each, now) for each in state.bookings.due_by(now, MOST_AT_ONCE)]


def _offers(state: HallState, now: int) -> tuple[Appointment, Slot] | None:
    for appointment in state.bookings.waiting.values():
        last = appointment.at if appointment.until is None else appointment.until
        earliest = now + slot_rules(state.hall, appointment.service).lead_s * 1000
        if last < earliest:
            continue
        day = date_of(appointment.at, state.zone)
        for slot in slots_on(state.hall, state.zone, day, appointment.service):
            suits = appointment.at <= slot.at <= last and slot.at >= earliest
            if suits and free_places(state, appointment.service, slot) > 0:
                return appointment, slot
    return None


def _due(state: HallState, command: c.Command, appointment: Appointment, now: int) -> e.Event:
    its = about(appointment)
    terms = state.hall.appointments
    match appointment.state:
        case AppointmentState.WAITING:
            return e.AppointmentExpired(by=command.by, cause="no_place", **its)
        case AppointmentState.OFFERED:
            return e.AppointmentExpired(by=command.by, cause="offer", **its)
    if now >= appointment.at + terms.missed_after_s * 1000:
        return e.AppointmentMissed(by=command.by, **its)
    unconfirmed = appointment.state is AppointmentState.BOOKED and appointment.answer_by is not None
    if unconfirmed and appointment.answer_by is not None and appointment.answer_by <= now:
        return e.AppointmentExpired(by=command.by, cause="unconfirmed", **its)
    owed = [
        lead_s for lead_s in terms.remind_s if appointment.told_at < appointment.at - lead_s * 1000 <= now
    ]
    late = now >= appointment.at
    return e.AppointmentReminderDue(by=command.by, lead_s=min(owed), too_late=late, **its)
