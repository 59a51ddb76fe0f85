"""People outside the chain: sealed, found by phone, erased without touching a record."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from somc.errors import StoreError
from somc.journal import Entry, Person, StoredAnswer, open_journal, sql
from somc.journal.people import PeopleKey, Reservations
from somc.journal.verify import verify
from tests.journal.samples import START_MS, entry, record, running, write

PHONE, NAME = "13800138000", "王小明"


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def test_a_phone_is_known_again_by_its_first_id(folder: Path) -> None:
    async with running(folder) as journal:
        id, person = await journal.person_for(PHONE, "p1")
        assert (id, person) == ("p1", Person("p1", PHONE))
        assert person is not None
        await journal.append(Entry((record(1, person=id),), (Person(id, PHONE, NAME),)))
        assert await journal.person_for(PHONE, "p2") == ("p1", None)
        assert await journal.person_for("13900139000", "p3") == ("p3", Person("p3", "13900139000"))
        assert await journal.person("p1") == Person("p1", PHONE, NAME)
        assert await journal.person("p2") is None
    async with running(folder) as journal:
        assert await journal.person_for(PHONE, "p9") == ("p1", None)
        assert await journal.person("p1") == Person("p1", PHONE, NAME)


async def test_two_commands_of_one_new_customer_share_an_id(folder: Path) -> None:
    async with running(folder) as journal:
        answers: list[tuple[str, Person | None]] = []

        async def ask(number: int) -> None:
            answers.append(await journal.person_for(PHONE, f"p{number}"))

        async with trio.open_nursery() as nursery:
            for number in range(8):
                nursery.start_soon(ask, number)
        assert len({id for id, _ in answers}) == 1
        for seq, (id, person) in enumerate(answers, start=1):
            assert person is not None
            await journal.enqueue(Entry((record(seq, person=id),), (person,)))
        await journal.wait_durable(8)
        assert await journal.person_for(PHONE, "late") == (answers[0][0], None)


async def test_a_known_name_is_kept_when_a_later_row_has_none(folder: Path) -> None:
    async with running(folder) as journal:
        await journal.append(Entry((record(1),), (Person("p1", PHONE, NAME),)))
        await journal.append(Entry((record(2),), (Person("p1", PHONE),)))
        assert await journal.person("p1") == Person("p1", PHONE, NAME)


async def test_phone_and_name_are_nowhere_on_the_disk(folder: Path) -> None:
    async with running(folder) as journal:
        for seq in range(1, 40):
            person = Person(f"p{seq}", f"138001380{seq:02}", f"{NAME}{seq}")
            answer = StoredAnswer("kiosk", "/tickets", f"k{seq}", b"\0" * 32, 201, b"{}", START_MS)
            await journal.append(Entry((record(seq, person=person.id),), (person,), answer))
        # The WAL holds everything written so far: nothing was moved to the database yet.
        files = _files(folder)
    assert len(files["journal.db-wal"]) > 0
    for content in [*files.values(), *_files(folder).values()]:
        assert b"138001380" not in content
        assert NAME.encode() not in content
        assert NAME.encode("utf-16-le") not in content


async def test_erasing_somebody_leaves_the_chain_and_no_trace(folder: Path) -> None:
    async with running(folder) as journal:
        await journal.append(Entry((record(1, person="p1"),), (Person("p1", PHONE, NAME),)))
        await journal.append(Entry((record(2, person="p2"),), (Person("p2", "13900139000"),)))
        row = "SELECT lookup, sealed FROM person WHERE id = 'p1'"
        lookup, sealed = await journal._reader.run(sql.row, row)
        assert any(sealed in content for content in _files(folder).values())
        assert await journal.forget("p1")
        assert not await journal.forget("p1")
        assert await journal.person("p1") is None
        assert await journal.person("p2") is not None
        assert not any(sealed in content or lookup in content for content in _files(folder).values())
        assert await journal.person_for(PHONE, "p3") == ("p3", Person("p3", PHONE))
        await write(journal, 1)
    assert verify(folder).ok
    async with running(folder) as journal:
        assert await journal.person("p1") is None
        assert [each.seq for each in await journal.records_after(0)] == [1, 2, 3]


async def test_a_phone_with_two_ids_is_erased_whole(folder: Path) -> None:
    async with running(folder) as journal:
        await journal.append(Entry((record(1),), (Person("p1", PHONE), Person("p2", PHONE))))
        assert await journal.forget("p2")
        assert (await journal.person("p1"), await journal.person("p2")) == (None, None)


def test_reservations_are_bounded_and_keep_the_newest() -> None:
    reservations = Reservations()
    for number in range(Reservations.MOST + 10):
        reservations.reserve(b"%d" % number, f"p{number}")
    assert reservations.get(b"9") is None
    assert reservations.get(b"10") == "p10"
    assert reservations.reserve(b"10", "another") == "p10"
    reservations.settle(b"10")
    assert reservations.get(b"10") is None


def test_a_sealed_row_opens_only_for_its_id_and_key() -> None:
    key = PeopleKey(b"k" * 32)
    sealed = key.seal(Person("p1", PHONE, NAME))
    assert key.open("p1", sealed) == Person("p1", PHONE, NAME)
    assert key.seal(Person("p1", PHONE, NAME)) != sealed
    for id, other in (("p2", key), ("p1", PeopleKey(b"l" * 32))):
        with pytest.raises(StoreError, match="cannot be opened with"):
            other.open(id, sealed)
    assert key.lookup(PHONE) == PeopleKey(b"k" * 32).lookup(PHONE) != PeopleKey(b"l" * 32).lookup(PHONE)


async def _with_one_person(folder: Path) -> Path:
    async with running(folder) as journal:
        await journal.append(Entry((record(1),), (Person("p1", PHONE),)))
    return folder / "people.key"


async def _opening_says(folder: Path, said: str) -> None:
    with pytest.raises(StoreError, match=said):
        async with running(folder):
            pass


async def test_a_missing_key_is_told_at_the_start(folder: Path) -> None:
    key = await _with_one_person(folder)
    secret = key.read_bytes()
    key.unlink()
    await _opening_says(folder, "the 1 people stored: put back the copy")
    key.write_bytes(b"x" * 32)
    await _opening_says(folder, "is not the key this store's people were sealed with")
    key.write_bytes(b"short")
    await _opening_says(folder, "holds 5 bytes instead of 32")
    key.write_bytes(secret)
    async with running(folder) as journal:
        assert await journal.person("p1") == Person("p1", PHONE)


async def test_a_store_without_people_gets_a_new_key(folder: Path) -> None:
    async with running(folder) as journal:
        await journal.append(entry(1))
    (folder / "people.key").unlink()
    async with running(folder) as journal:
        await journal.append(Entry((record(2),), (Person("p1", PHONE),)))
        assert await journal.person("p1") == Person("p1", PHONE)


async def test_reading_needs_no_key_until_somebody_is_asked_for(folder: Path) -> None:
    (await _with_one_person(folder)).unlink()
    async with open_journal(folder, new_epoch=str, clock_ms=lambda: START_MS, read_only=True) as journal:
        assert len(await journal.records_after(0)) == 1
        with pytest.raises(StoreError, match=r"people\.key is missing"):
            await journal.person("p1")
