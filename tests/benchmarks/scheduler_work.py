"""The work that the scheduler's benchmarks put on the core and on its peers: sizes, plans, and one cycle.

One cycle is what one customer costs: a ticket joins, a counter calls, the next moment of a warning or breach
is asked for, and one time in ten somebody gives up and takes a new number. In batches 64 join, then 64 are
called, then those who give up leave. A plan is drawn from a seed before the clock starts; each hall is given
the same one and must make the same calls.

The line has settled when the clock starts: as many wait of each queue as its rate leaves waiting, structures
that keep dead entries hold those of all who left before, and the first quarter of a plan goes unmeasured.
"""

from __future__ import annotations

import random
import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from somc.scheduler import Lane, Scheduler, Terms

RATES = (1500, 1200, 1000)
MEAN_INVERSE_RATE = sum(1 / rate for rate in RATES) / len(RATES)
LEAD_MS = 120_000
"""A warning comes two minutes before the target."""

LONGEST_TARGET_MS = 4_500_000
BATCH = 64


@dataclass(frozen=True)
class Size:
    """How many wait, at how many counters with how many skill sets over how many queues."""

    name: str
    waiting: int
    counters: int
    queues: int
    profiles: int
    lanes: tuple[int, int]
    apart_ms: int
    """Between two arrivals."""

    def rates(self) -> list[int]:
        return [RATES[queue % len(RATES)] for queue in range(self.queues)]

    def targets(self) -> list[int]:
        """Every queue has its own promise, 45 to 75 minutes: longer than anybody waits here, so that no
        alert is ever told."""
        return [LONGEST_TARGET_MS - 30_000 * (queue * 37 % 61) for queue in range(self.queues)]

    def waits(self, queue: int, ago: int) -> bool:
        """Whether a customer who came so many customers ago still waits: rate × wait is the same for all who
        are called at one time, so queues with a higher rate keep fewer."""
        return ago * RATES[queue % len(RATES)] * MEAN_INVERSE_RATE < self.waiting

    def skills(self) -> list[list[int]]:
        """The queues of each profile. Every queue is served by some profile."""
        random_ = random.Random(self.queues)
        skills = [
            sorted(random_.sample(range(self.queues), random_.randint(*self.lanes)))
            for _ in range(self.profiles)
        ]
        for queue in range(self.queues):
            mine = skills[queue % self.profiles]
            if queue not in mine:
                mine.append(queue)
        return skills


HALL = Size("hall", 200, 20, 12, 20, (8, 8), 3000)
CENTRE = Size("centre", 1_000_000, 10_000, 500, 200, (5, 50), 2)


Step = tuple[int, int, int, int, int, int]
"""Who joins, where and when; which profile calls; who gives up (-1: nobody) and where they join again."""


class Peer(Protocol):
    """A hall written by hand: `call` answers the key."""

    keeps_dead: bool
    """Whether entries of those who left stay inside for a while."""

    def push(self, key: int, queue: int, v: int, order: int) -> None: ...

    def remove(self, key: int) -> None: ...

    def __contains__(self, key: int) -> bool: ...

    def call(self, profile: int, now: int) -> int | None: ...

    def next_due(self) -> int | None: ...


PeerMaker = Callable[[Sequence[int], Sequence[Sequence[int]], Sequence[int], int], Peer]
"""From rates, profiles, targets and the lead of warnings."""


class Work:
    """A plan of so many cycles for a size, and those who came before it begins.

    Customer number i has the key 2 i; who gives up in the cycle of i comes back under 2 i + 1.
    """

    def __init__(self, size: Size, cycles: int, seed: int) -> None:
        random_ = random.Random(seed)
        self.size = size
        first = LONGEST_TARGET_MS // size.apart_ms  # all of whom a heap may still hold something
        self.before = [random_.randrange(size.queues) for _ in range(first)]
        desks = [random_.randrange(size.profiles) for _ in range(size.counters)]
        gone: set[int] = set()
        self.steps: list[Step] = []
        for number in range(first, first + cycles):
            gives_up = 2 * (number - 1 - random_.randrange(size.waiting)) if random_.random() < 0.1 else -1
            if gives_up in gone:
                gives_up = -1
            gone.add(gives_up)
            queue, other = random_.randrange(size.queues), random_.randrange(size.queues)
            profile = random_.choice(desks)
            self.steps.append((2 * number, queue, number * size.apart_ms, profile, gives_up, other))
        self.unmeasured = cycles // 4 // BATCH * BATCH
        self.measured = cycles - self.unmeasured
        self.batches = [self.steps[at : at + BATCH] for at in range(0, cycles, BATCH)]
        self.pushes = [
            rows((key, queue, now, key, 0) for key, queue, now, _, _, _ in batch) for batch in self.batches
        ]
        self.asks = [rows((step[3], batch[-1][2]) for step in batch) for batch in self.batches]

    @property
    def first_measured(self) -> Step:
        return self.steps[self.unmeasured]

    def tickets(self, dead: bool) -> Iterator[tuple[int, int, int, bool]]:
        """Key, queue, v and whether it still waits, of those who came before; those who do not, if `dead`."""
        first = len(self.before)
        for number, queue in enumerate(self.before):
            waits = self.size.waits(queue, first - number)
            if waits or dead:
                yield 2 * number, queue, number * self.size.apart_ms, waits

    def filled(self, hall: Scheduler) -> Scheduler:
        """The core with its queues, profiles and tickets."""
        for rate, target in zip(self.size.rates(), self.size.targets(), strict=True):
            hall.define_queue(Terms(rate=rate, warn=target - LEAD_MS, target=target))
        for queues in self.size.skills():
            hall.define_profile([Lane(queue) for queue in queues])
        hall.push_many(rows((key, queue, v, key, 0) for key, queue, v, _ in self.tickets(dead=False)))
        return hall

    def filled_peer(self, make: PeerMaker) -> Peer:
        hall = make(self.size.rates(), self.size.skills(), self.size.targets(), LEAD_MS)
        for key, queue, v, waits in self.tickets(dead=hall.keeps_dead):
            hall.push(key, queue, v, key)
            if not waits:
                hall.remove(key)
        return hall


def rows(numbers: Iterable[tuple[int, ...]]) -> array[int]:
    """A batch as the core takes it."""
    return array("q", [number for row in numbers for number in row])


def core_one_by_one(hall: Scheduler, work: Work) -> tuple[float, list[int]]:
    """CPU seconds a cycle, and whom it called."""
    calls: list[int] = []
    push, call, next_due, remove, called = hall.push, hall.call, hall.next_due, hall.remove, calls.append
    began = 0.0
    for number, (key, queue, now, profile, gives_up, other) in enumerate(work.steps):
        if number == work.unmeasured:
            began = time.thread_time()
        push(key, queue, now, key)
        choice = call(profile, now)
        if choice is not None:
            called(choice.key)
        next_due()
        if gives_up >= 0 and gives_up in hall:
            remove(gives_up)
            push(key + 1, other, now, key + 1)
    return (time.thread_time() - began) / work.measured, calls


def peer_one_by_one(hall: Peer, work: Work) -> tuple[float, list[int]]:
    calls: list[int] = []
    push, call, next_due, remove, called = hall.push, hall.call, hall.next_due, hall.remove, calls.append
    began = 0.0
    for number, (key, queue, now, profile, gives_up, other) in enumerate(work.steps):
        if number == work.unmeasured:
            began = time.thread_time()
        push(key, queue, now, key)
        choice = call(profile, now)
        if choice is not None:
            called(choice)
        next_due()
        if gives_up >= 0 and gives_up in hall:
            remove(gives_up)
            push(key + 1, other, now, key + 1)
    return (time.thread_time() - began) / work.measured, calls


def core_in_batches(hall: Scheduler, work: Work) -> tuple[float, list[int]]:
    calls: list[int] = []
    began = 0.0
    for batch, pushes, asks in zip(work.batches, work.pushes, work.asks, strict=True):
        if batch[0] is work.first_measured:
            began = time.thread_time()
        hall.push_many(pushes)
        calls.extend(hall.call_many(asks)[::8])
        hall.next_due()
        leaving = [step for step in batch if step[4] >= 0 and step[4] in hall]
        hall.remove_many(array("q", [step[4] for step in leaving]))
        now = batch[-1][2] + 1
        hall.push_many(rows((step[0] + 1, step[5], now, step[0] + 1, 0) for step in leaving))
    return (time.thread_time() - began) / work.measured, calls


def peer_in_batches(hall: Peer, work: Work) -> tuple[float, list[int]]:
    calls: list[int] = []
    push, call, remove, called = hall.push, hall.call, hall.remove, calls.append
    began = 0.0
    for batch in work.batches:
        if batch[0] is work.first_measured:
            began = time.thread_time()
        for key, queue, now, _, _, _ in batch:
            push(key, queue, now, key)
        now = batch[-1][2]
        for _, _, _, profile, _, _ in batch:
            choice = call(profile, now)
            if choice is not None:
                called(choice)
        hall.next_due()
        leaving = [step for step in batch if step[4] >= 0 and step[4] in hall]
        for step in leaving:
            remove(step[4])
        for step in leaving:
            push(step[0] + 1, step[5], now + 1, step[0] + 1)
    return (time.thread_time() - began) / work.measured, calls
