"""The reference protocol as a port's dialect: sequences, acknowledgements, identity, de-duplication.

What must stay true
- ENQ carries sequence 0 and makes the device forget the host's last sequence; commands count 1 to
  255 round and round, so a repeated frame is recognised by its sequence alone.
- An event of the device is acted on once and acknowledged as often as it comes. One that cannot be
  taken now is not acknowledged: the device keeps it.
- A changed boot count means: the device forgot its contents, and its next event may bear any sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from somc_hal.codecs.reference import Identity, Kind, Refusal, read_identity
from somc_hal.codecs.stx import REFERENCE, Op, StxDecoder, StxFrame, StxWire
from somc_hal.errors import DeviceBusy, DeviceError, ProtocolFault
from somc_hal.exchange import Exchange
from somc_hal.port import Timing
from somc_hal.status import Truth

__all__ = ["StxBusCodec", "StxCommand", "StxDialect"]

_EVENTS = (Op.KEY, Op.SPOKEN, Op.RATING, Op.TYPED, Op.CARD, Op.PASSAGE, Op.READING)


class StxBusCodec:
    """The frames of a bus on which several devices speak the reference protocol when they are polled."""

    gap_s = 0.002  # two byte times at 9600 Bd: the last byte is out before the line is turned round

    def __init__(self, wire: StxWire = REFERENCE) -> None:
        self._wire = wire
        self._decoder = StxDecoder(wire)

    def opened(self) -> None:
        self._decoder = StxDecoder(self._wire)

    def feed(self, data: bytes) -> Sequence[StxFrame]:
        return self._decoder.feed(data)

    def address(self, frame: StxFrame) -> int:
        return frame.address


class StxDialect:
    """One device at one address. `on_event` takes an event's frame: `True` taken, `False` later,
    `None` malformed. `on_restart` is called when the device was switched off and on."""

    def __init__(
        self,
        device: str,
        kind: Kind,
        address: int,
        timing: Timing,
        *,
        on_event: Callable[[StxFrame], bool | None],
        on_restart: Callable[[], None],
        polled: bool = False,
        wire: StxWire = REFERENCE,
    ) -> None:
        self.polled = polled
        self.wire = wire
        self.device = device
        self.address = address
        self.timing = timing
        self._kind = kind
        self._on_event = on_event
        self._on_restart = on_restart
        self._decoder = StxDecoder(self.wire)
        self._sequence = 0
        self._heard: int | None = None  # the last event's sequence
        self._boot: int | None = None
        self.identity: Identity | None = None

    def next_sequence(self) -> int:
        """1 to 255, round and round."""
        self._sequence = self._sequence % 255 + 1
        return self._sequence

    def command(self, op: Op, data: bytes, what: str, *, at_most_once: bool = False) -> StxCommand:
        """A command to this device."""
        return StxCommand(self, op, data, what, at_most_once=at_most_once)

    # --- Dialect -------------------------------------------------------------------------------

    def opened(self) -> None:
        self._decoder = StxDecoder(self.wire)
        self.identity = None

    def feed(self, data: bytes) -> Sequence[StxFrame]:
        return self._decoder.feed(data)

    def polls(self) -> Sequence[Exchange[StxFrame]]:
        if self.polled and self.identity is not None:
            return (_Poll(self),)
        return (_Enquiry(self),)

    def settled(self) -> bool:
        identity = self.identity
        if identity is None:
            raise ProtocolFault(self.device, "answered, but did not say what it is")
        if identity.kind is not self._kind:
            wanted, found = self._kind.name.lower(), identity.kind.name.lower()
            raise ProtocolFault(self.device, f"configured as {wanted}, but the device says it is a {found}")
        if not identity.healthy:
            raise ProtocolFault(self.device, "the device reports a fault of its own")
        if identity.boot != self._boot:
            restarted = self._boot is not None
            self._boot, self._heard = identity.boot, None
            if restarted:
                self._on_restart()
        return True

    def unasked(self, frame: StxFrame) -> bytes:
        if frame.address != self.address or frame.op not in _EVENTS:
            return b""
        if frame.sequence != self._heard:
            taken = self._on_event(frame)
            if taken is None:
                return self._answer(Op.NAK, frame, bytes((Refusal.MALFORMED,)))
            if not taken:
                return b""
            self._heard = frame.sequence
        return self._answer(Op.ACK, frame)

    def _answer(self, op: Op, frame: StxFrame, data: bytes = b"") -> bytes:
        return self.wire.encode(StxFrame(op, self.address, frame.sequence, data))


class StxCommand(Exchange[StxFrame]):
    """A command, acknowledged by its sequence. The device recognises a repetition by it."""

    def __init__(self, dialect: StxDialect, op: Op, data: bytes, what: str, *, at_most_once: bool) -> None:
        timing = dialect.timing
        super().__init__(
            dialect.device,
            what,
            timeout_s=timing.answer_timeout_s,
            attempts=timing.attempts,
            at_most_once=at_most_once,
        )
        self._dialect = dialect
        # Refuses at once what no frame can carry, instead of in the port's task.
        self._frame = StxFrame(op, dialect.address, 0, data)
        self._sequence = 0
        self.answer = b""  # what the acknowledgement carried

    def frames(self) -> Sequence[bytes]:
        self._sequence = self._dialect.next_sequence()
        frame = self._frame
        return (self._dialect.wire.encode(StxFrame(frame.op, frame.address, self._sequence, frame.data)),)

    def hears(self, frame: StxFrame) -> bool:
        if frame.address != self._frame.address or frame.sequence != self._sequence:
            return False
        if frame.op is Op.ACK:
            self.answer = frame.data
            self.end(Truth.YES)
        elif frame.op is Op.NAK:
            self.end(self._refusal(frame.data))
        else:
            return False
        return True

    def _refusal(self, data: bytes) -> DeviceError:
        reason = data[0] if data else 0
        if reason == Refusal.BUSY:
            return DeviceBusy(self.device, f"{self.what}: the device is at something else")
        known = reason in Refusal.__members__.values()
        words = Refusal(reason).name.lower().replace("_", " ") if known else f"reason {reason}"
        return ProtocolFault(self.device, f"{self.what}: refused by the device ({words})")


class _Enquiry(Exchange[StxFrame]):
    """ENQ: begins the session and asks for the identity."""

    def __init__(self, dialect: StxDialect) -> None:
        timing = dialect.timing
        attempts = 1 if dialect.polled else timing.attempts  # a bus repeats in its next round
        super().__init__(dialect.device, "enquiry", timeout_s=timing.answer_timeout_s, attempts=attempts)
        self._dialect = dialect

    def frames(self) -> Sequence[bytes]:
        return (self._dialect.wire.encode(StxFrame(Op.ENQ, self._dialect.address, 0)),)

    def hears(self, frame: StxFrame) -> bool:
        if frame.op is not Op.ACK or frame.address != self._dialect.address or frame.sequence != 0:
            return False
        self._dialect.identity = read_identity(frame.data)
        self.end(Truth.YES)
        return True


class _Poll(Exchange[StxFrame]):
    """POLL: the device answers with an event it has, or with its identity."""

    def __init__(self, dialect: StxDialect) -> None:
        super().__init__(dialect.device, "poll", timeout_s=dialect.timing.answer_timeout_s)
        self._dialect = dialect
        self._sequence = dialect.next_sequence()

    def frames(self) -> Sequence[bytes]:
        return (self._dialect.wire.encode(StxFrame(Op.POLL, self._dialect.address, self._sequence)),)

    def hears(self, frame: StxFrame) -> bool:
        if frame.address != self._dialect.address:
            return False
        if frame.op in _EVENTS:
            self.end(Truth.YES)
            return False  # it answers, and it is news of its own
        if frame.op is not Op.ACK or frame.sequence != self._sequence:
            return False
        self._dialect.identity = read_identity(frame.data)
        self.end(Truth.YES)
        return True
