"""What a plugin in a process of its own is handed: its context's hall, its log and its sockets, each of which
asks across the pipe.

What must stay true: nothing is decided here; what the plugin may see and do is checked in the hall, and a log
without end is cut off before it reaches the pipe.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import msgspec
import trio

from somc.api import Action, Done, HallView, Json, Refusal, Request, SocketClosed, TicketView

if TYPE_CHECKING:
    from somc.runtime.plugins.child import Child

__all__ = ["ChildBehind", "ChildLog", "ChildSocket"]

LOGS_PER_S = 50


class ChildBehind:
    """The hall behind a context, across the pipe."""

    def __init__(self, child: Child) -> None:
        self._child = child

    def now(self) -> int:
        return self._child.now()

    async def hall(self) -> HallView:
        return msgspec.convert(await self._child.ask("hall"), HallView)

    async def ticket(self, id: str) -> TicketView | None:
        return msgspec.convert(await self._child.ask("ticket", id=id), TicketView | None)

    async def tickets(self) -> list[TicketView]:
        return msgspec.convert(await self._child.ask("tickets"), list[TicketView])

    async def facts(self, ticket: str, of: str | None) -> dict[str, Json]:
        facts: dict[str, Json] = await self._child.ask("facts", ticket=ticket, of=of)
        return facts

    async def visits(self, person: str, limit: int) -> list[TicketView]:
        return msgspec.convert(await self._child.ask("visits", person=person, limit=limit), list[TicketView])

    async def phone_of(self, person: str) -> str | None:
        phone: str | None = await self._child.ask("phone_of", person=person)
        return phone

    async def person_of(self, phone: str) -> str | None:
        person: str | None = await self._child.ask("person_of", phone=phone)
        return person

    async def do(self, action: Action) -> Done | Refusal:
        plain = msgspec.to_builtins(action)
        plain.pop("type", None)
        answer = await self._child.ask("do", kind=type(action).__name__, action=plain)
        if answer["refused"]:
            return msgspec.convert(answer["outcome"], Refusal)
        return msgspec.convert(answer["outcome"], Done)

    def announce_changed(self) -> None:
        self._child.say("changed", 0)


class ChildLog:
    """The plugin's log, said to the hall's; beyond `LOGS_PER_S` it is dropped."""

    def __init__(self, child: Child, bound: dict[str, Any] | None = None) -> None:
        self._child = child
        self._bound = bound or {}
        self._said: list[float] = []

    def bind(self, **fields: Any) -> ChildLog:
        return ChildLog(self._child, {**self._bound, **fields})

    def _say(self, level: str, event: str, fields: dict[str, Any]) -> None:
        now = time.monotonic()
        self._said = [at for at in self._said if now - at < 1.0]
        if len(self._said) >= LOGS_PER_S:
            return
        self._said.append(now)
        plain = {
            key: value if isinstance(value, int | float | str) else repr(value)
            for key, value in fields.items()
        }
        self._child.say("log", 0, level, str(event), {**self._bound, **plain})

    def debug(self, event: str, **fields: Any) -> None:
        self._say("debug", event, fields)

    def info(self, event: str, **fields: Any) -> None:
        self._say("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._say("warning", event, fields)

    def error(self, event: str, **fields: Any) -> None:
        self._say("error", event, fields)

    def exception(self, event: str, **fields: Any) -> None:
        self._say("error", event, {**fields, "exception": repr(sys.exc_info()[1])})


class ChildSocket:
    """One WebSocket across the pipe."""

    def __init__(self, child: Child, id: int, request: Request) -> None:
        self.request = request
        self._child = child
        self._id = id
        self._in, self._out = trio.open_memory_channel[str | bytes | None](256)
        self._closed = False

    def put(self, message: str | bytes | None) -> None:
        try:
            self._in.send_nowait(message)
        except trio.WouldBlock:
            self._closed = True

    async def receive(self) -> str | bytes:
        if self._closed:
            raise SocketClosed
        message = await self._out.receive()
        if message is None:
            self._closed = True
            raise SocketClosed
        return message

    async def send(self, message: str | bytes) -> None:
        if self._closed:
            raise SocketClosed
        await self._child.send("out", self._id, "message", message)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self._closed = True
        await self._child.send("out", self._id, "close", [code, reason])
