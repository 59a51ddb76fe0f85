"""Fuzzing of decoders: seeded streams of good frames, broken frames and noise, split at random.

    tally = fuzz(Subject("led", lambda: FrameCodec(FORMAT), samples), inputs=100_000, seed=1)
    assert not tally.faults

What must stay true
- An input is a function of subject, seed and number, so a fault can be made again by hand.
- It is checked that nothing raises, that two ways of splitting give the same frames, and that every good
  frame is found, in order, whatever stands before, between and after.
- A good frame may be displaced only by another valid frame that overlaps it: noise that happens to
  pass the check. `displaced` counts those, after an oracle that tries every piece of the stream has
  agreed with the decoder frame by frame.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from somc_hal.codecs import Decoder
from somc_hal.codecs.frames import Frame, FrameCodec

__all__ = ["Subject", "Tally", "frames_by_trying_everything", "fuzz"]

FAULTS_KEPT = 10

LONG_BYTES = 256
"""Streams from this length on are split into larger pieces: not each needs hundreds of calls."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A decoder under test. `samples` are good frames with their bytes; `resynchronises` is false where a
    protocol has no frames to find again (single status bytes, printer commands)."""

    name: str
    make: Callable[[], Decoder[Any]]
    samples: Sequence[tuple[bytes, Any]]
    resynchronises: bool = True


@dataclass(slots=True)
class Tally:
    """What a run has seen. `faults` holds the first of them, in words, with how to make each again."""

    inputs: int = 0
    size_bytes: int = 0
    good: int = 0
    displaced: int = 0
    invented: int = 0
    faults: list[str] = field(default_factory=list)


def fuzz(subject: Subject, *, inputs: int, seed: int, first: int = 0) -> Tally:
    """Run inputs number `first` to `first + inputs - 1`."""
    tally = Tally()
    decoders = (subject.make(), subject.make())
    # A text as seed is hashed anew each time; a number as large is taken as it is.
    base = int.from_bytes(hashlib.blake2b(f"{seed}/{subject.name}".encode(), digest_size=8).digest()) << 64
    chance = random.Random()
    for number in range(first, first + inputs):
        chance.seed(base | number)
        decoders = (_renewed(subject, decoders[0]), _renewed(subject, decoders[1]))
        data, good = _stream(subject, chance)
        tally.inputs += 1
        tally.size_bytes += len(data)
        tally.good += len(good)
        try:
            fault = _judge(subject, decoders, data, good, chance, tally)
        except Exception as error:  # whatever it raises is what is looked for
            fault = f"raised {error!r}"
        if fault and len(tally.faults) < FAULTS_KEPT:
            tally.faults.append(f"{subject.name}, seed {seed}, input {number}: {fault}: {data.hex()}")
    return tally


def _renewed(subject: Subject, decoder: Decoder[Any]) -> Decoder[Any]:
    """A decoder that has seen nothing. A codec of frames is as new after a gap: to compile its format again
    costs more than an input."""
    if isinstance(decoder, FrameCodec):
        decoder.gap()
        return decoder
    return subject.make()


def _stream(subject: Subject, chance: random.Random) -> tuple[bytes, list[Any]]:
    """A stream and the good frames in it."""
    pieces: list[bytes] = []
    good: list[Any] = []
    for _ in range(chance.randrange(1, 5)):
        kind = chance.randrange(6)
        wire, frame = chance.choice(subject.samples)
        if kind < 2:
            pieces.append(wire)
            good.append(frame)
        elif kind == 2:
            pieces.append(chance.randbytes(chance.randrange(24)))
        elif kind == 3:
            pieces.append(wire[: chance.randrange(len(wire))])
        elif kind == 4:
            broken = bytearray(wire)
            broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
            pieces.append(bytes(broken))
        else:
            # Its own bytes in any order: heads, lengths and tails where none belong.
            pieces.append(bytes(chance.choices(wire, k=chance.randrange(1, 16))))
    return b"".join(pieces), good


def _judge(
    subject: Subject,
    decoders: tuple[Decoder[Any], Decoder[Any]],
    data: bytes,
    good: list[Any],
    chance: random.Random,
    tally: Tally,
) -> str:
    whole, other = decoders
    found = list(whole.feed(data))
    at = 0
    split: list[Any] = []
    while at < len(data):
        step = chance.randrange(1, 9 if len(data) < LONG_BYTES else 65)
        split.extend(other.feed(data[at : at + step]))
        at += step
    if split != found:
        return f"{len(found)} frames in one piece, {len(split)} in small ones"
    if not subject.resynchronises:
        return ""
    remaining = iter(found)
    if not all(any(frame == seen for seen in remaining) for frame in good):
        if frames_by_trying_everything(other, data) != found:
            return f"lost one of {len(good)} good frames"
        tally.displaced += 1
    tally.invented += max(0, len(found) - len(good))
    return ""


def frames_by_trying_everything(decoder: object, data: bytes) -> list[Frame] | None:
    """The frames of a stream by the definition: each piece that is a frame, the first to end, from the last
    head. `None` where that is not the definition: frames with escapes never overlap."""
    if not isinstance(decoder, FrameCodec) or decoder.form.escapes:
        return None
    found: list[Frame] = []
    floor = 0
    for end in range(1, len(data) + 1):
        for start in range(end - 1, floor - 1, -1):
            frame = decoder.read(data[start:end])
            if frame is not None:
                found.append(frame)
                floor = end
                break
    return found
