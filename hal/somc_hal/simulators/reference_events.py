"""Simulated evaluator, kiosk input, card reader, people counter, hardware monitor, indicator, second screen
and camera of the reference protocol.

What must stay true: what a person does to them (`rate`, `scan`, `insert` …) leaves as frames only, and
what they keep was decoded from frames only. Histories are bounded.
"""

from __future__ import annotations

from collections import deque

from somc_hal.codecs.reference import Kind, Refusal, text_of
from somc_hal.codecs.reference_events import (
    PIECE_BYTES,
    read_light,
    read_offset,
    read_screen,
    write_card,
    write_passage,
    write_piece,
    write_rating,
    write_reading,
    write_typed,
)
from somc_hal.codecs.stx import Op
from somc_hal.simulators.reference import HISTORY
from somc_hal.simulators.stx_device import StxSimulator
from somc_hal.status import Truth
from somc_hal.values import (
    CardKind,
    CardRead,
    Colour,
    InputSource,
    Passage,
    Rating,
    Reading,
    ReadingKind,
    ScreenContent,
    Typed,
)

__all__ = [
    "CameraSimulator",
    "CardReaderSimulator",
    "EvaluatorSimulator",
    "IndicatorSimulator",
    "KioskInputSimulator",
    "MonitorSimulator",
    "PeopleCounterSimulator",
    "SecondScreenSimulator",
]

WHITE_DOT = bytes.fromhex(
    "ffd8ffdb004300080606070605080707070909080a0c140d0c0b0b0c1912130f141d1a1f1e1d1a1c1c20242e2720222c231c1c28"
    "37292c30313434341f27393d38323c2e333432ffc0000b080001000101011100ffc40014000100000000000000000000000000"
    "000009ffc40014100100000000000000000000000000000000ffda0008010100003f0054dfffd9"
)
"""A white JPEG picture of one dot: what a camera sees before anybody tells it something better."""


class EvaluatorSimulator(StxSimulator):
    """Evaluator 评价器. `asked` holds the tickets it was to ask about; `rate` is the customer's finger."""

    DRIVER = "reference-evaluator"
    KIND = Kind.EVALUATOR

    def __init__(self, *, address: int = 1, retransmit_s: float = 0.3, levels: int = 5) -> None:
        super().__init__(address=address, retransmit_s=retransmit_s)
        self.levels = levels
        self.asked: deque[str] = deque(maxlen=HISTORY)
        self._ticket = ""

    def rate(self, value: int) -> None:
        """Press a key. `ValueError` if there is none of that value; `OverflowError` when 64 wait."""
        if not 1 <= value <= self.levels:
            raise ValueError(f"a rating is 1 to {self.levels}, found {value}")
        self._raise(Op.RATING, write_rating(Rating(self.address, value, self._ticket)))
        self._ticket = ""

    def _command(self, op: Op, data: bytes) -> Refusal | None:
        if op is not Op.ASK:
            return Refusal.UNKNOWN_OP
        ticket = text_of(data)
        if ticket is None:
            return Refusal.MALFORMED
        self._ticket = ticket
        self.asked.append(ticket)
        return None

    def _forget(self) -> None:
        super()._forget()
        self._ticket = ""


class KioskInputSimulator(StxSimulator):
    """Keypad and scanner of a kiosk."""

    DRIVER = "reference-kiosk-input"
    KIND = Kind.KIOSK_INPUT

    def type(self, text: str) -> None:
        """Type a text and confirm it."""
        self._raise(Op.TYPED, write_typed(Typed(InputSource.KEYPAD, text)))

    def scan(self, text: str) -> None:
        """Hold a code before the scanner."""
        self._raise(Op.TYPED, write_typed(Typed(InputSource.SCANNER, text)))


class CardReaderSimulator(StxSimulator):
    """Card reader 读卡器."""

    DRIVER = "reference-card-reader"
    KIND = Kind.CARD_READER

    def insert(self, number: str, kind: CardKind | str = CardKind.ID_CARD) -> None:
        """Put a card in."""
        self._raise(Op.CARD, write_card(CardRead(CardKind(kind), number)))


class PeopleCounterSimulator(StxSimulator):
    """People counter 客流计数器."""

    DRIVER = "reference-people-counter"
    KIND = Kind.PEOPLE_COUNTER

    def walk(self, *, entered: int = 0, left: int = 0, door: str = "1") -> None:
        """People go through a door. `OverflowError` beyond 65535 at once."""
        self._raise(Op.PASSAGE, write_passage(Passage(door, entered, left)))


class MonitorSimulator(StxSimulator):
    """Hardware monitor 环境监控."""

    DRIVER = "reference-monitor"
    KIND = Kind.HARDWARE_MONITOR

    def measure(self, kind: ReadingKind | str, value: float | Truth, place: str = "") -> None:
        """Something is measured. `ValueError` for a value that does not suit the kind."""
        self._raise(Op.READING, write_reading(Reading(ReadingKind(kind), place, value)))


class IndicatorSimulator(StxSimulator):
    """Indicator lamp 指示灯. `shown` is colour and blinking, `history` all it showed."""

    DRIVER = "reference-indicator"
    KIND = Kind.INDICATOR

    def __init__(self, *, address: int = 1, retransmit_s: float = 0.3) -> None:
        super().__init__(address=address, retransmit_s=retransmit_s)
        self.shown: tuple[Colour | None, bool] = (None, False)
        self.history: deque[tuple[Colour | None, bool]] = deque(maxlen=HISTORY)

    def _command(self, op: Op, data: bytes) -> Refusal | None:
        if op is not Op.LIGHT:
            return Refusal.UNKNOWN_OP
        light = read_light(data)
        if light is None:
            return Refusal.MALFORMED
        self.shown = light
        self.history.append(light)
        return None

    def _forget(self) -> None:
        super()._forget()
        self.shown = (None, False)


class SecondScreenSimulator(StxSimulator):
    """Second screen 双屏. `shown` is what it shows, or its own page (`None`) while nothing was told or the
    line is dead; `history` all it was told."""

    DRIVER = "reference-second-screen"
    KIND = Kind.SECOND_SCREEN

    def __init__(self, *, address: int = 1, retransmit_s: float = 0.3) -> None:
        super().__init__(address=address, retransmit_s=retransmit_s)
        self.history: deque[ScreenContent] = deque(maxlen=HISTORY)
        self._content: ScreenContent | None = None

    @property
    def shown(self) -> ScreenContent | None:
        empty = self._content is None or self._content == ScreenContent()
        return None if empty or not self.connected else self._content

    def _command(self, op: Op, data: bytes) -> Refusal | None:
        if op is not Op.SCREEN:
            return Refusal.UNKNOWN_OP
        content = read_screen(data)
        if content is None:
            return Refusal.MALFORMED
        self._content = content
        self.history.append(content)
        return None

    def _forget(self) -> None:
        super()._forget()
        self._content = None


class CameraSimulator(StxSimulator):
    """Camera 摄像头. `scene` is the JPEG picture it sees; `stills` counts the pictures it took."""

    DRIVER = "reference-camera"
    KIND = Kind.CAMERA

    def __init__(self, *, address: int = 1, retransmit_s: float = 0.3) -> None:
        super().__init__(address=address, retransmit_s=retransmit_s)
        self.scene = WHITE_DOT
        self.stills = 0
        self._taken = b""

    def _command(self, op: Op, data: bytes) -> Refusal | None:
        if op is not Op.STILL:
            return Refusal.UNKNOWN_OP
        offset = read_offset(data)
        if offset is None or offset > len(self._taken):
            return Refusal.MALFORMED
        if offset == 0:
            self._taken = self.scene
            self.stills += 1
        return None

    def _answer_data(self, op: Op, data: bytes) -> bytes:
        offset = read_offset(data) or 0
        return write_piece(len(self._taken), self._taken[offset : offset + PIECE_BYTES])

    def _forget(self) -> None:
        super()._forget()
        self._taken = b""
