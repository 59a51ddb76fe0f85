"""Calls that are spoken: one at a time, only while somebody waits to hear them, by every voice."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs

from somc.announce import speech
from somc.announce.speech import MOST_CALLS, Call, Speaker
from somc.config import AnnouncementSettings
from somc.domain import commands as c
from somc_hal.codecs.reference import Refusal, read_speech
from somc_hal.codecs.stx import Op
from somc_hal.drivers.catalogue import driver_spec
from somc_hal.simulators.host import WHERES, Where
from somc_hal.simulators.reference import AnnouncerSimulator
from tests.announce.rig import BOTH, TEN, ZH_ONLY, Plug, Rig, rig

FIRST, SECOND, THIRD = (f"请A零零{n}号到一号台席办理业务。" for n in "幺二三")


class TimedVoice(AnnouncerSimulator):
    """Keeps when each announcement began and ended, and whether one was asked for meanwhile."""

    def __init__(self) -> None:
        super().__init__(s_per_cell=0.001)
        self.times: list[tuple[str, float]] = []
        self.interrupted = 0

    def _command(self, op: Op, data: bytes) -> Refusal | None:
        refusal = super()._command(op, data)
        if op is Op.SPEAK:
            if refusal is Refusal.BUSY:
                self.interrupted += 1
            elif speech := read_speech(data):
                self.times.append((speech[1][0].text, trio.current_time()))
        return refusal

    def _end(self, *, whole: bool) -> None:
        if self.speaking:
            self.times.append(("end", trio.current_time()))
        super()._end(whole=whole)


class MuteVoice(AnnouncerSimulator):
    """Takes an announcement and speaks until it is told to stop."""

    def __init__(self) -> None:
        super().__init__(s_per_cell=1e6)


TIMED = Plug("voice", "reference-announcer", simulator=TimedVoice)
QUICK_VOICE = Plug("voice", "reference-announcer")


def hold_tongue(hall: Rig, name: str = "voice") -> None:
    """From now on its announcements do not end by themselves."""
    hall.voice(name).s_per_cell = 1e6


async def let_speak(hall: Rig, name: str = "voice") -> None:
    """End the announcement under way, and speak at once from now on."""
    voice = hall.voice(name)
    await hall.until(lambda: voice.speaking)
    voice.s_per_cell = 0.0
    voice._end(whole=True)  # what its own clock would do


@pytest.mark.parametrize("where", WHERES)
async def test_a_call_is_spoken_once_in_the_halls_languages(tmp_path: Path, where: Where) -> None:
    plug = Plug("voice", "reference-announcer", where=where)
    async with rig(tmp_path, [plug], settings=BOTH) as hall:
        await hall.open(1)
        await hall.take()
        await hall.call(1)
        await hall.until(lambda: hall.announcer.spoken == 1)
        await hall.quiet()
        assert hall.heard() == [FIRST, "Ticket A 0 0 1, please go to counter 1."]
        assert [phrase.language for said in hall.voice().spoken for phrase in said.phrases] == ["zh", "en"]


async def test_a_call_is_spoken_as_often_as_is_set(tmp_path: Path) -> None:
    settings = AnnouncementSettings(languages=("en", "zh"), repeat=5, stale_after_s=30)
    async with rig(tmp_path, [QUICK_VOICE], settings=settings) as hall:
        await hall.open(1)
        await hall.take()
        await hall.call(1)
        await hall.until(lambda: hall.announcer.spoken == 1)
        assert hall.heard() == ["Ticket A 0 0 1, please go to counter 1.", FIRST] * 5


async def test_announcements_never_overlap(tmp_path: Path) -> None:
    async with rig(tmp_path, [TIMED]) as hall:
        await hall.open(1, 2, 3)
        for service in ("payment", "payment", "business"):
            await hall.take(service)
        for counter in (1, 2, 3):
            await hall.call(counter)
        await hall.until(lambda: hall.announcer.spoken == 3)
        voice = hall.voice()
        assert isinstance(voice, TimedVoice)
        assert [what == "end" for what, _ in voice.times] == [False, True] * 3
        instants = [at for _, at in voice.times]
        assert instants == sorted(instants)
        assert all(end > begin for begin, end in zip(instants[::2], instants[1::2], strict=True))
        assert voice.interrupted == 0, "it was asked to speak while it spoke"
        assert len(hall.heard()) == 3


@pytest.mark.parametrize("leave", ["start", "finish", "no_show", "hold", "transfer", "cancel", "elsewhere"])
async def test_a_call_whose_ticket_left_before_its_turn_is_not_spoken(tmp_path: Path, leave: str) -> None:
    async with rig(tmp_path, [QUICK_VOICE]) as hall:
        await hall.open(1, 2)
        first, second = await hall.take(), await hall.take()
        hold_tongue(hall)
        await hall.call(1)
        await hall.call(2)
        by = "agent:li"
        acts: dict[str, list[c.Command]] = {
            "start": [c.StartService(by=by, counter=2)],
            "finish": [c.StartService(by=by, counter=2), c.FinishService(by=by, counter=2)],
            "no_show": [c.MarkNoShow(by=by, counter=2)],
            "hold": [c.HoldTicket(by=by, ticket=second.id)],
            "transfer": [c.TransferTicket(by=by, ticket=second.id, counter=1)],
            "cancel": [c.CancelTicket(by=by, ticket=second.id)],
            # Called again, but not to counter 2: only the call to counter 3 is true.
            "elsewhere": [
                c.TransferTicket(by=by, ticket=second.id, service="business"),
                c.OpenCounter(by=by, counter=3, agent="agent3"),
                c.CallTicket(by=by, counter=3, ticket=second.id),
            ],
        }
        for command in acts[leave]:
            await hall.do(command)
        await hall.quiet()
        await let_speak(hall)
        await hall.until(lambda: hall.announcer.dropped == 1)
        elsewhere = ["请A零零二号到三号台席办理业务。"] if leave == "elsewhere" else []
        await hall.until(lambda: len(hall.heard()) == 1 + len(elsewhere))
        assert hall.heard() == [FIRST, *elsewhere]
        assert first.number == "A001"


async def test_a_recall_whose_call_still_waits_adds_nothing_and_one_after_it_is_spoken_again(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, [QUICK_VOICE]) as hall:
        await hall.open(1, 2)
        await hall.take()
        second = await hall.take()
        hold_tongue(hall)
        await hall.call(1)
        await hall.until(lambda: hall.voice().speaking)
        await hall.call(2)
        await hall.do(c.Recall(by="agent:li", counter=2))
        await hall.quiet()
        assert hall.announcer.speakers[0].waiting == 1
        await let_speak(hall)
        await hall.until(lambda: hall.announcer.spoken == 2)
        said = "请A零零二号到二号台席办理业务。"
        assert hall.heard() == [FIRST, said]
        await hall.do(c.Recall(by="agent:li", counter=2))
        await hall.until(lambda: hall.announcer.spoken == 3)
        assert hall.heard() == [FIRST, said, said]
        # UC-03: the ticket keeps its place at the counter, and the recalls are counted.
        assert hall.at(2).id == second.id
        assert hall.at(2).recalls == 2


async def test_a_recall_while_the_call_is_being_spoken_is_spoken_after_it(tmp_path: Path) -> None:
    async with rig(tmp_path, [QUICK_VOICE]) as hall:
        await hall.open(1)
        await hall.take()
        hold_tongue(hall)
        await hall.call(1)
        await hall.until(lambda: hall.voice().speaking)
        await hall.do(c.Recall(by="agent:li", counter=1))
        await hall.quiet()
        await let_speak(hall)
        await hall.until(lambda: hall.announcer.spoken == 2)
        assert hall.heard() == [FIRST, FIRST]


async def restarted_after(tmp_path: Path, seconds: int, *, recalled_after: int | None = None) -> list[str]:
    """Somebody is called, nobody hears, the process starts `seconds` later: what is spoken."""
    async with rig(tmp_path, [QUICK_VOICE]) as hall:
        await hall.open(1)
        await hall.take()
        await hall.take()
        await hall.quiet()
    async with rig(tmp_path, run_announcer=False) as hall:
        await hall.call(1)
        if recalled_after is not None:
            hall.clock.advance(TEN + recalled_after * 1000)
            await hall.do(c.Recall(by="agent:li", counter=1))
    async with rig(tmp_path, [QUICK_VOICE], now_ms=TEN + seconds * 1000) as hall:
        await hall.quiet()
        await hall.until(lambda: hall.announcer.spoken + hall.announcer.dropped == 1)
        return hall.heard()


async def test_a_call_made_just_before_a_restart_is_spoken(tmp_path: Path) -> None:
    assert await restarted_after(tmp_path, 30) == [FIRST]


async def test_a_call_made_long_before_the_start_is_not_spoken_any_more(tmp_path: Path) -> None:
    assert await restarted_after(tmp_path, 31) == []


async def test_a_fresh_recall_of_an_old_call_is_spoken_after_a_restart(tmp_path: Path) -> None:
    assert await restarted_after(tmp_path, 60, recalled_after=50) == [FIRST]


async def test_a_call_that_waited_long_for_its_turn_is_spoken_while_the_process_runs(tmp_path: Path) -> None:
    async with rig(tmp_path, [QUICK_VOICE]) as hall:
        await hall.open(1, 2)
        await hall.take()
        await hall.take()
        hold_tongue(hall)
        await hall.call(1)
        await hall.call(2)
        await hall.quiet()
        hall.clock.advance(TEN + 600_000)  # stale_after_s is about restarts only
        await let_speak(hall)
        await hall.until(lambda: hall.announcer.spoken == 2)


async def test_two_voices_speak_every_call_each_at_its_own_pace(tmp_path: Path) -> None:
    plugs = [Plug(name, "reference-announcer") for name in ("east", "west")]
    async with rig(tmp_path, plugs) as hall:
        await hall.open(1)
        for _ in range(3):
            await hall.take()
        hold_tongue(hall, "west")
        await hall.call(1)
        await hall.until(lambda: hall.heard("east") == [FIRST])
        await hall.serve(1)
        await hall.call(1)
        await hall.until(lambda: hall.heard("east") == [FIRST, SECOND])
        assert hall.heard("west") == [], "the slow zone held up nobody"
        await let_speak(hall, "west")
        await hall.until(lambda: hall.heard("west") == [FIRST, SECOND])
        assert (hall.announcer.spoken, hall.announcer.dropped) == (4, 0)


async def test_a_voice_speaks_those_of_the_halls_languages_that_it_has(tmp_path: Path) -> None:
    plug = Plug("voice", "reference-announcer", options={"languages": ("en",)})
    async with rig(tmp_path, [plug], settings=BOTH) as hall:
        await hall.open(1)
        await hall.take()
        await hall.call(1)
        await hall.until(lambda: hall.announcer.spoken == 1)
        assert hall.heard() == ["Ticket A 0 0 1, please go to counter 1."]


async def test_a_voice_with_none_of_the_halls_languages_is_silent_and_harms_nobody(tmp_path: Path) -> None:
    plugs = [Plug("voice", "reference-announcer", options={"languages": ("en",)})]
    with capture_logs() as logs:
        async with rig(tmp_path, [*plugs, Plug("strip", "reference-strip", 1)], settings=ZH_ONLY) as hall:
            await hall.open(1)
            await hall.take()
            await hall.call(1)
            await hall.quiet()
            assert hall.announcer.dropped == 1
            assert hall.strip_display().shown.lines[0] == "请A001到1号"
    assert [e["voice"] for e in logs if e["event"].startswith("voice never speaks")] == ["voice"]


async def test_a_voice_without_power_delays_no_board_and_its_calls_are_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speech, "SPEAK_TIMEOUT_S", 0.1)
    dead = Plug("voice", "reference-announcer", dead=True)
    with capture_logs() as logs:
        async with rig(tmp_path, [dead, Plug("strip", "reference-strip", 1)]) as hall:
            await hall.open(1)
            await hall.take()
            await hall.call(1)
            await hall.quiet()
            assert hall.strip_display().shown.lines[0] == "请A001到1号"
            await hall.until(lambda: hall.announcer.dropped == 1)
    assert [entry["number"] for entry in logs if entry["event"] == "call not spoken"] == ["A001"]


async def test_a_voice_that_dies_in_the_middle_of_a_sentence_speaks_the_next_call_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speech, "SPEAK_TIMEOUT_S", 5.0)
    async with rig(tmp_path, [QUICK_VOICE]) as hall:
        await hall.open(1, 2)
        await hall.take()
        await hall.take()
        hold_tongue(hall)
        await hall.call(1)
        await hall.until(lambda: hall.voice().speaking)
        hall.voice().power_off()
        await hall.until(lambda: hall.announcer.dropped == 1)
        hall.voice().s_per_cell = 0.0
        await hall.call(2)
        hall.voice().power_on()
        await hall.until(lambda: hall.announcer.spoken == 1)
        assert hall.heard() == ["请A零零二号到二号台席办理业务。"]


async def test_a_voice_that_never_ends_is_given_up_and_the_queue_goes_on(tmp_path: Path) -> None:
    plug = Plug("voice", "reference-announcer", options={"speech_timeout_s": 0.2}, simulator=MuteVoice)
    async with rig(tmp_path, [plug]) as hall:
        await hall.open(1, 2)
        await hall.take()
        await hall.take()
        await hall.call(1)
        await hall.until(lambda: hall.announcer.dropped == 1)
        hall.voice().s_per_cell = 0.0
        await hall.call(2)
        await hall.until(lambda: hall.announcer.spoken == 1)


def test_calls_that_wait_are_bounded_and_the_oldest_go() -> None:
    voice = driver_spec("reference-announcer").make("voice", "memory://voice", {})
    speaker = Speaker(voice, ZH_ONLY, lambda call: True)  # type: ignore[arg-type] # a Device of that class
    with capture_logs() as logs:
        for n in range(MOST_CALLS + 3):
            speaker.add(Call(f"t{n}", f"A{n:03d}", 1, TEN))
    assert speaker.waiting == MOST_CALLS
    assert speaker.dropped == 3
    assert [entry["number"] for entry in logs] == ["A000", "A001", "A002"]


async def test_a_driver_that_raises_anything_costs_its_call_and_not_the_hall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a vendor's mistake")

    with capture_logs():
        async with rig(tmp_path, [QUICK_VOICE]) as hall:
            await hall.open(1)
            await hall.take()
            (voice,) = hall.devices.announcers
            with monkeypatch.context() as patch:
                patch.setattr(voice, "announce", broken)
                await hall.call(1)
                await hall.until(lambda: hall.announcer.dropped == 1)
            await hall.do(c.Recall(by="agent:li", counter=1))
            await hall.until(lambda: hall.announcer.spoken == 1)
