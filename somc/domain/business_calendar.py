"""Rules of the calendar: a date of its own, taken back, and what that does to appointments.

What must stay true: nobody's appointment falls unseen. A change that would leave some outside the opening
hours is refused, with their number, until it is said that they shall be cancelled; then each is, with its
record.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.bookings import Appointment, about
from somc.domain.calendar import is_open
from somc.domain.refusals import Refusal, refuse
from somc.domain.settings import is_date, settings_from
from somc.domain.state import HallState
from somc.domain.values import HallSettings, SpecialDay

__all__ = ["cancelled", "change_calendar", "left_outside", "without_service"]


def change_calendar(state: HallState, command: c.ChangeCalendar, now: int) -> list[e.Event] | Refusal:
    """A date gets hours of its own; without any, those of its weekday (or of hall.toml) come back."""
    if not is_date(command.date):
        return refuse("bad_date", date=command.date)
    if command.day == SpecialDay(name=command.day.name if command.day else None):
        return refuse("bad_config", why=f"calendar.{command.date} needs spans or like: one of them")
    changes = {
        key: value
        for key, value in _wanted(state, command.date, command.day).items()
        if state.values.get(key) != value
    }
    if not changes:
        return []
    values = {key: value for key, value in {**state.values, **changes}.items() if value is not None}
    try:
        settings = settings_from(values)
    except msgspec.ValidationError as error:
        return refuse("bad_config", why=str(error))
    outside = left_outside(state, settings)
    if outside and not command.cancel:
        return refuse("appointments_on_day", date=command.date, count=len(outside))
    return [
        e.ConfigChanged(by=command.by, changes=changes),
        *(cancelled(command, each, "calendar") for each in outside),
    ]


def left_outside(state: HallState, settings: HallSettings) -> list[Appointment]:
    """The appointments ahead that lie within the opening hours, and under `settings` would not."""
    return [
        appointment
        for appointment in state.bookings.all.values()
        if appointment.state.ahead
        and appointment.service in settings.services
        and _within(state, state.hall, appointment)
        and not _within(state, settings, appointment)
    ]


def without_service(
    state: HallState, command: c.Command, settings: HallSettings
) -> Iterator[e.AppointmentCancelled]:
    """The appointments ahead for services that `settings` no longer have, cancelled."""
    for appointment in state.bookings.all.values():
        if appointment.state.ahead and appointment.service not in settings.services:
            yield cancelled(command, appointment, "service_gone")


def cancelled(command: c.Command, appointment: Appointment, cause: str) -> e.AppointmentCancelled:
    return e.AppointmentCancelled(by=command.by, cause=cause, **about(appointment))


def _wanted(state: HallState, date: str, day: SpecialDay | None) -> dict[str, Any]:
    """Every setting of the date, `None` for one that is not there."""
    keys = {field: f"calendar.{date}.{field}" for field in SpecialDay.__struct_fields__}
    if day is None:
        return {key: state.file_values.get(key) for key in keys.values()}
    # As the journal gives it back: lists, not tuples.
    plain = msgspec.json.decode(msgspec.json.encode(day))
    return {key: plain[field] for field, key in keys.items()}


def _within(state: HallState, settings: HallSettings, appointment: Appointment) -> bool:
    return all(
        is_open(settings, state.zone, at, appointment.service)
        for at in (appointment.at, appointment.ends_at - 1)
    )
