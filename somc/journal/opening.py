"""Opening a store: folder, lock, file, migrations, key, and what the journal keeps in memory.

What must stay true: folder and files are the owner's only; one process at a time opens for writing; an
open journal has been checked as far as its newest records go, and everything is closed in reverse
order whatever happens.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from somc.errors import StoreError
from somc.journal import answers, migrations, people, positions, records, tokens
from somc.journal.answers import AnswerIndex
from somc.journal.connection import (
    WriterLock,
    open_for_reading,
    open_for_writing,
    sync_folder,
    system_errors,
)
from somc.journal.entry import Token
from somc.journal.journal import KEY_NAME, Journal, Opened
from somc.journal.record import Record
from somc.journal.ring import Ring
from somc.journal.sql import rows, transaction, value
from somc.journal.tokens import TokenIndex

__all__ = ["DATABASE_NAME", "LOCK_NAME", "RING_RECORDS", "open_journal"]

DATABASE_NAME = "journal.db"
LOCK_NAME = "journal.lock"

RING_RECORDS = 4096
"""Half an hour of a busy hall, some megabytes: who is further behind reads the disk."""

_log = logging.getLogger("somc.journal")


@asynccontextmanager
async def open_journal(
    directory: Path,
    *,
    new_epoch: Callable[[], str],
    clock_ms: Callable[[], int],
    read_only: bool = False,
) -> AsyncIterator[Journal]:
    """Open the journal in `directory`; for writing it is made if it is not there.

    `new_epoch` names a new journal, `clock_ms` tells the time in Unix milliseconds. The caller starts
    `Journal.run` in a nursery inside. `read_only` is for other processes: nothing is made or changed.

    Raises StoreLocked when another process writes it, StoreTooNew, StoreCorrupt, or StoreError with
    what to do.
    """
    path = directory / DATABASE_NAME
    async with AsyncExitStack() as stack:
        if read_only:
            if not path.exists():
                raise StoreError(f"{directory} holds no journal ({DATABASE_NAME} is missing)")
            writer = None
        else:
            _make_folder(directory)
            lock = WriterLock(directory / LOCK_NAME)
            stack.callback(lock.release)
            writer = await open_for_writing(path)
            stack.push_async_callback(writer.aclose)
            before, after = await writer.run(migrations.migrate, str(path))
            if 0 < before < after:
                _log.info("%s: store migrated from version %d to %d", path, before, after)
            await writer.run(_begin, new_epoch, clock_ms)
        reader = await open_for_reading(path)
        stack.push_async_callback(reader.aclose)
        found = await reader.run(_load, str(path), clock_ms() - answers.LIFE_MS)
        key = people.read_key(directory / KEY_NAME, found.key_check)
        if key is None and writer is not None:
            if found.people:
                raise StoreError(
                    f"{directory / KEY_NAME} is missing, and without it nobody can read the {found.people} "
                    "people stored: put back the copy made with this store "
                    "(the records need no key: `somc journal export` works)"
                )
            key = people.create_key(directory / KEY_NAME)
        if key is not None and writer is not None:
            await writer.run(_keep_check, key.check)
        ring = Ring(RING_RECORDS, found.head - len(found.newest))
        ring.extend(found.newest)
        yield Journal(
            Opened(
                path=path,
                epoch=found.epoch,
                head=found.head,
                last_at=found.last_at,
                chain=found.chain,
                ring=ring,
                positions=found.positions,
                answers=AnswerIndex(found.answers),
                tokens=TokenIndex(found.tokens),
                key=key,
                reader=reader,
                writer=writer,
                clock_ms=clock_ms,
            )
        )


def _make_folder(directory: Path) -> None:
    with system_errors(f"{directory} cannot be made"):
        if not directory.is_dir():
            directory.mkdir(mode=0o700, parents=True)
            sync_folder(directory.parent)


def _begin(connection: apsw.Connection, new_epoch: Callable[[], str], clock_ms: Callable[[], int]) -> None:
    """Name a new journal; one that has a name keeps it."""
    with transaction(connection, "IMMEDIATE"):
        if value(connection, "SELECT 1 FROM meta WHERE key = 'epoch'") is None:
            connection.execute(
                "INSERT INTO meta (key, value) VALUES ('epoch', ?), ('created_at', ?)",
                (new_epoch(), clock_ms()),
            )


def _keep_check(connection: apsw.Connection, check: bytes) -> None:
    connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('people_key', ?)", (check,))


@dataclass(frozen=True, slots=True)
class _Found:
    epoch: str
    head: int
    last_at: int
    chain: bytes
    newest: list[Record]
    positions: dict[str, int]
    answers: list[tuple[bytes, int]]
    tokens: list[Token]
    people: int
    key_check: bytes | None


def _load(connection: apsw.Connection, path: str, answers_since: int) -> _Found:
    """What the journal keeps in memory, from one reading transaction."""
    with transaction(connection, "DEFERRED"):
        version = migrations.version_of(connection, path)
        if version < len(migrations.MIGRATIONS):
            raise StoreError(
                f"{path} is of an older SOMC (store version {version}): `somc run` brings it up to date"
            )
        meta: dict[str, Any] = dict(rows(connection, "SELECT key, value FROM meta"))
        newest, chain = records.tail(connection, meta["epoch"], RING_RECORDS)
        return _Found(
            epoch=meta["epoch"],
            head=newest[-1].seq if newest else 0,
            last_at=newest[-1].at if newest else 0,
            chain=chain,
            newest=newest,
            positions=positions.load_all(connection),
            answers=answers.keys(connection, answers_since, AnswerIndex.MOST),
            tokens=tokens.load_all(connection),
            people=int(value(connection, "SELECT count(*) FROM person")),
            key_check=meta.get("people_key"),
        )
