"""Clients that stall, break off and resume while records flow: each record once, and in order.

Clients of another make over many more reconnects: `tests/client/test_reconnects.py`.
"""

from __future__ import annotations

import os
import random
import socket
import struct
from typing import Any

import pytest
import trio

from somc.server.topics import Interest
from tests.server.fanout.test_slow_listeners import SMALL, Deaf, small_send_buffers
from tests.server.rig import ORG, Running

__all__ = ["small_send_buffers"]

pytestmark = pytest.mark.usefixtures("small_send_buffers")

SEED = int(os.environ.get("SOMC_SEED", "20"))
TOPICS = (("#",), (f"{ORG}/counter/1",), (f"{ORG}/counter/+", f"{ORG}/day/#"), ("+/+/+/+/ticket/+",))
CLIENTS = 12
RECORDS = 250


class Screen:
    """One that keeps what it was told, over all its connections."""

    def __init__(self, hall: Running, topics: tuple[str, ...], chance: random.Random) -> None:
        self.hall, self.topics, self.chance = hall, topics, chance
        self.epoch: str | None = None
        self.began = self.through = 0
        self.seqs: list[int] = []

    async def live(self, last: Any) -> None:
        """Connect again and again until everything up to `last()` was looked at."""
        while last() is None or self.through < last():
            await self._one_connection(last)

    async def _one_connection(self, last: Any) -> None:
        host, port = self.hall.url.removeprefix("http://").split(":")
        raw = trio.socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        await raw.connect((host, int(port)))
        async with trio.SocketStream(raw) as stream:
            client = Deaf(stream)
            await client.upgrade("/api/v1/ws", f"Authorization: Bearer {self.hall.admin}\r\n")
            after = {} if self.epoch is None else {"after": {"epoch": self.epoch, "seq": self.through}}
            await client.say(op="subscribe", id=1, topics=list(self.topics), **after)
            for _ in range(self.chance.randrange(1, 60)):
                with trio.move_on_after(1.0) as patience:
                    self._take(await client.message())
                if patience.cancelled_caught and last() is not None:
                    return  # nothing more comes of these topics; how far it is, the next figures tell
                if self.chance.random() < 0.05:
                    await trio.sleep(self.chance.random() * 0.3)  # reads nothing: its socket fills
                if self.chance.random() < 0.05:
                    topics = [self.chance.choice(TOPICS)[0]]
                    await client.say(op="unsubscribe", id=2, topics=["no/such/topic"])
                    await client.say(op="ping", topics=topics)
            if self.chance.random() < 0.5:
                client.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _take(self, message: dict[str, Any]) -> None:
        if message["op"] == "snapshot":
            assert self.epoch is None, "it had a place to resume from"
            self.epoch, self.began = message["epoch"], message["seq"]
            self.through = self.began
        elif message["op"] == "records":
            for record in message["records"]:
                assert record["seq"] > self.through, "told twice, or out of order"
                self.seqs.append(record["seq"])
                self.through = record["seq"]
            self.through = max(self.through, message["through"])
        elif message["op"] == "figures":
            self.through = max(self.through, message["seq"])  # all that is due up to there was told before
        assert message["op"] != "resync"


async def test_every_record_comes_once_and_in_order_whatever_clients_do(hall: Running) -> None:
    chance = random.Random(SEED)
    await hall.open_counter(1)
    await hall.open_counter(2)
    screens = [Screen(hall, chance.choice(TOPICS), random.Random(SEED + n)) for n in range(CLIENTS)]
    last: int | None = None
    async with trio.open_nursery() as nursery:
        for screen in screens:
            nursery.start_soon(screen.live, lambda: last)
        while hall.node.hall.journal.head < RECORDS:
            counter = chance.choice((1, 2))
            await hall.at(counter, "pause", reason="tea" * chance.randrange(1, 30))
            await hall.at(counter, "resume")
            await hall.take("business")
        last = hall.node.hall.journal.head
    records = await hall.records()
    for screen in screens:
        interest = Interest()
        interest.add(screen.topics)
        due = [r["seq"] for r in records if r["seq"] > screen.began and interest.matches(r["topic"])]
        got = screen.seqs
        assert got == due[: len(got)], (SEED, screen.topics)
        assert [seq for seq in due if seq <= screen.through] == got, (SEED, screen.topics)
        assert screen.through >= last
    assert sum(len(screen.seqs) for screen in screens) > RECORDS
