"""One journal entry: a fact in the past tense, with its place and time.

What must stay true: `seq` counts the hall's journal without a gap, `at` never runs backwards, and a
record once written is never changed (old shapes are lifted on reading, see `upcasting`).
"""

from __future__ import annotations

import msgspec

__all__ = ["Record"]


class Record(msgspec.Struct, frozen=True):
    """A record (记录): `{seq, at, type, topic, data, v}` of the contract.

    `at` is Unix milliseconds, `topic` the hall's path with entity and id, `data` the event's fields as
    encoded JSON (kept as bytes, so that it is encoded once for store, chain and clients), `v` the
    version of its shape.
    """

    seq: int
    at: int
    type: str
    topic: str
    data: msgspec.Raw
    v: int = 1
