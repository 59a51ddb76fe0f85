"""The scheduler's C core without Python: beside std::priority_queue and std::set, and counted by callgrind.

    python tests/benchmarks/scheduler_native.py [--rounds 7] [--seed 1] [--write]

peers/core_only.cpp puts one and the same plan on all three and says what a cycle is. The instructions of one
hall cycle are the difference of two runs under callgrind, one of them longer, less what the same plan costs
without any queue: the same number on every run, however busy the machine. Needs a C++ compiler; valgrind for
the count.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
NATIVE = HERE.parents[1] / "native"
KINDS = {"C core": "core", "std::priority_queue": "priority_queue", "std::set": "set"}
CYCLES = {"hall": 200_000, "centre": 400_000}
SHORT, LONG = 4_000, 24_000


def build(folder: Path) -> Path:
    """The program, compiled as the wheel's extension is: -O2, no link-time optimisation."""
    objects = []
    for source in sorted(NATIVE.glob("*.c")):
        if source.name == "_sched.c":
            continue
        target = folder / f"{source.stem}.o"
        subprocess.run(
            [os.environ.get("CC", "cc"), "-std=c11", "-O2", "-c", source, "-o", target], check=True
        )
        objects.append(target)
    program = folder / "core_only"
    source = HERE / "peers" / "core_only.cpp"
    compiler = [os.environ.get("CXX", "c++"), "-std=c++17", "-O2", f"-I{NATIVE}"]
    subprocess.run([*compiler, source, *objects, "-lm", "-o", program], check=True)
    return program


def run(program: Path, kind: str, size: str, cycles: int, seed: int) -> tuple[float, str, int]:
    """Nanoseconds a cycle, the sum over the calls, bytes a waiting ticket."""
    command = [program, kind, size, str(cycles), str(seed)]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return float(said[0]), said[1], int(said[2])


def instructions(program: Path, kind: str, cycles: int) -> int:
    command = [
        "valgrind",
        "--tool=callgrind",
        "--callgrind-out-file=/dev/null",
        str(program),
        kind,
        "hall",
        str(cycles),
        "1",
    ]
    said = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True
    ).stderr
    return int(said.partition("Collected :")[2].split()[0])


def hall_cycle_instructions(program: Path) -> float:
    """Of push + call + next_due + one give-up in ten, which joins again."""
    core = instructions(program, "core", LONG) - instructions(program, "core", SHORT)
    plan = instructions(program, "nothing", LONG) - instructions(program, "nothing", SHORT)
    return (core - plan) / (LONG - SHORT)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--write", action="store_true", help="write the tables into docs/reference/performance.md"
    )
    options = parser.parse_args(arguments)
    said = [f"seed {options.seed}, {options.rounds} rounds"]
    with tempfile.TemporaryDirectory() as folder:
        program = build(Path(folder))
        for size, cycles in CYCLES.items():
            costs: dict[str, list[float]] = {name: [] for name in KINDS}
            core_bytes = 0
            for number in range(options.rounds):
                sums = set()
                for name, kind in KINDS.items():
                    ns, calls, held = run(program, kind, size, cycles, options.seed + number)
                    costs[name].append(ns)
                    sums.add(calls)
                    core_bytes = held or core_bytes
                if len(sums) > 1:
                    raise RuntimeError(f"not all made the same calls: {sums}")
            base = statistics.median(costs["C core"])
            said.append(f"{size + ', one cycle':<28}{'median ns':>10}  {'spread ns':<22}{'x core':>8}")
            for name, each in costs.items():
                median, spread = statistics.median(each), f"{min(each):.0f} to {max(each):.0f}"
                said.append(f"  {name:<26}{median:>10.0f}  {spread:<22}{median / base:>8.1f}")
            if size == "centre":
                said.append(f"bytes a waiting ticket, 1,000,000 waiting: {core_bytes}")
        if shutil.which("valgrind"):
            said.append(f"instructions of one hall cycle: {hall_cycle_instructions(program):.0f}")
        else:
            said.append("instructions of one hall cycle: needs valgrind")
    print("\n".join(said))
    if options.write:
        from hall_tickets import PAGE, write_into

        write_into(PAGE, "scheduler_native", "```\n" + "\n".join(said) + "\n```\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
