"""A wire that takes its time: bytes pass at the speed of a serial line.

What must stay true: a frame is handed over when its last byte would have arrived, in both directions;
on a virtual clock nothing but these times passes.
"""

from __future__ import annotations

import trio

__all__ = ["BITS_PER_BYTE", "PacedStream"]

BITS_PER_BYTE = 10
"""8N1: a start bit, eight data bits, a stop bit."""


class PacedStream(trio.abc.Stream):
    """`stream`, seen from the device's end, over a line of `baud` bits a second. `bytes` counts what
    passed."""

    def __init__(self, stream: trio.abc.Stream, baud: int) -> None:
        self._stream = stream
        self.byte_s = BITS_PER_BYTE / baud
        self.bytes = 0

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.sleep(len(data) * self.byte_s)
        self.bytes += len(data)
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        data = await self._stream.receive_some(max_bytes)
        await trio.sleep(len(data) * self.byte_s)
        self.bytes += len(data)
        return data

    async def aclose(self) -> None:
        await self._stream.aclose()
