"""usb://: pyusb over a backend of our own; the printer conforms, unplugging is told, slices bound a
cancelled read."""

from __future__ import annotations

import errno
from typing import Any

import pytest
import trio

from somc_hal import driver_spec
from somc_hal.links import open_link, usb_port
from somc_hal.testing import Check, checks_for, simulated

from .usb_fake import FakeBackend, UsbHost

PRINTER_CHECKS = checks_for(driver_spec("escpos"))


@pytest.mark.parametrize("check", PRINTER_CHECKS, ids=[getattr(c, "__name__", "") for c in PRINTER_CHECKS])
async def test_the_printer_conforms_over_usb(check: Check) -> None:
    make = simulated("escpos", host=UsbHost)

    def bench(**options: Any) -> Any:
        return make(**{"print_timeout_s": 0.5, **options})

    await check(bench)


async def test_bytes_pass_and_a_pulled_plug_breaks_the_stream() -> None:
    backend = FakeBackend(trio.lowlevel.current_trio_token())
    usb_port.set_backend(backend)
    try:
        stream = await open_link("usb://04b8:0202")
        async with stream:
            await stream.send_all(b"x" * 10_000)
            sent = b""
            while len(sent) < 10_000:
                sent += await backend.from_host.receive()
            backend.to_host.put(b"answer")
            assert await stream.receive_some() == b"answer"
            began = trio.current_time()
            with trio.move_on_after(0.01) as scope:
                await stream.receive_some()
            assert scope.cancelled_caught
            assert trio.current_time() - began < 2.0  # a slice, on a loaded machine
            backend.to_host.put(b"later")
            assert await stream.receive_some() == b"later"
            with pytest.raises(OSError, match="busy"):
                await open_link("usb://04b8:0202")
            backend.plugged = False
            with pytest.raises(trio.BrokenResourceError, match="gone"):
                await stream.receive_some()
            with pytest.raises(trio.BrokenResourceError, match="gone"):
                await stream.send_all(b"x")
        assert backend.claimed == 0
        with pytest.raises(trio.ClosedResourceError):
            await stream.send_all(b"x")
    finally:
        usb_port.set_backend(None)


async def test_a_device_is_found_by_its_serial_number() -> None:
    usb_port.set_backend(FakeBackend(trio.lowlevel.current_trio_token(), "SN-0007"))
    try:
        async with await open_link("usb://04B8:0202/SN-0007"):
            pass
        with pytest.raises(OSError, match="04B8:0202 with serial number SN-0001 is not plugged in") as caught:
            await open_link("usb://04B8:0202/SN-0001")
        assert caught.value.errno == errno.ENODEV
    finally:
        usb_port.set_backend(None)


async def test_a_machine_without_libusb_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import usb.backend.libusb0
    import usb.backend.libusb1
    import usb.backend.openusb

    for backend in (usb.backend.libusb0, usb.backend.libusb1, usb.backend.openusb):
        monkeypatch.setattr(backend, "get_backend", lambda: None)
    with pytest.raises(OSError, match=r"libusb-1\.0-0"):
        await open_link("usb://04B8:0202")


async def test_one_reader_and_one_writer() -> None:
    usb_port.set_backend(FakeBackend(trio.lowlevel.current_trio_token()))
    try:
        async with await open_link("usb://04B8:0202") as stream, trio.open_nursery() as nursery:
            nursery.start_soon(stream.receive_some)
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(trio.BusyResourceError):
                await stream.receive_some()
            nursery.cancel_scope.cancel()
    finally:
        usb_port.set_backend(None)
