"""Sixteen clients at once take, call, serve, hold and give up at random: everybody is accounted for."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from tests.server.rig import HALL
from tests.system.process import started

EIGHT_COUNTERS = HALL[: HALL.index("[counter.1]")].replace("max_waiting = 2\n", "") + "".join(
    f"\n[counter.{n}]\nskills = {{ payment = 1, business = 2, repair = {n % 2 + 1} }}\n" for n in range(1, 9)
)
CLIENTS = 16
ROUNDS = 60


async def records_of(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        after = found[-1]["seq"] if found else 0
        page = (await client.get("/api/v1/records", params={"after": after, "limit": 1000})).json()
        if not page["records"]:
            return found
        found += page["records"]


async def behave(client: httpx.AsyncClient, seed: int, statuses: Counter[tuple[str, int]]) -> None:
    chance = random.Random(seed)
    mine: list[str] = []
    for _ in range(ROUNDS):
        counter = chance.randint(1, 8)
        act = chance.choice(
            ("take", "take", "call-next", "call-next", "start", "finish", "no-show", "ticket")
        )
        if act == "take":
            service = chance.choice(("payment", "business", "repair"))
            answer = await client.post("/api/v1/tickets", json={"service": service})
            mine.append(answer.json()["id"])
        elif act == "ticket" and mine:
            act = chance.choice(("hold", "resume", "cancel", "transfer"))
            body = {"service": chance.choice(("payment", "repair"))} if act == "transfer" else {}
            answer = await client.post(f"/api/v1/tickets/{chance.choice(mine)}/{act}", json=body)
        else:
            act = "call-next" if act == "ticket" else act
            answer = await client.post(f"/api/v1/counters/{counter}/{act}")
        statuses[act, answer.status_code] += 1


@pytest.mark.parametrize("seed", [20090401])
async def test_no_customer_is_called_twice_no_number_given_twice_nobody_lost(
    tmp_path: Path, seed: int
) -> None:
    statuses: Counter[tuple[str, int]] = Counter()
    async with started(tmp_path, EIGHT_COUNTERS) as hall, hall.client() as admin:
        for n in range(1, 9):
            assert (await admin.post(f"/api/v1/counters/{n}/open", json={"agent": f"a{n}"})).is_success
        async with trio.open_nursery() as nursery:
            for n in range(CLIENTS):

                async def one(seed: int) -> None:
                    async with hall.client() as client:
                        await behave(client, seed, statuses)

                nursery.start_soon(one, seed + n)
        records = await records_of(admin)
        tickets = (await admin.get("/api/v1/tickets?limit=1000")).json()
        assert await hall.stop() == 0
        assert hall.stderr == ""
    assert {status for _, status in statuses} <= {200, 201, 204, 409}
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))

    taken = [r["data"] for r in records if r["type"] == "ticket.taken"]
    assert len(taken) == statuses["take", 201] > 100
    assert len({(t["day"], t["number"]) for t in taken}) == len(taken), "a number was given twice"
    assert len({t["ticket"] for t in taken}) == len(taken)

    state: dict[str, str] = {}
    at: dict[int, str | None] = {}
    for record in records:
        kind, data = record["type"].split("."), record["data"]
        if kind[0] != "ticket":
            continue
        ticket, now = data["ticket"], kind[1]
        before = state.get(ticket)
        if now == "called":
            assert before in ("taken", "resumed", "transferred", "held"), (
                f"{ticket} was called while {before}"
            )
            assert at.get(data["counter"]) is None, "a counter called two"
            at[data["counter"]] = ticket
        elif before in ("called", "service_started", "recalled") and now != "service_started":
            at[next(c for c, t in at.items() if t == ticket)] = None
        state[ticket] = now
    calls = sum(r["type"] == "ticket.called" for r in records)
    assert calls == statuses["call-next", 200] > 50
    assert Counter(ticket["id"] for ticket in tickets) == Counter(state.keys()), "somebody was lost"
    shown = Counter(ticket["state"] for ticket in tickets)
    told = Counter(state.values())
    assert shown["finished"] == told["finished"] == statuses["finish", 200]
    assert shown["cancelled"] == told["cancelled"] == statuses["cancel", 200]
    assert shown["held"] == told["held"]
    assert shown["waiting"] == told["taken"] + told["resumed"] + told["transferred"]
    assert shown["called"] + shown["serving"] == sum(ticket is not None for ticket in at.values())
