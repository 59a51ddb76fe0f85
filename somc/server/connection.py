"""One TCP connection: bytes in and out, every wait with a limit, every fault its own.

What must stay true:

- No wait on the peer is without a deadline: `Phase` names what the connection waits for, `_PATIENCE` says how
  long.
- A peer that does not take our bytes within `send_s` is reset; nobody waits for it, a shutdown least of all.
- A cancelled or failed write leaves no half message on the wire for a later write to follow: it resets the
  connection instead.
- A write to a peer that has gone reaches a checkpoint and raises `PeerGone`: no loop of sends can hold the
  process.
- Who writes to the socket by its number (`somc.server.fanout`) is told by `leaving` before it is closed: the
  system gives the number to the next connection. What such a write left of a frame goes before anything else.

Hypercorn's protocol objects are driven from here in the place of its `TCPServer`.
"""

from __future__ import annotations

import enum
import logging
import math
import os
import socket as stdlib_socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import Protocol, cast

import trio
from hypercorn.events import Closed, Event, RawData, Updated

from somc.errors import UsageError
from somc.server.handlers import Handlers, PeerGone, PeerStalled

log = logging.getLogger("somc.server")

READ_BYTES = 2**14
"""Taken from the socket at once: what one read holds is the longest that one peer keeps the process busy. In
64 KiB fit eleven thousand empty WebSocket fragments, 80 ms of work."""

SEND_CHUNK_BYTES = 2**16
"""`send_s` is granted anew for each chunk, so a slow but living peer may take a long answer slowly."""

PING_GRID_S = 0.05
"""Silent WebSockets are pinged together, at the ends of such spans: a wake-up of the process for each costs
half as much again. With longer ones, one turn would ping all who came in one wave."""

HALF_CLOSE_S = 1.0
"""A peer that closed its sending side is answered for so long before the handler hears of a disconnect."""

LINGER_S = 1.0
"""After our last byte we read on for so long, or the kernel's reset would overtake that byte at the peer."""

SHUTDOWN_LINGER_S = 0.05
"""The same when the process is stopping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """Limits of the server. Sizes are bytes, durations seconds; all must be positive.

    `server_names`: the hosts, lower-case and without port, that are answered; empty means any.
    `ws_stall_s`: how long a WebSocket handler may leave its queue full before its peer is closed with 1013.
    `orphan_s`: how long a handler may work on after its peer has gone before it is cancelled.
    `grace_s`: how long requests in flight may take after the shutdown began.
    """

    max_connections: int = 6_000
    max_header_bytes: int = 32 * 1024
    max_body_bytes: int = 1024 * 1024
    max_ws_message_bytes: int = 256 * 1024
    max_keep_alive_requests: int = 2**62
    queue_messages: int = 10
    header_s: float = 10.0
    body_s: float = 60.0
    keep_alive_s: float = 75.0
    send_s: float = 10.0
    tcp_user_timeout_s: float = 20.0
    ws_ping_s: float = 20.0
    ws_pong_s: float = 10.0
    ws_close_s: float = 2.0
    ws_stall_s: float = 10.0
    orphan_s: float = 30.0
    grace_s: float = 10.0
    lifespan_s: float = 30.0
    backlog: int = 4096
    server_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, tuple) and not value > 0:
                raise UsageError(f"ServeSettings.{field.name} is {value!r}; it must be greater than zero")


class Phase(enum.Enum):
    """What the connection is waiting for."""

    NEW = enum.auto()  # the first request
    IDLE = enum.auto()  # the next request; not a byte of it has come
    HEADERS = enum.auto()  # the rest of a request's head
    BODY = enum.auto()  # the rest of a request's body
    APP = enum.auto()  # our own handler
    OPEN = enum.auto()  # WebSocket: anything
    PINGED = enum.auto()  # WebSocket: anything, after our ping
    CLOSING = enum.auto()  # WebSocket: the answer to our close frame


_PATIENCE: dict[Phase, str] = {
    Phase.NEW: "header_s",
    Phase.IDLE: "keep_alive_s",
    Phase.HEADERS: "header_s",
    Phase.BODY: "body_s",
    Phase.OPEN: "ws_ping_s",
    Phase.PINGED: "ws_pong_s",
    Phase.CLOSING: "ws_close_s",
}


class ConnectionProtocol(Protocol):
    """What a connection drives: Hypercorn's HTTP/1.1 protocol as we extend it."""

    async def handle(self, event: Event) -> None:
        """Takes `RawData` from the peer, or `Closed` when there will be no more."""

    async def refuse(self, status: int) -> None:
        """Answers the request that is coming in with an error, if an answer is still possible."""

    async def ping(self) -> None:
        """Sends a WebSocket ping."""

    def go_away_nowait(self, code: int) -> bool:
        """Closes an open WebSocket with `code`; False if there is none."""


class Connection:
    """Drives one protocol object over one stream until either side is done."""

    def __init__(
        self,
        stream: trio.SocketStream,
        settings: ServeSettings,
        stopping: Callable[[], bool],
        open_protocol: Callable[[Connection], ConnectionProtocol],
    ) -> None:
        self.socket = stream.socket
        self.settings = settings
        self.handlers = Handlers(settings.queue_messages, self)
        self.leaving: Callable[[], None] | None = None
        """Called once, before the last frame or the close, whichever comes first."""
        self.congested: Callable[[], None] | None = None
        """Called when bytes of ours have to wait: who writes past us would break into them."""
        self.gone = False
        """The socket is closed; nothing can be written."""
        self.over = False
        """The reader has ended or is about to; what a handler still sends is dropped with `PeerGone`."""
        self._stopping = stopping
        self._phase = Phase.NEW
        self._phase_left = trio.Event()
        self._deadline = trio.current_time() + settings.header_s
        self._receiving: trio.CancelScope | None = None
        self._reader = trio.CancelScope()
        self._write_lock = trio.Lock()
        self._rest = memoryview(b"")
        """What is still to be written of bytes that were begun."""
        self._protocol = open_protocol(self)

    async def run(self) -> None:
        """Returns when the peer, the handlers and the socket are done with.

        Raises:
            Exception: a fault in our stack; the caller logs it. The socket is reset, nobody else is affected.
        """
        try:
            async with self.handlers:
                with self._reader, suppress(PeerGone):
                    await self._read()
                self.over = True
                self.leave()
                await self._protocol.handle(Closed())
                self.handlers.give_up_after(self.settings.orphan_s)
                await self._close()
        finally:
            self.abort()
            # These cut the cycles: what is closed is freed now, not when the collector stops the process.
            del self._protocol
            self.handlers.extension.clear()

    def enter(self, phase: Phase, patience_s: float | None = None) -> None:
        """Says what is waited for now, and lets its deadline begin."""
        if patience_s is None:
            name = _PATIENCE.get(phase)
            patience_s = math.inf if name is None else cast(float, getattr(self.settings, name))
        self._phase = phase
        self._phase_left.set()
        self._deadline = trio.current_time() + patience_s
        if phase in (Phase.OPEN, Phase.PINGED):
            self._deadline = math.ceil(self._deadline / PING_GRID_S) * PING_GRID_S
        if self._receiving is not None:
            self._receiving.deadline = self._deadline

    def finish(self) -> None:
        """No more is read from the peer; what was written is still delivered."""
        self.over = True
        self.leave()
        self._phase_left.set()
        self._reader.cancel()

    def leave(self) -> None:
        """No more frames from whoever writes past us."""
        leaving, self.leaving, self.congested = self.leaving, None, None
        if leaving is not None:
            leaving()

    def abort(self) -> None:
        """Resets the connection, now and without waiting. Harmless when it is closed already."""
        self.finish()
        if not self.gone:
            self.gone = True
            with suppress(OSError):
                # A linger time of zero makes close() send RST: the kernel keeps nothing for a peer that does
                # not read.
                self.socket.setsockopt(
                    stdlib_socket.SOL_SOCKET, stdlib_socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
            self.socket.close()

    def stop(self, code: int) -> None:
        """The server is stopping: closes a WebSocket with `code`, and what is idle; a request goes on."""
        if self._phase in (Phase.NEW, Phase.IDLE, Phase.HEADERS):
            self.finish()
        elif self._protocol.go_away_nowait(code):
            self.enter(Phase.CLOSING, SHUTDOWN_LINGER_S)

    async def protocol_send(self, event: Event) -> None:
        """Takes what Hypercorn's protocol has for the peer."""
        if isinstance(event, RawData):
            await self.write(event.data)
        elif isinstance(event, Updated):
            self.enter(Phase.IDLE if event.idle else Phase.BODY)
        elif isinstance(event, Closed):
            self.finish()

    async def write(self, data: bytes, *, droppable: bool = False) -> None:
        """Writes all of `data`, always with a checkpoint.

        `droppable`: one whole WebSocket frame, which may be left out when the caller is cancelled before the
        first byte. Everything else is awaited by the peer, so a cancelled write resets the connection.

        Raises:
            PeerGone: the peer has left, or did not read for `send_s` and was reset.
        """
        begun = False
        try:
            await trio.lowlevel.checkpoint_if_cancelled()
            try:
                self._write_lock.acquire_nowait()
            except trio.WouldBlock:
                await self._write_lock.acquire()
            try:
                await self._write_rest()
                sent = self.write_nowait(data)
                if sent == len(data):
                    await trio.lowlevel.cancel_shielded_checkpoint()
                    return
                begun = sent > 0
                self._rest = memoryview(data)[sent:]
                if self.congested is not None:
                    self.congested()
                try:
                    await self._write_rest()
                except trio.Cancelled:
                    begun = begun or len(self._rest) < len(data)
                    if not begun:
                        self._rest = memoryview(b"")
                    raise
            finally:
                self._write_lock.release()
        except trio.Cancelled:
            if begun or not droppable:
                self.abort()
            raise

    def keep_rest(self, rest: memoryview) -> None:
        """Takes what a write past us has left of a frame; who wrote it calls `flush` soon."""
        self._rest = rest

    async def flush(self) -> None:
        """Writes what was left of a frame. Raises `PeerGone` as `write` does; cancelled, the rest stays."""
        async with self._write_lock:
            await self._write_rest()

    async def _write_rest(self) -> None:
        while self._rest:
            left = max(0, len(self._rest) - SEND_CHUNK_BYTES)
            with trio.move_on_after(self.settings.send_s):
                while len(self._rest) > left:
                    await self._wait_writable()
                    taken = self.write_nowait(self._rest[: len(self._rest) - left])
                    self._rest = self._rest[taken:]
            if len(self._rest) > left:
                self.abort()
                what = f"{len(self._rest) - left} bytes in {self.settings.send_s} s"
                raise PeerStalled(f"the peer took no {what}")

    def write_nowait(self, data: bytes | memoryview) -> int:
        """Gives the kernel what it takes of `data`: 0 when its buffer is full.

        Raises:
            PeerGone: the peer has left.
        """
        if self.gone:
            raise PeerGone("the connection is closed")
        try:
            return os.write(self.socket.fileno(), data)
        except BlockingIOError:
            return 0
        except OSError as error:
            self.abort()
            raise PeerGone(str(error)) from error

    @property
    def busy_writing(self) -> bool:
        """Somebody waits for the peer to read, or has to: `write_nowait` would break into a frame."""
        return bool(self._rest) or self._write_lock.locked()

    @property
    def unwritten_bytes(self) -> int:
        """What is still to be written of a frame that was begun."""
        return len(self._rest)

    async def _wait_writable(self) -> None:
        if self.gone:
            raise PeerGone("the connection is closed")
        try:
            await trio.lowlevel.wait_writable(self.socket)
        except (trio.ClosedResourceError, OSError) as error:
            raise PeerGone("the connection was closed") from error

    async def _read(self) -> None:
        while not self.over:
            data: bytes | None = None
            with trio.CancelScope(deadline=self._deadline) as self._receiving:
                data = await self._receive()
            self._receiving = None
            if data is None:
                await self._grow_impatient()
            elif data:
                if self._phase is Phase.IDLE:
                    self.enter(Phase.HEADERS)
                elif self._phase is Phase.NEW:
                    self._phase = Phase.HEADERS  # its time began with the connection
                elif self._phase is Phase.OPEN or self._phase is Phase.PINGED:
                    self.enter(Phase.OPEN)
                await self._protocol.handle(RawData(data))
            else:
                await self._take_end()

    async def _receive(self) -> bytes:
        if self.gone:
            return b""
        try:
            return await self.socket.recv(READ_BYTES)
        except (OSError, trio.ClosedResourceError):
            self.abort()
            return b""

    async def _take_end(self) -> None:
        """The peer sends no more: it has gone, or only closed its sending side and waits for the answer."""
        if self._phase is Phase.APP and not self.gone:
            self._phase_left = trio.Event()
            waiting = True
            while waiting:
                with trio.move_on_after(HALF_CLOSE_S):
                    await self._phase_left.wait()
                waiting = self.busy_writing and not self._phase_left.is_set()
        elif self._phase in (Phase.HEADERS, Phase.BODY):
            await self._protocol.refuse(400)
        self.finish()

    async def _grow_impatient(self) -> None:
        """The deadline of the phase has passed."""
        if self._phase is Phase.OPEN:
            self.enter(Phase.PINGED)
            await self._protocol.ping()
        elif self._phase is Phase.PINGED:
            self.abort()
        elif self._phase in (Phase.HEADERS, Phase.BODY):
            await self._protocol.refuse(408)
            self.finish()
        else:
            self.finish()

    async def _close(self) -> None:
        """Ends our side, lets the peer read what is on its way, and closes."""
        if self._rest:
            self.abort()  # the end of half a frame is no end
        if self.gone:
            return
        with suppress(OSError):
            self.socket.shutdown(stdlib_socket.SHUT_WR)
        linger_s = LINGER_S
        if self._stopping():
            linger_s = 0 if self._phase is Phase.CLOSING else SHUTDOWN_LINGER_S  # it has had that time
        with trio.move_on_after(linger_s):
            while await self._receive():
                pass
        if not self.gone:
            self.gone = True
            self.socket.close()
