"""Checks of a codec, without any I/O.

What must stay true: the input is given by the caller and the splits are exhaustive, so a failure
can be repeated by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from somc_hal.codecs import Decoder

__all__ = ["decoder_is_chunk_invariant", "decoder_survives_noise"]

FrameT = TypeVar("FrameT")


def decoder_is_chunk_invariant(
    make: Callable[[], Decoder[FrameT]], data: bytes, frames: Sequence[FrameT]
) -> None:
    """`data` gives `frames` in one piece, byte by byte, and split in two at every place."""
    assert list(make().feed(data)) == list(frames), "in one piece"
    single = make()
    assert [f for byte in data for f in single.feed(bytes((byte,)))] == list(frames), "byte by byte"
    for cut in range(len(data) + 1):
        decoder = make()
        found = [*decoder.feed(data[:cut]), *decoder.feed(data[cut:])]
        assert found == list(frames), f"split at {cut}"


def decoder_survives_noise(
    make: Callable[[], Decoder[FrameT]], good: Sequence[tuple[bytes, FrameT]], noises: Sequence[bytes]
) -> None:
    """Every good frame is found, in order, with noise before, between and after, at every pairing."""
    for first in noises:
        for second in noises:
            decoder = make()
            stream = first + b"".join(encoded + second for encoded, _ in good)
            found = list(decoder.feed(stream))
            remaining = iter(found)
            for _, frame in good:
                assert any(frame == seen for seen in remaining), (
                    f"lost {frame!r} in noise {first!r}, {second!r}"
                )
