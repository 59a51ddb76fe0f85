"""Alerts over HTTP: seen by staff, acknowledged onto the ticket, searched for any period."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from somc.domain import commands as c
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
