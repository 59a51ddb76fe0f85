"""Events as records and back.

The journal keeps an event's fields as JSON; its type, place and time stand beside them.
"""

from __future__ import annotations

import msgspec

from somc.domain.events import BY_TYPE, TYPE_OF, VERSIONS, Event, topic_of
from somc.errors import StoreCorrupt
from somc.journal.record import Record

__all__ = ["event_of", "record_of"]

_encoder = msgspec.json.Encoder()
_decoders = {name: msgspec.json.Decoder(kind) for name, kind in BY_TYPE.items()}


def record_of(event: Event, seq: int, at: int, org: str) -> Record:
    """The record that keeps `event` as the journal's `seq`-th."""
    name = TYPE_OF[type(event)]
    data = msgspec.Raw(_encoder.encode(event))
    return Record(seq=seq, at=at, type=name, topic=topic_of(event, org), data=data, v=VERSIONS[name])


def event_of(record: Record) -> Event:
    """The event that `record` keeps. `StoreCorrupt` if it is of no known type or shape."""
    try:
        event: Event = _decoders[record.type].decode(record.data)
    except KeyError:
        raise StoreCorrupt(
            f"record {record.seq} is of the unknown type '{record.type}': was it written by a newer SOMC?"
        ) from None
    except msgspec.ValidationError as error:
        raise StoreCorrupt(f"record {record.seq} ({record.type}) is not of its shape: {error}") from error
    return event
