"""The live feed as its clients see it: snapshot, records, resume, topics, commands."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from somc.domain import commands as c
from somc.server.views import rfc3339
from tests.server.live_rig import JSON, MSGPACK, closed_with, live
from tests.server.rig import ORG, Running, running

both = pytest.mark.parametrize("protocol", [JSON, MSGPACK])


# -- snapshot and records --------------------------------------------------------------------------


@both
async def test_the_snapshot_is_the_hall_as_http_shows_it(hall: Running, protocol: str) -> None:
    await hall.take(phone="13800138000")
    await hall.take("business")
    await hall.open_counter(2)
    await hall.at(2, "call-next")
    async with live(hall, hall.admin, protocol) as client:
        await client.subscribe()
        snapshot = await client.op("snapshot")
        by_http = (await hall.as_admin.get("/api/v1/hall")).json()
        assert snapshot["seq"] == snapshot["state"]["seq"] == by_http["seq"]
        assert snapshot["epoch"] == snapshot["state"]["epoch"] == by_http["epoch"]
        state = rfc3339(snapshot["state"], hall.node.hall.state.zone)
        for view in (state, by_http):
            del view["now"]
            for ticket in view["tickets"]:
                del ticket["waited_s"]  # grows between the two
        assert state == by_http


@both
async def test_records_follow_the_snapshot_once_and_in_order(hall: Running, protocol: str) -> None:
    await hall.take()
    async with live(hall, hall.admin, protocol) as client:
        await client.subscribe()
        seq = (await client.op("snapshot"))["seq"]
        for _ in range(30):
            await hall.take("business")
        head = hall.node.hall.journal.head
        records = await client.records_through(head)
        assert [record["seq"] for record in records] == list(range(seq + 1, head + 1))
        by_http = (await hall.as_admin.get(f"/api/v1/records?after={seq}")).json()["records"]
        assert records == by_http


@both
async def test_who_comes_back_gets_exactly_what_was_missed(hall: Running, protocol: str) -> None:
    async with live(hall, hall.admin, protocol) as client:
        await client.subscribe()
        snapshot = await client.op("snapshot")
    for _ in range(7):
        await hall.take()
    head = hall.node.hall.journal.head
    async with live(hall, hall.admin, protocol) as client:
        await client.subscribe(after={"epoch": snapshot["epoch"], "seq": snapshot["seq"]})
        records = await client.records_through(head)
        assert [record["seq"] for record in records] == list(range(snapshot["seq"] + 1, head + 1))
        assert not [m for m in client.told if m["op"] in ("snapshot", "resync")]
        await hall.take()
        more = await client.records_through(head + 1)
        assert more[-1]["seq"] == head + 1


async def test_a_position_survives_a_restart_of_the_hall(tmp_path: Path) -> None:
    async with running(tmp_path) as hall:
        async with live(hall, hall.admin) as client:
            await client.subscribe()
            snapshot = await client.op("snapshot")
        await hall.take()
    async with running(tmp_path) as hall:
        await hall.take()
        head = hall.node.hall.journal.head
        async with live(hall, hall.admin) as client:
            await client.subscribe(after={"epoch": snapshot["epoch"], "seq": snapshot["seq"]})
            records = await client.records_through(head)
            assert [record["seq"] for record in records] == list(range(snapshot["seq"] + 1, head + 1))


@pytest.mark.parametrize(
    "after",
    [
        {"epoch": "e-other", "seq": 1},
        {"epoch": None, "seq": None},
        {},
        {"epoch": "OWN", "seq": -1},
        {"epoch": "OWN", "seq": 10**6},
        {"epoch": "OWN", "seq": "1"},
        {"epoch": "OWN", "seq": 10**30},
        {"epoch": "OWN", "seq": 1.5},
        {"epoch": "OWN"},
    ],
)
async def test_a_position_that_cannot_be_is_answered_by_a_new_snapshot(
    hall: Running, after: dict[str, Any]
) -> None:
    if after.get("epoch") == "OWN":
        after = {**after, "epoch": hall.node.hall.journal.epoch}
    async with live(hall, hall.admin) as client:
        await client.subscribe(after=after)
        assert (await client.op("resync"))["reason"]
        snapshot = await client.hear()
        assert snapshot["op"] == "snapshot"
        assert snapshot["seq"] == hall.node.hall.journal.head


async def test_a_position_too_far_back_is_answered_by_a_new_snapshot(hall: Running) -> None:
    hall.node.hall.journal.recent_after = lambda seq, limit=500: None if seq < 3 else []  # type: ignore[method-assign]  # a ring that has moved on
    await hall.take()
    async with live(hall, hall.admin) as client:
        await client.subscribe(after={"epoch": hall.node.hall.journal.epoch, "seq": 0})
        assert (await client.op("resync"))["reason"] == "too far back"


@pytest.mark.parametrize("ahead", [1, 10**15])
async def test_a_position_beyond_the_end_is_called_so(hall: Running, ahead: int) -> None:
    journal = hall.node.hall.journal
    async with live(hall, hall.admin) as client:
        await client.subscribe(after={"epoch": journal.epoch, "seq": journal.head + ahead})
        assert (await client.op("resync"))["reason"] == "beyond this journal's end"
        assert (await client.op("snapshot"))["seq"] == journal.head


async def test_the_first_snapshot_is_no_resync(hall: Running) -> None:
    async with live(hall, hall.admin) as client:
        await client.subscribe()
        await client.op("snapshot")
        assert "resync" not in [message["op"] for message in client.told]
        assert hall.node.app.feed.hub.counts.resyncs == 0


# -- topics ----------------------------------------------------------------------------------------


EVERYTHING = {"ticket.taken", "counter.opened", "ticket.called", "counter.configured"}
CHOSEN: list[tuple[list[str], set[str]]] = [
    (["#"], EVERYTHING),
    ([f"{ORG}/#"], EVERYTHING),
    (["+/#"], EVERYTHING),
    (["somc/+/+/+/ticket/+"], {"ticket.taken", "ticket.called"}),
    ([f"{ORG}/counter/#"], {"counter.opened", "counter.configured"}),
    ([f"{ORG}/counter/2"], {"counter.configured"}),
    ([f"{ORG}/counter/1", f"{ORG}/ticket/#"], {"ticket.taken", "counter.opened", "ticket.called"}),
    (["somc/+/+/+/+"], set()),
    (["somc/shoudu/haidian/#"], set()),
]
"""Topics, and the types of the records that they let through."""


async def test_topics_choose_records(hall: Running) -> None:
    async with AsyncExitStack() as stack:
        clients = []
        for topics, _ in CHOSEN:
            client = await stack.enter_async_context(live(hall, hall.admin))
            await client.subscribe(*topics)
            await client.op("snapshot")
            clients.append(client)
        await hall.take()
        await hall.open_counter(1)
        await hall.at(1, "call-next")
        await hall.as_admin.patch("/api/v1/counters/2", json={"skills": {"payment": 1}})
        head = hall.node.hall.journal.head
        for client, (topics, seen) in zip(clients, CHOSEN, strict=True):
            # The figures come after every record that they count, whether it was told or not.
            await client.until(lambda m: m["op"] == "figures" and m["seq"] >= head)
            assert {record["type"] for record in client.records()} == seen, topics


@pytest.mark.parametrize(
    "topic", ["", "a//b", "/", "#/a", "a/#/b", "a#", "+a", "a/b+", "x" * 600, "a/" * 20 + "a"]
)
async def test_what_is_no_topic_is_refused_and_the_socket_stays(hall: Running, topic: str) -> None:
    async with live(hall, hall.admin) as client:
        reply = await client.subscribe(f"{ORG}/#", topic)
        assert (reply["ok"], reply["error"]["status"]) == (False, 422)
        assert "topics" in reply["error"]["fields"]
        assert (await client.subscribe())["result"] == {"topics": ["#"]}


async def test_unsubscribed_topics_are_told_no_more(hall: Running) -> None:
    async with live(hall, hall.admin) as client:
        await client.subscribe(f"{ORG}/ticket/#", f"{ORG}/counter/#")
        await client.op("snapshot")
        reply = await client.ask("unsubscribe", topics=[f"{ORG}/ticket/#", "never/there"])
        assert reply["result"] == {"topics": [f"{ORG}/counter/#"]}
        await hall.take()
        await hall.open_counter(1)
        await client.records_through(hall.node.hall.journal.head)
        assert [record["type"] for record in client.records()] == ["counter.opened"]


async def test_too_many_topics_end_the_connection(hall: Running) -> None:
    async with live(hall, hall.admin) as client:
        await client.say("subscribe", id=1, topics=[f"a/{n}" for n in range(65)])
        assert (await client.op("reply"))["error"]["code"] == "too_many_topics"
        assert await closed_with(client) == 1008


@pytest.mark.parametrize("role", ["kiosk", "display"])
async def test_the_publics_screens_see_tickets_counters_and_days_only(hall: Running, role: str) -> None:
    secret = "what the manager changed"
    async with live(hall, await hall.token(role)) as client:
        await client.subscribe("#")
        await client.op("snapshot")
        door = hall.node.hall
        for command in (
            c.ChangeConfig(by="admin", changes={"hall.max_recalls": 2}),
            c.ReportDevice(by=secret, device="printer", status="offline", detail=secret),
        ):
            await door.submit(command, lambda state, events, now: None)
        assert (await client.op("resync"))["reason"] == "settings changed"
        await client.op("snapshot")
        await hall.take()
        records = await client.records_through(door.journal.head)
        assert [record["type"] for record in records] == ["ticket.taken"]
        assert secret not in json.dumps([m for m in client.told if m["op"] == "records"])
    async with live(hall, await hall.token("manager")) as client:
        await client.subscribe("#", after={"epoch": door.journal.epoch, "seq": 2})
        records = await client.records_through(door.journal.head)
        told = [record["type"] for record in records if record["type"] != "access.granted"]
        assert told == ["config.changed", "device.status", "ticket.taken"]


async def test_a_display_cannot_command_and_a_kiosk_takes_tickets(hall: Running) -> None:
    async with live(hall, await hall.token("display")) as client:
        reply = await client.command("tickets.take", service="payment")
        assert (reply["ok"], reply["error"]["status"], reply["error"]["code"]) == (False, 403, "no_right")
        assert (await client.command("hall"))["ok"]
        assert (await client.command("queue.preview", counter=1))["error"]["status"] == 403
    async with live(hall, await hall.token("kiosk")) as client:
        assert (await client.command("tickets.take", service="payment"))["result"]["number"] == "A001"


# -- commands --------------------------------------------------------------------------------------


@both
async def test_the_policy_is_read_changed_and_rolled_back_live(hall: Running, protocol: str) -> None:
    async with live(hall, hall.admin, protocol) as client:
        change = {"kind": "gcmu", "classes": {"gotone": {"weight": 0.25}}}
        changed = await client.command("policy.change", **change)
        assert changed["ok"], changed
        assert (changed["result"]["kind"], changed["result"]["version"]) == ("gcmu", 2)
        assert isinstance(changed["result"]["since"], int)
        refused = await client.command("policy.change", classes={"gotone": {"weight": 0}})
        assert refused["error"]["fields"].keys() == {"classes.gotone.weight"}
        back = await client.command("policy.rollback", version=1)
        assert back["result"]["kind"] == "accumulating"
        assert (await client.command("policy"))["result"] == back["result"]
        told = (await client.command("policy.history", limit=2))["result"]["versions"]
        assert [each["version"] for each in told] == [3, 2]
    async with live(hall, await hall.token("agent"), protocol) as client:
        assert (await client.command("policy.change", kind="fifo"))["error"]["status"] == 403


@both
async def test_a_command_is_answered_as_by_http(hall: Running, protocol: str) -> None:
    async with live(hall, hall.admin, protocol) as client:
        reply = await client.command("tickets.take", id="mine", service="payment", phone="13800138000")
        assert (reply["id"], reply["ok"]) == ("mine", True)
        ticket = reply["result"]
        assert (ticket["number"], ticket["customer_class"]) == ("A001", "gotone")
        assert isinstance(ticket["taken_at"], int)
        assert (await client.command("counters.open", counter=1, agent="li"))["result"]["state"] == "open"
        called = (await client.command("counters.call_next", counter=1))["result"]
        assert called["ticket"]["id"] == ticket["id"]
        assert called["ticket"]["phone"] is None
        await client.command("counters.start", counter=1)
        assert (await client.command("counters.finish", counter=1, outcome="ok"))["result"]["ticket"] is None
        assert (await client.command("counters.call_next", counter=1))["result"] is None
        assert (await client.command("queue.preview", counter=1))["result"]["tickets"] == []


@both
async def test_an_error_over_the_socket_is_the_problem_document(hall: Running, protocol: str) -> None:
    async with live(hall, hall.admin, protocol) as client:
        for name, args, status, code in (
            ("counters.call_next", {"counter": 1}, 409, "counter_closed"),
            ("counters.call_next", {"counter": 99}, 404, "unknown_counter"),
            ("counters.call_next", {"counter": "x"}, 422, "wrong_input"),
            ("counters.call_next", {}, 422, "wrong_input"),
            ("tickets.take", {"service": "x"}, 422, "unknown_service"),
            ("tickets.take", {"service": "payment", "phone": "x"}, 422, "bad_phone"),
            ("queue.preview", {"counter": 99}, 404, "unknown_counter"),
            ("records", {}, 404, "unknown_command"),
            ("nothing", {}, 404, "unknown_command"),
            ("", {}, 404, "unknown_command"),
        ):
            error = (await client.command(name, **args))["error"]
            assert (error["status"], error["code"]) == (status, code), name
            assert error["title"]
            assert error["detail"]
        conflict = (await client.command("counters.start", counter=1))["error"]
        assert set(conflict["words"]) == {"zh", "en"}
        assert (await client.command("tickets.take", key="", service="payment"))["error"]["status"] == 422
        assert (await client.command("tickets.take", key="k" * 201, service="payment"))["error"][
            "status"
        ] == 422


async def test_a_key_is_the_same_by_socket_and_by_http(hall: Running) -> None:
    body = {"service": "payment", "channel": "kiosk"}
    async with live(hall, hall.admin) as client:
        first = (await client.command("tickets.take", key="k", **body))["result"]
        again = (await client.command("tickets.take", key="k", **body))["result"]
        assert again == first
        error = (await client.command("tickets.take", key="k", service="repair"))["error"]
        assert (error["status"], error["code"]) == (422, "idempotency_conflict")
    by_http = await hall.as_admin.post("/api/v1/tickets", json=body, headers={"Idempotency-Key": "k"})
    assert (by_http.status_code, by_http.json()["id"]) == (201, first["id"])
    assert sum(record["type"] == "ticket.taken" for record in await hall.records()) == 1


@both
async def test_ping_is_answered(hall: Running, protocol: str) -> None:
    async with live(hall, hall.admin, protocol) as client:
        await client.say("ping")
        assert isinstance((await client.op("pong"))["now"], int)
        pong = await client.socket.ping()
        await pong.wait()


async def test_unknown_fields_are_ignored(hall: Running) -> None:
    async with live(hall, hall.admin) as client:
        await client.say("ping", later_version={"a": [1]})
        await client.op("pong")
        reply = await client.command("tickets.take", service="payment", favourite_colour="red")
        assert reply["ok"]
