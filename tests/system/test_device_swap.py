"""Q-09: a device is swapped from one vendor to another, one URL to another, while the hall runs; nobody
is lost."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from somc_hal.links import open_link
from somc_hal.simulators import KeypadSimulator, SimulatorHost, StripDisplaySimulator
from somc_hal.values import Key
from somc_plugins.pingan.simulators import PinganCallerSimulator, PinganStripSimulator
from somc_plugins.zhaowei import ZhaoweiCallerSimulator, ZhaoweiStripSimulator
from tests.server.rig import HALL
from tests.system.process import PATIENCE_S, Process, started, verified

BASE = "/api/v1"


def toml(keypad: str, strip: str, *, vendor: str = "reference") -> str:
    """A hall with a keypad and a strip of one vendor at counter 1."""
    caller = "reference-keypad" if vendor == "reference" else f"{vendor}-caller"
    return (
        HALL
        + f"""
[plugins]
enabled = ["standard_devices", "pingan", "zhaowei"]

[device.keypad-1]
driver = "{caller}"
url = "{keypad}"
counter = 1

[device.strip-1]
driver = "{vendor}-strip"
url = "{strip}"
counter = 1
"""
    )


async def _host(nursery: trio.Nursery, simulator: Any) -> SimulatorHost:
    host = SimulatorHost(simulator, "pty")
    await nursery.start(host.run)
    return host


async def _held(url: str) -> None:
    """The hall has this port: nobody else can open it."""
    with pytest.raises(OSError, match="lock"):
        await open_link(url)


async def _until(client: httpx.AsyncClient, name: str, status: str) -> dict[str, Any]:
    """The device once it has that status."""
    with trio.fail_after(PATIENCE_S):
        while True:
            devices = (await client.get(f"{BASE}/devices")).json()
            found: dict[str, Any] = next(one for one in devices if one["name"] == name)
            if found["status"] == status:
                return found
            await trio.sleep(0.02)


async def _shown(simulator: Any, number: str) -> None:
    with trio.fail_after(PATIENCE_S):
        while number not in "".join(simulator.shown.lines):
            await simulator.changed.wait()


async def _waiting(client: httpx.AsyncClient) -> list[str]:
    tickets = (await client.get(f"{BASE}/tickets", params={"state": "waiting"})).json()
    return sorted(ticket["number"] for ticket in tickets)


async def _reload(hall: Process, client: httpx.AsyncClient, how: str) -> None:
    if how == "post":
        answer = await client.post(f"{BASE}/devices/reload")
        assert answer.status_code == 200, answer.text
        assert answer.json()["swapped"] == ["keypad-1", "strip-1"]
    else:
        hall.process.send_signal(signal.SIGHUP)


@pytest.mark.parametrize("how", ["post", "sighup"])
async def test_keypad_and_strip_are_swapped_and_nobody_is_lost(how: str, tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        old_keypad, new_keypad = PinganCallerSimulator(), ZhaoweiCallerSimulator()
        old_strip, new_strip = PinganStripSimulator(), ZhaoweiStripSimulator()
        old = [await _host(nursery, one) for one in (old_keypad, old_strip)]
        new = [await _host(nursery, one) for one in (new_keypad, new_strip)]
        async with (
            started(tmp_path, toml(old[0].url, old[1].url, vendor="pingan")) as hall,
            hall.client() as client,
        ):
            for name in ("keypad-1", "strip-1"):
                await _until(client, name, "online")
            await client.post(f"{BASE}/counters/1/open", json={"agent": "li"})
            for _ in range(4):
                assert (await client.post(f"{BASE}/tickets", json={"service": "payment"})).status_code == 201
            old_keypad.press(Key.NEXT)
            await _shown(old_strip, "A001")
            waiting = await _waiting(client)
            assert waiting == ["A002", "A003", "A004"]

            changed = toml(new[0].url, new[1].url, vendor="zhaowei")
            (tmp_path / "hall.toml").write_text(changed, encoding="utf-8")
            await _reload(hall, client, how)
            # The new strip shows what the old one showed: the state is drawn, not the events.
            await _shown(new_strip, "A001")
            await _until(client, "keypad-1", "online")
            assert await _waiting(client) == waiting
            new_keypad.press(Key.START)
            new_keypad.press(Key.FINISH)
            new_keypad.press(Key.NEXT)
            await _shown(new_strip, "A002")
            for host in old:
                async with await open_link(host.url):
                    pass  # it could not be opened if the hall still had it
            assert await hall.stop() == 0
        await verified(tmp_path / "data")
        nursery.cancel_scope.cancel()


async def test_a_wrong_file_is_refused_whole(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        keypad, strip = KeypadSimulator(), StripDisplaySimulator()
        hosts = [await _host(nursery, one) for one in (keypad, strip)]
        good = toml(hosts[0].url, hosts[1].url)
        async with started(tmp_path, good) as hall, hall.client() as client:
            await _until(client, "strip-1", "online")
            for wrong, words in (
                (
                    good.replace('driver = "reference-strip"', 'driver = "reference-stripe"'),
                    "reference-stripe",
                ),
                (good + "options = { lines = 99 }\n", "lines"),
                (good.replace(hosts[1].url, "serial://dev/ttyS0"), "three slashes"),
                (good.replace('prefix = "A"', "prefix = 7"), "prefix"),
                ("hello", "hall.toml"),
            ):
                # The keypad's line is good and new, and still nothing is changed.
                (tmp_path / "hall.toml").write_text(wrong.replace(hosts[0].url, "pty:///dev/nowhere"))
                answer = await client.post(f"{BASE}/devices/reload")
                assert answer.status_code == 422, wrong
                assert words in answer.json()["detail"]
            await _held(hosts[0].url)
            await _held(hosts[1].url)
            (tmp_path / "hall.toml").write_text(good.replace('en = "Payment"', 'en = "Payments"'))
            answer = await client.post(f"{BASE}/devices/reload")
            assert answer.json() == {
                "added": [],
                "removed": [],
                "swapped": [],
                "kept": ["keypad-1", "strip-1"],
                "waits_for_restart": ["service.payment.name"],
            }
            assert await hall.stop() == 0
        nursery.cancel_scope.cancel()


async def test_a_device_is_added_and_removed(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        keypad, strip = KeypadSimulator(), StripDisplaySimulator()
        hosts = [await _host(nursery, one) for one in (keypad, strip)]
        both = toml(hosts[0].url, hosts[1].url)
        one = both[: both.index("[device.strip-1]")]
        async with started(tmp_path, one) as hall, hall.client() as client:
            await _until(client, "keypad-1", "online")
            for written, names in ((both, ["keypad-1", "strip-1"]), (one, ["keypad-1"])):
                (tmp_path / "hall.toml").write_text(written)
                assert (await client.post(f"{BASE}/devices/reload")).status_code == 200
                devices = (await client.get(f"{BASE}/devices")).json()
                assert [device["name"] for device in devices] == names
                await _held(hosts[0].url)
            async with await open_link(hosts[1].url):
                pass
            assert await hall.stop() == 0
        nursery.cancel_scope.cancel()
