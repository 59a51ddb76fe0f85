"""What is plugged in is told with names that stay; replugging is noticed soon."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from serial.tools import list_ports
from trio.testing import MockClock

from somc_hal import discovery, driver_spec
from somc_hal.discovery import Found, changes, found
from somc_hal.links import usb_port
from somc_hal.port import MISSING_CAP_S
from somc_hal.simulators import StripDisplaySimulator, hosted

from .usb_fake import FakeBackend


def _port(device: str, serial: str = "A1") -> Any:
    return SimpleNamespace(
        device=device,
        manufacturer="FTDI",
        product="FT232R",
        description="x",
        serial_number=serial,
        hwid="USB",
    )


async def test_an_adapter_is_named_by_id(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ttyUSB0").touch()
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    (by_id / "usb-FTDI_A1-if00").symlink_to(tmp_path / "ttyUSB0")
    monkeypatch.setattr(discovery, "BY_ID", by_id)
    ports = [_port(str(tmp_path / "ttyUSB0")), _port("/dev/ttyUSB7", "B2")]
    monkeypatch.setattr(list_ports, "comports", lambda: ports)
    monkeypatch.setattr(discovery, "_usb_devices", list)
    assert await found() == (
        Found("serial:///dev/ttyUSB7", "FTDI FT232R", "B2"),
        Found(f"serial://{by_id}/usb-FTDI_A1-if00", "FTDI FT232R", "A1"),
    )


async def test_a_usb_device_is_named_by_its_serial_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_ports, "comports", list)
    usb_port.set_backend(FakeBackend(trio.lowlevel.current_trio_token()))
    try:
        assert await found() == (Found("usb://04B8:0202/SN-0001", "USB device", "SN-0001"),)
    finally:
        usb_port.set_backend(None)


async def test_without_a_usb_library_there_is_no_usb(monkeypatch: pytest.MonkeyPatch) -> None:
    import usb.core

    def fail(**_: Any) -> Any:
        raise usb.core.NoBackendError("no backend")

    monkeypatch.setattr(usb.core, "find", fail)
    monkeypatch.setattr(list_ports, "comports", list)
    assert await found() == ()


async def test_what_comes_and_goes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = [_port("/dev/ttyUSB0")]
    monkeypatch.setattr(list_ports, "comports", lambda: list(ports))
    monkeypatch.setattr(discovery, "_usb_devices", list)
    async with aclosing(changes(every_s=0.001)) as told:  # type: ignore[type-var]  # an async generator
        assert [{one.url for one in side} for side in await anext(told)] == [{"serial:///dev/ttyUSB0"}, set()]
        ports[:] = [_port("/dev/ttyUSB1")]
        assert [{one.url for one in side} for side in await anext(told)] == [
            {"serial:///dev/ttyUSB1"},
            {"serial:///dev/ttyUSB0"},
        ]


async def test_a_port_that_comes_back_is_opened_within_two_seconds(autojump_clock: MockClock) -> None:
    """However long it was away: a path that does not exist costs nothing to look for."""
    async with hosted(StripDisplaySimulator(), "memory") as host, trio.open_nursery() as nursery:
        strip: Any = driver_spec("reference-strip").make("s", host.url, {"jitter": 0.0})
        await nursery.start(strip.run)
        await strip.wait_online()
        await host.unplug()
        await strip.wait_not_online()
        await trio.sleep(3600)
        began = trio.current_time()
        await host.replug()
        await strip.wait_online()
        assert trio.current_time() - began <= MISSING_CAP_S
        nursery.cancel_scope.cancel()
