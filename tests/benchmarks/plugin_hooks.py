"""What plugins cost: a hook call and a follower's record with 0, 1, 10 and 50 plugins beside bare pluggy,
and what twenty idle plugins add to the taking of a ticket.

    python tests/benchmarks/plugin_hooks.py [--calls 200] [--records 200] [--pairs 15] [--tickets 150]
    [--write]

All in one process, on one run: the host's calls are those of a running hall (`somc.testing.hall`). CPU is the
process's user and system time, all threads. Tickets are taken at the desk, without HTTP, which would only
hide what plugins add; pairs are interleaved, and their order alternates.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pluggy
import structlog
import trio

from somc.api import HallHooks, Visit, Words, hookimpl
from somc.domain import commands as c
from somc.server.acts import BY_NAME
from somc.testing.hall import ADMIN, FakeHall, hall_with

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "performance.md"
COUNTS = (0, 1, 10, 50)
IDLE = 20
GOAL = 0.05

BUSY_PLUGIN = """
from somc.api import About, Identity, Words, hookimpl
@hookimpl
def somc_plugin():
    return About(follows=("plugin.noted",))
@hookimpl
async def somc_identify(context, visit):
    return None
@hookimpl
def somc_slip_lines(context, ticket, facts):
    return [Words(zh="x", en="x")]
@hookimpl
async def somc_record(context, record):
    pass
"""

IDLE_PLUGIN = """
from somc.api import About, Response, Route, hookimpl
@hookimpl
def somc_plugin():
    return About(follows=("day.ended",))
@hookimpl
async def somc_start(context):
    pass
@hookimpl
def somc_routes(context):
    async def page(request):
        return Response(body="here")
    return [Route("GET", "/", page)]
@hookimpl
async def somc_record(context, record):
    pass
"""


class Bare:
    """What pluggy alone is asked."""

    @hookimpl
    def somc_slip_lines(self) -> list[Words]:
        return [Words(zh="x", en="x")]


def bare_us(count: int, calls: int) -> float:
    """One call of pluggy alone with so many plugins."""
    manager = pluggy.PluginManager("somc")
    manager.add_hookspecs(HallHooks)
    for _ in range(count):
        manager.register(Bare())
    begun = time.perf_counter()
    for _ in range(calls):
        manager.hook.somc_slip_lines(context=None, ticket=None, facts=None)
    return (time.perf_counter() - begun) / calls * 1e6


async def timed_us(what: Callable[[], Awaitable[object]], calls: int) -> float:
    for _ in range(10):
        await what()
    begun = time.perf_counter()
    for _ in range(calls):
        await what()
    return (time.perf_counter() - begun) / calls * 1e6


def written(folder: Path, source: str, count: int, name: str) -> list[Path]:
    paths = []
    for number in range(count):
        path = folder / f"{name}{number}.py"
        path.write_text(source)
        paths.append(path)
    return paths


async def calls_with(count: int, calls: int, records: int, folder: Path) -> tuple[float, float, float]:
    """Microseconds of identifying, of contributing, and of a record for all followers together."""
    async with hall_with(*written(folder, BUSY_PLUGIN, count, f"busy{count}x")) as hall:
        ticket = hall.ticket(await hall.take())
        visit = Visit(service="payment", channel="kiosk", at=hall.now())
        classes = hall.hall.state.hall.classes
        identify = await timed_us(lambda: hall.host.asking.identify(visit, classes), calls)
        contribute = await timed_us(lambda: hall.host.asking.slip_lines(ticket, {}), calls)
        for entry in hall.host.entries.values():
            assert entry.ledger.faults == 0, entry.ledger.last_fault
        return identify, contribute, await record_us(hall, records)


async def record_us(hall: FakeHall, records: int) -> float:
    """CPU of a record, written and told to everybody who follows it."""
    await hall.settle()
    begun = time.process_time()
    for _ in range(records):
        note = c.NotePlugin(by="bench", plugin="bench", kind="tick", data={})
        await hall.hall.submit(note, lambda state, events, now: None)
    await hall.settle()
    return (time.process_time() - begun) / records * 1e6


async def take_us(hall: FakeHall, tickets: int) -> float:
    """CPU of taking one ticket."""
    act = BY_NAME["tickets.take"]
    begun = time.process_time()
    for _ in range(tickets):
        await hall._desk.do(act, act.body(service="payment", channel="kiosk"), ADMIN)
    await hall.settle()
    return (time.process_time() - begun) / tickets * 1e6


async def idle_pairs(pairs: int, tickets: int, folder: Path) -> list[tuple[float, float]]:
    """(without, with twenty idle plugins), interleaved. Both halls grow alike."""
    found = []
    async with AsyncExitStack() as stack:
        without = await stack.enter_async_context(hall_with())
        idle = await stack.enter_async_context(hall_with(*written(folder, IDLE_PLUGIN, IDLE, "idle")))
        for hall in (without, idle):
            await take_us(hall, tickets)
        for number in range(pairs):
            gc.collect()
            order = (without, idle) if number % 2 == 0 else (idle, without)
            took = {id(hall): await take_us(hall, tickets) for hall in order}
            found.append((took[id(without)], took[id(idle)]))
    return found


def report(calls: int, records: int, pairs: int, tickets: int) -> str:
    lines = [
        "| plugins | pluggy, a call | identify (async) | slip lines (threads) | a record, all followers |",
        "|---:|---:|---:|---:|---:|",
    ]
    with tempfile.TemporaryDirectory(prefix="somc-bench-") as made:
        folder = Path(made)
        for count in COUNTS:
            bare = bare_us(count, calls)
            identify, contribute, record = trio.run(calls_with, count, calls, records, folder)
            lines.append(
                f"| {count} | {bare:.1f} µs | {identify:.0f} µs | {contribute:.0f} µs | {record:.0f} µs CPU |"
            )
        taken = trio.run(idle_pairs, pairs, tickets, folder)
    ratios = [with_idle / without - 1 for without, with_idle in taken]
    median = statistics.median(ratios)
    lines += [
        "",
        f"Taking a ticket costs {statistics.median(pair[0] for pair in taken):.0f} µs CPU without plugins, "
        f"{statistics.median(pair[1] for pair in taken):.0f} µs with {IDLE} idle ones: {median:+.1%} "
        f"(median of {pairs} interleaved pairs of {tickets} tickets; quartiles "
        f"{statistics.quantiles(ratios, n=4)[0]:+.1%} and {statistics.quantiles(ratios, n=4)[2]:+.1%}; "
        f"goal: less than {GOAL:.0%}).",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--records", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--tickets", type=int, default=150)
    parser.add_argument("--write", action="store_true", help="into docs/reference/performance.md")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    found = report(arguments.calls, arguments.records, arguments.pairs, arguments.tickets)
    print(found)
    if arguments.write:
        page = PAGE.read_text(encoding="utf-8")
        begin, end = "<!-- plugin_hooks: begin -->", "<!-- plugin_hooks: end -->"
        before, rest = page.split(begin, 1)
        PAGE.write_text(f"{before}{begin}\n\n{found}\n\n{end}{rest.split(end, 1)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
