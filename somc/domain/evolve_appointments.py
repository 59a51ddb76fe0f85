"""How each fact about an appointment changes the state: the part of `evolve` for `appointment.…` records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from somc.domain import events as e
from somc.domain.bookings import Appointment
from somc.domain.lifecycle import APPOINTMENT_MOVES
from somc.domain.state import HallState

__all__ = ["APPOINTMENT_WRITERS"]

replace = msgspec.structs.replace


def _made(state: HallState, event: Any, at: int, **more: Any) -> None:
    _put(
        state,
        Appointment(
            id=event.appointment,
            key=state.seq,
            service=event.service,
            at=event.slot,
            ends_at=event.ends_at,
            state=APPOINTMENT_MOVES[None, type(event)],
            made_at=at,
            told_at=at,
            channel=event.channel,
            by=event.by,
            code=event.code,
            person=event.person,
            **more,
        ),
    )


def _booked(state: HallState, event: e.AppointmentBooked, at: int) -> None:
    _made(state, event, at, block=event.block, answer_by=event.confirm_by)


def _waitlisted(state: HallState, event: e.AppointmentWaitlisted, at: int) -> None:
    _made(state, event, at, until=event.until)


def _offered(state: HallState, event: e.AppointmentOffered, at: int) -> None:
    # It begins to have one slot: from here on its reminders are owed, and its time is that of the offer.
    place = {"at": event.slot, "ends_at": event.ends_at, "until": None, "told_at": at}
    _put(state, replace(_moved(state, event), answer_by=event.answer_by, **place))


def _confirmed(state: HallState, event: e.AppointmentConfirmed, at: int) -> None:
    _put(state, replace(_moved(state, event), answer_by=None))


def _changed(state: HallState, event: e.AppointmentChanged, at: int) -> None:
    place = {"service": event.service, "at": event.slot, "ends_at": event.ends_at, "told_at": at}
    _put(state, replace(_moved(state, event), **place))


def _cancelled(state: HallState, event: e.AppointmentCancelled, at: int) -> None:
    _put(state, replace(_moved(state, event), ended_at=at, cause=event.cause))


def _checked_in(state: HallState, event: e.AppointmentCheckedIn, at: int) -> None:
    ticket = {"ticket": event.ticket, "number": event.number}
    _put(state, replace(_moved(state, event), ended_at=at, **ticket))


def _reminder_due(state: HallState, event: e.AppointmentReminderDue, at: int) -> None:
    _put(state, replace(_moved(state, event), told_at=at))


def _missed(state: HallState, event: e.AppointmentMissed, at: int) -> None:
    _put(state, replace(_moved(state, event), ended_at=at))


def _expired(state: HallState, event: e.AppointmentExpired, at: int) -> None:
    _put(state, replace(_moved(state, event), ended_at=at, cause=event.cause))


def _moved(state: HallState, event: e.AppointmentEvent) -> Appointment:
    """The appointment in the state into which the table moves it."""
    appointment = state.bookings.all[event.appointment]
    return replace(appointment, state=APPOINTMENT_MOVES[appointment.state, type(event)])


def _put(state: HallState, appointment: Appointment) -> None:
    state.bookings.put(appointment, state.hall)


APPOINTMENT_WRITERS: dict[type[e.Event], Callable[[HallState, Any, int], None]] = {
    e.AppointmentBooked: _booked,
    e.AppointmentWaitlisted: _waitlisted,
    e.AppointmentOffered: _offered,
    e.AppointmentConfirmed: _confirmed,
    e.AppointmentChanged: _changed,
    e.AppointmentCancelled: _cancelled,
    e.AppointmentCheckedIn: _checked_in,
    e.AppointmentReminderDue: _reminder_due,
    e.AppointmentMissed: _missed,
    e.AppointmentExpired: _expired,
}
