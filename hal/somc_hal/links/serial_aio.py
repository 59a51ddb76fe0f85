"""`serial+aio://`: pyserial-asyncio under trio-asyncio. The second choice; why, is in the hardware
layer's page.

What must stay true
- Each port has an asyncio loop of its own, in a task of its own, with an exception handler: what asyncio
  would only log, trio-asyncio raises, and without the handler one pulled cable ended the whole process.
- The port is opened in a thread: pyserial-asyncio itself opens on the loop and stalls everybody.
- A write returns when the transport's buffer is empty, and raises if the port was lost meanwhile:
  pyserial-asyncio alone reports a lost write as sent.

A cancelled write still goes out whole: the transport has it already.
"""

from __future__ import annotations

import asyncio
import termios
from typing import Any

import serial
import trio

from somc_hal.links.serial_port import BITS_PER_BYTE, PTY_BAUD
from somc_hal.turn import Turn

__all__ = ["AioSerialStream", "open_serial_aio"]

_OPENING = trio.CapacityLimiter(4)
_HIGH_BYTES = 65536
"""Received bytes kept for a reader that is behind; beyond it the kernel's buffer fills."""

INSTALL = "serial+aio:// needs pyserial-asyncio and trio-asyncio: pip install somc[serial-aio]"


def _opened(path: str, baud: int | None) -> serial.Serial:
    """Runs in a thread. Raises `OSError`."""
    try:
        return serial.Serial(path, baud or PTY_BAUD, exclusive=True)
    except termios.error as error:
        number, text = error.args if len(error.args) == 2 else (0, str(error))
        raise OSError(number, f"{path}: {text}") from error
    except ValueError as error:
        raise OSError(0, f"{path}: {error}") from error


class _Ears(asyncio.Protocol):
    """What pyserial-asyncio calls; everything it says becomes the stream's state."""

    def __init__(self, stream: AioSerialStream) -> None:
        self._stream = stream

    def connection_made(self, transport: Any) -> None:
        transport.set_write_buffer_limits(high=0)
        self._stream._made(transport)

    def data_received(self, data: bytes) -> None:
        self._stream._arrived(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stream._lost(f"the serial port is gone: {exc or 'closed'}")

    def pause_writing(self) -> None:
        self._stream._drained = False

    def resume_writing(self) -> None:
        self._stream._drained = True
        self._stream._turn.turn()


class AioSerialStream(trio.abc.Stream):
    """A serial port as a stream, carried by an asyncio transport."""

    def __init__(self, byte_s: float = 0.0) -> None:
        self.byte_s = byte_s
        self._turn = Turn()
        self._buffer = bytearray()
        self._transport: Any = None
        self._reading = True
        self._drained = True
        self._broken: str | None = None
        self._closed = False
        self._sending = trio.Lock()
        self._receiving = False
        self._ended = trio.Event()

    # --- stream --------------------------------------------------------------------------------

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Returns when the operating system has all of it. Cancelled, the rest goes out all the same."""
        try:
            self._sending.acquire_nowait()
        except trio.WouldBlock:
            raise trio.BusyResourceError("another task is sending") from None
        try:
            await trio.lowlevel.checkpoint()
            self._check()
            if not data:
                return
            self._drained = False
            self._transport.write(bytes(data))
            while not self._drained:
                await self._turn.wait()
                self._check()
        finally:
            self._sending.release()

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()
        self._check()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._receiving:
            raise trio.BusyResourceError("another task is receiving")
        self._receiving = True
        try:
            await trio.lowlevel.checkpoint()
            while not self._buffer:
                self._check()
                await self._turn.wait()
            data = bytes(self._buffer[:max_bytes])
            del self._buffer[: len(data)]
            if not self._reading and len(self._buffer) < _HIGH_BYTES and self._broken is None:
                self._reading = True
                self._transport.resume_reading()
            return data
        finally:
            self._receiving = False

    async def aclose(self) -> None:
        """Also when cancelled: the port is closed and its loop has ended."""
        if not self._closed:
            self._closed = True
            self._turn.turn()
        with trio.CancelScope(shield=True):
            await self._ended.wait()
        await trio.lowlevel.checkpoint()

    def _check(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError("this serial port was closed")
        if self._broken is not None:
            raise trio.BrokenResourceError(self._broken)

    # --- for the protocol ----------------------------------------------------------------------

    def _made(self, transport: Any) -> None:
        self._transport = transport
        self._turn.turn()

    def _arrived(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) >= _HIGH_BYTES and self._reading:
            self._reading = False
            self._transport.pause_reading()
        self._turn.turn()

    def _lost(self, why: str) -> None:
        self._broken = self._broken or why
        self._turn.turn()

    # --- the port's own loop -------------------------------------------------------------------

    async def live(self, port: serial.Serial) -> None:
        """Run the asyncio loop of this port until the stream is closed. Never raises."""
        import serial_asyncio
        import trio_asyncio

        def handler(loop: Any, context: dict[str, Any]) -> None:
            self._lost(f"the serial port is gone: {context.get('exception') or context.get('message')}")

        try:
            async with trio_asyncio.open_loop() as loop:
                loop.set_exception_handler(handler)
                serial_asyncio.SerialTransport(loop, _Ears(self), port)
                while not self._closed:
                    await self._turn.wait()
                if self._transport is not None:
                    self._transport.abort()
        except BaseException as error:
            # A system task that raises ends the process; this port's trouble is this port's alone.
            self._lost(f"its asyncio loop failed: {error!r}")
        finally:
            port.close()
            self._ended.set()


async def open_serial_aio(path: str, baud: int | None) -> trio.abc.Stream:
    """Open a port with 8N1, locked for this process, on a loop of its own. Raises `OSError`."""
    try:
        import serial_asyncio  # noqa: F401 # only to say what is missing before a port is opened
        import trio_asyncio  # noqa: F401 # as above
    except ImportError as error:
        raise OSError(0, INSTALL) from error
    port = await trio.to_thread.run_sync(_opened, path, baud, limiter=_OPENING)
    stream = AioSerialStream(0.0 if baud is None else BITS_PER_BYTE / baud)
    trio.lowlevel.spawn_system_task(stream.live, port)
    try:
        while stream._transport is None and stream._broken is None:
            await stream._turn.wait()
    except BaseException:
        await stream.aclose()
        raise
    return stream
