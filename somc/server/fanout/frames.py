"""WebSocket frames as a server sends them (RFC 6455, section 5.2).

A server's frames are not masked, so a frame is the same bytes for every client and is made once for all.
"""

from __future__ import annotations

import struct

__all__ = ["BINARY", "TEXT", "frame"]

TEXT, BINARY = 0x81, 0x82
"""The first byte: a whole message in one frame, of text or of bytes."""


def frame(first: int, payload: bytes) -> bytes:
    """One whole message; `first` is `TEXT` or `BINARY`."""
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 2**16:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload
