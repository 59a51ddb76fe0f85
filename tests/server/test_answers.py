"""Every answer of a day in a hall, held against the shapes that the OpenAPI document promises."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec
import trio

from somc.api.channels import Refused
from somc.server.acts import ACTS
from somc.server.answers import ANSWERS, HallAnswer, RecordsAnswer
from somc.server.queries import QUERIES
from somc.server.views import INSTANTS, NAMED
from somc.testing.channel import MemoryChannel
from tests.server.booking import day_of_appointments, next_slots
from tests.server.rig import GOTONE_PHONE, HALL, Running, is_problem, running

BASE = "/api/v1"
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+08:00")


def instants(view: Any, key: str = "") -> list[tuple[str, Any]]:
    """Every field that holds an instant, by the names that views use."""
    if isinstance(view, dict):
        return [
            found
            for name, value in view.items()
            if name not in NAMED
            for found in ([(name, value)] if name in INSTANTS else instants(value, name))
        ]
    return [found for item in view for found in instants(item)] if isinstance(view, list) else []


async def test_a_whole_day_of_answers_is_of_the_promised_shapes(tmp_path: Any) -> None:
    toml = f"{HALL}\n[alerts]\npeak_per_hour = 1\n"  # a ticket is a peak
    toml = day_of_appointments(toml)
    async with running(tmp_path, toml) as hall:
        await a_day_of_answers(hall)


async def a_day_of_answers(hall: Running) -> None:
    seen: set[str] = set()

    async def act(name: str, expect: int = 200, **body: Any) -> Any:
        found = next(each for each in ACTS if each.name == name)
        path = found.path.format(**{key: body.pop(key) for key in found.parameters})
        answer = await hall.as_admin.request(found.method, BASE + path, json=body)
        assert answer.status_code == expect, answer.text
        if expect == 204:
            assert answer.content == b""
            return None
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        msgspec.json.decode(answer.content, type=ANSWERS[name], strict=True)
        for field, value in instants(answer.json()):
            assert value is None or RFC3339.fullmatch(value), (name, field, value)
        seen.add(name)
        return answer.json()

    async def look() -> None:
        for query in QUERIES:
            path = query.path.format(ticket=first["id"], appointment=booked["id"], message=told_of["id"])
            suffixes = {"queue.preview": "?counter=2", "appointments.slots": "?service=payment"}
            suffix = suffixes.get(query.name, "")
            answer = await hall.as_admin.get(BASE + path + suffix)
            assert answer.status_code == 200, answer.text
            msgspec.json.decode(answer.content, type=ANSWERS[query.name], strict=True)
            if query.name != "records":
                for field, value in instants(answer.json()):
                    assert value is None or RFC3339.fullmatch(value), (query.name, field, value)
            seen.add(query.name)

    told_of = await act("messages.send", 201, phone=GOTONE_PHONE, template="reply_help")
    assert (told_of["state"], told_of["message_class"]) == ("queued", "receipt")
    assert (await act("messages.cancel", message=told_of["id"], reason="a test"))["state"] == "cancelled"
    said = await act("consents.set", phone=GOTONE_PHONE, classes=["marketing"], allowed=True)
    assert said == {"classes": ["marketing"], "allowed": True, "changed": True}
    gateway = MemoryChannel()
    gateway.refuse = lambda message: Refused(message.id, "no such number", permanent=True)
    hall.node.office.add_channels("test", [gateway])
    lost = await act("messages.send", 201, phone=GOTONE_PHONE, template="reply_help")
    with trio.fail_after(20):
        while hall.node.hall.state.outbox.messages[lost["id"]].state != "failed":  # noqa: ASYNC110 - in its own time
            await trio.sleep(0.01)
    gateway.refuse = lambda message: None
    assert (await act("messages.retry", message=lost["id"]))["state"] == "queued"
    at, later = (await next_slots(hall))[:2]
    booked = await act("appointments.book", 201, service="payment", at=at, phone=GOTONE_PHONE)
    first = await act("tickets.take", 201, service="payment", phone=GOTONE_PHONE)
    second = await act("tickets.take", 201, service="business")
    third = await act("tickets.take", 201, service="payment")
    told = await act("tickets.offer", ticket=first["id"], offer="plan-88", outcome="later")
    assert told["offers"] == {"plan-88": "later"}
    cared = await act("tickets.care", ticket=first["id"], kind="water", note="sat down")
    assert cared["cares"] == 1
    assert (await act("services.divert", service="payment", to="pay-1", kind="self_service"))["today"] == {
        "self_service": 1
    }
    assert (await act("appointments.confirm", appointment=booked["code"]))["state"] == "confirmed"
    assert (await act("appointments.change", appointment=booked["id"], at=later))["at"] == later
    came = await act("appointments.check_in", 201, appointment=booked["code"])
    assert came["booked_at"] == later
    await act("tickets.cancel", ticket=came["id"])
    twice = await act("appointments.book", 201, service="payment", at=at, phone=GOTONE_PHONE, places=2)
    assert (await act("appointments.cancel", appointment=twice["places"][1]["id"]))["cause"] == "asked"
    came = await act("appointments.check_in_by_phone", 201, phone=GOTONE_PHONE)
    assert came["booked"] is True
    await act("tickets.cancel", ticket=came["id"])
    closed = await act("calendar.change", date="2026-12-25", hours=[])
    assert (closed["hours"], closed["special"]) == ([], True)
    assert (await act("calendar.reset", date="2026-12-25"))["hours"] == ["00:00-24:00"]
    fourth = await act("tickets.take", 201, service="payment")
    gone = await act("tickets.divert", ticket=fourth["id"], to="pay-1", kind="self_service")
    assert (gone["state"], gone["outcome"]) == ("cancelled", "diverted")
    await look()
    opened = await act("counters.open", counter=2, agent="wang")
    assert (opened["state"], opened["agent"]) == ("open", "wang")
    await act("counters.open", counter=1, agent="li", skills={"payment": 1})
    called = await act("counters.call_next", counter=2)
    assert called["ticket"]["id"] == second["id"]  # the counter's first level
    assert called["reason"]["words"]["zh"]
    await look()
    await act("counters.recall", counter=2)
    assert (await act("counters.start", counter=2))["ticket"]["state"] == "serving"
    await look()
    done = await act("counters.finish", counter=2, outcome="sold")
    assert (done["ticket"], done["served"]) == (None, 1)
    rated = await act("tickets.rate", ticket=second["id"], score=4, source="sms")
    assert (rated["rating"]["score"], rated["rating"]["scale"]) == (4, 5)
    await act("counters.call", counter=1, ticket=third["id"])
    assert (await act("counters.return", counter=1))["ticket"] is None
    await act("counters.call", counter=1, ticket=third["id"])
    assert (await act("counters.no_show", counter=1))["ticket"] is None
    held = await act("tickets.hold", ticket=first["id"], reason="tea")
    assert (held["state"], held["held_at"] is None) == ("held", False)
    await act("counters.call_next", 204, counter=1)
    assert (await act("tickets.resume", ticket=first["id"]))["state"] == "waiting"
    moved = await act("tickets.transfer", ticket=first["id"], service="business", counter=2)
    assert (moved["service"], moved["only_counter"]) == ("business", 2)
    assert (await act("tickets.print", ticket=first["id"]))["id"] == first["id"]
    await act("counters.pause", counter=2, reason="lunch")
    await act("counters.resume", counter=2)
    await act("counters.configure", counter=1, skills={"payment": 1, "repair": 2})
    assert (await act("counters.configure", counter=1, skills=None))["skills"] == {"payment": 1}
    assert (await act("counters.mode", counter=2, mode="auto"))["mode"] == "auto"
    assert (await act("counters.mode", counter=2, mode="manual"))["mode"] == "manual"
    assert (await act("tickets.cancel", ticket=first["id"]))["state"] == "cancelled"
    await act("settings.change", changes={"display.picture_s": 20})
    await act("policy.change", kind="gcmu", services={"payment": {"weight": {"gotone": 0.3}}})
    assert (await act("policy.rollback", version=1))["kind"] == "accumulating"
    await act("counters.close", counter=2)
    assert (await act("alerts.acknowledge", alert="peak:1", **{"as": "served"}))["acknowledged"] == "served"
    await look()
    ways_in = {"ws-ticket", "tokens.issue", "links.issue", "devices.reload"}
    elsewhere = {"public.queue", "public.halls", "users", "policy.what-if"}  # with tests of their own
    elsewhere |= {name for name in ANSWERS if name.startswith("plugins")}
    elsewhere |= {"tickets.card", "services.advice", "counters.second"}
    assert seen | elsewhere == set(ANSWERS) - ways_in, "an act or a query was left out"
    for name, path, body in (
        ("ws-ticket", "ws-ticket", None),
        ("devices.reload", "devices/reload", None),
        ("tokens.issue", "tokens", {"subject": "x", "roles": ["agent"]}),
        ("links.issue", "sign-in-links", {"subject": "x", "role": "agent"}),
    ):
        answer = await hall.as_admin.post(f"{BASE}/{path}", json=body)
        msgspec.json.decode(answer.content, type=ANSWERS[name], strict=True)


async def test_records_keep_integers_and_are_what_the_ticket_shows(hall: Running) -> None:
    ticket = await hall.take()
    answer = await hall.as_admin.get(f"{BASE}/records")
    page = msgspec.json.decode(answer.content, type=RecordsAnswer, strict=True)
    assert [record.seq for record in page.records] == list(range(1, page.through + 1))
    taken = page.records[-1]
    assert type(taken.at) is int
    shown = msgspec.json.decode(f'"{ticket["taken_at"]}"'.encode(), type=datetime)
    assert int(shown.timestamp() * 1000) == taken.at
    assert taken.topic == f"somc/shoudu/xicheng/xidan/ticket/{ticket['id']}"


async def test_a_service_called_now_is_not_taken_for_an_instant(tmp_path: Any) -> None:
    toml = HALL.replace("[service.repair]", "[service.now]").replace("repair = 1", "now = 1")
    async with running(tmp_path, toml) as hall:
        answer = await hall.as_admin.get(f"{BASE}/hall")
        view = msgspec.json.decode(answer.content, type=HallAnswer, strict=True)
        assert view.counters[2].skills == {"now": 1}
        assert set(view.waiting["now"].values()) == {0}


async def test_the_sums_of_the_day_count_every_ticket_once(hall: Running) -> None:
    for service in ("payment", "payment", "business", "repair"):
        await hall.take(service)
    await hall.open_counter(1)
    ticket = (await hall.at(1, "call-next"))["ticket"]["id"]
    await hall.at(1, "start")
    await hall.at(1, "finish")
    await hall.at(1, "call-next")
    other = (await hall.take("business"))["id"]
    await hall.as_admin.post(f"{BASE}/tickets/{other}/hold")
    today = (await hall.as_admin.get(f"{BASE}/hall")).json()["today"]
    parts = ("waiting", "held", "at_counters", "finished", "no_show", "cancelled", "expired")
    assert {name: today[name] for name in parts} == dict(zip(parts, (2, 1, 1, 1, 0, 0, 0), strict=True))
    assert today["taken"] == sum(today[name] for name in parts) == 5
    assert sum(each["taken"] for each in today["by_class"].values()) == 5
    assert sum(each["taken"] for each in today["by_half_hour"]) == 5
    assert today["within_target"] == 1.0
    assert (await hall.as_admin.get(f"{BASE}/tickets/{ticket}")).json()["state"] == "finished"


async def test_each_conflict_says_in_both_languages_what_stands_in_the_way(hall: Running) -> None:
    ticket = (await hall.take())["id"]
    repair = (await hall.take("repair"))["id"]

    async def conflict(code: str, url: str, **body: Any) -> None:
        answer = await hall.as_admin.post(BASE + url, json=body)
        words = is_problem(answer, 409, code)["words"]
        assert set(words) == {"zh", "en"}
        assert re.search(r"[\u4e00-\u9fff]", words["zh"])
        assert "{" not in words["zh"] + words["en"]

    for act in ("call-next", "recall", "start", "finish", "no-show"):
        await conflict("counter_closed", f"/counters/1/{act}")
    await conflict("counter_closed", "/counters/1/call", ticket=ticket)
    await conflict("counter_closed", "/counters/1/pause", reason="x")
    await conflict("counter_already_closed", "/counters/1/close")
    await conflict("counter_not_paused", "/counters/1/resume")
    await conflict("counter_closed", f"/tickets/{ticket}/transfer", counter=1)
    await hall.open_counter(1)
    await conflict("counter_already_open", "/counters/1/open", agent="else")
    await conflict("agent_elsewhere", "/counters/2/open", agent="agent-1")
    for act in ("recall", "start", "finish", "no-show"):
        await conflict("counter_idle", f"/counters/1/{act}")
    await conflict("no_skill", "/counters/1/call", ticket=repair)
    await conflict("no_skill", f"/tickets/{repair}/transfer", counter=1)
    await conflict("ticket_state", f"/tickets/{ticket}/resume")
    await conflict("transfer_to_same", f"/tickets/{ticket}/transfer", service="payment")
    await hall.at(1, "pause", reason="tea")
    await conflict("counter_paused", "/counters/1/call-next")
    await conflict("counter_already_paused", "/counters/1/pause", reason="tea")
    await hall.at(1, "resume")
    await hall.at(1, "call-next")
    await conflict("counter_busy", "/counters/1/call-next")
    await conflict("counter_busy", "/counters/1/close")
    await conflict("ticket_state", "/counters/1/finish")
    await hall.at(1, "start")
    await conflict("ticket_state", "/counters/1/start")
    await conflict("ticket_state", "/counters/1/recall")
    await conflict("ticket_state", f"/tickets/{ticket}/cancel")
    await hall.take("repair")
    await conflict("service_full", "/tickets", service="repair")
