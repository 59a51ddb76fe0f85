"""The inbox, whatever comes in whatever order: each record once, in order, in bounded memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somc.client.inbox import Full, Inbox
from somc.client.messages import Batch, Figures, NoMessage, Position, Record, Resync, Snapshot
from somc.client.state import HallFigures, HallState, Words

LIMIT_BYTES = 1_000
E1, E2 = "one", "two"


def record(seq: int) -> Record:
    return Record(seq, seq, "ticket.taken", "a/b", {})


def batch(*seqs: int, epoch: str = E1, through: int | None = None) -> Batch:
    return Batch(epoch, max(seqs, default=0) if through is None else through, [record(seq) for seq in seqs])


def snapshot(seq: int, epoch: str = E1) -> Snapshot:
    return Snapshot(epoch, seq, HallState(epoch, seq, "a/b", Words("厅", "hall")))


def taken(inbox: Inbox) -> list[object]:
    found = []
    while (message := inbox.take()) is not None:
        found.append(message.seq if isinstance(message, Record) else type(message).__name__)
    return found


def test_the_position_goes_on_as_messages_are_taken() -> None:
    inbox = Inbox(LIMIT_BYTES)
    inbox.put(snapshot(10), 100)
    inbox.put(batch(11, 13, through=20), 100)
    assert inbox.accepted == Position(E1, 20)
    assert inbox.position is None
    positions = []
    while inbox.take() is not None:
        positions.append(inbox.position)
    assert positions == [Position(E1, 10), Position(E1, 11), Position(E1, 20)]
    inbox.put(batch(through=30), 10)
    assert inbox.position == Position(E1, 30), "nothing to take, but looked at"


def test_of_figures_the_newest_waits() -> None:
    inbox = Inbox(LIMIT_BYTES)
    inbox.put(snapshot(1), 10)
    for now in range(50):
        inbox.put(Figures(1, HallFigures(now=now)), 100)
    inbox.put(batch(2), 10)
    assert taken(inbox) == ["Snapshot", "Figures", 2]


def test_what_does_not_fit_is_not_taken_and_comes_again() -> None:
    inbox = Inbox(LIMIT_BYTES)
    inbox.put(snapshot(1), 10)
    inbox.put(batch(2, 3), 900)
    with pytest.raises(Full):
        inbox.put(batch(4), 200)
    assert inbox.accepted == Position(E1, 3)
    assert not inbox.roomy
    assert taken(inbox) == ["Snapshot", 2, 3]
    assert inbox.roomy
    inbox.put(batch(4), 200)
    assert taken(inbox) == [4]


def test_a_message_larger_than_the_limit_waits_until_all_is_read() -> None:
    """Else the line would be given up over and over for the same snapshot."""
    inbox = Inbox(LIMIT_BYTES, Position(E1, 1))
    inbox.put(batch(2), 10)
    with pytest.raises(Full):
        inbox.put(snapshot(500), 5 * LIMIT_BYTES)
    assert not inbox.roomy, "half is free, but what was refused would not fit"
    assert taken(inbox) == [2]
    assert inbox.roomy
    inbox.put(snapshot(500), 5 * LIMIT_BYTES)
    assert taken(inbox) == ["Snapshot"]


def test_records_that_cannot_be_true_are_told() -> None:
    inbox = Inbox(LIMIT_BYTES)
    for wrong in (batch(1), batch(1, epoch=E2)):
        with pytest.raises(NoMessage):
            inbox.put(wrong, 10)
    inbox.put(snapshot(1), 10)
    for wrong in (batch(2, epoch=E2), batch(3, 2), batch(2, 2), batch(5, through=4)):
        with pytest.raises(NoMessage):
            inbox.put(wrong, 10)
    assert inbox.accepted == Position(E1, 1)


def test_between_resync_and_snapshot_nothing_counts() -> None:
    inbox = Inbox(LIMIT_BYTES, Position(E1, 10))
    inbox.put(Resync("too slow"), 10)
    inbox.put(batch(11), 10)
    inbox.put(snapshot(20), 10)
    inbox.put(batch(21), 10)
    assert taken(inbox) == ["Resync", "Snapshot", 21]


Steps = st.lists(
    st.tuples(
        st.sampled_from(["records", "again", "resync", "figures", "take", "cut", "cut", "new epoch"]),
        st.integers(0, 12),
        st.integers(1, 700),
    ),
    max_size=80,
)


@given(Steps)
def test_any_hall_over_any_line(steps: list[tuple[str, int, int]]) -> None:
    """A hall of 1, 2, 3, … before a client that reads now and then and whose lines end: what it reads is the
    hall's records, once and in order, but for those that a snapshot stands for."""
    inbox = Inbox(LIMIT_BYTES)
    epoch, head, sent = E1, 0, 0
    read: list[object] = []

    def say(message: Snapshot | Batch | Figures | Resync, size: int) -> None:
        nonlocal sent
        try:
            inbox.put(message, size)
        except Full:
            reconnect()

    def reconnect() -> None:
        nonlocal sent
        inbox.begin_line()
        after = inbox.accepted
        sent = after.seq if after is not None and after.epoch == epoch else -1

    reconnect()
    for step, number, size in steps:
        if sent < 0:
            sent = head
            say(Resync("new"), 20)
            if sent == head:
                say(snapshot(head, epoch), size)
        match step:
            case "records" if sent >= 0:
                head = max(head, sent + number)
                first, sent = sent + 1, sent + number
                say(batch(*range(first, first + number), epoch=epoch, through=first + number - 1), size)
            case "again" if sent >= 0:
                first = max(1, sent - number)
                say(batch(*range(first, sent + 1), epoch=epoch, through=sent), size)
            case "resync" if sent >= 0:
                head += number
                sent = -1
            case "figures":
                say(Figures(head, HallFigures()), size)
            case "take":
                for _ in range(number):
                    if (message := inbox.take()) is not None:
                        read.append(message)
            case "cut":
                reconnect()
            case "new epoch" if epoch == E1:
                epoch, head = E2, 0
                reconnect()
        assert inbox._bytes <= LIMIT_BYTES or len(inbox) <= 1 + 12, "more waits than may"
    while (message := inbox.take()) is not None:
        read.append(message)
    assert inbox._bytes == 0
    last = None
    for message in read:
        if isinstance(message, Snapshot):
            last = message.seq
        elif isinstance(message, Record):
            assert last is not None
            assert message.seq == last + 1
            last = message.seq
