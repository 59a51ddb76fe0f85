"""Drivers for devices of the reference protocol that tell something of themselves: evaluator, kiosk input,
card reader, people counter, hardware monitor.

What must stay true: each event is handed over once and in order; one for which the reader has no room
is not acknowledged, so the device keeps it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

import trio

from somc_hal.capabilities import (
    CardReaderCapabilities,
    EvaluatorCapabilities,
    HardwareMonitorCapabilities,
    KioskInputCapabilities,
    PeopleCounterCapabilities,
)
from somc_hal.codecs.reference import Kind, encoded
from somc_hal.codecs.reference_events import (
    read_card,
    read_passage,
    read_rating,
    read_reading,
    read_typed,
)
from somc_hal.codecs.stx import Op, StxFrame
from somc_hal.devices import DeviceClass
from somc_hal.drivers.options import Option
from somc_hal.drivers.reference import STX_OPTIONS, StxDriver
from somc_hal.text import fit
from somc_hal.values import CardKind, CardRead, InputSource, Passage, Rating, Reading, ReadingKind, Typed

__all__ = [
    "ReferenceCardReader",
    "ReferenceEvaluator",
    "ReferenceKioskInput",
    "ReferenceMonitor",
    "ReferencePeopleCounter",
]

EventT = TypeVar("EventT")

TICKET_CELLS = 12
"""Longest ticket number an evaluator is told."""

_OPTIONS: Mapping[str, Option] = {
    "event_buffer": Option(int, 64, "events kept for a reader that is behind", 1, 1000),
    **STX_OPTIONS,
}


class _EventDriver(StxDriver, Generic[EventT]):
    """A device with one channel of events, all of one op."""

    OP: ClassVar[Op]

    def __init__(self, name: str, url: str, options: Mapping[str, Any], **more: Any) -> None:
        super().__init__(name, url, options, **more)
        send, receive = trio.open_memory_channel[EventT](self._options["event_buffer"])
        self._told = send
        self._events = receive

    @abstractmethod
    def _read_event(self, data: bytes) -> EventT | None:
        """The event in a frame's data; `None` if it is malformed or not declared."""

    def _event(self, frame: StxFrame) -> bool | None:
        event = self._read_event(frame.data) if frame.op is self.OP else None
        if event is None:
            return None
        try:
            self._told.send_nowait(event)
        except trio.WouldBlock:
            return False
        return True


class ReferenceEvaluator(_EventDriver[Rating]):
    """Evaluator 评价器 over the reference protocol."""

    DRIVER = "reference-evaluator"
    DEVICE_CLASS = DeviceClass.EVALUATOR
    KIND = Kind.EVALUATOR
    OP = Op.RATING
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "levels": Option(int, 5, "how many values a rating has", 2, 10),
        "prompt": Option(bool, True, "whether it can be told to ask"),
        **_OPTIONS,
    }

    @property
    def capabilities(self) -> EvaluatorCapabilities:
        prompt = self._options["prompt"]
        return EvaluatorCapabilities(self._options["levels"], prompt, prompt, True)

    @property
    def ratings(self) -> trio.MemoryReceiveChannel[Rating]:
        return self._events

    async def ask(self, ticket: str) -> None:
        self._require(self.capabilities.prompt, "asking for a rating")
        command = self._stx.command(Op.ASK, encoded(fit(ticket, TICKET_CELLS)), "ask")
        self._port.submit(command)
        await command.wait()

    def _read_event(self, data: bytes) -> Rating | None:
        return read_rating(self.address, data, self._options["levels"])


class ReferenceKioskInput(_EventDriver[Typed]):
    """Keypad and scanner of a kiosk over the reference protocol."""

    DRIVER = "reference-kiosk-input"
    DEVICE_CLASS = DeviceClass.KIOSK_INPUT
    KIND = Kind.KIOSK_INPUT
    OP = Op.TYPED
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "sources": Option(
            tuple,
            ("keypad", "scanner"),
            "what it has to enter with",
            choices=tuple(source.value for source in InputSource),
        ),
        "max_length": Option(int, 64, "longest text it enters", 1, 500),
        **_OPTIONS,
    }

    @property
    def capabilities(self) -> KioskInputCapabilities:
        return KioskInputCapabilities(self._options["sources"], self._options["max_length"], True)

    @property
    def typed(self) -> trio.MemoryReceiveChannel[Typed]:
        return self._events

    def _read_event(self, data: bytes) -> Typed | None:
        typed = read_typed(data)
        can = self.capabilities
        if typed is None or typed.source.value not in can.sources or len(typed.text) > can.max_length:
            return None
        return typed


class ReferenceCardReader(_EventDriver[CardRead]):
    """Card reader 读卡器 over the reference protocol."""

    DRIVER = "reference-card-reader"
    DEVICE_CLASS = DeviceClass.CARD_READER
    KIND = Kind.CARD_READER
    OP = Op.CARD
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "kinds": Option(
            tuple,
            ("id_card", "sim", "ic", "magnetic"),
            "the kinds of card it reads",
            choices=tuple(kind.value for kind in CardKind),
        ),
        **_OPTIONS,
    }

    @property
    def capabilities(self) -> CardReaderCapabilities:
        return CardReaderCapabilities(self._options["kinds"], True)

    @property
    def cards(self) -> trio.MemoryReceiveChannel[CardRead]:
        return self._events

    def _read_event(self, data: bytes) -> CardRead | None:
        card = read_card(data)
        return card if card is not None and card.kind.value in self._options["kinds"] else None


class ReferencePeopleCounter(_EventDriver[Passage]):
    """People counter 客流计数器 over the reference protocol."""

    DRIVER = "reference-people-counter"
    DEVICE_CLASS = DeviceClass.PEOPLE_COUNTER
    KIND = Kind.PEOPLE_COUNTER
    OP = Op.PASSAGE
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "directions": Option(bool, True, "whether it tells those who enter from those who leave"),
        **_OPTIONS,
    }

    @property
    def capabilities(self) -> PeopleCounterCapabilities:
        return PeopleCounterCapabilities(self._options["directions"], True)

    @property
    def passages(self) -> trio.MemoryReceiveChannel[Passage]:
        return self._events

    def _read_event(self, data: bytes) -> Passage | None:
        passage = read_passage(data)
        if passage is not None and passage.left and not self._options["directions"]:
            return None
        return passage


class ReferenceMonitor(_EventDriver[Reading]):
    """Hardware monitor 环境监控 over the reference protocol."""

    DRIVER = "reference-monitor"
    DEVICE_CLASS = DeviceClass.HARDWARE_MONITOR
    KIND = Kind.HARDWARE_MONITOR
    OP = Op.READING
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "kinds": Option(
            tuple,
            ("temperature", "voltage", "power", "door"),
            "what it measures",
            choices=tuple(kind.value for kind in ReadingKind),
        ),
        **_OPTIONS,
    }

    @property
    def capabilities(self) -> HardwareMonitorCapabilities:
        return HardwareMonitorCapabilities(self._options["kinds"], True)

    @property
    def readings(self) -> trio.MemoryReceiveChannel[Reading]:
        return self._events

    def _read_event(self, data: bytes) -> Reading | None:
        reading = read_reading(data)
        return reading if reading is not None and reading.kind.value in self._options["kinds"] else None
