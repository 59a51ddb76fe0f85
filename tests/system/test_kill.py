"""`kill -9` under load, again and again: what was acknowledged stands, what is repeated has one effect."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from tests.system.process import started, verified
from tests.system.test_crowd import EIGHT_COUNTERS, records_of

KILLS = 20
CLIENTS = 6
SEED = 17


class Desk:
    """One client: asks with a key, keeps what was answered, asks again with the same key when it was not."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.serial = 0
        self.pending: tuple[str, str, dict[str, Any]] | None = None
        self.answered: dict[str, tuple[str, Any]] = {}
        """Key → the act and its answer."""
        self.retried = 0

    def next(self) -> tuple[str, str, dict[str, Any]]:
        if self.pending is None:
            self.serial += 1
            key = f"{self.number}-{self.serial}"
            here = f"/api/v1/counters/{self.number}"
            self.pending = [
                (
                    key,
                    "/api/v1/tickets",
                    {"service": "payment", "phone": f"1381{self.number:03}{self.serial:04}"},
                ),
                (key, f"{here}/call-next", {}),
                (key, f"{here}/start", {}),
                (key, f"{here}/finish", {}),
            ][(self.serial - 1) % 4]
        else:
            self.retried += 1
        return self.pending

    def heard(self, answer: httpx.Response) -> None:
        assert answer.status_code in (200, 201), answer.text
        assert self.pending is not None
        key, url, _ = self.pending
        self.answered[key] = (url.rsplit("/", 1)[1], answer.json())
        self.pending = None

    async def work(self, client: httpx.AsyncClient, acknowledged: trio.MemorySendChannel[str]) -> None:
        while True:
            key, url, body = self.next()
            try:
                answer = await client.post(url, json=body, headers={"Idempotency-Key": key})
            except httpx.TransportError:
                return  # the process is gone: the same again at the next one
            self.heard(answer)
            await acknowledged.send(key)


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:Async generator 'httpx:ResourceWarning"
)  # of requests cut off by the kill
async def test_twenty_kills_lose_nothing_acknowledged_and_repeat_nothing(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    desks = [Desk(n) for n in range(1, CLIENTS + 1)]
    for kill in range(KILLS + 1):
        async with started(tmp_path, EIGHT_COUNTERS) as hall:
            if kill == 0:
                async with hall.client() as admin:
                    for desk in desks:
                        body = {"agent": f"a{desk.number}"}
                        await admin.post(f"/api/v1/counters/{desk.number}/open", json=body)
            acknowledged, heard = trio.open_memory_channel[str](0)
            async with trio.open_nursery() as nursery, hall.client() as client:
                for desk in desks:
                    nursery.start_soon(desk.work, client, acknowledged)
                # Killed at a chosen number of answers, not of seconds, in the middle of the others' requests.
                for _ in range(chance.randint(10, 60)):
                    await heard.receive()
                nursery.start_soon(drain, heard)
                await hall.kill()
                if kill < KILLS:
                    await wait_all_gone(nursery)
                nursery.cancel_scope.cancel()
    async with started(tmp_path, EIGHT_COUNTERS) as hall, hall.client() as client:
        for desk in desks:
            if desk.pending is not None:
                key, url, body = desk.next()
                desk.heard(await client.post(url, json=body, headers={"Idempotency-Key": key}))
        records = await records_of(client)
        for desk in desks:  # an answer is the same for ever
            again = await client.post(
                "/api/v1/tickets",
                json={"service": "payment", "phone": f"1381{desk.number:03}0001"},
                headers={"Idempotency-Key": f"{desk.number}-1"},
            )
            assert again.json() == desk.answered[f"{desk.number}-1"][1]
        assert await hall.stop() == 0
    assert sum(desk.retried for desk in desks) > KILLS, (
        "no kill met a request on its way: this test shows nothing"
    )

    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    taken = [record["data"] for record in records if record["type"] == "ticket.taken"]
    assert len({ticket["number"] for ticket in taken}) == len(taken), "a number was given twice"
    told: dict[str, list[str]] = {"tickets": [], "call-next": [], "start": [], "finish": []}
    for desk in desks:
        for act, answer in desk.answered.values():
            told[act].append(
                answer["ticket"]["id"] if act in ("call-next", "start") else answer.get("id", "")
            )
    for kind, act in (("taken", "tickets"), ("called", "call-next"), ("service_started", "start")):
        recorded = [record["data"]["ticket"] for record in records if record["type"] == f"ticket.{kind}"]
        assert sorted(told[act]) == sorted(recorded), f"{act}: what was answered is not what is recorded"
        assert len(set(recorded)) == len(recorded), f"{act}: twice"
    assert sum(record["type"] == "ticket.finished" for record in records) == len(told["finish"])
    await verified(tmp_path / "data")


async def drain(heard: trio.MemoryReceiveChannel[str]) -> None:
    async for _ in heard:
        pass


async def wait_all_gone(nursery: trio.Nursery) -> None:
    """Until every desk has seen that the process is gone (the drain stays)."""
    while len(nursery.child_tasks) > 1:
        await trio.lowlevel.checkpoint()
