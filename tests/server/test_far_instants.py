"""Instants that no calendar shows, from anybody: refused in words, and nobody else is at a loss."""

from __future__ import annotations

from pathlib import Path

import pytest

from somc.api import BookAppointment, ChangeAppointment, Refusal
from somc.runtime.plugins.acting import Actions
from somc.server.appointment_actions import add_appointment_actions
from tests.server.booking import booked, day_of_appointments, next_slots
from tests.server.rig import running

FAR = ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00")


async def test_what_no_calendar_shows_is_refused_and_breaks_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, day_of_appointments()) as hall:
        made = await booked(hall, (await next_slots(hall))[0])
        for at in FAR:
            wish = {"service": "payment", "at": at, "phone": "13911112222"}
            answer = await hall.as_admin.post("/api/v1/appointments", json=wish)
            assert answer.status_code in (409, 422), (at, answer.text)
            moved = await hall.as_admin.patch(f"/api/v1/appointments/{made['code']}", json={"at": at})
            assert moved.status_code in (409, 422), (at, moved.text)
        for date in ("9999-12-31", "0001-01-01"):
            for path in ("appointments/slots?service=payment&", "appointments?"):
                answer = await hall.as_admin.get(f"/api/v1/{path}date={date}")
                assert answer.status_code < 500, (path, date, answer.text)
        message = {"template": "phone_code", "phone": "13911112222", "values": {"code": "1", "minutes": "2"}}
        await hall.as_admin.post("/api/v1/messages", json={**message, "not_before": FAR[0]})
        assert (await hall.as_admin.get("/api/v1/messages")).status_code == 200, "the log can still be read"


@pytest.mark.parametrize("at", [0, 253_402_300_799_999, 2**53])
async def test_a_plugin_may_hand_on_any_number_that_it_was_given(at: int, tmp_path: Path) -> None:
    async with running(tmp_path, day_of_appointments()) as hall:
        made = await booked(hall, (await next_slots(hall))[0])
        actions = Actions(hall.node.hall)
        add_appointment_actions(actions, hall.node.app.desk, hall.node.app.floor)
        wanted = BookAppointment(service="payment", at=at, until=at, phone="13911112222")
        assert isinstance(await actions.do("web", frozenset(("phone",)), wanted), Refusal)
        change = ChangeAppointment(appointment=made["code"], at=at)
        assert isinstance(await actions.do("web", frozenset(("phone",)), change), Refusal)
