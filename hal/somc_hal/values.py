"""What goes to devices and comes from them, as values: slips, rows, phrases, keys.

What must stay true: these import nothing that waits, so that codecs can use them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["Align", "HallRow", "Key", "KeyEvent", "Phrase", "SlipCode", "SlipLine", "SlipPart"]


class Align(enum.Enum):
    """UPOS alignment of a printed line."""

    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class SlipLine:
    """One printed line. `double` is double width and height (needs the capability `double_size`)."""

    text: str
    align: Align = Align.LEFT
    double: bool = False
    bold: bool = False


@dataclass(frozen=True, slots=True)
class SlipCode:
    """A QR code on the slip (needs the capability `qr`). `module_dots` is the edge of one module, 1-16."""

    data: str
    module_dots: int = 5

    def __post_init__(self) -> None:
        if not 1 <= self.module_dots <= 16:
            raise ValueError(f"module_dots is 1 to 16, found {self.module_dots}")
        if not 1 <= len(self.data.encode()) <= 1000:
            raise ValueError("a slip's QR code holds 1 to 1000 bytes")


SlipPart = SlipLine | SlipCode


@dataclass(frozen=True, slots=True)
class HallRow:
    """One row of the hall display: this number goes to that counter; `highlight` while just called."""

    number: str
    counter: str
    note: str = ""
    highlight: bool = False


@dataclass(frozen=True, slots=True)
class Phrase:
    """Something to be said in one language (BCP 47 primary tag)."""

    text: str
    language: str = "zh"


class Key(enum.Enum):
    """The keys of a counter keypad, by what they mean."""

    NEXT = "next"
    RECALL = "recall"
    START = "start"
    FINISH = "finish"
    NO_SHOW = "no_show"
    PAUSE = "pause"
    RESUME = "resume"
    CALL = "call"
    TRANSFER = "transfer"
    HOLD = "hold"
    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """A key was pressed at the keypad of that bus address; `digits` were typed before it ("" if none)."""

    address: int
    key: Key
    digits: str = ""
