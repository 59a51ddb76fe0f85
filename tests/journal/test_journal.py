"""Append, read and wait: sequence, group commit, followers, cancellation, fail-stop of callers."""

from __future__ import annotations

from pathlib import Path

import apsw
import msgspec
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from somc.errors import ShuttingDown, StoreError, UsageError
from somc.journal import Entry, Journal, Record, open_journal
from somc.journal import committer as committer_module
from somc.journal.entry import Token
from somc.journal.ring import Ring
from somc.journal.verify import verify
from tests.journal.samples import START_MS, TurnedClock, entry, record, running, write


async def test_a_new_journal_is_empty_and_keeps_its_epoch(folder: Path) -> None:
    async with running(folder) as journal:
        assert (journal.head, journal.last_at, journal.epoch) == (0, 0, "epoch-1")
        assert await journal.records_after(0) == []
    async with open_journal(folder, new_epoch=lambda: "another", clock_ms=TurnedClock()) as journal:
        assert journal.epoch == "epoch-1"


def _modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())}


async def test_folder_and_files_are_the_owners_only(folder: Path) -> None:
    async with running(folder) as journal:
        await write(journal, 1)
        modes = _modes(folder)
    assert modes.pop(folder.name) == 0o700
    assert set(modes) >= {"journal.db", "journal.db-wal", "journal.db-shm", "journal.lock", "people.key"}
    assert set(modes.values()) == {0o600}


async def test_records_come_back_as_written_also_after_reopening(folder: Path) -> None:
    written = [record(1, phone_kind="手机"), record(2, at=START_MS + 5, n=1.5), record(3, at=START_MS + 5)]
    async with running(folder) as journal:
        await journal.append(Entry((written[0],)))
        await journal.append(Entry(tuple(written[1:])))
        assert await journal.records_after(0) == written
        head = (journal.head, journal.last_at, journal.chain)
    async with running(folder) as journal:
        assert (journal.head, journal.last_at, journal.chain) == head == (3, START_MS + 5, head[2])
        assert await journal.records_after(0) == written
        assert journal.recent_after(1, 1) == [written[1]]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (record(3), "record 3 does not follow record 1"),
        (record(1), "record 1 does not follow record 1"),
        (record(2, at=START_MS - 1), "before the last one's"),
        (Record(2, START_MS, "", "a/b", msgspec.Raw(b"{}")), "type is ''"),
        (Record(2, START_MS, "t", 'a/"b', msgspec.Raw(b"{}")), "topic is"),
        (Record(2, START_MS, "t", "a\nb", msgspec.Raw(b"{}")), "topic is"),
        (Record(2, START_MS, "t", "a", msgspec.Raw(b"{")), "data is not JSON"),
        (Record(2, START_MS, "t", "a", msgspec.Raw(b'{"a":"\xff"}')), "data is not JSON"),
        (Record(2, START_MS, "t", "a", msgspec.Raw(b"[]")), "one JSON object on one line"),
        (Record(2, START_MS, "t", "a", msgspec.Raw(b'{"a":\n1}')), "one JSON object on one line"),
    ],
)
async def test_a_wrong_record_is_refused_and_nothing_of_its_entry_is_kept(
    folder: Path, wrong: Record, said: str
) -> None:
    async with running(folder) as journal:
        await journal.append(entry(1))
        with pytest.raises(UsageError, match=said):
            await journal.enqueue(Entry((wrong,)))
        await journal.append(entry(2))
        assert journal.head == 2


async def test_what_gathers_during_a_commit_shares_the_next_sync(folder: Path) -> None:
    producers, each = 50, 20
    async with running(folder) as journal:
        taken = 0

        async def produce() -> None:
            nonlocal taken
            for _ in range(each):
                taken += 1
                seq = taken
                await journal.enqueue(entry(seq))
                await journal.wait_durable(seq)
                assert journal.head >= seq

        async with trio.open_nursery() as nursery:
            for _ in range(producers):
                nursery.start_soon(produce)
        stats = journal.stats()
        assert stats.records == producers * each == journal.head
        # One sync for all who wait: each round of producers shares a commit, give or take the stragglers.
        assert stats.commits <= each * 3
        assert stats.largest_batch >= producers // 2
        assert stats.total_commit_s > 0


async def test_enqueue_waits_only_while_the_queue_is_full(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer_module, "QUEUE_MOST", 4)
    async with open_journal(folder, new_epoch=lambda: "e", clock_ms=TurnedClock()) as journal:
        for seq in range(1, 5):
            await journal.enqueue(entry(seq))
        with trio.CancelScope() as waiting:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(journal.enqueue, entry(5))
                await trio.testing.wait_all_tasks_blocked()
                waiting.cancel()
        assert journal.busy
        async with trio.open_nursery() as nursery:
            await nursery.start(journal.run)
            await journal.append(entry(5))  # the cancelled one was not queued
            assert [each.seq for each in await journal.records_after(0)] == [1, 2, 3, 4, 5]
            assert not journal.busy
            nursery.cancel_scope.cancel()


async def test_readers_see_only_what_is_synced(folder: Path) -> None:
    async with open_journal(folder, new_epoch=lambda: "e", clock_ms=TurnedClock()) as journal:
        await journal.enqueue(entry(1))
        assert journal.head == 0
        assert await journal.records_after(0) == [] == journal.recent_after(0, 10)
        assert await journal.records_of(record(1).topic) == []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.run)
            await journal.wait_beyond(0)
            assert journal.head == 1
            nursery.cancel_scope.cancel()


async def test_records_of_gives_the_newest_of_exactly_one_topic_in_order(folder: Path) -> None:
    async with running(folder) as journal:
        for seq in range(1, 10):
            await journal.append(Entry((record(seq, topic=f"a/{seq % 2}"),)))
        assert [each.seq for each in await journal.records_of("a/1")] == [1, 3, 5, 7, 9]
        assert [each.seq for each in await journal.records_of("a/0", 2)] == [6, 8]
        assert await journal.records_of("a") == []


async def test_a_cancelled_wait_loses_nothing(folder: Path) -> None:
    async with running(folder) as journal:
        for seq in range(1, 200, 2):
            with trio.CancelScope() as scope:
                scope.cancel()
                await journal.wait_durable(seq)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(journal.append, entry(seq))
                while journal._queued_seq < seq:  # until it is queued; its commit may be under way
                    await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()
            await journal.append(entry(seq + 1))
        assert [each.seq for each in await journal.records_after(0)] == list(range(1, 201))
    async with running(folder) as journal:
        assert journal.head == 200


async def test_a_cancelled_committer_first_writes_what_was_queued(folder: Path) -> None:
    async with open_journal(folder, new_epoch=lambda: "e", clock_ms=TurnedClock()) as journal:
        async with trio.open_nursery() as nursery:
            await nursery.start(journal.run)
            for seq in range(1, 3000):
                journal.note_position("feed", seq)
                await journal.enqueue(entry(seq))
            nursery.cancel_scope.cancel()
        assert journal.head == 2999
        with pytest.raises(ShuttingDown):
            await journal.enqueue(entry(3000))
        with pytest.raises(ShuttingDown):
            await journal.wait_durable(3000)
        with pytest.raises(ShuttingDown):
            await journal.wait_beyond(2999)
        await journal.wait_durable(2999)
    async with running(folder) as journal:
        assert (journal.head, journal.position("feed")) == (2999, 2999)


async def test_run_is_for_one_task(folder: Path) -> None:
    async with running(folder) as journal:
        with pytest.raises(UsageError, match="one task"):
            await journal.run()
        await write(journal, 1)


async def test_a_failed_batch_stops_the_journal_for_everybody(folder: Path) -> None:
    async with open_journal(folder, new_epoch=lambda: "e", clock_ms=TurnedClock()) as journal:
        caught: list[BaseException] = []

        def drop_records(connection: apsw.Connection) -> None:
            connection.execute("DROP TABLE record")

        async def expect_error(wait_for: int) -> None:
            with pytest.raises(StoreError) as error:
                await journal.wait_durable(wait_for)
            caught.append(error.value)

        async def follow() -> None:
            with pytest.raises(StoreError) as error:
                await journal.wait_beyond(1)
            caught.append(error.value)

        with pytest.RaisesGroup(StoreError, flatten_subgroups=True):
            async with trio.open_nursery() as nursery:
                await nursery.start(journal.run)
                await journal.append(entry(1))
                nursery.start_soon(expect_error, 2)
                nursery.start_soon(expect_error, 3)
                nursery.start_soon(follow)
                # A table that refuses the row: nothing short of a broken store makes an insert fail.
                await journal._writing().put_durable(committer_module.Work(drop_records))
                await journal.enqueue(entry(2))
                await journal.enqueue(entry(3))
        assert len(caught) == 3
        assert len({id(error) for error in caught}) == 3
        with pytest.raises(StoreError):
            await journal.enqueue(entry(2))
        assert not journal.busy
        assert journal.head == 1
        assert [each.seq for each in journal.recent_after(0, 9) or []] == [1]


async def test_nothing_of_a_failed_batch_is_kept(folder: Path) -> None:
    def fail(connection: apsw.Connection) -> None:
        connection.execute("INSERT INTO position (follower, seq) VALUES ('half', 1)")
        raise ZeroDivisionError

    async with open_journal(folder, new_epoch=lambda: "e", clock_ms=TurnedClock()) as journal:
        await journal.enqueue(entry(1))
        await journal._writing().put(lambda: committer_module.Work(fail))
        await journal.enqueue(entry(2))
        with pytest.raises(StoreError, match="ZeroDivisionError"):
            await journal.run()
        with pytest.raises(StoreError):
            await journal.wait_durable(1)
    assert verify(folder).records == 0
    async with running(folder) as journal:
        assert (journal.head, journal.position("half")) == (0, 0)
        await journal.append(entry(1))


async def test_sixteen_readers_and_a_writer_see_every_record_once_in_order(folder: Path) -> None:
    total = 1500
    async with running(folder) as journal:
        seen: list[list[int]] = [[] for _ in range(16)]

        async def follow(mine: list[int]) -> None:
            while len(mine) < total:
                await journal.wait_beyond(len(mine))
                mine.extend(each.seq for each in await journal.records_after(len(mine), 37))

        async with trio.open_nursery() as nursery:
            for mine in seen:
                nursery.start_soon(follow, mine)
            await write(journal, total)
        assert all(mine == list(range(1, total + 1)) for mine in seen)


async def _both_ways(folder: Path, sizes: list[int], capacity: int, asked: list[tuple[int, int]]) -> None:
    async with running(folder) as journal:
        journal._ring = Ring(capacity, journal.head)
        everything: list[Record] = []
        for size in sizes:
            seqs = range(len(everything) + 1, len(everything) + size + 1)
            new = tuple(record(seq, at=START_MS + seq, n=seq) for seq in seqs)
            await journal.append(Entry(new))
            everything.extend(new)
        for after, limit in asked:
            expected = everything[after : after + limit]
            assert await journal.records_after(after, limit) == expected
            recent = journal.recent_after(after, limit)
            assert recent == (expected if after >= len(everything) - capacity else None)


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 12), max_size=8),
    capacity=st.integers(1, 24),
    asked=st.lists(st.tuples(st.integers(0, 100), st.integers(1, 60)), min_size=1, max_size=8),
)
def test_ring_and_disk_answer_alike(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], capacity: int, asked: list[tuple[int, int]]
) -> None:
    trio.run(_both_ways, tmp_path_factory.mktemp("ring"), sizes, capacity, asked)


async def test_busy_until_everything_queued_is_synced(folder: Path) -> None:
    async with running(folder) as journal:
        assert not journal.busy
        await journal.enqueue(entry(1))
        assert journal.busy
        await journal.wait_idle()
        assert not journal.busy
        assert journal.head == 1


async def test_a_journal_open_for_reading_follows_the_writing_one(folder: Path) -> None:
    def refused() -> str:
        raise AssertionError("a reader begins no journal")

    async with running(folder) as writing:
        await write(writing, 3)
        async with open_journal(folder, new_epoch=refused, clock_ms=TurnedClock(), read_only=True) as reading:
            assert (reading.head, reading.epoch, reading.chain) == (3, writing.epoch, writing.chain)
            await write(writing, 2)
            assert await reading.refresh() == 5
            assert reading.chain == writing.chain
            assert await reading.records_after(0) == await writing.records_after(0)
            await write(writing, 1)
            await reading.wait_beyond(5)
            with pytest.raises(UsageError, match="reading only"):
                await reading.enqueue(entry(7))


async def test_several_who_wait_on_a_reading_journal_see_each_record_once(folder: Path) -> None:
    """Whoever looks first looks for all: two looks at once would put the same records into the ring twice."""
    async with (
        running(folder) as writing,
        open_journal(folder, new_epoch=str, clock_ms=TurnedClock(), read_only=True) as reading,
    ):
        reading.looked_every_s = 0.01
        seen: list[list[int]] = [[], [], []]

        async def follow(mine: list[int]) -> None:
            while len(mine) < 20:
                await reading.wait_beyond(len(mine))
                mine += [record.seq for record in await reading.records_after(len(mine))]

        async with trio.open_nursery() as nursery:
            for mine in seen:
                nursery.start_soon(follow, mine)
            for _ in range(10):
                await write(writing, 2)
                nursery.start_soon(reading.refresh)
        assert seen == [list(range(1, 21))] * 3


async def test_a_reading_journal_sees_tokens_when_it_is_told_to_look(folder: Path) -> None:
    token = Token(b"d" * 32, "li", ("agent",), "", None, "api")
    async with (
        running(folder) as writing,
        open_journal(folder, new_epoch=str, clock_ms=TurnedClock(), read_only=True) as reading,
    ):
        before = writing.tokens_version
        changes = 0
        async with trio.open_nursery() as nursery:

            async def count() -> None:
                nonlocal changes
                while True:
                    await writing.wait_changed()
                    changes += 1

            nursery.start_soon(count)
            await trio.lowlevel.checkpoint()
            await writing.put_token(token)
            assert writing.tokens_version != before
            assert reading.token(token.digest) is None
            await reading.refresh_tokens()
            assert reading.token(token.digest) == token
            await writing.drop_token(token.digest)
            await reading.refresh_tokens()
            assert reading.token(token.digest) is None
            await trio.lowlevel.checkpoint()
            assert changes >= 2
            nursery.cancel_scope.cancel()


async def test_reading_a_folder_without_a_journal_says_so(folder: Path) -> None:
    with pytest.raises(StoreError, match="holds no journal"):
        async with open_journal(folder, new_epoch=str, clock_ms=TurnedClock(), read_only=True):
            pass


async def test_cancelling_a_reader_leaves_the_connection_usable(folder: Path) -> None:
    async with running(folder) as journal:
        await write(journal, 50)
        journal._ring = Ring(1, 50)
        for _ in range(20):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(journal.records_after, 0)
                await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()
        assert len(await journal.records_after(0)) == 50


def test_journal_keeps_its_public_names() -> None:
    public = {name for name in vars(Journal) if not name.startswith("_")}
    assert public == {
        "answer_for", "append", "busy", "code_of", "digest", "drop_token", "enqueue", "forget", "key_for",
        "letters", "load_snapshot", "message_log", "message_text", "note_position", "person", "person_for",
        "persons_of", "position", "put_token", "recent_after", "records_after", "records_of", "refresh",
        "refresh_tokens", "run", "save_snapshot", "stats", "store_position", "take_token", "taken_by",
        "token", "tokens", "tokens_version", "wait_beyond", "wait_changed", "wait_durable", "wait_idle",
    }  # fmt: skip
