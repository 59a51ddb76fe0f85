"""Compiles a routing policy (排队策略, ACD) to the terms and lanes that a scheduler reads.

A policy kind is one function from what the hall says of a class to `Terms`; the table `KINDS` is all there
is to know about which kinds exist. What must stay true: pure integers in, pure integers out, and whatever
a kind returns is within the limits of `bounds.py`.

Wait and target are milliseconds; `rate_milli` is thousandths of a point per millisecond of waiting, and one
point of score is that thousandth, so that rates stay whole numbers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from somc.scheduler.interface import (
    LEVEL_LIMIT,
    NEVER,
    RATE_LIMIT,
    TOP_LEVEL,
    WAIT_LIMIT,
    Lane,
    Terms,
)

__all__ = [
    "KINDS",
    "PRIORITY_LIMIT",
    "ClassInputs",
    "Skill",
    "UnknownKind",
    "compile_lanes",
    "terms_of",
]

PRIORITY_LIMIT = 1000
"""The last priority of `strict`. Steps of `_STRICT_STEP` for so many stay within the limit of an offset."""

_STRICT_STEP = 4 * WAIT_LIMIT
"""What one priority is worth under `strict`. Waits count between -`WAIT_LIMIT` and `WAIT_LIMIT` in a
score, so two of them differ by at most half of this: no wait below the guard outweighs a priority."""


class UnknownKind(ValueError):
    """A policy kind that does not exist; the message names those that do."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"policy kind is {kind!r}; allowed are {', '.join(KINDS)}")
        self.kind = kind


@dataclass(frozen=True, slots=True)
class ClassInputs:
    """What the hall says of one queue (service × customer class), for a policy kind to read.

    `rate_milli`: 1 to `RATE_LIMIT`. `priority`: 1 (first) to `PRIORITY_LIMIT`. `target_ms`: the wait
    promised (`None`: nothing is). `warn_lead_ms`: how long before the target a warning is due (0: no
    warning). `guard_ms`: the starvation guard (`None` or `NEVER`: off). `ValueError` for anything else.
    """

    rate_milli: int = 1000
    priority: int = 1
    target_ms: int | None = None
    warn_lead_ms: int = 0
    guard_ms: int | None = None

    def __post_init__(self) -> None:
        _check("rate_milli", self.rate_milli, 1, RATE_LIMIT)
        _check("priority", self.priority, 1, PRIORITY_LIMIT)
        _check("target_ms", 0 if self.target_ms is None else self.target_ms, 0, NEVER)
        _check("warn_lead_ms", self.warn_lead_ms, 0, NEVER)
        _check("guard_ms", 0 if self.guard_ms is None else self.guard_ms, 0, NEVER)


@dataclass(frozen=True, slots=True)
class Skill:
    """One queue that a counter may serve: at which level, and after how long a wait (overflow)."""

    queue: int
    level: int = TOP_LEVEL
    overflow_ms: int = 0

    def __post_init__(self) -> None:
        _check("level", self.level, TOP_LEVEL, LEVEL_LIMIT)
        _check("overflow_ms", self.overflow_ms, 0, NEVER)


def terms_of(kind: str, inputs: ClassInputs) -> Terms:
    """The terms of a queue under a policy kind. `UnknownKind` if there is no such kind."""
    try:
        compile_terms = KINDS[kind]
    except KeyError:
        raise UnknownKind(kind) from None
    return compile_terms(inputs)


def compile_lanes(skills: Sequence[Skill]) -> list[Lane]:
    """The lanes of a counter. The kinds so far order tickets by score alone, so a lane carries no bonus."""
    return [Lane(skill.queue, level=skill.level, min_wait=skill.overflow_ms) for skill in skills]


def _fifo(inputs: ClassInputs) -> Terms:
    """First come, first served: one rate for all, so the longest wait has the highest score."""
    return _with_moments(inputs, rate=1)


def _strict(inputs: ClassInputs) -> Terms:
    """A better priority always goes first; among equals, and beyond the guard, the longest wait."""
    return _with_moments(inputs, rate=1, offset=(PRIORITY_LIMIT - inputs.priority) * _STRICT_STEP)


def _accumulating(inputs: ClassInputs) -> Terms:
    """Score = rate × wait. In a busy hall the mean waits of two classes stand as the inverse of their
    rates (Kleinrock, Naval Research Logistics Quarterly 11, 1964)."""
    return _with_moments(inputs, rate=inputs.rate_milli)


KINDS: dict[str, Callable[[ClassInputs], Terms]] = {
    "fifo": _fifo,
    "strict": _strict,
    "accumulating": _accumulating,
}
"""Every policy kind, by the name that hall.toml uses."""


def _with_moments(inputs: ClassInputs, rate: int, offset: int = 0) -> Terms:
    """Terms with the guard and the moments of the alerts, which every kind has."""
    target = NEVER if inputs.target_ms is None else inputs.target_ms
    warned = target < NEVER and inputs.warn_lead_ms > 0
    return Terms(
        rate=rate,
        offset=offset,
        guard=NEVER if inputs.guard_ms is None else inputs.guard_ms,
        warn=max(0, target - inputs.warn_lead_ms) if warned else NEVER,
        target=target,
    )


def _check(what: str, number: int, lowest: int, highest: int) -> None:
    if not lowest <= number <= highest:
        raise ValueError(f"{what} is {number}; allowed are {lowest} to {highest}")
