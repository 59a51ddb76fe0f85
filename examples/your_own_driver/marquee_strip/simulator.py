"""The other end: a Marquee that knows its bytes and nothing of the driver."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from somc_hal.simulators import Simulator

from .codec import LineDecoder, encode, text_lines

__all__ = ["MarqueeSimulator", "Shown"]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a Marquee shows."""

    lines: tuple[str, ...] = ()
    blink: bool = False


class MarqueeSimulator(Simulator):
    """`shown` is what stands on it now, `history` all that did."""

    DRIVER = "marquee-strip"

    def __init__(self) -> None:
        super().__init__()
        self.shown = Shown()
        self.history: deque[Shown] = deque(maxlen=1000)
        self._decoder = LineDecoder()
        self._number = ""

    def _plugged(self) -> None:
        self._decoder.gap()

    def _forget(self) -> None:
        self._decoder.gap()
        self.shown = Shown()
        self._number = ""

    def _received(self, data: bytes) -> None:
        for frame in self._decoder.feed(data):
            match frame:
                case ("WHO",):
                    self._number = ""
                    self._say(encode("IAM", "MARQUEE", str(self.boots)))
                case ("SHOW", number, blink, *lines):
                    if number != self._number:
                        self._number = number
                        self.shown = Shown(tuple(text_lines(lines)), blink == "1")
                        self.history.append(self.shown)
                    self._say(encode("OK", number))
