"""What requests about appointments and the calendar carry.

`appointment` is an appointment's code, as its holder has it, or its id, as staff's lists show it.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from somc.config.hours import DAYS
from somc.domain import commands as c
from somc.domain.values import SpecialDay, Words
from somc.server.access import Principal

__all__ = [
    "BookBody",
    "CalendarBody",
    "CancelAppointmentBody",
    "ChangeAppointmentBody",
    "CheckInBody",
    "CodeBody",
    "PhoneCheckInBody",
    "PlainCalendarBody",
    "calendar_of",
    "milliseconds",
]

ServiceId = Annotated[str, Meta(min_length=1, max_length=64)]
Instant = Annotated[datetime, Meta(tz=True)]
Code = Annotated[str, Meta(min_length=1, max_length=64)]
ChannelName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,31}$(?!\n)")]
Phone = Annotated[str, Meta(max_length=32)]
Reason = Annotated[str, Meta(min_length=1, max_length=120)]
SPAN = r"^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-4]):[0-5][0-9]$(?!\n)"
Span = Annotated[str, Meta(pattern=SPAN)]
Date = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$(?!\n)")]
Text = Annotated[str, Meta(min_length=1, max_length=60)]


class BookBody(msgspec.Struct, frozen=True, kw_only=True):
    """`at` is the start of a slot; with `until`, any slot of that date from `at` to `until` will do. `wait`:
    if there is none, wait for one. `confirmed`: the customer has said yes already."""

    service: ServiceId
    at: Instant
    until: Instant | None = None
    phone: Phone | None = None
    places: Annotated[int, Meta(ge=1, le=100)] = 1
    wait: bool = False
    confirmed: bool = False
    channel: ChannelName = "web"


class CodeBody(msgspec.Struct, frozen=True, kw_only=True):
    appointment: Code


class ChangeAppointmentBody(CodeBody, frozen=True, kw_only=True):
    service: ServiceId | None = None
    at: Instant | None = None


class CancelAppointmentBody(CodeBody, frozen=True, kw_only=True):
    reason: Reason | None = None


class CheckInBody(CodeBody, frozen=True, kw_only=True):
    """`service`, if given, must be the one that was booked."""

    service: ServiceId | None = None
    channel: ChannelName = "kiosk"


class PhoneCheckInBody(msgspec.Struct, frozen=True, kw_only=True):
    """`appointment` says which, if the customer has several."""

    phone: Phone
    appointment: Code | None = None
    service: ServiceId | None = None
    channel: ChannelName = "kiosk"


class PlainCalendarBody(msgspec.Struct, frozen=True, kw_only=True):
    """`cancel`: appointments that then lie outside the opening hours are cancelled."""

    date: Date
    cancel: bool = False


class DateName(msgspec.Struct, frozen=True):
    zh: Text
    en: Text


class CalendarBody(PlainCalendarBody, frozen=True, kw_only=True):
    """`hours` (`["09:00-12:00"]`; `[]` is closed), or `like` another day of the week: one of them."""

    hours: Annotated[list[Span], Meta(max_length=12)] | None = None
    like: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] | None = None
    name: DateName | None = None


def milliseconds(instant: datetime | None) -> int | None:
    """The instant in Unix milliseconds."""
    return None if instant is None else round(instant.timestamp() * 1000)


def calendar_of(body: Any, principal: Principal) -> c.ChangeCalendar:
    """The command of `PUT` and `DELETE /calendar/{date}`."""
    day = None
    if isinstance(body, CalendarBody):
        day = SpecialDay(
            spans=None if body.hours is None else tuple(_span(words) for words in body.hours),
            like=None if body.like is None else DAYS.index(body.like),
            name=None if body.name is None else Words(body.name.zh, body.name.en),
        )
    return c.ChangeCalendar(by=principal.by, date=body.date, day=day, cancel=body.cancel)


def _span(words: str) -> tuple[int, int]:
    """ "08:30-12:00" in seconds after midnight; one that ends before it begins runs past midnight."""
    hour, minute, until_hour, until_minute = map(int, re.findall("[0-9]{2}", words))
    start, until = hour * 3600 + minute * 60, until_hour * 3600 + until_minute * 60
    return start, until if until > start else until + 86_400
