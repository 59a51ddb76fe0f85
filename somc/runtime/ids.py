"""Ids that nobody can guess, from a source that is handed in.

A hall draws them from the operating system; a simulated day from a seed, so that it gives the same
bytes twice.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable

from somc.domain.codes import DRAWN_DIGITS, code_of

__all__ = ["IdSource"]

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32, lower case: no letter that is read as a digit."""

LENGTH = 16
"""80 random bits: a billion ids collide with a chance of one in two million."""


class IdSource:
    """Draws ids. Without a seed they are unpredictable; with one, repeatable and for tests only."""

    def __init__(self, seed: int | None = None) -> None:
        self._bits: Callable[[int], int] = (
            secrets.randbits if seed is None else random.Random(seed).getrandbits
        )

    def draw(self, prefix: str = "") -> str:
        """A new id: `prefix` and 16 characters."""
        bits = self._bits(5 * LENGTH)
        return prefix + "".join(ALPHABET[bits >> shift & 31] for shift in range(0, 5 * LENGTH, 5))

    def draw_code(self) -> str:
        """A new code of an appointment: thirteen digits that nobody can guess, and one that checks them."""
        # Of 64 bits, so that no digit is likelier than another by more than one in two million.
        return code_of(self._bits(64) % 10**DRAWN_DIGITS)
