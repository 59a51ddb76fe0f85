"""Serial ports and ptys: pyserial opens and configures, Trio's readiness reads and writes.

What must stay true
- Opening happens in a thread: a driver may take 300 ms over it and the loop must not.
- VMIN is 1 afterwards. pyserial's `timeout=0` leaves VMIN 0, with which an idle port reads as
  end of file for ever: a loop on it takes a whole core.
- `termios.error` is no `OSError`; it is made one here, or it would escape a reconnect loop.
- The exclusive lock (flock) belongs to the open file description, so it lives as long as the
  duplicated descriptor that the stream owns, and a second program cannot open the port.
"""

from __future__ import annotations

import os
import termios

import serial
import trio

__all__ = ["SerialStream", "open_serial"]

# Opening is rare and short; more at a time would only starve the process's other threads.
_OPENING = trio.CapacityLimiter(4)

RECEIVE_BYTES = 65536

BITS_PER_BYTE = 10  # 8N1: with its start and stop bit

PTY_BAUD = 115200
"""A pty has no speed; pyserial wants one."""


def _opened(path: str, baud: int | None) -> int:
    """A configured descriptor of our own. Raises `OSError`. Runs in a thread."""
    try:
        port = serial.Serial(path, baud or PTY_BAUD, timeout=0, exclusive=True)
        try:
            fd = os.dup(port.fd)
        finally:
            port.close()
        try:
            attributes = termios.tcgetattr(fd)
            attributes[6][termios.VMIN] = 1
            attributes[6][termios.VTIME] = 0
            termios.tcsetattr(fd, termios.TCSANOW, attributes)
        except BaseException:
            os.close(fd)
            raise
    except termios.error as error:
        number, text = error.args if len(error.args) == 2 else (0, str(error))
        raise OSError(number, f"{path}: {text}") from error
    except ValueError as error:  # pyserial: a speed the platform does not have
        raise OSError(0, f"{path}: {error}") from error
    return fd


class SerialStream(trio.abc.Stream):
    """A serial port as a stream. A port that is gone raises, it does not read as a clean end. `byte_s` is how
    long one byte takes on its line, 0 if that is not known: the kernel takes more at once than is out."""

    def __init__(self, fd: int, byte_s: float = 0.0) -> None:
        self.byte_s = byte_s
        self._stream = trio.lowlevel.FdStream(fd)  # which owns the descriptor and makes it non-blocking
        self._receiving = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    def send_nowait(self, data: bytes) -> int:
        """How many bytes of `data` the kernel took at once, perhaps none. Not while `send_all` waits."""
        try:
            return os.write(self._open_fd(), data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise trio.BrokenResourceError(str(error)) from error

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """At least one byte. `BrokenResourceError` when the port has hung up or was pulled."""
        # Not through the FdStream: it reads before it waits, in vain on a line that mostly is silent, and
        # passes a checkpoint before that. A frame costs the loop one turn instead of two.
        if self._receiving:
            raise trio.BusyResourceError("another task is receiving from this port")
        self._receiving = True
        try:
            while True:
                await trio.lowlevel.wait_readable(self._open_fd())
                try:
                    data = os.read(self._open_fd(), max_bytes or RECEIVE_BYTES)
                except BlockingIOError:
                    continue
                except OSError as error:
                    raise trio.BrokenResourceError(str(error)) from error
                if not data:
                    raise trio.BrokenResourceError("the serial port has hung up")
                return data
        finally:
            self._receiving = False

    def _open_fd(self) -> int:
        fd = self._stream.fileno()
        if fd < 0:
            raise trio.ClosedResourceError("this port was closed")
        return fd

    async def aclose(self) -> None:
        await self._stream.aclose()


async def open_serial(path: str, baud: int | None) -> trio.abc.Stream:
    """Open a port with 8N1, no flow control, locked for this process. `None`: a pty. Raises `OSError`."""
    # Not abandoned when cancelled: the descriptor of an abandoned thread would stay open and locked.
    fd = await trio.to_thread.run_sync(_opened, path, baud, limiter=_OPENING)
    return SerialStream(fd, 0.0 if baud is None else BITS_PER_BYTE / baud)
