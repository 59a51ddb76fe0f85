"""The driver: a strip display (条屏) that speaks the Marquee's frames. Imports nothing but `somc_hal`.

What must stay true
- It is ONLINE when a Marquee has answered, not when the port is open.
- Each content has a number of its own: a display that saw the number already answers and does nothing, so a
  lost answer shows nothing twice.
- A display that was switched off behind an open port tells more starts, and is sent its content again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import trio

from somc_hal import (
    CounterDisplayCapabilities,
    DeviceClass,
    Driver,
    DriverSpec,
    Option,
    ProtocolFault,
    Truth,
)
from somc_hal.drivers import PORT_OPTIONS
from somc_hal.exchange import Exchange
from somc_hal.port import Timing
from somc_hal.text import fit

from .codec import LineDecoder, encode, hex_lines

__all__ = ["SPEC", "MarqueeStrip"]

Fields = tuple[str, ...]


class Question(Exchange[Fields]):
    """One frame, and the answer to it: a frame that begins like this."""

    def __init__(self, device: str, timing: Timing, what: str, wire: bytes, *answer: str) -> None:
        super().__init__(device, what, timeout_s=timing.answer_timeout_s, attempts=timing.attempts)
        self._wire = wire
        self._answer = answer
        self.heard: Fields = ()

    def frames(self) -> Sequence[bytes]:
        return (self._wire,)

    def hears(self, frame: Fields) -> bool:
        if frame[: len(self._answer)] != self._answer:
            return False
        self.heard = frame
        self.end(Truth.YES)
        return True


class MarqueeDialect:
    """What the port asks of a protocol."""

    def __init__(self, device: str, timing: Timing, on_restart: Callable[[], None]) -> None:
        self.device = device
        self.timing = timing
        self._on_restart = on_restart
        self._decoder = LineDecoder()
        self._who: Question | None = None
        self._starts = ""
        self._number = 0

    def opened(self) -> None:
        self._decoder.gap()
        self._starts = ""

    def feed(self, data: bytes) -> Sequence[Fields]:
        return self._decoder.feed(data)

    def polls(self) -> Sequence[Question]:
        self._who = Question(self.device, self.timing, "who are you", encode("WHO"), "IAM")
        return (self._who,)

    def settled(self) -> bool:
        assert self._who is not None  # polls() came before
        match self._who.heard:
            case ("IAM", "MARQUEE", starts):
                before, self._starts = self._starts, starts
                if before and before != starts:
                    self._on_restart()
                return True
        raise ProtocolFault(self.device, f"who are you: expected a MARQUEE, found {self._who.heard}")

    def unasked(self, frame: Fields) -> bytes:
        return b""  # a Marquee never speaks first: an old answer, and nothing to say to it

    def show(self, lines: Sequence[str], blink: bool) -> Question:
        """The command for one content, with the next number."""
        self._number = self._number % 255 + 1
        number = f"{self._number:02X}"
        wire = encode("SHOW", number, "1" if blink else "0", *hex_lines(lines))
        return Question(self.device, self.timing, "show", wire, "OK", number)


class MarqueeStrip(Driver[Fields]):
    """Strip display 条屏."""

    DRIVER = "marquee-strip"
    DEVICE_CLASS = DeviceClass.COUNTER_DISPLAY
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "lines": Option(int, 2, "lines of text", 1, 4),
        "columns": Option(int, 16, "half-width cells a line", 4, 40),
        **PORT_OPTIONS,
    }

    def __init__(self, name: str, url: str, options: Mapping[str, Any], **more: Any) -> None:
        super().__init__(name, url, options, **more)
        self._slot = self._port.slot()

    def _dialect(self) -> MarqueeDialect:
        self._marquee = MarqueeDialect(self._name, self._timing, lambda: self._port.again())
        return self._marquee

    @property
    def capabilities(self) -> CounterDisplayCapabilities:
        options = self._options
        return CounterDisplayCapabilities(options["lines"], options["columns"], "gb18030", True, True)

    async def show(self, lines: Sequence[str], *, blink: bool = False, wait_s: float = 0.0) -> Truth:
        can = self.capabilities
        self._require(len(lines) <= can.lines, f"{len(lines)} lines (it has {can.lines})")
        await trio.lowlevel.checkpoint()
        fitted = [fit(line, can.columns) for line in lines]
        return await self._slot.wait(self._slot.put(lambda: self._marquee.show(fitted, blink)), wait_s)


SPEC = DriverSpec(
    MarqueeStrip.DRIVER,
    MarqueeStrip.DEVICE_CLASS,
    MarqueeStrip,
    MarqueeStrip.OPTIONS,
    "Strip display of the Marquee, an invented device.",
)
