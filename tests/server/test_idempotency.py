"""The same idempotency key: the same answer, one effect, whichever way and however often it comes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import trio

from somc.server.acts import BY_NAME
from tests.server.rig import HALL, Running, is_problem, running

TICKETS = "/api/v1/tickets"
TAKE = {"service": "payment", "channel": "kiosk"}
KEY = "Idempotency-Key"


async def post(client: httpx.AsyncClient, url: str, key: str, body: Any = None) -> httpx.Response:
    return await client.post(url, headers={KEY: key}, json={} if body is None else body)


async def taken(hall: Running) -> int:
    return sum(record["type"] == "ticket.taken" for record in await hall.records())


async def test_the_same_key_gives_the_same_answer_and_one_effect(hall: Running) -> None:
    first = await post(hall.as_admin, TICKETS, "k1", TAKE)
    for _ in range(3):
        again = await post(hall.as_admin, TICKETS, "k1", TAKE)
        assert (again.status_code, again.json()) == (201, first.json())
    assert await taken(hall) == 1


async def test_a_body_that_means_the_same_is_the_same_however_it_is_written(hall: Running) -> None:
    first = await post(hall.as_admin, TICKETS, "k", TAKE)
    spaced = b'{ "channel" : "kiosk",\n "service":"\\u0070ayment", "unknown": 1 }'
    again = await hall.as_admin.post(TICKETS, headers={KEY: "k"}, content=spaced)
    assert again.json() == first.json()
    await hall.as_admin.patch(
        "/api/v1/counters/2", headers={KEY: "s"}, content=b'{"skills":{"payment":1,"repair":2}}'
    )
    answer = await hall.as_admin.patch(
        "/api/v1/counters/2", headers={KEY: "s"}, content=b'{"skills":{"repair":2,"payment":1}}'
    )
    assert answer.status_code == 200
    assert sum(record["type"] == "counter.configured" for record in await hall.records()) == 1


async def test_the_same_key_with_another_body_is_422_and_has_no_effect(hall: Running) -> None:
    await post(hall.as_admin, TICKETS, "k1", TAKE)
    is_problem(await post(hall.as_admin, TICKETS, "k1", {"service": "repair"}), 422, "idempotency_conflict")
    assert await taken(hall) == 1


async def test_a_key_of_another_principal_route_or_counter_is_another_key(hall: Running) -> None:
    kiosk = await hall.as_role("kiosk")
    other = await hall.as_role("kiosk", subject="kiosk-2")
    numbers = [
        (await post(who, TICKETS, "k", TAKE)).json()["number"] for who in (hall.as_admin, kiosk, other)
    ]
    assert numbers == ["A001", "A002", "A003"]
    for counter in (1, 2):
        answer = await post(hall.as_admin, f"/api/v1/counters/{counter}/open", "k", {"agent": f"a{counter}"})
        assert answer.json()["number"] == counter
    called = [(await post(hall.as_admin, f"/api/v1/counters/{n}/call-next", "k")).json() for n in (1, 2)]
    assert [each["ticket"]["number"] for each in called] == ["A001", "A002"]


@pytest.mark.parametrize("act", ["cancel", "hold", "print", "transfer"])
async def test_every_act_on_a_ticket_is_repeatable_by_key(hall: Running, act: str) -> None:
    ticket = (await hall.take())["id"]
    body = {"service": "business"} if act == "transfer" else {}
    first = await post(hall.as_admin, f"{TICKETS}/{ticket}/{act}", "k", body)
    head = hall.node.hall.journal.head
    again = await post(hall.as_admin, f"{TICKETS}/{ticket}/{act}", "k", body)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert hall.node.hall.journal.head == head


async def test_twenty_at_once_with_one_key_have_one_effect_and_one_answer(hall: Running) -> None:
    answers: list[Any] = []

    async def ask() -> None:
        answers.append(await post(hall.as_admin, TICKETS, "k", TAKE))

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(ask)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await taken(hall) == 1


async def test_at_once_with_one_key_and_two_bodies_one_of_them_is_refused(hall: Running) -> None:
    answers: list[httpx.Response] = []

    async def ask(service: str) -> None:
        answers.append(await post(hall.as_admin, TICKETS, "k", {"service": service}))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(ask, "payment")
            nursery.start_soon(ask, "repair")
    won = {answer.json()["service"] for answer in answers if answer.status_code == 201}
    assert len(won) == 1
    assert sum(answer.status_code == 422 for answer in answers) == 5
    assert await taken(hall) == 1


async def test_nobody_to_call_is_not_remembered(hall: Running) -> None:
    await hall.open_counter(1)
    empty = await post(hall.as_admin, "/api/v1/counters/1/call-next", "k")
    assert (empty.status_code, empty.content) == (204, b"")
    ticket = await hall.take()
    called = await post(hall.as_admin, "/api/v1/counters/1/call-next", "k")
    assert called.json()["ticket"]["id"] == ticket["id"]
    again = await post(hall.as_admin, "/api/v1/counters/1/call-next", "k")
    assert again.json() == called.json()


async def test_a_refusal_is_not_remembered(hall: Running) -> None:
    await hall.take()
    is_problem(await post(hall.as_admin, "/api/v1/counters/1/call-next", "k"), 409, "counter_closed")
    await hall.open_counter(1)
    assert (await post(hall.as_admin, "/api/v1/counters/1/call-next", "k")).status_code == 200


async def test_a_key_is_remembered_across_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as hall:
        first = await post(hall.as_admin, TICKETS, "k1", TAKE)
        head = hall.node.hall.journal.head
    async with running(tmp_path) as hall:
        again = await post(hall.as_admin, TICKETS, "k1", TAKE)
        assert (again.status_code, again.json()) == (201, first.json())
        is_problem(await post(hall.as_admin, TICKETS, "k1", {"service": "repair"}), 422)
        assert hall.node.hall.journal.head == head
        assert (await post(hall.as_admin, TICKETS, "k2", TAKE)).json()["number"] == "A002"


@pytest.mark.parametrize("key", ["", "x" * 201])
async def test_a_key_that_is_none_is_422(hall: Running, key: str) -> None:
    problem = is_problem(await post(hall.as_admin, TICKETS, key, TAKE), 422, "wrong_input")
    assert list(problem["fields"]) == ["Idempotency-Key"]


async def test_a_key_may_hold_any_visible_character(hall: Running) -> None:
    for key in ("x" * 200, "';--", "a b", "%00", "{}"):
        assert (await post(hall.as_admin, TICKETS, key, TAKE)).status_code == 201


async def test_what_is_remembered_holds_no_phone(tmp_path: Path) -> None:
    phone = "13800138000"
    async with running(tmp_path, HALL) as hall:
        await post(hall.as_admin, TICKETS, "k", {**TAKE, "phone": phone})
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    for secret in (phone, hashlib.sha256(phone.encode()).hexdigest()):
        assert secret.encode() not in stored


async def test_what_is_remembered_cannot_be_found_by_trying_phones(tmp_path: Path) -> None:
    body = {**TAKE, "phone": "13800138000"}
    remembered = []
    for folder in ("one", "other"):
        async with running(tmp_path / folder, HALL) as hall:
            await post(hall.as_admin, TICKETS, "k", body)
            stored = await hall.node.hall.journal.answer_for("admin:admin", "tickets.take:", "k")
            assert stored is not None
            remembered.append(stored.body_digest)
    meant = msgspec.convert(body, BY_NAME["tickets.take"].body)
    plain = msgspec.json.encode(meant, order="deterministic")
    assert remembered[0] not in (
        hashlib.sha256(plain).digest(),
        hashlib.blake2b(plain, digest_size=32).digest(),
    )
    assert remembered[0] != remembered[1], "the digest depends on nothing but the body: it can be tried"
