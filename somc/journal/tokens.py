"""Access tokens and sign-ins in SQL, and the index that answers without a read.

What must stay true: only digests are stored; a one-time link is taken once, also when two ask at the
same moment and also after a restart; a token past its time is as good as none.
"""

from __future__ import annotations

import apsw
import msgspec

from somc.journal.entry import Token
from somc.journal.sql import rows

__all__ = ["TokenIndex", "delete", "load_all", "prune", "save"]


def save(connection: apsw.Connection, token: Token) -> None:
    """Write a token; one with the same digest is replaced."""
    connection.execute(
        "INSERT OR REPLACE INTO token (digest, subject, roles, scope, expires_at, kind) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (
            token.digest,
            token.subject,
            msgspec.json.encode(token.roles).decode(),
            token.scope,
            token.expires_at,
            token.kind,
        ),
    )


def delete(connection: apsw.Connection, digest: bytes) -> None:
    connection.execute("DELETE FROM token WHERE digest = ?", (digest,))


def prune(connection: apsw.Connection, now: int) -> None:
    """Remove tokens past their time."""
    connection.execute("DELETE FROM token WHERE expires_at <= ?", (now,))


def load_all(connection: apsw.Connection) -> list[Token]:
    return [
        Token(digest, subject, msgspec.json.decode(roles, type=tuple[str, ...]), scope, expires_at, kind)
        for digest, subject, roles, scope, expires_at, kind in rows(
            connection, "SELECT digest, subject, roles, scope, expires_at, kind FROM token"
        )
    ]


class TokenIndex:
    """Every token in memory, by digest: each request asks, and a hall has few."""

    def __init__(self, tokens: list[Token]) -> None:
        self._by_digest = {token.digest: token for token in tokens}
        self.version = 0
        """Another number after each change: other processes of this machine look again."""

    def get(self, digest: bytes, now: int) -> Token | None:
        """The token, unless its time is over."""
        token = self._by_digest.get(digest)
        if token is None or (token.expires_at is not None and token.expires_at <= now):
            return None
        return token

    def of_kind(self, kind: str) -> list[Token]:
        return [token for token in self._by_digest.values() if token.kind == kind]

    def add(self, token: Token) -> None:
        self._by_digest[token.digest] = token
        self.version += 1

    def remove(self, digest: bytes) -> Token | None:
        found = self._by_digest.pop(digest, None)
        self.version += found is not None
        return found

    def drop_expired(self, now: int) -> None:
        for digest in [digest for digest in self._by_digest if self.get(digest, now) is None]:
            del self._by_digest[digest]
