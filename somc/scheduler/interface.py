"""What a queue scheduler is: the one interface of the C core and of its Python oracle.

Terms
- A *queue* holds the tickets that share one scoring function: a service × customer class, or the
  tickets handed to one counter. Queues are numbered from 0 in the order of their definition.
- A *profile* is a skill set: which queues a counter may serve, and at which level.
- A *key* is the caller's own integer for a ticket, unique among the tickets inside.

What must stay true
- **Integers only** (int64): times are milliseconds, scores stay within `SCORE_LIMIT`, so that both
  implementations agree bit for bit. The limits below are checked by both (`bounds.py`).
- Inside a queue tickets stand by `(v, order, key)`: `v` is the instant at which the ticket's service
  clock starts, `order` breaks ties, `key` those of equal order. At any instant no score rises from the
  head of a queue to its tail, so only the heads compete.
- The questions (`peek`, `heads`, `preview`, `ahead*`, `nth`, `next_sight`, `assign`, `estimate`,
  `next_due`, `due`, `dump`) change nothing. Only `define_*`, `set_*`, `push*`, `remove*`, `call*`, `move`
  and `alerted` do; in a hall the domain's `evolve` is their one caller.
- Nothing here reads a clock, sleeps or draws a random number.

Ratio
- A queue whose terms name a `group` goes by ratio: not its tickets' waits decide, but how many of each
  group were called. Every group has a *lag*, an integer from 0; the smallest lag is called next.
- When a ticket of group g is called, its lag is taken off every group's (none falls below 0), and then g's
  becomes `RATIO_STEP // share`. So a group with three times the share lags a third as long, and of groups
  that always have somebody waiting each is called in proportion to its share. A group that had nobody for a
  while saves up nothing: its lag ends at 0. (Start-time fair queueing, Goyal, Vin and Cheng 1997, with the
  lag as start tag less virtual time.)
- `preview`, `ahead` and `estimate` run with a copy of the lags, so they say exactly what calling would do.

Errors, the same in both: `KeyError` for a ticket that is not inside (or, at `push`, is), `IndexError`
for a queue or profile that was never defined, `ValueError` for a number outside its limits (the message
names it and what is allowed), `TypeError` for what is not an integer, `MemoryError`. After any of them the
scheduler is as it was before the call.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

__all__ = [
    "DISTRIBUTIONS",
    "GROUP_LIMIT",
    "LEVEL_LIMIT",
    "MEAN_LIMIT",
    "NEVER",
    "NEWCOMER",
    "NOBODY",
    "RATE_LIMIT",
    "RATIO_STEP",
    "RULES",
    "SCORE_LIMIT",
    "SHARE_LIMIT",
    "TIME_LIMIT",
    "TOP_LEVEL",
    "WAIT_LIMIT",
    "Choice",
    "Head",
    "Idle",
    "Lane",
    "Place",
    "Rule",
    "Runner",
    "Scheduler",
    "SchedulerFactory",
    "Server",
    "Terms",
    "restore",
]

NEVER = 1 << 53
"""A wait in milliseconds that no ticket reaches (285,000 years): the rule is off."""

NEWCOMER = -1
"""The key under which `estimate` answers for a ticket that is not inside yet; no ticket may have it."""

TOP_LEVEL = 1
"""The best preference level of a lane. Larger numbers are served only when all smaller are empty."""

LEVEL_LIMIT = 60
"""The last preference level. The C core packs level and score into one int64: 60 * 2^56 < 2^62."""

TIME_LIMIT = 1 << 52
"""Instants (`v`, `now`) lie strictly between -2^52 and 2^52 ms (140,000 years), so that every wait is
below `NEVER`."""

WAIT_LIMIT = 1 << 40
"""Within a score a wait counts as at most 2^40 ms (34 years) and at least the negative of it."""

RATE_LIMIT = 1 << 20
"""The largest rate: 2^20 points a millisecond. With `WAIT_LIMIT` no sum of a score leaves int64."""

SCORE_LIMIT = (1 << 54) - 1
"""A score, its bonus included, is cut to this absolute value."""

MEAN_LIMIT = 1 << 31
"""The longest mean service of a forward run: 2^31 ms (24 days)."""

SHARE_LIMIT = 1000
"""The largest share of a group."""

GROUP_LIMIT = 255
"""The last group."""

RATIO_STEP = 720720
"""How far a call sets back a group of share 1: the smallest number that every share from 1 to 16 divides,
so that the usual ratios are exact. A larger share rounds its step down, by less than one part in 720."""

NOBODY = -1
"""In the answers of `call_many`: the queue if nobody was called, that of a runner-up if there is none."""

Rule = str
"""Which rule made the choice, the first that holds: `only` (no other queue of the profile has anybody
visible), `guard` (the winner waited beyond its guard), `level` (the runner-up stands on a worse level),
`ratio` (winner and runner-up both go by ratio), `score` (ties included)."""

RULES: tuple[Rule, ...] = ("only", "guard", "level", "score", "ratio")
"""Every rule; `call_many` answers with the position in here."""

DISTRIBUTIONS = ("longest_idle", "lowest_level", "fixed_order")
"""To whom among idle counters the next customer goes: see `Scheduler.assign`."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How the tickets of one queue earn their score.

    With `wait = now - v`::

        score = offset + rate * wait                                   wait <  knee
        score = offset + rate * wait + jump + rate_after * (wait - knee)   wait >= knee

    and from `wait >= guard` on the ticket outranks every unguarded one, whatever its level, longest
    wait first. `warn` and `target` (milliseconds of wait) are the moments of the two alerts of a
    ticket. `knee`, `guard`, `warn` and `target` lie between 0 and `NEVER`, which means off.

    With a `group` (1 to `GROUP_LIMIT`) the queue goes by ratio: its tickets score `-lag` of the group
    instead of the formula, whatever their wait; guard and level still come first. `share` (1 to
    `SHARE_LIMIT`) is the group's share as a call from this queue charges it. Queues of one group share one
    lag, and normally have the same share. A queue without a group keeps the formula: with a positive
    offset it goes before all that go by ratio. Both are given or neither (0, 0).

    Needs `0 <= rate <= RATE_LIMIT`, `-rate <= rate_after <= RATE_LIMIT`, `0 <= jump <= NEVER` and
    `-NEVER <= offset <= NEVER`: a score never falls. (`WAIT_LIMIT` cuts the wait, `SCORE_LIMIT` the sum.)
    """

    rate: int
    offset: int = 0
    knee: int = NEVER
    jump: int = 0
    rate_after: int = 0
    guard: int = NEVER
    warn: int = NEVER
    target: int = NEVER
    share: int = 0
    group: int = 0


@dataclass(frozen=True, slots=True)
class Lane:
    """One queue within a profile.

    `level` orders lanes absolutely (1 first, `LEVEL_LIMIT` last); `bonus` (`-NEVER` to `NEVER`) is
    added to the score at this profile only; a ticket is visible here once `now - v >= min_wait`
    (overflow; 0 hides only tickets whose `v` is still to come, a negative value shows those early,
    `NEVER` hides all); `reserve` is the number of idle counters that must stay free of this queue
    (0: none): it is kept and dumped, and read by `assign` only.
    """

    queue: int
    level: int = TOP_LEVEL
    bonus: int = 0
    min_wait: int = 0
    reserve: int = 0


# What a scheduler is asked and answers many times a second is a msgspec.Struct: as unchangeable as a frozen
# dataclass and made in a tenth of the time. `gc=False`: they hold plain values only, which form no cycle.


class Runner(msgspec.Struct, frozen=True, gc=False):
    """A ticket beside the score with which it competed, its lane's bonus included."""

    key: int
    queue: int
    score: int


class Choice(msgspec.Struct, frozen=True, gc=False):
    """Who is next, and why: the winner with its score (bonus included, guarded or not), the rule that
    spoke and the best of the other queues."""

    key: int
    queue: int
    level: int
    score: int
    rule: Rule
    runner_up: Runner | None


class Head(msgspec.Struct, frozen=True, gc=False):
    """The first ticket of a queue, as a profile sees it: what a strategy of one's own chooses from."""

    key: int
    queue: int
    level: int
    score: int
    """With the lane's bonus, guarded or not."""
    v: int
    guarded: bool


class Idle(msgspec.Struct, frozen=True, gc=False):
    """An idle counter: its profile, the instant since which it has been idle, and its number (0 to
    `MEAN_LIMIT`), by which equals are told apart."""

    profile: int
    since: int
    number: int


class Server(msgspec.Struct, frozen=True, gc=False):
    """A counter as the forward run sees it: its profile, and in how many ms (0 to `WAIT_LIMIT`) it
    will be free."""

    profile: int
    free_in: int


class Place(msgspec.Struct, frozen=True, gc=False):
    """What the forward run says of one ticket: ms until called, and how many are called before it."""

    wait: int
    ahead: int


class Scheduler(Protocol):
    """Holds the waiting tickets of one hall and says who is next.

    One thread at a time: the queries change nothing, but a query that runs in another thread must
    have returned before the next change.
    """

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

    def set_lag(self, group: int, lag: int) -> None:
        """A group lags so far (0 to `RATIO_STEP`) from now on: for restoring."""

    def push(self, key: int, queue: int, v: int, order: int, told: int = 0) -> None:
        """A ticket joins. `key` is an int64 other than `NEWCOMER`, `order` an int64 below 2^63 - 1, `told`
        what was told of it before: 0 nothing, 1 the warning, 2 the breach. `KeyError` if `key` is inside
        already."""

    def push_many(self, tickets: array[int] | memoryview) -> None:
        """All these tickets join, or none: five int64 a ticket (`key, queue, v, order, told`), in an
        `array('q')` or a memoryview of one. The errors of `push`; `TypeError` for other buffers."""

    def remove(self, key: int) -> None:
        """A ticket leaves without having been called: no group is charged. `KeyError` if it is not
        inside."""

    def remove_many(self, keys: array[int] | memoryview) -> None:
        """All these leave as by `remove`, or none (also if one is named twice): one int64 a key."""

    def called(self, key: int) -> None:
        """A ticket leaves because it was called: charges the group of its queue. `KeyError` if it is not
        inside."""

    def call(self, profile: int, now: int) -> Choice | None:
        """`peek`, and the choice is `called`."""

    def call_many(self, asks: array[int] | memoryview) -> array[int]:
        """One `call` after the other: two int64 an ask (`profile, now`). The answer has eight int64 an ask:
        `key, queue, level, score, rule` (a position in `RULES`), `key, queue, score` of the runner-up;
        the queue is `NOBODY` if there is nobody to call, or no runner-up, and then the rest is 0. After an
        error nobody was called."""

    def move(self, key: int, queue: int, v: int) -> None:
        """A ticket goes to another place (which may be in the same queue), keeping its `order` and
        what was told of it. `KeyError` if it is not inside."""

    def __contains__(self, key: int) -> bool: ...

    def __len__(self) -> int: ...

    def waiting(self, queue: int) -> int:
        """How many tickets stand in the queue."""

    def peek(self, profile: int, now: int) -> Choice | None:
        """Whom a counter of this profile would call now; `None` if there is nobody for it.

        Ties go to the lane with the smaller `(v, order, key)` of its head.
        """

    def heads(self, profile: int, now: int) -> list[Head]:
        """The head of every queue in which this profile sees somebody, who would be called first first."""

    def nth(self, queue: int, n: int) -> tuple[int, int, int] | None:
        """`(key, v, order)` of the `n`-th ticket of a queue, from 1; `None` if fewer stand in it."""

    def next_sight(self, profile: int, now: int) -> int | None:
        """The earliest instant after `now` at which this profile will see one more ticket, by a lane's
        `min_wait`, a clock that starts or (with a `reserve`) a guard; `None` if all that are inside are
        seen or never will be."""

    def assign(self, idle: Sequence[Idle], distribution: str, now: int) -> tuple[int, Choice] | None:
        """Which of the idle counters should be given whom now: a position in `idle`, and its choice;
        `None` if nobody is there for any of them.

        A lane with `reserve` r shows its queue only if more than r counters are idle, or once its head has
        waited beyond the guard. The counters are
        tried in the order of the distribution, and the first that has a choice gets it: `longest_idle`
        by `(since, number)`, `fixed_order` by `number`, `lowest_level` by the level of its choice, then
        `(since, number)`; equals by their position.
        """

    def preview(self, profile: int, now: int, limit: int) -> list[int]:
        """The next `limit` keys this profile would call if it called them all at this instant."""

    def ahead(self, profile: int, key: int, now: int) -> int:
        """How many tickets this profile would call before `key` at this instant; all that are visible
        to it, if it would not call `key` at all. `KeyError` if `key` is not inside."""

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

        `means[queue]` is the mean service of that queue in ms (1 to `MEAN_LIMIT`), one for each queue.
        The server that is free first calls next (ties: the earlier in `servers`); a server with
        nobody to call leaves the run until a lane's `min_wait` could make somebody visible to it, for
        good if that is never or its clock would reach `TIME_LIMIT`. Tickets that no server would ever
        call are left out. The answer is in the order of the calls.

        `keys` limits the answer, not the run (which may then stop early); `KeyError` if one is not
        inside. With `newcomer`, a queue, the run goes as if one more ticket had joined that queue at
        this instant (`v = now`, the last in order); it is answered under `NEWCOMER` in any case.
        """

    def estimate_many(
        self, servers: Sequence[Server], means: Sequence[int], now: int
    ) -> list[tuple[int, int]]:
        """`(key, wait)` of all in the order of the calls, so that the position of a row says how many are
        called before: what `estimate` answers, in a form that costs less to make."""

    def next_due(self) -> int | None:
        """The earliest instant of an alert not yet told (see `due`); `None` if there is none. It may
        lie in the past; once it has come, `due` answers at least one alert."""

    def due(self, now: int, limit: int) -> list[tuple[int, int, str]]:
        """The first `limit` alerts whose moment has come (`moment <= now`), sorted: `(moment, key,
        level)`, `level` being `warning` or `breach`. A ticket past its target has no warning due, only
        the breach. The same alerts are due again until `alerted` says that they were told."""

    def alerted(self, key: int, level: str) -> None:
        """This alert has been told: it (and for `breach` the warning too) is never due again for
        this ticket, whatever happens to its queue or the terms. `KeyError` if it is not inside."""

    def dump(self) -> dict[str, Any]:
        """The whole state as plain values, equal for equal states in both implementations:
        `{"queues": [{"terms": {...}, "tickets": [[key, v, order, told], ...]}], "profiles": [[{...}]],
        "lags": [[group, lag], ...]}`, `told` being 0, 1 (warned) or 2 (breached); tickets in the order of
        their queue, the fields of `Terms` and `Lane` by name, the groups whose lag is not 0."""


class SchedulerFactory(Protocol):
    """Makes empty schedulers; injected into the domain, so that it sees only this interface."""

    def __call__(self) -> Scheduler: ...


def restore(scheduler: Scheduler, dumped: dict[str, Any]) -> None:
    """Fill an empty scheduler with what `dump` gave. `ValueError` if it has queues already."""
    for number, queue in enumerate(dumped["queues"]):
        if scheduler.define_queue(Terms(**queue["terms"])) != number:
            raise ValueError("only an empty scheduler can be restored; this one has queues")
        for key, v, order, told in queue["tickets"]:
            scheduler.push(key, number, v, order, told)
    for lanes in dumped["profiles"]:
        scheduler.define_profile([Lane(**lane) for lane in lanes])
    for group, lag in dumped.get("lags", ()):  # a dump of before ratio has none
        scheduler.set_lag(group, lag)
