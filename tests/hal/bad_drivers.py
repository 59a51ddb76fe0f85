"""Drivers that are wrong on purpose, each in one thing, for the rule that must find it.

What must stay true: each differs from a good driver by its fault alone.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import trio

from somc_hal import DeviceBusy, DeviceState, DeviceStatus, OutcomeUnknown, Truth
from somc_hal.drivers import EscposPrinter, ReferenceAnnouncer, ReferenceKeypad, ReferenceStripDisplay
from somc_hal.drivers.base import DriverSpec
from somc_hal.drivers.reference_events import ReferenceEvaluator
from somc_hal.drivers.reference_scenes import ReferenceCamera
from somc_hal.status import PaperSupply
from somc_hal.testing.conformance import Check
from somc_hal.testing.rules import announcers, cameras, displays, events, every, printers
from somc_plugins.pingan.drivers import PinganStrip
from somc_plugins.pingan.simulators import PinganStripSimulator
from somc_plugins.pj06 import Pj06Evaluator, Pj06Simulator


class OnlineTooEarly(ReferenceStripDisplay):
    """It takes a port that stays open for a device, answer or not."""

    opened_at: float | None = None
    guessed = False

    def _dialect(self) -> Any:
        dialect: Any = super()._dialect()
        good = dialect.opened

        def opened() -> None:
            good()
            self.opened_at = trio.current_time()

        dialect.opened = opened
        return dialect

    async def run(self, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._guess)
            await super().run(task_status=task_status)

    async def _guess(self) -> None:
        while True:
            await trio.sleep(0.02)
            if self.opened_at is not None and trio.current_time() > self.opened_at + 0.15:
                self.guessed = True
                self._refresh()

    def _current_status(self) -> DeviceStatus:
        if self.guessed and not self._link.up:
            return DeviceStatus(self._name, DeviceState.ONLINE, Truth.YES)
        return super()._current_status()

    def _linked(self, report: Any) -> None:
        self.guessed = False
        self.opened_at = None
        super()._linked(report)


class TellsAnOutageTwice(ReferenceStripDisplay):
    """It says of one pulled cable that the line broke, and then that the device is gone."""

    def _linked(self, report: Any) -> None:
        if not report.up and self._link.up:
            super()._linked(replace(report, state=DeviceState.OFFLINE, detail="the line broke"))
            self._on_status(replace(self._status, detail="and the device is gone"))
        else:
            super()._linked(report)


class Stutters(ReferenceStripDisplay):
    """It sends the fourth content twice."""

    count = 0

    async def show(self, lines: Sequence[str], **more: Any) -> Truth:
        self.count += 1
        if self.count == 4:
            await super().show(lines, **more)
        return await super().show(lines, **more)


class FallsOverNoise(ReferenceStripDisplay):
    """Its codec raises on a byte that no frame holds."""

    def _dialect(self) -> Any:
        dialect: Any = super()._dialect()
        good = dialect.feed

        def feed(data: bytes) -> Any:
            if 0xFF in data:
                raise ValueError("what is this?")
            return good(data)

        dialect.feed = feed
        return dialect


class TakesSilenceForConsent(ReferenceStripDisplay):
    """An enquiry that nobody answers changes nothing."""

    def _dialect(self) -> Any:
        dialect: Any = super()._dialect()
        good = dialect.polls

        def polls() -> Any:
            asked = good()
            for exchange in asked:
                exchange.ends_session = False
            return asked

        dialect.polls = polls
        return dialect


class PromisesTooMuch(ReferenceStripDisplay):
    """It sends what it does not declare."""

    def _require(self, declared: bool, what: str) -> None:
        pass


class LosesItsPlugWithoutAWord(ReferenceStripDisplay):
    """It says that it is offline, not why."""

    def _current_status(self) -> DeviceStatus:
        return replace(super()._current_status(), detail="")


class KeepsTheKey(ReferenceStripDisplay):
    """A caller that is cancelled leaves the door locked."""

    locked = False

    async def show(self, lines: Sequence[str], **more: Any) -> Truth:
        if self.locked:
            raise DeviceBusy(self._name, "show: somebody is at it")
        self.locked = True
        shown = await super().show(lines, **more)
        self.locked = False
        return shown


class WaitsForADeviceThatWasNeverThere(ReferenceStripDisplay):
    """It is busy until it has been online once."""

    been_online = False

    def _linked(self, report: Any) -> None:
        self.been_online = self.been_online or report.up
        super()._linked(report)

    @property
    def busy(self) -> bool:
        return not self.been_online or super().busy


class LeavesADescriptor(ReferenceStripDisplay):
    """Each connection costs a descriptor."""

    def _link_lost(self) -> None:
        os.open("/dev/null", os.O_RDONLY)


class HoldsTheLine(ReferenceStripDisplay):
    """It gives a silent device on a bus all the time in the world."""

    def _times(self) -> Any:
        times = super()._times()
        return replace(times, answer_timeout_s=4.0) if self._options["polled"] else times


class KeepsEverything(ReferenceStripDisplay):
    """What was shown to an absent display is all sent when it is back."""

    def __init__(self, *args: Any, **more: Any) -> None:
        self._kept: list[Any] = []
        super().__init__(*args, **more)

    async def _show(self, op: Any, data: bytes, wait_s: float) -> Truth:
        if not self._port.online:
            self._kept.append((op, data))
        return await super()._show(op, data, wait_s)

    def _linked(self, report: Any) -> None:
        super()._linked(report)
        while report.up and self._kept:
            self._port.submit(self._stx.command(*self._kept.pop(0), "show"))


class ForgetsWithTheDevice(ReferenceStripDisplay):
    """It does not notice that the display was switched off and on."""

    def _restarted(self) -> None:
        pass


class BelievesAOneWayLine(EscposPrinter):
    """It says that a printer without a way back has confirmed."""

    def _condition(self, link: Any) -> DeviceStatus:
        return replace(super()._condition(link), confirmed=Truth.YES)


class PrintsAgain(EscposPrinter):
    """It remembers no job."""

    def _remember(self, job_id: str, job: Any) -> None:
        pass


class SeesNoPaper(EscposPrinter):
    """It does not look at the paper."""

    def _condition(self, link: Any) -> DeviceStatus:
        return DeviceStatus(self._name, DeviceState.ONLINE, Truth.YES, PaperSupply.FULL)


class CannotBeStopped(ReferenceAnnouncer):
    """It declares that it can be interrupted, and cannot."""

    async def interrupt(self) -> None:
        self._require(self._options["interruptible"], "interrupting")
        await trio.lowlevel.checkpoint()


class SpeaksAgain(ReferenceAnnouncer):
    """What was cut off is spoken again."""

    async def announce(self, phrases: Any, **more: Any) -> Truth:
        try:
            return await super().announce(phrases, **more)
        except OutcomeUnknown:
            await self.wait_online()
            return await super().announce(phrases, **more)


class LosesEveryEleventh(ReferenceEvaluator):
    """It acknowledges an event and tells nobody."""

    count = 0

    def _event(self, frame: Any) -> bool | None:
        self.count += 1
        return True if self.count == 11 else super()._event(frame)


class BelievesEveryRepetition(ReferenceEvaluator):
    """It takes a repeated event for a new one."""

    def _dialect(self) -> Any:
        dialect: Any = super()._dialect()
        good = dialect.unasked

        def unasked(frame: Any) -> bytes:
            dialect._heard = None
            answer: bytes = good(frame)
            return answer

        dialect.unasked = unasked
        return dialect


class LosesWhatWaited(ReferenceEvaluator):
    """After a lost line it acknowledges the second event, and tells nobody."""

    lost, count = False, 0

    def _linked(self, report: Any) -> None:
        if not report.up:
            self.count = 0
            self.lost = self.lost or self._link.up
        super()._linked(report)

    def _event(self, frame: Any) -> bool | None:
        self.count += 1
        return True if self.count == 2 and self.lost else super()._event(frame)


class DropsWhatNobodyReads(ReferenceEvaluator):
    """It acknowledges what it has no room for."""

    def _event(self, frame: Any) -> bool | None:
        return super()._event(frame) is not None


@dataclass
class _Leaky:
    """A channel whose cancelled reader takes the next event with it."""

    channel: trio.MemoryReceiveChannel[Any]
    owed: list[bool] = field(default_factory=list)

    def statistics(self) -> Any:
        return self.channel.statistics()

    async def receive(self) -> Any:
        try:
            if self.owed:
                self.owed.clear()
                await self.channel.receive()
            return await self.channel.receive()
        except trio.Cancelled:
            self.owed.append(True)
            raise


class LosesWithItsReader(ReferenceEvaluator):
    """An event is lost when a reader was cancelled."""

    leaky: Any = None

    @property
    def ratings(self) -> Any:
        if self.leaky is None:
            self.leaky = _Leaky(super().ratings)
        return self.leaky


class ForgetsDigits(ReferenceKeypad):
    """What was typed before a key is lost."""

    def _event(self, frame: Any) -> bool | None:
        return super()._event(replace(frame, data=frame.data[:1]))


class BeepsInSilence(ReferenceKeypad):
    """It says that it beeped."""

    async def beep(self) -> None:
        self._require(self.capabilities.beep, "beeping")
        await trio.lowlevel.checkpoint()


class RatesNobody(ReferenceEvaluator):
    """A rating does not say what it was asked about."""

    def _read_event(self, data: bytes) -> Any:
        rating = super()._read_event(data)
        return None if rating is None else replace(rating, ticket="")


class TakesAnythingForAPicture(ReferenceCamera):
    """It gives whatever came."""

    async def still(self, *, timeout_s: float = 10.0) -> bytes:
        if self._taking:
            return await super().still(timeout_s=timeout_s)
        self._taking = True
        try:
            return await self._picture()
        finally:
            self._taking = False


class ForgetsItsQuestion(Pj06Evaluator):
    """It asks, and does not know any more about whom when the rating comes."""

    def _pressed(self, button: int) -> None:
        self._asked = ""
        super()._pressed(button)


class FallsOverAFullHouse(Pj06Evaluator):
    """It raises when its reader has no room."""

    def _pressed(self, button: int) -> None:
        if self._ratings.statistics().current_buffer_used == self._options["event_buffer"]:
            raise OverflowError("nobody reads")
        super()._pressed(button)


class SendsOnlyOnce(PinganStrip):
    """It never sends again what nobody could report as lost."""

    def _dialect(self) -> Any:
        dialect = super()._dialect()
        dialect._refresh_s = 3600.0
        return dialect


BAD: dict[Check, tuple[type[Any], dict[str, Any]]] = {
    every.online_only_when_the_session_answers: (OnlineTooEarly, {}),
    every.what_is_used_reaches_the_device_once_and_in_order: (Stutters, {}),
    every.noise_and_damage_lose_nothing: (FallsOverNoise, {}),
    every.a_silent_device_is_offline_within_the_heartbeat: (TakesSilenceForConsent, {}),
    every.the_undeclared_is_refused_before_any_byte: (PromisesTooMuch, {}),
    every.unplugging_is_reported_and_replugging_recovers: (LosesItsPlugWithoutAWord, {}),
    every.cancelling_midway_leaves_it_usable: (KeepsTheKey, {}),
    every.a_missing_device_holds_up_nobody: (WaitsForADeviceThatWasNeverThere, {}),
    every.nothing_is_left_behind: (LeavesADescriptor, {}),
    every.a_silent_address_holds_up_no_other: (HoldsTheLine, {}),
    every.a_one_way_device_is_never_said_to_confirm: (BelievesAOneWayLine, {"two_way": False}),
    displays.an_absent_display_keeps_only_the_newest: (KeepsEverything, {}),
    displays.a_display_that_was_off_shows_its_content_again: (ForgetsWithTheDevice, {}),
    displays.what_nobody_reports_lost_is_sent_again: (SendsOnlyOnce, {}),
    printers.a_job_is_printed_at_most_once: (PrintsAgain, {"print_timeout_s": 0.3}),
    printers.paper_and_cover_are_told_and_stop_printing: (SeesNoPaper, {"print_timeout_s": 0.3}),
    announcers.speech_can_be_interrupted_and_cancelled: (CannotBeStopped, {}),
    announcers.speech_cut_by_a_lost_line_is_not_repeated: (SpeaksAgain, {}),
    events.every_event_comes_once_and_in_order: (LosesEveryEleventh, {}),
    events.a_bad_line_loses_and_doubles_no_event: (BelievesEveryRepetition, {}),
    events.events_survive_a_pulled_cable: (LosesWhatWaited, {}),
    events.events_that_nobody_reads_stay_in_the_device: (DropsWhatNobodyReads, {}),
    events.cancelled_reading_loses_no_event: (LosesWithItsReader, {}),
    events.every_key_comes_once_and_in_order: (ForgetsDigits, {}),
    events.a_beep_is_heard: (BeepsInSilence, {}),
    events.a_question_reaches_the_customer: (RatesNobody, {}),
    cameras.a_still_is_whole_or_an_error: (TakesAnythingForAPicture, {}),
    events.a_question_without_an_answer_names_its_ticket: (ForgetsItsQuestion, {}),
    events.a_reader_that_is_behind_stops_nobody: (FallsOverAFullHouse, {}),
}
"""For each rule the driver that must fail it, and the options it is built with."""


SIMULATORS: dict[str, Any] = {
    Pj06Evaluator.DRIVER: Pj06Simulator,
    PinganStrip.DRIVER: PinganStripSimulator,
}
"""Of drivers that are not the hardware layer's own."""


def spec_of(bad: type[Any]) -> DriverSpec:
    return DriverSpec(bad.DRIVER, bad.DEVICE_CLASS, bad, bad.OPTIONS, bad.__doc__ or "")
