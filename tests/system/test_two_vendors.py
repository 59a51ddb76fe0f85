"""Q-05, Q-09: one hall, half Pingan and half Zhaowei, from key press to strip display over ptys."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import trio

from somc_hal.simulators import SimulatorHost
from somc_hal.simulators.multidrop import Multidrop
from somc_hal.values import Key
from somc_plugins.pingan.simulators import PinganCallerSimulator, PinganHallSimulator, PinganStripSimulator
from somc_plugins.zhaowei import ZhaoweiCallerSimulator, ZhaoweiHallSimulator, ZhaoweiStripSimulator
from tests.server.rig import HALL
from tests.system.process import PATIENCE_S, started, verified

EXAMPLE = Path(__file__).parents[2] / "examples" / "two_vendors" / "hall.toml"
BASE = "/api/v1"


async def _until(simulator: Any, condition: Any) -> None:
    with trio.fail_after(PATIENCE_S):
        while not condition():
            await simulator.changed.wait()


def at(name: str, url: str, toml: str) -> str:
    """The example with one device at `url` instead of simulated."""
    changed, count = re.subn(
        rf'(\[device\.{name}\]\ndriver = "[\w-]+"\n)simulated = "pty"', rf'\1url = "{url}"', toml
    )
    assert count == 1, name
    return changed


async def test_a_key_of_either_vendor_reaches_the_strip_of_its_counter(tmp_path: Path) -> None:
    devices: dict[str, Any] = {
        "keypad-1": PinganCallerSimulator(),
        "strip-1": PinganStripSimulator(),
        "hall-display-west": PinganHallSimulator(),
        "keypad-3": ZhaoweiCallerSimulator(),
        "strip-3": ZhaoweiStripSimulator(),
        "hall-display-east": ZhaoweiHallSimulator(),
    }
    toml = EXAMPLE.read_text(encoding="utf-8")
    async with trio.open_nursery() as nursery:
        hosts = {name: SimulatorHost(simulator, "pty", name=name) for name, simulator in devices.items()}
        for name, host in hosts.items():
            toml = at(name, await nursery.start(host.run), toml)

        async with started(tmp_path, toml) as hall, hall.client() as client:
            for number in (1, 3):
                opened = await client.post(
                    f"{BASE}/counters/{number}/open", json={"agent": f"agent-{number}"}
                )
                assert opened.status_code == 200, opened.text
            for _ in range(3):
                assert (await client.post(f"{BASE}/tickets", json={"service": "payment"})).status_code == 201

            for keypad, strip, number in (("keypad-1", "strip-1", "A001"), ("keypad-3", "strip-3", "A002")):
                await _until(devices[keypad], lambda keypad=keypad: devices[keypad].shown is not None)
                devices[keypad].press(Key.NEXT)
                await _until(
                    devices[strip],
                    lambda strip=strip, number=number: number in "".join(devices[strip].shown.lines),
                )
                await _until(
                    devices[keypad],
                    lambda keypad=keypad, number=number: devices[keypad].shown[0] == number,
                )
            # Each half sees the calls of both.
            for name in ("hall-display-west", "hall-display-east"):
                display = devices[name]
                await _until(
                    display,
                    lambda display=display: {row.number for row in display.shown.rows} >= {"A001", "A002"},
                )

            # One half's cables are pulled; the other goes on calling.
            for name in ("keypad-1", "strip-1"):
                await hosts[name].unplug()
            shown = len(devices["strip-1"].history)
            devices["keypad-3"].press(Key.START)
            devices["keypad-3"].press(Key.FINISH)
            devices["keypad-3"].press(Key.NEXT)
            await _until(devices["strip-3"], lambda: "A003" in "".join(devices["strip-3"].shown.lines))
            for name in ("keypad-1", "strip-1"):
                await hosts[name].replug()
            # And is shown, when it is back, what it should show.
            await _until(devices["strip-1"], lambda: len(devices["strip-1"].history) > shown)
            assert "A001" in "".join(devices["strip-1"].shown.lines)
            assert await hall.stop() == 0
        await verified(tmp_path / "data")
        nursery.cancel_scope.cancel()


LINES = """
[plugins]
enabled = ["standard_devices", "pingan", "zhaowei"]

[device.keypad-1]
driver = "pingan-caller"
url = "{pingan}"
counter = 1
options = {{ address = 1 }}

[device.keypad-2]
driver = "pingan-caller"
url = "{pingan}"
counter = 2
options = {{ address = 2 }}

[device.keypad-3]
driver = "zhaowei-caller"
url = "{zhaowei}"
counter = 3
options = {{ address = 13, polled = true }}

[device.strip-1]
driver = "zhaowei-strip"
url = "{zhaowei}"
counter = 1
options = {{ address = 1, polled = true }}

[device.strip-2]
driver = "zhaowei-strip"
url = "{zhaowei}"
counter = 2
options = {{ address = 2, polled = true }}

[device.strip-3]
driver = "zhaowei-strip"
url = "{zhaowei}"
counter = 3
options = {{ address = 3, polled = true }}
"""


def standing(simulator: Any, address: int) -> Any:
    """The device at that address of a line."""
    simulator.address = address
    if hasattr(simulator, "polled"):
        simulator.polled = True
    return simulator


@pytest.mark.parametrize("isolation", ["in-process", "process"])
async def test_two_lines_carry_a_hall_of_both_vendors(tmp_path: Path, isolation: str) -> None:
    """Two ptys in all: a Pingan bus with its keypads, a Zhaowei line with everybody's strips and a keypad.

    The drivers work in the hall's process, or each vendor's in one of its own."""
    keypads = {
        1: standing(PinganCallerSimulator(), 1),
        2: standing(PinganCallerSimulator(), 2),
        3: standing(ZhaoweiCallerSimulator(), 13),
    }
    strips = {number: standing(ZhaoweiStripSimulator(), number) for number in (1, 2, 3)}
    pingan = Multidrop([keypads[1], keypads[2]])
    zhaowei = Multidrop([*strips.values(), keypads[3]])
    async with trio.open_nursery() as nursery:
        urls = {}
        for name, line in (("pingan", pingan), ("zhaowei", zhaowei)):
            urls[name] = await nursery.start(SimulatorHost(line, "pty", name=name).run)
        skills = HALL.replace("skills = { repair = 1 }", "skills = { payment = 1 }")
        apart = "".join(
            f'[plugin.{name}.host]\nisolation = "{isolation}"\n' for name in ("pingan", "zhaowei")
        )
        async with started(tmp_path, skills + LINES.format(**urls) + apart) as hall, hall.client() as client:
            for number in keypads:
                await client.post(f"{BASE}/counters/{number}/open", json={"agent": f"agent-{number}"})
                assert (await client.post(f"{BASE}/tickets", json={"service": "payment"})).status_code == 201
            for number, keypad in keypads.items():
                await _until(keypad, lambda keypad=keypad: keypad.shown is not None)
                keypad.press(Key.NEXT)
                strip = strips[number]
                await _until(
                    strip, lambda strip=strip, number=number: f"A00{number}" in "".join(strip.shown.lines)
                )
            assert await hall.stop() == 0
        assert pingan.collisions == zhaowei.collisions == 0
        await verified(tmp_path / "data")
        nursery.cancel_scope.cancel()
