"""The queue scheduler in C (`native/`), behind the interface of `somc.scheduler`.

What must stay true: this file translates and decides nothing. Tickets are found by the handle the core gave
for their key; a refusal of the core becomes the same exception the reference raises (`bounds.py` words it).
"""

from collections.abc import Sequence
from struct import Struct
from typing import Any, NoReturn

from somc._sched import ffi, lib
from somc.scheduler.bounds import (
    check_instant,
    check_lanes,
    check_means,
    check_servers,
    check_terms,
    check_ticket,
)
from somc.scheduler.interface import Choice, Lane, Place, Rule, Runner, Server, Terms

__all__ = ["NativeScheduler"]

# Looked up once: an attribute of `lib` costs as much as half the call.
_ahead = lib.sched_ahead
_alerted = lib.sched_alerted
_due = lib.sched_due
_move = lib.sched_move
_next_due = lib.sched_next_due
_peek = lib.sched_peek
_preview = lib.sched_preview
_push = lib.sched_push
_remove = lib.sched_remove

_RULES: dict[int, Rule] = {
    lib.SCHED_ONLY: "only",
    lib.SCHED_GUARD: "guard",
    lib.SCHED_LEVEL: "level",
    lib.SCHED_SCORE: "score",
}
_LEVELS = {"warning": lib.SCHED_WARNING, "breach": lib.SCHED_BREACH}
_LEVEL_NAMES = {number: name for name, number in _LEVELS.items()}

_TERMS = ("rate", "offset", "knee", "jump", "rate_after", "guard", "warn", "target")
_LANE = ("queue", "level", "bonus", "min_wait", "reserve")
# The structs of scheduler.h. Unpacking one costs less than reading its fields one by one.
_CHOICE = Struct("=8q")
_PLACE = Struct("=3q")
_ALERT = Struct("=3q")
_ROW = Struct("=4q")


class NativeScheduler:
    """Implements `somc.scheduler.Scheduler`; see there what each method promises."""

    implementation = "native"

    def __init__(self) -> None:
        core = lib.sched_new()
        if core == ffi.NULL:
            raise MemoryError
        self._core = ffi.gc(core, lib.sched_free)
        self._handles: dict[int, int] = {}
        self._terms: list[Terms] = []
        self._profiles: list[tuple[Lane, ...]] = []
        self._choice = ffi.new("sched_choice *")
        self._choice_bytes = ffi.buffer(self._choice)
        self._moment = ffi.new("int64_t *")

    def define_queue(self, terms: Terms) -> int:
        check_terms(terms)
        queue = int(lib.sched_define_queue(self._core, _struct("sched_terms *", terms, _TERMS)))
        if queue < 0:
            self._refuse(queue)
        self._terms.append(terms)
        return queue

    def set_terms(self, queue: int, terms: Terms) -> None:
        self._check_queue(queue)
        check_terms(terms)
        lib.sched_set_terms(self._core, queue, _struct("sched_terms *", terms, _TERMS))
        self._terms[queue] = terms

    def define_profile(self, lanes: Sequence[Lane]) -> int:
        check_lanes(lanes, len(self._terms))
        profile = int(lib.sched_define_profile(self._core, _lanes(lanes), len(lanes)))
        if profile < 0:
            self._refuse(profile)
        self._profiles.append(tuple(lanes))
        return profile

    def set_profile(self, profile: int, lanes: Sequence[Lane]) -> None:
        self._check_profile(profile)
        check_lanes(lanes, len(self._terms))
        answer = lib.sched_set_profile(self._core, profile, _lanes(lanes), len(lanes))
        if answer < 0:
            self._refuse(answer)
        self._profiles[profile] = tuple(lanes)

    def push(self, key: int, queue: int, v: int, order: int) -> None:
        if key in self._handles:
            raise KeyError(key)
        try:
            handle = _push(self._core, key, queue, v, order)
        except OverflowError:
            handle = lib.SCHED_BAD_NUMBER
        if handle < 0:
            self._check_queue(queue)
            check_ticket(key, v, order)
            self._refuse(handle)
        self._handles[key] = handle

    def remove(self, key: int) -> None:
        _remove(self._core, self._handles.pop(key))

    def move(self, key: int, queue: int, v: int) -> None:
        handle = self._handles[key]
        try:
            answer = _move(self._core, handle, queue, v)
        except OverflowError:
            answer = lib.SCHED_BAD_NUMBER
        if answer < 0:
            self._check_queue(queue)
            check_instant("v", v)
            self._refuse(answer)

    def __contains__(self, key: int) -> bool:
        return key in self._handles

    def __len__(self) -> int:
        return len(self._handles)

    def waiting(self, queue: int) -> int:
        self._check_queue(queue)
        return int(lib.sched_waiting(self._core, queue))

    def peek(self, profile: int, now: int) -> Choice | None:
        try:
            answer = _peek(self._core, profile, now, self._choice)
        except OverflowError:
            answer = lib.SCHED_BAD_NUMBER
        if answer <= 0:
            if answer:
                self._refuse_query(answer, profile, now)
            return None
        key, queue, level, score, rule, other_key, other_queue, other_score = _CHOICE.unpack(
            self._choice_bytes
        )
        runner_up = None if other_queue < 0 else Runner(other_key, other_queue, other_score)
        return Choice(key, queue, level, score, _RULES[rule], runner_up)

    def preview(self, profile: int, now: int, limit: int) -> list[int]:
        self._check_profile(profile)
        check_instant("now", now)
        room = max(0, min(limit, len(self._handles)))
        keys = ffi.new("int64_t[]", room)
        count = _preview(self._core, profile, now, room, keys)
        if count < 0:
            self._refuse(count)
        return list(ffi.unpack(keys, count)) if count else []

    def ahead(self, profile: int, key: int, now: int) -> int:
        handle = self._handles[key]
        try:
            count = int(_ahead(self._core, profile, handle, now))
        except OverflowError:
            count = lib.SCHED_BAD_NUMBER
        if count < 0:
            self._refuse_query(count, profile, now)
        return count

    def ahead_of_newcomer(self, profile: int, queue: int, now: int) -> int:
        self._check_queue(queue)
        self._check_profile(profile)
        check_instant("now", now)
        return int(lib.sched_ahead_of_newcomer(self._core, profile, queue, now))

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
        if newcomer is not None:
            self._check_queue(newcomer)
        if keys is None:
            wanted, wanted_count, room = ffi.NULL, 0, len(self._handles) + 1
        else:
            handles = [self._handles[key] for key in keys]
            wanted, wanted_count, room = ffi.new("int64_t[]", [*handles, 0]), len(handles), len(handles) + 1
        places = ffi.new("sched_place[]", room)
        count = lib.sched_estimate(
            self._core,
            ffi.new("sched_server[]", [(server.profile, server.free_in) for server in servers]),
            len(servers),
            ffi.new("int64_t[]", list(means)),
            len(means),
            now,
            -1 if newcomer is None else newcomer,
            wanted,
            wanted_count,
            places,
        )
        if count < 0:
            self._refuse(count)
        rows = _PLACE.iter_unpack(ffi.buffer(places, count * _PLACE.size))
        return {key: Place(wait, ahead) for key, wait, ahead in rows}

    def next_due(self) -> int | None:
        return int(self._moment[0]) if _next_due(self._core, self._moment) else None

    def due(self, now: int, limit: int) -> list[tuple[int, int, str]]:
        check_instant("now", now)
        room = max(0, min(limit, len(self._handles)))
        alerts = ffi.new("sched_alert[]", room)
        count = _due(self._core, now, room, alerts)
        rows = _ALERT.iter_unpack(ffi.buffer(alerts, count * _ALERT.size))
        return [(moment, key, _LEVEL_NAMES[level]) for moment, key, level in rows]

    def alerted(self, key: int, level: str) -> None:
        handle = self._handles[key]
        if level not in _LEVELS:
            raise ValueError(f"alert level is {level!r}; allowed are warning, breach")
        _alerted(self._core, handle, _LEVELS[level])

    def dump(self) -> dict[str, Any]:
        return {
            "queues": [
                {"terms": _plain(terms, _TERMS), "tickets": self._rows(queue)}
                for queue, terms in enumerate(self._terms)
            ],
            "profiles": [[_plain(lane, _LANE) for lane in lanes] for lanes in self._profiles],
        }

    def check(self) -> int:
        """For tests: 0 if all invariants of the core hold, else the line of `check.c` that says no."""
        return int(lib.sched_check(self._core))

    def memory_bytes(self) -> int:
        """What the core holds, without the Python objects of this class."""
        return int(lib.sched_bytes(self._core))

    def _rows(self, queue: int) -> list[list[int]]:
        rows = ffi.new("sched_row[]", self.waiting(queue))
        count = lib.sched_rows(self._core, queue, rows)
        return [list(row) for row in _ROW.iter_unpack(ffi.buffer(rows, count * _ROW.size))]

    def _refuse_query(self, code: int, profile: int, now: int) -> NoReturn:
        self._check_profile(profile)
        check_instant("now", now)
        self._refuse(code)

    def _refuse(self, code: int) -> NoReturn:
        if code == lib.SCHED_NO_MEMORY:
            raise MemoryError("no memory for the queue scheduler; it is as it was before the call")
        raise RuntimeError(f"the scheduler's core refused ({code}) what its checks had let pass")

    def _check_queue(self, queue: int) -> None:
        if not 0 <= queue < len(self._terms):
            raise IndexError(f"no queue {queue}: there are {len(self._terms)}")

    def _check_profile(self, profile: int) -> None:
        if not 0 <= profile < len(self._profiles):
            raise IndexError(f"no profile {profile}: there are {len(self._profiles)}")


def _plain(value: object, names: Sequence[str]) -> dict[str, int]:
    return {name: getattr(value, name) for name in names}


def _struct(kind: str, value: object, names: Sequence[str]) -> Any:
    return ffi.new(kind, _plain(value, names))


def _lanes(lanes: Sequence[Lane]) -> Any:
    return ffi.new("sched_lane[]", [_plain(lane, _LANE) for lane in lanes])
