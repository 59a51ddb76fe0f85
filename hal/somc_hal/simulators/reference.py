"""Simulated strip display, hall display, keypad and announcer of the reference protocol.

What must stay true: what they keep (`shown`, `rows`, `spoken` …) was decoded from the bytes that came
over the stream, and from nothing else. Histories are bounded.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import trio

from somc_hal.codecs.reference import (
    Kind,
    Refusal,
    Spoken,
    StripContent,
    read_number,
    read_rows,
    read_speech,
    read_strip,
    write_key,
    write_spoken,
)
from somc_hal.codecs.stx import Op
from somc_hal.simulators.stx_device import StxSimulator
from somc_hal.text import cells
from somc_hal.values import HallRow, Key, Phrase

__all__ = [
    "AnnouncerSimulator",
    "HallContent",
    "HallDisplaySimulator",
    "KeypadSimulator",
    "SpokenAnnouncement",
    "StripDisplaySimulator",
]

HISTORY = 1000
"""How many contents, announcements or beeps are kept."""


class StripDisplaySimulator(StxSimulator):
    """Strip display 条屏. `shown` is what it shows now, `history` everything it showed."""

    DRIVER = "reference-strip"
    KIND = Kind.STRIP_DISPLAY

    def __init__(self, *, address: int = 1, retransmit_s: float = 0.3) -> None:
        super().__init__(address=address, retransmit_s=retransmit_s)
        self.shown = StripContent(())
        self.history: deque[StripContent] = deque(maxlen=HISTORY)

    def _command(self, op: Op, data: bytes) -> Refusal | None:
        if op is not Op.STRIP:
            return Refusal.UNKNOWN_OP
        content = read_strip(data)
        if content is None:
            return Refusal.MALFORMED
        self.shown = content
        self.history.append(content)
        return None

    def _forget(self) -> None:
        super()._forget()
        self.shown = StripContent(())


@dataclass(frozen=True, slots=True)
class HallContent:
    """What a hall display shows."""

    rows: tuple[HallRow, ...] = ()
    footer: str = ""


class HallDisplaySimulator(StxSimulator):
    """Hall display 综合屏. `shown` is what it shows now, `history` everything it showed."""

    DRIVER = "reference-hall"
    KIND = Kind.HALL_DISPLAY

    def __init__(self, *, address: int = 1, retransmit_s: float = 0.3) -> None:
        super().__init__(address=address, retransmit_s=retransmit_s)
        self.shown = HallContent()
        self.history: deque[HallContent] = deque(maxlen=HISTORY)

    def _command(self, op: Op, data: bytes) -> Refusal | None:
        if op is not Op.ROWS:
            return Refusal.UNKNOWN_OP
        content = read_rows(data)
        if content is None:
            return Refusal.MALFORMED
        self.shown = HallContent(*content)
        self.history.append(self.shown)
        return None

    def _forget(self) -> None:
        super()._forget()
        self.shown = HallContent()


class KeypadSimulator(StxSimulator):
    """Counter keypad 叫号器. `shown` is (number, waiting) or `None`, `history` all it showed;
    `beeps` counts."""

    DRIVER = "reference-keypad"
    KIND = Kind.KEYPAD

    def __init__(self, *, address: int = 1, retransmit_s: float = 0.3) -> None:
        super().__init__(address=address, retransmit_s=retransmit_s)
        self.shown: tuple[str, int] | None = None
        self.history: deque[tuple[str, int]] = deque(maxlen=HISTORY)
        self.beeps = 0

    def press(self, key: Key | str, digits: str = "") -> None:
        """Press a key after typing `digits` (at most 8). Without power nothing happens.

        `ValueError` for a key or digits that do not exist; `OverflowError` when 64 presses wait.
        """
        if len(digits) > 8 or (digits and not (digits.isascii() and digits.isdigit())):
            raise ValueError(f"digits are at most 8 of 0-9, found {digits!r}")
        self._raise(Op.KEY, write_key(Key(key), digits))

    def _command(self, op: Op, data: bytes) -> Refusal | None:
        if op is Op.BEEP:
            self.beeps += 1
            return None
        if op is not Op.NUMBER:
            return Refusal.UNKNOWN_OP
        shown = read_number(data)
        if shown is None:
            return Refusal.MALFORMED
        self.shown = shown
        self.history.append(shown)
        return None

    def _forget(self) -> None:
        super()._forget()
        self.shown = None


@dataclass(frozen=True, slots=True)
class SpokenAnnouncement:
    """What was spoken: `whole` is false if it was stopped before its end."""

    phrases: tuple[Phrase, ...]
    whole: bool


class AnnouncerSimulator(StxSimulator):
    """Announcer 音箱. Speaking takes `s_per_cell` seconds for each half-width cell of text (a Hanzi
    has two), on Trio's clock; 0 speaks at once. `spoken` holds what was spoken, oldest first."""

    DRIVER = "reference-announcer"
    KIND = Kind.ANNOUNCER

    def __init__(self, *, address: int = 1, retransmit_s: float = 0.3, s_per_cell: float = 0.12) -> None:
        super().__init__(address=address, retransmit_s=retransmit_s)
        self.s_per_cell = s_per_cell
        self.spoken: deque[SpokenAnnouncement] = deque(maxlen=HISTORY)
        self._job = 0
        self._phrases: tuple[Phrase, ...] | None = None
        self._ends_at = 0.0

    @property
    def speaking(self) -> bool:
        """Whether it speaks now."""
        return self._phrases is not None

    def _command(self, op: Op, data: bytes) -> Refusal | None:
        if op is Op.HUSH:
            self._end(whole=False)
            return None
        if op is not Op.SPEAK:
            return Refusal.UNKNOWN_OP
        if self.speaking:
            return Refusal.BUSY
        speech = read_speech(data)
        if speech is None:
            return Refusal.MALFORMED
        self._job, self._phrases = speech
        length = sum(cells(phrase.text) for phrase in self._phrases)
        self._ends_at = trio.current_time() + length * self.s_per_cell
        return None

    def _answered(self) -> None:
        if self.s_per_cell == 0:
            self._end(whole=True)

    def _end(self, *, whole: bool) -> None:
        if self._phrases is None:
            return
        self.spoken.append(SpokenAnnouncement(self._phrases, whole))
        self._phrases = None
        self._raise(Op.SPOKEN, write_spoken(Spoken(self._job, whole)))

    async def _behave(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(super()._behave)
            while True:
                while self._phrases is None:
                    await self.changed.wait()
                while self._phrases is not None and trio.current_time() < self._ends_at:
                    await self.changed.wait(self._ends_at)
                self._end(whole=True)

    def _forget(self) -> None:
        super()._forget()
        self._phrases = None
