"""What a plugin may do about appointments: as much as any channel, under its own name."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from somc.api import (
    BookAppointment,
    CancelAppointment,
    ChangeAppointment,
    CheckIn,
    ConfirmAppointment,
    Done,
    FindAppointment,
    ListServices,
    ListSlots,
    Refusal,
)
from somc.runtime.plugins.acting import Actions
from somc.server.appointment_actions import add_appointment_actions
from tests.server.booking import day_of_appointments
from tests.server.rig import UNKNOWN_PHONE, Running, running

Do = Any


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path, day_of_appointments()) as found:
        yield found


@pytest.fixture
def do(hall: Running) -> Do:
    actions = Actions(hall.node.hall)
    add_appointment_actions(actions, hall.node.app.desk, hall.node.app.floor)

    async def do(action: Any) -> Any:
        return await actions.do("web_booking", frozenset(), action)

    return do


async def free(do: Do) -> list[int]:
    found: list[int] = []
    today = await do(ListSlots(service="payment"))
    for day in (today.data["date"], today.data["last_date"]):
        slots = (await do(ListSlots(service="payment", date=day))).data["slots"]
        found += [slot["at"] for slot in slots if slot["free"]]
    return found


async def test_a_plugin_books_moves_confirms_and_gives_up_under_its_own_name(hall: Running, do: Do) -> None:
    """AP-03."""
    at, later = (await free(do))[:2]
    made = await do(BookAppointment(service="payment", at=at, phone=UNKNOWN_PHONE, key="k1"))
    again = await do(BookAppointment(service="payment", at=at, phone=UNKNOWN_PHONE, key="k1"))
    assert isinstance(made, Done)
    assert made.data == again.data
    code = str(made.data["code"])
    assert (await do(ConfirmAppointment(appointment=code))).data["state"] == "confirmed"
    assert (await do(ChangeAppointment(appointment=code, at=later))).data["at"] == later
    assert (await do(FindAppointment(appointment=code))).data["phone"] is None
    assert (await do(CancelAppointment(appointment=code))).data["state"] == "cancelled"
    refused = await do(CheckIn(appointment=code))
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.kind) == ("appointment_state", "conflict")
    booked = next(record for record in await hall.records() if record["type"] == "appointment.booked")
    assert booked["data"]["by"] == "plugin:web_booking"


async def test_a_plugin_checks_a_customer_in_and_sees_the_place_in_line(hall: Running, do: Do) -> None:
    code = str((await do(BookAppointment(service="payment", at=(await free(do))[0]))).data["code"])
    await hall.open_counter(1)
    assert (await do(CheckIn(appointment=code, channel="web"))).data["booked"] is True
    line = (await do(FindAppointment(appointment=code))).data
    assert (line["ticket_state"], line["position_now"]) == ("waiting", 1)
    await hall.at(1, "call", ticket=line["ticket"])
    assert (await do(FindAppointment(appointment=code))).data["counter"] == 1


async def test_only_services_that_take_appointments_are_listed(do: Do) -> None:
    data = (await do(ListServices())).data
    assert [service["id"] for service in data["services"]] == ["payment", "business", "repair"]
    assert data["timezone"] == "Asia/Shanghai"


async def test_whoever_guesses_through_a_plugin_slows_down_nobody_else(hall: Running, do: Do) -> None:
    code = str((await do(BookAppointment(service="payment", at=(await free(do))[0]))).data["code"])
    for _ in range(20):
        guess = FindAppointment(appointment=hall.node.app.desk.ids.draw_code(), asker="203.0.113.1")
        assert (await do(guess)).code == "unknown_appointment"
    slow = await do(FindAppointment(appointment=code, asker="203.0.113.1"))
    assert slow.code == "too_many_tries"
    assert "秒" in slow.words.zh
    assert isinstance(await do(FindAppointment(appointment=code, asker="203.0.113.2")), Done)


async def test_what_is_wrong_is_refused_in_both_languages(do: Do) -> None:
    for action, code in (
        (ListSlots(service="nails"), "unknown_service"),
        (ListSlots(service="payment", date="2026-02-30"), "bad_date"),
        (FindAppointment(appointment="1234"), "bad_code"),
        (BookAppointment(service="payment", at=0), "slot_too_soon"),
        (BookAppointment(service="payment", at=0, phone="x"), "bad_phone"),
    ):
        refused = await do(action)
        assert isinstance(refused, Refusal), action
        assert refused.code == code
        assert re.search(r"[\u4e00-\u9fff]", refused.words.zh)
