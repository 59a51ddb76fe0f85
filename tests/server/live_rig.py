"""Clients of the live feed: both subprotocols, from the outside."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgpack
from websockets.exceptions import ConnectionClosed
from websockets.trio.client import ClientConnection, connect

from tests.server.rig import Running

JSON, MSGPACK = "somc.v1.json", "somc.v1.msgpack"


class Client:
    """One socket: what it was told, in order."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.binary = socket.subprotocol == MSGPACK
        self.told: list[dict[str, Any]] = []

    async def say(self, op: str, **fields: Any) -> None:
        message = {"op": op, **fields}
        await self.socket.send(msgpack.packb(message) if self.binary else json.dumps(message))

    async def hear(self) -> dict[str, Any]:
        """The next message."""
        data = await self.socket.recv()
        assert isinstance(data, bytes) == self.binary
        message: dict[str, Any] = msgpack.unpackb(data) if isinstance(data, bytes) else json.loads(data)
        self.told.append(message)
        return message

    async def until(self, found: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next message that is so; those before it are kept in `told`."""
        while True:
            message = await self.hear()
            if found(message):
                return message

    async def op(self, name: str) -> dict[str, Any]:
        return await self.until(lambda message: message["op"] == name)

    async def ask(self, op: str, id: Any = 1, **fields: Any) -> dict[str, Any]:
        """Say something and wait for its reply."""
        await self.say(op, id=id, **fields)
        return await self.until(lambda message: message["op"] == "reply" and message["id"] == id)

    async def command(self, name: str, key: str | None = None, id: Any = 1, **args: Any) -> dict[str, Any]:
        more = {} if key is None else {"key": key}
        return await self.ask("command", id, name=name, args=args, **more)

    async def subscribe(self, *topics: str, **more: Any) -> dict[str, Any]:
        return await self.ask("subscribe", "sub", topics=list(topics or ("#",)), **more)

    async def records_through(self, seq: int) -> list[dict[str, Any]]:
        """Every record told so far and until `seq` was looked at."""
        while not any(m["op"] == "records" and m["through"] >= seq for m in self.told):
            await self.hear()
        return self.records()

    def records(self) -> list[dict[str, Any]]:
        return [record for m in self.told if m["op"] == "records" for record in m["records"]]


@asynccontextmanager
async def live(
    hall: Running, token: str | None = None, protocol: str | None = JSON, query: str = "", **more: Any
) -> AsyncIterator[Client]:
    """An open feed, `welcome` heard."""
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    url = hall.url.replace("http", "ws") + "/api/v1/ws" + query
    protocols: Any = None if protocol is None else [protocol]
    async with connect(
        url, subprotocols=protocols, additional_headers=headers, compression=None, proxy=None, **more
    ) as socket:
        client = Client(socket)
        assert (await client.hear())["op"] == "welcome"
        yield client


async def closed_with(client: Client) -> int | None:
    """The code with which the server ends the connection."""
    while True:
        try:
            await client.hear()
        except ConnectionClosed as closed:
            return None if closed.rcvd is None else closed.rcvd.code
