"""What the queue scheduler costs in a hall: the C core against its Python reference and a deque + heapq twin.

    python tests/benchmarks/scheduler_churn.py [--rounds 7] [--cycles 4000] [--seed 1]

The hall: 200 waiting, 20 counters, 12 queues, each counter serving 8 of them. One cycle is what one
customer costs: a ticket joins, a counter peeks and its choice leaves, the next alert's moment is asked for,
and one time in ten another ticket gives up. The twin is what one writes by hand: a deque a queue, a heap of
deadlines, dead entries dropped when they surface; it has neither guard nor levels nor runner-up nor places
nor estimates. That it makes the same calls as the core is checked in each round.

Also: everybody's expected wait (the forward run), as Python objects. The reference takes fewer cycles a
round, for it scans all tickets at each question. Times are CPU time of the thread, rounds are interleaved;
printed are median and spread (lowest to highest) of the rounds, and the ratio of the medians to the C core.
"""

import argparse
import heapq
import random
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from somc.scheduler import Choice, Lane, Scheduler, Server, Terms
from somc.scheduler.native import NativeScheduler
from somc.scheduler.reference import ReferenceScheduler

WAITING, COUNTERS, QUEUES, LANES = 200, 20, 12, 8
TARGET_MS = 600_000
RATES = [1500, 1200, 1000]
REFERENCE_SHARE = 20
"""The reference runs one cycle for so many of the others."""


class Hall(Protocol):
    """What one cycle needs."""

    def push(self, key: int, queue: int, v: int, order: int) -> None: ...

    def remove(self, key: int) -> None: ...

    def peek(self, profile: int, now: int) -> Choice | None: ...

    def next_due(self) -> int | None: ...


class Twin:
    """Deques and a heap with lazy deletion: the same choices for rate × wait, and nothing beyond."""

    def __init__(self, rates: Sequence[int], profiles: Sequence[Sequence[int]]) -> None:
        self.rates, self.profiles = rates, profiles
        self.queues: list[deque[tuple[int, int]]] = [deque() for _ in rates]
        self.deadlines: list[tuple[int, int]] = []
        self.inside: set[int] = set()

    def push(self, key: int, queue: int, v: int, order: int) -> None:
        self.inside.add(key)
        self.queues[queue].append((v, key))
        heapq.heappush(self.deadlines, (v + TARGET_MS, key))

    def remove(self, key: int) -> None:
        self.inside.remove(key)

    def peek(self, profile: int, now: int) -> Choice | None:
        best = None
        for queue in self.profiles[profile]:
            line = self.queues[queue]
            while line and line[0][1] not in self.inside:
                line.popleft()
            if line:
                v, key = line[0]
                rank = (-self.rates[queue] * (now - v), v, key, queue)
                if best is None or rank < best:
                    best = rank
        return None if best is None else Choice(best[2], best[3], 1, -best[0], "score", None)

    def next_due(self) -> int | None:
        while self.deadlines and self.deadlines[0][1] not in self.inside:
            heapq.heappop(self.deadlines)
        return self.deadlines[0][0] if self.deadlines else None


def profiles(random_: random.Random) -> list[list[int]]:
    """The queues that each counter serves; every queue has a counter."""
    chosen = [random_.sample(range(QUEUES), LANES) for _ in range(COUNTERS - QUEUES)]
    return chosen + [[(first + step) % QUEUES for step in range(LANES)] for first in range(QUEUES)]


def terms() -> list[Terms]:
    return [Terms(rate=RATES[queue % len(RATES)], target=TARGET_MS) for queue in range(QUEUES)]


def filled(made: Scheduler, skills: Sequence[Sequence[int]]) -> Scheduler:
    for each in terms():
        made.define_queue(each)
    for queues in skills:
        made.define_profile([Lane(queue) for queue in queues])
    return made


def churn(hall: Hall, cycles: int, seed: int) -> tuple[float, int]:
    """Seconds for one cycle, and a sum over the calls by which the halls are compared."""
    random_ = random.Random(seed)
    inside = set(range(WAITING))
    for key in range(WAITING):
        hall.push(key, random_.randrange(QUEUES), key * 1000, key)
    plan = [
        (random_.randrange(QUEUES), random_.randrange(COUNTERS), random_.random() < 0.1)
        for _ in range(cycles)
    ]
    called, now, key = 0, WAITING * 1000, WAITING
    started = time.thread_time()
    for queue, counter, gives_up in plan:
        now += 1000
        hall.push(key, queue, now, key)
        inside.add(key)
        key += 1
        choice = hall.peek(counter, now)
        if choice is not None:
            hall.remove(choice.key)
            inside.remove(choice.key)
            called += choice.key
        hall.next_due()
        if gives_up and key - 50 in inside:
            hall.remove(key - 50)
            inside.remove(key - 50)
    return (time.thread_time() - started) / cycles, called


def estimate(hall: Scheduler) -> float:
    """Seconds for the expected waits of everybody."""
    servers = [Server(counter, counter * 10_000) for counter in range(COUNTERS)]
    means = [180_000 + 60_000 * (queue % 3) for queue in range(QUEUES)]
    started = time.thread_time()
    places = hall.estimate(servers, means, WAITING * 1000)
    took = time.thread_time() - started
    if len(places) != WAITING:
        raise RuntimeError(f"{len(places)} of {WAITING} tickets were placed")
    return took


def row(name: str, microseconds: list[float], base: float) -> None:
    median = statistics.median(microseconds)
    spread = f"{min(microseconds):.2f} to {max(microseconds):.2f}"
    print(f"  {name:<24}{median:>10.2f}  {spread:<22}{median / base:>8.1f}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cycles", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    skills = profiles(random.Random(options.seed))

    makers: dict[str, tuple[Callable[[], Hall], int]] = {
        "C core": (lambda: filled(NativeScheduler(), skills), options.cycles),
        "deque + heapq twin": (lambda: Twin([each.rate for each in terms()], skills), options.cycles),
        "Python reference": (
            lambda: filled(ReferenceScheduler(), skills),
            max(1, options.cycles // REFERENCE_SHARE),
        ),
    }
    cycle: dict[str, list[float]] = {name: [] for name in makers}
    run: dict[str, list[float]] = {"C core": [], "Python reference": []}
    for number in range(options.rounds):
        sums = {}
        for name, (make, cycles) in makers.items():
            seconds, sums[name] = churn(make(), cycles, options.seed + number)
            cycle[name].append(seconds * 1e6)
        if sums["C core"] != sums["deque + heapq twin"]:
            raise RuntimeError(f"the twin made other calls than the core: {sums}")
        for name, scheduler in (("C core", NativeScheduler()), ("Python reference", ReferenceScheduler())):
            hall = filled(scheduler, skills)
            for key in range(WAITING):
                hall.push(key, key % QUEUES, key * 1000, key)
            run[name].append(estimate(hall) * 1e6)

    python = sys.version.split()[0]
    print(f"seed {options.seed}, {options.rounds} rounds, {options.cycles} cycles each, Python {python}")
    for title, table in (("one cycle", cycle), (f"expected waits of all {WAITING}", run)):
        print(f"{title:<26}{'median us':>10}  {'spread us':<22}{'x core':>8}")
        for name, microseconds in table.items():
            row(name, microseconds, statistics.median(table["C core"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
