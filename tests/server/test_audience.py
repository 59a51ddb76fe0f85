"""What the public's screens, staff and the centre learn of the people in a hall."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
import trio

from somc.domain import commands as c
from somc.server.answers import ANSWERS
from somc.server.fanout.hub import SETTINGS
from somc.server.wire import JsonWire
from tests.server.live_rig import JSON, MSGPACK, Client, live
from tests.server.rig import GOTONE_PHONE, Running

BASE = "/api/v1"
AGENT, LUNCH, TEA, GAVE_UP, SOLD = "Li Xiuying", "insulin at noon", "looks ill", "cannot pay", "bad debtor"
SECRETS = (AGENT, LUNCH, TEA, GAVE_UP, SOLD, "admin:", '"person"', '"by"', '"candidates"', '"score": 1')
"""What nobody outside the desks needs to know: names, reasons (of calls too), outcomes, who pressed, who the
customer is."""

PUBLIC = ("kiosk", "display")


async def a_day(hall: Running) -> str:
    """Something of every field that is not the public's; ends with that ticket called."""
    tickets: list[str] = [(await hall.take(phone=GOTONE_PHONE))["id"] for _ in range(4)]
    await hall.at(1, "open", agent=AGENT)
    await hall.at(1, "call", ticket=tickets[0])
    await hall.at(1, "start")
    await hall.at(1, "finish", outcome=SOLD)
    rated = await hall.as_admin.post(f"{BASE}/tickets/{tickets[0]}/rate", json={"score": 1, "source": "sms"})
    assert rated.status_code == 200
    for act, ticket, reason in (("hold", tickets[1], TEA), ("cancel", tickets[2], GAVE_UP)):
        answer = await hall.as_admin.post(f"{BASE}/tickets/{ticket}/{act}", json={"reason": reason})
        assert answer.status_code == 200
    await hall.at(1, "call", ticket=tickets[3])
    await hall.at(1, "pause", reason=LUNCH)
    return tickets[0]


def told_by(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize("protocol", [JSON, MSGPACK])
@pytest.mark.parametrize("role", PUBLIC)
async def test_the_publics_screens_learn_nothing_of_people_by_the_feed(
    hall: Running, role: str, protocol: str
) -> None:
    journal = hall.node.hall.journal
    async with live(hall, await hall.token(role), protocol) as client:
        await client.subscribe()
        await client.op("snapshot")
        finished = await a_day(hall)
        records = await client.records_through(journal.head)
        await client.command("hall")
        # Everything they need to draw the hall is still there.
        called = [record["data"] for record in records if record["type"] == "ticket.called"]
        assert all(data["number"] and data["counter"] == 1 and data["service"] for data in called)
        assert len(called) == 2
        # As if it came now.
        await client.subscribe(after={"epoch": "", "seq": 0})
        snapshot = await client.op("snapshot")
        counter = snapshot["state"]["counters"][0]
        assert (counter["state"], counter["agent"], counter["reason"]) == ("paused", None, None)
        assert {ticket["agent"] for ticket in snapshot["state"]["tickets"]} == {None}
        if role == "kiosk":
            printed = await client.command("tickets.print", ticket=finished)
            assert (printed["result"]["state"], printed["result"]["outcome"]) == ("finished", None)
        assert told_by(json.dumps(client.told, ensure_ascii=False)) == []


@pytest.mark.parametrize("role", PUBLIC)
async def test_the_publics_screens_learn_nothing_of_people_by_http(hall: Running, role: str) -> None:
    finished = await a_day(hall)
    screen = await hall.as_role(role)
    if role == "kiosk":
        for _ in range(2):  # the second answer is the one that was remembered
            again = {"Idempotency-Key": "copy"}
            printed = await screen.post(f"/api/v1/tickets/{finished}/print", headers=again)
            assert printed.json()["state"] == "finished"
            assert told_by(printed.text) == []
    for name, path in (("hall", "hall"), ("ticket", f"tickets/{finished}")):
        answer = await screen.get(f"{BASE}/{path}")
        assert told_by(answer.text) == []
        msgspec.json.decode(answer.content, type=ANSWERS[name], strict=True)
        assert told_by((await hall.as_admin.get(f"{BASE}/{path}")).text), "nothing to keep: shows nothing"


async def test_staff_are_told_names_and_reasons_and_not_who_the_customer_is(hall: Running) -> None:
    async with live(hall, await hall.token("agent")) as client:
        await client.subscribe()
        await client.op("snapshot")
        await a_day(hall)
        records = await client.records_through(hall.node.hall.journal.head)
        assert told_by(json.dumps(records)) == [secret for secret in SECRETS if secret != '"person"']
        assert {"person"} == {
            name
            for told, kept in zip(records, (await hall.records())[-len(records) :], strict=True)
            for name in kept["data"].keys() - told["data"].keys()
        }


async def test_the_person_stands_in_the_records_of_centre_and_admin_only(hall: Running) -> None:
    await a_day(hall)
    clients = {role: await hall.as_role(role) for role in ("floor", "agent", "manager", "centre", "admin")}
    whole = await hall.records()
    assert sum("person" in record["data"] for record in whole) == 4
    for role, client in clients.items():
        records = (await client.get(f"{BASE}/records")).json()["records"]
        if role in ("centre", "admin"):
            assert records == whole, role
        else:
            assert records == [without(record, "person") for record in whole], role


def without(record: dict[str, Any], field: str) -> dict[str, Any]:
    return {**record, "data": {name: value for name, value in record["data"].items() if name != field}}


async def test_a_record_is_encoded_once_for_all_of_one_audience(
    hall: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[tuple[str, bool]] = []
    real = JsonWire.record

    def counted(self: JsonWire, record: Any) -> bytes:
        encoded.append((record.type, b'"by"' in bytes(record.data)))
        return real(self, record)

    monkeypatch.setattr(JsonWire, "record", counted)
    display, manager = await hall.token("display"), await hall.token("manager")
    async with (
        live(hall, display) as one,
        live(hall, display) as two,
        live(hall, manager) as three,
        live(hall, hall.admin) as four,
    ):
        clients = (one, two, three, four)
        for client in clients:
            await client.subscribe()
            await client.op("snapshot")
        await hall.take()
        for client in clients:
            await client.records_through(hall.node.hall.journal.head)
        assert sorted(encoded) == [("ticket.taken", False), ("ticket.taken", True)]


async def test_new_settings_reach_the_publics_screens_as_a_new_snapshot(hall: Running) -> None:
    door = hall.node.hall
    name = {"zh": "交费", "en": "Pay here"}

    async def rename() -> None:
        change = c.ChangeConfig(by="admin", changes={"service.payment.name": name})
        await door.submit(change, lambda state, events, now: None)

    async with (
        live(hall, await hall.token("display")) as display,
        live(hall, await hall.token("manager")) as manager,
    ):
        for client in (display, manager):
            await client.subscribe()
        before = await display.op("snapshot")
        await manager.op("snapshot")
        await hall.take()
        await rename()
        assert (await display.op("resync"))["reason"] == "settings changed"
        snapshot = await display.op("snapshot")
        assert snapshot["seq"] == door.journal.head
        assert snapshot["state"]["services"][0]["name"] == name
        # What came before the change was told before the snapshot; what follows goes on from it.
        assert [record["type"] for record in display.records()] == ["ticket.taken"]
        await hall.take()
        records = await display.records_through(door.journal.head)
        assert [record["seq"] for record in records] == [before["seq"] + 1, snapshot["seq"] + 1]
        records = await manager.records_through(door.journal.head)
        assert [record["type"] for record in records] == ["ticket.taken", "config.changed", "ticket.taken"]
        assert "resync" not in [message["op"] for message in manager.told]
    # Who was away when they changed is told as well.
    async with live(hall, await hall.token("kiosk")) as kiosk:
        await kiosk.subscribe(after={"epoch": door.journal.epoch, "seq": before["seq"]})
        assert (await kiosk.op("resync"))["reason"] == "settings changed"
        assert (await kiosk.op("snapshot"))["state"]["services"][0]["name"] == name


async def test_who_loses_the_line_before_the_new_snapshot_is_owed_it_again(hall: Running) -> None:
    """What is told before it never reaches past the change of settings, so that nobody resumes beyond it."""
    door = hall.node.hall
    names = iter(("Pay here", "Pay there"))

    async def rename() -> None:
        name = {"zh": "交费", "en": next(names)}
        change = c.ChangeConfig(by="admin", changes={"service.payment.name": name})
        await door.submit(change, lambda state, events, now: None)

    def throughs(client: Client) -> list[int]:
        return [message["through"] for message in client.told if message["op"] == "records"]

    async with live(hall, await hall.token("display")) as display:
        await display.subscribe()
        first = await display.op("snapshot")
        async with trio.open_nursery() as nursery:  # level, and as one batch if the hall makes it one
            for act in (hall.take, hall.take, rename, hall.take):
                nursery.start_soon(act)
        await display.op("resync")
        [change] = [r.seq for r in door.journal.recent_after(first["seq"]) or [] if r.type in SETTINGS]
        assert all(through < change for through in throughs(display))
        away = door.journal.head
    for act in (hall.take, rename, hall.take):
        await act()
    async with live(hall, await hall.token("kiosk")) as kiosk:
        await kiosk.subscribe(after={"epoch": first["epoch"], "seq": away})
        assert (await kiosk.op("resync"))["reason"] == "settings changed"
        taken = [r.seq for r in door.journal.recent_after(away) or [] if r.type == "ticket.taken"]
        change = taken[0] + 1
        assert [record["seq"] for record in kiosk.records()] == taken[:1]
        assert throughs(kiosk) == [change - 1]
    async with live(hall, await hall.token("kiosk")) as kiosk:
        await kiosk.subscribe(after={"epoch": first["epoch"], "seq": change - 1})
        assert (await kiosk.op("resync"))["reason"] == "settings changed"
        assert throughs(kiosk) == []
