"""The idle line: the free counters that are given their customers, and when one of them will see somebody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from somc.domain.values import Counter, CounterState
from somc.scheduler.interface import NEVER

if TYPE_CHECKING:
    from somc.domain.state import HallState

__all__ = ["idle_counters", "next_sight"]


def idle_counters(state: HallState) -> list[Counter]:
    """The auto counters that wait for a customer: open, nobody there."""
    setups = state.hall.counters
    return [
        counter
        for counter in state.counters.values()
        if counter.state is CounterState.OPEN
        and counter.ticket is None
        and setups[counter.number].mode == "auto"
    ]


def next_sight(state: HallState, after: int) -> int | None:
    """When an idle auto counter will see one more ticket by time alone, the earliest beyond `after`."""
    if not len(state.scheduler):
        return None
    idle = idle_counters(state)
    sights = [
        state.scheduler.next_sight(state.queues.counter_profile(counter.number), after) for counter in idle
    ]
    if any(kind.reserved_idle for kind in state.hall.classes.values()):
        sights += [at for counter in idle for at in _guards(state, counter, after)]
    return min((at for at in sights if at is not None), default=None)


def _guards(state: HallState, counter: Counter, after: int) -> Iterator[int]:
    """When somebody of whom the counter is kept free passes the guard, which ends that."""
    for queue, lane in state.queues.lanes[f"counter:{counter.number}"].items():
        first = state.scheduler.nth(queue, 1) if lane.reserve else None
        if first is None:
            continue
        wait_ms = max(state.queues.terms_of(state.hall, queue).guard, lane.min_wait)
        if wait_ms < NEVER and first[1] + wait_ms > after:
            yield first[1] + wait_ms
