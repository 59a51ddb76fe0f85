"""SOMC's own reference frame. It is no vendor's protocol and must not be passed off as one.

    STX │ op │ address │ sequence │ data … │ BCC │ ETX
    02  │ └──────────── body ───────────┘  │     │ 03

- BCC is the XOR of the bytes of the body.
- Between STX and ETX each of 02, 03, 10 (STX, ETX, DLE) is sent as `10, byte XOR 40`, the BCC
  included. So 02 on the wire is always the beginning of a frame and 03 its end, and GB18030, whose
  second bytes reach down to 30, travels safely.
- address: 1 to 254. sequence: 0 for ENQ, which begins a session; 1 to 255 for all else.
- A frame with a wrong BCC, an unknown op or broken stuffing is dropped without a word: its sender
  sends it again, because every frame but ACK and NAK is acknowledged by its sequence.

What must stay true: a frame is accepted or dropped on its own; STX always begins anew, so noise,
even an unfinished frame, never takes the following good frame with it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from somc_hal.codecs.frames import CheckRule, Frame, FrameCodec, FrameFormat

__all__ = [
    "ADDRESSES",
    "DATA_LIMIT_BYTES",
    "FORMAT",
    "REFERENCE",
    "Op",
    "StxDecoder",
    "StxFrame",
    "StxWire",
    "encode",
]

STX, ETX, DLE = 0x02, 0x03, 0x10
_FLIP = 0x40

ADDRESSES = range(1, 255)
"""0 is nobody and 255 is kept for a broadcast."""

DATA_LIMIT_BYTES = 1024
"""Longest data of one frame: about a second at 9600 Bd, which is as long as a bus may be held."""


class Op(enum.IntEnum):
    """What a frame asks or says. H→D: host to device; D→H: device to host."""

    ENQ = 0x05  # H→D  are you there? begins a session: the device forgets the host's last sequence
    ACK = 0x06  # both this sequence was received; after ENQ with the device's identity
    NAK = 0x15  # both this sequence was understood and refused; data is one reason byte
    ASK = 0x41  # H→D  ask for a rating
    BEEP = 0x42  # H→D  one short tone
    CARD = 0x43  # D→H  a card was read
    SPOKEN = 0x44  # D→H  an announcement ended
    ROWS = 0x48  # H→D  hall display content
    TYPED = 0x49  # D→H  a text was entered
    STILL = 0x4A  # H→D  a piece of a picture; its ACK carries it
    KEY = 0x4B  # D→H  a key was pressed
    LIGHT = 0x4C  # H→D  lamp
    READING = 0x4D  # D→H  something was measured
    NUMBER = 0x4E  # H→D  keypad content
    PASSAGE = 0x50  # D→H  people went through a door
    POLL = 0x51  # H→D  have you anything to say? answered by an event, or by ACK with the identity
    RATING = 0x52  # D→H  a customer rated
    STRIP = 0x53  # H→D  strip display content
    SPEAK = 0x54  # H→D  speak this
    SCREEN = 0x57  # H→D  second screen content
    HUSH = 0x58  # H→D  stop speaking


@dataclass(frozen=True, slots=True)
class StxFrame:
    """One frame. `ValueError` for an address, sequence or length that cannot be sent."""

    op: Op
    address: int
    sequence: int
    data: bytes = b""

    def __post_init__(self) -> None:
        if self.address not in ADDRESSES:
            raise ValueError(f"address is 1 to 254, found {self.address}")
        if not 0 <= self.sequence <= 255:
            raise ValueError(f"sequence is 0 to 255, found {self.sequence}")
        if len(self.data) > DATA_LIMIT_BYTES:
            raise ValueError(f"data is at most {DATA_LIMIT_BYTES} bytes, found {len(self.data)}")


FORMAT = FrameFormat(
    layout=(bytes((STX,)), "op", "address", "sequence", "body", "check", bytes((ETX,))),
    check=CheckRule("xor", "op", "body"),
    escapes={byte: bytes((DLE, byte ^ _FLIP)) for byte in (STX, ETX, DLE)},
    limit_bytes=DATA_LIMIT_BYTES,
)
"""The frame as the generic codec knows it; `profiles/reference.toml` says the same."""


class StxWire:
    """The numbers on the wire: the frame, the code of each op, and of each key where they differ.

    `keys` gives for a key's code in KEY frames what is sent in its stead. Whoever uses the frames sees
    the reference protocol's codes only. `ValueError` for a description that cannot carry the protocol.
    """

    def __init__(
        self, form: FrameFormat, ops: Mapping[Op, int], keys: Mapping[int, int] | None = None
    ) -> None:
        if form.fields != ("op", "address", "sequence"):
            raise ValueError(f"layout: found the fields {form.fields}; allowed: op, address, sequence")
        missing = [op.name for op in Op if op not in ops]
        if missing:
            raise ValueError(f"ops: {missing[0]} has no code")
        self.form = form
        self._codec = FrameCodec(form)
        self._codes = dict(ops)
        self._ops = {code: op for op, code in ops.items()}
        self._keys = dict(keys or {})
        self._keys_back = {sent: key for key, sent in self._keys.items()}
        if len(self._ops) < len(ops) or len(self._keys_back) < len(self._keys):
            raise ValueError("ops, keys: found one code twice")

    def encode(self, frame: StxFrame) -> bytes:
        """The bytes of `frame` on the wire."""
        data = frame.data
        if frame.op is Op.KEY and data:
            data = bytes((self._keys.get(data[0], data[0]),)) + data[1:]
        return self._codec.encode(Frame((self._codes[frame.op], frame.address, frame.sequence), data))

    def read(self, frame: Frame) -> StxFrame | None:
        """What a frame says; `None` for an op or address that does not exist."""
        code, address, sequence = frame.fields
        op = self._ops.get(code)
        if op is None or address not in ADDRESSES:
            return None
        data = frame.body
        if op is Op.KEY and data:
            data = bytes((self._keys_back.get(data[0], data[0]),)) + data[1:]
        return StxFrame(op, address, sequence, data)


REFERENCE = StxWire(FORMAT, {op: int(op) for op in Op})
"""The reference protocol's own numbers."""


def encode(frame: StxFrame) -> bytes:
    """The bytes of `frame` on the wire of the reference protocol."""
    return REFERENCE.encode(frame)


class StxDecoder:
    """Finds frames in whatever arrives."""

    def __init__(self, wire: StxWire = REFERENCE) -> None:
        self._wire = wire
        self._codec = FrameCodec(wire.form)

    def feed(self, data: bytes) -> list[StxFrame]:
        """The frames that `data` completes, oldest first. Never raises."""
        read = self._wire.read
        return [said for frame in self._codec.feed(data) if (said := read(frame)) is not None]
