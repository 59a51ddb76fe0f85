"""How often somebody may try in vain: against guessing of codes and phone numbers.

What must stay true: only tries that found nothing count, so that a busy kiosk never waits; memory is bounded;
the time is the machine's, not the hall's, which may run faster.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

__all__ = ["Tries"]

BURST = 20
"""Tries in vain at once: several customers in a row who mistype."""

EVERY_S = 6.0
"""One more after so long. At ten a minute a code of 43 bits is guessed in a million years."""

MOST_PRINCIPALS = 10_000


class Tries:
    """Tries in vain, by who made them."""

    def __init__(self, clock_s: Callable[[], float], burst: int = BURST, every_s: float = EVERY_S) -> None:
        self._clock_s = clock_s
        self._burst = burst
        self._every_s = every_s
        self._spent: OrderedDict[str, float] = OrderedDict()
        """Who → when all of its tries will be there again."""

    def wait_s(self, who: str) -> int:
        """How many seconds `who` must wait before the next try; 0: none."""
        full_at = self._spent.get(who)
        if full_at is None:
            return 0
        missing = full_at - self._clock_s() - (self._burst - 1) * self._every_s
        return 0 if missing <= 0 else int(missing) + 1

    def in_vain(self, who: str) -> None:
        """One more try of `who` found nothing."""
        now = self._clock_s()
        self._spent[who] = max(self._spent.pop(who, now), now) + self._every_s
        while len(self._spent) > MOST_PRINCIPALS:
            self._spent.popitem(last=False)
