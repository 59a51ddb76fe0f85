"""The loop in C (`native/simulate.c`) behind the interface of `model.py`.

What must stay true: this file translates and decides nothing. The C side keeps pointers into the arrays of
rates and arrivals, so they live as long as the loop does. Calls into C give the GIL away: `run` may go in a
thread beside a live event loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from struct import Struct
from typing import Any

from somc._sched import ffi, lib
from somc.scheduler.interface import DISTRIBUTIONS, Lane, Terms
from somc.simulate.model import LAWS, Call, ClassModel, HallModel, Tally, TooManyWaiting

__all__ = ["NativeLoop"]

_TERMS = tuple(field for field in Terms.__dataclass_fields__)
# The struct of simulate.h. Unpacking one costs less than reading its fields one by one.
_TALLY = Struct("=5q2d")
_LANE = tuple(field for field in Lane.__dataclass_fields__)


class NativeLoop:
    """Implements `Loop`."""

    def __init__(self, model: HallModel, trace_room: int = 0) -> None:
        self._model, self._trace_room = model, trace_room
        self.chunk = _chunk(model)
        self._alive: list[Any] = []
        run = ffi.new("sim_terms *")
        run.seed, run.warmup, run.horizon, run.batches = (
            model.seed,
            model.warmup,
            model.horizon,
            model.batches,
        )
        run.distribution = DISTRIBUTIONS.index(model.distribution)
        run.waiting_limit, run.trace_room = model.waiting_limit, trace_room
        terms = ffi.new("sched_terms[]", [_fields(each.terms, _TERMS) for each in model.classes])
        classes = ffi.new("sim_class[]", [self._class(each) for each in model.classes])
        # Equal counters share their lanes: a thousand of them are translated once.
        distinct = {id(counter): counter for counter in model.counters}
        rows = {key: [_fields(lane, _LANE) for lane in counter] for key, counter in distinct.items()}
        lanes = [row for counter in model.counters for row in rows[id(counter)]]
        counts = [len(counter) for counter in model.counters]
        made = lib.sim_new(
            run,
            terms,
            classes,
            len(model.classes),
            ffi.new("sched_lane[]", lanes),
            ffi.new("int64_t[]", counts),
            len(counts),
        )
        if made == ffi.NULL:
            raise MemoryError("no memory for the simulated hall, or a number outside its limits")
        self._sim = ffi.gc(made, lib.sim_free)

    def _class(self, model: ClassModel) -> dict[str, Any]:
        rates = ffi.new("double[]", list(model.rates))
        self._alive.append(rates)
        arrivals = ffi.new("int64_t[]", [number for day in model.days for number in day])
        rows = (len(day) // 3 for day in model.days)
        days = ffi.new("int64_t[]", list(accumulate(rows, initial=0)))
        self._alive += [arrivals, days]
        return {
            "law": LAWS.index(model.law),
            "service_mean": model.service_mean,
            "service_cv": model.service_cv,
            "patience_mean": model.patience_mean,
            "diverted": model.diverted,
            "target": model.target,
            "rates": rates,
            "rate_count": len(model.rates),
            "period": model.period,
            "arrivals": arrivals,
            "days": days,
            "day_count": len(model.days),
        }

    def begin(self, replication: int) -> None:
        _check(lib.sim_begin(self._sim, replication))

    def run(self, events: int) -> bool:
        return _check(lib.sim_run(self._sim, events)) > 0

    @property
    def clock(self) -> int:
        return int(lib.sim_clock(self._sim))

    def tallies(self) -> list[list[Tally]]:
        classes, batches = len(self._model.classes), self._model.batches
        rows = ffi.new("sim_tally[]", classes * batches)
        lib.sim_tallies(self._sim, rows)
        counted = [Tally(*row) for row in _TALLY.iter_unpack(ffi.buffer(rows))]
        return [counted[first : first + batches] for first in range(0, classes * batches, batches)]

    def busy(self) -> float:
        return float(lib.sim_busy(self._sim))

    def longest(self, customer_class: int) -> int:
        return int(lib.sim_longest(self._sim, customer_class))

    def quantile(self, classes: Sequence[int], share: float) -> int | None:
        wait = lib.sim_quantile(self._sim, ffi.new("int64_t[]", list(classes)), len(classes), share)
        return int(wait) if wait >= 0 else None

    def trace(self) -> list[Call]:
        rows = ffi.new("sim_call[]", self._trace_room)
        count = lib.sim_trace(self._sim, rows)
        return [Call(*(getattr(rows[i], name) for name in Call._fields)) for i in range(count)]


def _chunk(model: HallModel) -> int:
    """Events that take some tens of milliseconds: the larger the hall, the fewer."""
    lanes = max(map(len, model.counters), default=0)
    timed = any(lane.min_wait for counter in model.counters for lane in counter)
    looks = len(model.classes) + lanes * (len(model.counters) if timed else 1)
    return max(100, 200_000 // (1 + looks // 50))


def _fields(values: Any, names: Sequence[str]) -> dict[str, int]:
    return {name: getattr(values, name) for name in names}


def _check(answer: int) -> int:
    if answer == lib.SIM_TOO_MANY:
        raise TooManyWaiting
    if answer == lib.SCHED_NO_MEMORY:
        raise MemoryError("no memory for the simulated hall")
    if answer < 0:
        raise RuntimeError(f"the simulated hall stopped with error {answer}")
    return int(answer)
