"""Simulated terminals and LEDs of a Pingan hall.

What must stay true: what they keep was decoded from bytes; a terminal speaks only when it is asked, answers
a poll with the same counter with the same answer, and takes another counter for the acknowledgement of its
last answer.
"""

from __future__ import annotations

from collections import deque
from typing import ClassVar

from somc_hal.codecs.frames import Frame, FrameCodec
from somc_hal.codecs.reference import StripContent
from somc_hal.simulators import HallContent, Simulator
from somc_hal.simulators.reference import HISTORY
from somc_hal.simulators.stx_device import EVENT_LIMIT
from somc_hal.values import HallRow, Key

from .bus import DIGITS_LIMIT, DONE, REFUSED
from .drivers import ARROW, GAP, led_wire, pingan_wire

__all__ = ["PinganCallerSimulator", "PinganHallSimulator", "PinganStripSimulator"]


class PinganCallerSimulator(Simulator):
    """Counter keypad 叫号器 on the bus. `shown` is (number, waiting) or `None`; `logins` counts."""

    DRIVER = "pingan-caller"

    def __init__(self, *, address: int = 1) -> None:
        super().__init__()
        self.address = address
        self.wire = pingan_wire("pingan")
        self.shown: tuple[str, int] | None = None
        self.history: deque[tuple[str, int]] = deque(maxlen=HISTORY)
        self.beeps = 0
        self.logins = 0
        self._codec = FrameCodec(self.wire.form)
        self._events: deque[bytes] = deque()
        self._forget()

    @property
    def busy(self) -> bool:
        """Also true while a key is not acknowledged."""
        return super().busy or (self.connected and self.powered and bool(self._events))

    def press(self, key: Key | str, digits: str = "") -> None:
        """Press a key after typing `digits`. Without power nothing happens. `OverflowError` when 64 wait."""
        if len(digits) > DIGITS_LIMIT or (digits and not (digits.isascii() and digits.isdigit())):
            raise ValueError(f"digits are at most {DIGITS_LIMIT} of 0-9, found {digits!r}")
        if not self.powered:
            return
        if len(self._events) >= EVENT_LIMIT:
            raise OverflowError(f"{EVENT_LIMIT} events are waiting for the host already")
        self._events.append(self.wire.write_key(Key(key), digits))
        self.changed.turn()

    def _plugged(self) -> None:
        self._codec.gap()

    def _forget(self) -> None:
        self._events.clear()
        self._logged_in = False
        self._polled: int | None = None  # the last poll's counter
        self._answer = b""
        self._offered = False  # the oldest key has been said
        self._last: int | None = None  # the last command's counter
        self._last_answer = b""
        self.shown = None

    def _received(self, data: bytes) -> None:
        for frame in self._codec.feed(data):
            if self._deaf:
                self._deaf -= 1
            elif frame.fields[1] == self.address:
                self._frame(frame)

    def _frame(self, frame: Frame) -> None:
        command, _, counter = frame.fields
        if command == self.wire.ops["poll"]:
            self._poll(counter)
        elif counter == self._last:
            self._say(self._last_answer)
        else:
            done = self._command(command, frame.body)
            body = bytes((DONE if done else REFUSED,))
            self._last = counter
            self._last_answer = self._codec.encode(Frame((command, self.address, counter), body))
            self._say(self._last_answer)

    def _poll(self, counter: int) -> None:
        if counter == 0:
            self._last = None
        if counter == self._polled and counter:
            self.repeats += self._offered
        else:
            if self._offered:
                self._events.popleft()
                self._offered = False
            if not self._logged_in:
                body = bytes((self.wire.ops["login"],))
            elif self._events and counter:
                body, self._offered = self._events[0], True
            else:
                body = b""
            self._polled = counter
            self._answer = self.wire.encode("poll", self.address, counter, body)
        self._say(self._answer)

    def _command(self, command: int, body: bytes) -> bool:
        if command == self.wire.ops["login_accepted"]:
            self._logged_in = True
            self.logins += 1
            return True
        if command == self.wire.ops["beep"]:
            self.beeps += 1
            return True
        number, found, waiting = body.partition(b"\x0a")
        if command != self.wire.ops["number"] or not found or not waiting.isdigit() or not number.isascii():
            return False
        self.shown = (number.decode("ascii"), int(waiting))
        self.history.append(self.shown)
        return True


class _LedSimulator(Simulator):
    """Hears its own address and the code of its kind of screen; says nothing, ever."""

    OP: ClassVar[str]

    def __init__(self, *, address: int = 1) -> None:
        super().__init__()
        self.address = address
        self._profile = led_wire("pingan_led")
        self._codec = self._profile.codec()

    def _plugged(self) -> None:
        self._codec.gap()

    def _received(self, data: bytes) -> None:
        mine = (self.address, *self._profile.ops[self.OP].to_bytes(2, "big"))
        for frame in self._codec.feed(data):
            if frame.fields == mine:
                self._show(frame.body.decode("gbk", errors="replace"))

    def _show(self, text: str) -> None:
        raise NotImplementedError

    def _forget(self) -> None:
        self._codec.gap()


class PinganStripSimulator(_LedSimulator):
    """LED strip 条屏."""

    DRIVER = "pingan-strip"
    OP = "strip"

    def __init__(self, *, address: int = 1) -> None:
        super().__init__(address=address)
        self.shown = StripContent(())
        self.history: deque[StripContent] = deque(maxlen=HISTORY)

    def _show(self, text: str) -> None:
        self.shown = StripContent((text,))
        self.history.append(self.shown)

    def _forget(self) -> None:
        super()._forget()
        self.shown = StripContent(())


class PinganHallSimulator(_LedSimulator):
    """Integrated screen 综合屏. Rows are read back out of its one text."""

    DRIVER = "pingan-hall"
    OP = "integrated"

    def __init__(self, *, address: int = 1) -> None:
        super().__init__(address=address)
        self.text = ""
        self.shown = HallContent()
        self.history: deque[HallContent] = deque(maxlen=HISTORY)

    def _show(self, text: str) -> None:
        self.text = text
        parts = text.split(GAP)
        rows = tuple(
            HallRow(number, counter)
            for number, found, counter in (part.partition(ARROW) for part in parts)
            if found
        )
        footer = parts[-1] if parts and ARROW not in parts[-1] else ""
        self.shown = HallContent(rows, footer)
        self.history.append(self.shown)

    def _forget(self) -> None:
        super()._forget()
        self.text = ""
        self.shown = HallContent()
