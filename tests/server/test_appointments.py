"""Appointments over HTTP: one interface for every channel, codes that stay secret, the kiosk's check-in."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from structlog.testing import capture_logs

from somc.domain.codes import normal_code, shown_code
from somc.journal.opening import DATABASE_NAME
from tests.server.booking import booked, day_of_appointments, next_slots
from tests.server.live_rig import live
from tests.server.rig import GOTONE_PHONE, PATIENCE_S, UNKNOWN_PHONE, Running, is_problem, running

BASE = "/api/v1"


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path, day_of_appointments()) as found:
        yield found


async def check_in(client: httpx.AsyncClient, code: str) -> httpx.Response:
    return await client.post(f"{BASE}/appointments/{code}/check-in")


async def test_two_hundred_clients_over_three_channels_get_the_fifty_places_there_are(tmp_path: Path) -> None:
    """AP-01: 50 bookings, 150 clear refusals."""
    async with running(tmp_path, day_of_appointments(capacity=50)) as hall:
        at = (await next_slots(hall))[1]
        channels = [await hall.as_role("channel", subject=name) for name in ("web", "sms", "hotline")]
        answers: list[httpx.Response] = []

        async def ask(n: int) -> None:
            body = {"service": "payment", "at": at, "phone": f"139{n:08d}", "channel": "web"}
            answers.append(await channels[n % 3].post(f"{BASE}/appointments", json=body))

        async with trio.open_nursery() as nursery:
            for n in range(200):
                nursery.start_soon(ask, n)
        codes = [answer.json()["code"] for answer in answers if answer.status_code == 201]
        assert len(codes) == len(set(codes)) == 50
        refused = [answer for answer in answers if answer.status_code != 201]
        assert len(refused) == 150
        for answer in refused:
            assert is_problem(answer, 409, "slot_full")["words"]["zh"]
        slots = await next_slots(hall)
        assert at not in slots
        assert len((await hall.as_admin.get(f"{BASE}/appointments?limit=1000")).json()) == 50


async def test_a_code_is_told_once_to_whoever_books_and_stands_nowhere_in_the_clear(tmp_path: Path) -> None:
    async with running(tmp_path, day_of_appointments()) as hall:
        key = {"Idempotency-Key": "book-1"}
        body = {"service": "payment", "at": (await next_slots(hall))[1], "phone": UNKNOWN_PHONE}
        first = await hall.as_admin.post(f"{BASE}/appointments", json=body, headers=key)
        again = await hall.as_admin.post(f"{BASE}/appointments", json=body, headers=key)
        assert first.json() == again.json(), "the same key gives the same code"
        code = first.json()["code"]
        assert normal_code(code) == code
        by_code = await hall.as_admin.get(f"{BASE}/appointments/{code}")
        assert by_code.json()["id"] == first.json()["id"]
        assert "code" not in by_code.json()
        moved = {"at": (await next_slots(hall))[2]}
        await hall.as_admin.patch(f"{BASE}/appointments/{code}", json=moved, headers=key)
        assert await hall.node.hall.journal.code_of(first.json()["id"]) == code
        agent = await hall.as_role("agent")
        for client in (agent, hall.as_admin):
            seen = (await client.get(f"{BASE}/records")).text
            assert code not in seen
            assert UNKNOWN_PHONE not in seen
        assert '"code"' not in (await agent.get(f"{BASE}/records")).text
    for file in (tmp_path / "data").glob(f"{DATABASE_NAME}*"):
        for secret in (code, shown_code(code), UNKNOWN_PHONE):
            assert secret.encode() not in file.read_bytes(), f"{file.name} holds it in the clear"


async def test_the_kiosk_checks_in_by_code_and_prints_what_any_ticket_has(hall: Running) -> None:
    """AP-06."""
    at = (await next_slots(hall))[1]
    code = (await booked(hall, at, phone=GOTONE_PHONE))["code"]
    kiosk = await hall.as_role("kiosk")
    ticket = await check_in(kiosk, shown_code(code))
    assert ticket.status_code == 201, ticket.text
    view = ticket.json()
    assert (view["service"], view["booked_at"], view["booked"]) == ("payment", at, True)
    assert view["customer_class"] == "gotone"  # by the phone that was booked with
    is_problem(await check_in(kiosk, code), 409, "appointment_used")
    types = [record["type"] for record in await hall.records()][-2:]
    assert types == ["appointment.checked_in", "ticket.taken"]


async def test_a_ticket_taken_with_the_code_is_the_same(hall: Running) -> None:
    kiosk = await hall.as_role("kiosk")
    code = (await booked(hall, (await next_slots(hall))[1]))["code"]
    wrong = {"appointment_code": code, "service": "business"}
    is_problem(await kiosk.post(f"{BASE}/tickets", json=wrong), 409, "appointment_other_service")
    taken = await kiosk.post(f"{BASE}/tickets", json={"appointment_code": code})
    assert (taken.status_code, taken.json()["booked"]) == (201, True)
    is_problem(await kiosk.post(f"{BASE}/tickets", json={}), 422, "wrong_input")


async def test_a_phone_number_is_enough_and_of_several_one_is_chosen(hall: Running) -> None:
    """AP-06."""
    kiosk = await hall.as_role("kiosk")
    slots = await next_slots(hall)
    one, two = [await booked(hall, at, phone=GOTONE_PHONE) for at in slots[1:3]]
    url = f"{BASE}/appointments/check-in"
    several = is_problem(await kiosk.post(url, json={"phone": "138 0013 8000"}), 409, "several_appointments")
    assert [choice["id"] for choice in several["choices"]] == [one["id"], two["id"]]
    chosen = await kiosk.post(url, json={"phone": GOTONE_PHONE, "appointment": two["id"]})
    assert chosen.json()["booked_at"] == two["at"]
    assert (await kiosk.post(url, json={"phone": GOTONE_PHONE})).json()["booked_at"] == one["at"]
    is_problem(await kiosk.post(url, json={"phone": GOTONE_PHONE}), 409, "appointment_used")
    is_problem(await kiosk.post(url, json={"phone": UNKNOWN_PHONE}), 404, "unknown_appointment")
    is_problem(await kiosk.post(url, json={"phone": "x"}), 422, "bad_phone")
    stranger = {"phone": UNKNOWN_PHONE, "appointment": two["id"]}
    is_problem(await kiosk.post(url, json=stranger), 404, "unknown_appointment")


async def test_a_mistyped_code_and_one_of_another_hall_are_told_apart(hall: Running) -> None:
    """AP-06: a foreign code is refused with a reason."""
    kiosk = await hall.as_role("kiosk")
    code = (await booked(hall, (await next_slots(hall))[1]))["code"]
    slip = code[:-1] + str((int(code[-1]) + 1) % 10)
    is_problem(await check_in(kiosk, slip), 422, "bad_code")
    foreign = hall.node.app.desk.ids.draw_code()
    assert "another hall" in is_problem(await check_in(kiosk, foreign), 404, "unknown_appointment")["detail"]


async def test_whoever_guesses_codes_is_slowed_down_and_nobody_else(hall: Running) -> None:
    kiosk, other = await hall.as_role("kiosk", subject="k1"), await hall.as_role("kiosk", subject="k2")
    code = (await booked(hall, (await next_slots(hall))[1]))["code"]
    ids = hall.node.app.desk.ids
    for _ in range(20):
        is_problem(await check_in(kiosk, ids.draw_code()), 404)
    slow = await check_in(kiosk, code)
    assert is_problem(slow, 429, "too_many_tries")["retry_after_s"] == int(slow.headers["retry-after"]) > 0
    is_problem(await kiosk.post(f"{BASE}/appointments/check-in", json={"phone": GOTONE_PHONE}), 429)
    assert (await check_in(other, code)).status_code == 201


async def test_a_channel_books_moves_confirms_and_gives_up_but_sees_no_list(hall: Running) -> None:
    """AP-02: the hall's list shows what the hotline booked."""
    hotline = await hall.as_role("channel", subject="10086")
    at, later = (await next_slots(hall))[1:3]
    body = {"service": "payment", "at": at, "phone": UNKNOWN_PHONE, "channel": "hotline"}
    code = (await hotline.post(f"{BASE}/appointments", json=body)).json()["code"]
    agent = await hall.as_role("agent")
    [listed] = (await agent.get(f"{BASE}/appointments", params={"phone": UNKNOWN_PHONE})).json()
    assert (listed["channel"], listed["phone"]) == ("hotline", "139****2222")
    assert (await hotline.post(f"{BASE}/appointments/{code}/confirm")).json()["state"] == "confirmed"
    moved = await hotline.patch(f"{BASE}/appointments/{code}", json={"at": later})
    assert moved.json()["at"] == later
    gone = await hotline.request("DELETE", f"{BASE}/appointments/{code}", json={"reason": "ill"})
    assert (gone.status_code, gone.json()["state"]) == (200, "cancelled")
    assert (await hotline.get(f"{BASE}/appointments/{code}")).json()["phone"] is None
    is_problem(await hotline.get(f"{BASE}/appointments"), 403, "no_right")
    is_problem(await (await hall.as_role("kiosk")).post(f"{BASE}/appointments", json=body), 403)


async def test_who_waits_is_offered_the_place_that_comes_free(tmp_path: Path) -> None:
    async with running(tmp_path, day_of_appointments(capacity=1)) as hall:
        at = (await next_slots(hall))[1]
        first = await booked(hall, at)
        is_problem(
            await hall.as_admin.post(f"{BASE}/appointments", json={"service": "payment", "at": at}), 409
        )
        waits = await booked(hall, at, wait=True)
        assert waits["state"] == "waiting"
        await hall.as_admin.delete(f"{BASE}/appointments/{first['id']}")
        offered = (await hall.as_admin.get(f"{BASE}/appointments/{waits['id']}")).json()
        assert (offered["state"], offered["answer_by"] is None) == ("offered", False)
        yes = await hall.as_admin.post(f"{BASE}/appointments/{waits['code']}/confirm")
        assert yes.json()["state"] == "confirmed"


async def test_today_s_summary_counts_by_slot_and_reaches_the_monitor_at_once(hall: Running) -> None:
    """RT-08."""
    at = (await next_slots(hall))[1]
    async with live(hall, await hall.token("manager")) as monitor:
        await monitor.subscribe("#")
        await monitor.op("snapshot")
        codes = [(await booked(hall, at))["code"] for _ in range(2)]
        figures = await monitor.until(
            lambda one: one["op"] == "figures" and one["figures"]["appointments"] != []
        )
        assert figures["figures"]["appointments"][0]["booked"] >= 1
    await check_in(hall.as_admin, codes[0])
    await hall.open_counter(1)
    [row] = (await hall.as_admin.get(f"{BASE}/appointments/today")).json()
    assert {key: row[key] for key in ("booked", "arrived", "served", "missed")} == {
        "booked": 2,
        "arrived": 1,
        "served": 0,
        "missed": 0,
    }
    ticket = (await hall.as_admin.get(f"{BASE}/tickets")).json()[0]
    await hall.at(1, "call", ticket=ticket["id"])
    await hall.at(1, "start")
    await hall.at(1, "finish")
    hall_view = (await hall.as_admin.get(f"{BASE}/hall")).json()
    assert hall_view["appointments"][0]["served"] == 1
    display = await hall.as_role("display")
    assert (await display.get(f"{BASE}/hall")).json()["appointments"] == []
    is_problem(await display.get(f"{BASE}/appointments/today"), 403)


async def test_a_screen_of_the_public_hears_of_the_ticket_and_not_of_the_appointment(hall: Running) -> None:
    async with live(hall, await hall.token("display")) as display:
        await display.subscribe("#")
        await display.op("snapshot")
        code = (await booked(hall, (await next_slots(hall))[1], phone=GOTONE_PHONE))["code"]
        await check_in(hall.as_admin, code)
        heard = await display.op("records")
        assert [record["type"] for record in heard["records"]] == ["ticket.taken"]
        assert heard["records"][0]["data"].keys().isdisjoint({"person", "by", "code"})


async def test_a_manager_closes_a_date_and_is_told_of_the_appointments_on_it(hall: Running) -> None:
    manager = await hall.as_role("manager")
    day = (await manager.get(f"{BASE}/calendar")).json()[3]["date"]
    slots = await manager.get(f"{BASE}/appointments/slots", params={"service": "payment", "date": day})
    at = slots.json()["slots"][0]["at"]
    code = (await booked(hall, at))["code"]
    body: dict[str, Any] = {"hours": [], "name": {"zh": "国庆节", "en": "National Day"}}
    in_the_way = is_problem(
        await manager.put(f"{BASE}/calendar/{day}", json=body), 409, "appointments_on_day"
    )
    assert re.search(r"\b1 appointments", in_the_way["detail"])
    closed = await manager.put(f"{BASE}/calendar/{day}", json={**body, "cancel": True})
    assert closed.json() == {"date": day, "hours": [], "special": True, "name": body["name"]}
    assert (await hall.as_admin.get(f"{BASE}/appointments/{code}")).json()["cause"] == "calendar"
    slots = await manager.get(f"{BASE}/appointments/slots", params={"service": "payment", "date": day})
    assert slots.json()["slots"] == []
    reopened = await manager.delete(f"{BASE}/calendar/{day}")
    assert reopened.json()["hours"] == ["00:00-24:00"]
    is_problem(await manager.put(f"{BASE}/calendar/{day}", json={}), 422, "bad_config")
    is_problem(await manager.put(f"{BASE}/calendar/2026-02-30", json=body), 422, "bad_date")


async def sent_about(hall: Running, code: str) -> list[Any]:
    messages: list[Any] = (await hall.as_admin.get(f"{BASE}/appointments/{code}")).json()["messages"]
    return messages


async def test_a_block_has_a_code_for_each_place(hall: Running) -> None:
    block = await booked(hall, (await next_slots(hall))[1], places=2, phone=GOTONE_PHONE)
    codes = [place["code"] for place in block["places"]]
    assert len(set(codes)) == 2
    assert block["code"] == codes[0]
    with trio.fail_after(PATIENCE_S):
        while not (seen := await sent_about(hall, codes[1])):  # noqa: ASYNC110 - it follows in its own time
            await trio.sleep(0.01)
    assert [each["template"] for each in seen] == ["appointment_booked"]
    assert await sent_about(hall, codes[0]) == seen
    for code in codes:
        assert (await check_in(hall.as_admin, code)).status_code == 201


async def test_appointments_outlive_a_restart(tmp_path: Path) -> None:
    toml = day_of_appointments()
    async with running(tmp_path, toml) as hall:
        view = await booked(hall, (await next_slots(hall))[1], phone=GOTONE_PHONE)
    async with running(tmp_path, toml) as hall:
        found = (await hall.as_admin.get(f"{BASE}/appointments/{view['code']}")).json()
        assert (found["id"], found["state"], found["phone"]) == (view["id"], "booked", "138****8000")


async def test_other_hours_of_the_week_ask_before_appointments_fall(tmp_path: Path) -> None:
    async with running(tmp_path, day_of_appointments()) as hall:
        view = await booked(hall, (await next_slots(hall))[1])
        # Open for a minute before it, that day and every other.
        at = datetime.fromisoformat(view["at"])
        begins = at.hour * 3600 + at.minute * 60
        minute = [[begins - 60, begins]] if begins else [[begins + 86_340, begins + 86_400]]
        body = {"changes": {"hall.hours": {"week": [minute] * 7, "closed_dates": []}}}
        is_problem(await hall.as_admin.patch(f"{BASE}/settings", json=body), 409, "appointments_outside")
        answer = await hall.as_admin.patch(f"{BASE}/settings", json={**body, "cancel": True})
        assert answer.status_code == 200, answer.text
        found = (await hall.as_admin.get(f"{BASE}/appointments/{view['code']}")).json()
        assert found["state"] == "cancelled"


async def test_hours_that_hall_toml_changes_at_a_restart_leave_no_appointment_outside_unseen(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, day_of_appointments()) as hall:
        view = await booked(hall, (await next_slots(hall))[1])
    at = datetime.fromisoformat(view["at"])
    before = "23:59-24:00" if at.hour == at.minute == 0 else f"{at - timedelta(minutes=1):%H:%M}-{at:%H:%M}"
    shut = day_of_appointments(more=f'[hours]\nevery_day = ["{before}"]\n')
    told: list[list[Any]] = []
    for _ in range(2):  # the second start finds nothing new
        with capture_logs() as logs:
            async with running(tmp_path, shut) as hall:
                [alert] = (await hall.as_admin.get(f"{BASE}/alerts")).json()["alerts"]
                assert (alert["kind"], alert["value"], alert["open"]) == ("appointments_outside", 1, True)
                assert f"{at:%Y-%m-%d %H:%M}" in alert["words"]["en"]
                found = (await hall.as_admin.get(f"{BASE}/appointments/{view['code']}")).json()
                assert found["state"] == "booked"
                raised = [each for each in await hall.records() if each["type"] == "alert.raised"]
        assert [each["data"]["appointments"] for each in raised] == [[view["id"]]]
        told.append([each for each in logs if each.get("appointments") == view["id"]])
    assert [len(each) for each in told] == [1, 0]
    assert told[0][0]["log_level"] == "warning"
    assert "Move or cancel them" in told[0][0]["event"]


GREETER = Path(__file__).parents[1] / "plugins" / "samples" / "greeter.py"
WITH_GREETER = f"""
[plugins]
enabled = ["greeter"]
paths = ["{GREETER}"]
[plugin.greeter]
token = "s3cret-token"
[plugin.greeter.host]
deadline_ms = 6000
"""


@pytest.mark.parametrize("by_phone", [False, True])
async def test_plugins_identify_whoever_checks_in_as_at_any_other_visit(
    tmp_path: Path, by_phone: bool
) -> None:
    async with running(tmp_path, day_of_appointments(more=WITH_GREETER)) as hall:
        code = (await booked(hall, (await next_slots(hall))[1], phone=UNKNOWN_PHONE))["code"]
        kiosk = await hall.as_role("kiosk")
        if by_phone:
            answer = await kiosk.post(f"{BASE}/appointments/check-in", json={"phone": UNKNOWN_PHONE})
        else:
            answer = await check_in(kiosk, code)
        assert answer.status_code == 201, answer.text
        ticket = answer.json()
        assert ticket["customer_class"] == "gotone"
        assert "..2222" in ticket["slip"][0]["en"]
        card = (await hall.as_admin.get(f"{BASE}/tickets/{ticket['id']}/card")).json()
        assert card["offers"]
