"""What may leave leaves, at its time, by the channel whose turn it is; and is recorded once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio

from somc.api.channels import Outgoing, Refused
from somc.domain import events as e
from somc.errors import UsageError
from somc.messages.gateways import Gateway
from somc.testing.channel import MemoryChannel
from tests.messages.rig import OTHER, PHONE, Post, posting


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "hall"


async def test_a_message_leaves_with_its_words_and_is_delivered(folder: Path) -> None:
    """CH-01."""
    channel = MemoryChannel()
    async with posting(folder, channel) as post:
        name = await post.send("您好 A001")
        await post.settle()
        assert [(m.id, m.to, m.text, m.life_s) for m in channel.taken] == [(name, PHONE, "您好 A001", 7200)]
        assert post.state_of(name) == "sent"
        await channel.receipt(name)
        assert post.state_of(name) == "delivered"


async def test_no_word_and_no_number_stands_in_the_journal(folder: Path) -> None:
    async with posting(folder, MemoryChannel()) as post:
        await post.send("very private words")
        await post.settle()
    held = b"".join(file.read_bytes() for file in sorted((folder / "data").iterdir()))
    assert b"very private words" not in held
    assert PHONE.encode() not in held


async def test_without_a_channel_messages_wait_and_the_first_that_comes_gets_them(folder: Path) -> None:
    async with posting(folder) as post:
        names = [await post.send(str(n), phone=f"1390000000{n}") for n in range(3)]
        await post.settle()
        assert {post.state_of(name) for name in names} == {"queued"}
        channel = MemoryChannel()
        post.office.add_channels("late", [channel])
        await post.settle()
        assert [message.id for message in channel.taken] == names
        with pytest.raises(UsageError, match="two channels are called 'sms'"):
            post.office.add_channels("other", [MemoryChannel()])
        await post.office.remove_channels("late")
        last = await post.send("after")
        await post.settle()
        assert post.state_of(last) == "queued"
        assert [each.status for each in await post.events(e.ChannelReported)] == ["up", "off"]


async def test_a_channel_that_breaks_off_leaves_the_rest_to_another(folder: Path) -> None:
    first, second = MemoryChannel("first", weight=5), MemoryChannel("second", weight=0)
    first.break_off_after = 3
    async with posting(folder, first, second) as post:
        names = [await post.send(str(n), phone=f"1390000000{n}") for n in range(8)]
        with trio.fail_after(10):
            while len(first.taken) + len(second.taken) < 8:  # noqa: ASYNC110 - a real second passes
                await trio.sleep(0.01)
        await post.settle()
        assert len(first.taken) == 3
        assert sorted(m.id for m in [*first.taken, *second.taken]) == sorted(names)
        sent = await post.events(e.MessageSent)
        assert sorted(each.message for each in sent) == sorted(names)
        assert {each.attempt for each in sent} == {1}


async def test_channels_that_are_up_share_by_weight(folder: Path) -> None:
    one, three = MemoryChannel("one", weight=1, batch=1), MemoryChannel("three", weight=3, batch=1)
    async with posting(folder, one, three) as post:
        for n in range(80):
            await post.send(str(n), phone=f"139000000{n:02}")
        await post.settle()
        assert len(one.taken) + len(three.taken) == 80
        assert 15 <= len(one.taken) <= 25


async def test_what_somebody_waits_for_leaves_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("somc.messages.gateways.AT_ONCE", 1)  # else two leave side by side
    channel = MemoryChannel(batch=1)
    channel.up = False
    async with posting(folder, channel, more="[messages]\nconsent = []\n") as post:
        for n, kind in enumerate(("marketing", "dunning", "reminder", "notice", "receipt", "code", "alarm")):
            await post.send(kind, phone=f"1390000000{n}", message_class=kind)
        channel.set_up(True)
        await post.settle()
        order = [message.text for message in channel.taken]
        assert order == ["code", "receipt", "alarm", "notice", "reminder", "dunning", "marketing"]


async def test_a_refused_message_is_tried_again_at_its_time_and_a_wrong_number_never(folder: Path) -> None:
    channel = MemoryChannel()

    def refuse(message: Outgoing) -> Refused | None:
        if message.to == OTHER:
            return Refused(message.id, "no such number", permanent=True)
        return Refused(message.id, "system error")

    channel.refuse = refuse
    async with posting(folder, channel) as post:
        name, wrong = await post.send(), await post.send(phone=OTHER)
        await post.settle()
        assert (post.state_of(name), post.state_of(wrong)) == ("queued", "failed")
        await post.at("2026-03-02 09:00:29")
        assert len(await post.events(e.MessageFailed)) == 2
        await post.at("2026-03-02 09:00:30")
        assert len(await post.events(e.MessageFailed)) == 3
        channel.refuse = lambda message: None
        await post.at("2026-03-02 09:02")
        (sent,) = await post.events(e.MessageSent)
        assert (sent.message, sent.attempt) == (name, 3)


async def test_what_is_of_no_use_any_more_is_given_up_though_no_channel_is_there(folder: Path) -> None:
    async with posting(folder) as post:
        name = await post.send(message_class="code")
        await post.at("2026-03-02 09:10")
        assert post.state_of(name) == "failed"
        (failed,) = await post.events(e.MessageFailed)
        assert (failed.cause, failed.retry_at) == ("expired", None)


async def test_somebody_who_was_erased_gets_nothing(folder: Path) -> None:
    async with posting(folder) as post:
        name = await post.send()
        person = post.hall.state.outbox.messages[name].person
        await post.hall.journal.forget(person)
        channel = MemoryChannel()
        post.office.add_channels("late", [channel])
        await post.settle()
        assert not channel.taken
        (failed,) = await post.events(e.MessageFailed)
        assert failed.cause == "no_number"


async def test_quiet_hours_hold_and_the_words_say_when_they_were_made(folder: Path) -> None:
    """CH-02, CH-03."""
    channel = MemoryChannel()
    async with posting(folder, channel, start="2026-03-02 23:00") as post:
        await post.send("欠费", message_class="dunning", not_before=None)
        await post.send("code 1", message_class="code")
        await post.settle()
        assert [message.text for message in channel.taken] == ["code 1"]
        await post.at("2026-03-03 06:59:59")
        assert len(channel.taken) == 1
        await post.at("2026-03-03 07:00")
        assert channel.taken[-1].text == "欠费（生成时间 2026-03-02 23:00）"


async def test_a_gateway_that_comes_back_at_night_does_not_wake_anybody(folder: Path) -> None:
    channel = MemoryChannel()
    channel.up = False
    async with posting(folder, channel, start="2026-03-02 21:00") as post:
        await post.send("欠费", message_class="dunning")
        await post.at("2026-03-02 22:30")
        channel.set_up(True)
        await post.settle()
        # Whoever keeps the channels was told that it had been down; nobody else was.
        assert [message.to for message in channel.taken] == ["13700000002"]
        await post.at("2026-03-03 07:00")
        assert [message.to for message in channel.taken[1:]] == [PHONE]


async def test_a_receipt_that_is_faster_than_our_record_is_not_lost(folder: Path) -> None:
    channel = MemoryChannel()
    channel.hold = trio.Event()
    async with posting(folder, channel) as post, trio.open_nursery() as nursery:
        name = await post.send()
        while not channel.batches:  # noqa: ASYNC110 - the batch is under way, nobody says so
            await trio.sleep(0.001)
        nursery.start_soon(channel.receipt, name)
        await trio.testing.wait_all_tasks_blocked()
        channel.hold.set()
        await post.settle()
        assert post.state_of(name) == "delivered"


async def test_a_channel_that_raises_is_started_again_and_loses_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("somc.messages.gateways.PAUSE_S", (0.01, 0.02))
    monkeypatch.setattr("somc.messages.dispatcher.CALM_S", 0.01)

    class Faulty(MemoryChannel):
        faults = 2

        async def send(self, batch: Any) -> Any:
            if self.faults:
                self.faults -= 1
                raise RuntimeError("a mistake of the plugin's")
            return await super().send(batch)

        async def run(self, host: Any, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
            if self.starts < 2:
                self.starts += 1
                raise RuntimeError("cannot start")
            await super().run(host, task_status=task_status)

    channel = Faulty()
    async with posting(folder, channel) as post:
        name = await post.send()
        with trio.fail_after(10):
            while post.state_of(name) != "sent":  # noqa: ASYNC110 - real pauses pass
                await trio.sleep(0.01)
        assert (channel.starts, channel.faults) == (3, 0)


async def test_a_restart_sends_what_was_not_recorded_as_sent_and_nothing_else(folder: Path) -> None:
    channel = MemoryChannel()
    async with posting(folder, channel) as post:
        done = await post.send("done")
        await post.settle()
        channel.set_up(False)
        waits = await post.send("waits")
    again = MemoryChannel()
    async with posting(folder, again) as post:
        assert [message.id for message in again.taken] == [waits]
        assert post.state_of(done) == "sent"


async def test_what_came_of_a_batch_of_nonsense_is_what_can_be_believed(folder: Path) -> None:
    class Liar(MemoryChannel):
        async def send(self, batch: Any) -> Any:
            outcomes = await super().send(batch)
            return [*outcomes, *outcomes, None, Refused("m-unheard-of", "x")]

    async with posting(folder, Liar()) as post:
        name = await post.send()
        await post.settle()
        assert post.state_of(name) == "sent"
        assert len(await post.events(e.MessageSent)) == 1


def test_a_gateway_is_what_its_channel_may_rely_on() -> None:
    assert {"receipts", "inbound", "report"} <= set(dir(Gateway))
    assert Post.__doc__
