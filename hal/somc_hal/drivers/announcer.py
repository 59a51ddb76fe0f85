"""Announcer 音箱 over the reference protocol: speak, wait until it was spoken, or stop it.

What must stay true
- One announcement at a time; the caller owns the queue.
- `announce` ends when the device says so, when the connection is lost, or after
  `speech_timeout_s`, whichever is first. It never speaks twice by itself.
- A report about an earlier announcement is recognised by its job number and ignored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import trio

from somc_hal.capabilities import AnnouncerCapabilities
from somc_hal.codecs.reference import CHARSET, Kind, read_spoken, write_speech
from somc_hal.codecs.stx import Op, StxFrame
from somc_hal.devices import DeviceClass
from somc_hal.drivers.options import Option
from somc_hal.drivers.reference import STX_OPTIONS, StxDriver
from somc_hal.drivers.stx_dialect import StxCommand
from somc_hal.errors import DeviceBusy, DeviceError, DeviceTimeout, Interrupted, OutcomeUnknown
from somc_hal.status import Truth
from somc_hal.values import Phrase

__all__ = ["ReferenceAnnouncer"]


class _Speech:
    """One announcement under way."""

    def __init__(self, job: int, command: StxCommand) -> None:
        self.job = job
        self.command = command
        self.ended = trio.Event()
        self.fault: DeviceError | None = None

    def end(self, fault: DeviceError | None) -> None:
        if not self.ended.is_set():
            self.fault = fault
            self.ended.set()


class ReferenceAnnouncer(StxDriver):
    """Speaks phrases in the order given."""

    DRIVER = "reference-announcer"
    DEVICE_CLASS = DeviceClass.ANNOUNCER
    KIND = Kind.ANNOUNCER
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "languages": Option(tuple, ("zh", "en"), "languages it has voices for (BCP 47 primary tags)"),
        "interruptible": Option(bool, True, "whether speech can be stopped"),
        "speech_timeout_s": Option(float, 60.0, "longest time one announcement may take", 0.01, 3600),
        **STX_OPTIONS,
    }

    def __init__(self, name: str, url: str, options: Mapping[str, Any], **more: Any) -> None:
        super().__init__(name, url, options, **more)
        self._speech: _Speech | None = None
        self._stop: StxCommand | None = None
        self._job = 0

    @property
    def capabilities(self) -> AnnouncerCapabilities:
        options = self._options
        return AnnouncerCapabilities(options["languages"], CHARSET, options["interruptible"], True)

    @property
    def speaking(self) -> bool:
        return self._speech is not None

    async def announce(self, phrases: Sequence[Phrase], *, timeout_s: float = 0.0) -> Truth:
        """As the interface says. `ValueError` if there is nothing to say or more than a frame holds."""
        if not phrases:
            raise ValueError(f"{self._name}: an announcement needs at least one phrase")
        for phrase in phrases:
            self._require(phrase.language in self._options["languages"], f"language {phrase.language!r}")
        self._claim()
        self._job = self._job % 255 + 1
        # Built before waiting, so that a text that is too long is refused at once.
        command = self._stx.command(Op.SPEAK, write_speech(self._job, phrases), "speak", at_most_once=True)
        speech = self._speech = _Speech(self._job, command)
        try:
            await self._await_online("speak", timeout_s)
            self._port.submit(command)
            await command.wait()
            with trio.move_on_after(self._options["speech_timeout_s"]):
                await speech.ended.wait()
            if not speech.ended.is_set():
                self._hush()
                raise DeviceTimeout(self._name, "speak: it did not say that it had spoken")
        except trio.Cancelled:
            # Before its first byte the abandoned command is dropped by the port; a stop harms nobody.
            if command.begun:
                self._hush()
            raise
        finally:
            self._speech = None
        if speech.fault is not None:
            raise speech.fault
        return Truth.YES

    async def interrupt(self) -> None:
        self._require(self._options["interruptible"], "interrupting")
        await trio.lowlevel.checkpoint()
        if self._speech is not None:
            self._hush()

    def _claim(self) -> None:
        if self._speech is not None:
            raise DeviceBusy(self._name, "speak: another announcement is being spoken")

    def _hush(self) -> None:
        """Ask it to stop, without waiting: this is also called while being cancelled. One stop is
        under way at a time, so the urgent lane does not grow."""
        if self._options["interruptible"] and self._port.online and (self._stop is None or self._stop.ended):
            self._stop = self._stx.command(Op.HUSH, b"", "stop speaking")
            self._port.submit(self._stop, urgent=True)

    def _event(self, frame: StxFrame) -> bool | None:
        spoken = read_spoken(frame.data) if frame.op is Op.SPOKEN else None
        if spoken is None:
            return None
        speech = self._speech
        if speech is not None and speech.job == spoken.job:
            fault = None if spoken.whole else Interrupted(self._name, "speak: stopped before its end")
            speech.end(fault)
        return True

    def _restarted(self) -> None:
        super()._restarted()
        self._end("the device was switched off and on")

    def _link_lost(self) -> None:
        self._end("the connection was lost")

    def _end(self, why: str) -> None:
        # While it still waits for the device to come online, lost connections do not concern it.
        if self._speech is not None and self._speech.command.begun:
            self._speech.end(OutcomeUnknown(self._name, f"speak: {why}"))
