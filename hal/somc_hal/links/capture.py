"""`record+URL` keeps what passes on a wire; `replay://FILE` plays a device from what was kept.

A capture is JSON Lines. The first line says what it is, every other one bytes in one direction:

    {"somc_capture": 1, "url": "serial:///dev/ttyUSB0?baud=9600", "began": "2026-11-26T10:20:00+00:00"}
    {"at": 0.000153, "to": "device", "hex": "0205434216 03"}
    {"at": 0.021004, "to": "host", "hex": "0206 …"}

`at` counts seconds since the link was opened. Spaces in `hex` are allowed. When the link is opened again the
file goes on, after another first line.

What must stay true
- Recording changes nothing on the wire: a full disk ends the recording, with a warning in the log,
  and not the device.
- A replayed device speaks only when the host has sent as many bytes as it had sent in the capture, so a
  replay does not depend on the machine's speed; with `pace=1` it also keeps the capture's times.
- After its last line a replayed device is silent.
- A capture may hold what customers typed and what stood on their cards: only its owner may read it.
"""

from __future__ import annotations

import errno
import json
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from io import RawIOBase
from pathlib import Path
from typing import Literal

import trio

from somc_hal.turn import Turn

__all__ = ["Capture", "Passed", "RecordingStream", "ReplayStream", "read_capture"]

log = logging.getLogger(__name__)

VERSION = 1


@dataclass(frozen=True, slots=True)
class Passed:
    """Bytes that passed `at` seconds after the link was opened, `to` the device or the host."""

    at: float
    to: Literal["device", "host"]
    data: bytes


@dataclass(frozen=True, slots=True)
class Capture:
    """A recorded wire."""

    url: str
    began: str
    passed: tuple[Passed, ...]

    def bytes_to(self, to: Literal["device", "host"]) -> bytes:
        """All bytes of one direction."""
        return b"".join(one.data for one in self.passed if one.to == to)


def read_capture(path: Path) -> Capture:
    """A capture from its file. `OSError`; `ValueError` names file, line and what is wrong."""
    lines = path.read_text(encoding="utf-8").splitlines()
    head, *rest = [(number, text) for number, text in enumerate(lines, 1) if text.strip()] or [(1, "")]
    first = _object(path, *head)
    if first.get("somc_capture") != VERSION:
        raise ValueError(f'{path}:1: this is no capture: it begins with {{"somc_capture": {VERSION}, …}}')
    return Capture(
        str(first.get("url", "")),
        str(first.get("began", "")),
        tuple(
            _passed(path, number, line)
            for number, text in rest
            if "somc_capture" not in (line := _object(path, number, text))
        ),
    )


def _object(path: Path, number: int, text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{path}:{number}: no JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path}:{number}: found {text!r}; a line is an object")
    return found


def _passed(path: Path, number: int, line: dict[str, object]) -> Passed:
    at, to, digits = line.get("at"), line.get("to"), line.get("hex")
    if not isinstance(at, int | float) or at < 0:
        raise ValueError(f"{path}:{number}: 'at' is seconds from 0, found {at!r}")
    if to != "device" and to != "host":
        raise ValueError(f'{path}:{number}: \'to\' is "device" or "host", found {to!r}')
    try:
        data = bytes.fromhex(str(digits))
    except ValueError:
        raise ValueError(f"{path}:{number}: 'hex' is bytes in hexadecimal, found {digits!r}") from None
    return Passed(float(at), "device" if to == "device" else "host", data)


def _owners(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class RecordingStream(trio.abc.Stream):
    """A link whose bytes are kept in a file, both directions, with times."""

    def __init__(self, stream: trio.abc.Stream, url: str, path: Path) -> None:
        self._stream = stream
        self.byte_s: float = getattr(stream, "byte_s", 0.0)
        self._path = path
        self._began = trio.current_time()
        # Each line goes out as it is written: a bench that is switched off keeps what it has.
        self._file: RawIOBase | None = open(path, "ab", buffering=0, opener=_owners)  # noqa: SIM115 # open as long as the line
        head = {"somc_capture": VERSION, "url": url, "began": datetime.now(UTC).isoformat(timespec="seconds")}
        self._write(head)

    def _write(self, line: dict[str, object]) -> None:
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(line).encode() + b"\n")
        except OSError as error:
            log.warning("%s: recording has ended: %s", self._path, error)
            self._file.close()
            self._file = None

    def _keep(self, to: str, data: bytes | bytearray | memoryview) -> None:
        at = round(trio.current_time() - self._began, 6)
        self._write({"at": at, "to": to, "hex": bytes(data).hex()})

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)
        self._keep("device", data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        data = await self._stream.receive_some(max_bytes)
        if data:
            self._keep("host", data)
        return data

    async def aclose(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        await self._stream.aclose()


class ReplayStream(trio.abc.Stream):
    """The device of a capture. `differs_at` is the first byte of the host's that is not as it was then,
    counted from 0; `None` as long as all are."""

    def __init__(self, passed: Iterable[Passed], *, pace: bool = False) -> None:
        self._left = list(passed)
        self._expected = b"".join(one.data for one in self._left if one.to == "device")
        self._pace = pace
        self._sent = 0
        self._due = 0  # bytes the host had sent before the next thing the device said
        self._index = 0
        self._began = trio.current_time()
        self._turn = Turn()
        self._closed = False
        self._buffer = bytearray()
        self.differs_at: int | None = None

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        if self._closed:
            raise trio.ClosedResourceError("this replay was closed")
        for byte in bytes(data):
            if self.differs_at is None and self._expected[self._sent : self._sent + 1] != bytes((byte,)):
                self.differs_at = self._sent
            self._sent += 1
        self._turn.turn()

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        while not self._buffer:
            if self._closed:
                raise trio.ClosedResourceError("this replay was closed")
            await self._advance()
        data = bytes(self._buffer[:max_bytes])
        del self._buffer[: len(data)]
        return data

    async def _advance(self) -> None:
        """The next thing the device says, when its time has come."""
        while self._index < len(self._left) and self._left[self._index].to == "device":
            self._due += len(self._left[self._index].data)
            self._index += 1
        if self._index == len(self._left) or self._sent < self._due:
            await self._turn.wait()
            return
        one = self._left[self._index]
        if self._pace and trio.current_time() < self._began + one.at:
            await self._turn.wait(self._began + one.at)
            return
        self._index += 1
        self._buffer += one.data

    async def aclose(self) -> None:
        self._closed = True
        self._turn.turn()
        await trio.lowlevel.checkpoint()


async def open_replay(path: Path, *, pace: bool) -> trio.abc.Stream:
    """Play the device of the capture in `path`. Raises `OSError`, also for a file that is no capture."""
    try:
        capture = await trio.to_thread.run_sync(read_capture, path)
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error)) from error
    return ReplayStream(capture.passed, pace=pace)
