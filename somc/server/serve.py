"""Serves an ASGI app on Trio: Hypercorn's protocols inside our own accept loop, limits and shutdown.

What must stay true:

- A connection's fault closes that connection; nothing a peer sends can end the process or touch another peer.
- The app's background work and the server live and die together: if the app's lifespan ends, `serve` stops
  accepting, closes what is open and raises.
- A shutdown takes no longer than the requests in flight need, and never longer than `grace_s`.

Why not `hypercorn.trio.serve`, with the test for each reason: docs/explanations/serve.md.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import cast

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveEvent,
    ASGISendEvent,
    ConnectionState,
    LifespanScope,
    LifespanState,
)
from hypercorn.utils import parse_socket_addr, repr_socket_addr

from somc.errors import SomcError
from somc.server.connection import READ_BYTES, Connection, ServeSettings
from somc.server.handlers import PeerGone
from somc.server.http1 import Http1

__all__ = ["AppFailed", "PeerGone", "ServeSettings", "serve"]

log = logging.getLogger("somc.server")

Bind = socket.socket | tuple[str, int]

_TOO_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)
_NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS}
_NO_ROOM_PAUSE_S = 0.1


class AppFailed(SomcError):
    """The app did not start, its background work ended while it was serving, or it did not stop.

    `__cause__` is the app's own exception, if there is one.
    """


async def serve(
    app: ASGIFramework,
    *,
    sockets_or_binds: Sequence[Bind],
    settings: ServeSettings | None = None,
    shutdown: trio.Event | Callable[[], Awaitable[object]] | None = None,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serves `app` until `shutdown` is set or returns; `task_status` gets the URLs once it takes connections.

    A bind is a `(host, port)`, port 0 picks a free one, or a stream socket that is bound already; all are
    closed here in the end. Without `shutdown` it serves until it is cancelled, which resets every connection.

    Raises:
        AppFailed: see there.
        OSError: an address cannot be bound.
    """
    settings = settings or ServeSettings()
    failure: Exception | None = None
    with ExitStack() as stack:
        sockets = [stack.enter_context(await _listen(bind, settings)) for bind in sockets_or_binds]
        lifespan = _Lifespan(app, settings.lifespan_s)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lifespan.run)
            # Kept and raised below: an exception that leaves a nursery comes wrapped in a group.
            try:
                await lifespan.start()
                server = _Server(app, settings, lifespan)
                await server.run(sockets, shutdown, task_status)
                await lifespan.stop()
            except Exception as error:
                failure = error
            nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _listen(bind: Bind, settings: ServeSettings) -> socket.socket:
    if isinstance(bind, socket.socket):
        listener = bind
    else:
        found = await trio.socket.getaddrinfo(*bind, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError as error:
            listener.close()
            raise OSError(error.errno, f"cannot listen on {bind[0]}:{bind[1]}: {error.strerror}") from error
    listener.setblocking(False)
    if listener.family in (socket.AF_INET, socket.AF_INET6):
        # Linux hands these on to every accepted socket; a peer that lost power is found even if it owes us
        # nothing.
        idle_s = max(1, round(settings.tcp_user_timeout_s))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for name, value in (
            ("TCP_KEEPIDLE", idle_s),
            ("TCP_KEEPINTVL", max(1, idle_s // 3)),
            ("TCP_KEEPCNT", 3),
            ("TCP_USER_TIMEOUT", round(settings.tcp_user_timeout_s * 1000)),
        ):
            option = getattr(socket, name, None)  # not every POSIX system has each
            if option is not None:
                listener.setsockopt(socket.IPPROTO_TCP, option, value)
    listener.listen(settings.backlog)
    return listener


class _Server:
    """The accept loops and the connections they opened."""

    def __init__(self, app: ASGIFramework, settings: ServeSettings, lifespan: _Lifespan) -> None:
        self._settings = settings
        self._lifespan = lifespan
        self._app = ASGIWrapper(app)
        self._context = WorkerContext(None)
        self._connections: set[Connection] = set()
        self._config = _hypercorn_config(settings)

    async def run(
        self,
        sockets: Sequence[socket.socket],
        shutdown: trio.Event | Callable[[], Awaitable[object]] | None,
        task_status: trio.TaskStatus[list[str]],
    ) -> None:
        listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(each)) for each in sockets]
        async with trio.open_nursery() as connections:
            async with trio.open_nursery() as acceptors:
                for listener in listeners:
                    acceptors.start_soon(self._accept, listener, connections)
                acceptors.start_soon(_then_cancel, self._lifespan.ended.wait, acceptors)
                if shutdown is not None:
                    wait = shutdown.wait if isinstance(shutdown, trio.Event) else shutdown
                    acceptors.start_soon(_then_cancel, wait, acceptors)
                task_status.started(
                    [f"http://{repr_socket_addr(s.family, s.getsockname())}" for s in sockets]
                )
            for listener in listeners:
                listener.socket.close()
            await self._context.terminated.set()
            crashed = self._lifespan.ended.is_set()
            for connection in list(self._connections):
                connection.stop(1011 if crashed else 1012)
            # After a crash there is nothing to wait for but the close frames on their way.
            grace_s = 0.1 if crashed else self._settings.grace_s
            connections.cancel_scope.deadline = trio.current_time() + grace_s

    async def _accept(self, listener: trio.SocketListener, nursery: trio.Nursery) -> None:
        while True:
            try:
                stream = await listener.accept()
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    raise
                log.error("cannot accept connections: %s; is the limit of open files too low?", error)
                await trio.sleep(_NO_ROOM_PAUSE_S)
                continue
            if len(self._connections) >= self._settings.max_connections:
                _turn_away(stream)
            else:
                nursery.start_soon(self._serve, stream)

    async def _serve(self, stream: trio.SocketStream) -> None:
        connection = None
        try:
            family = stream.socket.family
            client = parse_socket_addr(family, stream.socket.getpeername())
            local = parse_socket_addr(family, stream.socket.getsockname())
            state = ConnectionState(self._lifespan.state.copy())
            connection = Connection(
                stream,
                self._settings,
                self._context.terminated.is_set,
                partial(
                    Http1,
                    app=self._app,
                    config=self._config,
                    context=self._context,
                    state=state,
                    client=client,
                    server=local,
                ),
            )
            self._connections.add(connection)
            await connection.run()
        except OSError as error:
            log.debug("a connection broke: %r", error)
        except Exception as error:
            # One line: a peer that finds such a fault must not be able to fill the disk with tracebacks.
            log.warning(
                "a connection was closed for a fault: %r", error, exc_info=log.isEnabledFor(logging.DEBUG)
            )
        finally:
            if connection is not None:
                self._connections.discard(connection)
            stream.socket.close()


def _turn_away(stream: trio.SocketStream) -> None:
    """Answers 503 as far as that can be done without waiting, and closes."""
    with suppress(OSError):
        fd = stream.socket.fileno()
        os.write(fd, _TOO_BUSY)
        stream.socket.shutdown(socket.SHUT_WR)
        os.read(fd, READ_BYTES)  # a request left unread would turn the close into a reset
    stream.socket.close()


async def _then_cancel(wait: Callable[[], Awaitable[object]], nursery: trio.Nursery) -> None:
    await wait()
    nursery.cancel_scope.cancel()


def _hypercorn_config(settings: ServeSettings) -> Config:
    config = Config()
    config.errorlog = log
    config.accesslog = None
    config.h11_max_incomplete_size = settings.max_header_bytes
    config.include_server_header = False
    config.keep_alive_max_requests = settings.max_keep_alive_requests
    config.max_app_queue_size = settings.queue_messages
    config.websocket_max_message_size = settings.max_ws_message_bytes
    config.websocket_ping_interval = None  # Hypercorn's pings wait for no pong; ours are in connection.py
    return config


class _Lifespan:
    """The app's lifespan task: its start, its end, and whatever goes wrong in its background work."""

    def __init__(self, app: ASGIFramework, patience_s: float) -> None:
        self.state: LifespanState = {}
        self.ended = trio.Event()
        """The app's lifespan call ended although nobody had asked for it, while the server was serving."""
        self._app = app
        self._patience_s = patience_s
        self._send, self._receive = trio.open_memory_channel[ASGIReceiveEvent](1)
        self._answers = {"startup": trio.Event(), "shutdown": trio.Event()}
        self._complaint: str | None = None
        self._error: Exception | None = None
        self._running = True

    async def run(self) -> None:
        scope: LifespanScope = {
            "type": "lifespan",
            "asgi": {"spec_version": "2.0", "version": "3.0"},
            "state": self.state,
        }
        try:
            await self._app(scope, self._receive.receive, self._take_answer)
        except Exception as error:
            self._error = error
        self._running = False
        if self._answers["startup"].is_set():
            self.ended.set()
        for answer in self._answers.values():
            answer.set()

    async def start(self) -> None:
        await self._ask("startup")
        if self._error is not None or self._complaint is not None:
            raise AppFailed(f"the app did not start: {self._error or self._complaint}") from self._error

    async def stop(self) -> None:
        if self.ended.is_set():
            what = repr(self._error) if self._error else "it returned"
            raise AppFailed(f"the app's background work ended while it was serving: {what}") from self._error
        if self._running:  # an app may be without a lifespan: it returned from the call at once
            await self._ask("shutdown")
        if self._error is not None or self._complaint is not None:
            raise AppFailed(
                f"the app did not stop cleanly: {self._error or self._complaint}"
            ) from self._error

    async def _ask(self, what: str) -> None:
        self._send.send_nowait(cast(ASGIReceiveEvent, {"type": f"lifespan.{what}"}))
        with trio.move_on_after(self._patience_s):
            await self._answers[what].wait()
            return
        raise AppFailed(f"the app did not answer lifespan.{what} within {self._patience_s} s")

    async def _take_answer(self, message: ASGISendEvent) -> None:
        _, what, outcome = message["type"].split(".")
        if outcome == "failed":
            self._complaint = cast(dict[str, str], message).get("message", "no reason was given")
        self._answers[what].set()
