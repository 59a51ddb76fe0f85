"""What lives beside the records: followers' positions, tokens, snapshots."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import apsw
import pytest
import trio
import trio.testing

from somc.errors import UsageError
from somc.journal import Journal, Token, open_journal
from somc.journal.snapshots import KEPT
from tests.journal.samples import START_MS, TurnedClock, entry, running, write


def _token(secret: str, expires_at: int | None = None, kind: str = "api") -> Token:
    return Token(
        hashlib.sha256(secret.encode()).digest(), "li", ("agent", "floor"), "acme/east", expires_at, kind
    )


async def _stored_position(journal: Journal, follower: str) -> int:
    query = "SELECT coalesce(max(seq), 0) FROM position WHERE follower = ?"
    return int(await journal._reader.run(lambda connection: connection.execute(query, (follower,)).get))


# --- positions -----------------------------------------------------------------------------


async def test_a_noted_position_rides_the_next_batch(folder: Path) -> None:
    async with running(folder) as journal:
        await write(journal, 1)
        assert journal.position("feed") == 0
        journal.note_position("feed", 1)
        assert journal.position("feed") == 1
        commits = journal.stats().commits
        await write(journal, 1)
        assert journal.stats().commits == commits + 1
        assert await _stored_position(journal, "feed") == 1


async def test_a_noted_position_is_written_within_a_second_without_a_batch(
    folder: Path, mock_clock: trio.testing.MockClock
) -> None:
    async with running(folder) as journal:
        await write(journal, 1)
        commits = journal.stats().commits
        for seq in range(1, 20):
            journal.note_position("feed", seq)
        mock_clock.jump(0.99)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert journal.stats().commits == commits
        mock_clock.jump(0.01)
        while journal.stats().commits == commits:
            await trio.lowlevel.checkpoint()
        assert await _stored_position(journal, "feed") == 19
        assert not journal.busy


async def test_noting_a_position_keeps_nobody_busy(folder: Path) -> None:
    async with running(folder) as journal:
        journal.note_position("feed", 1)
        assert not journal.busy


async def test_a_stored_position_is_durable_on_return(folder: Path) -> None:
    async with running(folder) as journal:
        await journal.store_position("printer", 7)
        assert await _stored_position(journal, "printer") == 7
        assert journal.position("printer") == 7
        await journal.store_position("printer", 8)
    async with running(folder) as journal:
        assert (journal.position("printer"), journal.position("new")) == (8, 0)


# --- tokens --------------------------------------------------------------------------------


async def test_a_token_survives_reopening_until_dropped(folder: Path) -> None:
    token = _token("secret")
    async with running(folder) as journal:
        assert journal.token(token.digest) is None
        await journal.put_token(token)
        assert journal.token(token.digest) == token
    async with running(folder) as journal:
        assert journal.token(token.digest) == token
        await journal.drop_token(token.digest)
        assert journal.token(token.digest) is None
        await journal.drop_token(token.digest)
    async with running(folder) as journal:
        assert journal.token(token.digest) is None


async def test_a_one_time_token_is_given_to_one_of_many(folder: Path) -> None:
    token = _token("link", kind="link")
    async with running(folder) as journal:
        await journal.put_token(token)
        taken: list[Token | None] = []

        async def take() -> None:
            taken.append(await journal.take_token(token.digest))

        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(take)
        assert sorted(taken, key=lambda each: each is None) == [token] + [None] * 9
    async with running(folder) as journal:
        assert await journal.take_token(token.digest) is None


async def test_a_taker_that_is_cancelled_has_used_the_token_up(folder: Path) -> None:
    token = _token("link", kind="link")
    async with running(folder) as journal:
        await journal.put_token(token)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.take_token, token.digest)
            while journal.token(token.digest) is not None:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
    async with running(folder) as journal:
        assert journal.token(token.digest) is None


async def test_an_expired_token_is_as_good_as_none_and_is_pruned(folder: Path, clock: TurnedClock) -> None:
    token = _token("cookie", START_MS + 1000, "cookie")
    async with running(folder, clock) as journal:
        await journal.put_token(token)
        clock.now = START_MS + 999
        assert journal.token(token.digest) == token
        clock.now = START_MS + 1000
        assert journal.token(token.digest) is None
        assert await journal.take_token(token.digest) is None
        await journal.put_token(token)
        clock.now += 3_600_000
        await write(journal, 1)
        rows = await journal._reader.run(
            lambda connection: connection.execute("SELECT * FROM token").fetchall()
        )
        assert rows == []


# --- snapshots -----------------------------------------------------------------------------


def _damage(folder: Path, seq: int) -> None:
    connection = apsw.Connection(str(folder / "journal.db"))
    connection.execute("UPDATE snapshot SET state = x'00' WHERE seq = ?", (seq,))
    connection.close()


async def test_the_newest_snapshot_is_loaded_and_few_are_kept(folder: Path) -> None:
    async with running(folder) as journal:
        assert await journal.load_snapshot() is None
        await write(journal, 10)
        for seq in range(1, 11):
            await journal.save_snapshot(seq, START_MS + seq, b"state %d" % seq)
        assert await journal.load_snapshot() == (10, START_MS + 10, b"state 10")
        kept = await journal._reader.run(
            lambda connection: connection.execute("SELECT count(*) FROM snapshot").get
        )
        assert kept == KEPT
    async with running(folder) as journal:
        assert await journal.load_snapshot() == (10, START_MS + 10, b"state 10")


async def test_a_bad_snapshot_is_skipped_with_a_warning(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(folder) as journal:
        await write(journal, 3)
        for seq in (1, 2, 3):
            await journal.save_snapshot(seq, START_MS, b"state")
    _damage(folder, 3)
    with caplog.at_level(logging.WARNING, logger="somc.journal"):
        async with running(folder) as journal:
            assert await journal.load_snapshot() == (2, START_MS, b"state")
    assert "snapshot at record 3 does not match its checksum" in caplog.text
    _damage(folder, 2)
    _damage(folder, 1)
    async with running(folder) as journal:
        assert await journal.load_snapshot() is None


async def test_a_snapshot_beyond_the_journal_is_refused(folder: Path) -> None:
    async with running(folder) as journal:
        await write(journal, 1)
        with pytest.raises(UsageError, match="beyond the last record 1"):
            await journal.save_snapshot(2, START_MS, b"")


async def test_a_snapshot_of_what_is_only_queued_is_written_after_it(folder: Path) -> None:
    async with open_journal(folder, new_epoch=lambda: "e", clock_ms=TurnedClock()) as journal:
        await journal.enqueue(entry(1))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.run)
            await journal.save_snapshot(1, START_MS, b"s")
            assert journal.head == 1
            nursery.cancel_scope.cancel()
