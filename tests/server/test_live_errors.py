"""The live feed: who is let in, what ends a connection, and that nobody delays another."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import msgpack
import pytest
import trio
from websockets.exceptions import InvalidStatus
from websockets.trio.client import connect

from somc.journal.record import Record
from somc.server.fanout.listener import MOST_ANSWER_BYTES
from somc.server.wire import FORMATS
from tests.server.live_rig import JSON, MSGPACK, closed_with, live
from tests.server.rig import ORG, Running, running

both = pytest.mark.parametrize("protocol", [JSON, MSGPACK])


async def refused(hall: Running, token: str | None = None, query: str = "", **more: Any) -> dict[str, Any]:
    """The problem document with which the handshake was answered."""
    with pytest.raises(InvalidStatus) as caught:
        async with live(hall, token, query=query, **more):
            pass
    response = caught.value.response
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = json.loads(response.body or b"")
    assert problem["status"] == response.status_code
    if response.status_code == 401:
        assert response.headers["www-authenticate"] == "Bearer"
    return problem


# -- the handshake ---------------------------------------------------------------------------------


async def test_who_has_no_right_gets_an_answer_and_no_socket(hall: Running) -> None:
    assert (await refused(hall))["code"] == "not_signed_in"
    assert (await refused(hall, "nonsense"))["code"] == "bad_token"
    assert (await refused(hall, query="?ticket=nonsense"))["code"] == "bad_ticket"
    elsewhere = await hall.token("admin", scope="somc/other")
    assert (await refused(hall, elsewhere))["code"] == "other_hall"
    assert (await refused(hall, elsewhere))["status"] == 403
    assert not hall.node.app.feed.clients


async def test_a_cookie_opens_no_socket(hall: Running) -> None:
    answer = await hall.as_admin.post("/api/v1/sign-in-links", json={"subject": "x", "role": "admin"})
    browser = hall.client()
    await browser.get(answer.json()["path"])
    header = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    with pytest.raises(InvalidStatus):
        async with connect(
            hall.url.replace("http", "ws") + "/api/v1/ws", additional_headers={"cookie": header}, proxy=None
        ):
            pass
    ticket = (await browser.post("/api/v1/ws-ticket", headers={"X-SOMC": "1"})).json()["ticket"]
    async with live(hall, query=f"?ticket={ticket}") as client:
        assert client.told[0]["role"] == "admin"
    assert (await refused(hall, query=f"?ticket={ticket}"))["code"] == "bad_ticket"


async def test_an_unknown_subprotocol_is_refused_and_none_means_json(hall: Running) -> None:
    problem = await refused(hall, hall.admin, protocol="graphql-ws")
    assert (problem["status"], problem["code"]) == (400, "no_subprotocol")
    async with live(hall, hall.admin, protocol=None) as client:
        assert client.socket.subprotocol is None


@both
async def test_welcome_says_who_i_am(hall: Running, protocol: str) -> None:
    token = await hall.token("agent", subject="li")
    async with live(hall, token, protocol) as client:
        welcome = client.told[0]
        assert welcome["role"] == "agent"
        assert welcome["subject"] == "li"
        assert welcome["org"] == ORG
        assert welcome["speed"] == 1.0
        assert isinstance(welcome["now"], int)


# -- protocol errors -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "{",
            "[]",
            "17",
            "null",
            '"op"',
            "{}",
            '{"op":1}',
            '{"op":"dance"}',
            '{"op":"ping","topics":"a"}',
        ),
        *('{"op":"subscribe","topics":[1]}', '{"op":"command","args":[]}', '{"op":' + "[" * 50_000),
        *('{"op":"ping","id":{}}', '{"op":"ping","id":1.5}', '{"op":"command","key":1}', '{"op":"\\ud800"}'),
    ],
)
async def test_what_is_no_message_is_answered_and_ends_the_connection(hall: Running, text: str) -> None:
    async with live(hall, hall.admin) as client:
        await client.socket.send(text)
        reply = await client.op("reply")
        assert (reply["ok"], reply["error"]["status"]) == (False, 422)
        assert await closed_with(client) == 1002
    assert (await hall.as_admin.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\xc1", b"\x81\xa2op\xa4ping\x00", b"\x81\xa2op\xa1\xff", b"\x91" * 50_000, '{"op":"ping"}'),
        msgpack.packb([1]),
        msgpack.packb({"op": "ping", "id": b"x"}),
        msgpack.packb({"op": "ping", "id": msgpack.ExtType(5, b"x")}),
        msgpack.packb({"op": "subscribe", "topics": [b"#"]}),
    ],
)
async def test_what_is_no_msgpack_message_ends_the_connection(hall: Running, data: Any) -> None:
    async with live(hall, hall.admin, MSGPACK) as client:
        await client.socket.send(data)
        assert (await client.op("reply"))["ok"] is False
        assert await closed_with(client) == 1002


async def test_a_message_that_is_too_large_ends_the_connection(hall: Running) -> None:
    async with live(hall, hall.admin) as client:
        await client.socket.send("x" * 300_000)
        assert await closed_with(client) == 1009


async def test_the_end_of_the_hall_is_1012(tmp_path: Path) -> None:
    codes: list[int | None] = []
    opened = trio.Event()

    async with trio.open_nursery() as nursery:

        async def stay(hall: Running) -> None:
            async with live(hall, hall.admin) as client:
                opened.set()
                codes.append(await closed_with(client))

        async with running(tmp_path) as hall:
            nursery.start_soon(stay, hall)
            await opened.wait()
    assert codes == [1012]


# -- nobody delays another -------------------------------------------------------------------------


async def test_a_client_that_does_not_read_delays_nobody_else(hall: Running) -> None:
    """The deaf one is owed more than any buffer takes; the other hears of each ticket before the next."""
    for _ in range(150):
        await hall.take("business")
    host, port = hall.url.removeprefix("http://").split(":")
    deaf = trio.socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await deaf.connect((host, int(port)))
    asked = masked(b'{"op":"command","id":1,"name":"hall"}')
    handshake = (
        b"GET /api/v1/ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"authorization: Bearer " + hall.admin.encode() + b"\r\n\r\n"
    )
    await deaf.send(handshake + masked(b'{"op":"subscribe","id":1,"topics":["#"]}') + asked * 200)
    async with live(hall, hall.admin) as client:
        await client.subscribe()
        await client.op("snapshot")
        for _ in range(100):
            await hall.take("business")
            await client.records_through(hall.node.hall.journal.head)
        assert len(client.records()) == 100
        behind = [each for each in hall.node.app.feed.clients if each.behind]
        assert len(behind) == 1, "the deaf one is served: this test shows nothing"
        assert behind[0].buffered_bytes <= 2 * MOST_ANSWER_BYTES
    deaf.close()


def masked(payload: bytes) -> bytes:
    """A client's text frame; with the mask 0 the payload stays readable (RFC 6455, section 5.3)."""
    assert len(payload) < 126
    return bytes([0x81, 0x80 | len(payload)]) + b"\0\0\0\0" + payload


async def test_a_client_too_far_behind_is_given_a_snapshot_instead_of_all_it_missed(hall: Running) -> None:
    async with live(hall, hall.admin) as client:
        await client.subscribe()
        await client.op("snapshot")
        real = hall.node.hall.journal.recent_after
        moved = False

        def replaced(seq: int, limit: int = 500) -> list[Record] | None:
            nonlocal moved
            first, moved = not moved, True
            return None if first else real(seq, limit)

        hall.node.hall.journal.recent_after = replaced  # type: ignore[method-assign]  # a ring that has moved on
        await hall.take()
        assert "too slow" in (await client.op("resync"))["reason"]
        assert (await client.op("snapshot"))["seq"] == hall.node.hall.journal.head
        assert hall.node.app.feed.hub.counts.resyncs == 1


async def test_a_record_that_cannot_be_told_costs_a_snapshot_and_not_the_hall(
    hall: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = FORMATS[JSON]
    real, bad = wire.record, hall.node.hall.journal.head + 2

    def record(value: Record) -> bytes:
        if value.seq == bad:
            raise OverflowError("no integer of this format")
        return real(value)

    monkeypatch.setattr(wire, "record", record)
    async with live(hall, hall.admin) as client, live(hall, hall.admin, MSGPACK) as other:
        for each in (client, other):
            await each.subscribe()
            epoch = (await each.op("snapshot"))["epoch"]
        for _ in range(3):
            await hall.take()
        assert "cannot be told" in (await client.op("resync"))["reason"]
        assert (await client.op("snapshot"))["seq"] >= bad
        assert bad in [record["seq"] for record in await other.records_through(bad)]
        await hall.take()
        await client.records_through(hall.node.hall.journal.head)
    async with live(hall, hall.admin) as client:  # who has missed it, too
        await client.subscribe(after={"epoch": epoch, "seq": bad - 2})
        await client.op("resync")
        await client.op("snapshot")
        assert [record["seq"] for record in client.records()] == [bad - 1]
        assert {m["through"] for m in client.told if m["op"] == "records"} == {bad - 1}


async def test_whoever_comes_when_nobody_looked_is_not_told_old_figures(hall: Running) -> None:
    async with live(hall, hall.admin) as client:
        await client.subscribe()
        await hall.take()
        assert (await client.until(lambda m: m["op"] == "figures"))["figures"]["today"]["taken"] == 1
    for _ in range(3):
        await hall.take()
    async with live(hall, hall.admin) as client:
        await client.subscribe()
        assert (await client.op("snapshot"))["state"]["today"]["taken"] == 4
        assert (await client.op("figures"))["figures"]["today"]["taken"] == 4
