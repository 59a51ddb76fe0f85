"""The watch over the whole hall: mean wait and arrivals, and the warnings when they cross their limits.

The mean wait is that of those who wait now (so far) and of those who were called within the window (until
then); arrivals an hour are those of the window, scaled. Time is cut into minutes, and a minute leaves the
window as a whole, `window_s` (in whole minutes) after it began.

What must stay true
- Bounded: one small entry for each minute of the window in which something happened.
- Between two records only time changes the values, in a way that is known beforehand: `next_crossing` is the
  exact instant at which a warning will be raised or cleared if nothing else happens, so that nobody polls.
- A warning is raised once when its value goes beyond the limit and cleared once when it is back within it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.refusals import Refusal
from somc.domain.values import Alert, Alerts, Ticket, to_plain

if TYPE_CHECKING:
    from somc.domain.state import HallState

__all__ = ["KINDS", "Watch", "arrivals_per_hour", "crossed", "look", "mean_wait_s", "next_crossing"]

MINUTE_MS = 60_000

KINDS = ("long_wait", "peak")


class Minute(msgspec.Struct):
    """What happened within one minute of the clock."""

    arrived: int = 0
    called: int = 0
    waited_ms: int = 0
    """The waits of the called, added up."""


class Watch:
    """The figures that the warnings are made of. Written by `evolve` only."""

    def __init__(self) -> None:
        self.minutes: dict[int, Minute] = {}
        """Minute since the epoch → what happened; oldest first."""
        self.offset_ms = 0
        """Of those who wait: what they had waited before, less the instants at which they began. With `now`
        for each of them it is the sum of their waits."""
        self.serial = 0
        """Warnings of the hall raised so far; part of their ids."""

    def arrived(self, at: int, window_s: int) -> None:
        self._minute(at, window_s).arrived += 1

    def called(self, at: int, waited_ms: int, window_s: int) -> None:
        minute = self._minute(at, window_s)
        minute.called += 1
        minute.waited_ms += waited_ms

    def joined(self, ticket: Ticket) -> None:
        """The ticket waits from now on."""
        self.offset_ms += ticket.waited_ms - ticket.queued_at

    def left(self, ticket: Ticket) -> None:
        """The ticket, as it waited, waits no more."""
        self.offset_ms -= ticket.waited_ms - ticket.queued_at

    def _minute(self, at: int, window_s: int) -> Minute:
        number = at // MINUTE_MS
        if number not in self.minutes:
            first = number - window_s // 60
            for old in [old for old in self.minutes if old <= first]:
                del self.minutes[old]
            self.minutes[number] = Minute()
        return self.minutes[number]

    def dump(self) -> dict[str, Any]:
        return {
            "minutes": [[number, *to_plain(minute).values()] for number, minute in self.minutes.items()],
            "offset_ms": self.offset_ms,
            "serial": self.serial,
        }

    def load(self, dumped: Mapping[str, Any]) -> None:
        self.minutes = {number: Minute(*rest) for number, *rest in dumped["minutes"]}
        self.offset_ms = dumped["offset_ms"]
        self.serial = dumped["serial"]


class _Window:
    """The sums over the minutes that lie in the window at one instant."""

    def __init__(self, watch: Watch, terms: Alerts, waiting: int, at: int) -> None:
        self.length = terms.window_s // 60
        first = at // MINUTE_MS - self.length
        inside = [(number, minute) for number, minute in watch.minutes.items() if number > first]
        self.inside = inside
        self.arrived = sum(minute.arrived for _, minute in inside)
        self.called = sum(minute.called for _, minute in inside)
        self.waited_ms = sum(minute.waited_ms for _, minute in inside)
        self.waiting = waiting
        self.offset_ms = watch.offset_ms

    def later(self) -> Iterator[int]:
        """The instants at which a minute leaves the window, each after it has left."""
        for number, minute in self.inside:
            self.arrived -= minute.arrived
            self.called -= minute.called
            self.waited_ms -= minute.waited_ms
            yield (number + self.length) * MINUTE_MS

    def beyond_peak(self, per_hour: int) -> bool:
        return self.arrived * 60 > per_hour * self.length

    def beyond_wait(self, limit_s: int, at: int) -> bool:
        people = self.waiting + self.called
        return self.waiting * at + self.offset_ms + self.waited_ms > limit_s * 1000 * people

    def crosses_wait(self, limit_s: int) -> int | None:
        """The first instant at which the mean wait is beyond the limit, if no minute leaves before."""
        if not self.waiting:
            return None
        allowed = limit_s * 1000 * (self.waiting + self.called) - self.offset_ms - self.waited_ms
        return allowed // self.waiting + 1


def _window(state: HallState, at: int) -> _Window:
    return _Window(state.watch, state.hall.alerts, len(state.scheduler), at)


def arrivals_per_hour(state: HallState, at: int) -> int:
    """Arrivals an hour as of the window before `at`, rounded down."""
    window = _window(state, at)
    return window.arrived * 60 // window.length


def mean_wait_s(state: HallState, at: int) -> int:
    """The mean wait as of `at` in seconds, rounded down; 0 if nobody waits and nobody was called."""
    window = _window(state, at)
    people = window.waiting + window.called
    if not people:
        return 0
    return (window.waiting * at + window.offset_ms + window.waited_ms) // people // 1000


def standing(state: HallState, kind: str) -> Alert | None:
    """The warning of this kind that stands."""
    return next((alert for alert in state.alerts.values() if alert.kind == kind), None)


def _limits(terms: Alerts) -> dict[str, int]:
    limits = {"long_wait": terms.long_wait_s, "peak": terms.peak_per_hour}
    return {kind: limit for kind, limit in limits.items() if limit is not None}


def _beyond(window: _Window, kind: str, limit: int, at: int) -> bool:
    return window.beyond_wait(limit, at) if kind == "long_wait" else window.beyond_peak(limit)


def crossed(state: HallState, now: int) -> c.WatchHall | None:
    """Whether a value lies on the other side of its limit than its warning says."""
    if state.settings is None:
        return None
    limits = _limits(state.hall.alerts)
    stands = {alert.kind for alert in state.alerts.values() if alert.ticket is None}
    if not limits and not stands:
        return None
    window = _window(state, now)
    for kind in KINDS:
        beyond = kind in limits and _beyond(window, kind, limits[kind], now)
        if beyond != (kind in stands):
            return c.WatchHall(by="deadline")
    return None


def next_crossing(state: HallState, after: int) -> int | None:
    """The first instant beyond `after` at which `crossed` will be so, if nothing happens until then.

    It was looked at until `after` and was not so.
    """
    terms = state.hall.alerts
    limits = _limits(terms)
    if not limits:
        return None
    stands = {alert.kind for alert in state.alerts.values() if alert.ticket is None}
    window = _window(state, after)
    begin = after
    ends = window.later()
    while True:
        # Within this stretch no minute leaves: arrivals stand still, and the mean wait only grows.
        rises = None
        if "long_wait" in limits and "long_wait" not in stands:
            rises = window.crosses_wait(limits["long_wait"])
        end = next(ends, None)  # takes the next minute out of the sums
        if rises is not None and (end is None or max(rises, begin + 1) < end):
            return max(rises, begin + 1)
        if end is None:
            return None
        if any(_beyond(window, kind, limit, end) != (kind in stands) for kind, limit in limits.items()):
            return max(end, after + 1)
        begin = end


def look(state: HallState, command: c.WatchHall, now: int) -> list[e.Event] | Refusal:
    """Raise what is beyond its limit, clear what is not (any more, or has no limit any more)."""
    limits = _limits(state.hall.alerts)
    window = _window(state, now)
    events: list[e.Event] = []
    serial = state.watch.serial
    for kind in KINDS:
        stands = standing(state, kind)
        beyond = kind in limits and _beyond(window, kind, limits[kind], now)
        if beyond and stands is None:
            value = mean_wait_s(state, now) if kind == "long_wait" else arrivals_per_hour(state, now)
            serial += 1
            events.append(
                e.AlertRaised(
                    by=command.by, alert=f"{kind}:{serial}", kind=kind, value=value, limit=limits[kind]
                )
            )
        elif not beyond and stands is not None:
            events.append(e.AlertCleared(by=command.by, alert=stands.id, cause="fell_back"))
    return events
