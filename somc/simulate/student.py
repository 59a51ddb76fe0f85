"""Student's t: the half width of a 95 % interval from a few replications.

What must stay true: exact for whole degrees of freedom, by the finite sums of Abramowitz and Stegun,
Handbook of Mathematical Functions, 26.7.3 and 26.7.4; the quantile is found by halving.
"""

from __future__ import annotations

import math
from functools import cache

__all__ = ["quantile"]

_EXACT_UP_TO = 1000
"""Beyond it the normal quantile differs by less than 2 parts in 1000."""

_NORMAL_975 = 1.959963984540054


def _between(t: float, freedom: int) -> float:
    """P(-t < T < t)."""
    angle = math.atan(t / math.sqrt(freedom))
    cosine2 = math.cos(angle) ** 2
    if freedom % 2:
        term = total = math.cos(angle) if freedom > 1 else 0.0
        for step in range(3, freedom - 1, 2):
            term *= cosine2 * (step - 1) / step
            total += term
        return 2 / math.pi * (angle + math.sin(angle) * total)
    term = total = 1.0
    for step in range(2, freedom - 1, 2):
        term *= cosine2 * (step - 1) / step
        total += term
    return math.sin(angle) * total


@cache
def quantile(freedom: int) -> float:
    """The t that Student's T of so many degrees of freedom (from 1) stays within, either side, 95 times of
    100."""
    if freedom > _EXACT_UP_TO:
        return _NORMAL_975
    low, high = 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _between(middle, freedom) < 0.95 else (low, middle)
    return high
