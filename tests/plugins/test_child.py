"""The other end of a plugin's pipe: what the hall says in one breath is heard in order."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from somc.api import Socket, SocketRoute
from somc.runtime.plugins.child import Child
from somc.runtime.plugins.frames import frame
from somc.runtime.plugins.pulse import Pulse

REQUEST = {"method": "GET", "path": "/echo"}


@asynccontextmanager
async def child_of(route: SocketRoute) -> AsyncIterator[tuple[trio.SocketStream, Child]]:
    """The hall's end of the pipe, and a child that has loaded a plugin with this route."""
    ours, theirs = (trio.SocketStream(trio.socket.from_stdlib_socket(each)) for each in socket.socketpair())
    async with ours, theirs, trio.open_nursery() as nursery:
        child = Child(theirs, nursery, Pulse())
        child._routes = [route]
        with trio.fail_after(60):
            yield ours, child


async def test_what_a_socket_hears_at_once_after_it_was_opened_is_not_lost() -> None:
    heard: list[str | bytes] = []

    async def echo(peer: Socket) -> None:
        heard.append(await peer.receive())

    async with child_of(SocketRoute("/echo", echo)) as (hall, child):
        child.take(["socket", 1, 0, REQUEST])
        child.take(["in", 1, "hello"])
        assert await hall.receive_some(100) == frame("done", 1, None)
    assert heard == ["hello"]


async def test_what_is_cancelled_at_once_after_it_was_begun_is_cancelled() -> None:
    async def forever(peer: Socket) -> None:
        await trio.sleep_forever()

    async with child_of(SocketRoute("/echo", forever)) as (hall, child):
        child.take(["socket", 1, 0, REQUEST])
        child.take(["cancel", 1])
        assert await hall.receive_some(100) == frame("done", 1, None)
