"""Messages beside the chain: sealed words, and a log that is what the records say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from somc.errors import StoreError
from somc.journal import Entry, Person, Record
from somc.journal import messages as log
from somc.journal.entry import MessageText
from somc.journal.messages import LogQuery, LogRow
from somc.journal.people import PeopleKey
from tests.journal.samples import START_MS, running

WORDS = "您的预约码 K7Q2，请于 14:00 前到厅"
PHONE = "13800138000"


def record(seq: int, kind: str, at: int = START_MS, **data: object) -> Record:
    fields = {"by": "x", **data}
    return Record(seq, at + seq, f"message.{kind}", "a/message/x", msgspec.Raw(msgspec.json.encode(fields)))


def queued(seq: int, name: str, person: str = "p1", **more: object) -> Record:
    fields = {
        "message_class": "receipt",
        "template": "booked",
        "person": person,
        "language": "zh",
        "ready_at": START_MS,
        "expires_at": START_MS + 1,
        **more,
    }
    return record(seq, "queued", message=name, **fields)


def _holding(folder: Path, text: str) -> list[str]:
    """The files in which `text` stands in the clear."""
    return [file.name for file in folder.iterdir() if text.encode() in file.read_bytes()]


async def test_words_are_sealed_with_the_records_and_found_again(folder: Path) -> None:
    async with running(folder) as journal:
        entry = Entry(
            (queued(1, "m1"),), people=(Person("p1", PHONE),), texts=(MessageText("m1", "p1", WORDS),)
        )
        await journal.append(entry)
        assert await journal.message_text("m1") == WORDS
        assert await journal.message_text("m2") is None
    assert _holding(folder, WORDS) == _holding(folder, PHONE) == []


async def test_erasing_somebody_erases_the_words_of_every_message_to_him(folder: Path) -> None:
    async with running(folder) as journal:
        await journal.append(
            Entry(
                (queued(1, "m1"), queued(2, "m2", "p2"), queued(3, "m3", "p3")),
                people=(Person("p1", PHONE), Person("p2", PHONE), Person("p3", "13911112222")),
                texts=tuple(MessageText(f"m{n}", f"p{n}", WORDS) for n in (1, 2, 3)),
            )
        )
        assert sorted(await journal.persons_of(PHONE)) == ["p1", "p2"]
        assert await journal.forget("p1")
        assert [await journal.message_text(f"m{n}") for n in (1, 2, 3)] == [None, None, WORDS]
        rows = await journal.message_log(LogQuery())
        assert [row.id for row in rows] == ["m3", "m2", "m1"]


async def test_the_log_follows_the_records(folder: Path) -> None:
    async with running(folder) as journal:
        written = [
            queued(1, "m1", ticket="t1"),
            queued(2, "m2", message_class="dunning"),
            record(3, "sent", message="m1", gateway="g", refs=["a"], attempt=2),
            record(4, "part_delivered", message="m1", gateway="g", ref="a"),
            record(5, "delivered", message="m1", gateway="g"),
            record(
                6, "failed", message="m2", cause="gateway", detail="busy", attempt=1, retry_at=START_MS + 99
            ),
            queued(7, "m3"),
            record(8, "cancelled", message="m3", reason="changed"),
            record(9, "received", message="i1", gateway="g", ref="7", person="p1", intent="confirm"),
            queued(10, "m4"),
            record(11, "failed", message="m4", cause="expired"),
            record(12, "requeued", message="m4", ready_at=START_MS + 12, expires_at=START_MS + 13),
        ]
        for each in written:
            await journal.append(Entry((each,)))
        rows = {row.id: row for row in await journal.message_log(LogQuery())}
        assert list(rows) == ["m4", "i1", "m3", "m2", "m1"]
        assert rows["m1"] == LogRow(
            "m1", 1, START_MS + 1, "out", "p1", "receipt", "booked", "delivered", "g", "t1", None, None, "",
            2, START_MS, START_MS + 5,
        )  # fmt: skip
        assert (rows["m2"].state, rows["m2"].cause, rows["m2"].ready_at) == (
            "queued",
            "gateway",
            START_MS + 99,
        )
        assert (rows["m3"].state, rows["m3"].cause) == ("cancelled", "changed")
        assert (rows["i1"].direction, rows["i1"].template, rows["i1"].state) == ("in", "confirm", "received")
        assert (rows["m4"].state, rows["m4"].ready_at) == ("queued", START_MS + 12)

        async def ids(**query: Any) -> list[str]:
            return [row.id for row in await journal.message_log(LogQuery(**query))]

        assert await ids(state="queued") == ["m4", "m2"]
        assert await ids(ticket="t1") == ["m1"]
        assert await ids(direction="in") == ["i1"]
        assert await ids(message_class="dunning", persons=("p1", "p9")) == ["m2"]
        assert await ids(persons=()) == []
        assert await ids(before=7, limit=1) == ["m2"]
        assert await ids(since=START_MS + 7, until=START_MS + 9) == ["m3"]
    connection = apsw.Connection(str(folder / "journal.db"))
    kept = connection.execute("SELECT * FROM message_log ORDER BY id").fetchall()
    log.rebuild(connection)
    assert connection.execute("SELECT * FROM message_log ORDER BY id").fetchall() == kept
    connection.close()


def test_words_of_one_message_cannot_stand_for_those_of_another() -> None:
    key = PeopleKey(b"k" * 32)
    sealed = key.seal_text("m1", WORDS)
    assert key.open_text("m1", sealed) == WORDS
    with pytest.raises(StoreError, match="m2"):
        key.open_text("m2", sealed)
    with pytest.raises(StoreError, match="m1"):
        PeopleKey(b"j" * 32).open_text("m1", sealed)
