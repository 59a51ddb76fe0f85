"""Rules of the calendar: a date of its own, taken back, and what that does to appointments.

What must stay true: nobody's appointment falls unseen. A change that would leave some outside the opening
hours is refused, with their number, until it is said that they shall be cancelled; then each is, with its
record. Of hall.toml's hours nobody can be asked when a hall starts: the appointments stay, and a manager gets
an alert that names them, at the start that brought the change; it goes when the last of them is seen to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.bookings import Appointment, about
from somc.domain.business_day import local
from somc.domain.calendar import is_open
from somc.domain.refusals import Refusal, refuse
from somc.domain.settings import is_date, settings_from
from somc.domain.state import HallState
from somc.domain.values import HallSettings, SpecialDay, Words

__all__ = ["alert_outside", "cancelled", "change_calendar", "left_outside", "seen_to", "without_service"]

OUTSIDE = "appointments_outside"
"""The kind of that alert."""

MOST_NAMED = 100
"""Appointments that one alert's record names: a record is read in memory whole."""

MOST_SAID = 3
"""Of those, the ones that its sentence says."""


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
        and _within(state.hall, appointment)
        and not _within(settings, appointment)
    ]


def alert_outside(state: HallState, command: c.Command, settings: HallSettings) -> Iterator[e.AlertEvent]:
    """What a manager must see when hall.toml's settings leave appointments outside: one alert of all that lie
    outside then, in the place of the one that stands. It is cleared if none does any more."""
    fallen = left_outside(state, settings)
    outside = sorted(_outside(state, settings), key=lambda each: (each.at, each.id))
    for alert in state.alerts.values():
        if alert.kind == OUTSIDE and (fallen or not outside):
            cause = "renewed" if fallen else "fell_back"
            yield e.AlertCleared(by=command.by, alert=alert.id, cause=cause)
    if fallen:
        yield _alert(state, command, settings, outside)


def seen_to(state: HallState, command: c.Command, appointment: Appointment) -> Iterator[e.AlertCleared]:
    """That alert goes with the last appointment outside, which is moved or cancelled by this command."""
    for alert in state.alerts.values():
        others = (each for each in _outside(state, state.hall) if each.id != appointment.id)
        if alert.kind == OUTSIDE and not any(others):
            yield e.AlertCleared(by=command.by, alert=alert.id, cause="fell_back")


def _outside(state: HallState, settings: HallSettings) -> Iterator[Appointment]:
    return (
        appointment
        for appointment in state.bookings.all.values()
        if appointment.state.ahead
        and appointment.service in settings.services
        and not _within(settings, appointment)
    )


def _alert(
    state: HallState, command: c.Command, settings: HallSettings, outside: list[Appointment]
) -> e.AlertRaised:
    zone = ZoneInfo(settings.timezone)
    said = [
        (f"{local(each.at, zone):%Y-%m-%d %H:%M}", settings.services[each.service].name) for each in outside
    ]
    zh = "、".join(f"{at} {name.zh}" for at, name in said[:MOST_SAID])
    en = ", ".join(f"{at} {name.en}" for at, name in said[:MOST_SAID])
    count = len(outside)
    more = count - MOST_SAID
    return e.AlertRaised(
        by=command.by,
        alert=f"{OUTSIDE}:{state.watch.serial + 1}",
        kind=OUTSIDE,
        value=count,
        words=Words(
            zh=f"hall.toml 的营业时间变更后，{count} 个预约落在营业时间之外："
            f"{zh}{' 等' if more > 0 else ''}。请改约或取消，或改回营业时间。",
            en=f"The hours of hall.toml leave {count} appointment{'s' if count > 1 else ''} outside: "
            f"{en}{f' and {more} more' if more > 0 else ''}. Move or cancel them, or take the hours back.",
        ),
        appointments=tuple(each.id for each in outside[:MOST_NAMED]),
    )


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


def _within(settings: HallSettings, appointment: Appointment) -> bool:
    zone = ZoneInfo(settings.timezone)
    return all(
        is_open(settings, zone, at, appointment.service) for at in (appointment.at, appointment.ends_at - 1)
    )
