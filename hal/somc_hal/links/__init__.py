"""Links: a byte stream behind a URL.

    serial:///dev/ttyUSB0?baud=9600   a serial port, 8N1       (query: baud)
    pty:///dev/pts/7                  the same without a speed, for simulators
    tcp://host:port                   a TCP client             (query: silence_s)
    memory://name                     inside one process, for tests (see `links.memory`)

What must stay true: whatever lies below, a stream raises only `trio.BrokenResourceError`,
`trio.ClosedResourceError`, `trio.BusyResourceError` and, while opening, `OSError`. A receive of
`b""` means that the peer has closed. A peer that lost power says nothing at all: noticing that is
the port's business (`somc_hal.port`).
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import trio

from somc_hal.links.memory import open_memory
from somc_hal.links.serial_port import open_serial
from somc_hal.links.tcp import open_tcp

__all__ = ["SCHEMES", "Target", "check_url", "open_link"]

SCHEMES = ("serial", "pty", "tcp", "memory")
"""What `open_link` can open; the first part of a device URL."""

_QUERY = {"serial": {"baud": 9600}, "pty": {}, "tcp": {"silence_s": 15}, "memory": {}}


class Target:
    """A checked device URL. `ValueError` names what is wrong with it and what is allowed."""

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        self.scheme = parts.scheme
        if self.scheme not in SCHEMES or "://" not in url:
            allowed = ", ".join(f"{scheme}://" for scheme in SCHEMES)
            raise ValueError(f"device URL {url!r}: found scheme {self.scheme!r}; allowed: {allowed}")
        self.path = parts.path
        self.host = parts.hostname or ""
        try:
            self.port = parts.port or 0
        except ValueError:
            raise ValueError(f"device URL {url!r}: the port is a number from 1 to 65535") from None
        self.query = self._checked(parts.query)
        if self.scheme in ("serial", "pty") and (parts.netloc or len(self.path) < 2):
            raise ValueError(f"device URL {url!r}: write {self.scheme}:///path, with three slashes")
        if self.scheme == "tcp" and not (self.host and self.port):
            raise ValueError(f"device URL {url!r}: write tcp://host:port")
        if self.scheme == "memory":
            self.host = parts.netloc  # `hostname` would lower the case
            if not self.host:
                raise ValueError(f"device URL {url!r}: write memory://name")

    def _checked(self, query: str) -> dict[str, int]:
        known = _QUERY[self.scheme]
        values = dict(known)
        for key, text in parse_qsl(query, keep_blank_values=True):
            if key not in known:
                allowed = ", ".join(known) or "none"
                raise ValueError(f"device URL {self.url!r}: found parameter {key!r}; allowed: {allowed}")
            if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 4_000_000:
                raise ValueError(f"device URL {self.url!r}: {key} is a number above 0, found {text!r}")
            values[key] = int(text)
        return values


def check_url(url: str) -> None:
    """`ValueError` if `open_link` could never open it. Opens nothing."""
    Target(url)


async def open_link(url: str) -> trio.abc.Stream:
    """Open the byte stream behind `url`.

    Raises `ValueError` for a URL that cannot be meant, `OSError` if it cannot be opened now.
    """
    target = Target(url)
    match target.scheme:
        case "serial":
            return await open_serial(target.path, target.query["baud"])
        case "pty":
            return await open_serial(target.path, None)
        case "tcp":
            return await open_tcp(target.host, target.port, silence_s=target.query["silence_s"])
        case _:
            return await open_memory(target.host)
