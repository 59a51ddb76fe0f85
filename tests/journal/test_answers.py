"""Answers by idempotency key: durable with their records, 48 hours, a miss costs no read."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import trio
import trio.testing

from somc.journal import Entry, Journal, StoredAnswer, open_journal
from somc.journal import answers as answers_module
from somc.journal.answers import LIFE_MS, AnswerIndex, key_of
from tests.journal.samples import START_MS, TurnedClock, record, running, write

ANSWER = StoredAnswer("kiosk:1", "/tickets", "key-1", b"\1" * 32, 201, b'{"number":"A001"}', START_MS)


async def _stored(journal: Journal) -> int:
    count = "SELECT count(*) FROM answer"
    return int(await journal._reader.run(lambda connection: connection.execute(count).get))


async def test_an_answer_survives_reopening(folder: Path) -> None:
    async with running(folder) as journal:
        await journal.append(Entry((record(1),), answer=ANSWER))
        assert await journal.answer_for("kiosk:1", "/tickets", "key-1") == ANSWER
    async with running(folder) as journal:
        assert await journal.answer_for("kiosk:1", "/tickets", "key-1") == ANSWER


async def test_a_key_belongs_to_principal_and_route(folder: Path) -> None:
    async with running(folder) as journal:
        await journal.append(Entry((record(1),), answer=ANSWER))
        assert await journal.answer_for("kiosk:2", "/tickets", "key-1") is None
        assert await journal.answer_for("kiosk:1", "/counters", "key-1") is None
        assert await journal.answer_for("kiosk:1", "/tickets", "key-2") is None
    assert key_of("a", "bc", "d") != key_of("ab", "c", "d")


async def test_an_answer_without_records_is_durable_on_append(folder: Path) -> None:
    async with running(folder) as journal:
        await journal.append(Entry((), answer=ANSWER))
    async with running(folder) as journal:
        assert journal.head == 0
        assert await journal.answer_for("kiosk:1", "/tickets", "key-1") == ANSWER


async def test_an_answer_on_its_way_is_waited_for(folder: Path) -> None:
    async with open_journal(folder, new_epoch=lambda: "e", clock_ms=TurnedClock()) as journal:
        await journal.enqueue(Entry((record(1),), answer=ANSWER))
        heads: list[int] = []

        async def ask() -> None:
            assert await journal.answer_for("kiosk:1", "/tickets", "key-1") == ANSWER
            heads.append(journal.head)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await trio.testing.wait_all_tasks_blocked()
            assert heads == []
            await nursery.start(journal.run)
            await journal.wait_durable(1)
            await journal.wait_idle()
            while not heads:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
    assert heads == [1]


async def test_a_new_key_costs_no_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(folder) as journal:
        await journal.append(Entry((record(1),), answer=ANSWER))

        async def no_reading(*_: object) -> None:
            raise AssertionError("the disk was read")

        monkeypatch.setattr(journal._reader, "run", no_reading)
        assert await journal.answer_for("kiosk:1", "/tickets", "new") is None
        with pytest.raises(AssertionError, match="disk was read"):
            await journal.answer_for("kiosk:1", "/tickets", "key-1")


async def test_the_first_answer_of_a_living_key_stays(folder: Path) -> None:
    async with running(folder) as journal:
        await journal.append(Entry((record(1),), answer=ANSWER))
        later = msgspec.structs.replace(ANSWER, status=200, at=START_MS + LIFE_MS)
        await journal.append(Entry((record(2),), answer=later))
        assert await journal.answer_for("kiosk:1", "/tickets", "key-1") == ANSWER


async def test_an_answer_lives_48_hours(folder: Path, clock: TurnedClock) -> None:
    async with running(folder, clock) as journal:
        await journal.append(Entry((record(1),), answer=ANSWER))
        clock.now += LIFE_MS
        assert await journal.answer_for("kiosk:1", "/tickets", "key-1") == ANSWER
        clock.now += 1
        assert await journal.answer_for("kiosk:1", "/tickets", "key-1") is None
        again = msgspec.structs.replace(ANSWER, status=200, at=clock.now)
        await journal.append(Entry((record(2),), answer=again))
        assert await journal.answer_for("kiosk:1", "/tickets", "key-1") == again


async def test_old_answers_are_pruned_a_bounded_number_at_a_time(
    folder: Path, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers_module, "PRUNED_AT_ONCE", 4)
    async with running(folder, clock) as journal:
        for seq in range(1, 11):
            answer = msgspec.structs.replace(ANSWER, key=f"key-{seq}")
            await journal.append(Entry((record(seq),), answer=answer))
        assert await _stored(journal) == 10
        clock.now += LIFE_MS + 1
        left = []
        for _ in range(4):
            await write(journal, 1)
            left.append(await _stored(journal))
        assert left == [6, 2, 0, 0]
        assert not journal._answers.may_have(key_of("kiosk:1", "/tickets", "key-1"))
    async with running(folder, clock) as journal:
        assert await journal.answer_for("kiosk:1", "/tickets", "key-1") is None


def test_a_full_index_says_look_rather_than_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AnswerIndex, "MOST", 3)
    index = AnswerIndex([(b"a", 1), (b"b", 2)])
    assert (index.may_have(b"a"), index.may_have(b"z")) == (True, False)
    index.add(b"c", 3)
    assert not index.may_have(b"z")
    index.add(b"d", 4)
    assert index.may_have(b"d")
    assert index.may_have(b"z")
