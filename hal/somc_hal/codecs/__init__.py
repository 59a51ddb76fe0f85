"""Sans-I/O codecs: bytes in, frames out. They import no trio, time, random, os or socket.

What must stay true of every decoder here: `feed` never raises on input, gives the same frames
however the bytes are split, keeps a bounded number of bytes, and never loses a good frame to noise
that stands before or after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

__all__ = ["Decoder"]

FrameT_co = TypeVar("FrameT_co", covariant=True)


class Decoder(Protocol[FrameT_co]):
    """The reading half of a codec. One instance per connection."""

    def feed(self, data: bytes) -> Sequence[FrameT_co]:
        """The frames that `data` completes, oldest first."""
