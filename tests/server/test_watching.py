"""Alerts over HTTP: seen by staff, acknowledged onto the ticket, searched for any period."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from somc.domain import commands as c
from tests.server.live_rig import live
from tests.server.rig import HALL, Running, is_problem, running

BASE = "/api/v1"


class Ahead:
    """The hall's clock, so much further on."""

    speed = 1.0

    def __init__(self, hall: Running) -> None:
        self.clock = hall.node.hall.clock
        self.by_ms = 0
        hall.node.hall.clock = self

    def now_ms(self) -> int:
        return self.clock.now_ms() + self.by_ms

    async def sleep_until(self, at_ms: int) -> None:
        await self.clock.sleep_until(at_ms - self.by_ms)


async def alerts(hall: Running, **params: Any) -> dict[str, Any]:
    answer = await hall.as_admin.get(f"{BASE}/alerts", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def pass_minutes(hall: Running, clock: Ahead, minutes: int) -> None:
    clock.by_ms += minutes * 60_000
    await hall.node.hall.carry_out_due()


async def test_an_alert_is_listed_acknowledged_and_kept_on_its_ticket(hall: Running) -> None:
    clock = Ahead(hall)
    ticket = await hall.take()
    await pass_minutes(hall, clock, 9)
    listed = await alerts(hall, open=True)
    assert [alert["id"] for alert in listed["alerts"]] == [f"warning:{ticket['id']}"]
    warning = listed["alerts"][0]
    assert (warning["kind"], warning["number"], warning["open"]) == ("warning", ticket["number"], True)
    assert warning["left_s"] in (59, 60)

    manager = await hall.as_role("manager")
    path = f"{BASE}/alerts/{warning['id']}/acknowledge"
    done = await manager.post(path, json={"as": "cared_for", "note": "送茶"})
    assert done.status_code == 200, done.text
    assert (done.json()["acknowledged"], done.json()["open"]) == ("cared_for", False)
    assert (await alerts(hall, open=True))["alerts"] == []
    shown = (await hall.as_admin.get(f"{BASE}/tickets/{ticket['id']}")).json()["alerts"]
    assert [(a["acknowledged"], a["note"], a["acknowledged_by"]) for a in shown] == [
        ("cared_for", "送茶", "manager:test-manager")
    ]
    is_problem(await manager.post(path, json={"as": "served"}), 409, "alert_acknowledged")
    is_problem(await manager.post(f"{BASE}/alerts/breach:x/acknowledge", json={"as": "served"}), 404)
    is_problem(await manager.post(path, json={"as": "ignored"}), 422)
    agent = await hall.as_role("agent")
    is_problem(await agent.post(path, json={"as": "served"}), 403)


async def test_the_publics_screens_learn_of_no_alert(hall: Running) -> None:
    clock = Ahead(hall)
    ticket = await hall.take()
    await pass_minutes(hall, clock, 9)
    kiosk = await hall.as_role("kiosk")
    assert (await hall.as_admin.get(f"{BASE}/hall")).json()["alerts"] != []
    assert (await kiosk.get(f"{BASE}/hall")).json()["alerts"] == []
    assert (await kiosk.get(f"{BASE}/tickets/{ticket['id']}")).json()["alerts"] == []
    is_problem(await kiosk.get(f"{BASE}/alerts"), 403)


async def test_past_alerts_are_searched_in_the_journal_page_by_page(hall: Running) -> None:
    clock = Ahead(hall)
    begin = datetime.now(ZoneInfo("Asia/Shanghai")) - timedelta(minutes=1)
    for _ in range(3):
        await hall.take()
    await pass_minutes(hall, clock, 11)
    await hall.open_counter(1)
    called = (await hall.at(1, "call-next"))["ticket"]["id"]
    await hall.node.hall.submit(
        c.AcknowledgeAlert(by="manager:wu", alert=f"breach:{called}", done="served"), lambda *_: None
    )
    clock.by_ms += 30 * 3_600_000  # the day is over: the state has forgotten
    await hall.node.hall.carry_out_due()
    assert (await alerts(hall))["alerts"] == []

    period = {"from": begin.isoformat()}
    found = await alerts(hall, **period)
    assert [alert["kind"] for alert in found["alerts"]] == ["breach"] * 3
    by_ticket = {alert["ticket"]: (alert["cause"], alert["acknowledged"]) for alert in found["alerts"]}
    assert by_ticket.pop(called) == ("called", "served")
    assert set(by_ticket.values()) == {("expired", None)}
    assert found["next"] is None

    first = await alerts(hall, **period, limit=2)
    second = await alerts(hall, **period, limit=2, after=first["next"])
    assert [*first["alerts"], *second["alerts"]] == found["alerts"]
    assert second["next"] is None
    answer = await hall.as_admin.get(f"{BASE}/alerts?from={quote(begin.isoformat())}&to=2001-01-01T00:00:00Z")
    assert "to" in is_problem(answer, 422, "wrong_input")["fields"]
    is_problem(await hall.as_admin.get(f"{BASE}/alerts?from=2001-01-01T00:00:00Z"), 422)


async def test_a_halls_warning_is_a_metric_and_a_figure(tmp_path: Path) -> None:
    async with running(tmp_path, f"{HALL}\n[alerts]\npeak_per_hour = 1\n") as hall:
        assert 'somc_alerts_open{kind="peak"} 0.0' in (await hall.client().get("/metrics")).text
        await hall.take()
        assert 'somc_alerts_open{kind="peak"} 1.0' in (await hall.client().get("/metrics")).text
        peak = (await hall.as_admin.get(f"{BASE}/hall")).json()["alerts"][0]
        assert (peak["id"], peak["value"], peak["limit"], peak["ticket"]) == ("peak:1", 2, 1, None)


async def test_the_promise_of_any_period_is_read_from_the_journal(hall: Running) -> None:
    clock = Ahead(hall)
    begin = datetime.now(ZoneInfo("Asia/Shanghai")) - timedelta(minutes=1)
    tickets = [await hall.take(), await hall.take(), await hall.take()]
    await hall.open_counter(1)
    await hall.at(1, "call-next")
    await pass_minutes(hall, clock, 12)
    manager = await hall.as_role("manager")
    answer = await manager.get(f"{BASE}/reports/promise", params={"from": begin.isoformat(), "limit": 1})
    report = answer.json()
    assert (report["within_s"], report["late_count"]) == (600, 2)
    assert (report["all"]["called"], report["all"]["kept"], report["all"]["not_called"]) == (1, 1, 2)
    assert [(row["service"], row["customer_class"]) for row in report["by"]] == [("payment", "easyown")]
    assert [row["ticket"] for row in report["late"]] == [tickets[1]["id"]]
    params = {"from": begin.isoformat(), "limit": 1, "after": report["next"]}
    following = (await manager.get(f"{BASE}/reports/promise", params=params)).json()
    assert [row["ticket"] for row in following["late"]] == [tickets[2]["id"]]
    assert following["next"] is None
    last_day = (await manager.get(f"{BASE}/reports/promise?service=repair")).json()
    assert (last_day["all"]["called"], last_day["by"]) == (0, [])
    is_problem(await (await hall.as_role("agent")).get(f"{BASE}/reports/promise"), 403)


@pytest.mark.parametrize("path", ["alerts?from=2026-01-01T00:00:00Z&", "reports/promise?"])
@pytest.mark.parametrize("to", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
async def test_the_first_and_the_last_year_there_is_are_refused(hall: Running, path: str, to: str) -> None:
    """The day before the first instant is none, nor is the last one in a zone east of Greenwich."""
    answer = await hall.as_admin.get(f"{BASE}/{path}to={to}")
    assert "to" in is_problem(answer, 422, "wrong_input")["fields"]


async def test_advice_and_preview_say_what_is_expected_and_why(hall: Running) -> None:
    for _ in range(5):
        await hall.take()
    await hall.take("repair")
    await hall.open_counter(1)
    advice = (await hall.as_admin.get(f"{BASE}/advice")).json()
    assert advice["open_now"] == 1
    assert set(advice["open"]) == {2, 3}
    assert advice == (await hall.as_admin.get(f"{BASE}/hall")).json()["advice"]
    preview = (await hall.as_admin.get(f"{BASE}/queue/preview?counter=1")).json()
    assert preview["waiting"] == {"payment": {"gotone": 0, "easyown": 5}}
    assert [row["expected_wait_s"] for row in preview["tickets"]] == [0, 180, 360, 540, 720]
    assert [row["position_now"] for row in preview["tickets"]] == [1, 2, 3, 4, 5]
    assert all(0 < row["target_left_s"] <= 600 for row in preview["tickets"])
    first, second = preview["tickets"][0]["why"], preview["tickets"][1]["why"]
    assert "first in the only line" in first["en"]
    assert second["en"].startswith("Number 2 here: Payment, Easyown, 0 min waited of the 10 promised (")
    assert second["zh"].startswith("第 2 位：缴费，神州行，")
    places = (await hall.as_admin.get(f"{BASE}/hall")).json()["places"]
    shown = (await hall.as_admin.get(f"{BASE}/tickets/{preview['tickets'][3]['id']}")).json()
    assert (shown["position_now"], shown["expected_wait_s"]) == (4, 540) == tuple(places[shown["id"]])


async def test_a_counter_is_made_auto_and_given_somebody_and_sends_one_back(hall: Running) -> None:
    await hall.open_counter(1)
    manager = await hall.as_role("manager")
    answer = await manager.patch(f"{BASE}/counters/1", json={"mode": "auto"})
    assert (answer.json()["mode"], answer.json()["skills"]) == ("auto", {"payment": 1})
    ticket = await hall.take()
    assert ticket["state"] == "waiting"  # the answer is of the taking alone
    counter = (await hall.as_admin.get(f"{BASE}/counters")).json()[0]
    assert counter["ticket"]["id"] == ticket["id"]
    assert counter["ticket"]["reason"]["rule"] == "assigned"
    await hall.take()
    returned = await hall.at(1, "return")
    assert returned["ticket"] is None
    counter = (await hall.as_admin.get(f"{BASE}/counters")).json()[0]
    assert counter["ticket"]["id"] != ticket["id"]
    is_problem(await manager.patch(f"{BASE}/counters/1", json={}), 422, "nothing_to_configure")


async def test_staff_and_channels_may_say_that_somebody_has_an_appointment(hall: Running) -> None:
    booked_at = (datetime.now(ZoneInfo("Asia/Shanghai")) + timedelta(minutes=2)).isoformat(
        timespec="milliseconds"
    )
    body = {"service": "payment", "booked_at": booked_at}
    channel = await hall.as_role("channel")
    taken = await channel.post(f"{BASE}/tickets", json=body)
    assert taken.status_code == 201, taken.text
    shown = (await hall.as_admin.get(f"{BASE}/tickets/{taken.json()['id']}")).json()
    assert shown["booked"] is True
    assert datetime.fromisoformat(shown["booked_at"]) == datetime.fromisoformat(booked_at)
    kiosk = await hall.as_role("kiosk")
    assert (
        "booked_at" in is_problem(await kiosk.post(f"{BASE}/tickets", json=body), 403, "no_right")["fields"]
    )
    is_problem(await channel.post(f"{BASE}/tickets", json={**body, "booked_at": "2026-03-02T10:00:00"}), 422)


async def test_by_the_live_feed_staff_see_and_acknowledge_and_the_public_learns_nothing(
    hall: Running,
) -> None:
    clock = Ahead(hall)
    ticket = await hall.take()
    await pass_minutes(hall, clock, 9)
    tokens = [await hall.token(role) for role in ("manager", "display")]
    async with live(hall, tokens[0]) as staff, live(hall, tokens[1]) as screen:
        for client in (staff, screen):
            await client.subscribe()
        shown = await staff.op("snapshot")
        assert [alert["id"] for alert in shown["state"]["alerts"]] == [f"warning:{ticket['id']}"]
        assert (await screen.op("snapshot"))["state"]["alerts"] == []
        await hall.open_counter(1)
        figures = (await staff.op("figures"))["figures"]
        assert figures["places"] == {ticket["id"]: [1, 0]}
        assert figures["advice"]["open_now"] == 1
        assert [alert["id"] for alert in figures["alerts"]] == [f"warning:{ticket['id']}"]
        public = (await screen.op("figures"))["figures"]
        assert (public["alerts"], public["advice"]) == ([], None)
        assert public["places"] == figures["places"]

        done = await staff.command("alerts.acknowledge", alert=f"warning:{ticket['id']}", **{"as": "served"})
        assert (done["ok"], done["result"]["acknowledged"]) == (True, "served")
        assert (await staff.command("alerts", open=True))["result"]["alerts"] == []
        assert (await staff.command("advice"))["ok"]
        assert (await staff.command("reports.promise", limit=1))["result"]["all"]["called"] == 0
        assert not (await screen.command("alerts"))["ok"]
        assert not any(record["type"].startswith("alert.") for record in screen.records())
