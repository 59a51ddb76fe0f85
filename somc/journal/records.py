"""Records in SQL: insert, page, history of a topic, the checked tail.

Every read is one bounded page, fetched whole; every record read is lifted to its newest shape.
"""

from __future__ import annotations

from collections.abc import Iterable

import apsw
import msgspec

from somc.errors import StoreCorrupt
from somc.journal.chain import genesis, line_of, line_of_fields, link
from somc.journal.record import Record
from somc.journal.sql import rows
from somc.journal.upcasting import lift

__all__ = ["COLUMNS", "Row", "as_record", "insert", "newer", "of_topic", "page", "tail", "taken_by"]

COLUMNS = "seq, at, CAST(type AS BLOB), CAST(topic AS BLOB), CAST(data AS BLOB), v"
"""As bytes: a damaged row need not be text any more, and then it shall be named, not trip the reader."""

Row = tuple[int, int, bytes, bytes, bytes, int]


def as_record(row: Row) -> Record:
    """A row as it was written, not lifted. Raises StoreCorrupt when it is not text."""
    seq, at, type_, topic, data, v = row
    try:
        return Record(seq, at, type_.decode(), topic.decode(), msgspec.Raw(data), v)
    except UnicodeDecodeError as error:
        raise StoreCorrupt(f"record {seq} is not what was written: see `somc journal verify`") from error


def insert(connection: apsw.Connection, records: Iterable[Record], chain: bytes) -> bytes:
    """Write records that follow the one whose hash is `chain`; the hash of the last of them."""
    for record in records:
        chain = link(chain, line_of(record))
        connection.execute(
            "INSERT INTO record (seq, at, type, topic, data, v, chain) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                record.seq,
                record.at,
                record.type,
                record.topic,
                bytes(record.data).decode(),
                record.v,
                chain,
            ),
        )
    return chain


def page(connection: apsw.Connection, after: int, through: int, limit: int) -> list[Record]:
    """At most `limit` records with `after` < seq <= `through`, in order."""
    found = rows(
        connection,
        f"SELECT {COLUMNS} FROM record WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
        (after, through, limit),
    )
    return [lift(as_record(row)) for row in found]


def taken_by(connection: apsw.Connection, person: str, after: int, through: int, limit: int) -> list[Record]:
    """The newest `limit` records of `ticket.taken` by this person with `after` < seq <= `through`, newest
    first."""
    found = rows(
        connection,
        f"SELECT {COLUMNS} FROM record WHERE seq > ? AND seq <= ? AND type = 'ticket.taken' "
        "AND json_extract(data, '$.person') = ? ORDER BY seq DESC LIMIT ?",
        (after, through, person, limit),
    )
    return [lift(as_record(row)) for row in found]


def of_topic(connection: apsw.Connection, topic: str, through: int, limit: int) -> list[Record]:
    """The newest `limit` records of exactly this topic, in order."""
    found = rows(
        connection,
        f"SELECT {COLUMNS} FROM record WHERE topic = ? AND seq <= ? ORDER BY seq DESC LIMIT ?",
        (topic, through, limit),
    )
    return [lift(as_record(row)) for row in reversed(found)]


def newer(connection: apsw.Connection, after: int, limit: int) -> tuple[list[Record], bytes]:
    """At most `limit` records after `after`, and the hash of the last of them."""
    found = rows(
        connection, f"SELECT {COLUMNS}, chain FROM record WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)
    )
    return [lift(as_record(row[:6])) for row in found], found[-1][6] if found else b""


def tail(connection: apsw.Connection, epoch: str, count: int) -> tuple[list[Record], bytes]:
    """The newest `count` records with their chain checked, and the hash of the last.

    Raises StoreCorrupt at the first record that does not follow from the one before.
    """
    newest = rows(connection, f"SELECT {COLUMNS}, chain FROM record ORDER BY seq DESC LIMIT ?", (count + 1,))
    newest.reverse()
    seq, chain = 0, genesis(epoch)
    if len(newest) > count:  # one more than asked for: the one whose hash the others build on
        seq, *_, chain = newest.pop(0)
    found = []
    for *row, kept in newest:
        seq += 1
        if row[0] != seq:
            raise StoreCorrupt(f"record {seq} is missing from the journal: see `somc journal verify`")
        chain = link(chain, line_of_fields(*row))
        if chain != kept:
            raise StoreCorrupt(f"record {seq} is not what was written: see `somc journal verify`")
        found.append(lift(as_record(tuple(row))))
    return found, chain
