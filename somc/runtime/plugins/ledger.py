"""What a plugin has done and failed at: counted, rested, and in the end given up.

What must stay true
- A hook that failed `FAULTS_TO_REST` times in a row is not asked for a while, which doubles from
  `FIRST_REST_S` to `LONGEST_REST_S`; one success forgets that.
- More than `MOST_FAULTS` within `WINDOW_S` is a quarantine. Being late once or twice is no fault: networks
  are. Nor is being late in a hall whose own loop is late.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["HookFailed", "Ledger", "late"]

FAULTS_TO_REST = 3
FIRST_REST_S = 1.0
LONGEST_REST_S = 60.0

MOST_FAULTS = 10
WINDOW_S = 600.0

LATE_IN_A_ROW = 3
"""So many times late one after the other is a fault."""

HALL_LATE_S = 0.02
"""A hall that notices the end of a deadline so much after it is too busy to say who was slow."""


class HookFailed(Exception):
    """A hook gave no answer; `kind` is `raised`, `late`, `wrong` (its answer), `resting`, or `down`."""

    def __init__(self, kind: str, why: str, *, hall_was_late: bool = False) -> None:
        self.kind = kind
        self.why = why
        self.hall_was_late = hall_was_late
        super().__init__(why)


def late(deadline_s: float, took_s: float) -> HookFailed:
    """No answer within the deadline, which the hall noticed `took_s` after it had asked."""
    return HookFailed(
        "late", f"no answer within {deadline_s:g} s", hall_was_late=took_s - deadline_s > HALL_LATE_S
    )


@dataclass(slots=True)
class _Hook:
    calls: int = 0
    faults: int = 0
    late: int = 0
    time_s: float = 0.0
    failed_in_a_row: int = 0
    late_in_a_row: int = 0
    rests_until: float = 0.0
    rest_s: float = 0.0
    why: str | None = None


@dataclass(slots=True)
class Ledger:
    """One plugin's counts since it was enabled. `on_fault` is told of each fault."""

    on_fault: Callable[[str, str, str], None] = lambda hook, kind, why: None
    clock: Callable[[], float] = time.monotonic
    faults: int = 0
    last_fault: str | None = None
    given_up: str | None = None
    """Why it should be quarantined."""
    _hooks: dict[str, _Hook] = field(default_factory=dict)
    _recent: deque[float] = field(default_factory=deque)

    def check(self, hook: str) -> None:
        """Before a hook is asked. `HookFailed` while it rests."""
        of = self._hooks.get(hook)
        if of is not None and of.rests_until > self.clock():
            raise HookFailed("resting", f"it failed {of.failed_in_a_row} times: {of.why}")

    def worked(self, hook: str, time_s: float) -> None:
        of = self._of(hook)
        of.calls += 1
        of.time_s += time_s
        of.failed_in_a_row = of.late_in_a_row = 0
        of.rest_s = 0.0

    def failed(self, hook: str, error: HookFailed, time_s: float, *, weight: int = 1) -> None:
        """The hook failed; a late one is a fault when it is so again and again. A `down` plugin is counted by
        whoever saw it go."""
        of = self._of(hook)
        of.calls += 1
        of.time_s += time_s
        if error.kind in ("resting", "down"):
            return
        if error.kind == "late":
            of.late += 1
            if error.hall_was_late:
                return
            of.late_in_a_row += 1
            if of.late_in_a_row < LATE_IN_A_ROW:
                return
        self.fault(hook, error.kind, error.why, weight=weight)

    def fault(self, hook: str, kind: str, why: str, *, weight: int = 1) -> None:
        """One fault, counted `weight` times towards a quarantine."""
        of, now = self._of(hook), self.clock()
        of.faults += 1
        of.failed_in_a_row += 1
        of.why = why
        self.faults += 1
        self.last_fault = f"{hook}: {why}"
        if of.failed_in_a_row >= FAULTS_TO_REST:
            of.rest_s = min(max(2 * of.rest_s, FIRST_REST_S), LONGEST_REST_S)
            of.rests_until = now + of.rest_s
        self._recent.extend([now] * weight)
        while self._recent and self._recent[0] < now - WINDOW_S:
            self._recent.popleft()
        if len(self._recent) >= MOST_FAULTS and self.given_up is None:
            self.given_up = (
                f"{len(self._recent)} faults within {WINDOW_S / 60:.0f} min, the last in {hook}: {why}"
            )
        self.on_fault(hook, kind, why)

    def figures(self) -> dict[str, Any]:
        """Calls, time and faults of each hook that was asked."""
        return {
            hook: {
                "calls": of.calls,
                "faults": of.faults,
                "late": of.late,
                "time_s": round(of.time_s, 6),
                "resting": of.rests_until > self.clock(),
            }
            for hook, of in sorted(self._hooks.items())
        }

    def _of(self, hook: str) -> _Hook:
        return self._hooks.setdefault(hook, _Hook())
