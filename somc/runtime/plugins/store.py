"""A plugin's own durable key-value store: one SQLite file, opened when it is first used.

What must stay true
- What is sealed lies on disk encrypted (ChaCha20-Poly1305, the key as associated data), with a key that is
  derived for this plugin from the hall's `people.key`: without that it says nothing.
- `put` and `delete` are on disk when they return. Bounds: a key of 200 characters, a value of 64 KB,
  `MOST_ENTRIES`.
- One thread at a time uses the connection; a caller that is cancelled leaves its statement to finish.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import apsw
import msgspec
import trio
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from somc.api import Json

__all__ = ["FileStore", "StoreRefused"]

MOST_KEY_CHARACTERS = 200
MOST_VALUE_BYTES = 65_536
MOST_ENTRIES = 1_000_000
"""A customer each, of a district."""

MOST_SCANNED = 1_000
NONCE_BYTES = 12

TABLE = "CREATE TABLE IF NOT EXISTS entry (key TEXT PRIMARY KEY, sealed INTEGER, value BLOB) WITHOUT ROWID"

T = TypeVar("T")


class StoreRefused(ValueError):
    """The store does not take this: too long, too large, too many, or no plain JSON."""


class FileStore:
    """The store of one plugin in `path`. `close` it when the plugin ends."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._cipher = ChaCha20Poly1305(key)
        self._connection: apsw.Connection | None = None
        self._entries = 0
        """How many there are: to count them anew for each that is put would read the whole file."""
        self._limiter = trio.CapacityLimiter(1)
        self._closed = False

    async def get(self, key: str) -> Json | None:
        def read(connection: apsw.Connection) -> Json | None:
            for sealed, value in connection.execute("SELECT sealed, value FROM entry WHERE key = ?", (key,)):
                return self._opened(key, sealed, value)
            return None

        return await self._run(read)

    async def put(self, key: str, value: Json, *, sealed: bool = False) -> None:
        if not 0 < len(key) <= MOST_KEY_CHARACTERS:
            raise StoreRefused(f"a key has 1 to {MOST_KEY_CHARACTERS} characters")
        try:
            written = msgspec.json.encode(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise StoreRefused(f"the value of '{key}' is no plain JSON: {error}") from error
        if len(written) > MOST_VALUE_BYTES:
            raise StoreRefused(f"the value of '{key}' has {len(written)} bytes; allowed: {MOST_VALUE_BYTES}")
        if sealed:
            nonce = os.urandom(NONCE_BYTES)
            written = nonce + self._cipher.encrypt(nonce, written, key.encode())

        def write(connection: apsw.Connection) -> None:
            known = connection.execute("SELECT 1 FROM entry WHERE key = ?", (key,)).fetchone() is not None
            if not known and self._entries >= MOST_ENTRIES:
                raise StoreRefused(f"the store holds {self._entries} entries, as many as it may: delete some")
            connection.execute("REPLACE INTO entry VALUES (?, ?, ?)", (key, int(sealed), written))
            self._entries += not known

        await self._run(write)

    async def delete(self, key: str) -> None:
        def drop(connection: apsw.Connection) -> None:
            connection.execute("DELETE FROM entry WHERE key = ?", (key,))
            self._entries -= connection.changes()

        await self._run(drop)

    async def scan(self, prefix: str, after: str = "", limit: int = 100) -> list[tuple[str, Json]]:
        begin, end = max(prefix, after), prefix + "\U0010ffff"
        most = max(0, min(limit, MOST_SCANNED))

        def read(connection: apsw.Connection) -> list[tuple[str, Json]]:
            found = connection.execute(
                "SELECT key, sealed, value FROM entry WHERE key >= ? AND key > ? AND key < ? "
                "ORDER BY key LIMIT ?",
                (begin, after, end, most),
            )
            return [(key, self._opened(key, sealed, value)) for key, sealed, value in found]

        return await self._run(read)

    async def close(self) -> None:
        """Close, also while cancelled; what is used after it raises."""

        def close() -> None:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

        self._closed = True
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(close, limiter=self._limiter)

    def _opened(self, key: str, sealed: int, value: bytes) -> Json:
        if sealed:
            try:
                value = self._cipher.decrypt(value[:NONCE_BYTES], value[NONCE_BYTES:], key.encode())
            except InvalidTag:
                raise StoreRefused(f"'{key}' was sealed with another hall's key") from None
        return msgspec.json.decode(value)

    async def _run(self, work: Callable[[apsw.Connection], T]) -> T:
        def run() -> T:
            if self._closed:
                raise StoreRefused("the plugin has ended: its store is closed")
            if self._connection is None:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
                self._connection = apsw.Connection(str(self._path))
                self._connection.pragma("journal_mode", "wal")
                self._connection.pragma("synchronous", "FULL")
                self._connection.pragma("secure_delete", True)
                self._connection.execute(TABLE)
                ((self._entries,),) = self._connection.execute("SELECT count(*) FROM entry")
            return work(self._connection)

        return await trio.to_thread.run_sync(run, limiter=self._limiter)
