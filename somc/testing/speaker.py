"""One raw line to a hall for tests: it says what it is told, keeps all that it hears, resumes nothing."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import trio

from somc.client.address import WS_PATH, Address
from somc.client.websocket import WebSocket, WebSocketClosed, open_websocket

__all__ = ["Plain", "Speaker", "knock", "speaking"]

Plain = dict[str, Any]

SUBPROTOCOL = {"msgpack": "somc.v1.msgpack", "json": "somc.v1.json"}


class Speaker:
    """One WebSocket. `told` is everything that the hall has said on it, in order."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.binary = socket.subprotocol == SUBPROTOCOL["msgpack"]
        self.told: list[Plain] = []
        self._ids = itertools.count(1)

    def encoded(self, message: Any) -> bytes:
        return msgspec.msgpack.encode(message) if self.binary else msgspec.json.encode(message)

    async def say(self, op: str, **fields: Any) -> None:
        await self.say_bytes(self.encoded({"op": op, **fields}))

    async def say_bytes(self, data: bytes) -> None:
        await self.socket.send(data, binary=self.binary)

    async def hear(self) -> Plain:
        """The hall's next message. `WebSocketClosed` if there is none any more."""
        data = await self.socket.receive()
        message: Plain = msgspec.msgpack.decode(data) if self.binary else msgspec.json.decode(data)
        self.told.append(message)
        return message

    async def until(self, found: Callable[[Plain], bool]) -> Plain:
        while not found(message := await self.hear()):
            pass
        return message

    async def op(self, name: str) -> Plain:
        """The next message with this op."""
        return await self.until(lambda message: message["op"] == name)

    async def ask(self, op: str, id: str | int | None = None, **fields: Any) -> Plain:
        """Say something and wait for its reply."""
        id = f"q{next(self._ids)}" if id is None else id
        await self.say(op, id=id, **fields)
        return await self.until(lambda message: message["op"] == "reply" and message["id"] == id)

    async def command(self, name: str, args: Plain | None = None, key: str | None = None) -> Plain:
        more = {} if key is None else {"key": key}
        return await self.ask("command", name=name, args=args or {}, **more)

    async def subscribe(self, *topics: str, **more: Any) -> Plain:
        return await self.ask("subscribe", topics=list(topics or ("#",)), **more)

    def records(self) -> list[Plain]:
        """Every record told so far."""
        return [record for said in self.told if said["op"] == "records" for record in said["records"]]

    async def through(self, seq: int) -> list[Plain]:
        """Every record told, once everything up to `seq` was looked at."""
        while not any(said["op"] == "records" and said["through"] >= seq for said in self.told):
            await self.hear()
        return self.records()

    async def closed(self) -> int:
        """The code with which the hall ends the line."""
        while True:
            try:
                await self.hear()
            except WebSocketClosed as closed:
                return closed.code


async def knock(
    url: str,
    *,
    token: str | None = None,
    query: str = "",
    path: str = WS_PATH,
    subprotocols: tuple[str, ...] = tuple(SUBPROTOCOL.values()),
    headers: tuple[tuple[str, str], ...] = (),
) -> WebSocket:
    """A WebSocket on which nothing was heard yet. `HandshakeRejected` if the hall says no."""
    address = Address.of(url)
    bearer = () if token is None else (("authorization", f"Bearer {token}"),)
    target = f"{address.prefix}{path}{query}"
    return await open_websocket(address, target, subprotocols=subprotocols, headers=(*bearer, *headers))


@asynccontextmanager
async def speaking(url: str, token: str, encoding: str = "msgpack") -> AsyncIterator[Speaker]:
    """An open line, `welcome` heard (`told[0]`)."""
    socket = await knock(url, token=token, subprotocols=(SUBPROTOCOL[encoding],))
    try:
        speaker = Speaker(socket)
        await speaker.hear()
        yield speaker
    finally:
        with trio.CancelScope(shield=True):
            await socket.drop()
