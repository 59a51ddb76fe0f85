"""Waiting before the next attempt, with full jitter: any time up to a limit that doubles with every failure.

All screens of a hall lose the server at the same moment; spread over the whole span they do not return as
one. What must stay true: only a line that has stood for a while makes the limit small again, for a hall
that takes everybody and closes at once must not be stormed.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Backoff"]

MOST_DOUBLINGS = 30
"""Further ones change nothing: the limit is reached long before."""


class Backoff:
    """`random` answers in [0, 1)."""

    def __init__(self, first_s: float, most_s: float, random: Callable[[], float]) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._random = random
        self._failures = 0

    def next_s(self) -> float:
        """How long to wait now; each answer raises the limit of the next."""
        limit_s = min(self._most_s, self._first_s * float(2**self._failures))
        self._failures = min(self._failures + 1, MOST_DOUBLINGS)
        return self._random() * limit_s

    def reset(self) -> None:
        """It worked: begin small again."""
        self._failures = 0
