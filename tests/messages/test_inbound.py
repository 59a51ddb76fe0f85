"""What customers write is carried out once and answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from somc.api.channels import Inbound
from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.refusals import Refusal
from somc.testing.channel import MemoryChannel
from somc.testing.given import instant
from tests.messages.rig import OTHER, PHONE, Post, posting
from tests.messages.test_triggers import SLOTS, booked, do, take


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "hall"


async def write(post: Post, channel: MemoryChannel, text: str, ref: str, phone: str = PHONE) -> str:
    """Somebody writes; the last answer."""
    before = len(channel.taken)
    await channel.write(phone, text, ref)
    await post.settle()
    return channel.taken[-1].text if len(channel.taken) > before else ""


async def test_place_in_line_by_message(folder: Path) -> None:
    channel = MemoryChannel()
    async with posting(folder, channel) as post:
        assert (
            await write(post, channel, "CX", "1") == "【西单营业厅】您今天没有在等候的号码。当前共有0人等候。"
        )
        await do(post, c.OpenCounter(by="agent:li", counter=1, agent="li"))
        await take(post, "t1")
        await take(post, "t2", PHONE)
        assert (
            await write(post, channel, "查询。", "2") == "【西单营业厅】A002号（缴费）前面1人，约等候3分钟。"
        )
        assert "没有在等候" in await write(post, channel, "cx", "3", OTHER)
        await do(post, c.CallNext(by="agent:li", counter=1))
        await do(post, c.MarkNoShow(by="agent:li", counter=1))
        await do(post, c.CallNext(by="agent:li", counter=1))
        assert await write(post, channel, "CX", "4") == "【西单营业厅】A002号已叫号，请到1号台席。"


async def test_an_order_by_message_takes_effect_only_after_a_yes(folder: Path) -> None:
    """CH-06."""
    channel = MemoryChannel()
    async with posting(folder, channel, more=SLOTS) as post:
        asked = await write(post, channel, "预约缴费明天10点", "1")
        assert asked == "【西单营业厅】您要预约3月3日 10:00办理缴费，10分钟内回复Y确认，不回复则不预约。"
        assert post.hall.state.bookings.all == {}
        receipt = await write(post, channel, "Y", "2")
        assert receipt.startswith("【西单营业厅】您已预约3月3日 10:00办理缴费，预约码")
        (appointment,) = post.hall.state.bookings.all.values()
        assert (appointment.at, appointment.channel) == (instant("2026-03-03 10:00"), "sms")
        assert "没有需要您确认" in await write(post, channel, "Y", "3")


@pytest.mark.parametrize("written", [f"+86{PHONE}", f"0086{PHONE}", f"86{PHONE}", PHONE])
async def test_a_number_is_one_however_its_gateway_writes_it(written: str, folder: Path) -> None:
    channel = MemoryChannel()
    async with posting(folder, channel, more=SLOTS) as post:
        name = await booked(post, "2026-03-02 14:00")
        await write(post, channel, "QX", "1", written)
        assert post.hall.state.bookings.all[name].state == "cancelled"


async def test_no_answer_means_no_order(folder: Path) -> None:
    channel = MemoryChannel()
    async with posting(folder, channel, more=SLOTS) as post:
        await write(post, channel, "YY 缴费 明天 10:00", "1")
        await post.at("2026-03-02 09:11")
        assert "没有需要您确认" in await write(post, channel, "Y", "2")
        assert post.hall.state.bookings.all == {}


async def test_a_time_that_cannot_be_is_answered_with_those_that_can(folder: Path) -> None:
    channel = MemoryChannel()
    async with posting(folder, channel, more=SLOTS) as post:
        assert "可预约：" in await write(post, channel, "YY 缴费 今天 08:00", "1")
        assert "可预约：" in await write(post, channel, "YY 缴费", "2")
        assert "请写明业务" in await write(post, channel, "YY 明天 10:00", "3")


async def test_an_appointment_is_confirmed_and_cancelled_by_message(folder: Path) -> None:
    channel = MemoryChannel()
    async with posting(folder, channel, more=SLOTS) as post:
        name = await booked(post, "2026-03-02 14:00", confirmed=True)
        await post.at("2026-03-02 12:00")
        assert await write(post, channel, "y", "1") == "【西单营业厅】已确认，谢谢。"
        assert post.hall.state.bookings.all[name].state == "confirmed"
        assert "已取消" in await write(post, channel, "QX", "2")
        assert "没有可取消" in await write(post, channel, "QX", "3")


@pytest.mark.parametrize("no", ["N", "否", "QX"])
async def test_a_no_to_an_order_costs_no_other_appointment(no: str, folder: Path) -> None:
    channel = MemoryChannel()
    async with posting(folder, channel, more=SLOTS) as post:
        name = await booked(post, "2026-03-02 14:00")
        assert "回复Y确认" in await write(post, channel, "YY 缴费 明天 10:00", "1")
        assert "没有预约" in await write(post, channel, no, "2")
        assert post.hall.state.bookings.all[name].state == "booked"
        assert "没有需要您确认" in await write(post, channel, "Y", "3"), "the order is none any more"
        assert "没有需要您确认" in await write(post, channel, "N", "4"), "nobody asked"
        assert [each.id for each in post.hall.state.bookings.all.values() if each.state.ahead] == [name]


async def test_a_no_gives_up_the_appointment_that_was_asked_about(folder: Path) -> None:
    channel = MemoryChannel()
    async with posting(folder, channel, more=SLOTS) as post:
        asked = await booked(post, "2026-03-03 10:00", confirmed=True)
        await post.at("2026-03-03 08:00")
        person = post.hall.state.bookings.all[asked].person
        assert person is not None
        assert post.hall.state.outbox.open_ask(person, post.hall.now()) is not None
        await write(post, channel, "n", "1")
        assert post.hall.state.bookings.all[asked].state == "cancelled"


async def test_the_same_message_told_twice_is_one(folder: Path) -> None:
    channel = MemoryChannel()
    async with posting(folder, channel, more=SLOTS) as post:
        first, second = (
            await booked(post, "2026-03-02 14:00", confirmed=True),
            await booked(post, "2026-03-02 15:00", confirmed=True),
        )
        await write(post, channel, "QX", "7")
        assert await write(post, channel, "QX", "7") == ""
        states = [str(post.hall.state.bookings.all[name].state) for name in (first, second)]
        assert states == ["cancelled", "booked"]
        assert len(await post.events(e.MessageReceived)) == 1


async def test_what_a_crash_swallowed_is_made_good_when_the_gateway_tells_it_again(folder: Path) -> None:
    channel = MemoryChannel()
    async with posting(folder, channel, more=SLOTS) as post:
        await write(post, channel, "YY 缴费 明天 10:00", "1")
        asked = next(iter(post.hall.state.outbox.asks.values()))[0][0]
        person = next(iter(post.hall.state.outbox.asks))
        # As if the hall had died right after it had recorded what came.
        await do(
            post,
            c.ReceiveMessage(
                by="channel:sms",
                message_id="i-lost",
                gateway="sms",
                ref="2",
                person=person,
                intent="confirm",
                answers=asked,
            ),
        )
    again = MemoryChannel()
    async with posting(folder, again, more=SLOTS, start="2026-03-02 09:02") as post:
        assert "您已预约" in await write(post, again, "Y", "2")
        assert len(post.hall.state.bookings.all) == 1


async def test_opting_out_and_in(folder: Path) -> None:
    channel = MemoryChannel()
    async with posting(folder, channel) as post:
        assert "已退订" in await write(post, channel, "TD", "1")
        outcome = await post.office.messenger.send("own", {"text": "x"}, by="test", phone=PHONE)
        assert isinstance(outcome, Refusal)
        assert outcome.code == "not_wanted"
        assert "已订阅" in await write(post, channel, "DY", "2")
        await post.send("x", message_class="marketing")
        changed = await post.events(e.ConsentChanged)
        assert [(each.allowed, each.cause) for each in changed] == [(False, "reply"), (True, "reply")]


async def test_what_is_not_understood_is_answered_with_the_words(folder: Path) -> None:
    channel = MemoryChannel()
    async with posting(folder, channel) as post:
        assert "回复 CX 查排队" in await write(post, channel, "你好，我想问一下话费", "1")
        (received,) = await post.events(e.MessageReceived)
        assert received.intent == "unknown"
        assert await post.hall.journal.message_text(received.message) == "你好，我想问一下话费"


async def test_a_number_with_its_country_code_is_the_same_customer(folder: Path) -> None:
    channel = MemoryChannel()
    async with posting(folder, channel) as post:
        await take(post, "t1", PHONE)
        assert "A001" in await write(post, channel, "CX", "1", f"+86{PHONE}")
        assert channel.host is not None
        await channel.host.inbound([Inbound(f"86{PHONE}", "x", "CX", "2")])
        await post.settle()
        assert "A001" in channel.taken[-1].text
