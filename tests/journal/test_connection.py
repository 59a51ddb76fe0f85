"""Connections: cancellation reaches running SQL, SQLite's errors speak our words."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import apsw
import pytest
import trio

from somc.errors import StoreCorrupt, StoreError, StoreFull, StoreLocked
from somc.journal import sql
from somc.journal.connection import as_store_error, open_for_reading, open_plainly_for_reading
from tests.journal.samples import entry, running

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


async def test_a_deadline_ends_running_sql_and_leaves_the_connection_usable(folder: Path) -> None:
    async with running(folder) as journal:
        await journal.append(entry(1))
        reader = await open_for_reading(journal.path)
        for _ in range(3):
            with trio.move_on_after(0.05) as scope:
                await reader.run(sql.value, ENDLESS)
            assert scope.cancelled_caught
        assert await reader.run(sql.value, "SELECT count(*) FROM record") == 1
        await reader.aclose()


async def test_a_reader_cannot_write(folder: Path) -> None:
    async with running(folder) as journal:
        reader = await open_for_reading(journal.path)
        with pytest.raises(StoreError, match="readonly"):
            await reader.run(sql.value, "DELETE FROM record")
        await reader.aclose()
        plainly = open_plainly_for_reading(journal.path)
        with pytest.raises(apsw.ReadOnlyError):
            plainly.execute("DELETE FROM record")
        plainly.close()


@pytest.mark.parametrize(
    ("error", "number", "kind", "said"),
    [
        (apsw.FullError("full"), errno.ENOSPC, StoreFull, "free space on that disk"),
        (apsw.IOError("write"), errno.EFBIG, StoreFull, "nothing of the last batch was kept"),
        (apsw.IOError("fsync"), errno.EIO, StoreError, os.strerror(errno.EIO)),
        (apsw.CorruptError("malformed"), 0, StoreCorrupt, "restore it from the newest copy"),
        (apsw.NotADBError("no"), 0, StoreCorrupt, "is damaged"),
        (apsw.BusyError("busy"), 0, StoreLocked, "held by another program"),
        (apsw.SQLError("no such table"), 0, StoreError, "j.db: no such table"),
    ],
)
def test_errors_of_sqlite_are_told_in_our_words(
    error: apsw.Error, number: int, kind: type[StoreError], said: str
) -> None:
    told = as_store_error(error, number, "j.db")
    assert type(told) is kind
    assert said in str(told)


async def test_opening_what_is_not_there_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unable to open"):
        await open_for_reading(tmp_path / "none.db")
    with pytest.raises(StoreError, match="unable to open"):
        open_plainly_for_reading(tmp_path / "none.db")
