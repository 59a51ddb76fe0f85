"""A hall with a vendor's box: devices whose drivers work in the plugin's own process, over real ptys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from somc_hal.simulators import (
    AnnouncerSimulator,
    EscposPrinterSimulator,
    KeypadSimulator,
    SimulatorHost,
    StripDisplaySimulator,
)
from tests.server.rig import HALL, Running, running

BOX = Path(__file__).parent / "samples" / "acme_box.py"
BASE = "/api/v1"
PATIENCE_S = 30.0
QUICK = "answer_timeout_s = 2.0, backoff_first_s = 0.01, backoff_cap_s = 0.05"


def toml(*devices: str, isolation: str = "process", more: str = "") -> str:
    return f"""{HALL}
[plugins]
enabled = ["standard_devices", "acme_box"]
paths = ["{BOX}"]
[plugin.acme_box.host]
isolation = "{isolation}"
{more}
{"".join(devices)}
"""


def device(name: str, driver: str, url: str, counter: int = 1, options: str = QUICK) -> str:
    at = "" if driver in ("acme-printer", "acme-voice") else f"counter = {counter}\n"
    return f'[device.{name}]\ndriver = "{driver}"\nurl = "{url}"\n{at}options = {{ {options} }}\n'


async def plugged(nursery: trio.Nursery, simulator: Any, where: Any = "pty") -> SimulatorHost:
    host = SimulatorHost(simulator, where)
    await nursery.start(host.run)
    return host


async def until(simulator: Any, condition: Callable[[], Any]) -> None:
    with trio.fail_after(PATIENCE_S):
        while not condition():
            await simulator.changed.wait()


def shown(strip: StripDisplaySimulator) -> str:
    return "".join(strip.shown.lines) if strip.shown is not None else ""


def pid_of(hall: Running) -> int:
    pid: int | None = hall.node.plugins.entries["acme_box"].runner.pid
    assert pid is not None
    return pid


async def outages(hall: Running, name: str) -> list[tuple[str, str]]:
    """What is on record of a device: its status and why."""
    found = [record["data"] for record in await hall.records() if record["type"] == "device.status"]
    return [(one["status"], one.get("detail", "")) for one in found if one["device"] == name]


async def recorded(hall: Running, name: str, status: str) -> None:
    """Return when the newest that is on record of a device is `status`."""
    with trio.fail_after(PATIENCE_S):
        # Over HTTP there is no event to wait for.
        while [one for one, _ in await outages(hall, name)][-1:] != [status]:  # noqa: ASYNC110 - as said
            await trio.sleep(0.02)


@asynccontextmanager
async def bench(folder: Path, *names: str) -> AsyncIterator[tuple[Running, dict[str, Any]]]:
    """A running hall with these devices of the box, and their simulators."""
    kinds: dict[str, tuple[str, Any]] = {
        "strip": ("acme-strip", StripDisplaySimulator),
        "moody": ("acme-moody", StripDisplaySimulator),
        "keypad": ("acme-keypad", KeypadSimulator),
        "babbler": ("acme-babbler", KeypadSimulator),
        "printer": ("acme-printer", EscposPrinterSimulator),
        "voice": ("acme-voice", AnnouncerSimulator),
    }
    async with trio.open_nursery() as nursery:
        made = {name: kinds[name][1]() for name in names}
        devices = [
            device(name, kinds[name][0], (await plugged(nursery, simulator)).url)
            for name, simulator in made.items()
        ]
        async with running(folder, toml(*devices)) as hall:
            for name in names:
                with trio.fail_after(PATIENCE_S):
                    await hall.node.devices[name].wait_online()
            yield hall, made
        nursery.cancel_scope.cancel()
