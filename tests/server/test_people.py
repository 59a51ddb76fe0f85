"""Phone numbers: who the customer is, and who never learns the number."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from somc.server.phones import normal_phone
from somc.server.views import mask
from tests.server.rig import GOTONE_PHONE, UNKNOWN_PHONE, Running, is_problem

BASE = "/api/v1"


async def test_a_known_gotone_number_is_gotone_before_it_is_queued(hall: Running) -> None:
    """Q-04: the brand is settled by the number, and the record that queues the ticket holds it."""
    known = await hall.take(phone=GOTONE_PHONE)
    unknown = await hall.take(phone=UNKNOWN_PHONE)
    silent = await hall.take()
    assert [ticket["customer_class"] for ticket in (known, unknown, silent)] == [
        "gotone",
        "easyown",
        "easyown",
    ]
    assert [ticket["target_wait_s"] for ticket in (known, unknown)] == [300, 600]
    records = [record for record in await hall.records() if record["type"] == "ticket.taken"]
    told = [(record["data"]["customer_class"], record["data"]["class_source"]) for record in records]
    assert told == [("gotone", "table"), ("easyown", "default"), ("easyown", "default")]


@pytest.mark.parametrize(
    "written", ["+86 138-0013-8000", "008613800138000", "8613800138000", " 138 0013 8000"]
)
async def test_a_number_is_known_however_it_is_written(hall: Running, written: str) -> None:
    assert (await hall.take(phone=written))["customer_class"] == "gotone"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("13800138000", "13800138000"),
        ("+8613800138000", "13800138000"),
        ("10086", "10086"),
        ("86", None),
        ("+44 20 7946 0000", "442079460000"),
        ("(010) 6655.4433", "01066554433"),
        ("1380013800a", None),
        ("１３８００１３８０００", None),
        ("٠١٢٣٤٥٦٧", None),
        ("++13800138000", None),
        ("1" * 21, None),
        ("", None),
        ("13800138000\n", "13800138000"),
    ],
)
def test_a_phone_number_is_digits_however_it_is_written(written: str, kept: str | None) -> None:
    assert normal_phone(written) == kept


@pytest.mark.parametrize(
    "phone", ["", "abc", "1234", "1" * 21, "1" * 33, "１３８００１３８０００", 13800138000]
)
async def test_what_is_no_phone_number_is_422_and_named(hall: Running, phone: Any) -> None:
    body = {"service": "payment", "phone": phone}
    problem = is_problem(await hall.as_admin.post(f"{BASE}/tickets", json=body), 422)
    assert list(problem["fields"]) == ["phone"]
    assert str(phone) == "" or str(phone) not in problem["detail"]


async def test_a_kiosk_cannot_claim_a_class_and_staff_can(hall: Running) -> None:
    body = {"service": "payment", "customer_class": "gotone"}
    problem = is_problem(
        await (await hall.as_role("kiosk")).post(f"{BASE}/tickets", json=body), 403, "no_right"
    )
    assert list(problem["fields"]) == ["customer_class"]
    for role in ("floor", "agent", "manager", "channel"):
        answer = await (await hall.as_role(role)).post(f"{BASE}/tickets", json=body)
        assert answer.json()["customer_class"] == "gotone"
        assert (await hall.records())[-1]["data"]["class_source"] == "given"
    body["customer_class"] = "platinum"
    assert is_problem(await hall.as_admin.post(f"{BASE}/tickets", json=body), 422)["code"] == "unknown_class"


async def test_the_phone_is_in_no_record_and_in_no_answer_but_masked_for_those_who_serve(
    hall: Running,
) -> None:
    ticket = (await hall.take(phone=GOTONE_PHONE))["id"]
    await hall.open_counter(1)
    assert (await hall.at(1, "call-next"))["ticket"]["id"] == ticket
    masked = "138****8000"
    for role in ("kiosk", "display", "floor", "centre", "channel", "device", "agent", "manager", "admin"):
        client = await hall.as_role(role)
        for path in (
            f"tickets/{ticket}",
            "tickets",
            "hall",
            "counters",
            "records",
            "queue/preview?counter=1",
        ):
            answer = await client.get(f"{BASE}/{path}")
            assert GOTONE_PHONE not in answer.text
            serves = role in ("agent", "manager", "admin") and path.startswith("tickets")
            assert (masked in answer.text) == serves, (role, path)
            assert '"person"' not in answer.text or path == "records"
    raw = json.dumps(await hall.records(), ensure_ascii=False)
    assert GOTONE_PHONE not in raw
    assert GOTONE_PHONE[3:] not in raw
    state = msgspec.json.encode(hall.node.hall.state.dump())
    assert GOTONE_PHONE.encode() not in state


async def test_one_phone_is_one_person(hall: Running) -> None:
    for phone in (GOTONE_PHONE, "+8613800138000", UNKNOWN_PHONE):
        await hall.take(phone=phone)
    people = [record["data"]["person"] for record in await hall.records() if record["type"] == "ticket.taken"]
    assert people[0] == people[1] != people[2]


@pytest.mark.parametrize(
    ("phone", "shown"),
    [("13800138000", "138****8000"), ("10086", "*****"), ("1234567", "*******"), ("12345678", "123*5678")],
)
def test_a_masked_number_shows_seven_digits_at_most(phone: str, shown: str) -> None:
    assert mask(phone) == shown


async def test_the_slip_carries_the_papers_to_bring(hall: Running) -> None:
    assert (await hall.take("business"))["slip"] == [{"zh": "机主身份证", "en": "Identity card"}]
    assert (await hall.take("payment"))["slip"] == []


@pytest.mark.parametrize("channel", ["Kiosk", "kiosk\n", "", "x" * 33, "1web", "a b", None, "网"])
async def test_a_channel_is_a_short_plain_word(hall: Running, channel: Any) -> None:
    body = {"service": "payment", "channel": channel}
    problem = is_problem(await hall.as_admin.post(f"{BASE}/tickets", json=body), 422)
    assert list(problem["fields"]) == ["channel"]
