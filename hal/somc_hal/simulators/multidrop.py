"""Several simulated devices on one line, as terminals stand on an RS-485 bus.

What must stay true
- Every device hears every byte of the host; no device hears another one.
- What a device says goes out whole, one device after the other; `collisions` counts how often one spoke
  while another or the host was still speaking, which on a half-duplex line destroys both.
"""

from __future__ import annotations

from collections.abc import Sequence

import trio
from trio.testing import memory_stream_pair

from somc_hal.simulators.base import Simulator

__all__ = ["Multidrop"]

_CHUNK_BYTES = 4096


class Multidrop(Simulator):
    """The line and its `devices`. Pulling its plug takes all of them off."""

    DRIVER = "multidrop"

    def __init__(self, devices: Sequence[Simulator]) -> None:
        super().__init__()
        self.devices = tuple(devices)
        self.collisions = 0
        self._speaking = 0

    @property
    def busy(self) -> bool:
        """Whether any device still has something to say."""
        return any(device.busy for device in self.devices)

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Be the line's far end; returns when the stream ends or breaks."""
        self._connected = True
        line = trio.Lock()
        try:
            async with trio.open_nursery() as nursery:
                ends = []
                for device in self.devices:
                    near, far = memory_stream_pair()
                    ends.append(near)
                    nursery.start_soon(device.serve, far)
                    nursery.start_soon(self._forward, near, stream, line, nursery.cancel_scope)
                await self._spread(stream, ends)
                nursery.cancel_scope.cancel()
        finally:
            self._connected = False
            self.changed.turn()

    async def _spread(self, stream: trio.abc.Stream, ends: Sequence[trio.abc.Stream]) -> None:
        try:
            while data := await stream.receive_some(_CHUNK_BYTES):
                self.heard_writes += 1
                self.collisions += self._speaking > 0
                for end in ends:
                    await end.send_all(data)
                self.changed.turn()
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            return

    async def _forward(
        self, end: trio.abc.Stream, stream: trio.abc.Stream, line: trio.Lock, scope: trio.CancelScope
    ) -> None:
        try:
            while data := await end.receive_some(_CHUNK_BYTES):
                self.collisions += self._speaking > 0
                self._speaking += 1
                try:
                    async with line:
                        await stream.send_all(data)
                finally:
                    self._speaking -= 1
                self.changed.turn()
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            scope.cancel()

    def _plugged(self) -> None:
        """The devices are told by their own ends of the line."""

    def _received(self, data: bytes) -> None:
        """The devices hear by their own ends of the line."""

    def _forget(self) -> None:
        """The line has no memory."""
