"""Links: a byte stream behind a URL.

    serial:///dev/ttyUSB0?baud=9600   a serial port, 8N1       (query: baud)
    serial+aio:///dev/ttyUSB0         the same through pyserial-asyncio (extra `serial-aio`)
    pty:///dev/pts/7                  the same without a speed, for simulators
    device:///dev/input/event3        a character device as it is        (query: grab)
    usb://04B8:0202/SERIAL            bulk endpoints through pyusb (extra `usb`)
    tcp://host:port                   a TCP client             (query: silence_s)
    agent://host:port/NAME?token-file=FILE   a device of another PC (see `links.agent`; query: silence_s)
    memory://name                     inside one process, for tests (see `links.memory`)
    record+URL&record=FILE            any of these, kept in a file (see `links.capture`)
    replay:///FILE                    a device from such a file (query: pace)

What must stay true: whatever lies below, a stream raises only `trio.BrokenResourceError`,
`trio.ClosedResourceError`, `trio.BusyResourceError` and, while opening, `OSError`. A receive of
`b""` means that the peer has closed. A peer that lost power says nothing at all: noticing that is
the port's business (`somc_hal.port`).
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import trio

from somc_hal.links.agent import DEVICE_NAME, open_agent
from somc_hal.links.capture import RecordingStream, open_replay
from somc_hal.links.device_node import open_device_node
from somc_hal.links.memory import open_memory
from somc_hal.links.presence import wait_unplugged
from somc_hal.links.serial_aio import open_serial_aio
from somc_hal.links.serial_port import open_serial
from somc_hal.links.tcp import open_tcp
from somc_hal.links.usb_port import open_usb

__all__ = ["SCHEMES", "SINKS", "Target", "check_url", "open_link", "unplugged"]

SCHEMES = ("serial", "serial+aio", "pty", "device", "usb", "tcp", "agent", "memory", "replay")
"""What `open_link` can open; the first part of a device URL. Each may stand behind `record+`."""

SINKS = ("audio", "wav")
"""Where sound goes: no byte streams, so a driver of a voice opens them and `open_link` does not."""

_QUERY = {
    "serial": {"baud": 9600},
    "serial+aio": {"baud": 9600},
    "pty": {},
    "device": {"grab": 0},
    "usb": {},
    "tcp": {"silence_s": 15},
    "agent": {"silence_s": 15},
    "memory": {},
    "replay": {"pace": 0},
    "audio": {},
    "wav": {},
}
_PATHS = ("serial", "serial+aio", "pty", "device", "replay", "wav")
_USB = re.compile(r"usb://([0-9A-Fa-f]{4}):([0-9A-Fa-f]{4})(?:/([^/?#]+))?")


class Target:
    """A checked device URL. `ValueError` names what is wrong with it and what is allowed."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.record: Path | None = None
        inner = url.removeprefix("record+")
        if inner != url:
            inner = self._without_record(inner)
        self.inner = inner
        parts = urlsplit(inner)
        self.scheme = parts.scheme
        if self.scheme not in (*SCHEMES, *SINKS) or "://" not in inner:
            allowed = ", ".join(f"{scheme}://" for scheme in (*SCHEMES, *SINKS))
            found = f"device URL {url!r}: found scheme {self.scheme!r}"
            raise ValueError(f"{found}; allowed: {allowed}, record+…")
        self.path = unquote(parts.path)
        self.vendor = self.product = 0
        self.serial_number = ""
        self.host, self.port = "", 0
        if self.scheme == "usb":
            self._usb(inner)
        else:
            self.host = parts.hostname or ""
            try:
                self.port = parts.port or 0
            except ValueError:
                raise ValueError(f"device URL {url!r}: the port is a number from 1 to 65535") from None
        self.token_file: Path | None = None
        self.query = self._checked(parts.query)
        if self.scheme in _PATHS and (parts.netloc or len(self.path) < 2):
            raise ValueError(f"device URL {url!r}: write {self.scheme}:///path, with three slashes")
        if self.scheme == "tcp" and not (self.host and self.port):
            raise ValueError(f"device URL {url!r}: write tcp://host:port")
        if self.scheme == "audio" and not (self.host and not self.path):
            raise ValueError(f"device URL {url!r}: write audio://PLAYER, such as audio://auto")
        if self.scheme in SINKS and self.record is not None:
            raise ValueError(f"device URL {url!r}: {self.scheme}:// is no line that could be recorded")
        if self.scheme == "agent":
            named = DEVICE_NAME.fullmatch(self.path[1:])
            if not (self.host and self.port and named and self.token_file):
                raise ValueError(f"device URL {url!r}: write agent://host:port/DEVICE?token-file=FILE")
        if self.scheme == "memory":
            self.host = parts.netloc  # `hostname` would lower the case
            if not self.host:
                raise ValueError(f"device URL {url!r}: write memory://name")

    def _without_record(self, inner: str) -> str:
        """The URL without `record=FILE`, which is kept."""
        parts = urlsplit(inner)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        files = [value for key, value in pairs if key == "record" and value]
        if len(files) != 1:
            raise ValueError(f"device URL {self.url!r}: record+… needs one parameter record=FILE")
        self.record = Path(files[0])
        bare, _, _ = inner.partition("?")
        rest = urlencode([(key, value) for key, value in pairs if key != "record"])
        return f"{bare}?{rest}" if rest else bare

    def _usb(self, inner: str) -> None:
        found = _USB.fullmatch(inner.partition("?")[0])
        if found is None:
            raise ValueError(
                f"device URL {self.url!r}: write usb://VID:PID or usb://VID:PID/SERIAL, VID and PID as four "
                "hexadecimal digits each"
            )
        self.vendor, self.product = int(found[1], 16), int(found[2], 16)
        self.serial_number = unquote(found[3] or "")

    def _checked(self, query: str) -> dict[str, int]:
        known = _QUERY[self.scheme]
        values = dict(known)
        for key, text in parse_qsl(query, keep_blank_values=True):
            if key == "token-file" and self.scheme == "agent" and text:
                self.token_file = Path(text)
                continue
            if key not in known:
                allowed = ", ".join(known) or "none"
                raise ValueError(f"device URL {self.url!r}: found parameter {key!r}; allowed: {allowed}")
            if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 4_000_000:
                raise ValueError(f"device URL {self.url!r}: {key} is a number above 0, found {text!r}")
            values[key] = int(text)
        return values


def check_url(url: str) -> None:
    """`ValueError` if `open_link` could never open it. Opens nothing."""
    _line(url)


def _line(url: str) -> Target:
    target = Target(url)
    if target.scheme in SINKS:
        raise ValueError(f"device URL {url!r}: {target.scheme}:// takes sound from a voice and is no line")
    return target


async def unplugged(url: str) -> bool:
    """After the line behind `url` broke: whether the device itself is gone, as far as this machine knows."""
    target = _line(url)
    return await wait_unplugged(target.scheme, target.path, target.host)


async def open_link(url: str) -> trio.abc.Stream:
    """Open the byte stream behind `url`.

    Raises `ValueError` for a URL that cannot be meant, `OSError` if it cannot be opened now.
    """
    target = _line(url)
    stream = await _opened(target)
    if target.record is None:
        return stream
    try:
        return RecordingStream(stream, target.inner, target.record)
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise


async def _opened(target: Target) -> trio.abc.Stream:
    match target.scheme:
        case "serial":
            return await open_serial(target.path, target.query["baud"])
        case "serial+aio":
            # A pty has no speed, and takes any.
            return await open_serial_aio(target.path, target.query["baud"])
        case "pty":
            return await open_serial(target.path, None)
        case "usb":
            return await open_usb(target.vendor, target.product, target.serial_number)
        case "tcp":
            return await open_tcp(target.host, target.port, silence_s=target.query["silence_s"])
        case "agent":
            assert target.token_file is not None  # checked
            return await open_agent(
                target.host,
                target.port,
                target.path[1:],
                target.token_file,
                silence_s=target.query["silence_s"],
            )
        case "device":
            return await open_device_node(target.path, grab=bool(target.query["grab"]))
        case "replay":
            return await open_replay(Path(target.path), pace=bool(target.query["pace"]))
        case _:
            return await open_memory(target.host)
