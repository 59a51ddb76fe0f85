"""Puts a simulator behind a real pty, a real TCP port or a memory link; the cable can be pulled.

What must stay true
- The URL stays the same over `unplug` and `replug`: a pty is reached through a symbolic link in a
  private folder, because the kernel gives a new pty another number. (That is what by-id names are for
  with real ports.)
- One peer at a time; on TCP and memory a new connection replaces the old one, which may be dead.
- Nothing is left behind: folder, descriptors and listeners go with the context.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import tty
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import trio

from somc_hal.links.memory import listen_memory, unlisten_memory
from somc_hal.simulators.base import Simulator

__all__ = ["WHERES", "SimulatorHost", "Where", "hosted"]

Where = Literal["pty", "tcp", "memory"]
WHERES: tuple[Where, ...] = get_args(Where)
"""Where a simulator can be reached."""


class SimulatorHost:
    """One simulator behind one URL. Made by `hosted`, or by hand and then `run` in a nursery.

    `port` is the TCP port (0: any free one); `name` is the memory link's name or the pty's file name.
    """

    def __init__(
        self, simulator: Simulator, where: Where = "pty", *, name: str = "device", port: int = 0
    ) -> None:
        if where not in WHERES:
            raise ValueError(f"found {where!r}; allowed: {', '.join(WHERES)}")
        self.simulator = simulator
        self.where = where
        self._name = name
        self._port = port
        self._folder: str | None = None
        self._url = ""
        self._nursery: trio.Nursery | None = None
        self._plug: trio.CancelScope | None = None
        self._unplugged = trio.Event()
        self._peer: trio.CancelScope | None = None
        self._serving = trio.Lock()

    @property
    def url(self) -> str:
        """What a driver opens. `RuntimeError` before `run` has started."""
        if not self._url:
            raise RuntimeError("the simulator is not running yet: start `run` in a nursery first")
        return self._url

    async def run(self, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED) -> None:
        """Host the simulator until cancelled; `started` is given the URL."""
        if self.where == "pty":
            self._folder = tempfile.mkdtemp(prefix="somc-pty-")
            self._url = f"pty://{Path(self._folder) / self._name}"
        elif self.where == "memory":
            self._url = f"memory://{self._name}"
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                await self.replug()
                task_status.started(self._url)
                await trio.sleep_forever()
        finally:
            self._nursery = None
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)

    async def replug(self) -> None:
        """Put the cable back; returns when the device can be opened. No effect when it is plugged in."""
        if self._nursery is None:
            raise RuntimeError("the simulator is not running")
        if self._plug is None:
            self._plug = trio.CancelScope()
            self._unplugged = trio.Event()
            await self._nursery.start(self._plugged_in)

    async def unplug(self) -> None:
        """Pull the cable; returns when the device cannot be opened any more."""
        if self._plug is not None:
            self._plug.cancel()
            await self._unplugged.wait()

    async def _plugged_in(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        assert self._plug is not None  # set by replug
        serve = {"pty": self._serve_pty, "tcp": self._serve_tcp, "memory": self._serve_memory}[self.where]
        try:
            with self._plug:
                await serve(task_status.started)
        finally:
            self._plug = None
            self._unplugged.set()

    async def _serve_pty(self, ready: Callable[[], None]) -> None:
        assert self._folder is not None  # set by run
        link = Path(self._folder) / self._name
        master, slave = os.openpty()
        # The slave stays open here, so that the master does not read a hang-up while no driver is there.
        try:
            tty.setraw(slave)
            link.symlink_to(os.ttyname(slave))
            async with trio.lowlevel.FdStream(master) as stream:
                ready()
                await self.simulator.serve(stream)
        finally:
            link.unlink(missing_ok=True)
            os.close(slave)

    async def _serve_tcp(self, ready: Callable[[], None]) -> None:
        listeners = await trio.open_tcp_listeners(self._port, host="127.0.0.1")
        # The same port after a replug, so that the URL stays.
        self._port = listeners[0].socket.getsockname()[1]
        self._url = f"tcp://127.0.0.1:{self._port}"
        async with trio.open_nursery() as nursery:
            await nursery.start(
                partial(trio.serve_listeners, self._serve_peer, listeners, handler_nursery=nursery)
            )
            ready()

    async def _serve_memory(self, ready: Callable[[], None]) -> None:
        async with trio.open_nursery() as nursery:
            listen_memory(self._name, lambda stream: nursery.start_soon(self._serve_peer, stream))
            try:
                ready()
                await trio.sleep_forever()
            finally:
                unlisten_memory(self._name)

    async def _serve_peer(self, stream: trio.abc.Stream) -> None:
        if self._peer is not None:
            self._peer.cancel()
        try:
            # The old peer is gone before the new one is served: the device has one mouth.
            async with self._serving:
                with trio.CancelScope() as scope:
                    self._peer = scope
                    try:
                        await self.simulator.serve(stream)
                    finally:
                        self._peer = None
        finally:
            # Also when the plug is pulled before its turn came: an open end would look like a live device.
            await trio.aclose_forcefully(stream)


@asynccontextmanager
async def hosted(
    simulator: Simulator, where: Where = "pty", *, name: str = "device", port: int = 0
) -> AsyncIterator[SimulatorHost]:
    """`async with hosted(simulator, "tcp") as host:` runs it; `host.url` is where."""
    host = SimulatorHost(simulator, where, name=name, port=port)
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        yield host
        nursery.cancel_scope.cancel()
