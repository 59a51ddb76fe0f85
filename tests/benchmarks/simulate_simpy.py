"""What one simulated customer costs: `somc simulate`'s loop in C, a bare loop in Python, and simpy.

    python tests/benchmarks/simulate_simpy.py [--rounds 7] [--customers 200000] [--seed 1] [--write]

An M/M/8 hall, first come first served, counters busy 85 % of the time, in three ways: the loop in C over the
C scheduler, with all that it counts; a loop by hand with heapq and a deque, which knows this one hall and
this one policy; and simpy, with a process for each customer and a Resource of capacity 8. Each also says the
mean wait, which is compared with Erlang's. Then a what-if day: the reference hall's 600 tickets, nine
classes, the default policy, from an empty hall to its table.

Times are CPU time of the thread, rounds are interleaved; printed are median and spread (lowest to highest)
of the rounds, and the ratio of the medians to the loop in C. `--write` puts them into
docs/reference/performance.md.
"""

from __future__ import annotations

import argparse
import heapq
import random
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import simpy
from hall_tickets import PAGE, write_into

from somc.simulate.native import NativeLoop
from somc.simulate.run import Simulation
from somc.simulate.scenario import ClassTerms, CounterTerms, PolicyTerms, Scenario, load_scenario

COUNTERS, LOAD, UNIT_S = 8, 0.85, 360.0
EXACT = 0.4771407775
"""Mean wait of M/M/8 at this load in mean services: Erlang's C / (8 - 6.8)."""

HALL = Path(__file__).resolve().parents[2] / "examples" / "reference_hall" / "hall.toml"
GOAL_SIMPY = 70


def in_c(customers: int, seed: int) -> float:
    """The mean wait of so many customers, in mean services."""
    per_h = COUNTERS * LOAD * 3600 / UNIT_S
    customer = ClassTerms("k", "k", "s", UNIT_S, arrivals_per_h=(per_h,))
    hall = Scenario(
        (customer,), (CounterTerms({"s": 1}, COUNTERS),), PolicyTerms("fifo"), customers / per_h, seed=seed
    )
    simulation = Simulation(hall, NativeLoop)
    while simulation.advance():
        pass
    return (simulation.outcome().all.wait_mean_s or 0.0) / UNIT_S


def by_hand(customers: int, seed: int) -> float:
    """The same with a heap of departures and a deque of who waits."""
    draw, rate = random.Random(seed).expovariate, COUNTERS * LOAD
    arrival, free, total, come = draw(rate), COUNTERS, 0.0, 0
    leaving: list[float] = []
    waiting: deque[tuple[float, float]] = deque()
    while come < customers:
        if leaving and leaving[0] <= arrival:
            now = leaving[0]
            if waiting:
                came, service = waiting.popleft()
                total += now - came
                heapq.heapreplace(leaving, now + service)
            else:
                heapq.heappop(leaving)
                free += 1
            continue
        come += 1
        if free:
            free -= 1
            heapq.heappush(leaving, arrival + draw(1.0))
        else:
            waiting.append((arrival, draw(1.0)))
        arrival += draw(rate)
    return total / customers


def in_simpy(customers: int, seed: int) -> float:
    """The same with a process a customer."""
    draw, rate = random.Random(seed).expovariate, COUNTERS * LOAD
    world = simpy.Environment()
    counters = simpy.Resource(world, COUNTERS)
    total = 0.0

    def customer() -> Generator[Any, Any, None]:
        nonlocal total
        came = world.now
        with counters.request() as called:
            yield called
            total += world.now - came
            yield world.timeout(draw(1.0))

    def door() -> Generator[Any, Any, None]:
        for _ in range(customers):
            yield world.timeout(draw(rate))
            world.process(customer())

    world.process(door())
    world.run()
    return total / customers


def a_day(days: int, seed: int) -> float:
    """Milliseconds for one day of the reference hall, its counts included."""
    hall = replace(load_scenario(HALL), seed=seed, replications=days)
    simulation = Simulation(hall, NativeLoop)
    began = time.thread_time()
    while simulation.advance():
        pass
    return (time.thread_time() - began) / days * 1000


def timed(run: Callable[[int, int], float], customers: int, seed: int) -> tuple[float, float]:
    """Nanoseconds a customer, and the mean wait."""
    began = time.thread_time()
    wait = run(customers, seed)
    return (time.thread_time() - began) / customers * 1e9, wait


def row(name: str, figures: Sequence[float], base: float, form: str = ".0f") -> str:
    spread = f"{min(figures):{form}} to {max(figures):{form}}"
    median = statistics.median(figures)
    return f"  {name:<28}{median:>10{form}}  {spread:<20}{median / base:>8.1f}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--customers", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="into docs/reference/performance.md")
    options = parser.parse_args(arguments)
    # So many times as many customers as simpy gets: each then takes a good part of a second.
    ways = {"loop in C": (in_c, 10), "heapq by hand": (by_hand, 2), "simpy": (in_simpy, 1)}
    costs: dict[str, list[float]] = {name: [] for name in ways}
    waits: dict[str, list[float]] = {name: [] for name in ways}
    days: list[float] = []
    for number in range(options.rounds):
        for name, (run, times) in ways.items():
            cost, wait = timed(run, options.customers * times, options.seed + number)
            costs[name].append(cost)
            waits[name].append(wait)
        days.append(a_day(1000, options.seed + number))
    for name, each in waits.items():
        if abs(statistics.mean(each) / EXACT - 1) > 0.1:
            raise RuntimeError(f"{name}: the mean wait is {statistics.mean(each)}, not {EXACT}")

    text = report(options, costs, waits, days)
    print(text)
    if options.write:
        write_into(PAGE, "simulate_simpy", f"```\n{text}\n```\n")
    return 0


def report(
    options: argparse.Namespace,
    costs: dict[str, list[float]],
    waits: dict[str, list[float]],
    days: list[float],
) -> str:
    base = statistics.median(costs["loop in C"])
    lines = [
        f"seed {options.seed}, {options.rounds} rounds, {options.customers} customers of simpy each, "
        f"Python {sys.version.split()[0]}",
        f"{'one customer of M/M/8':<30}{'median ns':>10}  {'spread ns':<20}{'x C':>8}{'mean wait':>12}",
    ]
    for name, figures in costs.items():
        lines.append(f"{row(name, figures, base)}{statistics.mean(waits[name]):>12.4f}")
    lines += [
        f"{'':<30}{'':>10}  {'by theory':<20}{'':>8}{EXACT:>12.4f}",
        f"{'a day of some 611 tickets':<30}{'median ms':>10}  spread ms",
        row("reference hall, gcmu", days, 1.0, ".3f")[:-8].rstrip(),
    ]
    ratio = statistics.median(costs["simpy"]) / base
    return "\n".join(
        [*lines, f"goal: simpy takes at least {GOAL_SIMPY} times as long; here {ratio:.0f} times"]
    )


if __name__ == "__main__":
    sys.exit(main())
