"""Messages over HTTP: sent, found again with masked numbers, channels seen; who may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio

from somc.testing.channel import MemoryChannel
from tests.server.rig import GOTONE_PHONE, HALL, UNKNOWN_PHONE, Running, is_problem, running

BASE = "/api/v1"
OWN = '\n[template.own]\ntext = { zh = "您好{name}", en = "Hello {name}" }\n[messages]\nconsent = []\n'


async def settled(hall: Running, name: str, state: str) -> dict[str, Any]:
    with trio.fail_after(20):
        while True:
            answer = await hall.as_admin.get(f"{BASE}/messages/{name}")
            found: dict[str, Any] = answer.json()
            if found["state"] == state:
                return found
            await trio.sleep(0.01)  # the dispatcher works in its own time


@pytest.fixture
async def posted(tmp_path: Path) -> Any:
    async with running(tmp_path, HALL + OWN) as hall:
        channel = MemoryChannel("sms1")
        hall.node.office.add_channels("p", [channel])
        yield hall, channel


async def send(hall: Running, phone: str = GOTONE_PHONE, **more: Any) -> Any:
    body = {"phone": phone, "template": "own", "values": {"name": "李"}, **more}
    return await hall.as_admin.post(f"{BASE}/messages", json=body)


async def test_the_log_shows_queued_sent_delivered_or_failed_with_masked_numbers(posted: Any) -> None:
    """CH-01."""
    hall, channel = posted
    answer = await send(hall, "+86 138 0013 8000")
    assert answer.status_code == 201
    assert GOTONE_PHONE not in answer.text
    name = answer.json()["id"]
    await settled(hall, name, "sent")
    await channel.receipt(name)
    found = await settled(hall, name, "delivered")
    assert (found["phone"], found["text"], found["gateway"]) == ("138****8000", "您好李", "sms1")
    assert [(message.to, message.text) for message in channel.taken] == [(GOTONE_PHONE, "您好李")]
    await send(hall, UNKNOWN_PHONE)
    page = (await hall.as_admin.get(f"{BASE}/messages", params={"phone": GOTONE_PHONE})).json()
    assert [row["id"] for row in page["messages"]] == [name]
    page = (await hall.as_admin.get(f"{BASE}/messages", params={"limit": 1})).json()
    assert (len(page["messages"]), page["next"] is not None) == (1, True)
    page = (await hall.as_admin.get(f"{BASE}/messages", params={"before": page["next"]})).json()
    assert [row["id"] for row in page["messages"]] == [name]
    assert "text" not in page["messages"][0]


async def test_what_became_of_a_message_is_seen_at_its_ticket_and_its_appointment(posted: Any) -> None:
    hall, channel = posted
    ticket = await hall.take()
    name = (await send(hall, ticket=ticket["id"])).json()["id"]
    await settled(hall, name, "sent")
    await channel.receipt(name)
    await settled(hall, name, "delivered")
    path = f"{BASE}/tickets/{ticket['id']}"
    (seen,) = (await hall.as_admin.get(path)).json()["messages"]
    assert (seen["id"], seen["state"], seen["template"]) == (name, "delivered", "own")
    assert "text" not in seen
    kiosk = await hall.as_role("kiosk")
    assert (await kiosk.get(path)).json()["messages"] == []
    page = (await hall.as_admin.get(f"{BASE}/records", params={"after": 0})).json()
    (told,) = [record for record in page["records"] if record["type"] == "message.delivered"]
    assert told["data"]["ticket"] == ticket["id"]


async def test_the_same_request_is_one_message(posted: Any) -> None:
    hall, channel = posted
    body = {"phone": GOTONE_PHONE, "template": "own", "values": {"name": "李"}}
    answers = [
        await hall.as_admin.post(f"{BASE}/messages", json=body, headers={"idempotency-key": "k1"})
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    await settled(hall, answers[0].json()["id"], "sent")
    assert len(channel.taken) == 1


async def test_channels_are_seen_with_what_waits(posted: Any) -> None:
    hall, channel = posted
    with trio.fail_after(20):
        while channel.host is None:  # noqa: ASYNC110 - it starts in its own time
            await trio.sleep(0.01)
    channel.set_up(False, "cannot connect")
    await send(hall, message_class="notice")
    with trio.fail_after(20):
        while True:
            found = (await hall.as_admin.get(f"{BASE}/channels")).json()
            (seen,) = found["channels"]
            if (seen["status"], found["queued"]) == ("down", 1):
                break
            await trio.sleep(0.01)  # as above
    assert (seen["name"], seen["detail"], seen["plugin"]) == ("sms1", "cannot connect", "p")
    await hall.node.office.remove_channels("p")
    found = (await hall.as_admin.get(f"{BASE}/channels")).json()
    assert [(each["name"], each["status"]) for each in found["channels"]] == [("sms1", "off")]


async def test_a_no_is_kept_to(posted: Any) -> None:
    hall, _ = posted
    said = {"phone": GOTONE_PHONE, "classes": ["marketing"], "allowed": False}
    assert (await hall.as_admin.post(f"{BASE}/consents", json=said)).json()["changed"] is True
    is_problem(await send(hall, **{"class": "marketing"}), 409, "not_wanted")
    assert (await send(hall)).status_code == 201


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"template": "nothing"}, "bad_template"),
        ({"values": {}}, "bad_template"),
        ({"phone": "12"}, "bad_phone"),
        ({"class": "love-letter"}, "wrong_input"),
        ({"expires_at": "2001-01-01T00:00:00+08:00"}, "message_too_late"),
    ],
)
async def test_what_cannot_be_sent_says_why(posted: Any, more: dict[str, Any], code: str) -> None:
    hall, _ = posted
    is_problem(await send(hall, **more), 422, code)


async def test_who_may(posted: Any) -> None:
    hall, _ = posted
    body = {"phone": GOTONE_PHONE, "template": "own", "values": {"name": "x"}}
    for role, may_send, may_read in (
        ("manager", True, True),
        ("channel", True, False),
        ("agent", False, False),
        ("floor", False, False),
        ("kiosk", False, False),
    ):
        client = await hall.as_role(role)
        assert (await client.post(f"{BASE}/messages", json=body)).status_code == (201 if may_send else 403)
        assert (await client.get(f"{BASE}/messages")).status_code == (200 if may_read else 403), role


async def test_an_unknown_message_is_not_found(posted: Any) -> None:
    hall, _ = posted
    is_problem(await hall.as_admin.get(f"{BASE}/messages/m0"), 404, "unknown_message")
    is_problem(await hall.as_admin.post(f"{BASE}/messages/m0/retry"), 404, "unknown_message")
