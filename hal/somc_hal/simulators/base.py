"""What every simulated device has: power, a line that can be cut or noisy, and a memory of its bytes.

What must stay true
- A simulator is a small honest device: it reads and writes only the bytes of its protocol and keeps
  its state when the cable is pulled, but not when the power is.
- One task writes; what is to be written waits in a bounded queue.
- `busy` is true while it has something unsent or unacknowledged, so that a simulated day can wait
  for quiet on both sides of the wire.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from typing import ClassVar

import trio

from somc_hal.turn import Turn

__all__ = ["Simulator"]

_CHUNK_BYTES = 4096
_OUT_LIMIT = 64
RAW_LIMIT_BYTES = 65536
"""How many of the bytes received last are kept."""


class Simulator(ABC):
    """Base of all simulators. `DRIVER` is the name of the driver that speaks to it.

    `boots` counts how often it was powered on, `heard_writes` how often bytes came. For devices that
    repeat what nobody acknowledged: `retransmit_s` is how long they wait for it, `repeats` counts how
    often they waited in vain.
    """

    DRIVER: ClassVar[str]
    CHECKED: ClassVar[bool] = True
    """Whether a damaged frame is noticed and sent again, on both sides. False for protocols without a
    check."""
    NOISE: ClassVar[bytes] = bytes(range(256))
    """Bytes that may stand on its line and mean nothing; fewer where a protocol takes single bytes for
    answers."""

    def __init__(self) -> None:
        self.powered = True
        self.boots = 1
        self.changed = Turn()
        self.heard_writes = 0
        self.retransmit_s = 0.3
        self.repeats = 0
        self._raw = bytearray()
        self._muted = False
        self._noise = b""
        self._damaged = 0
        self._deaf = 0
        self._out: deque[bytes] = deque(maxlen=_OUT_LIMIT)
        self._connected = False

    # --- to be driven --------------------------------------------------------------------------

    @property
    def raw(self) -> bytes:
        """The bytes received last, as they came, at most `RAW_LIMIT_BYTES`."""
        return bytes(self._raw)

    @property
    def connected(self) -> bool:
        """Whether a stream is being served."""
        return self._connected

    @property
    def busy(self) -> bool:
        """Whether it still has something to say."""
        return self._connected and self.powered and not self._muted and bool(self._out)

    def mute(self) -> None:
        """Its transmit wire is cut: it hears and acts, and nobody hears it."""
        self._muted = True
        self.changed.turn()

    def unmute(self) -> None:
        """The wire is mended."""
        self._muted = False
        self.changed.turn()

    def noise(self, data: bytes) -> None:
        """Bytes that were never meant stand on its line before whatever it says next."""
        self._noise = (self._noise + data)[:RAW_LIMIT_BYTES]

    def damage(self, frames: int) -> None:
        """One bit of each of the next `frames` writes is flipped."""
        self._damaged = frames

    def deafen(self, frames: int) -> None:
        """The next `frames` that the host sends are lost on their way."""
        self._deaf = frames

    def power_off(self) -> None:
        """It hears nothing, says nothing and forgets what it showed and meant to say."""
        self.powered = False
        self._out.clear()
        self._forget()
        self.changed.turn()

    def power_on(self) -> None:
        """It starts anew."""
        if not self.powered:
            self.powered = True
            self.boots += 1
            self.changed.turn()

    # --- for the host --------------------------------------------------------------------------

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Be the device at the other end of `stream`; returns when the stream ends or breaks."""
        self._connected = True
        self._plugged()
        self.changed.turn()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write, stream, nursery.cancel_scope)
                nursery.start_soon(self._behave)
                await self._read(stream)
                nursery.cancel_scope.cancel()
        finally:
            self._connected = False
            self._out.clear()
            self.changed.turn()

    async def _read(self, stream: trio.abc.Stream) -> None:
        try:
            while data := await stream.receive_some(_CHUNK_BYTES):
                if self.powered:
                    self.heard_writes += 1
                    self._raw += data
                    del self._raw[:-RAW_LIMIT_BYTES]
                    self._hear(bytes(data))
                    self.changed.turn()
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            return

    def _hear(self, data: bytes) -> None:
        """What of the bytes really gets in; a deaf device takes one write of the host for one frame."""
        if self._deaf:
            self._deaf -= 1
        else:
            self._received(data)

    async def _write(self, stream: trio.abc.Stream, scope: trio.CancelScope) -> None:
        while True:
            while not self._out:
                await self.changed.wait()
            data = self._spoiled(self._out[0])
            try:
                if not self._muted:
                    await stream.send_all(data)
            except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
                scope.cancel()
                return
            if self._out:
                self._out.popleft()
            self.changed.turn()

    def _spoiled(self, data: bytes) -> bytes:
        """What really goes on the wire."""
        noise, self._noise = self._noise, b""
        if self._damaged:
            self._damaged -= 1
            middle = len(data) // 2
            data = data[:middle] + bytes((data[middle] ^ 0x20,)) + data[middle + 1 :]
        return noise + data

    def _say(self, data: bytes) -> None:
        """Queue bytes; with `_OUT_LIMIT` waiting the oldest is lost, as in a full transmit buffer."""
        self._out.append(data)
        self.changed.turn()

    # --- for subclasses ------------------------------------------------------------------------

    @abstractmethod
    def _plugged(self) -> None:
        """A new connection: forget half a frame."""

    @abstractmethod
    def _received(self, data: bytes) -> None:
        """Bytes came. Must not wait."""

    @abstractmethod
    def _forget(self) -> None:
        """The power went: everything volatile is gone."""

    async def _behave(self) -> None:
        """What the device does of itself while connected; nothing, unless it speaks first."""
        await trio.lowlevel.checkpoint()
