"""The queue scheduler in C (`native/`), behind the interface of `somc.scheduler`.

What must stay true: this file translates and decides nothing. The core checks every number; only when it
refuses, the checks of `bounds.py` are run to find the words, so that it raises what the reference raises.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, NoReturn

from somc._sched import ffi, lib
from somc.scheduler.bounds import (
    batch_of,
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
from somc.scheduler.crossing import (
    ALERT,
    CHOICE,
    HEAD,
    PLACE,
    TICKET,
    WAIT,
    in_c,
    lanes_in_c,
    plain_lane,
    plain_terms,
    terms_in_c,
)
from somc.scheduler.interface import (
    DISTRIBUTIONS,
    RULES,
    Choice,
    Head,
    Idle,
    Lane,
    Place,
    Runner,
    Server,
    Terms,
)

__all__ = ["NativeScheduler"]

# Looked up once: an attribute of `lib` costs as much as half the call.
_ahead = lib.sched_ahead
_alerted = lib.sched_alerted
_call = lib.sched_call
_called = lib.sched_called
_contains = lib.sched_contains
_due = lib.sched_due
_estimate = lib.sched_estimate
_length = lib.sched_length
_move = lib.sched_move
_peek = lib.sched_peek
_preview = lib.sched_preview
_push = lib.sched_push
_remove = lib.sched_remove

_LEVELS = {"warning": lib.SCHED_WARNING, "breach": lib.SCHED_BREACH}
_LEVEL_NAMES = {number: name for name, number in _LEVELS.items()}
_NO_MOMENT = (1 << 63) - 1

_unpack_choice = CHOICE.unpack


class NativeScheduler:
    """Implements `somc.scheduler.Scheduler`; see there what each method promises."""

    implementation = "native"

    def __init__(self) -> None:
        core = lib.sched_new()
        if core == ffi.NULL:
            raise MemoryError
        self._core = ffi.gc(core, lib.sched_free)
        self._terms: list[Terms] = []
        self._profiles: list[tuple[Lane, ...]] = []
        self._choice = ffi.new("sched_choice *")
        self._choice_bytes = ffi.buffer(self._choice)
        # A look at this number costs a third of a call.
        self._next_moment = memoryview(ffi.buffer(lib.sched_next_moment(core), 8)).cast("q")
        self._ticket = ffi.new("sched_ticket *")
        self._moment = ffi.new("int64_t *")
        self._places = array("q")
        self._places_in_c = in_c("sched_place[]", self._places)

    # -- defining ---------------------------------------------------------------------------------

    def define_queue(self, terms: Terms) -> int:
        check_terms(terms)
        queue = int(lib.sched_define_queue(self._core, terms_in_c(terms)))
        if queue < 0:
            self._refuse(queue)
        self._terms.append(terms)
        return queue

    def set_terms(self, queue: int, terms: Terms) -> None:
        self._check_queue(queue)
        check_terms(terms)
        lib.sched_set_terms(self._core, queue, terms_in_c(terms))
        self._terms[queue] = terms

    def define_profile(self, lanes: Sequence[Lane]) -> int:
        check_lanes(lanes, len(self._terms))
        profile = int(lib.sched_define_profile(self._core, lanes_in_c(lanes), len(lanes)))
        if profile < 0:
            self._refuse(profile)
        self._profiles.append(tuple(lanes))
        return profile

    def set_profile(self, profile: int, lanes: Sequence[Lane]) -> None:
        self._check_profile(profile)
        check_lanes(lanes, len(self._terms))
        answer = lib.sched_set_profile(self._core, profile, lanes_in_c(lanes), len(lanes))
        if answer < 0:
            self._refuse(answer)
        self._profiles[profile] = tuple(lanes)

    def set_lag(self, group: int, lag: int) -> None:
        check_lag(group, lag)
        lib.sched_set_lag(self._core, group, lag)

    # -- tickets ----------------------------------------------------------------------------------

    def push(self, key: int, queue: int, v: int, order: int, told: int = 0) -> None:
        try:
            answer = _push(self._core, key, queue, v, order, told)
        except (OverflowError, TypeError):
            answer = lib.SCHED_BAD_NUMBER
        if answer:
            self._refuse_ticket(answer, key, queue, v, order, told)

    def push_many(self, tickets: array[int] | memoryview) -> None:
        view = batch_of("tickets", tickets, 5)
        answer = lib.sched_push_many(self._core, in_c("sched_ticket[]", view), len(view) // 5)
        if answer:
            self._refuse_batch(answer, rows_of("tickets", tickets, 5))

    def remove(self, key: int) -> None:
        try:
            answer = _remove(self._core, key)
        except OverflowError:
            answer = lib.SCHED_NO_TICKET
        if answer:
            raise KeyError(key)

    def remove_many(self, keys: array[int] | memoryview) -> None:
        view = batch_of("keys", keys, 1)
        if lib.sched_remove_many(self._core, in_c("int64_t[]", view), len(view)):
            seen: set[int] = set()
            for key in view:
                if key in seen or key not in self:
                    raise KeyError(key)
                seen.add(key)

    def called(self, key: int) -> None:
        try:
            answer = _called(self._core, key)
        except OverflowError:
            answer = lib.SCHED_NO_TICKET
        if answer:
            raise KeyError(key)

    def call(self, profile: int, now: int) -> Choice | None:
        try:
            answer = _call(self._core, profile, now, self._choice)
        except (OverflowError, TypeError):
            answer = lib.SCHED_BAD_NUMBER
        if answer != 1:
            return self._nobody(answer, profile, now)
        key, queue, level, score, rule, other, its_queue, its_score = _unpack_choice(self._choice_bytes)
        return Choice(
            key,
            queue,
            level,
            score,
            RULES[rule],
            None if its_queue < 0 else Runner(other, its_queue, its_score),
        )

    def call_many(self, asks: array[int] | memoryview) -> array[int]:
        view = batch_of("asks", asks, 2)
        count = len(view) // 2
        answers = array("q", bytes(CHOICE.size * count))
        code = lib.sched_call_many(
            self._core, in_c("sched_ask[]", view), count, in_c("sched_choice[]", answers)
        )
        if code:
            for profile, now in rows_of("asks", asks, 2):
                self._check_profile(profile)
                check_instant("now", now)
            self._refuse(code)
        return answers

    def move(self, key: int, queue: int, v: int) -> None:
        try:
            answer = _move(self._core, key, queue, v)
        except (OverflowError, TypeError):
            answer = lib.SCHED_BAD_NUMBER
        if answer:
            self._check_inside(key)
            self._check_queue(queue)
            check_instant("v", v)
            self._refuse(answer)

    def alerted(self, key: int, level: str) -> None:
        self._check_inside(key)
        if level not in _LEVELS:
            raise ValueError(f"alert level is {level!r}; allowed are warning, breach")
        _alerted(self._core, key, _LEVELS[level])

    # -- questions --------------------------------------------------------------------------------

    def __contains__(self, key: int) -> bool:
        try:
            return bool(_contains(self._core, key))
        except OverflowError:
            return False

    def __len__(self) -> int:
        return int(_length(self._core))

    def waiting(self, queue: int) -> int:
        self._check_queue(queue)
        return int(lib.sched_waiting(self._core, queue))

    def peek(self, profile: int, now: int) -> Choice | None:
        try:
            answer = _peek(self._core, profile, now, self._choice)
        except (OverflowError, TypeError):
            answer = lib.SCHED_BAD_NUMBER
        return self._chosen() if answer == 1 else self._nobody(answer, profile, now)

    def heads(self, profile: int, now: int) -> list[Head]:
        self._check_profile(profile)
        check_instant("now", now)
        heads = ffi.new("sched_head[]", len(self._profiles[profile]))
        count = lib.sched_heads(self._core, profile, now, heads)
        rows = HEAD.iter_unpack(ffi.buffer(heads, count * HEAD.size))
        return [
            Head(key, queue, level, score, v, bool(guarded)) for key, queue, level, score, v, guarded in rows
        ]

    def nth(self, queue: int, n: int) -> tuple[int, int, int] | None:
        self._check_queue(queue)
        check_nth(n)
        found = lib.sched_nth(self._core, queue, n, self._ticket)
        return (self._ticket.key, self._ticket.v, self._ticket.order) if found else None

    def next_sight(self, profile: int, now: int) -> int | None:
        self._check_profile(profile)
        check_instant("now", now)
        return int(self._moment[0]) if lib.sched_next_sight(self._core, profile, now, self._moment) else None

    def assign(self, idle: Sequence[Idle], distribution: str, now: int) -> tuple[int, Choice] | None:
        check_idle(idle, distribution, len(self._profiles))
        check_instant("now", now)
        counters = ffi.new("sched_idle[]", [(each.profile, each.since, each.number) for each in idle])
        rule = DISTRIBUTIONS.index(distribution)
        if not lib.sched_assign(self._core, counters, len(idle), rule, now, self._moment, self._choice):
            return None
        return int(self._moment[0]), self._chosen()

    def preview(self, profile: int, now: int, limit: int) -> list[int]:
        self._check_profile(profile)
        check_instant("now", now)
        room = max(0, min(limit, len(self)))
        keys = ffi.new("int64_t[]", room)
        count = _preview(self._core, profile, now, room, keys)
        if count < 0:
            self._refuse(count)
        return list(ffi.unpack(keys, count)) if count else []

    def ahead(self, profile: int, key: int, now: int) -> int:
        try:
            count = int(_ahead(self._core, profile, key, now))
        except (OverflowError, TypeError):
            count = lib.SCHED_BAD_NUMBER
        if count < 0:
            self._check_inside(key)
            self._check_profile(profile)
            check_instant("now", now)
            self._refuse(count)
        return count

    def ahead_of_newcomer(self, profile: int, queue: int, now: int) -> int:
        self._check_queue(queue)
        self._check_profile(profile)
        check_instant("now", now)
        count = int(lib.sched_ahead_of_newcomer(self._core, profile, queue, now))
        if count < 0:
            self._refuse(count)
        return count

    def estimate(
        self,
        servers: Sequence[Server],
        means: Sequence[int],
        now: int,
        keys: Sequence[int] | None = None,
        newcomer: int | None = None,
    ) -> dict[int, Place]:
        count = self._run(servers, means, now, keys, newcomer)
        found, end = self._places, 3 * count
        return dict(zip(found[0:end:3], map(Place, found[1:end:3], found[2:end:3]), strict=True))

    def estimate_many(
        self, servers: Sequence[Server], means: Sequence[int], now: int
    ) -> list[tuple[int, int]]:
        count = self._run(servers, means, now, None, None)
        rows: list[tuple[int, int]] = list(WAIT.iter_unpack(memoryview(self._places)[: 3 * count]))
        return rows

    def _run(
        self,
        servers: Sequence[Server],
        means: Sequence[int],
        now: int,
        keys: Sequence[int] | None,
        newcomer: int | None,
    ) -> int:
        """Runs forward: how many places now stand in `_places`, three int64 each."""
        if newcomer is not None and not 0 <= newcomer < len(self._terms):
            self._refuse_estimate(lib.SCHED_NO_QUEUE, servers, means, now, keys, newcomer)
        places = 1 + (_length(self._core) if keys is None else len(keys))
        if len(self._places) < 3 * places:
            self._places = array("q", bytes(2 * PLACE.size * places))
            self._places_in_c = in_c("sched_place[]", self._places)
        try:
            free = array("q", [number for server in servers for number in (server.profile, server.free_in)])
            mean = array("q", means)
            wanted = ffi.NULL if keys is None else in_c("int64_t[]", array("q", keys))
            count = _estimate(
                self._core,
                in_c("sched_server[]", free),
                len(servers),
                in_c("int64_t[]", mean),
                len(mean),
                now,
                -1 if newcomer is None else newcomer,
                wanted,
                places - 1,
                self._places_in_c,
            )
        except (OverflowError, TypeError):
            count = lib.SCHED_BAD_NUMBER
        if count < 0:
            self._refuse_estimate(count, servers, means, now, keys, newcomer)
        return int(count)

    def next_due(self) -> int | None:
        moment = self._next_moment[0]
        return None if moment == _NO_MOMENT else moment

    def due(self, now: int, limit: int) -> list[tuple[int, int, str]]:
        check_instant("now", now)
        room = max(0, min(limit, len(self)))
        alerts = ffi.new("sched_alert[]", room)
        count = _due(self._core, now, room, alerts)
        rows = ALERT.iter_unpack(ffi.buffer(alerts, count * ALERT.size))
        return [(moment, key, _LEVEL_NAMES[level]) for moment, key, level in rows]

    def dump(self) -> dict[str, Any]:
        lags = ffi.new("int64_t[]", lib.SCHED_GROUPS)
        lib.sched_lags(self._core, lags)
        return {
            "queues": [
                {"terms": plain_terms(terms), "tickets": self._rows(queue)}
                for queue, terms in enumerate(self._terms)
            ],
            "profiles": [[plain_lane(lane) for lane in lanes] for lanes in self._profiles],
            "lags": [[group, lag] for group, lag in enumerate(lags) if lag],
        }

    def check(self) -> int:
        """For tests: 0 if all invariants of the core hold, else the line of `check.c` that says no."""
        return int(lib.sched_check(self._core))

    def memory_bytes(self) -> int:
        """What the core holds, without the Python objects of this class."""
        return int(lib.sched_bytes(self._core))

    # -- answers and refusals ---------------------------------------------------------------------

    def _chosen(self) -> Choice:
        """What the core wrote into `_choice`. (`call` has the same lines: a call less.)"""
        key, queue, level, score, rule, other, its_queue, its_score = _unpack_choice(self._choice_bytes)
        return Choice(
            key,
            queue,
            level,
            score,
            RULES[rule],
            None if its_queue < 0 else Runner(other, its_queue, its_score),
        )

    def _nobody(self, answer: int, profile: int, now: int) -> Choice | None:
        """There is nobody to call, or the call was refused."""
        if answer == 0:
            return None
        self._check_profile(profile)
        check_instant("now", now)
        self._refuse(answer)

    def _rows(self, queue: int) -> list[list[int]]:
        rows = ffi.new("sched_ticket[]", self.waiting(queue))
        count = lib.sched_rows(self._core, queue, rows)
        unpacked = TICKET.iter_unpack(ffi.buffer(rows, count * TICKET.size))
        return [[key, v, order, told] for key, _, v, order, told in unpacked]

    def _refuse_ticket(self, code: int, key: int, queue: int, v: int, order: int, told: int) -> NoReturn:
        if code == lib.SCHED_INSIDE or key in self:
            raise KeyError(key)
        self._check_queue(queue)
        check_ticket(key, v, order, told)
        self._refuse(code)

    def _refuse_batch(self, code: int, rows: list[tuple[int, ...]]) -> NoReturn:
        """The words for the first ticket that could not join."""
        seen: set[int] = set()
        for key, queue, v, order, told in rows:
            if key in seen or key in self:
                raise KeyError(key)
            self._check_queue(queue)
            check_ticket(key, v, order, told)
            seen.add(key)
        self._refuse(code)

    def _refuse_estimate(
        self,
        code: int,
        servers: Sequence[Server],
        means: Sequence[int],
        now: int,
        keys: Sequence[int] | None,
        newcomer: int | None,
    ) -> NoReturn:
        check_servers(servers, len(self._profiles))
        check_means(means, len(self._terms))
        check_instant("now", now)
        if newcomer is not None:
            self._check_queue(newcomer)
        for key in keys or ():
            self._check_inside(key)
        self._refuse(code)

    def _refuse(self, code: int) -> NoReturn:
        if code == lib.SCHED_NO_MEMORY:
            raise MemoryError("no memory for the queue scheduler; it is as it was before the call")
        raise RuntimeError(f"the scheduler's core refused ({code}) what its checks had let pass")

    def _check_inside(self, key: int) -> None:
        if key not in self:
            raise KeyError(key)

    def _check_queue(self, queue: int) -> None:
        if not 0 <= queue < len(self._terms):
            raise IndexError(f"no queue {queue}: there are {len(self._terms)}")

    def _check_profile(self, profile: int) -> None:
        if not 0 <= profile < len(self._profiles):
            raise IndexError(f"no profile {profile}: there are {len(self._profiles)}")
