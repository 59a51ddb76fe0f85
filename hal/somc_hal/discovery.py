"""What is plugged in: serial adapters and USB devices, found in threads, and told when it changes.

What must stay true
- Looking writes to no device. Whether something answers is asked only by whoever means to (`probe`).
- A serial adapter is named by `/dev/serial/by-id` where that exists, a USB device by its serial number:
  the name stays when it is put into another socket.
- No USB library, or no right to read a name, means fewer entries, never an error.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import trio
from serial.tools import list_ports

from somc_hal.links import usb_port

__all__ = ["EVERY_S", "Found", "changes", "found"]

log = logging.getLogger(__name__)

EVERY_S = 2.0
"""How often `changes` looks: a look costs a few milliseconds of a thread."""

BY_ID = Path("/dev/serial/by-id")

_LOOKING = trio.CapacityLimiter(1)


@dataclass(frozen=True, slots=True)
class Found:
    """Something that a device URL can name."""

    url: str
    description: str
    serial_number: str = ""


async def found() -> tuple[Found, ...]:
    """What is plugged in now, sorted by URL."""
    return await trio.to_thread.run_sync(_look, limiter=_LOOKING)


async def changes(every_s: float = EVERY_S) -> AsyncIterator[tuple[frozenset[Found], frozenset[Found]]]:
    """Pairs of what came and what went; first everything that is there. Goes on until it is closed."""
    known: frozenset[Found] = frozenset()
    first = True
    while True:
        now = frozenset(await found())
        if first or now != known:
            yield now - known, known - now
        known, first = now, False
        await trio.sleep(every_s)


def _look() -> tuple[Found, ...]:
    return tuple(sorted([*_serial_ports(), *_usb_devices()], key=lambda one: one.url))


def _serial_ports() -> list[Found]:
    names = _stable_names()
    return [
        Found(
            f"serial://{names.get(port.device, port.device)}",
            " ".join(part for part in (port.manufacturer, port.product or port.description) if part),
            port.serial_number or "",
        )
        for port in list_ports.comports()
        if port.hwid != "n/a" or port.device in names  # an on-board UART that is not there says n/a
    ]


def _stable_names() -> Mapping[str, str]:
    """Device path to its by-id path."""
    try:
        return {str(link.resolve()): str(link) for link in sorted(BY_ID.iterdir())}
    except OSError:
        return {}


def _usb_devices() -> list[Found]:
    """USB devices with a bulk endpoint to write to that are no hubs; none without pyusb or libusb."""
    try:
        import usb.core

        devices = list(usb.core.find(find_all=True, backend=usb_port.backend()))
    except Exception as error:  # no library, no backend, or one that fails: looking never fails
        log.debug("USB is not looked at: %r", error)
        return []
    return [one for device in devices if (one := _usb_device(device)) is not None]


def _usb_device(device: Any) -> Found | None:
    if not usb_port.writable(device):
        return None
    try:
        number = device.serial_number or ""
        words = " ".join(part for part in (device.manufacturer, device.product) if part)
    except Exception as error:  # names may be unreadable without rights; the device is there all the same
        log.debug("USB %04X:%04X has no readable name: %r", device.idVendor, device.idProduct, error)
        number, words = "", ""
    url = f"usb://{device.idVendor:04X}:{device.idProduct:04X}"
    return Found(f"{url}/{quote(number, safe='')}" if number else url, words or "USB device", number)
