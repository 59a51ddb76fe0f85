"""A network that cuts: a TCP proxy whose connections end at random moments, between any two bytes."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import trio

__all__ = ["Cutting", "cutting"]

PATIENT_S = 0.08
"""No connection lives longer while the network cuts."""


@dataclass
class Cutting:
    """The proxy at `url`; `cuts` of its WebSockets so far. It stops cutting when `enough` is set."""

    url: str
    random: random.Random
    cuts: int = 0
    enough: bool = False
    changed: trio.Event = field(default_factory=trio.Event)

    async def wait_cuts(self, count: int) -> None:
        while self.cuts < count:
            await self.changed.wait()

    async def serve(self, client: trio.SocketStream, host: str, port: int) -> None:
        alive_s = float("inf") if self.enough else self.random.random() * PATIENT_S
        try:
            async with client:
                with trio.move_on_after(alive_s) as life:
                    async with await trio.open_tcp_stream(host, port) as hall, trio.open_nursery() as nursery:
                        nursery.start_soon(self._copy, client, hall, nursery.cancel_scope)
                        await self._copy(hall, client, nursery.cancel_scope)
        except* (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # a hall that is away, an end that was there before the cut
        if life.cancelled_caught:
            self.cuts += 1
            self.changed.set()
            self.changed = trio.Event()

    async def _copy(self, source: trio.abc.Stream, sink: trio.abc.Stream, scope: trio.CancelScope) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for piece in source:
                # In two pieces, so that a cut may fall inside of a frame.
                middle = self.random.randrange(len(piece) + 1)
                await sink.send_all(piece[:middle])
                if not self.enough and self.random.random() < 0.02:
                    await trio.sleep(PATIENT_S)
                await sink.send_all(piece[middle:])
        scope.cancel()


@asynccontextmanager
async def cutting(url: str, seed: int) -> AsyncIterator[Cutting]:
    """A cutting network before the hall at `url`."""
    parts = urlsplit(url)
    host, port = str(parts.hostname), int(parts.port or 80)
    proxy = Cutting("", random.Random(seed))

    async def listen(task_status: trio.TaskStatus[list[trio.SocketListener]]) -> None:
        async def serve(client: trio.SocketStream) -> None:
            await proxy.serve(client, host, port)

        await trio.serve_tcp(serve, 0, host="127.0.0.1", task_status=task_status)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(listen)
        proxy.url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        yield proxy
        nursery.cancel_scope.cancel()
