"""A day of appointments in the running hall, its clock in our hands: each thing at its own minute.

Summer time begins elsewhere: the same day is played in Berlin on the night on which an hour is left out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from somc.composition import open_hall
from somc.config import load
from somc.domain import commands as c
from somc.domain.refusals import Refusal
from somc.runtime.booker import Booker, code_hash
from somc.runtime.hall import Hall, Key
from somc.runtime.ids import IdSource
from somc.testing.day import DayClock, quiet, replayed
from somc.testing.given import instant
from tests.server.rig import HALL, write_hall

TERMS = """
[hours]
every_day = ["08:00-18:00"]

[appointments]
capacity = 1
slot_s = 900
check_in_early_s = 1800
late_s = 600
missed_s = 1200
confirm_s = 3600
offer_s = 900
remind_s = [7200, 1800]
"""


class Day:
    """A hall and its clock; who acts is not the point."""

    def __init__(self, hall: Hall, clock: DayClock, zone: str) -> None:
        self.hall = hall
        self.clock = clock
        self.zone = zone
        self.ids = IdSource(3)
        self.booker = Booker(hall, self.ids)

    async def at(self, words: str) -> None:
        """Let it be so late; what comes due on the way is done at its own instant."""
        to_ms = instant(words, self.zone)
        while (wake := self.clock.next_wake) is not None and wake <= to_ms:
            self.clock.advance(wake)
            await quiet(self.hall)
        self.clock.advance(to_ms)
        await quiet(self.hall)

    async def do(self, command: c.Command) -> None:
        outcome = await self.hall.submit(command, lambda state, events, now: None)
        assert not isinstance(outcome, Refusal), outcome.words.en

    async def book(self, name: str, words: str, confirmed: bool = True, wait: bool = False) -> str:
        """An appointment of the person `name`; its id."""
        command = c.BookAppointment(
            by="channel:web",
            places=(c.Place(f"a-{name}", code_hash(self.hall.journal, name)),),
            service="payment",
            at=instant(words, self.zone),
            channel="web",
            person=name,
            confirmed=confirmed,
            wait=wait,
        )
        await self.do(command)
        return f"a-{name}"

    async def check_in(self, name: str) -> None:
        fields = {"customer_class": "easyown", "class_source": "default", "channel": "kiosk"}
        await self.do(c.CheckIn(by="kiosk:1", appointment=f"a-{name}", ticket_id=f"t-{name}", **fields))

    async def story(self) -> list[tuple[str, str, str]]:
        """(clock, what, whose) of every record of an appointment and of every call."""
        told: list[tuple[str, str, str]] = []
        after = 0
        while page := await self.hall.journal.records_after(after, 1000):
            after = page[-1].seq
            for record in page:
                data: dict[str, Any] = msgspec.json.decode(record.data)
                whose = data.get("appointment") or data.get("ticket", "")
                if record.type.startswith("appointment.") or record.type == "ticket.called":
                    shown = datetime.fromtimestamp(record.at / 1000, ZoneInfo(self.zone))
                    told.append((shown.strftime("%H:%M"), record.type.partition(".")[2], whose))
        return told


@asynccontextmanager
async def day(folder: Path, start: str, zone: str = "Asia/Shanghai", more: str = "") -> AsyncIterator[Day]:
    toml = HALL.replace("Asia/Shanghai", zone) + (more or TERMS)
    config = load(write_hall(folder, toml))
    clock = DayClock(instant(start, zone))
    async with open_hall(config, folder / "data", clock, IdSource(1)) as (hall, _):
        yield Day(hall, clock, zone)
        dumped = hall.state.dump()
        await hall.journal.wait_idle()
    assert (await replayed(folder / "data")).dump() == dumped, "the records spell another state"


async def test_each_thing_comes_at_its_own_minute(tmp_path: Path) -> None:
    async with day(tmp_path, "2026-03-02 08:00") as hall:
        await hall.book("early", "2026-03-02 10:00")
        await hall.book("late", "2026-03-02 10:15")
        await hall.book("never", "2026-03-02 10:30")
        await hall.book("unsure", "2026-03-02 11:00", confirmed=False)
        await hall.book("waits", "2026-03-02 11:00", wait=True)
        await hall.do(c.OpenCounter(by="agent:li", counter=1, agent="li"))
        await hall.at("2026-03-02 09:45")
        for walk_in in ("w1", "w2"):
            fields = {"customer_class": "easyown", "class_source": "default", "channel": "kiosk"}
            await hall.do(c.TakeTicket(by="kiosk:1", ticket_id=walk_in, service="payment", **fields))
        await hall.check_in("early")
        await hall.at("2026-03-02 10:00")
        for _ in range(2):
            await hall.do(c.CallNext(by="agent:li", counter=1))
            await hall.do(c.StartService(by="agent:li", counter=1))
            await hall.do(c.FinishService(by="agent:li", counter=1))
        await hall.at("2026-03-02 10:26")
        await hall.check_in("late")
        await hall.do(c.CallNext(by="agent:li", counter=1))
        await hall.at("2026-03-03 05:00")
        told = await hall.story()
    assert told == [
        ("08:00", "booked", "a-early"),
        ("08:00", "booked", "a-late"),
        ("08:00", "booked", "a-never"),
        ("08:00", "booked", "a-unsure"),
        ("08:00", "waitlisted", "a-waits"),
        ("08:15", "reminder_due", "a-late"),
        ("08:30", "reminder_due", "a-never"),
        ("09:00", "expired", "a-unsure"),  # nobody said yes within the hour
        ("09:00", "offered", "a-waits"),
        ("09:15", "expired", "a-waits"),  # nor to the offer
        ("09:30", "reminder_due", "a-early"),
        ("09:45", "reminder_due", "a-late"),
        ("09:45", "checked_in", "a-early"),
        ("10:00", "reminder_due", "a-never"),
        ("10:00", "called", "t-early"),  # at its time, ahead of those who came as early
        ("10:00", "called", "w1"),
        ("10:26", "checked_in", "a-late"),  # more than ten minutes late: a walk-in
        ("10:26", "called", "w2"),
        ("10:50", "missed", "a-never"),
    ]


async def test_the_night_on_which_summer_time_begins_moves_nothing_but_the_clock(tmp_path: Path) -> None:
    terms = TERMS.replace("08:00-18:00", "00:00-06:00")
    async with day(tmp_path, "2026-03-28 22:00", "Europe/Berlin", terms) as hall:
        await hall.book("before", "2026-03-29 01:45")
        await hall.book("after", "2026-03-29 03:00")  # a quarter of an hour later: two o'clock does not come
        await hall.at("2026-03-29 05:00")
        told = await hall.story()
    assert told[2:] == [
        ("23:45", "reminder_due", "a-before"),
        ("00:00", "reminder_due", "a-after"),
        ("01:15", "reminder_due", "a-before"),
        ("01:30", "reminder_due", "a-after"),
        ("03:05", "missed", "a-before"),
        ("03:20", "missed", "a-after"),
    ]


async def test_whoever_has_no_route_of_their_own_books_by_the_booker_once(tmp_path: Path) -> None:
    async with day(tmp_path, "2026-03-02 08:00") as hall:
        at = instant("2026-03-02 10:00")
        key = Key("channel:sms", "sms.book", "m1", b"")
        for _ in range(2):
            assert await hall.booker.book(service="payment", at=at, person="p1", key=key) is None
        other = Key("channel:sms", "sms.book", "m2", b"")
        refused = await hall.booker.book(service="payment", at=at, person="p2", key=other)
        assert isinstance(refused, Refusal)
        assert refused.code == "slot_full"
        [made] = hall.hall.state.bookings.all.values()
        code = await hall.hall.journal.code_of(made.id)
        assert code is not None
        assert code_hash(hall.hall.journal, code) == made.code
