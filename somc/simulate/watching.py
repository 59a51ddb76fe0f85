"""Who could press "next": the free counters that see somebody they may call, and since when.

The same watch is kept over a recorded day and over the day played again, after every single event, so
that both speak of the same moments in the same words.

What must stay true
- A *sight* of a counter begins when it is free (open, nobody at it) and the policy would give it somebody,
  and ends when it calls, pauses or closes, or when nobody is left for it.
- A sight is known by its cause: the counter's n-th becoming free on this day, or the ticket whose coming
  was the first to be seen. In two runs that have gone the same way so far, the causes are the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from somc.domain.state import HallState
from somc.domain.values import Counter, CounterState

__all__ = ["Cause", "Sight", "Watch", "is_free"]

Cause = tuple[int, int | str]
"""The counter, and its n-th becoming free (a number) or the ticket that came (its id)."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A free counter sees somebody, since `since` (Unix ms)."""

    cause: Cause
    since: int

    @property
    def counter(self) -> int:
        return self.cause[0]

    @property
    def on_becoming_free(self) -> bool:
        """Whether somebody waited already when the counter became free."""
        return isinstance(self.cause[1], int)


def is_free(counter: Counter) -> bool:
    return counter.state is CounterState.OPEN and counter.ticket is None


class Watch:
    """The running sights of one hall on one day."""

    def __init__(self) -> None:
        self.sights: dict[int, Sight] = {}
        """Counter → its running sight."""
        self._free: dict[int, int] = {}
        """The counters that are free now → how often they have become so."""
        self._times_free: dict[int, int] = {}

    def look(self, state: HallState, at: int) -> tuple[list[Sight], list[Sight]]:
        """The sights that have begun and ended with what just happened in `state` at `at`."""
        begun: list[Sight] = []
        ended: list[Sight] = []
        for number, counter in state.counters.items():
            if not is_free(counter):
                self._free.pop(number, None)
                self._end(number, ended)
                continue
            cause: Cause | None = None
            if number not in self._free:
                self._end(number, ended)  # free again within one event: a counter that was set up anew
                times = self._times_free[number] = self._times_free.get(number, 0) + 1
                self._free[number] = times
                cause = number, times
            choice = state.scheduler.peek(state.queues.counter_profile(number), at)
            if choice is None:
                self._end(number, ended)
            elif number not in self.sights:
                sight = Sight(cause or (number, state.by_key[choice.key]), at)
                self.sights[number] = sight
                begun.append(sight)
        for number in [number for number in self._free if number not in state.counters]:
            del self._free[number]
            self._end(number, ended)
        return begun, ended

    def next_sight(self, state: HallState, now: int) -> int | None:
        """When a free counter that sees nobody will see somebody if nothing happens but time."""
        moments = []
        for number in self._free:
            if number not in self.sights:
                moment = state.scheduler.next_sight(state.queues.counter_profile(number), now)
                if moment is not None:
                    moments.append(moment)
        return min(moments, default=None)

    def _end(self, number: int, ended: list[Sight]) -> None:
        sight = self.sights.pop(number, None)
        if sight is not None:
            ended.append(sight)
