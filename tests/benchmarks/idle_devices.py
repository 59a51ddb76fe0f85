"""What 64 idle devices cost one process: event-driven, and polled once a second.

    python tests/benchmarks/idle_devices.py [--devices 64] [--seconds 10] [--rounds 3] [--write]

Keypads behind real ptys; their simulators are another process. Nobody presses anything. Event-driven
devices are asked every five seconds whether they are there (the default heartbeat), polled ones every
second. CPU is this process's alone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import statistics
import time
import tty
from multiprocessing.connection import Connection
from typing import Any

import trio
from hall_tickets import PAGE, write_into

from somc_hal import driver_spec
from somc_hal.simulators import KeypadSimulator

GOAL = 0.03
MODES = {"event-driven, heartbeat every 5 s": 5.0, "polled once a second": 1.0}


def far_ends(masters: list[int], out: Connection) -> None:
    """The simulators, until told to end."""

    async def run() -> None:
        async with trio.open_nursery() as nursery:
            for master in masters:
                nursery.start_soon(KeypadSimulator().serve, trio.lowlevel.FdStream(master))
            out.send("ready")
            await trio.to_thread.run_sync(out.recv)
            nursery.cancel_scope.cancel()

    trio.run(run)


async def idle(urls: list[str], heartbeat_s: float, seconds: float) -> float:
    """Share of a core that the devices take while nothing happens."""
    async with trio.open_nursery() as nursery:
        devices: list[Any] = [
            driver_spec("reference-keypad").make(f"k{number}", url, {"heartbeat_s": heartbeat_s})
            for number, url in enumerate(urls)
        ]
        for device in devices:
            await nursery.start(device.run)
        for device in devices:
            await device.wait_online()
        await trio.sleep(1)
        began, cpu = time.perf_counter(), time.process_time()
        await trio.sleep(seconds)
        share = (time.process_time() - cpu) / (time.perf_counter() - began)
        assert all(device.status.serving for device in devices)
        nursery.cancel_scope.cancel()
    return share


def report(count: int, seconds: float, rounds: int) -> str:
    """The table."""
    pairs = [os.openpty() for _ in range(count)]
    for _, slave in pairs:
        tty.setraw(slave)
    urls = [f"pty://{os.ttyname(slave)}" for _, slave in pairs]
    mine, theirs = multiprocessing.Pipe()
    other = multiprocessing.get_context("fork").Process(
        target=far_ends, args=([master for master, _ in pairs], theirs)
    )
    other.start()
    shares: dict[str, list[float]] = {mode: [] for mode in MODES}
    try:
        mine.recv()
        for _ in range(rounds):
            for mode, heartbeat_s in MODES.items():
                shares[mode].append(trio.run(idle, urls, heartbeat_s, seconds))
        mine.send("end")
        other.join(10)
    finally:
        other.kill()
        for pair in pairs:
            for end in pair:
                os.close(end)
    rows = [
        f"| {mode} | {100 * statistics.median(found):.2f} ({100 * min(found):.2f}–{100 * max(found):.2f}) |"
        for mode, found in shares.items()
    ]
    worst = max(statistics.median(found) for found in shares.values())
    return (
        f"`python tests/benchmarks/idle_devices.py --devices {count} --seconds {seconds:g} "
        f"--rounds {rounds}`, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.\n\n"
        f"Goal: {count} idle devices under {100 * GOAL:g} % of a core. Here {100 * worst:.2f} %.\n\n"
        "| devices | % of a core |\n| --- | --- |\n" + "\n".join(rows)
    )


def main() -> None:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--devices", type=int, default=64)
    asked.add_argument("--seconds", type=float, default=10.0)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--write", action="store_true", help="into docs/reference/performance.md")
    options = asked.parse_args()
    text = report(options.devices, options.seconds, options.rounds)
    print(text)
    if options.write:
        write_into(PAGE, "idle_devices", text)


if __name__ == "__main__":
    main()
