"""The device's half of the reference protocol, shared by its four simulators.

What must stay true
- A command with the sequence of the last one is acknowledged again, not acted on again.
- An event is sent until it is acknowledged, one at a time, in order, and only after the first ENQ
  since power-on: the host must know this device before it can number its events.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import ClassVar

import trio

from somc_hal.codecs.reference import Identity, Kind, Refusal, write_identity
from somc_hal.codecs.stx import REFERENCE, Op, StxDecoder, StxFrame, StxWire
from somc_hal.simulators.base import Simulator

__all__ = ["StxSimulator"]


@dataclass(frozen=True, slots=True, eq=False)
class _Event:
    """Compared by identity: two presses of one key are two events."""

    op: Op
    data: bytes


EVENT_LIMIT = 64
"""Events a device keeps while nobody takes them; a further one is lost, with an error to its driver."""


class StxSimulator(Simulator):
    """Base of the reference protocol's simulators, with one address. `polled`: it stands on a bus with others
    and speaks only when it is asked."""

    KIND: ClassVar[Kind]
    WIRE: ClassVar[StxWire] = REFERENCE

    def __init__(self, *, address: int = 1, retransmit_s: float = 0.3) -> None:
        super().__init__()
        self.address = address
        self.polled = False
        self.healthy = True
        self.retransmit_s = retransmit_s
        self._decoder = StxDecoder(self.WIRE)
        self._last: int | None = None  # sequence of the host's last command
        self._last_answer = b""
        self._known = False  # whether a host has enquired since power-on
        self._events: deque[_Event] = deque()
        self._event_sequence = 0
        self._acknowledged: int | None = None
        self._offered = False  # polled: the oldest event has been said with the present sequence

    @property
    def busy(self) -> bool:
        """Also true while an event is not acknowledged that could be: one that nobody hears is never."""
        heard = self.connected and self.powered and not self._muted and self._known
        return super().busy or (heard and bool(self._events))

    def _raise(self, op: Op, data: bytes) -> None:
        """Tell the host something, once, however long it takes. `OverflowError` with too many waiting."""
        if not self.powered:
            return
        if len(self._events) >= EVENT_LIMIT:
            raise OverflowError(f"{EVENT_LIMIT} events are waiting for the host already")
        self._events.append(_Event(op, data))
        self.changed.turn()

    async def _behave(self) -> None:
        while True:
            while not (self._events and self._known and self.powered and not self.polled):
                await self.changed.wait()
            sequence = self._event_sequence = self._event_sequence % 255 + 1
            event = self._events[0]
            frame = self.WIRE.encode(StxFrame(event.op, self.address, sequence, event.data))
            while self._is_first(event) and self._acknowledged != sequence:
                self._say(frame)
                until = trio.current_time() + self.retransmit_s
                while (
                    self._is_first(event) and self._acknowledged != sequence and trio.current_time() < until
                ):
                    await self.changed.wait(until)
                if self._is_first(event) and self._acknowledged != sequence:
                    self.repeats += 1
            if self._is_first(event):
                self._events.popleft()
                self.changed.turn()

    def _is_first(self, event: _Event) -> bool:
        """False once the power was off meanwhile."""
        return bool(self._events) and self._events[0] is event

    def _plugged(self) -> None:
        self._decoder = StxDecoder(self.WIRE)

    def _forget(self) -> None:
        self._known = False
        self._last = None
        self._events.clear()
        self._event_sequence = 0
        self._acknowledged = None
        self._offered = False

    def _hear(self, data: bytes) -> None:
        self._received(data)  # it counts the frames it does not hear, not the pieces they come in

    def _received(self, data: bytes) -> None:
        for frame in self._decoder.feed(data):
            if self._deaf:
                self._deaf -= 1
            elif frame.address == self.address:
                self._frame(frame)

    def _frame(self, frame: StxFrame) -> None:
        if frame.op is Op.ENQ:
            self._known = True
            self._last = None
            identity = Identity(self.KIND, self.boots % 65536, self.healthy)
            answer = StxFrame(Op.ACK, self.address, frame.sequence, write_identity(identity))
            self._say(self.WIRE.encode(answer))
        elif frame.op is Op.POLL:
            self._polled(frame)
        elif frame.op in (Op.ACK, Op.NAK):
            self._acknowledged = frame.sequence
            if self.polled and self._offered and frame.sequence == self._event_sequence:
                self._events.popleft()
                self._offered = False
        elif frame.sequence == self._last:
            self._say(self._last_answer)
        else:
            refusal = self._command(frame.op, frame.data)
            if refusal is None:
                data = self._answer_data(frame.op, frame.data)
                answer = StxFrame(Op.ACK, self.address, frame.sequence, data)
            else:
                answer = StxFrame(Op.NAK, self.address, frame.sequence, bytes((refusal,)))
            self._last, self._last_answer = frame.sequence, self.WIRE.encode(answer)
            self._say(self._last_answer)
            self._answered()

    def _polled(self, frame: StxFrame) -> None:
        """Say the oldest event, the same as long as nobody acknowledges it; or only that it is there."""
        if not self._known:
            return  # the host has to enquire first
        if not self._events:
            identity = Identity(self.KIND, self.boots % 65536, self.healthy)
            answer = StxFrame(Op.ACK, self.address, frame.sequence, write_identity(identity))
            self._say(self.WIRE.encode(answer))
            return
        if self._offered:
            self.repeats += 1
        else:
            self._event_sequence = self._event_sequence % 255 + 1
            self._offered = True
        event = self._events[0]
        self._say(self.WIRE.encode(StxFrame(event.op, self.address, self._event_sequence, event.data)))

    def _command(self, op: Op, data: bytes) -> Refusal | None:
        """Act on a command; what to refuse it with, or `None`."""
        return Refusal.UNKNOWN_OP

    def _answer_data(self, op: Op, data: bytes) -> bytes:
        """What the acknowledgement of a command that was acted on carries."""
        return b""

    def _answered(self) -> None:
        """The acknowledgement is queued; what the command sets off may follow."""
