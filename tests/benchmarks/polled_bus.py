"""A polled bus on a virtual wire of 9600 Bd: how near to the wire's own limit, and how soon a key is heard.

    python tests/benchmarks/polled_bus.py [--terminals 16] [--seconds 60] [--seed 1] [--write]

The terminals are simulated keypads on one line in memory; the line gives every byte its time and Trio's
clock is a virtual one, so the figures are the protocol's and the scheduler of the bus's, not the
machine's, and come out the same every time. The wire's limit is the time its bytes take, and the quiet
time the protocol wants before the host speaks.
"""

from __future__ import annotations

import argparse
import platform
import random
from dataclasses import dataclass
from typing import Any

import trio
from hall_tickets import PAGE, write_into
from trio.testing import MockClock

from somc_hal import Key, driver_spec
from somc_hal.drivers.stx_dialect import StxBusCodec
from somc_hal.links.memory import listen_memory, unlisten_memory
from somc_hal.ports import Ports
from somc_hal.simulators import KeypadSimulator
from somc_hal.simulators.multidrop import Multidrop
from somc_hal.testing.pace import PacedStream

BAUD = 9600
GOAL = 1.05


@dataclass
class Found:
    """What one run showed, all in seconds but the counts."""

    cycle_s: float
    limit_s: float
    bytes_s: float
    latencies: list[float]
    polls: int
    collisions: int


class Wire(PacedStream):
    """Counts how often the host has written."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        super().__init__(stream, BAUD)
        self.frames = 0

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        data = await super().receive_some(max_bytes)
        self.frames += bytes(data).count(b"\x02")
        return data


async def measured(terminals: int, dead: int, seconds: float, presses_per_s: float, seed: int) -> Found:
    """Run the bus for `seconds` of virtual time, keys pressed at random."""
    dice = random.Random(seed)
    sims = [KeypadSimulator(address=address) for address in range(1, terminals + 1)]
    for sim in sims:
        sim.polled = True
    for sim in sims[terminals - dead :]:
        sim.mute()
    line, ports, wires = Multidrop(sims), Ports(), []
    pressed: dict[int, list[float]] = {sim.address: [] for sim in sims}
    latencies: list[float] = []

    async def hear(keypad: Any) -> None:
        async for event in keypad.keys:
            latencies.append(trio.current_time() - pressed[event.address].pop(0))

    async with trio.open_nursery() as nursery:

        def connected(stream: trio.abc.Stream) -> None:
            wires.append(Wire(stream))
            nursery.start_soon(line.serve, wires[0])

        listen_memory("bus", connected)
        await nursery.start(ports.run)
        options = {"polled": True, "poll_s": 0.001, "answer_timeout_s": 0.06, "jitter": 0.0}
        for sim in sims:
            keypad: Any = driver_spec("reference-keypad").make(
                f"k{sim.address}", "memory://bus", {**options, "address": sim.address}, ports=ports
            )
            await nursery.start(keypad.run)
            nursery.start_soon(hear, keypad)
        await trio.sleep(5)  # everybody is online, the dead are backed off
        wire = wires[0]
        begun, bytes_before, frames_before = trio.current_time(), wire.bytes, wire.frames
        ends = begun + seconds
        if presses_per_s:
            while (now := trio.current_time()) < ends:
                await trio.sleep(min(dice.expovariate(presses_per_s), ends - now))
                sim = dice.choice(sims[: terminals - dead])
                pressed[sim.address].append(trio.current_time())
                sim.press(Key.NEXT)
        else:
            await trio.sleep(seconds)
        passed_s = trio.current_time() - begun
        frames = wire.frames - frames_before
        bytes_s = (wire.bytes - bytes_before) * wire.byte_s
        busy_s = bytes_s + frames * StxBusCodec.gap_s
        unlisten_memory("bus")
        nursery.cancel_scope.cancel()
    cycles = frames / terminals
    return Found(passed_s / cycles, busy_s / cycles, bytes_s / cycles, latencies, frames, line.collisions)


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def report(terminals: int, seconds: float, seed: int) -> str:
    """The table."""
    rows, told = [], ""
    for count, dead in ((terminals // 2, 0), (terminals, 0), (terminals, terminals // 4), (2 * terminals, 0)):
        clock = MockClock(autojump_threshold=0)
        quiet = trio.run(measured, count, dead, seconds, 0.0, seed, clock=clock)
        clock = MockClock(autojump_threshold=0)
        busy = trio.run(measured, count, dead, seconds, 12.0 * count / 16, seed, clock=clock)
        over = quiet.cycle_s / quiet.limit_s
        if (count, dead) == (terminals, 0):
            told = (
                f"Goal: {terminals} terminals within {100 * GOAL - 100:.0f} % of the wire's limit. "
                f"Here {abs(100 * over - 100):.1f} % above it, and "
                f"{100 * quiet.cycle_s / quiet.bytes_s - 100:.0f} % above its bytes alone; "
                f"{quiet.collisions} collisions."
            )
        ms = [1000 * quantile(busy.latencies, share) for share in (0.5, 0.95, 1.0)]
        rows.append(
            f"| {count}{f', {dead} dead' if dead else ''} | {1000 * quiet.cycle_s:.0f} "
            f"| {1000 * quiet.limit_s:.0f} "
            f"| {1000 * quiet.bytes_s:.0f} "
            f"| {over:.3f} | {ms[0]:.0f} / {ms[1]:.0f} / {ms[2]:.0f} | {len(busy.latencies)} |"
        )
    return (
        f"`python tests/benchmarks/polled_bus.py --terminals {terminals} --seconds {seconds:g} "
        f"--seed {seed}`, "
        f"{BAUD} Bd, Python {platform.python_version()}, virtual time.\n\n{told}\n\n"
        "| terminals | cycle ms | the wire's limit ms | its bytes alone ms | cycle ÷ limit "
        "| key → event p50 / p95 / max ms | keys |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n" + "\n".join(rows)
    )


def main() -> None:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--terminals", type=int, default=16)
    asked.add_argument("--seconds", type=float, default=60.0)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--write", action="store_true", help="into docs/reference/performance.md")
    options = asked.parse_args()
    text = report(options.terminals, options.seconds, options.seed)
    print(text)
    if options.write:
        write_into(PAGE, "polled_bus", text)


if __name__ == "__main__":
    main()
