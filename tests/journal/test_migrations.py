"""Stores of older and newer versions, other programs' files, old shapes of records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from somc.errors import StoreError, StoreTooNew
from somc.journal import Record, Token, open_journal
from somc.journal import records as records_module
from somc.journal.chain import genesis
from somc.journal.migrations import MIGRATIONS, Migration, migrate, version_of
from somc.journal.upcasting import lift
from somc.journal.verify import verify
from tests.journal.samples import START_MS, TOPIC, record, running, write


def _store_of(folder: Path, version: int, records: int = 5) -> None:
    """A store as a SOMC that knew only the first `version` steps has left it."""
    folder.mkdir(mode=0o700)
    connection = apsw.Connection(str(folder / "journal.db"))
    connection.pragma("journal_mode", "wal")
    migrate(connection, "store", MIGRATIONS[:version])
    connection.execute("INSERT INTO meta (key, value) VALUES ('epoch', 'old-epoch'), ('created_at', 1)")
    written = [record(seq, n=seq) for seq in range(1, records + 1)]
    records_module.insert(connection, written, genesis("old-epoch"))
    connection.execute("INSERT INTO position (follower, seq) VALUES ('feed', 3)")
    connection.close()


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
async def test_a_store_of_every_older_version_is_brought_up_to_date(folder: Path, version: int) -> None:
    _store_of(folder, version)
    assert verify(folder).ok
    assert verify(folder).store_version == version
    async with running(folder) as journal:
        assert (journal.epoch, journal.head, journal.position("feed")) == ("old-epoch", 5, 3)
        assert await journal.records_after(0) == [record(seq, n=seq) for seq in range(1, 6)]
        await write(journal, 1)
        await journal.put_token(Token(b"d", "s", (), "", None, "api"))
        await journal.save_snapshot(6, START_MS, b"")
    report = verify(folder)
    assert (report.ok, report.records, report.store_version) == (True, 6, len(MIGRATIONS))


async def test_an_older_store_is_not_changed_by_a_reader(folder: Path) -> None:
    _store_of(folder, 1)
    with pytest.raises(StoreError, match="`somc run` brings it up to date"):
        async with open_journal(folder, new_epoch=str, clock_ms=lambda: 0, read_only=True):
            pass
    assert verify(folder).store_version == 1


async def test_a_newer_store_is_left_alone(folder: Path) -> None:
    async with running(folder) as journal:
        await write(journal, 1)
    connection = apsw.Connection(str(folder / "journal.db"))
    connection.pragma("user_version", len(MIGRATIONS) + 1)
    connection.close()
    with pytest.raises(StoreTooNew, match="upgrade this SOMC"):
        async with running(folder):
            pass
    with pytest.raises(StoreTooNew):
        verify(folder)


async def test_another_programs_file_is_left_alone(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "journal.db"))
    connection.execute("CREATE TABLE recipes (name)")
    connection.close()
    with pytest.raises(StoreError, match="another program"):
        async with running(tmp_path):
            pass


def test_a_step_that_fails_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "store.db"))
    migrate(connection, "store", MIGRATIONS[:1])

    def half_way(connection: apsw.Connection) -> None:
        connection.execute("DROP TABLE answer")
        raise StoreError("cannot")

    with pytest.raises(StoreError, match="cannot"):
        migrate(connection, "store", (*MIGRATIONS[:1], MIGRATIONS[1], Migration("fails", half_way)))
    assert version_of(connection, "store") == 1
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    assert "answer" in tables
    assert "token" not in tables
    assert migrate(connection, "store") == (1, len(MIGRATIONS))
    assert migrate(connection, "store") == (len(MIGRATIONS), len(MIGRATIONS))
    assert migrate(connection, "store", MIGRATIONS[:1]) == (len(MIGRATIONS), len(MIGRATIONS))
    connection.close()


# --- shapes of records ---------------------------------------------------------------------


def _split_name(data: dict[str, Any]) -> dict[str, Any]:
    first, last = data["name"].split()
    return {"first": first, "last": last}


def _add_title(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "title": None}


LIFTS = {("ticket.taken", 1): _split_name, ("ticket.taken", 2): _add_title}


def _of(v: int, **data: object) -> Record:
    return Record(4, START_MS, "ticket.taken", TOPIC, msgspec.Raw(msgspec.json.encode(data)), v)


def test_an_old_record_climbs_to_the_newest_shape() -> None:
    newest = _of(3, first="Li", last="Na", title=None)
    assert lift(_of(1, name="Li Na"), LIFTS) == newest
    assert lift(_of(2, first="Li", last="Na"), LIFTS) == newest


def test_a_record_of_the_newest_shape_is_left_as_it_is() -> None:
    newest = _of(3, first="Li", last="Na", title=None)
    assert lift(newest, LIFTS) is newest
    other = Record(1, START_MS, "ticket.called", TOPIC, msgspec.Raw(b"{}"))
    assert lift(other, LIFTS) is other
    assert lift(other) is other


async def test_readers_see_lifted_records_and_the_disk_keeps_the_old(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(folder) as journal:
        await write(journal, 2, name="Li Na")
        chain = journal.chain
    monkeypatch.setattr(records_module, "lift", lambda record: lift(record, LIFTS))
    async with running(folder) as journal:
        assert journal.chain == chain
        for found in (await journal.records_after(0), await journal.records_of(TOPIC)):
            assert [(each.v, msgspec.json.decode(each.data)) for each in found] == [
                (3, {"first": "Li", "last": "Na", "title": None})
            ] * 2
    assert verify(folder).ok
