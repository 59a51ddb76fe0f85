"""Two hundred customers over three channels race for fifty places while the hall is killed thrice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from tests.server.booking import day_of_appointments
from tests.system.process import Process, started, verified
from tests.system.test_crowd import records_of

CUSTOMERS = 200
PLACES = 50
SLOTS = 10
KILLS = 3
CHANNELS = ("web", "sms", "hotline")


class Customer:
    """One who asks, with a key, until there is an answer."""

    def __init__(self, number: int, at: str, until: str) -> None:
        self.number = number
        self.answer: httpx.Response | None = None
        channel = CHANNELS[number % 3]
        phone = f"139{number:08d}"
        self.body = {"service": "payment", "at": at, "until": until, "phone": phone, "channel": channel}

    async def ask(self, client: httpx.AsyncClient, answered: trio.MemorySendChannel[int]) -> None:
        key = {"Idempotency-Key": f"customer-{self.number}"}
        while self.answer is None:
            try:
                found = await client.post("/api/v1/appointments", json=self.body, headers=key)
            except httpx.TransportError:
                return  # the hall is gone: the same again when it is back
            if found.status_code == 503:
                await trio.sleep(0.1)
                continue
            self.answer = found
            await answered.send(self.number)


async def slots_of(hall: Process) -> list[str]:
    async with hall.client() as admin:
        query = {"service": "payment"}
        today = (await admin.get("/api/v1/appointments/slots", params=query)).json()
        calendar = (await admin.get("/api/v1/calendar")).json()
        tomorrow = {**query, "date": calendar[1]["date"]}
        slots = (await admin.get("/api/v1/appointments/slots", params=tomorrow)).json()["slots"]
        assert today["slots"] is not None
        return [slot["at"] for slot in slots]


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:Async generator 'httpx:ResourceWarning"
)  # of requests cut off by the kill
async def test_fifty_places_are_given_once_through_kills_and_retries(tmp_path: Path) -> None:
    """AP-01."""
    toml = day_of_appointments(capacity=PLACES // SLOTS)
    customers: list[Customer] = []
    for kill in range(KILLS + 1):
        async with started(tmp_path, toml) as hall:
            if not customers:
                slots = await slots_of(hall)
                customers = [Customer(n, slots[0], slots[SLOTS - 1]) for n in range(CUSTOMERS)]
            answered_in, answered_out = trio.open_memory_channel[int](CUSTOMERS)
            async with hall.client() as client, trio.open_nursery() as nursery:
                for customer in customers:
                    nursery.start_soon(customer.ask, client, answered_in)
                if kill < KILLS:
                    for _ in range(15):  # so many are sure of their answer before the end
                        await answered_out.receive()
                    await hall.kill()
            if kill == KILLS:
                async with hall.client() as admin:
                    records = await records_of(admin)
                assert await hall.stop() == 0
    booked = [customer.answer.json() for customer in customers if answered(customer, 201)]
    refused = [customer.answer.json() for customer in customers if answered(customer, 409)]
    assert (len(booked), len(refused)) == (PLACES, CUSTOMERS - PLACES)
    assert {problem["code"] for problem in refused} == {"slot_full"}
    assert len({view["code"] for view in booked}) == PLACES

    written: dict[str, dict[str, Any]] = {
        record["data"]["appointment"]: record["data"]
        for record in records
        if record["type"] == "appointment.booked"
    }
    assert written.keys() == {view["id"] for view in booked}, "acknowledged and written differ"
    taken = [data["slot"] for data in written.values()]
    assert all(taken.count(slot) == PLACES // SLOTS for slot in set(taken))
    await verified(tmp_path / "data")


def answered(customer: Customer, status: int) -> bool:
    assert customer.answer is not None, f"customer {customer.number} was never answered"
    return customer.answer.status_code == status
