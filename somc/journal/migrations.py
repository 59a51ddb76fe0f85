"""How a store made by an older SOMC becomes one of today: an ordered list of steps.

What must stay true: a step that was released is never changed nor moved, only followed by another;
`PRAGMA user_version` counts the steps a store has had; all missing steps run in one transaction at
opening, so a store is never half way between two versions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import apsw

from somc.errors import StoreError, StoreTooNew
from somc.journal.sql import transaction, value

__all__ = ["APPLICATION_ID", "MIGRATIONS", "Migration", "migrate", "version_of"]

APPLICATION_ID = 0x534F4D43
"""'SOMC' in SQLite's header, so that another program's file is not taken for a journal."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: why it was needed, and what it does (SQL, or a function for what SQL cannot say)."""

    reason: str
    step: str | Callable[[apsw.Connection], None]


MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        "the journal itself, followers' positions, people outside the chain, answers by idempotency key",
        """
        CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE record (
            seq INTEGER PRIMARY KEY,
            at INTEGER NOT NULL,
            type TEXT NOT NULL,
            topic TEXT NOT NULL,
            v INTEGER NOT NULL,
            data TEXT NOT NULL,
            chain BLOB NOT NULL
        ) STRICT;
        CREATE INDEX record_topic ON record (topic);
        CREATE TABLE position (follower TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE person (id TEXT PRIMARY KEY, lookup BLOB NOT NULL, sealed BLOB NOT NULL) STRICT;
        CREATE INDEX person_lookup ON person (lookup);
        CREATE TABLE answer (
            principal TEXT NOT NULL,
            route TEXT NOT NULL,
            key TEXT NOT NULL,
            body_digest BLOB NOT NULL,
            status INTEGER NOT NULL,
            answer BLOB NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (principal, route, key)
        ) STRICT;
        CREATE INDEX answer_at ON answer (at);
        """,
    ),
    Migration(
        "access tokens and browser sign-ins outlive a restart",
        """
        CREATE TABLE token (
            digest BLOB PRIMARY KEY,
            subject TEXT NOT NULL,
            roles TEXT NOT NULL,
            scope TEXT NOT NULL,
            expires_at INTEGER,
            kind TEXT NOT NULL
        ) STRICT;
        """,
    ),
    Migration(
        "a start need not replay the whole journal",
        """
        CREATE TABLE snapshot (
            seq INTEGER PRIMARY KEY,
            at INTEGER NOT NULL,
            state BLOB NOT NULL,
            sha256 BLOB NOT NULL
        ) STRICT;
        """,
    ),
    Migration(
        "messages: their words outside the chain, and a log of them that can be searched",
        """
        CREATE TABLE message_text (
            id TEXT PRIMARY KEY,
            person TEXT NOT NULL,
            at INTEGER NOT NULL,
            sealed BLOB NOT NULL
        ) STRICT;
        CREATE INDEX message_text_person ON message_text (person);
        CREATE INDEX message_text_at ON message_text (at);
        CREATE TABLE message_log (
            id TEXT PRIMARY KEY,
            seq INTEGER NOT NULL,
            at INTEGER NOT NULL,
            direction TEXT NOT NULL,
            person TEXT,
            message_class TEXT NOT NULL,
            template TEXT NOT NULL,
            state TEXT NOT NULL,
            gateway TEXT,
            ticket TEXT,
            appointment TEXT,
            cause TEXT,
            detail TEXT NOT NULL,
            attempts INTEGER NOT NULL,
            ready_at INTEGER NOT NULL,
            changed_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX message_log_seq ON message_log (seq);
        CREATE INDEX message_log_state ON message_log (state, seq);
        CREATE INDEX message_log_person ON message_log (person, seq);
        """,
    ),
)


def version_of(connection: apsw.Connection, path: str) -> int:
    """The number of steps the store has had; 0 for an empty file.

    Raises StoreTooNew for a store of a newer SOMC, StoreError for another program's SQLite file.
    """
    version = int(value(connection, "PRAGMA user_version"))
    owner = int(value(connection, "PRAGMA application_id"))
    tables = int(value(connection, "SELECT count(*) FROM sqlite_schema"))
    if owner != APPLICATION_ID and (tables or version):
        raise StoreError(f"{path} is an SQLite file of another program; name a folder of its own")
    if version > len(MIGRATIONS):
        raise StoreTooNew(
            f"{path} was written by a newer SOMC (store version {version}, "
            f"this one knows {len(MIGRATIONS)}): upgrade this SOMC, "
            "or go back to the copy that was made before the upgrade"
        )
    return version


def migrate(
    connection: apsw.Connection, path: str, migrations: tuple[Migration, ...] = MIGRATIONS
) -> tuple[int, int]:
    """Run the steps the store has not had, in one transaction; the versions before and after.

    Raises what `version_of` raises; whatever a step raises leaves the store as it was.
    """
    before = version_of(connection, path)
    if before >= len(migrations):
        return before, before
    with transaction(connection, "IMMEDIATE"):
        for migration in migrations[before:]:
            if isinstance(migration.step, str):
                connection.execute(migration.step)
            else:
                migration.step(connection)
        connection.pragma("application_id", APPLICATION_ID)
        connection.pragma("user_version", len(migrations))
    return before, len(migrations)
