"""What choosing the next ticket costs from Python, beside what one would write instead.

    python tests/benchmarks/scheduler_churn.py [--rounds 7] [--cycles 6400] [--centre-rounds 3] [--write]

In a hall (200 waiting, 20 counters, 12 queues, each skill set 8 of them) one call an operation and in batches
of 64; in a centre (1,000,000 waiting, 10,000 counters, 500 queues, 200 skill sets of 5 to 50) in batches.
Beside the C core stand a deque + heapq twin, sortedcontainers' SortedList, Redis with the choice in Lua, and
in the hall the Python reference. What a cycle is, and that all make the same calls: scheduler_work.py. Then
everybody's expected wait in the hall, as Python objects, beside a hand-tuned heapq loop.

Times are CPU time of the thread (for Redis, of client and server). Rounds are interleaved; printed are the
median and the spread (lowest to highest) of the rounds, and the ratio of the medians to the C core.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from peers.queues import SortedLists, Twin
from peers.redis_lua import RedisLua
from scheduler_work import (
    CENTRE,
    HALL,
    Size,
    Work,
    core_in_batches,
    core_one_by_one,
    peer_in_batches,
    peer_one_by_one,
)

from somc.scheduler import Server
from somc.scheduler.native import NativeScheduler
from somc.scheduler.reference import ReferenceScheduler

CORE, TWIN, SORTED, REDIS, REFERENCE = (
    "C core",
    "deque + heapq twin",
    "SortedList",
    "Redis + Lua",
    "Python reference",
)
REFERENCE_CYCLES = 128
REDIS_CYCLES = 2048
ESTIMATES = 20
"""So many in a row are one sample."""

Samples = dict[str, list[float]]
Measured = tuple[float, list[int]]


class Round:
    """The same plan for everybody; whoever makes other calls ends the benchmark."""

    def __init__(self, size: Size, cycles: int, seed: int, redis: RedisLua) -> None:
        self.seed = seed
        self.work = Work(size, cycles, seed)
        self.short = Work(size, min(cycles, REDIS_CYCLES), seed)
        self.redis = redis

    def one_by_one(self) -> dict[str, Measured]:
        work = self.work
        return self.same(
            {
                CORE: core_one_by_one(work.filled(NativeScheduler()), work),
                TWIN: peer_one_by_one(work.filled_peer(Twin), work),
                SORTED: peer_one_by_one(work.filled_peer(SortedLists), work),
                REDIS: self.with_redis(self.redis.one_by_one),
                REFERENCE: self.with_reference(),
            }
        )

    def in_batches(self) -> dict[str, Measured]:
        work = self.work
        return self.same(
            {
                CORE: core_in_batches(work.filled(NativeScheduler()), work),
                TWIN: peer_in_batches(work.filled_peer(Twin), work),
                SORTED: peer_in_batches(work.filled_peer(SortedLists), work),
                REDIS: self.with_redis(self.redis.in_batches),
            }
        )

    def with_redis(self, run: Callable[[Work], Measured]) -> Measured:
        self.redis.fill(self.short)
        return run(self.short)

    def with_reference(self) -> Measured:
        first = Work(self.work.size, REFERENCE_CYCLES, self.seed)
        return core_one_by_one(first.filled(ReferenceScheduler()), first)

    def same(self, measured: dict[str, Measured]) -> dict[str, Measured]:
        """The slow ones run fewer cycles: a plan of fewer cycles begins as the longer one does."""
        for name, (_, calls) in measured.items():
            if calls != measured[CORE][1][: len(calls)]:
                raise RuntimeError(f"{name} made other calls than the core")
        return measured


def estimates(work: Work) -> Samples:
    """Microseconds for the expected waits of everybody: both forms of the core's answer, and the twin's."""
    core, twin = work.filled(NativeScheduler()), work.filled_peer(Twin)
    reference = work.filled(ReferenceScheduler())
    if not isinstance(twin, Twin):
        raise TypeError(twin)
    size, now = work.size, work.steps[0][2]
    servers = [Server(profile, profile * 10_000) for profile in range(size.counters)]
    free = [(server.profile, server.free_in) for server in servers]
    means = [180_000 + 60_000 * (queue % 3) for queue in range(size.queues)]
    if core.estimate_many(servers, means, now) != twin.estimate_many(free, means, now):
        raise RuntimeError("the twin expects other waits than the core")
    return {
        "C core, rows": [sample(lambda: core.estimate_many(servers, means, now))],
        "C core, Place by key": [sample(lambda: core.estimate(servers, means, now))],
        "heapq loop, rows": [sample(lambda: twin.estimate_many(free, means, now))],
        REFERENCE: [sample(lambda: reference.estimate(servers, means, now), 1)],
    }


def sample(ask: Callable[[], object], times: int = ESTIMATES) -> float:
    began = time.thread_time()
    for _ in range(times):
        ask()
    return (time.thread_time() - began) / times * 1e6


def gathered(samples: Samples, more: dict[str, Measured]) -> None:
    for name, (seconds, _) in more.items():
        samples.setdefault(name, []).append(seconds * 1e6)


def table(title: str, samples: Samples) -> str:
    base = statistics.median(next(iter(samples.values())))
    lines = [f"{title:<44}{'median us':>10}  {'spread us':<22}{'x core':>8}"]
    for name, each in samples.items():
        median = statistics.median(each)
        spread = f"{min(each):.2f} to {max(each):.2f}"
        lines.append(f"  {name:<42}{median:>10.2f}  {spread:<22}{median / base:>8.1f}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cycles", type=int, default=6400)
    parser.add_argument("--centre-rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--write", action="store_true", help="write the tables into docs/reference/performance.md"
    )
    options = parser.parse_args(arguments)

    single: Samples = {}
    batches: Samples = {}
    waits: Samples = {}
    centre: Samples = {}
    with ExitStack() as stack:
        redis = stack.enter_context(RedisLua(HALL))
        for number in range(options.rounds):
            this = Round(HALL, options.cycles, options.seed + number, redis)
            gathered(single, this.one_by_one())
            gathered(batches, this.in_batches())
            for name, each in estimates(this.work).items():
                waits.setdefault(name, []).extend(each)
    with ExitStack() as stack:
        redis = stack.enter_context(RedisLua(CENTRE))
        for number in range(options.centre_rounds):
            gathered(centre, Round(CENTRE, 10 * options.cycles, options.seed + number, redis).in_batches())

    python = sys.version.split()[0]
    said = [
        f"seed {options.seed}, {options.rounds} rounds of {options.cycles} cycles in the hall, "
        f"{options.centre_rounds} of {10 * options.cycles} in the centre, Python {python}",
        table("hall, one call an operation: one cycle", single),
        table("hall, batches of 64: one cycle", batches),
        table("hall, expected waits of all", waits),
    ]
    if centre:
        said.append(table("centre, 1,000,000 waiting, batches of 64", centre))
    print("\n".join(said))
    if options.write:
        from hall_tickets import PAGE, write_into

        write_into(PAGE, "scheduler_churn", "```\n" + "\n".join(said) + "\n```\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
