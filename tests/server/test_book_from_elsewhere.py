"""AP-01, AP-02: what the how-to page tells third parties is what they can do with a channel's token."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.server.booking import day_of_appointments
from tests.server.rig import running

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "book-from-elsewhere.md"


async def test_the_example_books_the_places_in_their_order(tmp_path: Path) -> None:
    [block] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    example: dict[str, Any] = {}
    exec(block, example)
    async with running(tmp_path, day_of_appointments(capacity=1)) as hall:
        channel = await hall.as_role("channel")
        path = "/api/v1/appointments/slots"
        today = (await channel.get(path, params={"service": "payment"})).json()
        wanted = {"service": "payment", "date": today["last_date"]}
        slots = (await channel.get(path, params=wanted)).json()["slots"]
        told = [
            await example["book_for_caller"](channel, "payment", today["last_date"], f"1380000000{n}")
            for n in range(3)
        ]
        assert [at for _, at in told] == [slot["at"] for slot in slots if slot["bookable"]][:3]
        assert len({code for code, _ in told}) == 3
        listed = (await hall.as_admin.get("/api/v1/appointments")).json()
        assert {each["channel"] for each in listed} == {"hotline"}
        assert (await channel.get("/api/v1/appointments")).status_code == 403, "a channel sees no list"
        assert await example["book_for_caller"](channel, "payment", "2020-01-01", "13800000009") is None
