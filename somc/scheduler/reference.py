"""The queue scheduler in plain Python: the oracle of the tests, and what runs under `SOMC_PURE=1`.

What must stay true: it is too simple to be wrong. Every query looks at all tickets anew, by a scan or a
sort; nothing is remembered between calls but the tickets, the terms and the lanes. Speed is the business of
the C core; where the two differ, this one is right. It reads no clock and draws no random number.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from somc.scheduler.bounds import (
    check_idle,
    check_instant,
    check_lag,
    check_lanes,
    check_means,
    check_nth,
    check_servers,
    check_terms,
    check_ticket,
    rows_of,
)
from somc.scheduler.interface import (
    NEVER,
    NEWCOMER,
    NOBODY,
    RATIO_STEP,
    RULES,
    SCORE_LIMIT,
    TIME_LIMIT,
    WAIT_LIMIT,
    Choice,
    Head,
    Idle,
    Lane,
    Place,
    Runner,
    Server,
    Terms,
)

__all__ = ["ReferenceScheduler"]

_TOLD = {"warning": 1, "breach": 2}
_LAST_IN_ORDER = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class _Ticket:
    key: int
    queue: int
    v: int
    order: int
    told: int = 0

    @property
    def place(self) -> tuple[int, int, int]:
        """By this tickets stand in their queue."""
        return (self.v, self.order, self.key)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """The head of a lane's queue, with all that decides between heads."""

    ticket: _Ticket
    lane: Lane
    score: int
    guarded: bool

    @property
    def rank(self) -> tuple[int, ...]:
        """The smallest is called."""
        if self.guarded:
            return (0, 0, 0, *self.ticket.place)
        return (1, self.lane.level, -self.score, *self.ticket.place)


def _cut(number: int, limit: int) -> int:
    return max(-limit, min(number, limit))


def _score(terms: Terms, bonus: int, wait: int, lags: dict[int, int]) -> int:
    """The formula of `Terms`, with the bonus of the lane."""
    if terms.group:
        return _cut(bonus - lags.get(terms.group, 0), SCORE_LIMIT)
    wait = _cut(wait, WAIT_LIMIT)
    score = terms.offset + terms.rate * wait + bonus
    if wait >= terms.knee:
        score += terms.jump + terms.rate_after * (wait - terms.knee)
    return _cut(score, SCORE_LIMIT)


def _charge(lags: dict[int, int], terms: Terms) -> None:
    """A ticket of a queue with these terms is called: step by step as the interface says it."""
    if terms.group:
        passed = lags.get(terms.group, 0)
        for group in lags:
            lags[group] = max(0, lags[group] - passed)
        lags[terms.group] = RATIO_STEP // terms.share


class ReferenceScheduler:
    """Implements `somc.scheduler.Scheduler`; see there what each method promises."""

    implementation = "reference"

    def __init__(self) -> None:
        self._terms: list[Terms] = []
        self._profiles: list[tuple[Lane, ...]] = []
        self._tickets: dict[int, _Ticket] = {}
        self._lags: dict[int, int] = {}

    def define_queue(self, terms: Terms) -> int:
        check_terms(terms)
        self._terms.append(terms)
        return len(self._terms) - 1

    def set_terms(self, queue: int, terms: Terms) -> None:
        self._check_queue(queue)
        check_terms(terms)
        self._terms[queue] = terms

    def define_profile(self, lanes: Sequence[Lane]) -> int:
        check_lanes(lanes, len(self._terms))
        self._profiles.append(tuple(lanes))
        return len(self._profiles) - 1

    def set_profile(self, profile: int, lanes: Sequence[Lane]) -> None:
        self._check_profile(profile)
        check_lanes(lanes, len(self._terms))
        self._profiles[profile] = tuple(lanes)

    def set_lag(self, group: int, lag: int) -> None:
        check_lag(group, lag)
        self._lags[group] = lag

    def push(self, key: int, queue: int, v: int, order: int, told: int = 0) -> None:
        if key in self._tickets:
            raise KeyError(key)
        self._check_queue(queue)
        check_ticket(key, v, order, told)
        self._tickets[key] = _Ticket(key, queue, v, order, told)

    def push_many(self, tickets: array[int] | memoryview) -> None:
        before = dict(self._tickets)
        try:
            for key, queue, v, order, told in rows_of("tickets", tickets, 5):
                self.push(key, queue, v, order, told)
        except Exception:
            self._tickets = before
            raise

    def remove(self, key: int) -> None:
        del self._tickets[key]

    def remove_many(self, keys: array[int] | memoryview) -> None:
        before = dict(self._tickets)
        try:
            for (key,) in rows_of("keys", keys, 1):
                self.remove(key)
        except Exception:
            self._tickets = before
            raise

    def called(self, key: int) -> None:
        ticket = self._tickets.pop(key)
        _charge(self._lags, self._terms[ticket.queue])

    def call(self, profile: int, now: int) -> Choice | None:
        choice = self.peek(profile, now)
        if choice is not None:
            self.called(choice.key)
        return choice

    def call_many(self, asks: array[int] | memoryview) -> array[int]:
        rows = rows_of("asks", asks, 2)
        for profile, now in rows:
            self._check_profile(profile)
            check_instant("now", now)
        answers = array("q")
        for profile, now in rows:
            choice = self.call(profile, now)
            if choice is None:
                answers.extend((0, NOBODY, 0, 0, 0, 0, NOBODY, 0))
                continue
            runner_up = choice.runner_up or Runner(0, NOBODY, 0)
            answers.extend((choice.key, choice.queue, choice.level, choice.score, RULES.index(choice.rule)))
            answers.extend((runner_up.key, runner_up.queue, runner_up.score))
        return answers

    def move(self, key: int, queue: int, v: int) -> None:
        ticket = self._tickets[key]
        self._check_queue(queue)
        check_instant("v", v)
        self._tickets[key] = replace(ticket, queue=queue, v=v)

    def __contains__(self, key: int) -> bool:
        return key in self._tickets

    def __len__(self) -> int:
        return len(self._tickets)

    def waiting(self, queue: int) -> int:
        self._check_queue(queue)
        return sum(ticket.queue == queue for ticket in self._tickets.values())

    def peek(self, profile: int, now: int) -> Choice | None:
        return self._choice(self._candidates(self._lines(), profile, now, self._lags))

    def _choice(self, candidates: list[_Candidate]) -> Choice | None:
        if not candidates:
            return None
        best, *others = candidates
        if not others:
            rule = "only"
        elif best.guarded:
            rule = "guard"
        elif best.lane.level < others[0].lane.level:
            rule = "level"
        elif self._terms[best.lane.queue].group and self._terms[others[0].lane.queue].group:
            rule = "ratio"
        else:
            rule = "score"
        runner_up = Runner(others[0].ticket.key, others[0].ticket.queue, others[0].score) if others else None
        return Choice(best.ticket.key, best.ticket.queue, best.lane.level, best.score, rule, runner_up)

    def heads(self, profile: int, now: int) -> list[Head]:
        return [
            Head(each.ticket.key, each.lane.queue, each.lane.level, each.score, each.ticket.v, each.guarded)
            for each in self._candidates(self._lines(), profile, now, self._lags)
        ]

    def nth(self, queue: int, n: int) -> tuple[int, int, int] | None:
        self._check_queue(queue)
        check_nth(n)
        line = self._lines()[queue]
        return (line[n - 1].key, line[n - 1].v, line[n - 1].order) if n <= len(line) else None

    def next_sight(self, profile: int, now: int) -> int | None:
        self._check_profile(profile)
        check_instant("now", now)
        lines = self._lines()
        moments = [
            ticket.v + wait
            for lane in self._profiles[profile]
            for wait in self._sight_waits(lane)
            for ticket in lines[lane.queue]
        ]
        return min((moment for moment in moments if now < moment < TIME_LIMIT), default=None)

    def _sight_waits(self, lane: Lane) -> list[int]:
        """After which waits a ticket is seen in a lane: its own, and the guard, which ends a reserve."""
        guard = max(self._terms[lane.queue].guard, lane.min_wait)
        return [lane.min_wait, guard] if lane.reserve and guard < NEVER else [lane.min_wait]

    def assign(self, idle: Sequence[Idle], distribution: str, now: int) -> tuple[int, Choice] | None:
        check_idle(idle, distribution, len(self._profiles))
        check_instant("now", now)
        lines, offers = self._lines(), []
        for index, counter in enumerate(idle):
            candidates = self._candidates(lines, counter.profile, now, self._lags)
            shown = [each for each in candidates if each.lane.reserve < len(idle) or each.guarded]
            choice = self._choice(shown)
            if choice is None:
                continue
            rank = {
                "longest_idle": (counter.since, counter.number),
                "lowest_level": (choice.level, counter.since, counter.number),
                "fixed_order": (counter.number,),
            }[distribution]
            offers.append(((*rank, index), index, choice))
        if not offers:
            return None
        _, index, choice = min(offers, key=lambda offer: offer[0])
        return index, choice

    def preview(self, profile: int, now: int, limit: int) -> list[int]:
        return [ticket.key for ticket in self._calls(self._lines(), profile, now)[: max(limit, 0)]]

    def ahead(self, profile: int, key: int, now: int) -> int:
        ticket = self._tickets[key]
        calls = self._calls(self._lines(), profile, now)
        return calls.index(ticket) if ticket in calls else len(calls)

    def ahead_of_newcomer(self, profile: int, queue: int, now: int) -> int:
        lines, newcomer = self._lines_with_newcomer(queue, now)
        calls = self._calls(lines, profile, now)
        return calls.index(newcomer) if newcomer in calls else len(calls)

    def estimate(
        self,
        servers: Sequence[Server],
        means: Sequence[int],
        now: int,
        keys: Sequence[int] | None = None,
        newcomer: int | None = None,
    ) -> dict[int, Place]:
        check_servers(servers, len(self._profiles))
        check_means(means, len(self._terms))
        check_instant("now", now)
        lines = self._lines() if newcomer is None else self._lines_with_newcomer(newcomer, now)[0]
        for key in keys or ():
            if key not in self._tickets:
                raise KeyError(key)
        places = self._run(lines, servers, means, now)
        if keys is None:
            return places
        return {key: place for key, place in places.items() if key in keys or key == NEWCOMER}

    def estimate_many(
        self, servers: Sequence[Server], means: Sequence[int], now: int
    ) -> list[tuple[int, int]]:
        return [(key, place.wait) for key, place in self.estimate(servers, means, now).items()]

    def _run(
        self, lines: list[list[_Ticket]], servers: Sequence[Server], means: Sequence[int], now: int
    ) -> dict[int, Place]:
        """The forward run. `clocks` holds when each server calls next, for those still in the run."""
        clocks = {number: now + server.free_in for number, server in enumerate(servers)}
        places: dict[int, Place] = {}
        lags = dict(self._lags)
        while clocks:
            number = min(clocks, key=lambda each: (clocks[each], each))
            clock, profile = clocks.pop(number), servers[number].profile
            if clock >= TIME_LIMIT:
                continue
            candidates = self._candidates(lines, profile, clock, lags)
            if candidates:
                ticket = self._take(lines, candidates[0], lags)
                places[ticket.key] = Place(clock - now, len(places))
                clocks[number] = clock + means[ticket.queue]
                continue
            # Nobody is visible to this server now, so every moment here lies ahead of its clock.
            moments = [
                ticket.v + lane.min_wait for lane in self._profiles[profile] for ticket in lines[lane.queue]
            ]
            if moments:
                clocks[number] = min(moments)
        return places

    def next_due(self) -> int | None:
        return min((moment for moment, _, _ in self._alerts()), default=None)

    def due(self, now: int, limit: int) -> list[tuple[int, int, str]]:
        check_instant("now", now)
        come = [alert for alert in self._alerts() if alert[0] <= now]
        breached = {key for _, key, level in come if level == "breach"}
        told = [alert for alert in come if alert[2] == "breach" or alert[1] not in breached]
        return sorted(told)[: max(limit, 0)]

    def alerted(self, key: int, level: str) -> None:
        ticket = self._tickets[key]
        if level not in _TOLD:
            raise ValueError(f"alert level is {level!r}; allowed are warning, breach")
        self._tickets[key] = replace(ticket, told=max(ticket.told, _TOLD[level]))

    def dump(self) -> dict[str, Any]:
        return {
            "queues": [
                {"terms": asdict(terms), "tickets": [[t.key, t.v, t.order, t.told] for t in line]}
                for terms, line in zip(self._terms, self._lines(), strict=True)
            ],
            "profiles": [[asdict(lane) for lane in lanes] for lanes in self._profiles],
            "lags": [[group, lag] for group, lag in sorted(self._lags.items()) if lag],
        }

    def _alerts(self) -> list[tuple[int, int, str]]:
        """Every alert not yet told, whether its moment has come or not."""
        alerts = []
        for ticket in self._tickets.values():
            terms = self._terms[ticket.queue]
            if terms.warn < NEVER and ticket.told < _TOLD["warning"]:
                alerts.append((ticket.v + terms.warn, ticket.key, "warning"))
            if terms.target < NEVER and ticket.told < _TOLD["breach"]:
                alerts.append((ticket.v + terms.target, ticket.key, "breach"))
        return alerts

    def _lines(self) -> list[list[_Ticket]]:
        """The tickets of each queue in their order."""
        lines: list[list[_Ticket]] = [[] for _ in self._terms]
        for ticket in sorted(self._tickets.values(), key=lambda each: each.place):
            lines[ticket.queue].append(ticket)
        return lines

    def _candidates(
        self, lines: list[list[_Ticket]], profile: int, now: int, lags: dict[int, int]
    ) -> list[_Candidate]:
        """The visible heads of a profile's queues, who would be called first."""
        self._check_profile(profile)
        check_instant("now", now)
        candidates = []
        for lane in self._profiles[profile]:
            for ticket in lines[lane.queue][:1]:
                wait, terms = now - ticket.v, self._terms[lane.queue]
                if wait >= lane.min_wait:
                    guarded = wait >= terms.guard
                    score = _score(terms, lane.bonus, wait, lags)
                    candidates.append(_Candidate(ticket, lane, score, guarded))
        return sorted(candidates, key=lambda each: each.rank)

    def _lines_with_newcomer(self, queue: int, now: int) -> tuple[list[list[_Ticket]], _Ticket]:
        """The lines as if one more ticket had just joined this queue, and that ticket."""
        self._check_queue(queue)
        check_instant("now", now)
        lines, newcomer = self._lines(), _Ticket(NEWCOMER, queue, now, _LAST_IN_ORDER)
        lines[queue] = sorted([*lines[queue], newcomer], key=lambda each: each.place)
        return lines, newcomer

    def _calls(self, lines: list[list[_Ticket]], profile: int, now: int) -> list[_Ticket]:
        """All that the profile would call at this instant, in order. Uses up the lines."""
        calls, lags = [], dict(self._lags)
        while candidates := self._candidates(lines, profile, now, lags):
            calls.append(self._take(lines, candidates[0], lags))
        return calls

    def _take(self, lines: list[list[_Ticket]], candidate: _Candidate, lags: dict[int, int]) -> _Ticket:
        """Call a head in thought."""
        _charge(lags, self._terms[candidate.lane.queue])
        return lines[candidate.lane.queue].pop(0)

    def _check_queue(self, queue: int) -> None:
        if not 0 <= queue < len(self._terms):
            raise IndexError(f"no queue {queue}: there are {len(self._terms)}")

    def _check_profile(self, profile: int) -> None:
        if not 0 <= profile < len(self._profiles):
            raise IndexError(f"no profile {profile}: there are {len(self._profiles)}")
