"""Text on devices: what may be sent, and how wide it is.

What must stay true: nothing a customer typed can become a control code. Every character of the
Unicode categories Cc, Cf, Cs, Co, Cn, Zl and Zp leaves as a space, because ESC, LF or STX inside a
name would otherwise be a command to the device.

A *cell* is the width of one half-width character; a Hanzi or full-width sign takes two (Unicode
East Asian Width `W` and `F`, UAX #11). So do the ambiguous ones (`A`: “ ” … ① Ж): GB18030 writes them with
two bytes, and a display that has its glyphs from there draws them as wide as a Hanzi.
"""

from __future__ import annotations

import unicodedata

__all__ = ["cells", "fit", "printable"]

_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str) -> str:
    """`text` with everything that is not a visible character or a space replaced by a space."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(" " if unicodedata.category(sign) in _UNSAFE else sign for sign in text)


def cells(text: str) -> int:
    """How many half-width cells `text` takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WFA" else 1
        for sign in text
    )


def fit(text: str, columns: int) -> str:
    """The longest beginning of `printable(text)` that fits into `columns` cells."""
    clean = printable(text)
    if cells(clean) <= columns:
        return clean
    used = 0
    for index, sign in enumerate(clean):
        used += cells(sign)
        if used > columns:
            return clean[:index]
    return clean
