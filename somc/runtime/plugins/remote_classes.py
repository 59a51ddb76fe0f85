"""The device classes of a hall, each with its driver in its plugin's own process. What each method promises
says `somc_hal.devices`.

What must stay true
- What is not declared is refused here, also while there is no process.
- Where a process ends with a command under way, the error says whether bytes may have gone out: a slip and
  a call are `OutcomeUnknown`, everything else may be tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import trio

from somc.runtime.plugins.board import Board, Late, Lost, NotSent
from somc.runtime.plugins.remote_device import GRACE_S, RemoteDevice, ShowingDevice
from somc.runtime.plugins.remote_printer import LONGEST_S, RemotePrinter
from somc_hal.devices import DeviceClass
from somc_hal.drivers.base import DriverSpec
from somc_hal.errors import DeviceBusy, DeviceTimeout, OutcomeUnknown
from somc_hal.status import DeviceStatus, Truth
from somc_hal.values import (
    CardRead,
    Colour,
    HallRow,
    KeyEvent,
    Passage,
    Phrase,
    Rating,
    Reading,
    ScreenContent,
    Typed,
)

__all__ = ["CLASSES", "make_remote"]

COMMAND_S = 10.0
"""How long a beep, a question or a stop may take; a driver's own limits are shorter."""


class RemoteStrip(ShowingDevice):
    """Strip display 条屏."""

    async def show(self, lines: Sequence[str], *, blink: bool = False, wait_s: float = 0.0) -> Truth:
        can = self.capabilities
        self._require(len(lines) <= can.lines, f"{len(lines)} lines (it has {can.lines})")
        self._require(can.blink or not blink, "blinking")
        return await self._show("show", list(lines), blink=blink, wait_s=wait_s)


class RemoteHallDisplay(ShowingDevice):
    """Display of the whole hall 综合屏."""

    async def show(self, rows: Sequence[HallRow], *, footer: str = "", wait_s: float = 0.0) -> Truth:
        can = self.capabilities
        self._require(len(rows) <= can.rows, f"{len(rows)} rows (it has {can.rows})")
        self._require(can.footer or not footer, "a footer")
        self._require(can.highlight or not any(row.highlight for row in rows), "highlighting")
        return await self._show("show", list(rows), footer=footer, wait_s=wait_s)


class RemoteAnnouncer(RemoteDevice):
    """Voice 音箱."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._speaking = False

    @property
    def speaking(self) -> bool:
        return self._speaking

    async def announce(self, phrases: Sequence[Phrase], *, timeout_s: float = 0.0) -> Truth:
        for phrase in phrases:
            self._require(phrase.language in self.capabilities.languages, f"language {phrase.language!r}")
        if self._speaking:
            raise DeviceBusy(self.name, "speak: another announcement is being spoken")
        self._speaking = True
        try:
            life, left_s = await self._await_life("speak", timeout_s)
            within_s = left_s + LONGEST_S
            spoken = await self._ask(life, "announce", list(phrases), timeout_s=left_s, within_s=within_s)
        except NotSent as error:
            raise self._offline(f"speak: {error}") from None
        except Lost as error:
            raise OutcomeUnknown(self.name, f"speak: {error}") from None
        except Late:
            raise DeviceTimeout(self.name, f"speak: its driver did not end within {within_s:g} s") from None
        finally:
            self._speaking = False
        return cast(Truth, spoken)

    async def interrupt(self) -> None:
        self._require(self.capabilities.interruptible, "interrupting")
        await trio.lowlevel.checkpoint()
        if not self._speaking or self._life is None:
            return
        try:
            await self._ask(self._life, "interrupt", within_s=COMMAND_S)
        except (NotSent, Lost):
            return  # nothing is being spoken any more
        except Late:
            raise DeviceTimeout(self.name, "stop speaking: its driver does not answer") from None


class RemoteCaller(ShowingDevice):
    """Counter keypad 叫号器."""

    @property
    def address(self) -> int:
        return self.terms.address

    @property
    def keys(self) -> trio.MemoryReceiveChannel[KeyEvent]:
        return cast(trio.MemoryReceiveChannel[KeyEvent], self._channel)

    async def show(self, number: str, waiting: int, *, wait_s: float = 0.0) -> Truth:
        self._require(self.capabilities.display, "a display")
        return await self._show("show", number, waiting, wait_s=wait_s)

    async def beep(self) -> None:
        self._require(self.capabilities.beep, "beeping")
        try:
            await self._now("beep", within_s=COMMAND_S)
        except Late:
            raise DeviceTimeout(self.name, "beep: its driver does not answer") from None


class RemoteEvaluator(RemoteDevice):
    """Evaluator 评价器."""

    @property
    def address(self) -> int:
        return self.terms.address

    @property
    def ratings(self) -> trio.MemoryReceiveChannel[Rating]:
        return cast(trio.MemoryReceiveChannel[Rating], self._channel)

    async def ask(self, ticket: str) -> None:
        self._require(self.capabilities.prompt, "asking")
        try:
            await self._now("ask", ticket, within_s=COMMAND_S)
        except Late:
            raise DeviceTimeout(self.name, "ask: its driver does not answer") from None


class RemoteKioskInput(RemoteDevice):
    """Keypad or scanner of a kiosk 取号机输入."""

    @property
    def typed(self) -> trio.MemoryReceiveChannel[Typed]:
        return cast(trio.MemoryReceiveChannel[Typed], self._channel)


class RemoteCardReader(RemoteDevice):
    """Card reader 读卡器."""

    @property
    def cards(self) -> trio.MemoryReceiveChannel[CardRead]:
        return cast(trio.MemoryReceiveChannel[CardRead], self._channel)


class RemoteIndicator(ShowingDevice):
    """Indicator lamp 指示灯."""

    async def set(self, colour: Colour | None, *, blink: bool = False, wait_s: float = 0.0) -> Truth:
        can = self.capabilities
        if colour is not None:
            self._require(colour.value in can.colours, f"the colour {colour.value}")
        self._require(can.blink or not blink, "blinking")
        return await self._show("set", colour, blink=blink, wait_s=wait_s)


class RemoteSecondScreen(ShowingDevice):
    """The customer's screen at a counter 双屏."""

    async def show(self, content: ScreenContent, *, wait_s: float = 0.0) -> Truth:
        can = self.capabilities
        self._require(len(content.lines) <= can.lines, f"{len(content.lines)} lines (it has {can.lines})")
        self._require(can.images or not content.image, "a picture")
        return await self._show("show", content, wait_s=wait_s)


class RemotePeopleCounter(RemoteDevice):
    """People counter 客流计数器."""

    @property
    def passages(self) -> trio.MemoryReceiveChannel[Passage]:
        return cast(trio.MemoryReceiveChannel[Passage], self._channel)


class RemoteCamera(RemoteDevice):
    """Camera 摄像头."""

    async def still(self, *, timeout_s: float = 10.0) -> bytes:
        try:
            still = await self._now("still", timeout_s=timeout_s, within_s=timeout_s + GRACE_S)
        except Late:
            raise DeviceTimeout(self.name, f"still: no picture within {timeout_s:g} s") from None
        return cast(bytes, still)


class RemoteMonitor(RemoteDevice):
    """Watch over power, temperature and doors 环境监控."""

    @property
    def readings(self) -> trio.MemoryReceiveChannel[Reading]:
        return cast(trio.MemoryReceiveChannel[Reading], self._channel)


CLASSES: Mapping[DeviceClass, type[RemoteDevice]] = {
    DeviceClass.TICKET_PRINTER: RemotePrinter,
    DeviceClass.COUNTER_DISPLAY: RemoteStrip,
    DeviceClass.HALL_DISPLAY: RemoteHallDisplay,
    DeviceClass.ANNOUNCER: RemoteAnnouncer,
    DeviceClass.COUNTER_CALLER: RemoteCaller,
    DeviceClass.EVALUATOR: RemoteEvaluator,
    DeviceClass.KIOSK_INPUT: RemoteKioskInput,
    DeviceClass.CARD_READER: RemoteCardReader,
    DeviceClass.INDICATOR: RemoteIndicator,
    DeviceClass.SECOND_SCREEN: RemoteSecondScreen,
    DeviceClass.PEOPLE_COUNTER: RemotePeopleCounter,
    DeviceClass.CAMERA: RemoteCamera,
    DeviceClass.HARDWARE_MONITOR: RemoteMonitor,
}


def ignore_status(status: DeviceStatus) -> None:
    """For callers that only look at `status`."""


def make_remote(
    board: Board,
    spec: DriverSpec,
    name: str,
    url: str,
    options: Mapping[str, Any],
    *,
    on_status: Callable[[DeviceStatus], None] = ignore_status,
    random_source: Callable[[], float] | None = None,
    ports: object = None,
) -> RemoteDevice:
    """A `DeviceMaker` once `board` and `spec` are bound: the driver's own chance and ports are its process's.

    `ValueError` if what the device can was not learned before."""
    return CLASSES[spec.device_class](board, spec, name, url, options, on_status)
