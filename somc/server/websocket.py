"""WebSocket: Hypercorn's stream, bounded both ways, with close codes that say what happened.

What must stay true:

- The close code is the true one, on both sides: the peer's code reaches the handler; a handler's exception is
  1011, the server's stop 1012, a message over the limit 1009, frames that break the protocol 1002 or 1007, a
  handler that does not receive 1013.
- Frames that came with the handshake wait for the handler to accept; nothing is read ahead of it.
- No compression is ever agreed: it would cost 100 KB a connection and time for each message.

`tests/server/serve/test_hypercorn_seams.py` pins every private name that is used here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import cast

import h11
import trio
from hypercorn.protocol.events import Data, StreamClosed
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.h11 import STREAM_ID, H11Protocol
from hypercorn.protocol.ws_stream import ASGIWebsocketState, WSStream
from hypercorn.typing import (
    ASGIReceiveEvent,
    ASGISendEvent,
    WebsocketAcceptEvent,
)
from wsproto.connection import Connection as Frames
from wsproto.connection import ConnectionState as FramesState
from wsproto.connection import ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.events import Event as FrameEvent
from wsproto.utilities import LocalProtocolError

from somc.server.connection import Connection, Phase
from somc.server.handlers import FAILED, Inbox, PeerGone, wait_heard


class WebSocket(WSStream):
    """One WebSocket: no compression, bounded both ways, and the true close code on both sides."""

    def __init__(self, protocol: H11Protocol, link: Connection) -> None:
        super().__init__(
            protocol.app,
            protocol.config,
            protocol.context,
            protocol.task_group,
            protocol.ssl,
            protocol.client,
            protocol.server,
            protocol.stream_send,
            STREAM_ID,
        )
        self._link = link
        self._decided = trio.Event()
        """The handler has accepted or refused; frames that came with the handshake wait for it."""
        self._message_bytes = 0

    async def handle(self, event: StreamEvent) -> None:
        if isinstance(event, Data):
            await self._decided.wait()
            if self.state in (ASGIWebsocketState.CONNECTED, ASGIWebsocketState.CLOSED):
                await self._take(event.data)
        elif isinstance(event, StreamClosed):
            self._tell(1006, "")
        else:
            self._link.enter(Phase.APP)
            await super().handle(event)

    async def app_send(self, message: ASGISendEvent | None) -> None:
        if message is None or message is FAILED:
            await self._end(1011 if message is FAILED else 1000)
            return
        if self.closed or self._link.over:
            await wait_heard()
            raise PeerGone("the websocket is closed")
        try:
            if self.state is not ASGIWebsocketState.CONNECTED:
                await super().app_send(message)
            elif message["type"] == "websocket.send":
                await self._send_wsproto_event(_outgoing(message.get("bytes"), message.get("text")))
            elif message["type"] == "websocket.close":
                await self._begin_close(int(message.get("code", 1000)), message.get("reason") or "")
            else:
                await super().app_send(message)
        except PeerGone:
            await wait_heard()
            raise

    async def ping(self) -> None:
        await self._send_wsproto_event(Ping())

    def go_away_nowait(self, code: int) -> bool:
        """Closes with `code` without waiting; resets a peer that does not read. False if nothing is open."""
        if not self._decided.is_set() or self.state not in (
            ASGIWebsocketState.CONNECTED,
            ASGIWebsocketState.CLOSED,
        ):
            return False
        if self.state is ASGIWebsocketState.CONNECTED:
            self.state = ASGIWebsocketState.CLOSED
            self._link.leave()
            self._tell(code, "")
            with suppress(LocalProtocolError, PeerGone):
                frame = self.connection.send(CloseConnection(code=code))
                if self._link.busy_writing or self._link.write_nowait(frame) < len(frame):
                    self._link.abort()
        return True

    async def _accept(self, message: WebsocketAcceptEvent) -> None:
        if self.context.terminated.is_set():
            self.state = ASGIWebsocketState.HTTPCLOSED
            await self._send_error_response(503)
            raise PeerGone("the server is stopping")
        self.handshake.extensions = None
        try:
            await super()._accept(message)
        except PeerGone:
            raise
        except Exception:
            self.state = ASGIWebsocketState.HANDSHAKE  # nothing was sent: the answer is still a 500
            raise
        self.connection = Frames(ConnectionType.SERVER)
        self._link.enter(Phase.OPEN)
        self._decided.set()
        if self.context.terminated.is_set():  # it stopped while the 101 was on its way
            await self._begin_close(1012, "")

    async def _end(self, code: int) -> None:
        """The handler has returned or raised."""
        self._decided.set()
        if self.state is ASGIWebsocketState.CONNECTED:
            if not self.closed:
                with suppress(PeerGone):
                    await self._begin_close(code, "")
        elif self.state is not ASGIWebsocketState.CLOSED and not self._link.over:
            with suppress(h11.LocalProtocolError):
                await super().app_send(None)
            self._link.finish()

    async def _begin_close(self, code: int, reason: str) -> None:
        self.state = ASGIWebsocketState.CLOSED
        self._link.leave()
        self._tell(code, reason)
        self._link.enter(Phase.CLOSING)
        await self._send_wsproto_event(CloseConnection(code=code, reason=reason))

    async def _fail(self, code: int, reason: str) -> None:
        """The peer did what may not be: said with a close frame, and no more is read."""
        await self._begin_close(code, reason)
        self._link.finish()

    def _tell(self, code: int, reason: str) -> None:
        if not self.closed:
            self.closed = True
            if self.app_put is not None:
                goodbye = {"type": "websocket.disconnect", "code": code, "reason": reason}
                cast(Inbox, self.app_put).close(cast(ASGIReceiveEvent, goodbye))

    async def _take(self, data: bytes) -> None:
        if self.connection.state in (FramesState.CLOSED, FramesState.REMOTE_CLOSING):
            return
        self.connection.receive_data(data)
        for event in self.connection.events():
            if isinstance(event, BytesMessage | TextMessage):
                if not self.closed:
                    await self._take_message(event)
            elif isinstance(event, Ping):
                await self._send_wsproto_event(event.response())
            elif isinstance(event, CloseConnection):
                await self._take_close(event)
                return
            if self._link.over:
                return

    async def _take_message(self, event: BytesMessage | TextMessage) -> None:
        self._message_bytes += len(event.data.encode() if isinstance(event, TextMessage) else event.data)
        if self._message_bytes > self._link.settings.max_ws_message_bytes:
            await self._fail(1009, f"over {self._link.settings.max_ws_message_bytes} bytes")
            return
        self.buffer.extend(event)
        if event.message_finished:
            self._message_bytes = 0
            message = self.buffer.to_message()
            self.buffer.clear()
            put = cast(Callable[[object], Awaitable[None]], self.app_put)
            with trio.move_on_after(self._link.settings.ws_stall_s) as patience:
                await put(message)
            if patience.cancelled_caught:
                await self._fail(1013, "messages come faster than they are taken")

    async def _take_close(self, event: CloseConnection) -> None:
        if self.connection.state is FramesState.REMOTE_CLOSING:
            self.state = ASGIWebsocketState.CLOSED
            self._link.leave()
            self._tell(int(event.code), event.reason or "")
            await self._send_wsproto_event(event.response())
        elif self.connection.state is FramesState.OPEN:  # not a close frame: frames that break the protocol
            await self._begin_close(int(event.code), event.reason or "")
        self._link.finish()

    async def _send_wsproto_event(self, event: FrameEvent) -> None:
        try:
            frame = self.connection.send(event)
        except LocalProtocolError:  # the closing handshake has passed the point where this could be sent
            await trio.lowlevel.checkpoint()
        else:
            await self._link.write(frame, droppable=True)


def _outgoing(data: bytes | None, text: str | None) -> FrameEvent:
    if data is not None:
        return BytesMessage(data=bytes(data))
    if not isinstance(text, str):
        raise TypeError(f"websocket.send with bytes {data!r} and text {text!r}: one of them must be given")
    return TextMessage(data=text)
