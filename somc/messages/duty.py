"""Who of the staff is told (值班表): pure, from hall.toml's rota and the hall's clock.

What must stay true: one message for one event, to the first of the file who is on duty; if nobody is, to
nobody, which the caller may say, and to whom is there next.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta, tzinfo

from somc.config.hall_config import StaffMember
from somc.domain.business_day import local
from somc.domain.values import OpeningHours

__all__ = ["next_on_duty", "on_duty"]

DAYS_LOOKED_AT = 15
"""Two weeks: a holiday in a rota of the week is stepped over."""


def on_duty(
    staff: Iterable[StaffMember], duty: str, at: int, zone: tzinfo, device_class: str | None = None
) -> StaffMember | None:
    """Whom to tell of something of `duty` at `at` (Unix ms); for `devices`, of this device class."""
    for member in staff:
        if duty not in member.duties or not _within(member.hours, at, zone):
            continue
        if duty == "devices" and member.devices and device_class not in member.devices:
            continue
        return member
    return None


def next_on_duty(
    staff: Iterable[StaffMember], duty: str, at: int, zone: tzinfo, device_class: str | None = None
) -> tuple[StaffMember | None, int | None]:
    """Who is on duty next after `at`, and from when on; None: nobody within the days that are looked at."""
    everybody = list(staff)
    today = local(at, zone).date()
    begins = {
        _instant(today + timedelta(days=ahead), start, zone)
        for member in everybody
        for ahead in range(DAYS_LOOKED_AT)
        if member.hours is not None
        for start, _ in member.hours.week[(today + timedelta(days=ahead)).weekday()]
    }
    for begin in sorted(each for each in begins if each > at):
        member = on_duty(everybody, duty, begin, zone, device_class)
        if member is not None:
            return member, begin
    return None, None


def _instant(day: date, second: int, zone: tzinfo) -> int:
    """So many seconds by the clock after midnight of that date, in Unix ms."""
    return round((datetime.combine(day, time(), zone) + timedelta(seconds=second)).timestamp() * 1000)


def _within(hours: OpeningHours | None, at: int, zone: tzinfo) -> bool:
    """Whether `at` lies in these hours. A span past midnight is of the date on which it began."""
    if hours is None:
        return True
    here = local(at, zone)
    second = here.hour * 3600 + here.minute * 60 + here.second
    for days_back in (0, 1):
        begun = here.date() - timedelta(days=days_back)
        if begun.isoformat() in hours.closed_dates:
            continue
        since_s = second + days_back * 86_400
        if any(start <= since_s < end for start, end in hours.week[begun.weekday()]):
            return True
    return False
