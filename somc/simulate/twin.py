"""The loop of `native/simulate.c` in plain Python over the reference scheduler.

It is what `somc simulate` runs under `SOMC_PURE=1`, and what the loop in C is compared with, call by call.
What must stay true: it is the plainest form of the rules that `native/simulate.h` says. Everybody passes
through the scheduler, every idle counter is looked at after every event; nothing is remembered for speed.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from somc.scheduler.interface import Idle
from somc.scheduler.reference import ReferenceScheduler
from somc.simulate.chance import Flow, Stream, time_from, to_ticks
from somc.simulate.model import Call, ClassModel, HallModel, Tally, TooManyWaiting

__all__ = ["TwinLoop"]

_FREE, _SIGHT, _ARRIVAL, _LEAVE = range(4)
"""What goes first at one instant."""

_FINE, _STEP = 11, 10
"""As in native/tally.h: below 2^11 ticks each wait has its bin, each further doubling has 2^10."""


@dataclass(frozen=True, slots=True)
class _Customer:
    at: int
    service: int
    customer_class: int
    number: int
    batch: int | None


class _Source:
    """One class: who comes next. `place` is its number in the hall."""

    def __init__(self, model: ClassModel, horizon: int, seed: int, replication: int, place: int) -> None:
        self.model, self._horizon = model, horizon
        self._rows = model.days[replication % len(model.days)] if model.days else None
        self._arriving, self._serving, self._patience, self._diverting = (
            Stream(seed, replication, place, purpose) for purpose in range(4)
        )
        self._flow = Flow(model.rates, model.period)
        self.number = 0
        self.next = self._look_ahead()

    def _look_ahead(self) -> int | None:
        rows = self._rows
        if rows is not None:
            at = rows[3 * self.number] if 3 * self.number < len(rows) else self._horizon
        elif max(self.model.rates) <= 0:
            at = self._horizon
        else:
            time = self._flow.next(self._arriving, float(self._horizon))
            at = self._horizon if math.isinf(time) else to_ticks(time)
        return at if at < self._horizon else None

    def draw(self) -> tuple[int, int | None, bool]:
        """Service, patience and whether the customer stays (was not diverted), of the one who has come."""
        model, rows = self.model, self._rows
        given = rows[3 * self.number : 3 * self.number + 3] if rows is not None else (0, -1, -1)
        if given[1] >= 0:
            service = given[1]
        else:
            service = to_ticks(time_from(self._serving, model.law, model.service_mean, model.service_cv))
        patience: int | None
        if given[2] >= 0:
            patience = given[2]
        elif model.patience_mean > 0:
            patience = to_ticks(self._patience.exponential() * model.patience_mean)
        else:
            patience = None if model.patience_mean < 0 else 0
        stays = model.diverted <= 0 or self._diverting.unit() > model.diverted
        self.number += 1
        self.next = self._look_ahead()
        return service, patience, stays


class TwinLoop:
    """Implements `Loop`."""

    chunk = 200

    def __init__(self, model: HallModel, trace_room: int = 0) -> None:
        self._model, self._trace_room = model, trace_room
        self._waits: list[Counter[int]] = [Counter() for _ in model.classes]
        self._longest = [0] * len(model.classes)
        self.begin(0)

    def begin(self, replication: int) -> None:
        model = self._model
        self._queues = ReferenceScheduler()
        for each in model.classes:
            self._queues.define_queue(each.terms)
        for lanes in model.counters:
            self._queues.define_profile(lanes)
        self._sources = [
            _Source(each, model.horizon, model.seed, replication, number)
            for number, each in enumerate(model.classes)
        ]
        self._customers: dict[int, _Customer] = {}
        self._serving: list[tuple[int, int]] = []
        self._leaving: list[tuple[int, int]] = []
        self._idle = [Idle(number, 0, number) for number in range(len(model.counters))]
        self._now = self._order = 0
        self._busy = 0.0
        self._calls: list[Call] = []
        self._tallies = [[Tally()] * model.batches for _ in model.classes]

    def run(self, events: int) -> bool:
        for _ in range(events):
            moments = list(self._moments())
            if not moments:
                return False
            self._now, what, who = min(moments)
            if what == _FREE:
                heapq.heappop(self._serving)
                self._idle.append(Idle(who, self._now, who))
            elif what == _ARRIVAL:
                self._arrive(who)
            elif what == _LEAVE:
                heapq.heappop(self._leaving)
                self._queues.remove(who)
                self._count(self._customers.pop(who), served=False)
            self._assign()
        return True

    def _moments(self) -> list[tuple[int, int, int]]:
        """The next event of each sort: instant, sort, and whom it is about."""
        while self._leaving and self._leaving[0][1] not in self._customers:
            heapq.heappop(self._leaving)
        found = [(at, _FREE, counter) for at, counter in self._serving[:1]]
        found += [(at, _LEAVE, order) for at, order in self._leaving[:1]]
        found += [
            (source.next, _ARRIVAL, number)
            for number, source in enumerate(self._sources)
            if source.next is not None
        ]
        for idle in self._idle:
            sight = self._queues.next_sight(idle.profile, self._now)
            if sight is not None:
                found.append((sight, _SIGHT, 0))
        return found

    def _arrive(self, number: int) -> None:
        source = self._sources[number]
        service, patience, stays = source.draw()
        if not stays:
            return
        if len(self._customers) >= self._model.waiting_limit:
            raise TooManyWaiting
        order = self._order
        self._order += 1
        batch = self._batch() if self._now >= self._model.warmup else None
        self._customers[order] = _Customer(self._now, service, number, source.number - 1, batch)
        self._queues.push(order, number, self._now, order)
        if patience is not None:
            heapq.heappush(self._leaving, (self._now + patience, order))

    def _batch(self) -> int:
        model = self._model
        length = float(model.horizon - model.warmup) / float(model.batches)
        ends = (model.warmup + to_ticks(float(batch + 1) * length) for batch in range(model.batches - 1))
        return next((batch for batch, end in enumerate(ends) if self._now < end), model.batches - 1)

    def _assign(self) -> None:
        while (found := self._queues.assign(self._idle, self._model.distribution, self._now)) is not None:
            index, choice = found
            self._queues.called(choice.key)
            customer, counter = self._customers.pop(choice.key), self._idle.pop(index).number
            if len(self._calls) < self._trace_room:
                call = Call(self._now, customer.customer_class, customer.number, counter)
                self._calls.append(call)
            self._count(customer, served=True)
            free_at = self._now + customer.service
            begin, end = max(self._now, self._model.warmup), min(free_at, self._model.horizon)
            self._busy += max(0.0, float(end - begin))
            heapq.heappush(self._serving, (free_at, counter))

    def _count(self, customer: _Customer, served: bool) -> None:
        if customer.batch is None:
            return
        number, wait = customer.customer_class, self._now - customer.at
        counted = Tally(
            arrived=1,
            served=int(served),
            abandoned=int(not served),
            waited=int(wait > 0 or not served),
            within=int(served and wait <= self._model.classes[number].target),
            wait_sum=float(wait),
            served_wait_sum=float(wait) if served else 0.0,
        )
        batches = self._tallies[number]
        batches[customer.batch] = batches[customer.batch].plus(counted)
        self._waits[number][wait] += 1
        self._longest[number] = max(self._longest[number], wait)

    @property
    def clock(self) -> int:
        return self._now

    def tallies(self) -> list[list[Tally]]:
        return [list(batches) for batches in self._tallies]

    def busy(self) -> float:
        return self._busy

    def longest(self, customer_class: int) -> int:
        return self._longest[customer_class]

    def quantile(self, classes: Sequence[int], share: float) -> int | None:
        together: Counter[int] = Counter()
        for number in classes:
            together.update(self._waits[number])
        rank = math.ceil(share * float(together.total()))
        for wait in sorted(together):
            rank -= together[wait]
            if rank <= 0:
                return _middle(wait)
        return None

    def trace(self) -> list[Call]:
        return list(self._calls)


def _middle(wait: int) -> int:
    """The middle of the bin that the loop in C counts this wait in."""
    if wait < 1 << _FINE:
        return wait
    width = 1 << (wait.bit_length() - 1 - _STEP)
    return wait // width * width + width // 2
