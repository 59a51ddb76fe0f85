"""One plugin at work in a process of its own: the hall's end of the pipe.

    hall                                 child: a Trio loop of its own
    call ──▶ frame ───────────────────▶ the plugin's hook
         ◀── done, failed ◀─────────────
    context: ask ◀──────────────────────  checked here, by what the plugin declared

What must stay true
- Whatever the plugin does, the hall waits for it no longer than a deadline: a child whose loop is blocked
  ends itself; one that answers no pings, whose cancelled calls do not end, that floods or grows too large,
  is killed. It is begun anew with growing pauses.
- The child is handed a configuration, a folder and a key for its own store, and no connection to the hall's
  data: what it wants it asks for, and every question is checked here.
- Devices meet their drivers at the plugin's board. Simulators stay in the hall's process: they stand for what
  is at the other end of the line, and nobody plugs one into a hall that serves customers.
- A device or a channel outlives the child that it works in.
- Policies are code of the deciding task: a plugin that brings one is refused here.
"""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import structlog
import trio

from somc.api import (
    AlertRule,
    Page,
    Request,
    Response,
    Route,
    Socket,
    SocketRoute,
)
from somc.runtime.plugins.answers import WrongAnswer, decode_answer
from somc.runtime.plugins.behind import HallBehind
from somc.runtime.plugins.board import STARTING, Board
from somc.runtime.plugins.child_asks import answer_child
from somc.runtime.plugins.child_brought import brought_there
from somc.runtime.plugins.frames import FrameTooLarge
from somc.runtime.plugins.ledger import HookFailed, Ledger, late
from somc.runtime.plugins.loading import Loaded
from somc.runtime.plugins.pipe import Child, pump_in, pump_out
from somc.runtime.plugins.remote_channel import About, Presence, RemoteChannel
from somc.runtime.plugins.store import FileStore

__all__ = ["NOT_HERE", "START_S", "ProcessPlugin"]

READY_S = 60.0
"""How long a child may take to import its plugin. It only guards against one that never does."""

START_S = 30.0
"""How long `somc_start` may take, here and in the hall's process."""

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
LONG_LIFE_S = 300.0

NOT_HERE = ("somc_routing_policies",)
"""What works in the hall's process only: policies are trusted code."""

log = structlog.get_logger(__name__)


class ProcessPlugin:
    """An enabled plugin in a child process. `open` before anything else, `close` at the end."""

    isolation = "process"

    def __init__(
        self,
        loaded: Loaded,
        config: Any,
        data_dir: Path,
        store: FileStore,
        behind: HallBehind,
        ledger: Ledger,
    ) -> None:
        self.loaded = loaded
        self.ledger = ledger
        self.routes: list[Route | SocketRoute] = []
        self.pages: list[Page] = []
        self.rules: list[AlertRule] = []
        self.channels: list[RemoteChannel] = []
        self.memory_mb = 1024
        self.paths: Sequence[Path] = ()
        self.sealing_key = b""
        self.board: Board | None = None
        """Where its devices are, if it brings drivers."""
        self.restarts = 0
        self._presence = Presence()
        self._at_board = False
        self._config = config
        self._data_dir = data_dir
        self._behind = behind
        self._ids = itertools.count(1)
        self._scope = trio.CancelScope()
        self._ended = trio.Event()
        self._opened = False
        self._first = _First()

    @property
    def name(self) -> str:
        return self.loaded.name

    @property
    def hooks(self) -> frozenset[str]:
        return self.loaded.hooks

    @property
    def pid(self) -> int | None:
        """The child's process, while there is one."""
        child = self._presence.child
        return None if child is None else child.process.pid

    # -- life -------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Start the child. `HookFailed` says why it does not come up."""
        if brings := [hook for hook in NOT_HERE if hook in self.hooks]:
            where = 'which works in the hall\'s process only: set isolation = "in-process" for it'
            raise HookFailed("wrong", f"it implements {', '.join(brings)}, {where}")
        self._opened = True
        trio.lowlevel.spawn_system_task(self._home, name=f"plugin {self.name}")
        await self._first.settled.wait()
        if self._first.why is not None:
            raise HookFailed("down", self._first.why)

    @property
    def outlasts(self) -> bool:
        """Whether devices or channels are at work in its child: at the end of a hall they are the last."""
        return bool(self.channels) or (self.board is not None and self.board.taken)

    def end_quietly(self) -> None:
        """It is closed next, and nobody is to be told that its devices and channels are away."""
        self._presence.told = False
        if self.board is not None:
            self.board.let_go()

    def take_devices(self) -> None:
        """From now on the devices at its board are this runner's."""
        self._at_board = True
        if self.board is not None and self._presence.child is not None:
            self.board.up(self._presence.child)

    def next_id(self) -> int:
        """A number for a question."""
        return next(self._ids)

    async def close(self) -> bool:
        """End the child; it is killed if it does not go."""
        self._away(None)
        self._at_board = False
        self._scope.cancel()
        if self._opened:
            with trio.CancelScope(shield=True):
                await self._ended.wait()
        return True

    async def _home(self) -> None:
        try:
            with self._scope:
                pause_s = FIRST_PAUSE_S
                while True:
                    begun = trio.current_time()
                    why = await self._live()
                    if not self._first.settled.is_set():
                        self._first.settle(why)
                        return
                    self.ledger.fault("process", "down", why)
                    if trio.current_time() - begun > LONG_LIFE_S:
                        pause_s = FIRST_PAUSE_S
                    await trio.sleep(pause_s)
                    pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                    self.restarts += 1
        finally:
            self._first.settle("it was ended")
            self._ended.set()

    async def _live(self) -> str:
        """One life of a child; why it ended."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            process = await trio.lowlevel.open_process(
                [sys.executable, "-m", "somc.runtime.plugins.child", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={**os.environ, "MALLOC_ARENA_MAX": "2", "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(ours))
        child = Child(self, process, stream)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(child.send_all)
                nursery.start_soon(child.hear_errors)
                nursery.start_soon(child.receive_all, nursery)
                child.put(*self._load_frame())
                with trio.move_on_after(READY_S):
                    await child.ready_or_gone()
                if child.ready:
                    self._presence.set(child)
                    if self._at_board and self.board is not None:
                        self.board.up(child)
                    if not self._first.settled.is_set():
                        self._first.settle(None)
                    else:
                        nursery.start_soon(self._start_again, child)
                    nursery.start_soon(child.watch)
                    await child.gone.wait()
                elif child.why is None:
                    child.end(f"it did not come up within {READY_S:g} s")
                nursery.cancel_scope.cancel()
        finally:
            self._away(child.why)
            with trio.CancelScope(shield=True):
                await self._bury(process, stream)
            child.fail_all(child.why or "it ended")
        return child.why or "its process ended"

    def _away(self, why: str | None) -> None:
        """Devices and channels are told that there is no child; why, unless the hall ended it."""
        self._presence.set(None, why or STARTING)
        if self._at_board and self.board is not None:
            self.board.down(why or STARTING, crashed=why is not None)

    async def _bury(self, process: trio.Process, stream: trio.SocketStream) -> None:
        await trio.aclose_forcefully(stream)
        with trio.move_on_after(0.3):  # it ends by itself when the pipe is closed, if it can
            await process.wait()
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        if process.stderr is not None:
            await trio.aclose_forcefully(process.stderr)

    async def _start_again(self, child: Child) -> None:
        """A child that was begun anew starts as the first did."""
        if "somc_start" not in self.hooks:
            return
        try:
            await self.call("somc_start", START_S)
        except HookFailed as error:
            child.end(f"it did not start again: {error.why}")

    def _load_frame(self) -> tuple[Any, ...]:
        found = self.loaded.found
        about = {
            "name": self.name,
            "value": found.entry.value,
            "folder": None if found.folder is None else str(found.folder),
            "config": None if self._config is None else msgspec.to_builtins(self._config, str_keys=True),
            "data_dir": str(self._data_dir),
            "store": str(self._data_dir.with_suffix(".sqlite")),
            "key": self.sealing_key,
            "memory_mb": self.memory_mb,
            "now": self._behind.now(),
            "speed": self._behind.speed,
            "devices": self.board is not None,
        }
        return ("load", 0, about)

    def came_up(self, brought: dict[str, Any]) -> None:
        """What the child's plugin brings. `HookFailed` for what cannot be."""
        self.routes, self.pages, self.rules = brought_there(brought)
        channels = [
            RemoteChannel(msgspec.convert(about, About), number, self._presence)
            for number, about in enumerate(brought["channels"])
        ]
        if not self._first.settled.is_set():
            self.channels = channels
        elif [one.about for one in channels] != [one.about for one in self.channels]:
            raise HookFailed("wrong", "it brings other channels than at its start")

    # -- hooks ------------------------------------------------------------------------------------

    async def call(self, hook: str, deadline_s: float, **arguments: Any) -> Any:
        """What an async hook gives, checked. `HookFailed`."""
        return await self._ask(hook, deadline_s, "call", hook, arguments)

    async def contribute(self, hook: str, deadline_s: float, **arguments: Any) -> Any:
        """What a sync hook gives, checked. `HookFailed`."""
        return await self._ask(hook, deadline_s, "call", hook, arguments)

    async def check_rule(self, number: int, deadline_s: float, hall: Any) -> int | None:
        """The value of its `number`-th alert rule. `HookFailed`."""
        value: int | None = await self._ask("check", deadline_s, "check", number, hall)
        return value

    async def serve(self, number: int, deadline_s: float, request: Request) -> Response:
        """The answer of its `number`-th route. `HookFailed`."""
        response: Response = await self._ask("route", deadline_s, "serve", number, request)
        return response

    async def serve_socket(self, number: int, socket: Socket) -> None:
        """Let its `number`-th route have the socket until it returns. `HookFailed` if it raises."""
        child = self._working("route")
        id = self.next_id()
        call = child.begin(id, "route")
        try:
            child.put("socket", id, number, socket.request)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(pump_in, child, id, socket)
                nursery.start_soon(pump_out, call, socket)
                await call.done.wait()
                nursery.cancel_scope.cancel()
        finally:
            child.finish(id)
            if not call.done.is_set():
                child.put("cancel", id)
        if call.failure is not None:
            self.ledger.failed("route", call.failure, 0.0)
            raise call.failure
        self.ledger.worked("route", 0.0)

    def stubborn(self) -> list[str]:
        """Nothing: a child whose calls do not end is killed."""
        return []

    def _working(self, hook: str) -> Child:
        self.ledger.check(hook)
        child = self._presence.child
        if child is None or child.why is not None:
            raise HookFailed("down", "its process is being started")
        return child

    async def _ask(self, hook: str, deadline_s: float, kind: str, *parts: Any) -> Any:
        child = self._working(hook)
        id = self.next_id()
        call = child.begin(id, hook)
        begun = trio.current_time()
        try:
            child.put(kind, id, *parts, self._behind.now())
            with trio.move_on_after(deadline_s):
                await call.done.wait()
        except FrameTooLarge as error:
            child.finish(id)
            raise HookFailed("wrong", f"what it would be given is too large: {error}") from error
        finally:
            if not call.done.is_set() and child.why is None:
                child.cancel(id)
        took_s = trio.current_time() - begun
        if not call.done.is_set():
            failure: HookFailed | None = late(deadline_s, took_s)
        else:
            child.finish(id)
            failure = call.failure
        if failure is None and call.answer is not None:
            try:
                answer = decode_answer(hook, call.answer)
            except WrongAnswer as error:
                failure = HookFailed("wrong", str(error))
            else:
                self.ledger.worked(hook, took_s)
                return answer
        if failure is not None:
            self.ledger.failed(hook, failure, took_s)
            raise failure
        self.ledger.worked(hook, took_s)
        return None

    async def answer(self, what: str, given: dict[str, Any]) -> Any:
        """What the child's context asks. Raises what the hall's own answer raises."""
        if what in ("receipts", "inbound"):
            return await self.channels[given["channel"]].took(what, given["values"])
        return await answer_child(self._behind, what, given)

    def changed(self) -> None:
        self._behind.announce_changed()


class _First:
    """Whether the first child came up; why not."""

    def __init__(self) -> None:
        self.settled = trio.Event()
        self.why: str | None = None

    def settle(self, why: str | None) -> None:
        if not self.settled.is_set():
            self.why = why
            self.settled.set()
