"""One connection, spoken by one writer: exchanges go out frame by frame, and what comes in finds its place.

What must stay true
- Frames go out one after the other, whole: the writer's, and between them what the reader has to answer.
- Where nothing is being written or asked, an acknowledgement or a content (`begin`) goes out at once, in
  the task that has it: no other task is woken. What the line does not take is left to the writer, and goes
  out before anything else.
- Writing one frame is shielded from cancellation and bounded by `frame_timeout_s` beyond its own time;
  cancellation takes effect between frames.
- On a line that both sides share (`gap_s` above 0) nothing is written before the line has been quiet for
  that long.
- Time in which this process stood still is no silence of the device.
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


_LATE_S = 0.02
"""A machine with time to spare wakes within a few milliseconds; one that comes later was busy or asleep."""


class Gone(Exception):
    """The connection is over; the text is the reason, for the operator."""

    root: BaseException | None = None
    """The system's error that it came of, if it was one."""

    def __init__(self, state: DeviceState, detail: str) -> None:
        self.state = state
        super().__init__(detail)


class Conversation(Generic[FrameT]):
    """`feed` decodes; `unasked` is given frames that answer nothing, and gives what to reply. `work` wakes
    the writer, `changed` whoever waits for the end of something."""

    def __init__(
        self,
        stream: trio.abc.Stream,
        work: Turn,
        changed: Turn,
        *,
        feed: Callable[[bytes], Sequence[FrameT]],
        unasked: Callable[[FrameT], bytes],
        frame_timeout_s: float,
        gap_s: float = 0.0,
    ) -> None:
        self._stream = stream
        self._work = work
        self._changed = changed
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
        self._frames: Sequence[bytes] = ()
        self._until = -math.inf
        self._on_end: Callable[[], None] | None = None
        self._gone: Gone | None = None
        self._quiet_since = -math.inf

    @property
    def busy(self) -> bool:
        """Whether something is being asked or has to be answered."""
        return self._current is not None or bool(self._replies) or bool(self._rest)

    @property
    def free(self) -> bool:
        """Whether what is given to the line now goes out at once and in nothing's way."""
        return self._send_nowait is not None and not (
            self._writing or self._replies or self._rest or self._gap_s or self._gone
        )

    def begin(self, exchange: Exchange[FrameT], on_end: Callable[[], None]) -> float:
        """Write all of `exchange` now, on a line that is `free` and asked nothing: until when it is answered.

        `on_end` is called when it has ended, unless the writer has taken it over by `perform` before.
        """
        self._current = exchange
        self._on_end = on_end
        self._frames = exchange.frames()
        exchange.begun = True
        self._send_now(b"".join(self._frames))
        if not self._rest:
            self._written(exchange)
        until = math.inf if exchange.ended else self._until
        self._settle()
        return until

    async def perform(self, exchange: Exchange[FrameT]) -> bool:
        """Carry out one exchange, or what is left of one that was begun, to its end. False if nobody
        answered. Raises `Gone`."""
        begun = self._current is exchange
        self._current = exchange
        self._on_end = None
        try:
            if not begun:
                self._frames = exchange.frames()
            for attempt in range(exchange.attempts):
                if attempt or not begun:
                    await self._write_frames(exchange, self._frames)
                    self._written(exchange)
                elif self._rest:
                    await self.reply()
                    self._written(exchange)
                await self.reply()
                if await self._answered(exchange):
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
            self._changed.turn()

    async def _answered(self, exchange: Exchange[FrameT]) -> bool:
        """Whether it was answered in time. Where this process slept through the answer's end it has its time
        once more: all of this machine may have stood still, and the answer lie unread."""
        for _ in range(2):
            while not exchange.ended and trio.current_time() < self._until:
                await self._work.wait(self._until)
                await self.reply()
            overslept = trio.current_time() - self._until > _LATE_S
            if exchange.ended or not overslept:
                break
            self._until = trio.current_time() + exchange.timeout_s
        return exchange.ended

    async def reply(self) -> None:
        """Write the acknowledgements that are due; raise what the reader met."""
        if self._rest:
            rest, self._rest = self._rest, b""
            await self._write(rest)
            self._changed.turn()
        while self._replies:
            await self._write(self._replies[0])
            if self._replies:
                self._replies.popleft()
            self._changed.turn()
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
                if self._on_end is not None:
                    self._settle()
                elif current is not None:
                    self._work.turn()
            self._gone = Gone(DeviceState.OFFLINE, "the peer closed the connection")
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self._gone = _broken("the connection broke", error)
        self._work.turn()

    def _settle(self) -> None:
        """Say the end of what was begun and is not the writer's."""
        on_end, current = self._on_end, self._current
        if on_end is not None and current is not None and current.ended:
            self._current = self._on_end = None
            on_end()

    def _answer(self, reply: bytes) -> None:
        """Send what the reader has to say, at once if the line is free."""
        if self.free:
            self._send_now(reply)
        else:
            self._replies.append(reply)
            self._work.turn()

    def _send_now(self, data: bytes) -> None:
        """Write what the line takes at once; the rest, or the end of the line, is the writer's."""
        assert self._send_nowait is not None  # it is `free`
        leaving_at = max(trio.current_time(), self._quiet_since)
        try:
            self._rest = data[self._send_nowait(data) :]
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self._gone = _broken("writing failed", error)
        self._quiet_since = leaving_at + len(data) * self._byte_s
        if self._rest or self._gone:
            self._work.turn()

    def _written(self, exchange: Exchange[FrameT]) -> None:
        """All is written: from now on its answer is waited for. One-way, it has ended."""
        if exchange.answers:
            self._until = max(trio.current_time(), self._quiet_since) + exchange.timeout_s
        else:
            exchange.end(Truth.UNKNOWN)

    async def _write_frames(self, exchange: Exchange[FrameT], frames: Sequence[bytes]) -> None:
        for frame in frames:
            await self.reply()
            if exchange.abandoned:
                await self._cut_off(exchange)
                return
            exchange.begun = True
            await self._write(frame)

    async def _cut_off(self, exchange: Exchange[FrameT]) -> None:
        if exchange.begun and (rest := exchange.cut_off()):
            await self._write(rest)
        exchange.lost("cancelled by its caller")

    async def _write(self, frame: bytes) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._gap_s:
            while trio.current_time() < (until := self._quiet_since + self._gap_s):
                await self._work.wait(until)
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
