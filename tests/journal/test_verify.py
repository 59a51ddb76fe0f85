"""Verifying from outside: a whole journal holds, every kind of damage is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from somc.errors import StoreCorrupt, StoreError, UsageError
from somc.journal import Entry
from somc.journal.chain import genesis, line_of, link
from somc.journal.opening import RING_RECORDS
from somc.journal.verify import verify
from tests.journal.samples import START_MS, record, running, write


async def _filled(folder: Path, count: int = 50) -> Path:
    async with running(folder) as journal:
        for seq in range(1, count + 1):
            await journal.enqueue(Entry((record(seq, at=START_MS + seq, note=f"note-{seq:06}"),)))
        await journal.wait_durable(count)
        await journal.save_snapshot(count // 2, START_MS, b"state")
        await journal.store_position("feed", count)
    return folder / "journal.db"


def _change(path: Path, *statements: str) -> None:
    connection = apsw.Connection(str(path))
    for statement in statements:
        connection.execute(statement)
    connection.close()


async def test_a_whole_journal_holds(folder: Path) -> None:
    await _filled(folder)
    report = verify(folder)
    assert report.ok
    assert report.problems == ()
    assert (report.records, report.head, report.snapshots, report.epoch) == (50, 50, 1, "epoch-1")
    assert (report.first_at, report.last_at) == (START_MS + 1, START_MS + 50)
    async with running(folder) as journal:
        assert report.chain == journal.chain.hex()


async def test_the_chain_is_sha256_over_the_lines_of_the_export(folder: Path) -> None:
    async with running(folder) as journal:
        await write(journal, 3, words="你好")
        chain = genesis(journal.epoch)
        for each in await journal.records_after(0):
            chain = link(chain, line_of(each))
        assert chain == journal.chain
    assert line_of(record(7, at=5, topic="a/b", n=1)) == (
        b'{"seq":7,"at":5,"type":"ticket.taken","topic":"a/b","data":{"n":1},"v":1}'
    )


async def test_verifying_works_while_the_journal_is_written(folder: Path) -> None:
    async with running(folder) as journal:
        await write(journal, 20)
        report = verify(folder)
        await write(journal, 1)
    assert (report.ok, report.records) == (True, 20)


async def test_one_changed_byte_on_disk_names_the_record(folder: Path) -> None:
    path = await _filled(folder)
    raw = path.read_bytes()
    assert raw.count(b"note-000017") == 1
    path.write_bytes(raw.replace(b"note-000017", b"note-000018"))
    report = verify(folder)
    assert not report.ok
    assert [problem.seq for problem in report.problems] == [17]
    assert "record 17 is not what was written" in report.problems[0].what
    with pytest.raises(StoreCorrupt, match="record 17 is not what was written"):
        async with running(folder):
            pass


@pytest.mark.parametrize(
    ("statement", "seqs", "said"),
    [
        ("UPDATE record SET at = at + 1 WHERE seq = 9", [9], "record 9 is not what was written"),
        ("UPDATE record SET at = 1 WHERE seq = 9", [9, 9], "before the one before it"),
        ("UPDATE record SET topic = 'else' WHERE seq = 9", [9], "record 9 is not what was written"),
        ("UPDATE record SET type = 'else' WHERE seq = 9", [9], "record 9 is not what was written"),
        ("UPDATE record SET v = 2 WHERE seq = 9", [9], "record 9 is not what was written"),
        ("UPDATE record SET data = '{' WHERE seq = 9", [9, 9], "data is not JSON"),
        ("UPDATE record SET data = CAST(x'7bff7d' AS TEXT) WHERE seq = 9", [9, 9], "data is not JSON"),
        ("UPDATE record SET type = CAST(x'ff' AS TEXT) WHERE seq = 9", [9, 9], "record 9 is not what"),
        ("UPDATE record SET chain = zeroblob(32) WHERE seq = 9", [9, 10], "record 9 is not what was written"),
        ("DELETE FROM record WHERE seq = 9", [9], "record 9 is missing"),
        ("DELETE FROM record WHERE seq BETWEEN 9 AND 11", [9], "record 9 to 11 is missing"),
        ("DELETE FROM record WHERE seq = 1", [1], "record 1 is missing"),
        ("UPDATE meta SET value = 'other' WHERE key = 'epoch'", [1], "record 1 is not what was written"),
        ("DELETE FROM meta WHERE key = 'epoch'", [1, None], "lost its epoch"),
        ("DELETE FROM record WHERE seq > 40", [None], "follower feed stands at record 50"),
        (
            "DELETE FROM record WHERE seq > 20; DELETE FROM position",
            [None],
            "snapshot at record 25 is beyond",
        ),
        ("UPDATE snapshot SET state = x'00'", [None], "snapshot at record 25 does not match its checksum"),
    ],
)
async def test_every_kind_of_tampering_is_named(
    folder: Path, statement: str, seqs: list[int | None], said: str
) -> None:
    _change(await _filled(folder), statement)
    report = verify(folder)
    assert not report.ok
    assert [problem.seq for problem in report.problems] == seqs
    assert any(said in problem.what for problem in report.problems), report.problems


@pytest.mark.parametrize("seq", [1, 3000, RING_RECORDS + 500])
async def test_opening_checks_the_newest_records_and_verify_all(folder: Path, seq: int) -> None:
    total = RING_RECORDS + 500
    path = await _filled(folder, total)
    _change(path, f"UPDATE record SET data = '{{}}' WHERE seq = {seq}")
    assert [problem.seq for problem in verify(folder).problems] == [seq]

    async def opens() -> None:
        async with running(folder) as journal:
            assert journal.head == total

    if seq <= total - RING_RECORDS:
        await opens()
    else:
        with pytest.raises(StoreCorrupt, match=f"record {seq} "):
            await opens()


async def test_a_gap_in_the_newest_records_is_told_at_opening(folder: Path) -> None:
    _change(await _filled(folder), "DELETE FROM record WHERE seq = 30")
    with pytest.raises(StoreCorrupt, match="record 30 is missing"):
        async with running(folder):
            pass


def _overwrite_page(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[4096 * 3 : 4096 * 4] = b"\xa5" * 4096
    path.write_bytes(raw)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100_000])


def _overwrite_head(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(b"x" * 4096 + raw[4096:])


@pytest.mark.parametrize("damage", [_overwrite_page, _truncate, _overwrite_head])
async def test_a_damaged_file_is_reported_not_crashed_on(
    folder: Path, damage: Callable[[Path], None]
) -> None:
    damage(await _filled(folder, 2000))
    report = verify(folder)
    assert not report.ok
    assert report.problems


def test_verify_wants_a_journal(folder: Path) -> None:
    with pytest.raises(UsageError, match="holds no journal"):
        verify(folder)
    folder.mkdir()
    with pytest.raises(UsageError, match=r"journal\.db"):
        verify(folder)
    (folder / "journal.db").touch()
    with pytest.raises(StoreError, match="no journal was begun"):
        verify(folder)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_copy_on_a_read_only_disk_can_be_verified(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _filled(folder)
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write everywhere, so it is said
    before = _names(folder)
    assert verify(folder).ok
    assert _names(folder) == before
