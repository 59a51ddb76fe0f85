"""What a queue scheduler is: the one interface of the C core and of its Python oracle.

Terms
- A *queue* holds the tickets that share one scoring function: a service × customer class, or the
  tickets handed to one counter. Queues are numbered from 0 in the order of their definition.
- A *profile* is a skill set: which queues a counter may serve, and at which level.
- A *key* is the caller's own integer for a ticket, unique among the tickets inside.

What must stay true
- **Integers only** (int64): times are milliseconds, scores are below 2^54 in absolute value, so
  that both implementations agree bit for bit.
- Inside a queue tickets stand by `(v, order)`: `v` is the instant at which the ticket's service
  clock starts, `order` breaks ties. Every score is a non-decreasing function of `now - v`, so only
  the heads of the queues compete.
- `peek`, `preview`, `ahead`, `estimate`, `next_due` and `due` change nothing. Only `define_*`,
  `set_*`, `push`, `remove`, `move` and `alerted` do; the domain's `evolve` is their one caller.
- Nothing here reads a clock, sleeps or draws a random number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = [
    "NEVER",
    "NEWCOMER",
    "TOP_LEVEL",
    "Choice",
    "Lane",
    "Place",
    "Rule",
    "Runner",
    "Scheduler",
    "SchedulerFactory",
    "Server",
    "Terms",
]

NEVER = 1 << 53
"""A wait in milliseconds that no ticket reaches (285,000 years): the rule is off."""

NEWCOMER = -1
"""The key under which `estimate` answers for a ticket that is not inside yet; no ticket may have it."""

TOP_LEVEL = 1
"""The best preference level of a lane. Larger numbers are served only when all smaller are empty."""

Rule = str
"""Which rule made the choice: `only` (one candidate), `score`, `level`, `guard`."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How the tickets of one queue earn their score.

    With `wait = now - v`::

        score = offset + rate * wait                                   wait <  knee
        score = offset + rate * wait + jump + rate_after * (wait - knee)   wait >= knee

    and from `wait >= guard` on the ticket outranks every unguarded one, longest wait first.
    `warn` and `target` (milliseconds of wait) are the moments of the two alerts of a ticket.
    Needs `rate >= 0`, `rate_after >= -rate`, `jump >= 0`: a score never falls.
    """

    rate: int
    offset: int = 0
    knee: int = NEVER
    jump: int = 0
    rate_after: int = 0
    guard: int = NEVER
    warn: int = NEVER
    target: int = NEVER


@dataclass(frozen=True, slots=True)
class Lane:
    """One queue within a profile.

    `level` orders lanes absolutely (1 first); `bonus` is added to the score at this profile only;
    a ticket is visible here once it waited `min_wait` ms (overflow); `reserve` is the number of
    idle counters that must stay free of this queue (0: none), used by `idle` decisions only.
    """

    queue: int
    level: int = TOP_LEVEL
    bonus: int = 0
    min_wait: int = 0
    reserve: int = 0


@dataclass(frozen=True, slots=True)
class Runner:
    """A ticket beside the score with which it competed."""

    key: int
    queue: int
    score: int


@dataclass(frozen=True, slots=True)
class Choice:
    """Who is next, and why: the winner, the rule that spoke and the best of the other queues."""

    key: int
    queue: int
    level: int
    score: int
    rule: Rule
    runner_up: Runner | None


@dataclass(frozen=True, slots=True)
class Server:
    """A counter as the forward run sees it: its profile, and in how many ms it will be free."""

    profile: int
    free_in: int


@dataclass(frozen=True, slots=True)
class Place:
    """What the forward run says of one ticket: ms until called, and how many are called before it."""

    wait: int
    ahead: int


class Scheduler(Protocol):
    """Holds the waiting tickets of one hall and says who is next."""

    @property
    def implementation(self) -> str:
        """`native` or `reference`."""

    def define_queue(self, terms: Terms) -> int:
        """A new, empty queue; its number."""

    def set_terms(self, queue: int, terms: Terms) -> None:
        """Other terms from now on; the tickets stay."""

    def define_profile(self, lanes: Sequence[Lane]) -> int:
        """A new profile; its number. `lanes` name each queue at most once."""

    def set_profile(self, profile: int, lanes: Sequence[Lane]) -> None:
        """Other lanes from now on."""

    def push(self, key: int, queue: int, v: int, order: int) -> None:
        """A ticket joins. `KeyError` if `key` is inside already."""

    def remove(self, key: int) -> None:
        """A ticket leaves, called or not. `KeyError` if it is not inside."""

    def move(self, key: int, queue: int, v: int) -> None:
        """A ticket goes to another place, keeping its `order`. `KeyError` if it is not inside."""

    def __contains__(self, key: int) -> bool: ...

    def __len__(self) -> int: ...

    def waiting(self, queue: int) -> int:
        """How many tickets stand in the queue."""

    def peek(self, profile: int, now: int) -> Choice | None:
        """Whom a counter of this profile would call now; `None` if there is nobody for it.

        Ties go to the lane with the smaller `(v, order)` of its head.
        """

    def preview(self, profile: int, now: int, limit: int) -> list[int]:
        """The next `limit` keys this profile would call if it called them all at this instant."""

    def ahead(self, profile: int, key: int, now: int) -> int:
        """How many tickets this profile would call before `key` at this instant."""

    def ahead_of_newcomer(self, profile: int, queue: int, now: int) -> int:
        """`ahead` for a ticket that would join `queue` at this instant (`v = now`, the last in order)."""

    def estimate(
        self,
        servers: Sequence[Server],
        means: Sequence[int],
        now: int,
        keys: Sequence[int] | None = None,
        newcomer: int | None = None,
    ) -> dict[int, Place]:
        """Expected waits by running the policy forward on mean service times.

        `means[queue]` is the mean service of that queue in ms (>= 1). The server that is free first
        calls next (ties: the earlier in `servers`); a server with nobody to call leaves the run
        until a lane's `min_wait` could make somebody visible to it. Tickets that no server would
        ever call are left out. `keys` limits the answer, not the run (which may then stop early).
        """

    def next_due(self) -> int | None:
        """The earliest instant of an alert not yet told (see `due`); `None` if there is none."""

    def due(self, now: int, limit: int) -> list[tuple[int, int, str]]:
        """Alerts whose moment has come: `(moment, key, level)` in that order, `level` being
        `warning` or `breach`. A ticket past its target has no warning due, only the breach."""

    def alerted(self, key: int, level: str) -> None:
        """This alert has been told: it (and for `breach` the warning too) is never due again for
        this ticket, whatever happens to its queue or the terms."""

    def dump(self) -> dict[str, Any]:
        """The whole state as plain values, equal for equal states in both implementations:
        `{"queues": [{"terms": {...}, "tickets": [[key, v, order, told], ...]}], "profiles": [...]}`,
        `told` being 0, 1 (warned) or 2 (breached)."""


class SchedulerFactory(Protocol):
    """Makes empty schedulers; injected into the domain, so that it sees only this interface."""

    def __call__(self) -> Scheduler: ...


def restore(scheduler: Scheduler, dumped: dict[str, Any]) -> None:
    """Fill an empty scheduler with what `dump` gave."""
    for number, queue in enumerate(dumped["queues"]):
        assert scheduler.define_queue(Terms(**queue["terms"])) == number
        for key, v, order, told in queue["tickets"]:
            scheduler.push(key, number, v, order)
            if told:
                scheduler.alerted(key, "warning" if told == 1 else "breach")
    for lanes in dumped["profiles"]:
        scheduler.define_profile([Lane(**lane) for lane in lanes])
