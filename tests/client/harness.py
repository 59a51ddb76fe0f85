"""The Python client as the cases of `somc.testing.client_protocol` want it: in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio

from somc.client import (
    ClientSettings,
    HallClient,
    HallRefused,
    NotAdmitted,
    Record,
    Snapshot,
    open_client,
    ticket_by,
)
from somc.testing.client_cases import TIMES

Plain = dict[str, Any]

SETTINGS = ClientSettings(
    ping_s=float(TIMES["SOMC_PING_S"]),
    silence_s=float(TIMES["SOMC_SILENCE_S"]),
    handshake_s=float(TIMES["SOMC_SILENCE_S"]),
    first_backoff_s=float(TIMES["SOMC_FIRST_BACKOFF_S"]),
    most_backoff_s=float(TIMES["SOMC_MOST_BACKOFF_S"]),
    steady_s=float(TIMES["SOMC_STEADY_S"]),
    inbox_bytes=256 * 1024,
)


class Harness:
    """The client and a pipe in each direction."""

    def __init__(self) -> None:
        self.said_in, self.said_out = trio.open_memory_channel[Plain](1_000_000)
        self.told_in, self.told_out = trio.open_memory_channel[Plain](100)
        self.may_read = trio.Event()
        self.may_read.set()

    async def tell(self, what: Plain) -> None:
        await self.told_in.send(what)

    async def heard(self) -> Plain:
        return await self.said_out.receive()

    def say(self, event: str, **fields: Any) -> None:
        self.said_in.send_nowait({"event": event, **fields})

    async def run(self, url: str, token: str, encoding: str, with_ticket: bool) -> None:
        self.say("ready", can=["pause"])
        who: Plain = {"ticket": ticket_by(url, token)} if with_ticket else {"token": token}
        try:
            async with (
                open_client(url, **who, encoding=encoding, settings=SETTINGS) as client,
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(self._obey, client, nursery)
                await self._read(client)
        except* NotAdmitted:
            self.say("not_admitted")

    async def _read(self, client: HallClient) -> None:
        while True:
            await self.may_read.wait()
            match await anext(client.messages()):
                case Record(seq=seq):
                    self.say("record", seq=seq)
                case Snapshot(epoch=epoch, seq=seq):
                    self.say("snapshot", epoch=epoch, seq=seq)

    async def _obey(self, client: HallClient, nursery: trio.Nursery) -> None:
        async for told in self.told_out:
            match told["do"]:
                case "pause":
                    self.may_read = trio.Event()
                case "resume":
                    self.may_read.set()
                case _:
                    nursery.start_soon(self._ask, client, told)

    async def _ask(self, client: HallClient, told: Plain) -> None:
        try:
            result = await client.command(told["name"], told["args"])
        except HallRefused as refused:
            self.say("refused", ask=told["ask"], code=refused.code)
        else:
            self.say("answer", ask=told["ask"], result=result)


@asynccontextmanager
async def in_process(url: str, token: str, encoding: str) -> AsyncIterator[Harness]:
    """Starts the client, in JSON with one-time tickets; a `Start` of the cases."""
    harness = Harness()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(harness.run, url, token, encoding, encoding == "json")
        yield harness
        nursery.cancel_scope.cancel()
