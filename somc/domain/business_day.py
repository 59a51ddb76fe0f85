"""Business days: what a hall's clock on the wall means.

The time zone's rules are data handed in as a `tzinfo`; nothing here reads a clock.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache

__all__ = ["business_day", "day_after", "day_before", "day_end", "local"]


FIRST_MS, LAST_MS = -62_135_424_000_000, 253_402_041_600_000
"""What years of four digits can show, with two days to spare for any zone and a day's arithmetic."""


def local(at: int, zone: tzinfo) -> datetime:
    """The instant `at` (Unix ms) on the hall's clock. One beyond every calendar is the last that is on one:
    it may come from anybody, and a sentence that refuses it must still be said."""
    return datetime.fromtimestamp(min(max(at, FIRST_MS), LAST_MS) / 1000, zone)


def business_day(at: int, zone: tzinfo, day_ends_s: int) -> str:
    """The business day (营业日) to which `at` belongs, as `YYYY-MM-DD`.

    With `day_ends_s` = 4 h, what happens at 03:59 still belongs to the day before. Days meet exactly at
    `day_end`: on the night on which 02:00 to 03:00 comes twice, a day that ended at the first 02:30 does
    not come back before the second.
    """
    day = local(at, zone).date()
    if at < day_end((day - timedelta(days=1)).isoformat(), zone, day_ends_s):
        day -= timedelta(days=1)
    elif at >= day_end(day.isoformat(), zone, day_ends_s):
        day += timedelta(days=1)
    return day.isoformat()


def day_before(day: str) -> str:
    """The date before."""
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


def day_after(day: str) -> str:
    """The next date."""
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


@lru_cache(maxsize=8)  # asked for with every command, for the same day
def day_end(day: str, zone: tzinfo, day_ends_s: int) -> int:
    """The instant (Unix ms) at which the business day `day` ends."""
    next_day = date.fromisoformat(day_after(day))
    hours, rest = divmod(day_ends_s, 3600)
    minutes, seconds = divmod(rest, 60)
    end = datetime(next_day.year, next_day.month, next_day.day, hours, minutes, seconds, tzinfo=zone)
    return int(end.timestamp()) * 1000
