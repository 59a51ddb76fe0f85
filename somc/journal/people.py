"""People outside the chain: sealed rows, found by a keyed hash.

What must stay true: no phone and no name reaches the disk in the clear; without `people.key` the
rows say nothing, and a lost key is told at the start, not at the first message; erasing somebody
removes every row of that phone and no record.

The key file holds 32 random bytes. Sealing is ChaCha20-Poly1305 (RFC 8439) with a random nonce and
the person's id as associated data, so that rows cannot be exchanged; the look-up is BLAKE2b keyed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections import OrderedDict
from pathlib import Path

import apsw
import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from somc.errors import StoreError
from somc.journal.connection import sync_folder, system_errors
from somc.journal.entry import Person
from somc.journal.sql import rows, value

__all__ = [
    "PeopleKey",
    "Reservations",
    "create_key",
    "erase",
    "find",
    "ids_of",
    "load",
    "read_key",
    "save",
]

KEY_BYTES = 32
NONCE_BYTES = 12


class _Inside(msgspec.Struct, frozen=True, omit_defaults=True):
    phone: str
    name: str | None = None


class PeopleKey:
    """Seals, opens and looks up people with keys derived from one secret."""

    def __init__(self, secret: bytes) -> None:
        def derived(purpose: bytes) -> bytes:
            return hashlib.blake2b(key=secret, person=purpose, digest_size=32).digest()

        self._lookup_key = derived(b"somc-lookup")
        self._cipher = ChaCha20Poly1305(derived(b"somc-seal"))
        self._digest_key = derived(b"somc-digest")
        self._plugin_key = derived(b"somc-plugin")
        self.check = derived(b"somc-check")
        """Kept in the store, so that another key is recognised as another."""

    def lookup(self, phone: str) -> bytes:
        """What a phone is found by; without the key it cannot be computed from a phone."""
        return hashlib.blake2b(phone.encode(), key=self._lookup_key, digest_size=32).digest()

    def digest(self, data: bytes) -> bytes:
        """A digest from which data that is easy to guess (a phone in a request) cannot be found by trying."""
        return hashlib.blake2b(data, key=self._digest_key, digest_size=32).digest()

    def key_for(self, plugin: str) -> bytes:
        """The key with which the store of one plugin is sealed: it opens nothing else."""
        return hashlib.blake2b(plugin.encode(), key=self._plugin_key, digest_size=32).digest()

    def seal(self, person: Person) -> bytes:
        """The row's content, unreadable without the key."""
        nonce = os.urandom(NONCE_BYTES)
        inside = msgspec.json.encode(_Inside(person.phone, person.name))
        return nonce + self._cipher.encrypt(nonce, inside, person.id.encode())

    def open(self, id: str, sealed: bytes) -> Person:
        """The person of a row. Raises StoreError when it was not sealed for this id by this key."""
        try:
            inside = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], id.encode())
        except InvalidTag as error:
            raise StoreError(f"person {id}: the stored row cannot be opened with people.key") from error
        found = msgspec.json.decode(inside, type=_Inside)
        return Person(id, found.phone, found.name)

    def seal_text(self, id: str, text: str) -> bytes:
        """The words of message `id`, unreadable without the key."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text.encode(), b"message:" + id.encode())

    def open_text(self, id: str, sealed: bytes) -> str:
        """The words again. Raises StoreError when they were not sealed for this id by this key."""
        try:
            inside = self._cipher.decrypt(
                sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], b"message:" + id.encode()
            )
        except InvalidTag as error:
            raise StoreError(f"message {id}: its stored words cannot be opened with people.key") from error
        return inside.decode()


def create_key(path: Path) -> PeopleKey:
    """Make `people.key` (mode 0600), synced before anything is sealed with it. Raises StoreError."""
    secret = secrets.token_bytes(KEY_BYTES)
    fresh = path.with_name(path.name + ".new")
    with system_errors(f"{path} cannot be made"):
        fresh.unlink(missing_ok=True)
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(file, secret)
            os.fsync(file)
        finally:
            os.close(file)
        fresh.rename(path)
        sync_folder(path.parent)
    return PeopleKey(secret)


def read_key(path: Path, check: bytes | None) -> PeopleKey | None:
    """The key of the file; None when there is no file.

    Raises StoreError when it is not the key whose `check` the store keeps (None: the store has none).
    """
    try:
        secret = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error}") from error
    if len(secret) != KEY_BYTES:
        raise StoreError(
            f"{path} holds {len(secret)} bytes instead of {KEY_BYTES}: put back the copy made with this store"
        )
    key = PeopleKey(secret)
    if check is not None and not hmac.compare_digest(key.check, check):
        raise StoreError(
            f"{path} is not the key this store's people were sealed with: "
            "put back the copy made with this store"
        )
    return key


def save(connection: apsw.Connection, key: PeopleKey, person: Person) -> None:
    """Write a person. A row that is there is replaced only by one that knows the name."""
    connection.execute(
        "INSERT INTO person (id, lookup, sealed) VALUES (?1, ?2, ?3) "
        "ON CONFLICT (id) DO UPDATE SET lookup = excluded.lookup, sealed = excluded.sealed WHERE ?4",
        (person.id, key.lookup(person.phone), key.seal(person), person.name is not None),
    )


def find(connection: apsw.Connection, lookup: bytes) -> str | None:
    """The id under which a phone is known."""
    found: str | None = value(
        connection, "SELECT id FROM person WHERE lookup = ? ORDER BY rowid LIMIT 1", (lookup,)
    )
    return found


def load(connection: apsw.Connection, id: str) -> bytes | None:
    """The sealed row of an id."""
    found: bytes | None = value(connection, "SELECT sealed FROM person WHERE id = ?", (id,))
    return found


def ids_of(connection: apsw.Connection, lookup: bytes) -> list[str]:
    """Every id under which a phone is known."""
    return [id for (id,) in rows(connection, "SELECT id FROM person WHERE lookup = ?", (lookup,))]


def erase(connection: apsw.Connection, id: str) -> tuple[bytes, list[str]] | None:
    """Remove every row of the phone that `id` stands for; its look-up and its ids, None if unknown."""
    lookup: bytes | None = value(connection, "SELECT lookup FROM person WHERE id = ?", (id,))
    if lookup is None:
        return None
    ids = ids_of(connection, lookup)
    connection.execute("DELETE FROM person WHERE lookup = ?", (lookup,))
    return lookup, ids


class Reservations:
    """Ids given to phones whose rows are not written yet, so that one phone gets one id.

    Two commands of the same customer may ask before either is written: both get the same id and both
    carry the Person, and whichever is written first makes the row. Bounded: the oldest reservation is
    dropped, which at worst gives one phone two ids (both lead to the person, both are erased together).
    """

    MOST = 4096

    def __init__(self) -> None:
        self._ids: OrderedDict[bytes, str] = OrderedDict()
        self.settled = 0
        """Counts `settle`, so that a look-up can tell that it may have missed one."""

    def get(self, lookup: bytes) -> str | None:
        return self._ids.get(lookup)

    def reserve(self, lookup: bytes, id: str) -> str:
        """The id of an earlier reservation, else `id`."""
        kept = self._ids.setdefault(lookup, id)
        while len(self._ids) > self.MOST:
            self._ids.popitem(last=False)
        return kept

    def settle(self, *lookups: bytes) -> None:
        """Rows are written (or erased): from now on the store answers."""
        for lookup in lookups:
            self._ids.pop(lookup, None)
        self.settled += 1
