"""Samples: joining, silence, the chime, volume. Pure.

What must stay true: samples are signed, 16 bits, one channel; nothing here makes them louder, so nothing can
overflow.
"""

from __future__ import annotations

import io
import math
import sys
import wave
from array import array
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["CHIME", "PAUSE_S", "Sound", "chime", "joined", "note", "scaled"]

PAUSE_S = 0.18
"""The silence of a comma or full stop."""

CHIME = ((784.0, 0.22), (523.25, 0.38))
"""Two falling notes (G5, C5): frequency in Hz, length in s."""

_CHIME_PEAK = 9000


@dataclass(frozen=True, slots=True)
class Sound:
    """One channel of samples at `rate_hz`."""

    samples: array[int]
    rate_hz: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate_hz

    @staticmethod
    def of_bytes(data: bytes, rate_hz: int) -> Sound:
        """From little-endian bytes, as they stand in a WAV file; half a sample at the end is dropped."""
        samples = array("h", data[: len(data) // 2 * 2])
        if sys.byteorder == "big":
            samples.byteswap()
        return Sound(samples, rate_hz)

    def raw(self) -> bytes:
        """Little-endian bytes."""
        samples = self.samples
        if sys.byteorder == "big":
            samples = samples[:]
            samples.byteswap()
        return samples.tobytes()

    def wav(self) -> bytes:
        """A whole WAV file."""
        file = io.BytesIO()
        with wave.open(file, "wb") as opened:
            opened.setnchannels(1)
            opened.setsampwidth(2)
            opened.setframerate(self.rate_hz)
            opened.writeframes(self.raw())
        return file.getvalue()


def silence(seconds: float, rate_hz: int) -> array[int]:
    return array("h", bytes(2 * int(seconds * rate_hz)))


def chime(rate_hz: int) -> array[int]:
    """Two notes that fade, and a short silence."""
    samples = array("h")
    for frequency, seconds in CHIME:
        samples.extend(note(frequency, seconds, rate_hz))
    return samples + silence(PAUSE_S, rate_hz)


def note(frequency: float, seconds: float, rate_hz: int) -> array[int]:
    """One note, struck and fading."""
    count = int(seconds * rate_hz)
    turn = 2 * math.pi * frequency / rate_hz
    return array(
        "h",
        [
            round(_CHIME_PEAK * math.sin(turn * n) * (1 - n / count) * min(1.0, n / (0.005 * rate_hz)))
            for n in range(count)
        ],
    )


def joined(pieces: Iterable[array[int]]) -> array[int]:
    """One after the other."""
    samples = array("h")
    for piece in pieces:
        samples.extend(piece)
    return samples


def scaled(samples: array[int], percent: int) -> array[int]:
    """At `percent` (0 to 100) of their amplitude."""
    if percent == 100:
        return samples
    return array("h", [sample * percent // 100 for sample in samples])
