"""So often at once, and once more after a while, for each who asks: against guessing and against floods.

What must stay true: memory is bounded; the time is the machine's, not the hall's, which may run faster.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

__all__ = ["Allowance"]

MOST_ASKERS = 10_000
"""More than so many are somebody's flood: those who spent longest ago are forgotten."""


class Allowance:
    """`burst` at once, one more every `every_s` seconds."""

    def __init__(self, clock_s: Callable[[], float], burst: int, every_s: float) -> None:
        self._clock_s = clock_s
        self._burst = burst
        self._every_s = every_s
        self._full_s: OrderedDict[str, float] = OrderedDict()
        """Who → when all of it will be there again."""

    def wait_s(self, who: str) -> int:
        """How many seconds `who` must wait before the next; 0: none."""
        full_s = self._full_s.get(who)
        if full_s is None:
            return 0
        missing_s = full_s - self._clock_s() - (self._burst - 1) * self._every_s
        return 0 if missing_s <= 0 else int(missing_s) + 1

    def spend(self, who: str) -> None:
        """`who` has used one."""
        now_s = self._clock_s()
        self._full_s[who] = max(self._full_s.pop(who, now_s), now_s) + self._every_s
        while len(self._full_s) > MOST_ASKERS:
            self._full_s.popitem(last=False)
