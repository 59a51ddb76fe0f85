"""What a ticket costs over HTTP, durably: take, call, start, finish, at 1, 8 and 32 clients.

    python tests/benchmarks/hall_tickets.py [--quick] [--write] [--rounds 5] [--seconds 1.6] [--seed 1]

Beside `somc run` on a real SQLite file, in the same run: a bare quart-trio route (the yardstick) and a
read-then-write SQLite queue (the usual peer). Every server is a process of its own, and so are the clients
(`load.py`). Rounds are interleaved, their order inside a round is shuffled by the seed, so that a noisy
machine is noisy to all. CPU is the server's user and system time, all threads, from /proc.

`--write` puts the tables into docs/reference/performance.md; with `--others` the other benchmarks are run
too and their output is written beside.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from peers.servers import COUNTERS, STANDING, Server, bare, fill, peer, slow_disk, somc

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PAGE = ROOT / "docs" / "reference" / "performance.md"
CLIENTS = (1, 8, COUNTERS)

ADDED_DELAY_MS = 4.0
"""What a sync of a plain disk costs more than one of a cloud machine's write cache."""

REQUESTS_PER_TICKET = 4
BARE_ROUTES = 3
"""The goal's measure: a ticket may cost twice as much CPU as so many bare routes."""

GOAL = 2.0
SYNCS = 40
OTHERS = ("http_path", "scheduler_churn", "scheduler_native", "scheduler_growth")
"""The benchmarks that stand on the same page."""


@dataclass(frozen=True)
class Window:
    """One measured stretch of one server under so many clients."""

    tickets: int
    seconds: float
    cpu_s: float
    ticket_ms: list[float]
    request_ms: list[float]
    commits: float
    commit_s: float

    @property
    def per_s(self) -> float:
        return self.tickets / self.seconds

    @property
    def cpu_ms(self) -> float:
        return self.cpu_s / self.tickets * 1000


def measure(server: Server, clients: int, seconds: float) -> Window:
    """Put so many clients on the server for so long."""
    command = [
        sys.executable,
        str(HERE / "load.py"),
        str(server.port),
        str(clients),
        str(seconds),
        server.plan,
    ]
    if server.token is not None:
        command += ["--token", server.token]
    if server.keys:
        command.append("--keys")
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as load:
        assert load.stdout is not None
        if load.stdout.readline() != "warm\n":
            raise SystemExit(f"{server.name}: {load.communicate()[1]}")
        commits, commit_s = server.commits()
        cpu_s = server.cpu_s()
        said, trouble = load.communicate("go\n")
        cpu_s = server.cpu_s() - cpu_s
    if load.returncode:
        raise SystemExit(f"{server.name}: {trouble}")
    commits_after, commit_s_after = server.commits()
    seen = json.loads(said)
    requests = [each for step in seen["request_ms"].values() for each in step]
    return Window(
        tickets=seen["tickets"],
        seconds=seen["seconds"],
        cpu_s=cpu_s,
        ticket_ms=seen["ticket_ms"],
        request_ms=requests,
        commits=commits_after - commits,
        commit_s=commit_s_after - commit_s,
    )


def sync_ms(folder: Path) -> list[float]:
    """What a sync of 4 KiB costs on this file system now, some times over."""
    costs = []
    with open(folder / "sync", "wb", buffering=0) as file:
        for _ in range(SYNCS):
            file.write(b"x" * 4096)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            costs.append((time.perf_counter() - began) * 1000)
    return costs


Results = dict[tuple[str, int], list[Window]]


def rounds(
    plan: Sequence[tuple[Server, int]], count: int, seconds: float, chosen: random.Random, folder: Path
) -> tuple[Results, list[float]]:
    """`count` interleaved rounds of every (server, clients); the windows, and the cost of syncs meanwhile."""
    results: Results = {(server.name, clients): [] for server, clients in plan}
    syncs = sync_ms(folder)
    for number in range(count):
        for server, clients in chosen.sample(plan, len(plan)):
            results[server.name, clients].append(measure(server, clients, seconds))
        syncs += sync_ms(folder)
        print(f"round {number + 1} of {count} done", file=sys.stderr, flush=True)
    return results, syncs


# -- tables -------------------------------------------------------------------------------------------


def percentile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def spread(values: Sequence[float], form: str) -> str:
    """The median, and in brackets the lowest and highest of the rounds."""
    low, middle, high = (format(v, form) for v in (min(values), statistics.median(values), max(values)))
    return f"{middle} ({low}–{high})"


def over(windows: Iterable[Window], figure: Callable[[Window], float]) -> list[float]:
    return [figure(window) for window in windows]


def table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}\n{body}"


def ratio_table(results: Results, names: Sequence[str]) -> tuple[str, dict[int, float]]:
    """CPU of a ticket against bare routes of the same round, and our medians of the goal's measure."""
    lines: list[list[str]] = []
    reached: dict[int, float] = {}
    for name in names:
        for clients in CLIENTS:
            pairs = list(zip(results[name, clients], results[BARE, clients], strict=True))
            of_three = [one.cpu_ms / (bare.cpu_ms / REQUESTS_PER_TICKET * BARE_ROUTES) for one, bare in pairs]
            of_four = [one.cpu_ms / bare.cpu_ms for one, bare in pairs]
            if name == SOMC:
                reached[clients] = statistics.median(of_three)
            lines.append([name, str(clients), spread(of_three, ".2f"), spread(of_four, ".2f")])
    heads = ("server", "clients", "CPU of a ticket ÷ 3 bare routes", "÷ 4 bare routes")
    return table(heads, lines), reached


def figure_table(results: Results, plan: Iterable[tuple[str, int]]) -> str:
    lines = []
    for name, clients in plan:
        windows = results[name, clients]
        lines.append(
            [
                name,
                str(clients),
                spread(over(windows, lambda w: w.per_s), ".0f"),
                spread(over(windows, lambda w: w.cpu_ms), ".2f"),
                spread(over(windows, lambda w: percentile(w.ticket_ms, 0.5)), ".1f"),
                spread(over(windows, lambda w: percentile(w.ticket_ms, 0.99)), ".1f"),
                spread(over(windows, lambda w: percentile(w.request_ms, 0.99)), ".1f"),
                commits_of(windows),
            ]
        )
    heads = (
        *("server", "clients", "tickets per s", "CPU ms per ticket", "p50 ms", "p99 ms"),
        *("p99 ms of a request", "commits per ticket, ms each"),
    )
    return table(heads, lines)


def commits_of(windows: Sequence[Window]) -> str:
    if not windows[0].commits:
        return ""
    each = statistics.median(over(windows, lambda w: w.commits / w.tickets))
    return f"{each:.2f}, {spread(over(windows, lambda w: w.commit_s / w.commits * 1000), '.2f')}"


SOMC, KEYED, PEER, BARE, STOCK = (
    "SOMC",
    "SOMC, idempotency keys",
    "read-then-write peer",
    "bare route × 4",
    "bare route × 4, Hypercorn as shipped",
)
SLOW_SOMC, SLOW_PEER = f"{SOMC}, slow disk", f"{PEER}, slow disk"


def report(options: argparse.Namespace, folder: Path, stack: ExitStack) -> str:
    """Run everything; the section of the page."""
    chosen = random.Random(options.seed)
    servers: list[Server] = []

    def started(server: Server) -> Server:
        stack.callback(server.stop)
        servers.append(server)
        return server

    ours = started(somc(SOMC, folder / "somc"))
    other = started(peer(PEER, folder / "peer"))
    routes = [started(bare(BARE, folder / "bare", "ours")), started(bare(STOCK, folder / "stock", "shipped"))]
    keyed = started(somc(KEYED, folder / "keyed", keys=True))
    plan = [(server, clients) for server in (ours, other, *routes) for clients in CLIENTS]
    plan.append((keyed, 8))
    delayed = slow_disk(folder)
    if delayed is not None:
        slow = {"LD_PRELOAD": str(delayed), "SYNC_DELAY_US": str(round(ADDED_DELAY_MS * 1000))}
        plan.append((started(somc(SLOW_SOMC, folder / "slow-somc", environment=slow)), 32))
        plan.append((started(peer(SLOW_PEER, folder / "slow-peer", slow)), 32))
    for server in servers:
        if server.plan == "hall":
            fill(server)
    results, syncs = rounds(plan, options.rounds, options.seconds, chosen, folder)
    ratios, reached = ratio_table(results, (SOMC, PEER))
    compared = [(server.name, clients) for server, clients in plan]
    command = f"python {Path(__file__).relative_to(ROOT)}{' --quick' if options.quick else ''}"
    return f"""\
`{command} --seed {options.seed}`: {options.rounds} rounds of {options.seconds:g} s,
{len(os.sched_getaffinity(0))} cores ({machine()}), Python {platform.python_version()},
clients on the same machine.

Goal: a ticket costs at most {GOAL:g} × the CPU of {BARE_ROUTES} bare routes. Medians of this run:
{", ".join(f"**{ratio:.2f}** at {clients}" for clients, ratio in reached.items())} clients.

{ratios}

{figure_table(results, compared)}

Every figure is the median of the rounds and, in brackets, the lowest and highest. A ticket is four requests
(take, call-next, start, finish), each answered after its own record is on disk; p50 and p99 are of the whole
ticket unless they say otherwise. {STANDING} tickets wait all the time. A sync of 4 KiB cost
{statistics.median(syncs):.2f} ms in the median of this run and {percentile(syncs, 0.99):.2f} ms at p99
({len(syncs)} syncs between the rounds). "Slow disk": every sync takes {ADDED_DELAY_MS:g} ms longer.
"""


def machine() -> str:
    """The processor's name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def write_into(page: Path, name: str, text: str) -> None:
    """Replace what stands between the markers of section `name`."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    before, found, rest = page.read_text().partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise SystemExit(f"{page} has no markers of '{name}'")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="one round of 0.4 s: does it work at all")
    parser.add_argument("--write", action="store_true", help="into docs/reference/performance.md")
    parser.add_argument("--others", action="store_true", help="run the other benchmarks too")
    parser.add_argument("--data", type=Path, help="keep the databases on this file system")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 0.4
    with tempfile.TemporaryDirectory(prefix="somc-bench-", dir=options.data) as folder, ExitStack() as stack:
        text = report(options, Path(folder), stack)
    print(text)
    if options.write:
        write_into(PAGE, "hall_tickets", text)
    if options.others:
        for name in OTHERS:
            command = [sys.executable, str(HERE / f"{name}.py")]
            said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
            print(said)
            if options.write:
                write_into(PAGE, name, f"```\n{said.rstrip()}\n```\n")


if __name__ == "__main__":
    main()
