"""Who of the staff is told (值班表): pure, from hall.toml's rota and the hall's clock.

What must stay true: one message for one event, to the first of the file who is on duty; if nobody is, to
nobody, which the caller may say.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta, tzinfo

from somc.config.hall_config import StaffMember
from somc.domain.business_day import local
from somc.domain.values import OpeningHours

__all__ = ["on_duty"]


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
