"""What a kiosk without a page may do: the same as one with a page, by the same acts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from somc.composition import doors_of
from somc.rack import Doors
from tests.server.booking import day_of_appointments
from tests.server.rig import GOTONE_PHONE, Running, running

BASE = "/api/v1"


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path, day_of_appointments()) as found:
        yield found


@pytest.fixture
def doors(hall: Running) -> Doors:
    return doors_of(hall.node.app.desk)


async def types(hall: Running) -> list[str]:
    return [record["type"] for record in await hall.records()]


async def test_a_ticket_is_taken_in_the_kiosks_name_and_its_slip_printed_again(
    hall: Running, doors: Doors
) -> None:
    assert await doors.take("kiosk-1", "payment", GOTONE_PHONE) == ""
    taken = (await hall.records())[-1]["data"]
    assert (taken["by"], taken["channel"], taken["customer_class"]) == ("kiosk:kiosk-1", "kiosk", "gotone")
    assert await doors.print_copy("kiosk-1", taken["ticket"]) == ""
    assert (await types(hall))[-2:] == ["ticket.taken", "ticket.printed"]


async def test_an_appointments_code_checks_its_holder_in(hall: Running, doors: Doors) -> None:
    assert doors.check_in is not None
    slots = (await hall.as_admin.get(f"{BASE}/appointments/slots", params={"service": "payment"})).json()
    at = next(slot["at"] for slot in slots["slots"] if slot["free"])
    made = await hall.as_admin.post(f"{BASE}/appointments", json={"service": "payment", "at": at})
    assert await doors.check_in("kiosk-1", made.json()["code"]) == ""
    assert "appointment.checked_in" in await types(hall)


async def test_what_is_refused_is_a_word_for_the_log_and_no_ticket(hall: Running, doors: Doors) -> None:
    assert doors.check_in is not None
    before = len(await hall.records())
    assert "service" in await doors.take("kiosk-1", "nonsense", None)
    assert await doors.take("kiosk-1", "payment", "not a phone")
    assert await doors.check_in("kiosk-1", "ZZZZZZZZ")
    assert await doors.print_copy("kiosk-1", "t-unknown")
    assert len(await hall.records()) == before
