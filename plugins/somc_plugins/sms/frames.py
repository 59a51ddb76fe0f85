"""Frames with their length in front: SMPP and CMPP cut their streams the same way.

What must stay true: no input raises; a length that cannot be makes the stream useless, which is said once
(`broken`) and nothing is given out after it, because nobody knows where the next frame begins.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["Deframer"]


class Deframer:
    """Cuts a stream into frames of at least `shortest` and at most `longest` octets, the length included."""

    def __init__(self, shortest: int, longest: int = 64 * 1024) -> None:
        self._shortest = shortest
        self._longest = longest
        self._buffer = b""
        self.broken: str | None = None
        """Why nothing more will come."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The frames that are whole now."""
        if self.broken is not None:
            return
        buffer = self._buffer + data if self._buffer else data
        at, end = 0, len(buffer)
        while end - at >= 4:
            length = int.from_bytes(buffer[at : at + 4], "big")
            if not self._shortest <= length <= self._longest:
                self.broken = f"a frame of {length} octets (allowed: {self._shortest} to {self._longest})"
                self._buffer = b""
                return
            if end - at < length:
                break
            yield buffer[at : at + length]
            at += length
        self._buffer = buffer[at:]
