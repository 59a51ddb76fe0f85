"""The limits of the scheduler's numbers, checked in one place for both implementations.

What must stay true: whatever passes here keeps every sum of the C core inside int64. A message names the
number, what was found and what is allowed.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from somc.scheduler.interface import (
    DISTRIBUTIONS,
    GROUP_LIMIT,
    LEVEL_LIMIT,
    MEAN_LIMIT,
    NEVER,
    NEWCOMER,
    RATE_LIMIT,
    RATIO_STEP,
    SHARE_LIMIT,
    TIME_LIMIT,
    TOP_LEVEL,
    WAIT_LIMIT,
    Idle,
    Lane,
    Server,
    Terms,
)

__all__ = [
    "batch_of",
    "check_idle",
    "check_instant",
    "check_lag",
    "check_lanes",
    "check_means",
    "check_nth",
    "check_servers",
    "check_terms",
    "check_ticket",
    "rows_of",
]

_INT64_MAX = (1 << 63) - 1


def _check(what: str, number: int, lowest: int, highest: int) -> None:
    if not isinstance(number, int):
        raise TypeError(f"{what} must be an integer, not {number!r}")
    if not lowest <= number <= highest:
        raise ValueError(f"{what} is {number}; allowed are {lowest} to {highest}")


def check_instant(what: str, instant: int) -> None:
    """`ValueError` unless `instant` (ms) lies strictly within `TIME_LIMIT`."""
    _check(what, instant, 1 - TIME_LIMIT, TIME_LIMIT - 1)


def check_ticket(key: int, v: int, order: int, told: int = 0) -> None:
    """`ValueError` unless these can be a ticket's. The largest order is kept for the newcomer."""
    _check("key", key, -_INT64_MAX - 1, _INT64_MAX)
    if key == NEWCOMER:
        raise ValueError(f"key {NEWCOMER} stands for the newcomer of an estimate; no ticket may have it")
    check_instant("v", v)
    _check("order", order, -_INT64_MAX - 1, _INT64_MAX - 1)
    _check("told", told, 0, 2)


def check_terms(terms: Terms) -> None:
    """`ValueError` if a score under these terms could fall or leave its limits."""
    _check("rate", terms.rate, 0, RATE_LIMIT)
    _check("offset", terms.offset, -NEVER, NEVER)
    _check("knee", terms.knee, 0, NEVER)
    _check("jump", terms.jump, 0, NEVER)
    _check("rate_after", terms.rate_after, -terms.rate, RATE_LIMIT)
    _check("guard", terms.guard, 0, NEVER)
    _check("warn", terms.warn, 0, NEVER)
    _check("target", terms.target, 0, NEVER)
    _check("share", terms.share, 0, SHARE_LIMIT)
    _check("group", terms.group, 0, GROUP_LIMIT)
    if (terms.share == 0) != (terms.group == 0):
        raise ValueError(
            f"share is {terms.share} and group is {terms.group}; a queue by ratio needs both, another neither"
        )


def check_lag(group: int, lag: int) -> None:
    """`ValueError` unless such a group can lag so far."""
    _check("group", group, 1, GROUP_LIMIT)
    _check("lag", lag, 0, RATIO_STEP)


def check_nth(n: int) -> None:
    """`ValueError` unless places can be counted so."""
    _check("n", n, 1, _INT64_MAX)


def check_lanes(lanes: Sequence[Lane], queues: int) -> None:
    """`IndexError` for a queue that is not there, `ValueError` for one named twice or a wrong number."""
    seen: set[int] = set()
    for lane in lanes:
        if not 0 <= lane.queue < queues:
            raise IndexError(f"no queue {lane.queue}: there are {queues}")
        if lane.queue in seen:
            raise ValueError(f"queue {lane.queue} is named twice in one profile")
        seen.add(lane.queue)
        _check("level", lane.level, TOP_LEVEL, LEVEL_LIMIT)
        _check("bonus", lane.bonus, -NEVER, NEVER)
        _check("min_wait", lane.min_wait, -NEVER, NEVER)
        _check("reserve", lane.reserve, 0, MEAN_LIMIT - 1)


def check_servers(servers: Sequence[Server], profiles: int) -> None:
    """`IndexError` for a profile that is not there, `ValueError` for a wrong time."""
    for server in servers:
        if not 0 <= server.profile < profiles:
            raise IndexError(f"no profile {server.profile}: there are {profiles}")
        _check("free_in", server.free_in, 0, WAIT_LIMIT)


def check_idle(idle: Sequence[Idle], distribution: str, profiles: int) -> None:
    """`ValueError` for an unknown distribution or a wrong number, `IndexError` for a profile that is not
    there."""
    if distribution not in DISTRIBUTIONS:
        raise ValueError(f"distribution is {distribution!r}; allowed are {', '.join(DISTRIBUTIONS)}")
    for counter in idle:
        if not 0 <= counter.profile < profiles:
            raise IndexError(f"no profile {counter.profile}: there are {profiles}")
        check_instant("since", counter.since)
        _check("number", counter.number, 0, MEAN_LIMIT)


def rows_of(what: str, numbers: array[int] | memoryview, width: int) -> list[tuple[int, ...]]:
    """A batch as rows of `width` numbers. `TypeError` unless it is a buffer of int64, `ValueError` if the
    last row is not whole."""
    plain = batch_of(what, numbers, width).tolist()
    return [tuple(plain[at : at + width]) for at in range(0, len(plain), width)]


def batch_of(what: str, numbers: array[int] | memoryview, width: int) -> memoryview:
    """The buffer of a batch, seen to be one of whole rows of int64."""
    view = memoryview(numbers)
    if view.format != "q" or not view.c_contiguous:
        raise TypeError(f"{what} must be a contiguous buffer of int64, as array('q') is")
    if len(view) % width:
        raise ValueError(f"{what} are {len(view)} numbers; allowed are whole rows of {width}")
    return view


def check_means(means: Sequence[int], queues: int) -> None:
    """`ValueError` unless there is one mean for each queue, each within its limits."""
    if len(means) != queues:
        raise ValueError(f"{len(means)} mean service times for {queues} queues")
    for mean in means:
        _check("mean service time", mean, 1, MEAN_LIMIT)
