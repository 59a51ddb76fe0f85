"""The Marquee's frames: bytes in, messages out, no I/O.

    $ WHO                         * CK \n      who are you; forget the last number
    $ IAM , MARQUEE , starts      * CK \n      the answer
    $ SHOW , number , blink , line … * CK \n   show these lines, in GB18030 written as hex digits
    $ OK , number                 * CK \n      the answer

CK is the XOR of everything between `$` and `*`, as two hex digits. `$` and the line feed occur nowhere else,
so `$` always begins a frame, whatever was lost before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

__all__ = ["LineDecoder", "encode"]

LIMIT_BYTES = 512
"""Longest frame; what is longer is noise."""


def checksum(body: bytes) -> bytes:
    return b"%02X" % reduce(lambda sum_, byte: sum_ ^ byte, body, 0)


def encode(*fields: str) -> bytes:
    """A frame of these fields, which are ASCII without `$`, `*`, commas and line ends."""
    body = ",".join(fields).encode("ascii")
    return b"$" + body + b"*" + checksum(body) + b"\n"


class LineDecoder:
    """Finds the good frames in whatever comes. Never raises."""

    def __init__(self) -> None:
        self._frame: bytearray | None = None  # None: between frames

    def gap(self) -> None:
        """The line was interrupted: half a frame is worth nothing."""
        self._frame = None

    def feed(self, data: bytes) -> list[tuple[str, ...]]:
        """The frames that end in `data`, each as its fields."""
        found = []
        for byte in data:
            if byte == ord("$"):
                self._frame = bytearray()
            elif self._frame is None:
                continue
            elif byte != ord("\n"):
                self._frame.append(byte)
                if len(self._frame) > LIMIT_BYTES:
                    self._frame = None
            else:
                fields = _fields(bytes(self._frame))
                self._frame = None
                if fields:
                    found.append(fields)
        return found


def _fields(frame: bytes) -> tuple[str, ...]:
    """The fields of a good frame; () for a bad one."""
    body, star, check = frame.rpartition(b"*")
    if not star or check != checksum(body) or not body.isascii():
        return ()
    return tuple(body.decode("ascii").split(","))


def hex_lines(lines: Sequence[str]) -> list[str]:
    """Lines of text as they stand in a frame."""
    return [line.encode("gb18030").hex().upper() for line in lines]


def text_lines(fields: Sequence[str]) -> list[str]:
    """And back. `ValueError` for what is no text."""
    return [bytes.fromhex(field).decode("gb18030") for field in fields]
