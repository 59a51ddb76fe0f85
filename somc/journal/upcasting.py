"""Old shapes of records, lifted to today's on reading.

What must stay true: the store keeps the bytes that were written (the chain is over them), readers
only ever see the newest shape. A lift goes up one version; a record climbs as many as it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from somc.journal.record import Record

__all__ = ["LIFTS", "Lift", "lift"]

Lift = Callable[[dict[str, Any]], dict[str, Any]]
"""From the fields of version v to those of v + 1. It must not change what it is given."""

LIFTS: Mapping[tuple[str, int], Lift] = {}
"""Record type and version -> the function that lifts it by one. Empty while every shape is the first."""


def lift(record: Record, lifts: Mapping[tuple[str, int], Lift] = LIFTS) -> Record:
    """The record in its newest shape; the very same object when there is nothing to lift."""
    step = lifts.get((record.type, record.v))
    if step is None:
        return record
    data = msgspec.json.decode(bytes(record.data), type=dict[str, Any])
    v = record.v
    while step is not None:
        data = step(data)
        v += 1
        step = lifts.get((record.type, v))
    return Record(
        seq=record.seq,
        at=record.at,
        type=record.type,
        topic=record.topic,
        data=msgspec.Raw(msgspec.json.encode(data)),
        v=v,
    )
