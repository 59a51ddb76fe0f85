"""Records become messages: alerts to who is on duty, near turns and appointments to customers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import structlog

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.refusals import Refusal
from somc.runtime.booker import draw_places
from somc.testing.channel import MemoryChannel
from somc.testing.given import instant
from tests.messages.rig import OTHER, PHONE, STAFF, Post, posting

WU, HE = "13700000001", "13700000002"
NEAR = "[messages]\nnear_turn = 2\n"
SLOTS = """
[appointments]
slot_s = 1800
capacity = 2
lead_s = 600
remind_s = [7200]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "hall"


async def do(post: Post, command: c.Command, **more: Any) -> Any:
    outcome = await post.hall.submit(command, lambda state, events, now: events, **more)
    assert not isinstance(outcome, Refusal), outcome.words.en
    return outcome.view  # type: ignore[union-attr] # no key, so nothing is Replayed


async def take(post: Post, name: str, phone: str | None = None, **more: Any) -> None:
    person, row = (None, None)
    if phone is not None:
        person, row = await post.hall.journal.person_for(phone, f"p-{name}")
    fields = {"service": "payment", "customer_class": "gotone", "class_source": "given", "channel": "web"}
    command = c.TakeTicket(by="kiosk:1", ticket_id=name, person=person, **{**fields, **more})
    await do(post, command, person=row)


async def test_one_message_a_ticket_and_level_to_who_is_on_duty(folder: Path) -> None:
    """SL-02."""
    channel = MemoryChannel()
    async with posting(folder, channel, start="2026-03-02 17:50") as post:
        await take(post, "t1")
        await post.at("2026-03-02 17:53")
        (warning,) = channel.taken
        assert warning.to == WU
        assert warning.text == "西单营业厅：A001（全球通，缴费）已等3分钟，距承诺还有2分钟。"
        await post.at("2026-03-02 17:59")
        assert [message.to for message in channel.taken] == [WU, WU]
        assert "超出承诺" in channel.taken[1].text
        await post.at("2026-03-02 18:30")
        assert len(channel.taken) == 2
        # After 18:00 somebody else has the duty, and reads English.
        await take(post, "t2")
        await post.at("2026-03-02 18:33")
        assert channel.taken[-1].to == HE
        assert channel.taken[-1].text.startswith("Xidan Hall: A002 (GoTone, Payment) has waited 3 min")
        sent = await post.events(e.MessageQueued)
        assert {each.message_class for each in sent} == {"alarm"}
        assert [each.ticket for each in sent] == ["t1", "t1", "t2"]


GAP = STAFF.replace('duties = ["alerts", "devices", "channels"]', 'duties = ["channels"]')


async def test_an_alert_in_a_gap_of_the_rota_is_on_the_pages_and_told_when_duty_begins(folder: Path) -> None:
    channel = MemoryChannel()
    # A hall that is open before anybody is on duty at eight.
    async with posting(folder, channel, start="2026-03-03 07:54", staff=GAP) as post:
        await take(post, "t1")
        await take(post, "t2")
        await post.at("2026-03-03 07:58")
        assert channel.taken == []
        (gap,) = [each for each in post.hall.state.alerts.values() if each.name == "nobody_on_duty"]
        (raised,) = [each for each in await post.events(e.AlertRaised) if each.alert == gap.id]
        assert "08:00" in raised.words.en
        # What is over when duty begins is told to nobody.
        await do(post, c.CancelTicket(by="agent:li", ticket="t2"))
        await post.at("2026-03-03 07:59:59")
        assert channel.taken == []
        await post.at("2026-03-03 08:01")
        assert {message.to for message in channel.taken} == {WU}
        assert [message.text.count("A001") for message in channel.taken] == [1] * len(channel.taken)
        assert not any(each.name == "nobody_on_duty" for each in post.hall.state.alerts.values())


async def test_appointments_that_a_start_finds_outside_the_hours_are_told_to_who_is_on_duty(
    folder: Path,
) -> None:
    async with posting(folder, MemoryChannel(), more=SLOTS) as post:
        await booked(post, "2026-03-03 15:00")
    mornings = SLOTS + '[hours]\nevery_day = ["09:00-12:00"]\n'
    channel = MemoryChannel()
    for _ in range(2):  # the second start has nothing new to tell
        async with posting(folder, channel, more=mornings, start="2026-03-02 10:00") as post:
            await post.at("2026-03-02 10:10")
    outside = [message for message in channel.taken if "营业时间之外" in message.text]
    assert [message.to for message in outside] == [WU]
    assert "1 个预约落在营业时间之外：2026-03-03 15:00 缴费" in outside[0].text


async def test_who_is_never_on_duty_is_never_waited_for(folder: Path) -> None:
    channel = MemoryChannel()
    staff = GAP.replace('duties = ["alerts", "channels"]', 'duties = ["channels"]')
    async with posting(folder, channel, staff=staff) as post:
        await take(post, "t1")
        await post.at("2026-03-02 09:10")
        assert await post.events(e.MessageQueued) == []
        assert any(each.name == "nobody_on_duty" for each in post.hall.state.alerts.values())


async def test_a_restart_tells_nobody_a_second_time(folder: Path) -> None:
    channel = MemoryChannel()
    async with posting(folder, channel) as post:
        await take(post, "t1")
        await post.at("2026-03-02 09:03")
        # As after a crash before the position was written: the record is looked at again.
        post.hall.journal.note_position("messages", 1)
    again = MemoryChannel()
    async with posting(folder, again, start="2026-03-02 09:03:30") as post:
        await post.settle()
        assert (len(channel.taken), again.taken) == (1, [])


async def test_what_is_cleared_or_old_is_told_to_nobody(folder: Path) -> None:
    async with posting(folder) as post:
        await take(post, "t1")
        await post.at("2026-03-02 09:03")
    channel = MemoryChannel()
    async with posting(folder, channel, start="2026-03-02 12:00") as post:
        assert channel.taken == []


async def test_a_device_that_is_down_is_one_message_a_spell(folder: Path) -> None:
    """OM-10."""
    channel = MemoryChannel()
    async with posting(folder, channel) as post:
        down = c.ReportDevice(by="device", device="printer", status="offline", detail="no answer")
        await do(post, down)
        await do(post, c.ReportDevice(by="device", device="printer", status="offline", detail="unplugged"))
        await do(post, c.ReportDevice(by="device", device="printer", status="online"))
        await post.settle()
        assert [message.to for message in channel.taken] == [HE]
        assert "printer is offline" in channel.taken[0].text


async def test_customers_are_told_when_their_turn_is_near_and_once(folder: Path) -> None:
    channel = MemoryChannel()
    async with posting(folder, channel, more=NEAR) as post:
        await do(post, c.OpenCounter(by="agent:li", counter=1, agent="li"))
        for n in range(6):
            await take(post, f"t{n}", PHONE if n == 5 else OTHER if n == 1 else None)
        await post.settle()
        assert channel.taken == []
        for _ in range(4):
            await do(post, c.CallNext(by="agent:li", counter=1))
            await do(post, c.MarkNoShow(by="agent:li", counter=1))
            await post.settle()
        # Who took a ticket with so few ahead knows it from the slip: only the last is told.
        assert [(message.to, message.text) for message in channel.taken] == [
            (PHONE, "【西单营业厅】A006号，前面还有2人，请尽快到厅等候叫号。")
        ]


async def booked(post: Post, at: str, phone: str = PHONE, **more: Any) -> str:
    person, row = await post.hall.journal.person_for(phone, f"p{phone}")
    drawn = draw_places(post.hall.journal, post.office.reception.ids, 1, person)
    command = c.BookAppointment(
        by="web",
        places=drawn.places,
        service="payment",
        at=instant(at, post.config.settings.timezone),
        channel="web",
        person=person,
        **more,
    )
    await do(post, command, person=row, codes=drawn.codes)
    await post.settle()
    return drawn.places[0].id


BLOCK = SLOTS.replace("capacity = 2", "capacity = 10")
WITH_CODES = """
[template.appointment_reminder]
text = { zh = "提醒 {code}", en = "reminder {code}" }
"""


async def block_of(post: Post, count: int, at: str, confirmed: bool = True) -> tuple[list[str], list[str]]:
    """The ids and the codes of so many places that are booked at once."""
    person, row = await post.hall.journal.person_for(PHONE, "p-block")
    drawn = draw_places(post.hall.journal, post.office.reception.ids, count, person)
    command = c.BookAppointment(
        by="hotline",
        places=drawn.places,
        service="payment",
        at=instant(at, post.config.settings.timezone),
        channel="hotline",
        person=person,
        confirmed=confirmed,
    )
    await do(post, command, person=row, codes=drawn.codes)
    await post.settle()
    return [place.id for place in drawn.places], [code.text for code in drawn.codes]


def codes_in(text: str) -> list[str]:
    return re.findall(r"(?<!\d)\d{14}(?!\d)", text)


async def test_places_that_were_booked_at_once_have_one_receipt_and_one_reminder(folder: Path) -> None:
    channel = MemoryChannel()
    async with posting(folder, channel, more=BLOCK + WITH_CODES) as post:
        names, codes = await block_of(post, 4, "2026-03-02 14:00")
        (receipt,) = channel.taken
        assert codes_in(receipt.text) == codes
        # One of them is given up: that is one message, and the reminder names the others.
        await do(post, c.CancelAppointment(by="web", appointment=names[1]))
        await post.settle()
        assert "已取消" in channel.taken[1].text
        await post.at("2026-03-02 13:00")
        (reminder,) = channel.taken[2:]
        assert reminder.text == "提醒 " + "、".join([codes[0], *codes[2:]])
        # A yes is for all of them.
        await channel.write(PHONE, "Y", ref="1")
        await post.settle()
        states = [post.hall.state.bookings.all[name].state for name in names]
        assert states == ["confirmed", "cancelled", "confirmed", "confirmed"]


@pytest.mark.parametrize(("said", "state"), [("Y", "confirmed"), ("N", "cancelled")])
async def test_a_block_that_needs_a_yes_is_asked_about_once(folder: Path, said: str, state: str) -> None:
    channel = MemoryChannel()
    async with posting(folder, channel, more=BLOCK + "confirm_s = 3600\n") as post:
        names, codes = await block_of(post, 3, "2026-03-02 14:00", confirmed=False)
        (asked,) = channel.taken
        assert codes_in(asked.text) == codes
        await channel.write(PHONE, said, ref="1")
        await post.settle()
        assert [post.hall.state.bookings.all[name].state for name in names] == [state] * 3


async def test_a_block_to_which_nobody_says_yes_ends_in_one_message(folder: Path) -> None:
    channel = MemoryChannel()
    async with posting(folder, channel, more=BLOCK + "confirm_s = 3600\n") as post:
        names, _ = await block_of(post, 3, "2026-03-02 14:00", confirmed=False)
        await post.at("2026-03-02 10:30")
        assert [post.hall.state.bookings.all[name].state for name in names] == ["expired"] * 3
        assert len(channel.taken) == 2


async def test_a_reminder_of_a_block_that_was_held_stands_while_one_place_does(folder: Path) -> None:
    channel = MemoryChannel()
    hours = BLOCK.replace("remind_s = [7200]", "remind_s = [14400]")
    for kept, told in ((1, 1), (0, 0)):
        async with posting(folder / str(kept), channel, more=hours) as post:
            names, _ = await block_of(post, 2, "2026-03-03 10:00")
            await post.at("2026-03-03 06:30")
            for name in names[: 2 - kept]:
                await do(post, c.CancelAppointment(by="web", appointment=name))
            await post.settle()
            channel.taken.clear()
            await post.at("2026-03-03 07:30")
            assert sum("提醒" in message.text for message in channel.taken) == told


async def test_a_booking_has_a_receipt_with_its_code_a_reminder_and_a_cancellation(folder: Path) -> None:
    """AP-05."""
    channel = MemoryChannel()
    async with posting(folder, channel, more=SLOTS) as post:
        name = await booked(post, "2026-03-02 14:00", confirmed=True)
        code = await post.hall.journal.code_of(name)
        assert code is not None
        (receipt,) = channel.taken
        assert receipt.text.startswith("【西单营业厅】您已预约3月2日 14:00办理缴费，预约码")
        assert code in receipt.text.replace(" ", "")
        await post.at("2026-03-02 11:59")
        assert len(channel.taken) == 1
        await post.at("2026-03-02 12:00")
        assert "提醒" in channel.taken[1].text
        await do(post, c.CancelAppointment(by="web", appointment=name))
        await post.settle()
        assert "已取消" in channel.taken[2].text
        assert len(channel.taken) == 3
        assert {each.appointment for each in await post.events(e.MessageQueued)} == {name}


async def test_a_reminder_that_was_held_is_taken_back_with_its_appointment(folder: Path) -> None:
    channel = MemoryChannel()
    hours = SLOTS.replace("remind_s = [7200]", "remind_s = [14400]")
    async with posting(folder, channel, more=hours) as post:
        name = await booked(post, "2026-03-03 10:00", confirmed=True)
        await post.at("2026-03-03 06:30")
        assert [each.held for each in await post.events(e.MessageQueued)] == [False, True]
        await do(post, c.CancelAppointment(by="web", appointment=name))
        await post.at("2026-03-03 07:30")
        assert ["提醒" in message.text for message in channel.taken] == [False, False]


async def test_a_trigger_that_fails_costs_its_message_and_nothing_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("somc.messages.triggers.on_duty", lambda *args: 1 / 0)
    channel = MemoryChannel()
    with structlog.testing.capture_logs() as logs:
        async with posting(folder, channel) as post:
            await take(post, "t1")
            await post.at("2026-03-02 09:06")
            monkeypatch.undo()
            await do(post, c.ReportDevice(by="device", device="printer", status="offline"))
            await post.settle()
            assert [message.to for message in channel.taken] == [HE]
    assert [line["trigger"] for line in logs if "trigger" in line] == ["_tell_alert", "_tell_alert"]
