"""The real server in this process, a small app that remembers what it saw, and clients that say any bytes."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import trio

from somc.server.serve import PeerGone, ServeSettings, serve

PATIENCE_S = 8.0
"""No step of a test takes this long; reaching it is a failure."""

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def answer(send: Send, body: bytes = b"ok", status: int = 200, more: bool = False) -> None:
    if not more:
        headers = [(b"content-length", str(len(body)).encode())]
    else:
        headers = []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": more})


@dataclass
class ProbeApp:
    """Answers by path and keeps what handlers were told."""

    seen: list[Any] = field(default_factory=list)
    disconnects: list[dict[str, Any]] = field(default_factory=list)
    told: trio.Event = field(default_factory=trio.Event)
    go: trio.Event = field(default_factory=trio.Event)
    entered: trio.Event = field(default_factory=trio.Event)
    raised: list[str] = field(default_factory=list)
    scopes: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for _ in range(2):
                event = await receive()
                await send({"type": f"{event['type']}.complete"})
            return
        self.scopes.append(scope)
        name = scope["path"].strip("/").replace("-", "_") or "root"
        handler = getattr(self, f"{scope['type']}_{name}", None)
        if handler is None:
            await answer(send, b"no such page", 404)
            return
        try:
            await handler(scope, receive, send)
        except PeerGone as error:
            self.raised.append(str(error))  # the error itself would keep the connection alive
            raise

    def _tell(self, event: dict[str, Any]) -> None:
        self.disconnects.append(event)
        self.told.set()

    # HTTP

    async def http_root(self, scope: Any, receive: Receive, send: Send) -> None:
        await answer(send)

    async def http_echo(self, scope: Any, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            event = await receive()
            if event["type"] == "http.disconnect":
                self._tell(event)
                return
            body += event["body"]
            more = event["more_body"]
        await answer(send, body)

    async def http_ignore_body(self, scope: Any, receive: Receive, send: Send) -> None:
        await answer(send, b"not read", 401)

    async def http_raise(self, scope: Any, receive: Receive, send: Send) -> None:
        raise RuntimeError("the handler's own mistake")

    async def http_raise_midway(self, scope: Any, receive: Receive, send: Send) -> None:
        await answer(send, b"first", more=True)
        raise RuntimeError("the handler's own mistake")

    async def http_bad_header(self, scope: Any, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"a\r\nb: c")]})
        await send({"type": "http.response.body", "body": b""})

    async def http_wait(self, scope: Any, receive: Receive, send: Send) -> None:
        self.entered.set()
        await self.go.wait()
        await answer(send, b"waited")

    async def http_until_gone(self, scope: Any, receive: Receive, send: Send) -> None:
        self.entered.set()
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                self._tell(event)
                return

    async def http_stream(self, scope: Any, receive: Receive, send: Send) -> None:
        await answer(send, b"one", more=True)
        await self.go.wait()
        await send({"type": "http.response.body", "body": b"two"})

    async def http_headers_first(self, scope: Any, receive: Receive, send: Send) -> None:
        await answer(send, b"", more=True)
        await self.go.wait()
        await send({"type": "http.response.body", "body": b"late"})

    async def http_endless(self, scope: Any, receive: Receive, send: Send) -> None:
        self.entered.set()
        await answer(send, b"x", more=True)
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        finally:
            self.told.set()

    async def http_big(self, scope: Any, receive: Receive, send: Send) -> None:
        await answer(send, b"b" * 8_000_000)

    # WebSocket

    async def _accept(self, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
        self.entered.set()

    async def websocket_echo(self, scope: Any, receive: Receive, send: Send) -> None:
        await self._accept(receive, send)
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                self._tell(event)
                return
            self.seen.append(event)
            await send({**event, "type": "websocket.send"})

    async def websocket_late(self, scope: Any, receive: Receive, send: Send) -> None:
        self.entered.set()
        await self.go.wait()
        await self.websocket_echo(scope, receive, send)

    async def websocket_raise(self, scope: Any, receive: Receive, send: Send) -> None:
        await self._accept(receive, send)
        await receive()
        raise RuntimeError("the handler's own mistake")

    async def websocket_raise_early(self, scope: Any, receive: Receive, send: Send) -> None:
        raise RuntimeError("the handler's own mistake")

    async def websocket_return(self, scope: Any, receive: Receive, send: Send) -> None:
        await self._accept(receive, send)

    async def websocket_close(self, scope: Any, receive: Receive, send: Send) -> None:
        await self._accept(receive, send)
        await send({"type": "websocket.close", "code": 4003, "reason": "no"})
        self._tell(await receive())

    async def websocket_forbid(self, scope: Any, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.http.response.start", "status": 401, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"sign in"})

    async def websocket_bad_subprotocol(self, scope: Any, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "never offered", "headers": []})

    async def websocket_deaf(self, scope: Any, receive: Receive, send: Send) -> None:
        await self._accept(receive, send)
        await self.go.wait()
        self._tell(await receive())

    async def websocket_flood(self, scope: Any, receive: Receive, send: Send) -> None:
        """Sends without ever receiving: only `send` can tell it that the peer has gone."""
        await self._accept(receive, send)
        try:
            while True:
                await send({"type": "websocket.send", "bytes": b"f" * 16384})
        finally:
            self.told.set()

    async def websocket_swallow(self, scope: Any, receive: Receive, send: Send) -> None:
        """The worst handler: sends in a tight loop and takes no exception for an answer."""
        await self._accept(receive, send)
        while not self.go.is_set():
            with contextlib.suppress(PeerGone):
                await send({"type": "websocket.send", "text": "still here"})
        self.told.set()


@dataclass
class Served:
    """A running server."""

    port: int
    shutdown: trio.Event
    ended: trio.Event
    url: str
    elapsed_s: float = 0.0

    async def stop(self) -> float:
        """Shuts down; the seconds it took."""
        begun = trio.current_time()
        self.shutdown.set()
        with trio.fail_after(PATIENCE_S):
            await self.ended.wait()
        return trio.current_time() - begun


@contextlib.asynccontextmanager
async def serving(app: Any, **limits: Any) -> AsyncIterator[Served]:
    """Serves `app` on a free port until the block is left, and then shuts down within the tests' patience."""
    limits.setdefault("grace_s", 0.5)
    shutdown, ended = trio.Event(), trio.Event()

    async def run(task_status: trio.TaskStatus[list[str]]) -> None:
        try:
            await serve(
                app,
                sockets_or_binds=[("127.0.0.1", 0)],
                settings=ServeSettings(**limits),
                shutdown=shutdown,
                task_status=task_status,
            )
        finally:
            ended.set()

    async with trio.open_nursery() as nursery:
        [url] = await nursery.start(run)
        served = Served(int(url.rpartition(":")[2]), shutdown, ended, url)
        try:
            yield served
        finally:
            shutdown.set()
            with trio.CancelScope(shield=True, deadline=trio.current_time() + PATIENCE_S) as patience:
                await ended.wait()
            assert not patience.cancelled_caught, "the server did not shut down"


class Raw:
    """A client that says exactly the bytes it is told to."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.buffer = b""

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def read_some(self) -> bytes:
        """More bytes, or b"" at the end; a reset counts as an end."""
        with trio.fail_after(PATIENCE_S):
            try:
                return await self.stream.receive_some(65536)
            except trio.BrokenResourceError:
                return b""

    async def read_until(self, end: bytes) -> bytes:
        while end not in self.buffer:
            data = await self.read_some()
            if not data:
                raise EOFError(f"ended before {end!r}: {self.buffer!r}")
            self.buffer += data
        head, _, self.buffer = self.buffer.partition(end)
        return head + end

    async def read_exactly(self, count: int) -> bytes:
        while len(self.buffer) < count:
            data = await self.read_some()
            if not data:
                raise EOFError(f"ended after {len(self.buffer)} of {count} bytes")
            self.buffer += data
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    async def read_to_end(self) -> bytes:
        while data := await self.read_some():
            self.buffer += data
        return self.buffer

    async def was_reset(self) -> bool:
        """Reads to the end; True if that was RST, not FIN."""
        with trio.fail_after(PATIENCE_S):
            try:
                while await self.stream.receive_some(65536):
                    pass
            except trio.BrokenResourceError:
                return True
        return False

    async def response(self) -> tuple[int, dict[str, str], bytes]:
        """One response with a content-length."""
        head = (await self.read_until(b"\r\n\r\n")).decode("latin-1")
        status, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await self.read_exactly(int(headers.get("content-length", "0")))
        return int(status.split()[1]), headers, body

    async def get(self, path: str = "/", headers: str = "") -> tuple[int, dict[str, str], bytes]:
        await self.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode("latin-1"))
        return await self.response()

    # WebSocket, by hand

    async def upgrade(self, path: str, headers: str = "", early: bytes = b"") -> tuple[int, dict[str, str]]:
        await self.send(handshake(path, headers) + early)
        status, fields, _ = await self.response()
        return status, fields

    async def frame(self) -> tuple[int, bytes]:
        """The next frame: first byte and payload."""
        first, second = await self.read_exactly(2)
        length = second & 0x7F
        if length == 126:
            [length] = struct.unpack("!H", await self.read_exactly(2))
        elif length == 127:
            [length] = struct.unpack("!Q", await self.read_exactly(8))
        return first, await self.read_exactly(length)

    async def close_code(self) -> int:
        """Skips to the close frame; its code."""
        while True:
            first, payload = await self.frame()
            if first == 0x88:
                return int.from_bytes(payload[:2], "big") if payload else 1005


def handshake(path: str, headers: str = "") -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    ).encode("latin-1")


def frame(
    opcode: int, payload: bytes = b"", *, final: bool = True, masked: bool = True, rsv: int = 0
) -> bytes:
    """A client's frame, right or wrong (RFC 6455 section 5.2)."""
    first = (0x80 if final else 0) | (rsv << 4) | opcode
    mark = 0x80 if masked else 0
    if len(payload) < 126:
        head = bytes([first, mark | len(payload)])
    elif len(payload) < 65536:
        head = bytes([first, mark | 126]) + struct.pack("!H", len(payload))
    else:
        head = bytes([first, mark | 127]) + struct.pack("!Q", len(payload))
    if not masked:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def close_frame(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason)


@contextlib.asynccontextmanager
async def client(served: Served, *, receive_buffer_bytes: int = 0) -> AsyncIterator[Raw]:
    """A connection to the server; a small receive buffer makes the kernel's queues short."""
    raw = trio.socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if receive_buffer_bytes:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    await raw.connect(("127.0.0.1", served.port))
    async with trio.SocketStream(raw) as stream:
        yield Raw(stream)
