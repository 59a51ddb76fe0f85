"""The hall's end of the pipe to one child process: questions under way, answers, pings, and why it ended.

What must stay true
- What is unsent is bounded, and so are the child's questions and its log; a child that does not keep to
  that is killed.
- Every question that is under way is answered when the child ends, one way or another.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
import trio

from somc.api import Socket, SocketClosed
from somc.runtime.plugins.frames import FrameTooLarge, frame, frames_of
from somc.runtime.plugins.ledger import HookFailed
from somc.runtime.plugins.pulse import BLOCKED_EXIT

if TYPE_CHECKING:
    from somc.runtime.plugins.process import ProcessPlugin

__all__ = ["Call", "Child", "Late", "Lost", "NotSent", "pump_in", "pump_out"]

PING_S = 0.5
SILENT_PINGS = 40
"""A child that owes so many answers is stopped, or in code that holds Python's lock. One whose loop is
blocked ends itself long before (`pulse`): this only guards against a hang, and is generous."""

STUBBORN_PINGS = 2
"""A call that has not ended though its child has answered more pings since its cancellation does not want to.
Counted in answers: on a loaded machine the child may not have had its turn yet."""

MOST_ASKS = 32
MOST_UNSENT = 512
MOST_LOGS_PER_S = 100

NONSENSE = (FrameTooLarge, msgspec.MsgspecError, LookupError, TypeError, ValueError, RecursionError)
"""What reading a child's frame raises, whatever it holds."""

log = structlog.get_logger(__name__)


PATIENT_PINGS = 20
"""What drives a device or a gateway may finish what it is at before it heeds a cancellation; after so many
pings it does not want to."""


class NotSent(Exception):
    """Nothing of the question has reached the process; the text says why."""


class Lost(Exception):
    """The process, or what was asked in it, ended with the question under way; the text says why."""


class Late(Exception):
    """No answer came within the deadline; the question was cancelled."""


class Call:
    """One question on its way to the child."""

    def __init__(self, hook: str, patience: int) -> None:
        self.hook = hook
        self.patience = patience
        """How many pings it may take to end once it is cancelled."""
        self.done = trio.Event()
        self.answer: bytes | None = None
        self.failure: HookFailed | None = None
        self.cancelled_at: int | None = None
        """The ping after which it was cancelled."""
        self.out, self.outbox = trio.open_memory_channel[tuple[str, Any]](64)


class Child:
    """One child process while it lives."""

    def __init__(self, plugin: ProcessPlugin, process: trio.Process, stream: trio.SocketStream) -> None:
        self.plugin = plugin
        self.process = process
        self.stream = stream
        self.ready = False
        self.why: str | None = None
        """Why it ended, or must."""
        self.gone = trio.Event()
        self._up = trio.Event()
        self._calls: dict[int, Call] = {}
        self._unsent, self._to_send = trio.open_memory_channel[bytes](MOST_UNSENT)
        self._pings = 0
        self._pong = 0
        self._asks = 0
        self._logs: list[float] = []
        self._last_words = ""

    # -- life

    async def ready_or_gone(self) -> None:
        await self._up.wait()

    def end(self, why: str) -> None:
        """It must go."""
        if self.why is None:
            self.why = why
        self._up.set()
        self.gone.set()

    def fail_all(self, why: str) -> None:
        for call in self._calls.values():
            call.failure = HookFailed("down", why)
            call.done.set()
        self._calls.clear()

    async def watch(self) -> None:
        """Ping, and look for calls that do not end."""
        while True:
            self._pings += 1
            try:
                self.put("ping", self._pings)
            except HookFailed:
                return  # it has ended: whoever receives from it says how
            await trio.sleep(PING_S)
            if self._pings - self._pong >= SILENT_PINGS:
                self.end(f"it says nothing{self._under_way()}: it was killed")
                return
            for call in self._calls.values():
                if call.cancelled_at is not None and self._pong - call.cancelled_at > call.patience:
                    self.end(f"'{call.hook}' does not end though it was cancelled: it was killed")
                    return

    def _under_way(self) -> str:
        hooks = sorted({call.hook for call in self._calls.values()})
        return f" in {', '.join(hooks)}" if hooks else ""

    # -- calls

    def begin(self, id: int, hook: str, patience: int = STUBBORN_PINGS) -> Call:
        call = self._calls[id] = Call(hook, patience)
        return call

    async def question(
        self,
        hook: str,
        within_s: float,
        kind: str,
        *parts: Any,
        asked: Callable[[int], None] = lambda id: None,
    ) -> bytes:
        """The answer to a question about a device or a channel. Raises `NotSent`, `Lost`, `Late`;
        `HookFailed` for what was raised there, or what was given wrongly. `asked` is told its number once it
        is sent."""
        id = self.plugin.next_id()
        call = self.begin(id, hook, PATIENT_PINGS)
        try:
            self.put(kind, id, *parts)
        except (HookFailed, FrameTooLarge) as error:
            self.finish(id)
            raise NotSent(str(error)) from None
        asked(id)
        try:
            with trio.move_on_after(within_s):
                await call.done.wait()
        finally:
            if not call.done.is_set() and self.why is None:
                self.cancel(id)
        if not call.done.is_set():
            raise Late
        self.finish(id)
        if call.failure is not None:
            raise Lost(call.failure.why) if call.failure.kind == "down" else call.failure
        if not isinstance(call.answer, bytes):
            raise Lost(self.nonsense(TypeError("an answer that is none")))
        return call.answer

    def nonsense(self, error: Exception) -> str:
        """It gave what cannot be read: it must go. Why, in words."""
        why = f"it said what cannot be understood ({error!r}): it was killed"
        self.end(why)
        return why

    def finish(self, id: int) -> None:
        self._calls.pop(id, None)

    def cancel(self, id: int) -> None:
        call = self._calls.get(id)
        if call is not None:
            call.cancelled_at = self._pings
            with suppress(HookFailed):  # it ends: then the call does
                self.put("cancel", id)

    def put(self, *parts: Any) -> None:
        """Send it soon. `HookFailed` when the child does not read; `FrameTooLarge`."""
        try:
            self._unsent.send_nowait(frame(*parts))
        except trio.WouldBlock:
            self.end("it does not read what it is sent: it was killed")
            raise HookFailed("down", "its process does not read") from None
        except trio.BrokenResourceError:
            raise HookFailed("down", "its process has ended") from None

    # -- the pipe

    async def send_all(self) -> None:
        try:
            async with self._to_send:
                async for data in self._to_send:
                    await self.stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # it is gone: whoever receives from it says how

    async def receive_all(self, nursery: trio.Nursery) -> None:
        try:
            async for parts in frames_of(self.stream):
                self._take(parts, nursery)
        except NONSENSE as error:
            self.nonsense(error)
            return
        with trio.move_on_after(1.0):
            await self.process.wait()
        self.end(self._ending())

    def _ending(self) -> str:
        code = self.process.returncode
        if code is None:
            return "it closed its pipe"
        if code == BLOCKED_EXIT:
            return f"its loop is blocked{self._under_way()}: it was ended"
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        said = f": {self._last_words}" if self._last_words else ""
        return f"its process ended ({how}){said}"

    def _take(self, parts: list[Any], nursery: trio.Nursery) -> None:
        kind, id, *rest = parts
        if kind == "pong":
            self._pong = id
        elif kind in ("done", "failed", "out"):
            call = self._calls.get(id)
            if call is None:
                return
            if kind == "out":
                try:
                    call.out.send_nowait((rest[0], rest[1]))
                except trio.WouldBlock:
                    self.end("it floods a socket: it was killed")
                return
            if kind == "done":
                call.answer = rest[0]
            else:
                call.failure = HookFailed(rest[0], rest[1])
            call.done.set()
            if call.cancelled_at is not None:
                self.finish(id)
        elif kind == "dev":
            if self.plugin.board is not None:
                self.plugin.board.heard(id, rest[0], rest[1])
        elif kind == "channel":
            self.plugin.channels[id].reported(rest[0], rest[1])
        elif kind == "ask":
            self._asks += 1
            if self._asks > MOST_ASKS:
                self.end("it floods the hall with questions: it was killed")
                return
            nursery.start_soon(self._answer, id, rest[0], rest[1])
        elif kind == "ready":
            try:
                self.plugin.came_up(rest[0])
            except HookFailed as error:
                self.end(error.why)
                return
            self.ready = True
            self._up.set()
        elif kind == "fault":
            self.plugin.ledger.fault(rest[0], "raised", rest[1])
        elif kind == "unfit":
            self.end(rest[0])
        elif kind == "changed":
            self.plugin.changed()
        elif kind == "log":
            self._log(rest[0], rest[1], rest[2])

    async def _answer(self, id: int, what: str, given: dict[str, Any]) -> None:
        try:
            answer = await self.plugin.answer(what, given)
            answered = frame("answer", id, True, answer)
        except Exception as error:
            answered = frame("answer", id, False, [type(error).__name__, str(error)[:500]])
        finally:
            self._asks -= 1
        try:
            self._unsent.send_nowait(answered)
        except (trio.WouldBlock, trio.BrokenResourceError):
            self.end("it does not read its answers: it was killed")

    def _log(self, level: str, event: str, fields: dict[str, Any]) -> None:
        now = trio.current_time()
        self._logs = [at for at in self._logs if now - at < 1.0]
        if len(self._logs) < MOST_LOGS_PER_S:
            self._logs.append(now)
            write = getattr(log, level if level in ("debug", "info", "warning", "error") else "info")
            write(
                str(event)[:500],
                plugin=self.plugin.name,
                **{f"said_{key}": value for key, value in fields.items()},
            )

    async def hear_errors(self) -> None:
        """The last line that the child said on its standard error; its flood is read and forgotten."""
        assert self.process.stderr is not None
        tail = b""
        try:
            while data := await self.process.stderr.receive_some(65_536):
                tail = (tail + data)[-2_000:]
                lines = tail.decode(errors="replace").strip().splitlines()
                self._last_words = lines[-1][:300] if lines else ""
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass


async def pump_in(child: Child, id: int, socket: Socket) -> None:
    """What the peer sends, to the child."""
    try:
        while True:
            child.put("in", id, await socket.receive())
    except SocketClosed:
        child.put("in", id, None)
    except HookFailed:
        pass


async def pump_out(call: Call, socket: Socket) -> None:
    """What the child sends, to the peer."""
    try:
        async for kind, value in call.outbox:
            if kind == "close":
                await socket.close(value[0], value[1])
                return
            await socket.send(value)
    except SocketClosed:
        pass
