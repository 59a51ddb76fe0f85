"""The Python client against a real hall: live line, commands, HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from somc.client import (
    ClientSettings,
    HallRefused,
    HallUnreachable,
    NotAdmitted,
    Position,
    Record,
    Resync,
    Snapshot,
    open_client,
    open_http,
    ticket_by,
)
from somc.errors import UsageError
from tests.server.rig import ORG, PATIENCE_S, Running, running

QUICK = ClientSettings(first_backoff_s=0.01, most_backoff_s=0.05)
both = pytest.mark.parametrize("encoding", ["msgpack", "json"])


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as found:
        yield found


async def take(reader: Any, count: int) -> list[Any]:
    with trio.fail_after(PATIENCE_S):
        return [await anext(reader) for _ in range(count)]


@both
async def test_a_snapshot_and_then_every_record(hall: Running, encoding: str) -> None:
    await hall.take()
    async with open_client(hall.url, token=hall.admin, encoding=encoding) as client:
        assert client.welcome is not None
        assert (client.welcome.role, client.welcome.org) == ("admin", ORG)
        (snapshot,) = await take(client.snapshots(), 1)
        assert isinstance(snapshot, Snapshot)
        assert [ticket.number for ticket in snapshot.state.tickets] == ["A001"]
        assert snapshot.state.services[0].name.zh == "缴费"
        for _ in range(5):
            await hall.take()
        records = await take(client.records(), 5)
        assert [record.seq for record in records] == [snapshot.seq + n for n in range(1, 6)]
        assert {record.type for record in records} == {"ticket.taken"}
        assert client.position == Position(snapshot.epoch, snapshot.seq + 5)
        assert abs(client.now_ms() - hall.node.hall.now()) < PATIENCE_S * 1000


@both
async def test_a_command_has_its_result_or_the_halls_words(hall: Running, encoding: str) -> None:
    async with open_client(hall.url, token=hall.admin, encoding=encoding, topics=()) as client:
        args = {"service": "payment", "channel": "kiosk"}
        ticket = await client.command("tickets.take", args, key="k1")
        assert ticket["number"] == "A001"
        assert (await client.command("tickets.take", args, key="k1"))["id"] == ticket["id"]
        with pytest.raises(HallRefused) as refused:
            await client.command("counters.call_next", {"counter": 1})
        assert (refused.value.status, refused.value.code) == (409, "counter_closed")
        assert set(refused.value.words) == {"zh", "en"}


async def test_a_ticket_for_each_line_as_browsers_have_it(hall: Running) -> None:
    ticket = ticket_by(hall.url, hall.admin)
    async with open_client(hall.url, ticket=ticket, settings=QUICK) as client:
        await take(client.snapshots(), 1)


async def test_topics_choose_and_change_while_the_line_stands(hall: Running) -> None:
    async with open_client(hall.url, token=hall.admin, topics=[f"{ORG}/ticket/#"]) as client:
        await take(client.snapshots(), 1)
        await hall.open_counter(1)
        await hall.take()
        assert [r.type for r in await take(client.records(), 1)] == ["ticket.taken"]
        await client.subscribe("+/+/+/+/counter/+")
        await hall.at(1, "pause", reason="tea")
        assert [r.type for r in await take(client.records(), 1)] == ["counter.paused"]
        await client.unsubscribe(f"{ORG}/ticket/#")
        await hall.take()
        await hall.at(1, "resume")
        assert [r.type for r in await take(client.records(), 1)] == ["counter.resumed"]


async def test_a_topic_that_is_refused_is_told_and_the_rest_goes_on(hall: Running) -> None:
    token = await hall.token("agent", scope=ORG)
    async with open_client(hall.url, token=token, topics=[f"{ORG}/ticket/#"]) as client:
        await take(client.snapshots(), 1)
        with pytest.raises(NotAdmitted, match="403"):
            await client.subscribe("another/company/#")
        assert client.topics == (f"{ORG}/ticket/#",)
        await client.subscribe(f"{ORG}/counter/#")
        with pytest.raises(UsageError, match="no topic"):
            await client.subscribe("a//b")
        await hall.take()
        await hall.open_counter(1)
        assert [r.type for r in await take(client.records(), 2)] == ["ticket.taken", "counter.opened"]


async def test_a_token_that_ends_ends_the_client(hall: Running) -> None:
    token = await hall.token("display")
    async with open_client(hall.url, token=token, settings=QUICK) as client:
        await take(client.snapshots(), 1)
        revoked = await hall.as_admin.post("/api/v1/tokens/revoke", json={"token": token})
        assert revoked.status_code == 204
        with pytest.raises(NotAdmitted, match="401"):
            await take(client.records(), 1)
        with pytest.raises(NotAdmitted, match="401"):
            await client.command("hall")


async def test_two_tasks_that_read_at_once_are_a_mistake(hall: Running) -> None:
    async with open_client(hall.url, token=hall.admin) as client, trio.open_nursery() as nursery:
        await take(client.snapshots(), 1)
        nursery.start_soon(anext, client.records())
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(UsageError, match="one at a time"):
            await anext(client.records())
        nursery.cancel_scope.cancel()


async def test_it_goes_on_where_it_stood(hall: Running) -> None:
    async with open_client(hall.url, token=hall.admin) as client:
        await take(client.snapshots(), 1)
        where = client.position
    assert where is not None
    for _ in range(3):
        await hall.take()
    async with open_client(hall.url, token=hall.admin, after=where) as client:
        first = await take(client.messages(), 1)
        assert isinstance(first[0], Record)
        assert [r.seq for r in first + await take(client.records(), 2)] == [where.seq + n for n in (1, 2, 3)]


async def test_another_epoch_is_a_resync_and_a_snapshot(hall: Running) -> None:
    await hall.take()
    async with open_client(hall.url, token=hall.admin, after=Position("another", 1)) as client:
        resync, snapshot = await take(client.messages(), 2)
        assert resync == Resync("another epoch")
        assert isinstance(snapshot, Snapshot)


@pytest.mark.parametrize(("role", "status"), [(None, 401), ("agent", 403)])
async def test_no_right_is_raised_at_once(hall: Running, role: str | None, status: int) -> None:
    token = "unknown" if role is None else await hall.token(role, scope="somc/elsewhere")
    with pytest.raises(NotAdmitted) as refused:
        async with open_client(hall.url, token=token):
            raise AssertionError("it opened")
    assert refused.value.status == status
    with pytest.raises(NotAdmitted):
        async with open_client(hall.url, ticket=ticket_by(hall.url, token)):
            raise AssertionError("it opened")


async def test_nobody_at_the_address_is_said_in_time() -> None:
    with pytest.raises(HallUnreachable, match="http://127"):
        async with open_client("http://127.0.0.1:9", token="t", connect_within_s=0.3):
            raise AssertionError("it opened")


async def test_a_wrong_path_is_no_hall(hall: Running) -> None:
    with pytest.raises(HallUnreachable, match="404"):
        async with open_client(f"{hall.url}/elsewhere", token=hall.admin):
            raise AssertionError("it opened")


async def test_what_the_program_raises_is_not_wrapped(hall: Running) -> None:
    with pytest.raises(ZeroDivisionError):
        async with open_client(hall.url, token=hall.admin):
            _ = 1 / 0


async def test_http_speaks_json_and_raises_problems(hall: Running) -> None:
    async with open_http(hall.url, token=hall.admin) as http:
        ticket = await http.post("/tickets", {"service": "payment", "channel": "kiosk"}, key="k")
        assert (await http.post("/tickets", {"service": "payment", "channel": "kiosk"}, key="k")) == ticket
        assert (await http.get(f"/tickets/{ticket['id']}"))["number"] == "A001"
        assert len(await http.get("/tickets", {"service": "payment", "state": None})) == 1
        assert (await http.get("/healthz"))["status"] == "alive"
        with pytest.raises(HallRefused) as refused:
            await http.post("/tickets", {"service": "none", "channel": "kiosk"})
        assert (refused.value.status, refused.value.code) == (422, "unknown_service")
        await http.post("/counters/1/open", {"agent": "li"})
        assert (await http.post("/counters/1/call-next"))["ticket"]["id"] == ticket["id"]
        await http.post("/counters/1/start")
        await http.post("/counters/1/finish", {})
        assert await http.post("/counters/1/call-next") is None
    async with open_http(hall.url, token="unknown") as http:
        with pytest.raises(NotAdmitted):
            await http.get("/hall")
    async with open_http("http://127.0.0.1:9") as http:
        with pytest.raises(HallUnreachable):
            await http.get("/hall")


async def test_http_survives_a_hall_that_was_started_anew(tmp_path: Path) -> None:
    async with running(tmp_path) as hall, open_http(hall.url, token=hall.admin) as http:
        await http.get("/hall")
        assert http._stream is not None
        # As a hall that closed the kept connection a moment ago.
        await trio.aclose_forcefully(http._stream)
        assert (await http.get("/hall"))["org"] == ORG
