"""The client's end of one WebSocket (RFC 6455): wsproto's frames over a Trio stream.

What must stay true
- One message at a time is in memory, of at most `max_message_bytes`; no compression is offered.
- A send that was cancelled half way ends the connection: its peer could not read on.
- Pings of the peer are answered while somebody receives.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from contextlib import suppress

import trio
import wsproto
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from somc.client.address import Address, connect

__all__ = ["HandshakeFailed", "HandshakeRejected", "WebSocket", "WebSocketClosed", "open_websocket"]

READ_BYTES = 65_536
MOST_REJECTION_BYTES = 65_536
"""More of the body of a refusal is not of interest."""

GOODBYE_S = 1.0
"""How long the peer may take to answer our close."""

NO_CLOSE_FRAME = 1006
TOO_LARGE = 1009


class WebSocketClosed(Exception):
    """The connection is over. `code` is the close code; 1006 if none came."""

    def __init__(self, code: int, reason: str = "") -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"closed with {code}" + (f": {reason}" if reason else ""))


class HandshakeFailed(Exception):
    """Whoever answered does not speak WebSocket as it must."""


class HandshakeRejected(HandshakeFailed):
    """No socket but an HTTP answer."""

    def __init__(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        self.status = status
        self.headers = {name.lower().decode("latin-1"): value.decode("latin-1") for name, value in headers}
        self.body = body
        super().__init__(f"answered {status}")


async def open_websocket(
    address: Address,
    target: str,
    *,
    subprotocols: Sequence[str] = (),
    headers: Sequence[tuple[str, str]] = (),
    tls: ssl.SSLContext | None = None,
    max_message_bytes: int = 16 * 1024 * 1024,
) -> WebSocket:
    """Connect and shake hands. `OSError` if nobody is there, `HandshakeFailed` if no socket comes of it."""
    stream = await connect(address, tls)
    try:
        socket = WebSocket(stream, max_message_bytes)
        await socket.shake_hands(address.authority, target, subprotocols, headers)
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return socket


class WebSocket:
    """One connection. Any task may send; one receives."""

    def __init__(self, stream: trio.abc.Stream, max_message_bytes: int) -> None:
        self._stream = stream
        self._max_message_bytes = max_message_bytes
        self._wire = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        self._sending = trio.Lock()
        self._torn = False
        self.subprotocol: str | None = None
        self.heard_at = trio.current_time()
        """When the peer last sent anything, in Trio's time."""
        self.pongs = 0
        """Frames that answered our `ping`."""
        self.closed_with: int | None = None
        """The code of the peer's close frame."""

    async def shake_hands(
        self, authority: str, target: str, subprotocols: Sequence[str], headers: Sequence[tuple[str, str]]
    ) -> None:
        extra = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        request = Request(host=authority, target=target, subprotocols=list(subprotocols), extra_headers=extra)
        await self._stream.send_all(self._wire.send(request))
        rejection: RejectConnection | None = None
        body = b""
        while True:
            for event in await self._read_handshake():
                match event:
                    case AcceptConnection(subprotocol=subprotocol):
                        self.subprotocol = subprotocol
                        return
                    case RejectConnection():
                        rejection = event
                        if not event.has_body:
                            raise HandshakeRejected(event.status_code, event.headers, b"")
                    case RejectData(data=data, body_finished=finished):
                        body += data
                        if rejection is not None and (finished or len(body) > MOST_REJECTION_BYTES):
                            raise HandshakeRejected(rejection.status_code, rejection.headers, body)
                    case CloseConnection() if rejection is not None:
                        raise HandshakeRejected(rejection.status_code, rejection.headers, body)
                    case CloseConnection():
                        raise HandshakeFailed("the connection ended during the handshake")

    async def _read_handshake(self) -> list[Event]:
        try:
            data = await self._stream.receive_some(READ_BYTES)
            self._wire.receive_data(bytes(data) or None)
            # Once the upgrade is accepted, what follows in the same packet is left for `receive`.
            found = []
            for event in self._wire.events():
                found.append(event)
                if isinstance(event, AcceptConnection):
                    break
            return found
        except trio.BrokenResourceError as error:
            raise HandshakeFailed("the connection broke during the handshake") from error
        except (RemoteProtocolError, LocalProtocolError) as error:
            raise HandshakeFailed(f"no WebSocket handshake: {error}") from error

    async def receive(self) -> bytes:
        """The next message, text as UTF-8. `WebSocketClosed` when there is none any more."""
        parts: list[bytes] = []
        size = 0
        while True:
            for event in self._wire.events():
                match event:
                    case TextMessage(data=text):
                        piece = text.encode()
                    case BytesMessage(data=data):
                        piece = bytes(data)
                    case Ping():
                        await self.send_event(event.response())
                        continue
                    case Pong():
                        self.pongs += 1
                        continue
                    case CloseConnection(code=code, reason=reason):
                        self.closed_with = int(code)
                        with suppress(WebSocketClosed):
                            # To a close the same; to frames that break the protocol, the code that says so.
                            await self.send_event(CloseConnection(code=int(code), reason=reason))
                        raise WebSocketClosed(int(code), reason or "")
                    case _:
                        continue
                size += len(piece)
                if size > self._max_message_bytes:
                    await self.close(TOO_LARGE)
                    raise WebSocketClosed(TOO_LARGE, f"a message over {self._max_message_bytes} bytes")
                parts.append(piece)
                if event.message_finished:
                    return b"".join(parts)
            await self._read()

    async def _read(self) -> None:
        try:
            data = await self._stream.receive_some(READ_BYTES)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise WebSocketClosed(NO_CLOSE_FRAME, "the connection broke") from error
        self.heard_at = trio.current_time()
        if not data:
            raise WebSocketClosed(NO_CLOSE_FRAME, "the connection ended")
        try:
            self._wire.receive_data(bytes(data))
        except (RemoteProtocolError, LocalProtocolError) as error:
            raise WebSocketClosed(NO_CLOSE_FRAME, str(error)) from error

    async def send(self, data: bytes, *, binary: bool) -> None:
        """One message. `WebSocketClosed` if the connection is over."""
        await self.send_event(BytesMessage(data=data) if binary else TextMessage(data=data.decode()))

    async def ping(self) -> None:
        await self.send_event(Ping())

    async def send_event(self, event: Event) -> None:
        """Any frame, as wsproto makes it."""
        async with self._sending:
            if self._torn:
                raise WebSocketClosed(NO_CLOSE_FRAME, "a message was broken off")
            try:
                frame = self._wire.send(event)
            except LocalProtocolError as error:
                raise WebSocketClosed(NO_CLOSE_FRAME, "closing") from error
            self._torn = True
            await self._write(frame)
            self._torn = False

    async def send_raw(self, data: bytes) -> None:
        """Bytes that may be no frame: for tests of a peer."""
        async with self._sending:
            await self._write(data)

    async def _write(self, data: bytes) -> None:
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise WebSocketClosed(NO_CLOSE_FRAME, "the connection broke") from error

    async def close(self, code: int = 1000) -> None:
        """Say goodbye, for at most a second, and close; also when this task is being cancelled."""
        with trio.move_on_after(GOODBYE_S) as patience:
            patience.shield = True
            if not self._torn and self._wire.state is ConnectionState.OPEN:
                with suppress(WebSocketClosed):
                    await self.send_event(CloseConnection(code=code))
                    while True:
                        await self.receive()
        await trio.aclose_forcefully(self._stream)

    async def drop(self) -> None:
        """Close without a word."""
        await trio.aclose_forcefully(self._stream)
