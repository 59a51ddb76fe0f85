"""A day through the hall's own rules, as a simulator would see it: customers come, idle counters are given
whom the hall chooses, services end. Nothing but `decide` and `evolve` says who is next.

The order of what happens at one instant is that of `native/simulate.h`.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.auto import given_somebody
from somc.domain.decide import decide
from somc.domain.evolve import evolve
from somc.domain.refusals import Refusal
from somc.domain.state import HallState
from somc.domain.values import TicketState
from somc.scheduler.choose import factory
from somc.scheduler.interface import Idle, Lane, Terms
from somc.simulate.model import Call, ClassModel, HallModel
from somc.simulate.watching import is_free

__all__ = ["Customer", "DomainLoop", "model_of"]

BEGIN = 1_772_413_200_000
"""2026-03-02 09:00 in Shanghai: the tick 0 of the simulator."""

FREE, SIGHT, ARRIVAL, LEAVE = range(4)


@dataclass(frozen=True, slots=True)
class Customer:
    """One visit in ms: when it comes, how long its service takes, after what wait it leaves (none: never)."""

    at: int
    service: str
    customer_class: str
    service_ms: int
    patience_ms: int | None = None


class DomainLoop:
    """One hall, all its counters open from tick 0 on. With `auto` counters the hall itself gives them their
    customers; else the counter that the distribution names presses next."""

    def __init__(self, hall: Mapping[str, Any], auto: bool = False) -> None:
        self.auto = auto
        if auto:
            modes = {key.replace(".skills", ".mode"): "auto" for key in hall if key.endswith(".skills")}
            hall = {**hall, **modes}
        self.state = HallState(factory())
        evolve(self.state, e.ConfigChanged(by="config", changes=dict(hall)), BEGIN)
        self._do(c.ChangeConfig(by="config", changes={}), 0)
        for number in self.state.counters:
            self._do(c.OpenCounter(by="test", counter=number, agent=f"agent-{number}"), 0)
        self._numbers = sorted(self.state.counters)
        self._service_ms: dict[str, int] = {}
        self.calls: list[Call] = []
        self.rules: set[str] = set()
        """The rules by which somebody was called."""

    def _do(self, command: c.Command, at: int) -> list[e.Event]:
        outcome = decide(self.state, command, BEGIN + at)
        assert not isinstance(outcome, Refusal), f"{command} was refused: {outcome.words.en}"
        for event in outcome:
            evolve(self.state, event, BEGIN + at)
        return outcome

    def queue_of(self, customer: Customer) -> int:
        return self.state.queues.number_of(customer.service, customer.customer_class, 0)

    def run(self, customers: Sequence[Customer]) -> list[Call]:
        """The calls of a day on which these come."""
        heap: list[tuple[int, int, int, Any]] = []
        counts = [0] * len(self.state.queues.names)
        places: dict[str, tuple[int, int]] = {}
        for customer in sorted(customers, key=lambda one: (one.at, self.queue_of(one))):
            queue = self.queue_of(customer)
            name = f"t{queue}-{counts[queue]}"
            places[name] = queue, counts[queue]
            counts[queue] += 1
            heapq.heappush(heap, (customer.at, ARRIVAL, len(places), (name, customer)))
        now = 0
        while True:
            sight = self._next_sight(now)
            if sight is not None and (not heap or (sight, SIGHT) < heap[0][:2]):
                now = sight
            elif heap:
                now, what, _, who = heapq.heappop(heap)
                if what == FREE:
                    self._do(c.FinishService(by="test", counter=who), now)
                elif what == LEAVE:
                    if self.state.tickets[who].state is TicketState.WAITING:
                        self._do(c.CancelTicket(by="test", ticket=who), now)
                    else:
                        continue
                else:
                    name, customer = who
                    self._service_ms[name] = customer.service_ms
                    self._do(_take(name, customer), now)
                    if customer.patience_ms is not None:
                        # Of those whose patience ends together, the first who came leaves first.
                        place = self.state.tickets[name].key
                        heapq.heappush(heap, (now + customer.patience_ms, LEAVE, place, name))
            else:
                return self.calls
            for called in self._assigned(now):
                queue, number = places[called.ticket]
                place = self._numbers.index(called.counter)
                self.calls.append(Call(now, queue, number, place))
                self.rules.add(called.reason.facts["because"] if self.auto else called.reason.rule)
                self._do(c.StartService(by="test", counter=called.counter), now)
                free_at = now + self._service_ms[called.ticket]
                heapq.heappush(heap, (free_at, FREE, called.counter, called.counter))

    # -- idle counters --------------------------------------------------------------------------------

    def _idle(self) -> list[Idle]:
        return [
            Idle(self.state.queues.counter_profile(number), counter.free_since, number)
            for number, counter in sorted(self.state.counters.items())
            if is_free(counter)
        ]

    def _next_sight(self, now: int) -> int | None:
        moments = [self.state.scheduler.next_sight(idle.profile, BEGIN + now) for idle in self._idle()]
        return min((moment - BEGIN for moment in moments if moment is not None), default=None)

    def _assigned(self, now: int) -> list[e.TicketCalled]:
        """Idle counters call, one after the other as the hall distributes, while there is somebody."""
        if self.auto:
            return self._given(now)
        calls: list[e.TicketCalled] = []
        distribution = self.state.hall.policy.distribution
        while True:
            idle = self._idle()
            found = self.state.scheduler.assign(idle, distribution, BEGIN + now)
            if found is None:
                return calls
            (called,) = self._do(c.CallNext(by="test", counter=idle[found[0]].number), now)
            assert isinstance(called, e.TicketCalled)
            calls.append(called)

    def _given(self, now: int) -> list[e.TicketCalled]:
        """What the hall does by itself after each command."""
        calls: list[e.TicketCalled] = []
        while (command := given_somebody(self.state, BEGIN + now)) is not None:
            (called,) = self._do(command, now)
            assert isinstance(called, e.TicketCalled)
            calls.append(called)
        return calls


def _take(name: str, customer: Customer) -> c.TakeTicket:
    return c.TakeTicket(
        by="test",
        ticket_id=name,
        service=customer.service,
        customer_class=customer.customer_class,
        class_source="given",
        channel="kiosk",
    )


def model_of(loop: DomainLoop, customers: Sequence[Customer], seed: int = 1) -> HallModel:
    """The same hall and the same customers for the simulator: a class for each queue of the hall."""
    dumped = loop.state.scheduler.dump()
    rows: list[list[tuple[int, int, int]]] = [[] for _ in dumped["queues"]]
    for customer in sorted(customers, key=lambda one: one.at):
        patience = -1 if customer.patience_ms is None else customer.patience_ms
        rows[loop.queue_of(customer)].append((customer.at, customer.service_ms, patience))
    profiles = [loop.state.queues.counter_profile(number) for number in sorted(loop.state.counters)]
    return HallModel(
        classes=tuple(
            ClassModel(
                terms=Terms(**queue["terms"]),
                law="deterministic",
                service_mean=1.0,
                days=(array("q", [number for row in rows[place] for number in row]),),
            )
            for place, queue in enumerate(dumped["queues"])
        ),
        counters=tuple(tuple(Lane(**lane) for lane in dumped["profiles"][profile]) for profile in profiles),
        seed=seed,
        warmup=0,
        horizon=1 + max((customer.at for customer in customers), default=0),
        batches=1,
        distribution=loop.state.hall.policy.distribution,
    )
