"""Answers by idempotency key: the same key gets the same answer, also after a restart.

What must stay true: an answer is written in the transaction of its command's records; it lives 48 h;
within that time the first answer of a key stays. A key that was never used costs no read of the disk.
"""

from __future__ import annotations

import hashlib

import apsw

from somc.journal.entry import StoredAnswer
from somc.journal.sql import row, rows

__all__ = ["LIFE_MS", "AnswerIndex", "find", "key_of", "keys", "prune", "save"]

LIFE_MS = 48 * 3_600_000
PRUNED_AT_ONCE = 2_000
"""Rows removed in one batch, so that pruning never holds up a command for long."""


def key_of(principal: str, route: str, key: str) -> bytes:
    """One short name for the three, of the same size however long a client's key is."""
    parts = (part.encode() for part in (principal, route, key))
    return hashlib.blake2b(b"".join(b"%d:%b" % (len(part), part) for part in parts), digest_size=16).digest()


def save(connection: apsw.Connection, answer: StoredAnswer) -> None:
    """Keep an answer, unless a living one has the key."""
    connection.execute(
        "INSERT INTO answer (principal, route, key, body_digest, status, answer, at) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (principal, route, key) DO UPDATE "
        "SET body_digest = ?4, status = ?5, answer = ?6, at = ?7 WHERE answer.at < ?7 - ?8",
        (
            answer.principal,
            answer.route,
            answer.key,
            answer.body_digest,
            answer.status,
            answer.answer,
            answer.at,
            LIFE_MS,
        ),
    )


def find(connection: apsw.Connection, principal: str, route: str, key: str) -> StoredAnswer | None:
    """The stored answer of a key, however old."""
    found = row(
        connection,
        "SELECT body_digest, status, answer, at FROM answer WHERE principal = ? AND route = ? AND key = ?",
        (principal, route, key),
    )
    return None if found is None else StoredAnswer(principal, route, key, *found)


def keys(connection: apsw.Connection, since: int, most: int) -> list[tuple[bytes, int]]:
    """Name and time of the answers kept since then, oldest first; at most `most`."""
    found = rows(
        connection,
        "SELECT principal, route, key, at FROM answer WHERE at >= ? ORDER BY at LIMIT ?",
        (since, most),
    )
    return [(key_of(principal, route, key), at) for principal, route, key, at in found]


def prune(connection: apsw.Connection, before: int) -> bool:
    """Remove answers older than `before`; False when some are left for the next time."""
    connection.execute(
        "DELETE FROM answer WHERE rowid IN (SELECT rowid FROM answer WHERE at < ? ORDER BY at LIMIT ?)",
        (before, PRUNED_AT_ONCE),
    )
    return connection.changes() < PRUNED_AT_ONCE


class AnswerIndex:
    """Which keys may have an answer on disk; no means no, yes means look.

    Bounded: past `MOST` keys it says yes to everything until the next start (48 h of keys are some tens of
    megabytes even then; a hall has a few thousand).
    """

    MOST = 200_000

    def __init__(self, known: list[tuple[bytes, int]]) -> None:
        self._at = dict(known)
        self._whole = len(known) < self.MOST

    def may_have(self, name: bytes) -> bool:
        return not self._whole or name in self._at

    def add(self, name: bytes, at: int) -> None:
        if len(self._at) >= self.MOST:
            self._whole = False
        elif self._whole:
            self._at.pop(name, None)  # so that the order stays that of `at`
            self._at[name] = at

    def drop(self, before: int) -> None:
        """Forget keys older than `before`; they are kept in order of time."""
        while self._at:
            name, at = next(iter(self._at.items()))
            if at >= before:
                return
            del self._at[name]
