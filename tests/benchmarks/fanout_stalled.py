"""2,000 screens of which one in twenty reads nothing: do the others feel it, and does memory stay bounded?

    python tests/benchmarks/fanout_stalled.py [--write] [--clients 2000] [--stalled 0.05] [--rounds 5]

Each round runs the same load twice, in an order that is drawn: with all clients reading, and with some that
never read a byte after their handshake. Clients and server as in `fanout.py`, 10 commands a second. Goal: the
others' p99 is at most 1.5 times that without the stalled ones (medians), and what the server holds for the
stalled ones is bounded. `--write` puts the result into docs/reference/performance.md.
"""

from __future__ import annotations

import argparse
import random
import re
import resource
import statistics
import sys
import time
import urllib.request
from dataclasses import dataclass

from fanout import HERE, PAGE, Pair, Run, served, spread

RATE = 10
FULL_AFTER_S = 6.0
"""Until the stalled clients' sockets are full."""

GOAL = 1.5


@dataclass(frozen=True)
class Crowd:
    """What one run showed."""

    run: Run
    behind: int
    buffered_kb: float
    shed: int


def measure(clients: int, stalled: int, seconds: float) -> Crowd:
    command = [sys.executable, str(HERE / "peers" / "fanout_servers.py"), "somc"]
    with served("SOMC", command, clients, stalled) as pair:
        time.sleep(1.0)
        pair.measure(RATE, FULL_AFTER_S)
        half = pair.measure(RATE, seconds / 2)
        told = metrics(pair)
        rest = pair.measure(RATE, seconds / 2)
        worst = max(half, rest, key=lambda run: run.p99_ms)
        late = metrics(pair)
        return Crowd(
            worst,
            int(told["somc_feed_behind"]),
            told["somc_feed_buffered_bytes"] / 1024,
            int(late.get('somc_feed_shed_total{why="slow"}', 0)),
        )


def metrics(pair: Pair) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{pair.port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    return {name: float(value) for name, value in re.findall(r"^(somc_feed\S+) (\S+)$", text, re.MULTILINE)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--clients", type=int, default=2000)
    parser.add_argument("--stalled", type=float, default=0.05)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    chance = random.Random(options.seed)
    stalled = round(options.clients * options.stalled)
    found: dict[int, list[Crowd]] = {0: [], stalled: []}
    for _ in range(options.rounds):
        for count in chance.sample(list(found), len(found)):
            # As many read in both: what differs is the stalled ones alone.
            found[count].append(measure(options.clients - stalled + count, count, options.seconds))
    text = report(options, found, stalled)
    print(text)
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        begin, end = "<!-- fanout_stalled: begin -->", "<!-- fanout_stalled: end -->"
        head, _, rest = page.partition(begin)
        PAGE.write_text(f"{head}{begin}\n\n{text}\n{end}{rest.partition(end)[2]}", encoding="utf-8")


def report(options: argparse.Namespace, found: dict[int, list[Crowd]], stalled: int) -> str:
    alone, crowded = ([crowd.run.p99_ms for crowd in found[count]] for count in (0, stalled))
    ratio = statistics.median(crowded) / statistics.median(alone)
    lines = [
        f"`python tests/benchmarks/fanout_stalled.py --seed {options.seed} --seconds {options.seconds:g}`: "
        f"{options.rounds} rounds, "
        f"{options.clients - stalled:,} clients that read, {RATE} messages a second to each.",
        "",
        f"p99 with {stalled} stalled clients: **{ratio:.2f}** × that without (goal: at most {GOAL}).",
        "",
        "| stalled | p50 ms | p99 ms | CPU µs a message | behind | held for them, KB | KB of RSS a client "
        "| reset |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for count, crowds in found.items():
        runs = [crowd.run for crowd in crowds]
        lines.append(
            f"| {count} | {spread([r.p50_ms for r in runs])} | {spread([r.p99_ms for r in runs])} | "
            f"{spread([r.cpu_us for r in runs])} | {spread([float(c.behind) for c in crowds], 0)} | "
            f"{spread([c.buffered_kb for c in crowds])} | {spread([r.kb_a_client for r in runs], 0)} | "
            f"{spread([float(c.shed) for c in crowds], 0)} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
