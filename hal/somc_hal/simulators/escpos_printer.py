"""A simulated ticket printer that takes ESC/POS.

What must stay true
- It understands only its bytes; `slips` are what a person would tear off.
- `DLE EOT n` is answered at once; everything else waits its turn, and for paper.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from somc_hal.codecs.escpos import (
    Code,
    Cut,
    EscposDecoder,
    Happening,
    Line,
    PaperQuery,
    Raster,
    Reset,
    StatusQuery,
    Unknown,
)
from somc_hal.simulators.base import Simulator

__all__ = ["EscposPrinterSimulator", "Slip"]

HISTORY = 1000
_BUFFER = 4096  # commands a printer without paper holds; a real one's buffer is 4 kB of bytes


@dataclass(frozen=True, slots=True)
class Slip:
    """One piece of paper, cut off."""

    parts: tuple[Line | Code | Raster, ...]

    @property
    def text(self) -> str:
        """Its lines, joined by line feeds; a QR code is `[QR data]`, a picture `[picture WIDTHxHEIGHT]`."""
        return "\n".join(_words(part) for part in self.parts)


def _words(part: Line | Code | Raster) -> str:
    if isinstance(part, Line):
        return part.text
    if isinstance(part, Code):
        return f"[QR {part.data}]"
    return f"[picture {part.row_bytes * 8}x{len(part.data) // part.row_bytes}]"


class EscposPrinterSimulator(Simulator):
    """Ticket printer 打印机. `slips` are those cut off, `hanging` what still hangs in the mouth."""

    DRIVER = "escpos"
    CHECKED = False  # answers are single bytes without a check

    def __init__(self) -> None:
        super().__init__()
        self.slips: deque[Slip] = deque(maxlen=HISTORY)
        self.hanging: list[Line | Code | Raster] = []
        self.unknown: deque[bytes] = deque(maxlen=HISTORY)
        self.paper = "full"
        self.cover_open = False
        self.error = 0
        """Bits of the answer to `DLE EOT 3`: 08 cutter, 20 cannot recover, 40 recovers by itself."""
        self._decoder = EscposDecoder()
        self._held: deque[Happening] = deque(maxlen=_BUFFER)

    def paper_out(self) -> None:
        """The roll is at its end: it takes commands and prints nothing."""
        self.paper = "out"

    def paper_low(self) -> None:
        """The near-end sensor sees the core."""
        self.paper = "low"

    def paper_in(self) -> None:
        """A new roll: it prints what it has held."""
        self.paper = "full"
        self._print()
        self.changed.turn()

    def open_cover(self) -> None:
        self.cover_open = True

    def close_cover(self) -> None:
        self.cover_open = False
        self._print()
        self.changed.turn()

    def fail(self, error: int = 0x08) -> None:
        """Something is broken: it prints nothing until it is mended."""
        self.error = error

    def mend(self) -> None:
        self.error = 0
        self._print()
        self.changed.turn()

    def _plugged(self) -> None:
        self._decoder = EscposDecoder()

    def _forget(self) -> None:
        self._held.clear()
        self._decoder = EscposDecoder()

    def _received(self, data: bytes) -> None:
        for happening in self._decoder.feed(data):
            if isinstance(happening, StatusQuery):
                self._say(bytes((self._status(happening.number),)))
            else:
                self._held.append(happening)
        self._print()

    def _status(self, number: int) -> int:
        """The byte that answers `DLE EOT n`; bits 1 and 4 are always set."""
        out = self.paper == "out"
        flags = {
            1: 0x08 if out or self.cover_open or self.error else 0,
            2: (0x04 if self.cover_open else 0) | (0x20 if out else 0) | (0x40 if self.error else 0),
            3: self.error,
            4: 0x6C if out else 0x0C if self.paper == "low" else 0,
        }
        return 0x12 | flags.get(number, 0)

    def _print(self) -> None:
        """Do what is held, as long as there is paper."""
        while self._held and self.paper != "out" and not self.cover_open and not self.error:
            match self._held.popleft():
                case Line() | Code() as printed:
                    self.hanging.append(printed)
                case Raster(width, data):
                    last = self.hanging[-1] if self.hanging else None
                    if isinstance(last, Raster) and last.row_bytes == width:
                        self.hanging[-1] = Raster(width, last.data + data)  # bands stand without a gap
                    else:
                        self.hanging.append(Raster(width, data))
                case Cut():
                    self.slips.append(Slip(tuple(self.hanging)))
                    self.hanging.clear()
                case PaperQuery():
                    self._say(bytes((0x03 if self.paper == "low" else 0,)))
                case Unknown(data):
                    self.unknown.append(data)
                case Reset() | StatusQuery():
                    pass
