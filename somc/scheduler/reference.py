"""The queue scheduler in plain Python: the oracle of the tests, and what runs under `SOMC_PURE=1`.

What must stay true: it is too simple to be wrong. Every query looks at all tickets anew, by a scan or a
sort; nothing is remembered between calls but the tickets, the terms and the lanes. Speed is the business of
the C core; where the two differ, this one is right. It reads no clock and draws no random number.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from somc.scheduler.bounds import (
    check_instant,
    check_lanes,
    check_means,
    check_servers,
    check_terms,
    check_ticket,
)
from somc.scheduler.interface import (
    NEVER,
    NEWCOMER,
    SCORE_LIMIT,
    TIME_LIMIT,
    WAIT_LIMIT,
    Choice,
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


def _score(terms: Terms, bonus: int, wait: int) -> int:
    """The formula of `Terms`, with the bonus of the lane."""
    wait = _cut(wait, WAIT_LIMIT)
    score = terms.offset + terms.rate * wait + bonus
    if wait >= terms.knee:
        score += terms.jump + terms.rate_after * (wait - terms.knee)
    return _cut(score, SCORE_LIMIT)


class ReferenceScheduler:
    """Implements `somc.scheduler.Scheduler`; see there what each method promises."""

    implementation = "reference"

    def __init__(self) -> None:
        self._terms: list[Terms] = []
        self._profiles: list[tuple[Lane, ...]] = []
        self._tickets: dict[int, _Ticket] = {}

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

    def push(self, key: int, queue: int, v: int, order: int) -> None:
        if key in self._tickets:
            raise KeyError(key)
        self._check_queue(queue)
        check_ticket(key, v, order)
        self._tickets[key] = _Ticket(key, queue, v, order)

    def remove(self, key: int) -> None:
        del self._tickets[key]

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
        candidates = self._candidates(self._lines(), profile, now)
        if not candidates:
            return None
        best, *others = candidates
        if not others:
            rule = "only"
        elif best.guarded:
            rule = "guard"
        elif best.lane.level < others[0].lane.level:
            rule = "level"
        else:
            rule = "score"
        runner_up = Runner(others[0].ticket.key, others[0].ticket.queue, others[0].score) if others else None
        return Choice(best.ticket.key, best.ticket.queue, best.lane.level, best.score, rule, runner_up)

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

    def _run(
        self, lines: list[list[_Ticket]], servers: Sequence[Server], means: Sequence[int], now: int
    ) -> dict[int, Place]:
        """The forward run. `clocks` holds when each server calls next, for those still in the run."""
        clocks = {number: now + server.free_in for number, server in enumerate(servers)}
        places: dict[int, Place] = {}
        while clocks:
            number = min(clocks, key=lambda each: (clocks[each], each))
            clock, profile = clocks.pop(number), servers[number].profile
            if clock >= TIME_LIMIT:
                continue
            candidates = self._candidates(lines, profile, clock)
            if candidates:
                ticket = candidates[0].ticket
                lines[ticket.queue].remove(ticket)
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

    def _candidates(self, lines: list[list[_Ticket]], profile: int, now: int) -> list[_Candidate]:
        """The visible heads of a profile's queues, who would be called first."""
        self._check_profile(profile)
        check_instant("now", now)
        candidates = []
        for lane in self._profiles[profile]:
            for ticket in lines[lane.queue][:1]:
                wait, terms = now - ticket.v, self._terms[lane.queue]
                if wait >= lane.min_wait:
                    guarded = wait >= terms.guard
                    candidates.append(_Candidate(ticket, lane, _score(terms, lane.bonus, wait), guarded))
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
        calls = []
        while candidates := self._candidates(lines, profile, now):
            calls.append(candidates[0].ticket)
            lines[candidates[0].ticket.queue].pop(0)
        return calls

    def _check_queue(self, queue: int) -> None:
        if not 0 <= queue < len(self._terms):
            raise IndexError(f"no queue {queue}: there are {len(self._terms)}")

    def _check_profile(self, profile: int) -> None:
        if not 0 <= profile < len(self._profiles):
            raise IndexError(f"no profile {profile}: there are {len(self._profiles)}")
