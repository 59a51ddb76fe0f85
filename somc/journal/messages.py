"""Messages beside the chain: their words, sealed, and the log that is searched.

    message_text   id → sealed words        like people: gone when their person is erased, or by age
    message_log    id → what the records say of it, one row a message: a projection

What must stay true: no word of a message reaches the disk in the clear; the log holds nothing that is not in
a record and can be made anew from them (`rebuild`); both are written in the transaction of the records.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import apsw
import msgspec

from somc.journal.entry import MessageText
from somc.journal.people import PeopleKey
from somc.journal.record import Record
from somc.journal.sql import rows, value

__all__ = [
    "TEXT_LIFE_MS",
    "Letter",
    "LogQuery",
    "LogRow",
    "erase_texts",
    "find",
    "load_letters",
    "load_text",
    "project",
    "prune",
    "rebuild",
    "save_text",
]

TEXT_LIFE_MS = 180 * 24 * 3600 * 1000
"""Half a year: long enough for any complaint about a message. The log's row stays."""

FAMILY = "message."

LOG_COLUMNS = (
    "id, seq, at, direction, person, message_class, template, state, gateway, ticket, appointment, "
    "cause, detail, attempts, ready_at, changed_at"
)


class LogRow(msgspec.Struct, frozen=True):
    """One message as the log has it. `direction` is `out` or `in`; an incoming one has its intent as its
    template. Instants are Unix ms; `seq` is that of its first record."""

    id: str
    seq: int
    at: int
    direction: str
    person: str | None
    message_class: str
    template: str
    state: str
    gateway: str | None
    ticket: str | None
    appointment: str | None
    cause: str | None
    detail: str
    attempts: int
    ready_at: int
    changed_at: int


class LogQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for; everything that is given must fit. `before` is the `seq` of the last row seen."""

    id: str | None = None
    state: str | None = None
    direction: str | None = None
    message_class: str | None = None
    template: str | None = None
    gateway: str | None = None
    ticket: str | None = None
    appointment: str | None = None
    persons: tuple[str, ...] | None = None
    since: int | None = None
    until: int | None = None
    before: int | None = None
    limit: int = 100


class Letter(msgspec.Struct, frozen=True):
    """What a message needs beside its record: the number and the words; None where they are gone."""

    phone: str | None
    text: str | None


class _Facts(msgspec.Struct, frozen=True):
    """The fields of all records of messages."""

    message: str
    message_class: str = ""
    template: str = ""
    person: str | None = None
    ticket: str | None = None
    appointment: str | None = None
    gateway: str | None = None
    ready_at: int = 0
    cause: str | None = None
    detail: str = ""
    attempt: int = 0
    retry_at: int | None = None
    reason: str | None = None
    intent: str = ""


_decode = msgspec.json.Decoder(_Facts).decode


# -- words ----------------------------------------------------------------------------------------------


def save_text(connection: apsw.Connection, key: PeopleKey, text: MessageText, at: int) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO message_text (id, person, at, sealed) VALUES (?, ?, ?, ?)",
        (text.id, text.person, at, key.seal_text(text.id, text.text)),
    )


def load_text(connection: apsw.Connection, id: str) -> bytes | None:
    """The sealed words of a message; None if there are none (any more)."""
    found: bytes | None = value(connection, "SELECT sealed FROM message_text WHERE id = ?", (id,))
    return found


def load_letters(
    connection: apsw.Connection, wanted: Sequence[tuple[str, str]]
) -> list[tuple[str, str, bytes | None, bytes | None]]:
    """Message, person, and the sealed rows of both."""
    return [
        (
            message,
            person,
            value(connection, "SELECT sealed FROM person WHERE id = ?", (person,)),
            load_text(connection, message),
        )
        for message, person in wanted
    ]


def erase_texts(connection: apsw.Connection, persons: Sequence[str]) -> None:
    """Remove the words of every message to or from these ids."""
    for person in persons:
        connection.execute("DELETE FROM message_text WHERE person = ?", (person,))


def prune(connection: apsw.Connection, before: int) -> None:
    connection.execute("DELETE FROM message_text WHERE at < ?", (before,))


# -- the log --------------------------------------------------------------------------------------------


def project(connection: apsw.Connection, records: Iterable[Record]) -> None:
    """Bring the log up to these records, which follow those that it has seen."""
    for record in records:
        if record.type.startswith(FAMILY):
            _apply(connection, record, _decode(record.data))


def _apply(connection: apsw.Connection, record: Record, facts: _Facts) -> None:
    match record.type.removeprefix(FAMILY):
        case "queued":
            _insert(connection, record, facts, "out", facts.template, "queued")
        case "received":
            _insert(connection, record, facts, "in", facts.intent, "received")
        case "sent":
            _change(
                connection, record, facts, "sent", gateway=facts.gateway, attempts=facts.attempt, cause=None
            )
        case "delivered":
            _change(connection, record, facts, "delivered")
        case "failed":
            state = "failed" if facts.retry_at is None else "queued"
            more = {"ready_at": facts.retry_at} if facts.retry_at is not None else {}
            _change(
                connection,
                record,
                facts,
                state,
                cause=facts.cause,
                detail=facts.detail,
                attempts=facts.attempt,
                **more,
            )
        case "requeued":
            _change(connection, record, facts, "queued", ready_at=facts.ready_at)
        case "cancelled":
            _change(connection, record, facts, "cancelled", cause=facts.reason)


def _insert(
    connection: apsw.Connection, record: Record, facts: _Facts, direction: str, template: str, state: str
) -> None:
    connection.execute(
        f"INSERT OR REPLACE INTO message_log ({LOG_COLUMNS}) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, '', 0, ?, ?)",
        (
            facts.message,
            record.seq,
            record.at,
            direction,
            facts.person,
            facts.message_class,
            template,
            state,
            facts.gateway,
            facts.ticket,
            facts.appointment,
            facts.ready_at or record.at,
            record.at,
        ),
    )


def _change(connection: apsw.Connection, record: Record, facts: _Facts, state: str, **more: Any) -> None:
    columns = {"state": state, "changed_at": record.at, **more}
    settings = ", ".join(f"{name} = ?" for name in columns)
    connection.execute(f"UPDATE message_log SET {settings} WHERE id = ?", (*columns.values(), facts.message))


def rebuild(connection: apsw.Connection) -> None:
    """Make the log anew from the records, within a transaction of the caller's."""
    connection.execute("DELETE FROM message_log")
    after = 0
    while page := rows(
        connection,
        "SELECT seq, at, type, topic, data, v FROM record "
        "WHERE seq > ? AND type >= 'message.' AND type < 'message/' ORDER BY seq LIMIT 1000",
        (after,),
    ):
        project(
            connection,
            (
                Record(seq, at, kind, topic, msgspec.Raw(data.encode()), v)
                for seq, at, kind, topic, data, v in page
            ),
        )
        after = page[-1][0]


def find(connection: apsw.Connection, query: LogQuery, through: int) -> list[LogRow]:
    """The newest messages that fit, as of record `through`."""
    tests, values = ["seq <= ?"], [through]
    for name in (
        "id",
        "state",
        "direction",
        "message_class",
        "template",
        "gateway",
        "ticket",
        "appointment",
    ):
        wanted = getattr(query, name)
        if wanted is not None:
            tests.append(f"{name} = ?")
            values.append(wanted)
    for test, bound in (("at >= ?", query.since), ("at < ?", query.until), ("seq < ?", query.before)):
        if bound is not None:
            tests.append(test)
            values.append(bound)
    if query.persons is not None:
        tests.append(f"person IN ({', '.join('?' * len(query.persons))})")
        values += query.persons  # type: ignore[arg-type] # SQLite takes texts beside numbers
    found = rows(
        connection,
        f"SELECT {LOG_COLUMNS} FROM message_log WHERE {' AND '.join(tests)} ORDER BY seq DESC LIMIT ?",
        (*values, query.limit),
    )
    return [LogRow(*row) for row in found]
