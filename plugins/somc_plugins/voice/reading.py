"""How a text is read: into the units that a pack has recordings of. Pure.

    请A零幺六号到12号。   zh   请 A 零 幺 六 号 到 幺 二 号 ‖
    Ticket A 0, counter 12.   en   ticket a zero ‖ counter twelve ‖

What must stay true: nothing is left out silently. A sign that is no pause becomes a unit, and a pack that has
no recording of it refuses the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

__all__ = ["LANGUAGES", "PAUSE", "Unspeakable", "covered", "number_words", "units"]

LANGUAGES = ("zh", "en")

PAUSE = ""
"""A unit that is a short silence."""

_PAUSES = frozenset(",.;:!?，。；：！？、")
_DIGITS_ZH = "零幺二三四五六七八九"
_WORDS = re.compile(r"[A-Za-z][a-z']*|[0-9]+|\S")
_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


class Unspeakable(ValueError):
    """A pack has no recording of what is to be said."""


def units(text: str, language: str, *, one: str = "幺") -> list[str]:
    """`text` in units, with `PAUSE` for its punctuation.

    In Mandarin each character and letter is one, and digits are read one by one; `one` is how 幺 is read
    (幺 or 一). In English each word is one, `12` is read as a number, letters and digits
    that stand alone as such.
    """
    found: list[str] = []
    for unit in _zh(text, one) if language == "zh" else _en(text):
        if unit != PAUSE or (found and found[-1] != PAUSE):
            found.append(unit)
    return found


def _zh(text: str, one: str) -> Iterator[str]:
    for sign in text:
        if sign in _PAUSES:
            yield PAUSE
        elif sign.isascii() and sign.isdigit():
            sign = _DIGITS_ZH[int(sign)]
            yield one if sign == "幺" else sign
        elif sign == "幺":
            yield one
        elif not sign.isspace():
            yield sign.upper()


def _en(text: str) -> Iterator[str]:
    for word in _WORDS.findall(text):
        if word in _PAUSES:
            yield PAUSE
        elif word.isdigit():
            yield from number_words(word)
        else:
            yield word.lower()


def number_words(digits: str) -> list[str]:
    """A number in English words: `105` is one hundred and five. With a leading zero, or beyond 999, it is
    read digit by digit."""
    number = int(digits)
    if number > 999 or (digits[0] == "0" and len(digits) > 1):
        return [_ONES[int(digit)] for digit in digits]
    hundreds, rest = divmod(number, 100)
    words = [_ONES[hundreds], "hundred"] if hundreds else []
    if hundreds and rest:
        words.append("and")
    if rest >= 20:
        words.append(_TENS[rest // 10])
        rest %= 10
        return [*words, _ONES[rest]] if rest else words
    return [*words, _ONES[rest]] if rest or not hundreds else words


def covered(said: Sequence[str], segments: Mapping[tuple[str, ...], object]) -> list[tuple[str, ...]]:
    """The fewest segments that together are `said`; () stands for a pause. `Unspeakable` if there are none.

    Fewest, because each seam is heard: a recording of 号台席办理业务 sounds better than its seven signs.
    """
    longest = max(map(len, segments), default=0)
    best: list[tuple[int, tuple[str, ...]] | None] = [None] * len(said) + [(0, ())]
    for start in range(len(said) - 1, -1, -1):
        if said[start] == PAUSE:
            rest = best[start + 1]
            best[start] = None if rest is None else (rest[0] + 1, ())
            continue
        for size in range(1, min(longest, len(said) - start) + 1):
            piece = tuple(said[start : start + size])
            rest = best[start + size]
            if rest is None or piece not in segments:
                continue
            chosen = best[start]
            if chosen is None or rest[0] + 1 < chosen[0]:
                best[start] = (rest[0] + 1, piece)
    pieces, start = [], 0
    while start < len(said):
        chosen = best[start]
        if chosen is None:
            alone = [unit for unit in said if unit != PAUSE and (unit,) not in segments]
            raise Unspeakable(f"no recording of {' '.join(alone or said)!r}")
        pieces.append(chosen[1])
        start += max(1, len(chosen[1]))
    return pieces
