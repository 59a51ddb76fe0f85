"""The business calendar (营业日历): which hours a date has, and the slots of appointments in them.

A date has the hours of its weekday, unless the calendar says otherwise of it: a holiday, shorter hours, or
the hours of another weekday. A service with hours of its own is offered within both.

What must stay true
- The same settings and zone give the same slots: no clock is read.
- A slot is a span of real time that begins and ends within opening hours. On the night on which an hour comes
  twice there are slots in both; the hour that does not come has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, tzinfo
from typing import NamedTuple

from somc.domain.business_day import local
from somc.domain.values import Appointments, HallSettings, OpeningHours, SpecialDay

__all__ = ["Slot", "SlotRules", "date_of", "is_open", "slot_at", "slot_rules", "slots_on", "spans_on"]

DAY_S = 86_400
WHOLE_DAY = ((0, DAY_S),)

Spans = tuple[tuple[int, int], ...]


class Slot(NamedTuple):
    """One slot (时段): from its start until it ends (Unix ms)."""

    at: int
    ends_at: int


class SlotRules(NamedTuple):
    """What holds for the slots of one service: the hall's terms, and its own where they differ."""

    slot_s: int
    capacity: int
    lead_s: int
    horizon_days: int


def slot_rules(hall: HallSettings, service: str) -> SlotRules:
    """The terms of a service's slots. A capacity of 0: it takes no appointments."""
    terms: Appointments = hall.appointments
    own = hall.services[service].slots
    return SlotRules(
        slot_s=terms.slot_s if own.slot_s is None else own.slot_s,
        capacity=terms.capacity if own.capacity is None else own.capacity,
        lead_s=terms.lead_s if own.lead_s is None else own.lead_s,
        horizon_days=terms.horizon_days if own.horizon_days is None else own.horizon_days,
    )


def date_of(at: int, zone: tzinfo) -> date:
    """The date on the hall's clock at `at` (Unix ms)."""
    return local(at, zone).date()


def spans_on(hall: HallSettings, day: date, service: str | None = None) -> Spans:
    """The hours of the hall on a date, or of a service by itself (which the hall's limit besides), as
    `[from_s, until_s)` after local midnight."""
    special = hall.calendar.get(day.isoformat())
    own = None if service is None else hall.services[service].hours
    if own is not None:
        return _of_week(own, day, special, False)
    if special is not None and special.spans is not None:
        return special.spans
    return WHOLE_DAY if hall.hours is None else _of_week(hall.hours, day, special, True)


def _of_week(hours: OpeningHours, day: date, special: SpecialDay | None, halls: bool) -> Spans:
    # What is said of one date goes before the hall's own list of closed dates; a service's list stands.
    if day.isoformat() in hours.closed_dates and not (halls and special is not None):
        return ()
    like = None if special is None else special.like
    return hours.week[day.weekday() if like is None else like]


def is_open(hall: HallSettings, zone: tzinfo, at: int, service: str | None = None) -> bool:
    """Whether the hall (and `service`) is open at `at`. A span past midnight is of the date it began on."""
    here = local(at, zone)
    today = here.date()
    since_midnight_s = here.hour * 3600 + here.minute * 60 + here.second
    wanted = (None,) if service is None else (None, service)
    for of in wanted:
        for days_back in (0, 1):
            second = since_midnight_s + days_back * DAY_S
            spans = spans_on(hall, today - timedelta(days=days_back), of)
            if any(start <= second < end for start, end in spans):
                break
        else:
            return False
    return True


def slots_on(hall: HallSettings, zone: tzinfo, day: date, service: str) -> list[Slot]:
    """The slots of a service that begin in the hours of a date, in their order."""
    length_ms = slot_rules(hall, service).slot_s * 1000
    slots: dict[int, Slot] = {}
    for start_s, end_s in _common(spans_on(hall, day), spans_on(hall, day, service)):
        at, until = _instant(day, start_s, zone, 0), _instant(day, end_s, zone, 1)
        while at + length_ms <= until:
            slot = Slot(at, at + length_ms)
            if is_open(hall, zone, slot.at, service) and is_open(hall, zone, slot.ends_at - 1, service):
                slots[at] = slot
            at = slot.ends_at
    return sorted(slots.values())


def slot_at(hall: HallSettings, zone: tzinfo, at: int, service: str) -> Slot | None:
    """The slot of a service that begins at `at`; `None` if none does."""
    today = date_of(at, zone)
    for day in (today, today - timedelta(days=1)):  # the hours of yesterday may run past midnight
        for slot in slots_on(hall, zone, day, service):
            if slot.at == at:
                return slot
    return None


def _common(ours: Spans, theirs: Spans) -> Iterator[tuple[int, int]]:
    for start, end in ours:
        for other_start, other_end in theirs:
            latest, earliest = max(start, other_start), min(end, other_end)
            if latest < earliest:
                yield latest, earliest


def _instant(day: date, second: int, zone: tzinfo, fold: int) -> int:
    """The instant at which the hall's clock shows `second` after the midnight of `day`."""
    shown = datetime(day.year, day.month, day.day) + timedelta(seconds=second)
    return int(shown.replace(tzinfo=zone, fold=fold).timestamp()) * 1000
