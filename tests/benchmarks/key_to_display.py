"""From a key pressed to the first byte at the display: the hardware layer beside two bare ptys, in one run.

    python tests/benchmarks/key_to_display.py [--presses 1000] [--rounds 5] [--write]

The far ends of both lines are another process: it writes a key's frame into one pty, stops the time when
the first byte comes out of the other, and answers as devices do. In this process, round by round in turn:

- `bare ptys`: read, write, blocking, no frame is looked at: what the kernel and the other process cost;
- `bare ptys on Trio`: the same with two `trio.lowlevel.FdStream`s;
- `hardware layer`: a keypad driver and a strip driver, each with its port, codec and acknowledgements.

CPU is this process's alone, user and system, for each press: from when both devices have answered who they
are until the last press is done. Opening and closing are no press.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import select
import statistics
import time
import tty
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import trio
from hall_tickets import PAGE, write_into

from somc_hal import Key, driver_spec
from somc_hal.codecs.reference import Identity, Kind, StripContent, write_identity, write_key, write_strip
from somc_hal.codecs.stx import Op, StxDecoder, StxFrame, encode

PAUSE_S = 0.002
"""Between two presses: nobody presses faster than all is quiet again."""

GOAL_CPU, GOAL_P99_MS = 3.0, 5.0


@dataclass
class Round:
    """One round: seconds from key to first byte, and CPU seconds a press."""

    latencies: list[float]
    cpu_s: float


def far_end(keypad: int, strip: int, presses: int, out: Connection) -> None:
    """The devices: press, wait for the display, acknowledge. Answers enquiries of both sides."""
    decoders = {keypad: StxDecoder(), strip: StxDecoder()}
    kinds = {keypad: Kind.KEYPAD, strip: Kind.STRIP_DISPLAY}
    poll = select.poll()
    for end in (keypad, strip):
        poll.register(end, select.POLLIN)
    latencies: list[float] = []
    begun, sequence, enquired = 0.0, 0, set()
    shown = acknowledged = False
    out.send("ready")
    out.recv()
    pressing = False
    while len(latencies) < presses:
        if len(enquired) == 2 and not pressing:
            time.sleep(PAUSE_S)
            sequence = sequence % 255 + 1
            pressing, shown, acknowledged = True, False, False
            begun = time.perf_counter()
            os.write(keypad, encode(StxFrame(Op.KEY, 1, sequence, write_key(Key.NEXT))))
        for end, _ in poll.poll(1000):
            data = os.read(end, 4096)
            now = time.perf_counter()
            for frame in decoders[end].feed(data):
                if frame.op is Op.ENQ:
                    enquired.add(end)
                    answer = StxFrame(Op.ACK, 1, frame.sequence, write_identity(Identity(kinds[end], 1)))
                    os.write(end, encode(answer))
                elif frame.op is Op.ACK:
                    acknowledged = True
                elif end == strip and pressing and not shown:
                    latencies.append(now - begun)
                    shown = True
                    os.write(end, encode(StxFrame(Op.ACK, 1, frame.sequence)))
        if pressing and shown and acknowledged:
            pressing = False
    out.send(latencies)
    out.recv()


Host = Callable[[int, int, int], float]
"""`host(keypad, strip, presses)`, given the near ends: the CPU seconds that its presses took."""


def played(presses: int, host: Host) -> Round:
    """One round of `host`."""
    ends = [os.openpty() for _ in range(2)]
    for _, near in ends:
        tty.setraw(near)
    mine, theirs = multiprocessing.Pipe()
    other = multiprocessing.get_context("fork").Process(
        target=far_end, args=(ends[0][0], ends[1][0], presses, theirs)
    )
    other.start()
    try:
        mine.recv()
        mine.send("go")
        cpu_s = host(ends[0][1], ends[1][1], presses) / presses
        latencies: list[float] = mine.recv()
        mine.send("done")
        other.join(10)
    finally:
        other.kill()
        for pair in ends:
            for end in pair:
                os.close(end)
    return Round(latencies, cpu_s)


ENQUIRY = encode(StxFrame(Op.ENQ, 1, 0))


def bare(keypad: int, strip: int, presses: int) -> float:
    """Read a key, write a display's frame and an acknowledgement, read the display's."""
    for end in (keypad, strip):
        os.write(end, ENQUIRY)
        os.read(end, 100)
    began = time.process_time()
    for number in range(presses):
        os.read(keypad, 100)
        os.write(strip, encode(StxFrame(Op.STRIP, 1, 1, write_strip(StripContent((f"A{number:03}",))))))
        os.write(keypad, encode(StxFrame(Op.ACK, 1, number % 255 + 1)))
        os.read(strip, 100)
    return time.process_time() - began


def bare_on_trio(keypad: int, strip: int, presses: int) -> float:
    """The same, on Trio's readiness."""

    async def run() -> float:
        one, two = (trio.lowlevel.FdStream(os.dup(end)) for end in (keypad, strip))
        async with one, two:
            for end in (one, two):
                await end.send_all(ENQUIRY)
                await end.receive_some(100)
            began = time.process_time()
            for number in range(presses):
                await one.receive_some(100)
                await two.send_all(
                    encode(StxFrame(Op.STRIP, 1, 1, write_strip(StripContent((f"A{number:03}",)))))
                )
                await one.send_all(encode(StxFrame(Op.ACK, 1, number % 255 + 1)))
                await two.receive_some(100)
            return time.process_time() - began

    return trio.run(run)


def layer(keypad: int, strip: int, presses: int) -> float:
    """Drivers: the key comes out of a channel, the display takes lines."""

    async def run() -> float:
        caller: Any = driver_spec("reference-keypad").make("keypad", f"pty://{os.ttyname(keypad)}", {})
        display: Any = driver_spec("reference-strip").make("strip", f"pty://{os.ttyname(strip)}", {})
        async with trio.open_nursery() as nursery:
            for device in (caller, display):
                await nursery.start(device.run)
            for device in (caller, display):
                await device.wait_online()
            began = time.process_time()
            for number in range(presses):
                await caller.keys.receive()
                await display.show([f"A{number:03}"])
            await display.wait_idle()
            await caller.wait_idle()
            spent = time.process_time() - began
            nursery.cancel_scope.cancel()
        return spent

    return trio.run(run)


HOSTS = {"bare ptys": bare, "bare ptys on Trio": bare_on_trio, "hardware layer": layer}


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def report(presses: int, rounds: int) -> str:
    """The table."""
    results: dict[str, list[Round]] = {name: [] for name in HOSTS}
    names = list(HOSTS)
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            results[name].append(played(presses, HOSTS[name]))
    rows = []
    cpu = {name: statistics.median(r.cpu_s for r in found) for name, found in results.items()}
    p99 = {}
    for name, found in results.items():
        halves = [1000 * quantile(r.latencies, 0.5) for r in found]
        tails = [1000 * quantile(r.latencies, 0.99) for r in found]
        p99[name] = statistics.median(tails)
        us = [1e6 * r.cpu_s for r in found]
        rows.append(
            f"| {name} | {statistics.median(halves):.3f} ({min(halves):.3f}–{max(halves):.3f}) "
            f"| {p99[name]:.3f} ({min(tails):.3f}–{max(tails):.3f}) "
            f"| {statistics.median(us):.0f} ({min(us):.0f}–{max(us):.0f}) "
            f"| {cpu[name] / cpu['bare ptys']:.1f} | {cpu[name] / cpu['bare ptys on Trio']:.1f} |"
        )
    mine = "hardware layer"
    goals = (
        f"Goal: CPU at most {GOAL_CPU:g} × the floor, p99 under {GOAL_P99_MS:g} ms. "
        f"Here {cpu[mine] / cpu['bare ptys on Trio']:.1f} × the floor on Trio, "
        f"{cpu[mine] / cpu['bare ptys']:.1f} × the floor without a framework, p99 {p99[mine]:.2f} ms."
    )
    head = (
        f"`python tests/benchmarks/key_to_display.py --presses {presses} --rounds {rounds}`, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.\n\n"
        f"{goals}\n\n| who | p50 ms | p99 ms | CPU µs a press | ÷ bare | ÷ bare on Trio |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
    )
    return head + "\n".join(rows)


def main() -> None:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--presses", type=int, default=1000)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--write", action="store_true", help="into docs/reference/performance.md")
    options = asked.parse_args()
    text = report(options.presses, options.rounds)
    print(text)
    if options.write:
        write_into(PAGE, "key_to_display", text)


if __name__ == "__main__":
    main()
