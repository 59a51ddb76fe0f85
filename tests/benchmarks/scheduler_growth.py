"""How the C core's memory and cost grow with the number waiting, from 10^2 to 10^6: a table and a plot.

    python tests/benchmarks/scheduler_growth.py [--rounds 5] [--seed 1] [--write]

The hall of scheduler_work.py with more and more waiting: 12 queues, 20 skill sets of 8. Time is CPU time of
one cycle in batches of 64; memory is what the core holds, index and free room included. `--write` puts the
table into docs/reference/performance.md and the plot into docs/images/scheduler_growth.svg (needs the extra
`plot`).
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from scheduler_work import HALL, LONGEST_TARGET_MS, Work, core_in_batches

from somc.scheduler.native import NativeScheduler

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "images" / "scheduler_growth.svg"
WAITING = (100, 1_000, 10_000, 100_000, 1_000_000)
CYCLES = 12_800


def measure(waiting: int, seed: int) -> tuple[float, float]:
    """Microseconds a cycle, and bytes a waiting ticket."""
    # Arrivals so close that nobody waits as long as the shortest promise.
    size = dataclasses.replace(HALL, waiting=waiting, apart_ms=max(1, LONGEST_TARGET_MS // 2 // waiting))
    work = Work(size, CYCLES, seed)
    hall = NativeScheduler()
    work.filled(hall)
    seconds, _ = core_in_batches(hall, work)
    return seconds * 1e6, hall.memory_bytes() / len(hall)


def draw(costs: Sequence[float], bytes_each: Sequence[float]) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "somc"  # the same bytes from the same numbers
    figure, left = plt.subplots(figsize=(7, 4))
    right = left.twinx()
    (time,) = left.plot(WAITING, costs, marker="o", color="#1f5fa8", label="cost of one cycle")
    (held,) = right.plot(WAITING, bytes_each, marker="s", color="#b5541c", label="memory a ticket")
    left.set_xscale("log")
    left.set_xlabel("tickets waiting")
    left.set_ylabel("microseconds")
    right.set_yscale("log")
    right.set_ylabel("bytes")
    left.set_ylim(bottom=0)
    left.legend(handles=[time, held], loc="upper center")
    left.grid(visible=True, alpha=0.3)
    figure.tight_layout()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, metadata={"Date": None})


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="write table and plot into docs/")
    options = parser.parse_args(arguments)
    costs: dict[int, list[float]] = {waiting: [] for waiting in WAITING}
    held: dict[int, list[float]] = {waiting: [] for waiting in WAITING}
    for number in range(options.rounds):
        for waiting in WAITING:
            microseconds, each = measure(waiting, options.seed + number)
            costs[waiting].append(microseconds)
            held[waiting].append(each)
    said = [
        f"seed {options.seed}, {options.rounds} rounds of {CYCLES} cycles in batches of 64",
        f"{'waiting':>10}{'median us a cycle':>20}  {'spread us':<18}{'bytes a ticket':>16}",
    ]
    median_us = [statistics.median(costs[waiting]) for waiting in WAITING]
    median_bytes = [statistics.median(held[waiting]) for waiting in WAITING]
    for waiting, us, each in zip(WAITING, median_us, median_bytes, strict=True):
        spread = f"{min(costs[waiting]):.2f} to {max(costs[waiting]):.2f}"
        said.append(f"{waiting:>10}{us:>20.2f}  {spread:<18}{each:>16.0f}")
    print("\n".join(said))
    if options.write:
        from hall_tickets import PAGE, write_into

        draw(median_us, median_bytes)
        write_into(PAGE, "scheduler_growth", "```\n" + "\n".join(said) + "\n```\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
