"""The other end of the pipe: one plugin in a process of its own.

    python -m somc.runtime.plugins.child FD

What must stay true
- It knows of the hall what the pipe tells it, and ends when the pipe is closed, or the hall's process is
  gone.
- Its context is the same class that a plugin has in the hall's process; its questions cross the pipe, few
  at a time.
- What a hook gives is held against its shape here too, so that no frame grows without bound.
"""

from __future__ import annotations

import inspect
import itertools
import os
import resource
import socket
import sys
import time
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import msgspec
import trio

from somc.api import (
    AlertRule,
    HallView,
    Page,
    PermissionRefused,
    PluginContext,
    Request,
    Route,
    SocketClosed,
    SocketRoute,
)
from somc.runtime.plugins.answers import ARGUMENTS, SHAPES, WrongAnswer, encode_answer
from somc.runtime.plugins.child_channels import ChildChannels, about_of
from somc.runtime.plugins.child_context import ChildBehind, ChildLog, ChildSocket
from somc.runtime.plugins.child_devices import ChildDevices
from somc.runtime.plugins.configuring import build
from somc.runtime.plugins.finding import GROUP, Found
from somc.runtime.plugins.frames import frame, frames_of
from somc.runtime.plugins.ledger import Ledger
from somc.runtime.plugins.loading import HOOKS, Loaded, load
from somc.runtime.plugins.pulse import Pulse
from somc.runtime.plugins.routing import handled
from somc.runtime.plugins.store import FileStore
from somc.runtime.plugins.tasks import Tasks, harmless

__all__ = ["main"]

ASKS_AT_ONCE = 8
THREADS = 2


def main() -> None:
    """Serve one plugin until the pipe is closed."""
    pipe = socket.socket(fileno=int(sys.argv[1]))
    pipe.setblocking(False)
    pulse = Pulse()
    pulse.start()
    trio.run(_serve, pipe, pulse)
    os._exit(0)  # whatever threads of the plugin still run


async def _serve(pipe: socket.socket, pulse: Pulse) -> None:
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(pipe))
    async with trio.open_nursery() as nursery:
        child = Child(stream, nursery, pulse)
        async for parts in frames_of(stream):
            child.take(parts)
        os._exit(0)


class Child:
    """The plugin, its context, and what is under way."""

    def __init__(self, stream: trio.SocketStream, nursery: trio.Nursery, pulse: Pulse) -> None:
        self._stream = stream
        self._pulse = pulse
        self._nursery = nursery
        self.sending = trio.Lock()
        self.calls: dict[int, trio.CancelScope] = {}
        self._sockets: dict[int, ChildSocket] = {}
        self._asked: dict[int, _Asked] = {}
        self._ask_ids = itertools.count(1)
        self._asking = trio.CapacityLimiter(ASKS_AT_ONCE)
        self._threads = trio.CapacityLimiter(THREADS)
        self._clock = (0, 0.0, 1.0)
        self._routes: list[Route | SocketRoute] = []
        self._rules: list[AlertRule] = []
        self._loaded: Loaded
        self._context: PluginContext
        self._devices: ChildDevices | None = None
        self._channels: ChildChannels

    def take(self, parts: list[Any]) -> None:
        """One frame of the hall's. A call or a socket is known at once, not when its task first runs: the
        next frame may be about it."""
        kind, id, *rest = parts
        match kind:
            case "ping":
                self._nursery.start_soon(self.send, "pong", id)
            case "load":
                self._nursery.start_soon(self._load, rest[0])
            case "call" | "check" | "serve":
                self._set_clock(rest[-1])
                scope = self.calls[id] = trio.CancelScope()
                self._nursery.start_soon(self._work, scope, kind, id, rest[0], rest[1])
            case "socket":
                scope = self.calls[id] = trio.CancelScope()
                peer = self._sockets[id] = ChildSocket(self, id, msgspec.convert(rest[1], Request))
                self._nursery.start_soon(self._socket, scope, id, rest[0], peer)
            case "in":
                if id in self._sockets:
                    self._sockets[id].put(rest[0])
            case "cancel":
                if id in self.calls:
                    self.calls[id].cancel()
            case "dev_try" | "dev_open" | "dev_more" | "dev_call" | "dev_close":
                assert self._devices is not None  # its plugin brings drivers
                self._devices.take(kind, id, rest)
            case "channel_run" | "channel_send":
                self._channels.take(kind, id, rest)
            case "answer":
                asked = self._asked.pop(id, None)
                if asked is not None:
                    asked.ok, asked.answer = rest[0], rest[1]
                    asked.done.set()

    async def send(self, *parts: Any) -> None:
        data = frame(*parts)
        async with self.sending:
            with trio.CancelScope(shield=True):  # half a frame would be the end of the conversation
                await self._stream.send_all(data)

    # -- loading ------------------------------------------------------------------------------------

    async def _load(self, about: dict[str, Any]) -> None:
        try:
            limit = about["memory_mb"] * 2**20
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            if not about["devices"]:
                os.nice(5)  # the hall goes first, and what devices say is the hall's
            self._clock = (about["now"], time.monotonic(), about["speed"])
            folder = None if about["folder"] is None else Path(about["folder"])
            name = about["name"]
            self._loaded = load(Found(name, EntryPoint(name, about["value"], GROUP), folder))
            config = build(name, self._loaded.about.config, about["config"] or {})
            ledger = Ledger(on_fault=self._fault)
            self._context = PluginContext(
                name,
                config,
                Path(about["data_dir"]),
                ChildLog(self),
                Tasks(self._nursery, ledger),
                FileStore(Path(about["store"]), about["key"]),
                ChildBehind(self),
            )
            brought = self._bring()
            if "somc_device_drivers" in self._loaded.hooks:
                self._devices = ChildDevices(self, self._loaded, self._nursery)
        except Exception as error:
            await self.send("unfit", 0, f"it does not load in its process: {error}")
            return
        self._pulse.watch()
        await self.send("ready", 0, brought)

    def _bring(self) -> dict[str, Any]:
        """What the starting hooks give, as plain values. Whatever is wrong."""

        def things(hook: str, *kinds: type) -> list[Any]:
            found = (
                list(self._loaded.ask(hook, context=self._context) or ())
                if hook in self._loaded.hooks
                else []
            )
            for thing in found:
                if not isinstance(thing, kinds):
                    raise WrongAnswer(f"'{hook}' gave {thing!r}")
            return found

        self._routes = things("somc_routes", Route, SocketRoute)
        self._rules = things("somc_alert_rules", AlertRule)
        channels = things("somc_channels", object)
        self._channels = ChildChannels(self, channels, self._nursery)
        return {
            "channels": [msgspec.to_builtins(about_of(each)) for each in channels],
            "routes": [
                {
                    "method": "WEBSOCKET" if isinstance(each, SocketRoute) else each.method,
                    "path": each.path,
                    "roles": sorted(each.roles),
                    "body_limit": getattr(each, "body_limit", 0),
                    "rate_per_min": getattr(each, "rate_per_min", 0),
                }
                for each in self._routes
            ],
            "pages": [
                {
                    "path": page.path,
                    "title": msgspec.to_builtins(page.title),
                    "roles": sorted(page.roles),
                    "icon": page.icon,
                }
                for page in things("somc_pages", Page)
            ],
            "rules": [
                {"name": rule.name, "words": msgspec.to_builtins(rule.words), "limit": rule.limit}
                for rule in self._rules
            ],
        }

    def _fault(self, hook: str, kind: str, why: str) -> None:
        self._nursery.start_soon(self.send, "fault", 0, hook, why)

    # -- working ------------------------------------------------------------------------------------

    async def _work(self, scope: trio.CancelScope, kind: str, id: int, which: Any, given: Any) -> None:
        try:
            with scope:
                answer = await self._asked_of(kind, which, given)
        except WrongAnswer as error:
            await self.send("failed", id, "wrong", str(error))
        except BaseException as error:
            await self.send("failed", id, "raised", f"{harmless(error)!r}"[:300])
        else:
            if scope.cancelled_caught:
                await self.send("failed", id, "down", "it was cancelled")
            else:
                await self.send("done", id, answer)
        finally:
            del self.calls[id]

    async def _asked_of(self, kind: str, which: Any, given: Any) -> bytes | None:
        if kind == "serve":
            route = self._routes[which]
            assert isinstance(route, Route)
            return encode_answer("route", await handled(route, msgspec.convert(given, Request)))
        if kind == "check":
            view = msgspec.convert(given, HallView)
            check = self._rules[which].check
            return await self._in_thread(lambda: encode_answer("check", check(view)))
        arguments = {name: msgspec.convert(given[name], shape) for name, shape in ARGUMENTS[which].items()}
        ask = partial(self._loaded.ask, which, context=self._context, **arguments)
        if _is_async(which):
            answer = await ask()
            return None if answer is None and not SHAPES[which].many else encode_answer(which, answer)
        return await self._in_thread(lambda: encode_answer(which, ask()))

    async def _in_thread(self, work: Any) -> bytes:
        done: bytes = await trio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._threads)
        return done

    async def _socket(self, scope: trio.CancelScope, id: int, number: int, peer: ChildSocket) -> None:
        route = self._routes[number]
        assert isinstance(route, SocketRoute)
        try:
            with scope:
                await route.handler(peer)
        except SocketClosed:
            await self.send("done", id, None)
        except BaseException as error:
            await self.send("failed", id, "raised", f"{harmless(error)!r}"[:300])
        else:
            await self.send("done", id, None)
        finally:
            del self.calls[id], self._sockets[id]

    # -- asking -------------------------------------------------------------------------------------

    def now(self) -> int:
        at, since, speed = self._clock
        return at + int((time.monotonic() - since) * 1000 * speed)

    def _set_clock(self, now: int) -> None:
        self._clock = (now, time.monotonic(), self._clock[2])

    async def ask(self, what: str, *, over: trio.CapacityLimiter | None = None, **given: Any) -> Any:
        """An answer of the hall's. `PermissionRefused`; `RuntimeError` for what it raises otherwise. `over`
        is another limit than that of the context's questions."""
        async with over or self._asking:
            id = next(self._ask_ids)
            asked = self._asked[id] = _Asked()
            try:
                await self.send("ask", id, what, given)
                await asked.done.wait()
            finally:
                self._asked.pop(id, None)
        if asked.ok:
            return asked.answer
        kind, words = asked.answer
        raise PermissionRefused(words) if kind == "PermissionRefused" else RuntimeError(f"{kind}: {words}")

    def say(self, *parts: Any) -> None:
        self._nursery.start_soon(self.send, *parts)


class _Asked:
    def __init__(self) -> None:
        self.done = trio.Event()
        self.ok = False
        self.answer: Any = None


def _is_async(hook: str) -> bool:
    return inspect.iscoroutinefunction(HOOKS[hook])


if __name__ == "__main__":
    main()
