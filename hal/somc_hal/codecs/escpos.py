"""ESC/POS: the small part that ticket printers of many makers agree on.

The host's half writes slips and reads status bytes; the printer's half (`EscposDecoder`) reads what
a printer reads and gives back the lines, for the simulator and for tests.

Sources: the command manuals of Epson TM-U220A (p. 54) and Bixolon SRP-350 (p. 8) and SRP-500
(p. 23) for `DLE EOT`; the other commands are common to all of them. Text is GB18030 after `FS &`,
raw: its bytes hold no control code, so they pass through every line discipline.

What must stay true
- `DLE EOT` never stands inside another command's data: one writer sends whole commands.
- Text can hold no control code (`somc_hal.text.printable`).
- Reading never raises, whatever comes.
"""

from __future__ import annotations

from dataclasses import dataclass

from somc_hal.text import printable
from somc_hal.values import Align, SlipCode, SlipImage, SlipLine, SlipPart

__all__ = [
    "Code",
    "Cut",
    "EscposDecoder",
    "Line",
    "PaperAnswer",
    "PaperQuery",
    "Raster",
    "Reset",
    "StatusAnswer",
    "StatusDecoder",
    "StatusQuery",
    "Unknown",
    "begin_slip",
    "end_slip",
    "frames",
    "paper_query",
    "part",
    "status_query",
]

ESC, FS, GS, DLE, EOT, LF = 0x1B, 0x1C, 0x1D, 0x10, 0x04, 0x0A

_ALIGN = {Align.LEFT: 0, Align.CENTER: 1, Align.RIGHT: 2}
_ALIGN_OF = {code: align for align, code in _ALIGN.items()}
_DOUBLE = 0x11  # GS !: width ×2 in the high half byte, height ×2 in the low one


# --- the host's half -------------------------------------------------------------------------------


def begin_slip(charset: str) -> bytes:
    """`ESC @` forgets what an earlier job left; `FS &` switches to Chinese text where the charset is."""
    reset = bytes((ESC, 0x40))
    return reset + bytes((FS, 0x26)) if charset in ("gb18030", "gbk") else reset


BAND_BYTES = 1024
"""Dots of a picture in one command: about a second at 9600 Bd, which is as long as a port may be held."""


def frames(item: SlipPart, charset: str) -> list[bytes]:
    """The commands of one line, QR code or picture, complete with its settings, so that nothing depends on
    the part before. A picture comes in bands, between which a job can be cut off."""
    if isinstance(item, SlipImage):
        return _bands(item)
    return [part(item, charset)]


def part(item: SlipLine | SlipCode, charset: str) -> bytes:
    """One line or QR code."""
    if isinstance(item, SlipCode):
        return _code(item)
    return (
        bytes((ESC, 0x61, _ALIGN[item.align], ESC, 0x45, item.bold, GS, 0x21, _DOUBLE if item.double else 0))
        + printable(item.text).encode(charset, errors="replace")
        + bytes((LF,))
    )


def _code(code: SlipCode) -> bytes:
    """`GS ( k`: model 2, module size, error correction M, store, print."""

    def function(number: int, parameters: bytes) -> bytes:
        body = bytes((0x31, number)) + parameters
        return bytes((GS, 0x28, 0x6B)) + len(body).to_bytes(2, "little") + body

    return (
        bytes((ESC, 0x61, _ALIGN[Align.CENTER]))
        + function(0x41, b"\x32\x00")
        + function(0x43, bytes((code.module_dots,)))
        + function(0x45, b"\x31")
        + function(0x50, b"\x30" + code.data.encode("utf-8"))
        + function(0x51, b"\x30")
    )


def _bands(image: SlipImage) -> list[bytes]:
    """`GS v 0` for so many rows at a time as fit into a band; bands stand without a gap."""
    width = image.row_bytes
    step = max(1, BAND_BYTES // width) * width
    align = bytes((ESC, 0x61, _ALIGN[image.align]))
    bands = []
    for at in range(0, len(image.data), step):
        rows = image.data[at : at + step]
        size = width.to_bytes(2, "little") + (len(rows) // width).to_bytes(2, "little")
        bands.append(align + bytes((GS, 0x76, 0x30, 0)) + size + rows)
    return bands


def end_slip(*, feed_lines: int, cut: bool, partial: bool) -> bytes:
    """Feed the text past the cutter (`ESC d`), then cut (`GS V`) if the printer can."""
    fed = bytes((ESC, 0x64, feed_lines))
    return fed + bytes((GS, 0x56, 1 if partial else 0)) if cut else fed


def status_query(number: int) -> bytes:
    """`DLE EOT n`: 1 printer, 2 cause of offline, 3 cause of error, 4 paper. Answered at once."""
    return bytes((DLE, EOT, number))


def paper_query() -> bytes:
    """`GS r 1`: answered in order, hence only when everything before it was processed."""
    return bytes((GS, 0x72, 1))


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """One byte answering `DLE EOT n`; which n is for the asker to know."""

    byte: int


@dataclass(frozen=True, slots=True)
class PaperAnswer:
    """One byte answering `GS r 1`."""

    near_end: bool
    out: bool


# Bits 0-1 near end, 2-3 out, always in pairs; the fixed zero of bit 4 tells it from DLE EOT's answers.
_PAPER = {low | out: PaperAnswer(bool(low), bool(out)) for low in (0, 0x03) for out in (0, 0x0C)}


class StatusDecoder:
    """Reads what a printer sends. Bytes of neither pattern are noise and are dropped."""

    def feed(self, data: bytes) -> list[StatusAnswer | PaperAnswer]:
        """The answers in `data`. `DLE EOT` answers have the fixed bits `0xx1xx10`."""
        answers: list[StatusAnswer | PaperAnswer] = []
        for byte in data:
            if byte & 0x93 == 0x12:
                answers.append(StatusAnswer(byte))
            elif byte in _PAPER:
                answers.append(_PAPER[byte])
        return answers


# --- the printer's half ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reset:
    """`ESC @`."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line was printed, with the settings it was printed in."""

    text: str
    align: Align
    double: bool
    bold: bool


@dataclass(frozen=True, slots=True)
class Code:
    """A QR code was printed."""

    data: str


@dataclass(frozen=True, slots=True)
class Raster:
    """Rows of dots were printed; `row_bytes` wide."""

    row_bytes: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """The paper was cut."""

    partial: bool


@dataclass(frozen=True, slots=True)
class StatusQuery:
    """`DLE EOT n`; it is answered at once, whatever else is being done."""

    number: int


@dataclass(frozen=True, slots=True)
class PaperQuery:
    """`GS r n`; it is answered in its turn."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Bytes that are no command known here."""

    data: bytes


Happening = Reset | Line | Code | Raster | Cut | StatusQuery | PaperQuery | Unknown

# Commands of fixed length: (first two bytes) -> number of parameter bytes.
_FIXED = {
    (ESC, 0x40): 0,
    (ESC, 0x61): 1,
    (ESC, 0x45): 1,
    (ESC, 0x64): 1,
    (FS, 0x26): 0,
    (FS, 0x2E): 0,
    (GS, 0x21): 1,
    (GS, 0x56): 1,
    (GS, 0x72): 1,
    (DLE, EOT): 1,
}
_LINE_LIMIT_BYTES = 512
_RASTER_LIMIT_BYTES = 65536


class EscposDecoder:
    """Reads what a host sends to a printer, and tells what a printer would do."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._line = bytearray()
        self._stored = ""
        self._reset()

    def _reset(self) -> None:
        self._line.clear()
        self._align, self._double, self._bold, self._chinese = Align.LEFT, False, False, False

    def feed(self, data: bytes) -> list[Happening]:
        """What `data` completes, in order. Never raises; holds at most one unfinished command."""
        self._held += data
        happened: list[Happening] = []
        while self._held:
            taken = self._step(happened)
            if taken == 0:
                break
            del self._held[:taken]
        return happened

    def _step(self, happened: list[Happening]) -> int:
        """Act on the first command or character; how many bytes it took, 0 if it is not all there."""
        held = self._held
        first = held[0]
        if first == LF:
            self._end_line(happened)
            return 1
        if first >= 0x20:
            self._line.append(first)
            if len(self._line) >= _LINE_LIMIT_BYTES:
                self._end_line(happened)
            return 1
        if first not in (ESC, FS, GS, DLE):
            happened.append(Unknown(bytes((first,))))
            return 1
        if len(held) < 2:
            return 0
        if (first, held[1]) == (GS, 0x28):
            return self._long(happened)
        if (first, held[1]) == (GS, 0x76):
            return self._raster(happened)
        count = _FIXED.get((first, held[1]))
        if count is None:
            happened.append(Unknown(bytes(held[:1])))
            return 1
        if len(held) < 2 + count:
            return 0
        self._command(first, held[1], held[2] if count else 0, happened)
        return 2 + count

    def _long(self, happened: list[Happening]) -> int:
        """`GS ( k pL pH …`: the QR functions."""
        held = self._held
        if len(held) < 5:
            return 0
        length = int.from_bytes(held[3:5], "little")
        if len(held) < 5 + length:
            return 0
        body = bytes(held[5 : 5 + length])
        if body[:2] == b"\x31\x50":
            self._stored = body[3:].decode("utf-8", errors="replace")
        elif body[:2] == b"\x31\x51":
            self._end_line(happened, only_if_text=True)
            happened.append(Code(self._stored))
        return 5 + length

    def _raster(self, happened: list[Happening]) -> int:
        """`GS v 0 m xL xH yL yH data`."""
        held = self._held
        if len(held) < 8:
            return 0
        width, height = int.from_bytes(held[4:6], "little"), int.from_bytes(held[6:8], "little")
        if held[2] != 0x30 or not 0 < width * height <= _RASTER_LIMIT_BYTES:
            happened.append(Unknown(bytes(held[:1])))
            return 1
        if len(held) < 8 + width * height:
            return 0
        self._end_line(happened, only_if_text=True)
        happened.append(Raster(width, bytes(held[8 : 8 + width * height])))
        return 8 + width * height

    def _command(self, first: int, second: int, value: int, happened: list[Happening]) -> None:
        match (first, second):
            case (0x1B, 0x40):
                self._reset()
                happened.append(Reset())
            case (0x1B, 0x61):
                self._align = _ALIGN_OF.get(value, self._align)
            case (0x1B, 0x45):
                self._bold = bool(value & 1)
            case (0x1B, 0x64):
                self._end_line(happened, only_if_text=True)
            case (0x1C, 0x26):
                self._chinese = True
            case (0x1C, 0x2E):
                self._chinese = False
            case (0x1D, 0x21):
                self._double = value == _DOUBLE
            case (0x1D, 0x56):
                self._end_line(happened, only_if_text=True)
                happened.append(Cut(bool(value & 1)))
            case (0x1D, 0x72):
                happened.append(PaperQuery())
            case _:
                happened.append(StatusQuery(value))

    def _end_line(self, happened: list[Happening], *, only_if_text: bool = False) -> None:
        if only_if_text and not self._line:
            return
        # Without FS & a printer takes each byte for a character of its code page: the simulator
        # prints the same rubbish, so that a driver that forgets it is found out.
        charset = "gb18030" if self._chinese else "latin-1"
        text = self._line.decode(charset, errors="replace")
        happened.append(Line(text, self._align, self._double, self._bold))
        self._line.clear()
