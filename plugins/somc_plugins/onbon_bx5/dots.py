"""Text as dots: half-width cells of 8 × 16, and Hanzi of 16 × 16 out of a font file.

What must stay true: `read_text(draw(text)) == text` for the signs drawn here, so that a simulated screen can
say what it shows; what no font has is a hollow square, never nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from somc_hal.text import cells, fit

__all__ = ["CELL_HEIGHT", "CELL_WIDTH", "Font", "read_text"]

CELL_WIDTH, CELL_HEIGHT = 8, 16

# Five columns and seven rows; a row stands twice, so that a sign is 14 dots high.
_DRAWN = """
0 .###. #...# #..## #.#.# ##..# #...# .###.
1 ..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###.
2 .###. #...# ....# ...#. ..#.. .#... #####
3 ##### ...#. ..#.. ...#. ....# #...# .###.
4 ...#. ..##. .#.#. #..#. ##### ...#. ...#.
5 ##### #.... ####. ....# ....# #...# .###.
6 ..##. .#... #.... ####. #...# #...# .###.
7 ##### ....# ...#. ..#.. .#... .#... .#...
8 .###. #...# #...# .###. #...# #...# .###.
9 .###. #...# #...# .#### ....# ...#. .##..
A .###. #...# #...# ##### #...# #...# #...#
B ####. #...# #...# ####. #...# #...# ####.
C .###. #...# #.... #.... #.... #...# .###.
D ###.. #..#. #...# #...# #...# #..#. ###..
E ##### #.... #.... ####. #.... #.... #####
F ##### #.... #.... ####. #.... #.... #....
G .###. #...# #.... #.### #...# #...# .####
H #...# #...# #...# ##### #...# #...# #...#
I .###. ..#.. ..#.. ..#.. ..#.. ..#.. .###.
J ..### ...#. ...#. ...#. ...#. #..#. .##..
K #...# #..#. #.#.. ##... #.#.. #..#. #...#
L #.... #.... #.... #.... #.... #.... #####
M #...# ##.## #.#.# #.#.# #...# #...# #...#
N #...# ##..# ##..# #.#.# #..## #..## #...#
O .###. #...# #...# #...# #...# #...# .###.
P ####. #...# #...# ####. #.... #.... #....
Q .###. #...# #...# #...# #.#.# #..#. .##.#
R ####. #...# #...# ####. #.#.. #..#. #...#
S .#### #.... #.... .###. ....# ....# ####.
T ##### ..#.. ..#.. ..#.. ..#.. ..#.. ..#..
U #...# #...# #...# #...# #...# #...# .###.
V #...# #...# #...# #...# #...# .#.#. ..#..
W #...# #...# #...# #.#.# #.#.# ##.## #...#
X #...# #...# .#.#. ..#.. .#.#. #...# #...#
Y #...# #...# .#.#. ..#.. ..#.. ..#.. ..#..
Z ##### ....# ...#. ..#.. .#... #.... #####
- ..... ..... ..... ##### ..... ..... .....
. ..... ..... ..... ..... ..... .##.. .##..
: ..... .##.. .##.. ..... .##.. .##.. .....
/ ....# ....# ...#. ..#.. .#... #.... #....
> .#... ..#.. ...#. ....# ...#. ..#.. .#...
< ...#. ..#.. .#... #.... .#... ..#.. ...#.
+ ..... ..#.. ..#.. ##### ..#.. ..#.. .....
! ..#.. ..#.. ..#.. ..#.. ..#.. ..... ..#..
? .###. #...# ....# ...#. ..#.. ..... ..#..
( ...#. ..#.. .#... .#... .#... ..#.. ...#.
) .#... ..#.. ...#. ...#. ...#. ..#.. .#...
"""


def _cell(rows: list[str]) -> bytes:
    """Sixteen rows of a byte: one blank, each drawn one twice, one blank."""
    bits = [int(row.replace("#", "1").replace(".", "0"), 2) << 2 for row in rows]
    return bytes((0, *(bit for row in bits for bit in (row, row)), 0))


_GLYPHS: Mapping[str, bytes] = {
    " ": bytes(CELL_HEIGHT),
    **{line[0]: _cell(line[2:].split()) for line in _DRAWN.strip().splitlines()},
}
_BOX = (
    bytes((0, *(0x7F if row in (0, 13) else 0x40 for row in range(14)), 0)),
    bytes((0, *(0xFE if row in (0, 13) else 0x02 for row in range(14)), 0)),
)
_SIGNS = {glyph: sign for sign, glyph in _GLYPHS.items()}


class Font:
    """The drawn signs, and Hanzi out of `hanzi`: a GB2312 dot font of 16 × 16, 32 bytes a sign, row by row of
    the code table (the layout of HZK16 files). `ValueError` for a file that is none."""

    def __init__(self, hanzi: str = "") -> None:
        self._hanzi = b""
        if hanzi:
            try:
                self._hanzi = Path(hanzi).read_bytes()
            except OSError as error:
                raise ValueError(f"{hanzi}: the font cannot be read: {error}") from None
            if len(self._hanzi) < 87 * 94 * 32 or len(self._hanzi) % 32:
                raise ValueError(f"{hanzi}: {len(self._hanzi)} bytes are no GB2312 font of 16 × 16 dots")

    @property
    def charset(self) -> str:
        """What it can draw."""
        return "gb2312" if self._hanzi else "ascii"

    def draw(self, text: str, columns: int) -> list[bytes]:
        """Sixteen rows of `columns` bytes, 1 is lit."""
        shown = fit(text, columns)
        halves = [half for sign in shown for half in self._halves(sign)]
        halves += [_GLYPHS[" "]] * (columns - len(halves))
        return [bytes(half[row] for half in halves) for row in range(CELL_HEIGHT)]

    def _halves(self, sign: str) -> tuple[bytes, ...]:
        if cells(sign) == 0:
            return ()
        if cells(sign) == 1:
            return (_GLYPHS.get(sign.upper(), _GLYPHS["?"]),)
        return _full(self._hanzi, sign)


@lru_cache(maxsize=4096)
def _full(font: bytes, sign: str) -> tuple[bytes, bytes]:
    """The left and right half of a full-width sign."""
    code = sign.encode("gb2312", errors="replace")
    if font and len(code) == 2:
        at = ((code[0] - 0xA1) * 94 + code[1] - 0xA1) * 32
        dots = font[at : at + 32]
        if len(dots) == 32:
            return dots[0::2], dots[1::2]
    return _BOX


def read_text(rows: list[bytes]) -> str:
    """What stands in sixteen rows of dots; a hollow square is □, and what is no sign drawn here is ▦."""
    cells_read = [bytes(row[column] for row in rows) for column in range(len(rows[0]))]
    text, at = "", 0
    while at < len(cells_read):
        if tuple(cells_read[at : at + 2]) == _BOX:
            text, at = text + "□", at + 2
        else:
            text, at = text + _SIGNS.get(cells_read[at], "▦"), at + 1
    return text.rstrip()
