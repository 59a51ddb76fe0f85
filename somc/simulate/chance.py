"""The random numbers of `native/chance.c` in Python, bit for bit: see there for what they are and why.

What must stay true: the same operations on the same doubles in the same order as in C.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["Flow", "Stream", "mixed", "time_from", "to_ticks"]

_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15
_TICK_LIMIT = float(1 << 50)


def mixed(word: int) -> int:
    """The output function of SplitMix64: a well mixed permutation of 64 bits."""
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    word = (word ^ word >> 27) * 0x94D049BB133111EB & _MASK
    return word ^ word >> 31


def _turned(word: int, by: int) -> int:
    return (word << by | word >> (64 - by)) & _MASK


class Stream:
    """xoshiro256++, seeded by words in any of which one bit makes another stream."""

    def __init__(self, *words: int) -> None:
        state = 0
        for word in words:
            state = mixed((state ^ word & _MASK) + _STEP & _MASK)
        self._state = []
        for _ in range(4):
            state = state + _STEP & _MASK
            self._state.append(mixed(state))

    def bits(self) -> int:
        """The next 64."""
        s = self._state
        answer = _turned(s[0] + s[3] & _MASK, 23) + s[0] & _MASK
        moved = s[1] << 17 & _MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= moved
        s[3] = _turned(s[3], 45)
        return answer

    def unit(self) -> float:
        """Above 0 and up to 1, in steps of 2^-53."""
        return float((self.bits() >> 11) + 1) * 2.0**-53

    def exponential(self) -> float:
        """A time of mean 1."""
        return -math.log(self.unit())


def to_ticks(time: float) -> int:
    """The number of ticks nearest to a time that is not negative."""
    return int((time if time < _TICK_LIMIT else _TICK_LIMIT) + 0.5)


def time_from(stream: Stream, law: str, mean: float, cv: float) -> float:
    """A service time from one of `LAWS`."""
    if law == "deterministic":
        return mean
    if law == "erlang2":
        first = stream.exponential()
        return (first + stream.exponential()) * mean / 2.0
    if law == "lognormal":
        if mean <= 0:
            return 0.0
        variance = math.log(1.0 + cv * cv)
        radius = math.sqrt(2.0 * stream.exponential())
        normal = radius * math.cos(2.0 * 3.141592653589793 * stream.unit())
        return math.exp(math.log(mean) - variance / 2.0 + math.sqrt(variance) * normal)
    return stream.exponential() * mean


class Flow:
    """A Poisson flow whose rate is constant over pieces of equal length, which follow each other for ever."""

    def __init__(self, rates: Sequence[float], period: float) -> None:
        self._rates, self._period = rates, period
        self._clock, self._piece = 0.0, 0

    def next(self, stream: Stream, end: float) -> float:
        """The next arrival; infinity if there is none before `end`."""
        need = stream.exponential()
        count = len(self._rates)
        while self._clock < end:
            rate = self._rates[self._piece % count]
            until = math.inf if count == 1 else float(self._piece + 1) * self._period
            if rate > 0:
                at = self._clock + need / rate
                if at < until:
                    self._clock = at
                    return at
                need -= (until - self._clock) * rate
            elif count == 1:
                break
            self._clock = until
            self._piece += 1
        self._clock = end
        return math.inf
