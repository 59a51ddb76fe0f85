"""What goes to devices and comes from them, as values: slips, rows, phrases, keys, ratings, readings.

What must stay true: these import nothing that waits, so that codecs can use them.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from somc_hal.status import Truth

__all__ = [
    "Align",
    "CardKind",
    "CardRead",
    "Colour",
    "HallRow",
    "InputSource",
    "Key",
    "KeyEvent",
    "Passage",
    "Phrase",
    "Rating",
    "Reading",
    "ReadingKind",
    "ScreenContent",
    "SlipCode",
    "SlipImage",
    "SlipLine",
    "SlipPart",
    "Typed",
]


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


@dataclass(frozen=True, slots=True)
class SlipImage:
    """A picture of black and white dots (needs the capability `raster`): rows from the top, eight dots a
    byte, the leftmost in the highest bit, 1 is black; a row begins on a byte. `ValueError` names what is
    wrong."""

    width_dots: int
    data: bytes
    align: Align = Align.CENTER

    def __post_init__(self) -> None:
        if not 1 <= self.width_dots <= 2000:
            raise ValueError(f"width_dots is 1 to 2000, found {self.width_dots}")
        if not self.data or len(self.data) % self.row_bytes:
            raise ValueError(f"data is whole rows of {self.row_bytes} bytes, found {len(self.data)} bytes")
        if self.height_dots > 2000:
            raise ValueError(f"a picture is at most 2000 dots high, found {self.height_dots}")

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return (self.width_dots + 7) // 8

    @property
    def height_dots(self) -> int:
        """Rows."""
        return len(self.data) // self.row_bytes

    @classmethod
    def from_pbm(cls, file: bytes, align: Align = Align.CENTER) -> SlipImage:
        """From a PBM file of the binary kind (`P4`), which every picture program writes. `ValueError`."""
        words: list[bytes] = []
        at = 0
        while len(words) < 3:
            found = _PBM_WORD.match(file, at)
            if found is None:
                raise ValueError("a picture is a PBM file that begins with P4, width and height")
            words.append(found[1])
            at = found.end()
        if words[0] != b"P4" or not (words[1].isdigit() and words[2].isdigit()):
            raise ValueError("a picture is a PBM file that begins with P4, width and height")
        width, height = int(words[1]), int(words[2])
        size = (width + 7) // 8 * height
        if len(file) - at - 1 < size:
            raise ValueError(f"the PBM file ends early: {size} bytes of dots expected")
        return cls(width, file[at + 1 : at + 1 + size], align)


_PBM_WORD = re.compile(rb"(?:\s|#[^\n]*\n)*([^\s#]{1,8})")

SlipPart = SlipLine | SlipCode | SlipImage


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
    RATE = "rate"


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """A key was pressed at the keypad of that bus address; `digits` were typed before it ("" if none)."""

    address: int
    key: Key
    digits: str = ""


@dataclass(frozen=True, slots=True)
class Rating:
    """A customer rated the service: `value` from 1 (worst) to the evaluator's `levels` (best), whatever
    its keys are called. `ticket` is what it was asked about, "" if it was pressed unasked."""

    address: int
    value: int
    ticket: str = ""


class InputSource(enum.Enum):
    """What a kiosk input was entered with."""

    KEYPAD = "keypad"
    SCANNER = "scanner"


@dataclass(frozen=True, slots=True)
class Typed:
    """A customer entered a whole text: digits confirmed on a keypad, or one scanned code."""

    source: InputSource
    text: str


class CardKind(enum.Enum):
    """What kind of card was read."""

    ID_CARD = "id_card"
    SIM = "sim"
    IC = "ic"
    MAGNETIC = "magnetic"


@dataclass(frozen=True, slots=True)
class CardRead:
    """A card was read; `number` is what identifies its holder. Personal data: it belongs in no log."""

    kind: CardKind
    number: str

    def __repr__(self) -> str:
        return f"CardRead(kind={self.kind}, number=<{len(self.number)} characters>)"


class Colour(enum.Enum):
    """Colours of an indicator."""

    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"
    BLUE = "blue"
    WHITE = "white"


@dataclass(frozen=True, slots=True)
class ScreenContent:
    """What a counter's second screen shows: lines of text, and the name of a picture the screen holds."""

    lines: tuple[str, ...] = ()
    image: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """People went through a door since the last report."""

    door: str
    entered: int
    left: int


class ReadingKind(enum.Enum):
    """What a hardware monitor measures; temperatures in °C, voltages in V, the rest yes or no."""

    TEMPERATURE = "temperature"
    VOLTAGE = "voltage"
    POWER = "power"
    DOOR = "door"


@dataclass(frozen=True, slots=True)
class Reading:
    """One measurement at `place`. `POWER`: the mains is there; `DOOR`: the door is open."""

    kind: ReadingKind
    place: str
    value: float | Truth

    def __post_init__(self) -> None:
        told = self.kind in (ReadingKind.POWER, ReadingKind.DOOR)
        if told is not isinstance(self.value, Truth):
            wanted = "a Truth" if told else "a number"
            raise ValueError(f"a reading of {self.kind.value} is {wanted}, found {self.value!r}")
