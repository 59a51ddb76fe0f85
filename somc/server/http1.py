"""HTTP/1.1: Hypercorn's protocol and request stream, extended where they trust the peer.

What must stay true:

- Only HTTP/1.0 and 1.1 are spoken. `PRI *` is refused and an h2c upgrade ignored, so nothing of Hypercorn's
  HTTP/2 can be reached.
- A request whose end two readers could see at different places (two kinds of length, chunks in HTTP/1.0) is
  refused before a handler sees it.
- A response leaves in one write when the handler completes it with one body message.

`tests/server/serve/test_hypercorn_seams.py` pins every private name that is used here.
"""

from __future__ import annotations

from contextlib import suppress
from typing import cast

import h11
import trio
from hypercorn.config import Config
from hypercorn.events import Event
from hypercorn.protocol.events import Body, EndBody, Request, Response
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.h11 import STREAM_ID, H11Protocol, H11WSConnection
from hypercorn.protocol.http_stream import ASGIHTTPState, HTTPStream
from hypercorn.protocol.ws_stream import Handshake
from hypercorn.typing import (
    AppWrapper,
    ASGISendEvent,
    ConnectionState,
    H11SendableEvent,
    WorkerContext,
)

from somc.server.connection import Connection, Phase
from somc.server.handlers import FAILED, PeerGone, wait_heard
from somc.server.websocket import WebSocket

MAX_HEADERS = 128
"""More fields than any client sends; each costs time in every layer above."""


class Refused(Exception):
    """The request cannot be served; `status` is the answer and the connection ends."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(status)


class Http1(H11Protocol):
    """Hypercorn's HTTP/1.1 protocol, judging each request before a stream is made of it."""

    def __init__(
        self,
        link: Connection,
        app: AppWrapper,
        config: Config,
        context: WorkerContext,
        state: ConnectionState,
        client: tuple[str, int] | None,
        server: tuple[str, int] | None,
    ) -> None:
        super().__init__(
            app, config, context, link.handlers, state, False, client, server, link.protocol_send
        )
        self.link = link
        self.corked = False
        """The handler said that no body follows the next piece: what is written waits for the end."""
        self._held: list[bytes] = []

    async def handle(self, event: Event) -> None:
        try:
            await super().handle(event)
        except Refused as refusal:
            await self.refuse(refusal.status)

    async def refuse(self, status: int) -> None:
        """Answers with `status` if no answer has begun, and ends the connection."""
        self.link.over = True
        if isinstance(self.connection, h11.Connection) and self.connection.our_state in (
            h11.IDLE,
            h11.SEND_RESPONSE,
        ):
            await self._send_error_response(status)
        self.link.finish()

    async def ping(self) -> None:
        if isinstance(self.stream, WebSocket):
            await self.stream.ping()

    def go_away_nowait(self, code: int) -> bool:
        return isinstance(self.stream, WebSocket) and self.stream.go_away_nowait(code)

    async def flush(self) -> None:
        """Writes what was held back to leave in one piece."""
        if self._held:
            data = b"".join(self._held)
            self._held.clear()
            await self.link.write(data)

    async def stream_send(self, event: StreamEvent) -> None:
        if (
            isinstance(event, Response)
            and event.status_code >= 200
            and (
                isinstance(self.connection, H11WSConnection)
                or self.context.terminated.is_set()
                # What is left of a body nobody reads stands before the next request: the peer is told.
                or self.connection.their_state not in (h11.DONE, h11.MUST_CLOSE)
            )
        ):
            headers = [*event.headers, (b"connection", b"close")]
            event = Response(stream_id=event.stream_id, headers=headers, status_code=event.status_code)
        await super().stream_send(event)

    async def _send_h11_event(self, event: H11SendableEvent) -> None:
        try:
            data = self.connection.send(event)
        except h11.LocalProtocolError:
            if self.connection.their_state is h11.ERROR:
                await trio.lowlevel.checkpoint()
                raise PeerGone("the peer broke the protocol") from None
            raise
        if data:
            self._held.append(data)
        more_follows = isinstance(event, h11.Response) or (self.corked and isinstance(event, h11.Data))
        if not more_follows:
            await self.flush()

    async def _send_error_response(self, status_code: int) -> None:
        self.link.over = True  # a handler at work must not answer as well
        await super()._send_error_response(status_code)

    async def _maybe_recycle(self) -> None:
        await self.flush()
        await super()._maybe_recycle()

    async def _check_protocol(self, event: h11.Request) -> None:
        """Hypercorn looks here for HTTP/2; we look for everything that may not become a stream."""
        if event.http_version not in (b"1.0", b"1.1"):
            raise Refused(505)
        if event.method == b"CONNECT":
            raise Refused(405)
        if not event.target.startswith((b"/", b"http://", b"https://")):
            raise Refused(400)
        settings = self.link.settings
        size = len(event.target) + sum(len(name) + len(value) for name, value in event.headers)
        if size > settings.max_header_bytes or len(event.headers) > MAX_HEADERS:
            raise Refused(431)
        length = coding = host = None
        for name, value in event.headers:
            if name == b"content-length":
                length = int(value)
            elif name == b"transfer-encoding":
                coding = value
            elif name == b"host":
                host = value
        if coding is not None and (length is not None or event.http_version == b"1.0"):
            raise Refused(400)
        if length is not None and length > settings.max_body_bytes:
            raise Refused(413)
        if settings.server_names and _name_of(host or b"") not in settings.server_names:
            raise Refused(421)
        if _asks_for_websocket(event) and (length or coding is not None or not _can_shake_hands(event)):
            raise Refused(400)

    async def _create_stream(self, request: h11.Request) -> None:
        stream: RequestStream | WebSocket
        if _asks_for_websocket(request):
            stream = WebSocket(self, self.link)
            self.connection = H11WSConnection(cast(h11.Connection, self.connection))
        else:
            stream = RequestStream(self)
        self.stream = stream
        await stream.handle(
            Request(
                stream_id=STREAM_ID,
                headers=list(request.headers),
                http_version=request.http_version.decode("ascii"),
                method=request.method.decode("ascii").upper(),
                raw_path=_origin_form(request.target),
                state=self.connection_state,
            )
        )
        self.keep_alive_requests += 1


def _name_of(host: bytes) -> str:
    """A Host value without its port, as lower-case text whatever bytes it is."""
    name, colon, port = host.decode("latin-1").lower().rpartition(":")
    return name if colon and port.isdigit() else host.decode("latin-1").lower()


def _asks_for_websocket(request: h11.Request) -> bool:
    upgrade = tokens = b""
    for name, value in request.headers:
        if name == b"upgrade":
            upgrade = value
        elif name == b"connection":
            tokens += value + b","
    return (
        upgrade.strip().lower() == b"websocket"
        and b"upgrade" in [token.strip() for token in tokens.lower().split(b",")]
        and request.method == b"GET"
    )


def _can_shake_hands(request: h11.Request) -> bool:
    try:
        return bool(Handshake(list(request.headers), request.http_version.decode("ascii")).is_valid())
    except UnicodeDecodeError:
        return False


def _origin_form(target: bytes) -> bytes:
    """The path and query of a request target; proxies send it as a whole URL (RFC 9112 section 3.2.2)."""
    if target.startswith(b"/"):
        return target
    rest = target.partition(b"://")[2]
    starts = [at for at in (rest.find(b"/"), rest.find(b"?")) if at >= 0]
    path = rest[min(starts) :] if starts else b""
    return path if path.startswith(b"/") else b"/" + path


class RequestStream(HTTPStream):
    """One HTTP request and its response."""

    def __init__(self, protocol: Http1) -> None:
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
        self._protocol = protocol
        self._link = protocol.link
        self._body_bytes = 0

    async def handle(self, event: StreamEvent) -> None:
        if isinstance(event, Body):
            self._body_bytes += len(event.data)
            if self._body_bytes > self._link.settings.max_body_bytes:
                raise Refused(413)
        elif isinstance(event, EndBody):
            self._link.enter(Phase.APP)
        await super().handle(event)

    async def app_send(self, message: ASGISendEvent | None) -> None:
        if message is None or message is FAILED:
            # A response that h11 would not have is the handler's fault too: the connection ends, quietly.
            with suppress(h11.LocalProtocolError):
                if not self._link.over:
                    await super().app_send(None)
                return
            self._link.finish()
            return
        if self._link.over or (self.closed and self.state is not ASGIHTTPState.CLOSED):
            await wait_heard()
            raise PeerGone("the connection is closed")
        body = message["type"] == "http.response.body"
        self._protocol.corked = body and not message.get("more_body", False)
        try:
            await super().app_send(message)
            if body:
                # With an empty piece and more to come a handler sends the headers ahead of an event stream.
                await self._protocol.flush()
        except PeerGone:
            await wait_heard()
            raise
