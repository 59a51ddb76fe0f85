"""Booked tickets (预约) beside walk-ins: where they stand, from when, and who came too late.

A booked ticket stands in a queue of its own beside that of its service × class. Its service clock starts at
the booked time, and its terms are those of the class with a credit of waiting: so at the booked time it goes
before every walk-in of its class that has not waited longer than the credit (and before nobody beyond the
guard). It may be called from `early_s` before that time on, not sooner. Whoever checks in later than `late_s`
after it is an ordinary walk-in.

What must stay true: pure integers, and whatever terms come out are within the scheduler's limits.
"""

from __future__ import annotations

from dataclasses import replace

from somc.domain.values import Appointments
from somc.scheduler.interface import NEVER, Terms

__all__ = ["booked_terms", "seen_after_ms", "stands_booked"]


def stands_booked(terms: Appointments, booked_at: int | None, now: int) -> bool:
    """Whether somebody who checks in at `now` still stands with the appointments."""
    return booked_at is not None and now <= booked_at + terms.late_s * 1000


def booked_terms(walk_in: Terms, terms: Appointments) -> Terms:
    """The terms of the booked, from those of the walk-ins of the same service and class.

    Under `ratio` the walk-ins' scores are never above 0: any positive score goes before them, so the booked
    leave the ratio and stand by their time.
    """
    credit_ms = terms.credit_s * 1000
    if walk_in.group:
        return replace(walk_in, group=0, share=0, rate=1, offset=max(credit_ms, terms.early_s * 1000 + 1))
    return replace(walk_in, offset=min(walk_in.offset + walk_in.rate * credit_ms, NEVER))


def seen_after_ms(offered_after_ms: int, terms: Appointments) -> int:
    """After which wait (before the booked time: negative) a counter sees a booked ticket, if it sees a
    walk-in after `offered_after_ms`. An overflow counter helps both as late."""
    return -terms.early_s * 1000 if offered_after_ms == 0 else offered_after_ms
