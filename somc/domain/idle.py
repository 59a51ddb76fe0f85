"""The idle line: the free counters that are given their customers, and when one of them will see somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from somc.domain.values import Counter, CounterState

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
    sights = (
        state.scheduler.next_sight(state.queues.counter_profile(counter.number), after)
        for counter in idle_counters(state)
    )
    return min((at for at in sights if at is not None), default=None)
