"""Codes of appointments: fourteen digits, the last of which checks the others.

Digits only, so that a code can be keyed at a kiosk's number pad and on a telephone, and read out in any
language: there is nothing to confuse. Thirteen drawn digits are 43 bits; whoever guesses is slowed down at
the edge. The check digit (ISO/IEC 7064, MOD 11,10) finds every wrong digit and nearly every swapped pair, so
that a slip of the finger is told from a code that is not there.
"""

from __future__ import annotations

import unicodedata

__all__ = ["CODE_DIGITS", "DRAWN_DIGITS", "code_of", "normal_code", "shown_code"]

DRAWN_DIGITS = 13
CODE_DIGITS = DRAWN_DIGITS + 1
GROUPS = (4, 5, 5)

_BETWEEN = frozenset(" -\t\u00a0\u3000\u2010\u2011\u2012\u2013\uff0d")
"""What people put between the groups of a number."""


def code_of(drawn: int) -> str:
    """The code whose thirteen first digits spell `drawn`."""
    digits = f"{drawn % 10**DRAWN_DIGITS:0{DRAWN_DIGITS}d}"
    return digits + _check_digit(digits)


def normal_code(text: str) -> str | None:
    """The code that somebody typed, as fourteen ASCII digits; `None` if it is no code, or mistyped."""
    digits = ""
    for character in text:
        if character in _BETWEEN:
            continue
        digit = unicodedata.digit(character, None)  # full-width digits come from Chinese keyboards
        if digit is None or len(digits) == CODE_DIGITS:
            return None
        digits += str(digit)
    if len(digits) != CODE_DIGITS or _check_digit(digits[:-1]) != digits[-1]:
        return None
    return digits


def shown_code(code: str) -> str:
    """The code in groups, as it is printed and read out."""
    shown, place = [], 0
    for size in GROUPS:
        shown.append(code[place : place + size])
        place += size
    return " ".join(shown)


def _check_digit(digits: str) -> str:
    product = 10
    for digit in digits:
        total = (product + int(digit)) % 10 or 10
        product = total * 2 % 11
    return str((11 - product) % 10)
