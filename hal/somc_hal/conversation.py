"""One connection, spoken by one writer: exchanges go out frame by frame, and what comes in finds its place.

What must stay true
- Frames go out one after the other, whole: the writer's, and between them what the reader has to answer. That
  goes out at once where nothing is being written and the line takes it; else it is queued for the writer and
  goes out before anything else.
- Writing one frame is shielded from cancellation and bounded by `frame_timeout_s` beyond its own time;
  cancellation takes effect between frames.
- On a line that both sides share (`gap_s` above 0) nothing is written before the line has been quiet for
  that long.
- A slow line takes what is written long before it is out: waits are counted from when the last byte has left,
  as far as the link knows its speed (`byte_s`).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import trio

from somc_hal.exchange import Exchange
from somc_hal.status import DeviceState, Truth
from somc_hal.turn import Turn

__all__ = ["Conversation", "Gone"]

FrameT = TypeVar("FrameT")

_CHUNK_BYTES = 4096
_REPLIES = 16  # the peer waits for one acknowledgement at a time; a flood beyond that is sent again by it


class Gone(Exception):
    """The connection is over; the text is the reason, for the operator."""

    root: BaseException | None = None
    """The system's error that it came of, if it was one."""

    def __init__(self, state: DeviceState, detail: str) -> None:
        self.state = state
        super().__init__(detail)


class Conversation(Generic[FrameT]):
    """`feed` decodes; `unasked` is given frames that answer nothing, and gives what to reply."""

    def __init__(
        self,
        stream: trio.abc.Stream,
        turn: Turn,
        *,
        feed: Callable[[bytes], Sequence[FrameT]],
        unasked: Callable[[FrameT], bytes],
        frame_timeout_s: float,
        gap_s: float = 0.0,
    ) -> None:
        self._stream = stream
        self._turn = turn
        self._feed = feed
        self._unasked = unasked
        self._frame_timeout_s = frame_timeout_s
        self._gap_s = gap_s
        self._byte_s: float = getattr(stream, "byte_s", 0.0)
        self._send_nowait: Callable[[bytes], int] | None = getattr(stream, "send_nowait", None)
        self._writing = False
        self._rest = b""  # of an answer of which the line took the beginning only
        self._replies: deque[bytes] = deque(maxlen=_REPLIES)
        self._current: Exchange[FrameT] | None = None
        self._gone: Gone | None = None
        self._quiet_since = -math.inf

    @property
    def busy(self) -> bool:
        """Whether something is being asked or has to be answered."""
        return self._current is not None or bool(self._replies) or bool(self._rest)

    async def perform(self, exchange: Exchange[FrameT]) -> bool:
        """Carry out one exchange to its end. False if nobody answered. Raises `Gone`."""
        self._current = exchange
        try:
            frames = exchange.frames()
            for _ in range(exchange.attempts):
                await self._write_frames(exchange, frames)
                until = max(trio.current_time(), self._quiet_since) + exchange.timeout_s
                while not exchange.ended and trio.current_time() < until:
                    await self._turn.wait(until)
                    await self.reply()
                if exchange.ended:
                    return True
            exchange.silent()
            return False
        except Gone as gone:
            exchange.lost(str(gone))
            raise
        finally:
            if not exchange.ended:
                exchange.lost("stopped")
            self._current = None
            self._turn.turn()

    async def reply(self) -> None:
        """Write the acknowledgements that are due; raise what the reader met."""
        if self._rest:
            rest, self._rest = self._rest, b""
            await self._write(rest)
        while self._replies:
            await self._write(self._replies[0])
            if self._replies:
                self._replies.popleft()
            self._turn.turn()
        if self._gone is not None:
            raise self._gone

    async def read(self) -> None:
        """Hand frames over until the stream ends; then tell the writer."""
        try:
            while data := await self._stream.receive_some(_CHUNK_BYTES):
                self._quiet_since = max(trio.current_time(), self._quiet_since)
                current = self._current
                for frame in self._feed(bytes(data)):
                    if current is None or current.ended or not current.hears(frame):
                        reply = self._unasked(frame)
                        if reply:
                            self._answer(reply)
                if current is not None or self._replies or self._rest:
                    self._turn.turn()
            self._gone = Gone(DeviceState.OFFLINE, "the peer closed the connection")
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self._gone = _broken("the connection broke", error)
        self._turn.turn()

    def _answer(self, reply: bytes) -> None:
        """Send what the reader has to say, at once if the line is free."""
        free = not (self._writing or self._replies or self._rest or self._gap_s)
        sent = self._send_nowait(reply) if free and self._send_nowait is not None else 0
        if not sent:
            self._replies.append(reply)
        elif sent < len(reply):
            self._rest = reply[sent:]

    async def _write_frames(self, exchange: Exchange[FrameT], frames: Sequence[bytes]) -> None:
        for frame in frames:
            await self.reply()
            if exchange.abandoned:
                await self._cut_off(exchange)
                return
            exchange.begun = True
            await self._write(frame)
        if not exchange.answers:
            exchange.end(Truth.UNKNOWN)

    async def _cut_off(self, exchange: Exchange[FrameT]) -> None:
        if exchange.begun and (rest := exchange.cut_off()):
            await self._write(rest)
        exchange.lost("cancelled by its caller")

    async def _write(self, frame: bytes) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._gap_s:
            while trio.current_time() < (until := self._quiet_since + self._gap_s):
                await self._turn.wait(until)
        leaving_at = max(trio.current_time(), self._quiet_since)
        try:
            sent = 0 if self._send_nowait is None else self._send_nowait(frame)
            if sent < len(frame):
                out_at = leaving_at + len(frame) * self._byte_s
                await self._write_slowly(frame[sent:], out_at + self._frame_timeout_s)
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise _broken("writing failed", error) from None
        self._quiet_since = max(trio.current_time(), leaving_at + len(frame) * self._byte_s)

    async def _write_slowly(self, rest: bytes, until: float) -> None:
        """What the line did not take at once."""
        self._writing = True
        try:
            with trio.move_on_at(until, shield=True) as scope:
                await self._stream.send_all(rest)
        finally:
            self._writing = False
        if scope.cancelled_caught:
            raise Gone(DeviceState.OFFLINE, "the device does not take what is written")


def _broken(what: str, error: Exception) -> Gone:
    """The end of a connection, with the system's own error as its cause."""
    gone = Gone(DeviceState.OFFLINE, f"{what}: {error}")
    gone.root = error if isinstance(error, OSError) else error.__cause__
    return gone
