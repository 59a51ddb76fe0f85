"""The handlers of one connection: how the app's calls are run, fed and ended.

What must stay true: a handler's exception ends its own stream and nothing else; `receive()` always ends in a
disconnect event, so no handler can wait for a peer that has gone.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, cast

import trio
from hypercorn.config import Config
from hypercorn.trio.task_group import TaskGroup
from hypercorn.typing import AppWrapper, ASGIReceiveEvent, ASGISendEvent, Scope

log = logging.getLogger("somc.server")


class PeerGone(ConnectionError):
    """`send()` after the peer has left, was closed for a fault of its own, or was reset for not reading.

    A handler need not catch it: the server knows why the handler ended and logs nothing.
    """


class PeerStalled(PeerGone):
    """The peer was reset for not reading."""


CONNECTION = "somc.connection"
"""The ASGI extension by which the live feed gets at its socket."""

FAILED: ASGISendEvent = cast(ASGISendEvent, {"type": "somc.failed"})
"""Sent by us, in the place of Hypercorn's None, when a handler raised: 500, or a WebSocket's 1011."""


HEARING_TURNS = 8
"""Turns of the scheduler for a disconnect to pass from our reader through a framework's own to the handler's
cancellation. quart-trio was seen to need two."""


async def wait_heard() -> None:
    """Awaited before `PeerGone` is raised to a handler: a framework that hears of the disconnect by `receive`
    cancels the handler here, which it logs as what it is, an end, and not as an exception."""
    for _ in range(HEARING_TURNS):
        await trio.lowlevel.checkpoint()


class Inbox:
    """The events that wait for one handler. Called by Hypercorn's streams to add one.

    A disconnect needs no room: it closes the inbox, and `receive` gives it after what had come before, and
    again whenever it is asked.
    """

    def __init__(self, capacity: int, goodbye: ASGIReceiveEvent) -> None:
        self._in, self._out = trio.open_memory_channel[ASGIReceiveEvent](capacity)
        self._goodbye = goodbye
        self.closed = False

    async def __call__(self, event: ASGIReceiveEvent) -> None:
        if event["type"].endswith(".disconnect"):
            self.close(event)
            return
        # Closed while we waited for room: nobody will ask for this event any more.
        with suppress(trio.ClosedResourceError):
            await self._in.send(event)

    def close(self, goodbye: ASGIReceiveEvent) -> None:
        if not self.closed:
            self.closed = True
            self._goodbye = goodbye
            self._in.close()

    async def receive(self) -> ASGIReceiveEvent:
        try:
            return await self._out.receive()
        except trio.EndOfChannel:
            await trio.lowlevel.checkpoint()
            return self._goodbye


class Handlers(TaskGroup):
    """The nursery of one connection's handlers. A handler's exception ends its own stream, nothing more.

    A WebSocket's handler finds the connection in its scope, as the extension `CONNECTION`.
    """

    def __init__(self, capacity: int, connection: object) -> None:
        super().__init__()
        self._capacity = capacity
        self.extension: dict[object, object] = {"connection": connection}

    def give_up_after(self, seconds: float) -> None:
        nursery = self._nursery
        assert nursery is not None
        nursery.cancel_scope.deadline = min(nursery.cancel_scope.deadline, trio.current_time() + seconds)

    async def spawn_app(
        self,
        app: AppWrapper,
        config: Config,
        scope: Scope,
        send: Callable[[ASGISendEvent | None], Awaitable[None]],
    ) -> Callable[[ASGIReceiveEvent], Awaitable[None]]:
        kind = "websocket" if scope["type"] == "websocket" else "http"
        gone = {"type": f"{kind}.disconnect"} | ({"code": 1006} if kind == "websocket" else {})
        if kind == "websocket":
            cast(dict[str, Any], scope)["extensions"][CONNECTION] = self.extension
        inbox = Inbox(self._capacity, cast(ASGIReceiveEvent, gone))
        assert self._nursery is not None
        self._nursery.start_soon(_handle, app, scope, inbox, send)
        return inbox


async def _handle(
    app: AppWrapper, scope: Scope, inbox: Inbox, send: Callable[[ASGISendEvent | None], Awaitable[None]]
) -> None:
    outcome: ASGISendEvent | None = None
    try:
        await app(scope, inbox.receive, send, trio.to_thread.run_sync, trio.from_thread.run)
    except PeerGone:
        pass
    except Exception as error:
        rest = error.split(PeerGone)[1] if isinstance(error, ExceptionGroup) else error
        if rest is not None:
            path = cast(MutableMapping[str, Any], scope)["path"]
            log.error("the handler of %s %r raised", scope["type"], path, exc_info=rest)
            outcome = FAILED
    with suppress(PeerGone):
        await send(outcome)
