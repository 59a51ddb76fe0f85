"""Frames between the hall and a plugin's own process: a length and one msgpack value.

What must stay true: no frame is larger than `MOST_BYTES`, either way; one that is ends the conversation.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import trio

__all__ = ["MOST_BYTES", "FrameTooLarge", "frame", "frames_of"]

MOST_BYTES = 8 * 2**20
LENGTH_BYTES = 4
READ_BYTES = 65_536

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class FrameTooLarge(Exception):
    """More than a frame may hold."""


def frame(*parts: Any) -> bytes:
    """One frame. `FrameTooLarge`."""
    body = _encode(parts)
    if len(body) > MOST_BYTES:
        raise FrameTooLarge(f"{len(body)} bytes; allowed: {MOST_BYTES}")
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


async def frames_of(stream: trio.abc.ReceiveStream) -> AsyncIterator[list[Any]]:
    """Every frame that comes, until the other end closes. `FrameTooLarge`, `msgspec.DecodeError`."""
    buffer = bytearray()
    while True:
        while len(buffer) >= LENGTH_BYTES:
            length = int.from_bytes(buffer[:LENGTH_BYTES], "big")
            if length > MOST_BYTES:
                raise FrameTooLarge(f"{length} bytes; allowed: {MOST_BYTES}")
            if len(buffer) < LENGTH_BYTES + length:
                break
            body = bytes(buffer[LENGTH_BYTES : LENGTH_BYTES + length])
            del buffer[: LENGTH_BYTES + length]
            yield _decode(body)
        try:
            data = await stream.receive_some(READ_BYTES)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return
        if not data:
            return
        buffer += data
