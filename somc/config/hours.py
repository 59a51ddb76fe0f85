"""Times of day, dates, the time zone, and opening hours as a manager writes them.

What must stay true: hours come out as `somc.domain.values.OpeningHours` spells them (seven lists of
seconds after midnight, Monday first), sorted, without overlap, also not with the day after.
"""

from __future__ import annotations

import re
import zoneinfo
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import pairwise
from typing import Any

from somc.config.kinds import Kind, ListOf
from somc.config.reading import FAULTY, Place, found_words, one_of

__all__ = [
    "DAYS",
    "EVERY_DAY",
    "ClosedDate",
    "DayTime",
    "Hours",
    "Span",
    "TimeZone",
    "WeekDay",
    "hours_from",
]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = "every_day"
DAY_S = 86_400

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


def _seconds(words: str) -> int | None:
    match = _TIME.fullmatch(words)
    return None if match is None else int(match[1]) * 3600 + int(match[2]) * 60


@dataclass(frozen=True, slots=True)
class DayTime:
    """A time of day, kept as seconds after midnight."""

    type: str = "time of day"
    allowed: str = 'a time of day from "00:00" to "23:59"'

    def read(self, raw: Any, at: Place) -> Any:
        if isinstance(raw, time):  # TOML's own local time, without quotation marks
            return raw.hour * 3600 + raw.minute * 60 + raw.second
        seconds = _seconds(raw) if isinstance(raw, str) else None
        return at.fault(found_words(raw), self.allowed) if seconds is None else seconds


@dataclass(frozen=True, slots=True)
class Span:
    """From one time to another, kept as seconds `(from, until)`; past midnight `until` exceeds a day."""

    type: str = "span"
    allowed: str = 'a span such as "08:30-12:00" (until "24:00"; "22:00-02:00" runs past midnight)'

    def read(self, raw: Any, at: Place) -> Any:
        start_words, dash, end_words = raw.partition("-") if isinstance(raw, str) else ("", "", "")
        start = _seconds(start_words.strip())
        end = DAY_S if end_words.strip() == "24:00" else _seconds(end_words.strip())
        if not dash or start is None or end is None or start == end:
            return at.fault(found_words(raw), self.allowed)
        return [start, end if end > start else end + DAY_S]


@dataclass(frozen=True, slots=True)
class ClosedDate:
    """A date, as a text or as TOML's own local date."""

    type: str = "date"
    allowed: str = 'a date such as "2026-10-01"'

    def read(self, raw: Any, at: Place) -> Any:
        if isinstance(raw, date) and not isinstance(raw, datetime):
            return raw.isoformat()
        if isinstance(raw, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", raw, re.ASCII):
            try:
                return date.fromisoformat(raw).isoformat()
            except ValueError:
                return at.fault(f"{found_words(raw)}, which is not in the calendar", self.allowed)
        return at.fault(found_words(raw), self.allowed)


@dataclass(frozen=True, slots=True)
class TimeZone:
    """A zone of the IANA database."""

    type: str = "text"
    allowed: str = 'a time zone of the IANA database such as "Asia/Shanghai"'

    def read(self, raw: Any, at: Place) -> Any:
        if not isinstance(raw, str) or not re.fullmatch(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", raw, re.ASCII):
            return at.fault(found_words(raw), self.allowed)
        try:
            zoneinfo.ZoneInfo(raw)
        except (KeyError, ValueError, OSError):  # OSError: "Asia" is a folder of the database
            close = one_of(raw, zoneinfo.available_timezones())
            return at.fault(found_words(raw), close if close.startswith("did you mean") else self.allowed)
        return raw


@dataclass(frozen=True, slots=True)
class WeekDay:
    """A day of the week, kept as its number (0 is Monday)."""

    type: str = "text"
    allowed: str = " or ".join(f'"{day}"' for day in DAYS)

    def read(self, raw: Any, at: Place) -> Any:
        if isinstance(raw, str) and raw in DAYS:
            return DAYS.index(raw)
        return at.fault(found_words(raw), self.allowed)


SPANS: Kind = ListOf(Span())
CLOSED_DATES: Kind = ListOf(ClosedDate())


@dataclass(frozen=True, slots=True)
class Hours:
    """Opening hours as an inline table (of a service); the keys are those of [hours]."""

    type: str = "inline table"
    allowed: str = 'hours such as { every_day = ["09:00-17:00"], sun = [] } with the keys of [hours]'

    def read(self, raw: Any, at: Place) -> Any:
        if not isinstance(raw, dict):
            return at.fault(found_words(raw), self.allowed)
        fields: dict[str, Any] = {}
        for key, value in raw.items():
            if key == "closed_dates":
                fields[key] = CLOSED_DATES.read(value, at / key)
            elif key == EVERY_DAY or key in DAYS:
                fields[key] = SPANS.read(value, at / key)
            else:
                fields[key] = (at / key).fault(
                    "a key that hours do not have", one_of(key, (*DAYS, EVERY_DAY, "closed_dates"))
                )
        return FAULTY if FAULTY in fields.values() else hours_from(fields, at)


def hours_from(fields: dict[str, Any], at: Place) -> Any:
    """The hours that read fields spell out; `FAULTY` if spans overlap or the hall would never open.

    A day that is not named has the hours of `every_day`; without `every_day` it is closed; if no day is
    named at all, every day is open around the clock (apart from `closed_dates`).
    """
    if FAULTY in fields.values():
        return FAULTY
    named = [key for key in (*DAYS, EVERY_DAY) if key in fields]
    usual = fields.get(EVERY_DAY, [] if named else [[0, DAY_S]])
    week = [sorted(fields.get(day, usual)) for day in DAYS]
    if not any(week):
        return at.fault("no day with opening hours", "at least one span on at least one day")
    overlaps: dict[tuple[str, str], None] = {}  # an ordered set: every_day's own overlap is one mistake
    for number, day in enumerate(DAYS):
        key = day if day in fields else EVERY_DAY
        after = [[start + DAY_S, end + DAY_S] for start, end in week[(number + 1) % 7]]
        for (start, end), (next_start, next_end) in pairwise(week[number] + after[:1]):
            if next_start < end:
                where = " of the next day" if next_start >= DAY_S else ""
                found = f"{_span(start, end)}, which overlaps with {_span(next_start, next_end)}{where}"
                overlaps[key, found] = None
    for key, found in overlaps:
        (at / key).fault(found, "spans that do not overlap")
    return FAULTY if overlaps else {"week": week, "closed_dates": sorted(fields.get("closed_dates", []))}


def _span(start: int, end: int) -> str:
    return f"{_clock(start)}-{_clock(end)}"


def _clock(second: int) -> str:
    # The end of the day reads 24:00, and everything past midnight as the clock shows it.
    within = second if second == DAY_S else second % DAY_S
    return f"{within // 3600:02}:{within % 3600 // 60:02}"
