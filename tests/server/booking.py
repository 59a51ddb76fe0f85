"""A hall that takes appointments now, whatever the clock on the wall says."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.server.rig import HALL, Running

ZONE = ZoneInfo("Asia/Shanghai")
APPOINTMENTS = """
[appointments]
capacity = {capacity}
slot_s = 300
lead_s = 0
check_in_early_s = 86400
"""


def day_of_appointments(toml: str = HALL, capacity: int = 2, more: str = "") -> str:
    """The hall with slots of five minutes around the clock, which may be checked in at once."""
    return toml + APPOINTMENTS.format(capacity=capacity) + more


async def next_slots(hall: Running, service: str = "payment") -> list[str]:
    """The starts of the next slots with room, today's and tomorrow's."""
    found: list[str] = []
    today = datetime.fromtimestamp(hall.node.hall.now() / 1000, ZONE).date()
    for day in (today, today + timedelta(days=1)):
        query = {"service": service, "date": day.isoformat()}
        answer = await hall.as_admin.get("/api/v1/appointments/slots", params=query)
        found += [slot["at"] for slot in answer.json()["slots"] if slot["free"]]
    return found


async def booked(hall: Running, at: str, expect: int = 201, **more: Any) -> dict[str, Any]:
    """An appointment for a payment."""
    answer = await hall.as_admin.post("/api/v1/appointments", json={"service": "payment", "at": at, **more})
    assert answer.status_code == expect, answer.text
    view: dict[str, Any] = answer.json()
    return view
