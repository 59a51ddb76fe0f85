"""Two days of a hall in Berlin, the clocks put forward in the night between: every message at its minute.

The clock is that of `somc.testing.day`: it moves to the next thing that happens when everything is idle.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from somc.api import Outgoing
from somc.domain import commands as c
from somc.domain import events as e
from somc.testing.channel import MemoryChannel
from somc.testing.given import instant
from tests.messages.rig import OTHER, PHONE, Post, posting
from tests.messages.test_triggers import booked, do, take

BERLIN = "Europe/Berlin"
RULES = """
[appointments]
slot_s = 1800
capacity = 2
lead_s = 600
remind_s = [43200, 7200]
missed_s = 1800

[messages]
consent = []
"""


class Watch(MemoryChannel):
    """A gateway that notes at which minute of the hall's clock each message left."""

    def __init__(self) -> None:
        super().__init__()
        self.post: Post | None = None
        self.left: list[tuple[str, str, str]] = []

    async def send(self, batch: Any) -> Any:
        outcomes = await super().send(batch)
        for message in batch:
            self.note(message)
        return outcomes

    def note(self, message: Outgoing) -> None:
        assert self.post is not None
        at = datetime.fromtimestamp(self.post.clock.now_ms() / 1000, ZoneInfo(BERLIN))
        template = self.post.hall.state.outbox.messages[message.id].template
        self.left.append((at.strftime("%d %H:%M:%S"), message.to[:3], template))


async def test_every_message_leaves_at_its_minute_over_the_night_of_summer_time(tmp_path: Path) -> None:
    channel = Watch()
    async with posting(
        tmp_path / "hall", channel, more=RULES, start="2026-03-28 16:00", timezone=BERLIN
    ) as post:
        channel.post = post
        # Sunday 08:30; twelve hours before is 19:30 on Saturday's clocks, for an hour is left out.
        early = await booked(post, "2026-03-29 08:30", confirmed=True)
        # Sunday 11:00; its first reminder is due at 22:00 on Saturday, when the quiet hours begin.
        late = await booked(post, "2026-03-29 11:00", OTHER, confirmed=True)
        await post.at("2026-03-28 21:59")
        await post.send("欠费", message_class="dunning", phone="13300000000")
        await post.settle()
        await post.at("2026-03-28 22:00")
        await post.send("欠费", message_class="dunning", phone="13311111111")
        await post.at("2026-03-28 23:30")
        await take(post, "t1")  # its promise of five minutes is missed in the middle of the night
        await post.at("2026-03-29 03:30")
        await post.send("code", message_class="code", phone="13322222222")
        await post.settle()
        await post.at("2026-03-29 08:10")
        await do(post, c.CancelAppointment(by="web", appointment=early, reason="ill"))
        await post.settle()
        await post.at("2026-03-29 12:00")
        assert channel.left == [
            ("28 16:00:00", PHONE[:3], "appointment_booked"),
            ("28 16:00:00", OTHER[:3], "appointment_booked"),
            ("28 19:30:00", PHONE[:3], "appointment_reminder"),
            ("28 21:59:00", "133", "own"),
            ("28 23:33:00", "137", "alert_warning"),
            ("28 23:35:00", "137", "alert_breach"),
            ("29 03:30:00", "133", "own"),
            # What the quiet hours held leaves at seven, the reminders before the dunning.
            ("29 07:00:00", OTHER[:3], "appointment_reminder"),
            ("29 07:00:00", PHONE[:3], "appointment_reminder"),
            ("29 07:00:00", "133", "own"),
            ("29 08:10:00", PHONE[:3], "appointment_cancelled"),
            ("29 09:00:00", OTHER[:3], "appointment_reminder"),
        ]
        held = [each for each in await post.events(e.MessageQueued) if each.held]
        hours = {(each.ready_at - instant_of(post, "2026-03-28 22:00")) // 3_600_000 for each in held}
        assert hours == {8}, "the quiet night is an hour shorter"
        assert post.hall.state.bookings.all[late].state == "missed"
        texts = [message.text for message in channel.taken if message.to == "13311111111"]
        assert texts == ["欠费（生成时间 2026-03-28 22:00）"]


def instant_of(post: Post, words: str) -> int:
    return instant(words, post.config.settings.timezone)
