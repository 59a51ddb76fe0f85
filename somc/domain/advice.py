"""How many counters to open now to keep the promise.

Two questions, and the larger answer counts:
- Will those who wait be called in time? The policy is run forward with the counters that are open, and with
  one closed counter more (as it is set up, whichever helps most) until no promise would be missed that can
  still be kept.
- Will the hall keep up? The arrivals of the last window and the mean service make an offered load (in
  counters). Sought are the fewest counters that are busy no more than `policy.target_utilisation` of the
  time, with a mean wait of M/M/c (Erlang C) within the shortest promise.

Erlang C: with `b` Erlang B's blocking, `b(0) = 1`, `b(c) = a b(c-1) / (c + a b(c-1))`, a customer waits with
probability `b / (1 - a/c (1 - b))`, then on average `s / (c - a)` (A. K. Erlang, 1917). Counters are counted
alike there, whatever their skills; that somebody waits for whom no open counter is there is seen by the
forward run.

What must stay true: an advice changes nothing and is never recorded; the number of forward runs is bounded,
and counters with the same skills are tried once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from somc.domain.estimates import means_ms, servers
from somc.domain.learning import mean_services_ms
from somc.domain.state import HallState
from somc.domain.values import Counter, CounterState, Words
from somc.domain.watch import arrivals_per_hour
from somc.scheduler.interface import NEVER

__all__ = ["Advice", "advice", "erlang_c_wait_s"]

MOST_RUNS = 40
"""Forward runs of one advice at most."""

MOST_CALLS = 8_000
"""Calls that all its forward runs look at, or the screens of a large hall would stand still."""

FEWEST_RUNS = 3
"""Made anyway: do the counters of now, and would one more?"""


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """What to do now. `breaches` and `breaches_then`: by class, how many who wait and whose promise still
    stands would be called too late (or never), with the counters of now and with those of the advice."""

    open_now: int
    needed: int
    open: tuple[int, ...]
    close: tuple[int, ...]
    breaches: dict[str, int]
    breaches_then: dict[str, int]
    arrivals_per_hour: int
    mean_service_s: int
    utilisation_milli: int | None
    """Of the open counters, by the present arrivals; beyond 1000 the line grows. None: none is open."""
    words: Words


def advice(state: HallState, now: int) -> Advice:
    """How many counters should be open, and which to open or close for it."""
    run = _Runs(state, now)
    present = [each for each in state.counters.values() if each.state is CounterState.OPEN]
    closed = [each for each in state.counters.values() if each.state is CounterState.CLOSED]
    breaches = run.breaches(present)
    then = run.enough(present, closed) if sum(breaches.values()) else list(present)
    closed = [each for each in closed if each not in then]
    rate = arrivals_per_hour(state, now)
    mean_s = _mean_service_s(state)
    steady = _steady(state, rate, mean_s)
    # Whoever does most comes first; the fastest way to a number is not asked for more than that.
    for each in sorted(closed, key=lambda one: (-len(one.skills), one.number)):
        if len(then) >= steady:
            break
        then.append(each)
    needed = max(len(then), steady) if len(then) > len(present) else max(steady, 1 if state.by_key else 0)
    to_close: list[Counter] = []
    if needed < len(present):
        to_close = run.spared(present, needed, sum(breaches.values()))
        then = [each for each in present if each not in to_close]
        needed = len(then)
    to_open = [each.number for each in then if each not in present]
    load = rate * mean_s / 3600
    late = run.breaches(then)
    return Advice(
        open_now=len(present),
        needed=needed,
        open=tuple(to_open),
        close=tuple(each.number for each in to_close),
        breaches=breaches,
        breaches_then=late,
        arrivals_per_hour=rate,
        mean_service_s=round(mean_s),
        utilisation_milli=round(load / len(present) * 1000) if present else None,
        words=_words(len(present), needed, to_open, to_close, sum(breaches.values()), sum(late.values())),
    )


class _Runs:
    """Forward runs with one set of counters or another, each run once."""

    def __init__(self, state: HallState, now: int) -> None:
        self.state = state
        self.now = now
        self._known: dict[tuple[int, ...], dict[str, int]] = {}
        self._most = max(FEWEST_RUNS, min(MOST_RUNS, MOST_CALLS // max(1, len(state.by_key))))
        self._means = means_ms(state)
        self._standing = _standing(state, now)

    @property
    def left(self) -> bool:
        return len(self._known) < self._most

    def breaches(self, counters: Sequence[Counter]) -> dict[str, int]:
        """Class → whose promise would be missed if these counters were open."""
        key = tuple(sorted(each.number for each in counters))
        if key not in self._known:
            self._known[key] = self._run(counters)
        return self._known[key]

    def _run(self, counters: Sequence[Counter]) -> dict[str, int]:
        missed = dict.fromkeys(self.state.hall.classes, 0)
        if not self._standing:
            return missed
        scheduler, now = self.state.scheduler, self.now
        rows = scheduler.estimate_many(servers(self.state, now, counters), self._means, now)
        waits: dict[int, int] = dict(rows)
        for key, left_ms, customer_class in self._standing:
            if waits.get(key, NEVER) > left_ms:
                missed[customer_class] += 1
        return missed

    def enough(self, present: Sequence[Counter], closed: Sequence[Counter]) -> list[Counter]:
        """The open counters, and of the closed ones, the best first, as many as it takes for the fewest
        missed promises: one more need not help where two more do."""
        tried, rest = list(present), list(closed)
        fewest, best = sum(self.breaches(tried).values()), list(tried)
        while fewest and rest and self.left:
            best_next, missed_then = None, None
            for each in _distinct(rest):
                if not self.left:
                    break
                with_it = self._missed_with(tried, each)
                if missed_then is None or with_it < missed_then:
                    best_next, missed_then = each, with_it
            if best_next is None:
                break
            tried.append(best_next)
            rest.remove(best_next)
            missed = sum(self.breaches(tried).values())
            if missed < fewest:
                fewest, best = missed, list(tried)
        return best

    def _missed_with(self, counters: Sequence[Counter], one_more: Counter) -> tuple[int, int]:
        return sum(self.breaches([*counters, one_more]).values()), one_more.number

    def spared(self, present: Sequence[Counter], needed: int, missed: int) -> list[Counter]:
        """Counters of those open that are not needed: without them nobody more is called too late, and every
        service that is open somewhere stays so. Those that could do least go first, idle before busy."""
        stay, spared = list(present), []
        for each in sorted(present, key=lambda one: (one.ticket is not None, len(one.skills), -one.number)):
            if len(stay) <= needed or not self.left:
                break
            rest = [other for other in stay if other is not each]
            served = {service for other in rest for service in other.skills}
            if set(each.skills) <= served and sum(self.breaches(rest).values()) <= missed:
                stay = rest
                spared.append(each)
        return spared


def _standing(state: HallState, now: int) -> list[tuple[int, int, str]]:
    """The waiting tickets whose promise can still be kept: scheduler key, how long it stands (ms), class. Who
    is late already is missed whatever is opened."""
    found = []
    for key, name in state.by_key.items():
        ticket = state.tickets[name]
        target_s = state.hall.target_wait_s(ticket.service, ticket.customer_class)
        left_ms = ticket.v + target_s * 1000 - now
        if left_ms >= 0:
            found.append((key, left_ms, ticket.customer_class))
    return found


def _distinct(counters: Sequence[Counter]) -> list[Counter]:
    """One counter of each set of skills: the others would do as much."""
    kinds: dict[tuple[tuple[str, int], ...], Counter] = {}
    for each in sorted(counters, key=lambda one: one.number):
        kinds.setdefault(tuple(sorted(each.skills.items())), each)
    return list(kinds.values())


def _mean_service_s(state: HallState) -> float:
    """The mean service of a customer, by the shares of the services on this day; alike before it begins."""
    means = mean_services_ms(state.learned_ms, state.hall)
    taken = {name: state.counts.by_service.get(name, 0) for name in means}
    people = sum(taken.values())
    if not people:
        return sum(means.values()) / len(means) / 1000
    return sum(means[name] * count for name, count in taken.items()) / people / 1000


def _steady(state: HallState, rate: int, mean_s: float) -> int:
    """The fewest counters that keep up with `rate` arrivals an hour."""
    load = rate * mean_s / 3600
    if not load:
        return 0
    promise_s = min(
        state.hall.target_wait_s(service, kind)
        for service in state.hall.services
        for kind in state.hall.classes
    )
    fewest = max(1, math.ceil(load / (state.hall.policy.target_utilisation_milli / 1000)))
    while erlang_c_wait_s(fewest, load, mean_s) > promise_s:
        fewest += 1
    return fewest


def erlang_c_wait_s(counters: int, load: float, mean_s: float) -> float:
    """The mean wait of M/M/c in seconds: `load` in counters, `mean_s` the mean service. Infinite from
    `load >= counters` on."""
    if load >= counters:
        return math.inf
    blocking = 1.0
    for busy in range(1, counters + 1):
        blocking = load * blocking / (busy + load * blocking)
    waits = blocking / (1 - load / counters * (1 - blocking))
    return waits * mean_s / (counters - load)


def _words(
    present: int, needed: int, to_open: list[int], to_close: list[Counter], missed: int, then: int
) -> Words:
    if to_open:
        late = Words("", "")
        if missed:
            late = Words(
                f"：现在有 {missed} 位等候者会超过承诺等候，之后为 {then} 位",
                f": {missed} of those who wait would be called too late as it is, {then} then",
            )
        if needed > present + len(to_open):
            late = Words(
                f"{late.zh}；共需 {needed} 个台席，没有更多可开", f"{late.en}; {needed} are needed in all"
            )
        zh, en = "、".join(f"{each} 号" for each in to_open), ", ".join(str(each) for each in to_open)
        return Words(f"建议再开 {zh}台席{late.zh}。", f"Open counter {en} as well{late.en}.")
    if needed > present:
        return Words(
            f"需要 {needed} 个台席，但没有更多台席可开。",
            f"{needed} counters are needed, but there are no more to open.",
        )
    if to_close:
        zh = "、".join(f"{each.number} 号" for each in to_close)
        en = ", ".join(str(each.number) for each in to_close)
        return Words(f"可以关闭 {zh}台席。", f"Counter {en} may close.")
    if missed:
        return Words(
            f"多开台席也无济于事：有 {missed} 位等候者会超过承诺等候。",
            f"More counters would not help: {missed} of those who wait will be called too late.",
        )
    return Words(f"现在开放的 {present} 个台席正好。", f"The {present} counters that are open are right.")


def view(found: Advice) -> dict[str, Any]:
    """As plain values, for those who show it."""
    plain: dict[str, Any] = msgspec.to_builtins(found)
    plain["utilisation"] = None if found.utilisation_milli is None else found.utilisation_milli / 1000
    del plain["utilisation_milli"]
    return plain
