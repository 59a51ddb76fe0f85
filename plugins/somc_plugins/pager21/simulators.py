"""Simulated callers and evaluators.

What must stay true: they repeat what they have to say, one at a time and with the same bytes, until the frame
that acknowledges it has come.
"""

from __future__ import annotations

from collections import deque

import trio

from somc_hal.codecs.frames import Frame, FrameCodec
from somc_hal.simulators import Simulator
from somc_hal.simulators.reference import HISTORY
from somc_hal.simulators.stx_device import EVENT_LIMIT
from somc_hal.values import Key

from .drivers import BLANK, DIGITS_LIMIT, pager21_wire

__all__ = ["Pager21CallerSimulator", "Pager21EvaluatorSimulator"]


class _PagerSimulator(Simulator):
    """A device that repeats what it has to say until it is acknowledged, one at a time."""

    def __init__(self, *, address: int = 1, retransmit_s: float = 0.3) -> None:
        super().__init__()
        self.address = address
        self.retransmit_s = retransmit_s
        self.wire = pager21_wire("pager21")
        self._codec = FrameCodec(self.wire.form)
        self._events: deque[tuple[bytes, bytes]] = deque()  # what it says, and what acknowledges it
        self._turns = 0

    @property
    def busy(self) -> bool:
        """Also true while something is not acknowledged."""
        return super().busy or (self.connected and self.powered and bool(self._events))

    def _tell(self, frame: bytes, acknowledged_by: bytes) -> None:
        if not self.powered:
            return
        if len(self._events) >= EVENT_LIMIT:
            raise OverflowError(f"{EVENT_LIMIT} events are waiting for the host already")
        self._events.append((frame, acknowledged_by))
        self.changed.turn()

    async def _behave(self) -> None:
        while True:
            while not (self._events and self.powered):
                await self.changed.wait()
            turn = self._turns
            self._say(self._events[0][0])
            until = trio.current_time() + self.retransmit_s
            while turn == self._turns and trio.current_time() < until:
                await self.changed.wait(until)
            self.repeats += turn == self._turns

    def _plugged(self) -> None:
        self._codec.gap()

    def _forget(self) -> None:
        self._codec.gap()
        self._events.clear()
        self._turns += 1

    def _received(self, data: bytes) -> None:
        for frame in self._codec.feed(data):
            if self._deaf:
                self._deaf -= 1
            elif frame.fields[0] == self.address:
                self._frame(frame)

    def _frame(self, frame: Frame) -> None:
        wire = self.wire.encode(frame.fields[1], self.address, frame.body)
        if self._events and self._events[0][1] == wire:
            self._events.popleft()
            self._turns += 1


class Pager21CallerSimulator(_PagerSimulator):
    """Counter keypad 叫号器. `shown` is (number, waiting) or `None`."""

    DRIVER = "pager21"

    def __init__(self, *, address: int = 1, retransmit_s: float = 0.3) -> None:
        super().__init__(address=address, retransmit_s=retransmit_s)
        self.shown: tuple[str, int] | None = None
        self.history: deque[tuple[str, int]] = deque(maxlen=HISTORY)
        self.beeps = 0

    def press(self, key: Key | str, digits: str = "") -> None:
        """Press a key after typing `digits`. Without power nothing happens."""
        if len(digits) > DIGITS_LIMIT or (digits and not (digits.isascii() and digits.isdigit())):
            raise ValueError(f"digits are at most {DIGITS_LIMIT} of 0-9, found {digits!r}")
        frame = self.wire.write_key(self.address, Key(key), digits)
        self._tell(frame, frame)

    def _frame(self, frame: Frame) -> None:
        command = frame.fields[1]
        if command == self.wire.ops["beep"]:
            self.beeps += 1
        elif command == self.wire.ops["number"] and len(frame.body) == 6:
            waiting, ticket = _number(frame.body[:3]), _number(frame.body[3:])
            self.shown = (ticket, int(waiting or "0"))
            self.history.append(self.shown)
        else:
            super()._frame(frame)

    def _forget(self) -> None:
        super()._forget()
        self.shown = None


def _number(digits: bytes) -> str:
    return "".join(str(digit) for digit in digits if digit < BLANK)


class Pager21EvaluatorSimulator(_PagerSimulator):
    """Evaluator 评价器 with four keys, the first of which is the best."""

    DRIVER = "pager21-evaluator"

    def __init__(self, *, address: int = 1, retransmit_s: float = 0.3) -> None:
        super().__init__(address=address, retransmit_s=retransmit_s)
        self.levels = 4

    def rate(self, value: int) -> None:
        """Press the key that means `value` (1 worst, 4 best)."""
        key = bytes((self.levels + 1 - value,))
        rated, acknowledged = self.wire.ops["rated"], self.wire.ops["rated_ack"]
        self._tell(
            self.wire.encode(rated, self.address, key), self.wire.encode(acknowledged, self.address, key)
        )
