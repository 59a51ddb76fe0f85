"""The cases of `somc.testing.client_protocol`: what a client of the live feed must do, one rule each.

What must stay true: a case knows nothing of any client, only what the hall hears and what reaches the
client's user; where it fails it says which rule was broken.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

import trio

from somc.testing.scripted_hall import Door, LineGone, ScriptedHall, ServerLine, plain_record

__all__ = ["CASES", "TIMES", "Case", "Program", "Stage"]

Plain = dict[str, Any]

TIMES = {
    "SOMC_PING_S": "0.2",
    "SOMC_SILENCE_S": "1.2",
    "SOMC_FIRST_BACKOFF_S": "0.05",
    "SOMC_MOST_BACKOFF_S": "0.4",
    "SOMC_STEADY_S": "1",
    "SOMC_OVERLOAD_S": "0.1",
}
"""How patient a client is while it is put through the cases."""

E1, E2 = "epoch-one", "epoch-two"


class Program(Protocol):
    """A client under test that runs."""

    async def tell(self, what: Plain) -> None:
        """Give it a line."""
        ...

    async def heard(self) -> Plain:
        """The next line that it says."""
        ...


@dataclass(slots=True)
class Stage:
    """A scripted hall, a client before it, and what reached the client's user."""

    hall: ScriptedHall
    program: Program
    random: random.Random
    seen: list[Plain] = field(default_factory=list)

    async def heard(self, event: str, **wanted: Any) -> Plain:
        """Until the program has said this; what it said is kept in `seen`."""
        while True:
            line = await self.program.heard()
            self.seen.append(line)
            if line["event"] == event and wanted.items() <= line.items():
                return line

    async def command(self, ask: int, name: str = "tickets.take", **args: Any) -> None:
        await self.program.tell({"do": "command", "ask": ask, "name": name, "args": args})

    def records(self) -> list[int]:
        """The records that reached the user, in order."""
        return [line["seq"] for line in self.seen if line["event"] == "record"]

    def has_each_once(self, *seqs: int) -> None:
        assert self.records() == list(seqs), f"records {list(seqs)} must come once and in order: {self.seen}"


Act = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Case:
    """One rule. `needs` is what a program must be able to do for it; `timed` ones are about waiting, and the
    encoding makes no difference to them."""

    name: str
    act: Act
    needs: str | None = None
    timed: bool = False


CASES: dict[str, Case] = {}


def case(act: Act) -> Act:
    CASES[act.__name__] = Case(act.__name__, act)
    return act


def timed_case(act: Act) -> Act:
    CASES[act.__name__] = Case(act.__name__, act, timed=True)
    return act


def case_for(ability: str) -> Callable[[Act], Act]:
    def add(act: Act) -> Act:
        CASES[act.__name__] = Case(act.__name__, act, needs=ability)
        return act

    return add


# -- following -------------------------------------------------------------------------------------------


@case
async def a_snapshot_and_then_records(stage: Stage) -> None:
    """The first subscription has no `after`; the snapshot and each record reach the user."""
    line = await stage.hall.following(E1, 10)
    await line.records(E1, 11, 12)
    await line.records(E1, 13)
    await stage.heard("record", seq=13)
    assert [x for x in stage.seen if x["event"] == "snapshot"] == [
        {"event": "snapshot", "epoch": E1, "seq": 10}
    ]
    stage.has_each_once(11, 12, 13)


@case
async def resumes_after_a_cut(stage: Stage) -> None:
    """A line that ends without a word is replaced; `after` is where the client stood."""
    line = await stage.hall.following(E1, 10)
    await line.records(E1, 11, 12)
    await stage.heard("record", seq=12)
    await line.cut()
    line = await stage.hall.resumed(E1, 12)
    await line.records(E1, 13, 14)
    await stage.heard("record", seq=14)
    stage.has_each_once(11, 12, 13, 14)


@case
async def through_is_the_position(stage: Stage) -> None:
    """`through` counts what was looked at and not told: the client resumes after it."""
    line = await stage.hall.following(E1, 10)
    await line.records(E1, 11, through=20)
    await line.records(E1, through=25)
    await line.records(E1, 27, through=30)
    await stage.heard("record", seq=27)
    await line.close(1012)
    line = await stage.hall.resumed(E1, 30)
    await line.records(E1, 31)
    await stage.heard("record", seq=31)
    stage.has_each_once(11, 27, 31)


@case
async def what_was_told_before_is_not_told_again(stage: Stage) -> None:
    """Records at or below the position are dropped, also inside of a message."""
    line = await stage.hall.following(E1, 10)
    await line.records(E1, 9, 10, 11, 12)
    await line.records(E1, 11, 12, 13)
    await line.cut()
    line = await stage.hall.welcomed()
    await line.accept_subscription()
    await line.records(E1, 10, 11, 12, 13, 14)
    await line.records(E1, 14, 15)
    await stage.heard("record", seq=15)
    stage.has_each_once(11, 12, 13, 14, 15)


@case
async def a_resync_brings_a_snapshot(stage: Stage) -> None:
    """After `resync` the snapshot replaces everything, and the line goes on from it."""
    line = await stage.hall.following(E1, 10)
    await line.records(E1, 11)
    await line.say("resync", reason="too slow")
    await line.snapshot(E1, 500)
    await line.records(E1, 501)
    await stage.heard("snapshot", seq=500)
    await stage.heard("record", seq=501)
    await line.cut()
    await stage.hall.resumed(E1, 501)
    stage.has_each_once(11, 501)


@case
async def too_far_back(stage: Stage) -> None:
    """A position that the hall cannot serve is answered with `resync` and a snapshot."""
    line = await stage.hall.following(E1, 10)
    await line.cut()
    line = await stage.hall.resumed(E1, 10)
    await line.say("resync", reason="too far back")
    await line.snapshot(E1, 9_000)
    await line.records(E1, 9_001)
    await stage.heard("record", seq=9_001)
    stage.has_each_once(9_001)


@case
async def a_cut_between_resync_and_snapshot(stage: Stage) -> None:
    """The client still has no snapshot: it says where it stood before, and takes the new one."""
    line = await stage.hall.following(E1, 10)
    await line.records(E1, 11)
    await stage.heard("record", seq=11)
    await line.say("resync", reason="too slow")
    await line.cut()
    line = await stage.hall.resumed(E1, 11)
    await line.records(E1, 12)
    await stage.heard("record", seq=12)
    stage.has_each_once(11, 12)


@case
async def between_resync_and_snapshot_nothing_counts(stage: Stage) -> None:
    """Records that were on their way belong to what is void."""
    line = await stage.hall.following(E1, 10)
    await line.records(E1, 11)
    await line.say("resync", reason="too slow")
    await line.records(E1, 12, 13)
    await line.snapshot(E1, 20)
    await line.records(E1, 21)
    await stage.heard("record", seq=21)
    stage.has_each_once(11, 21)


@case
async def another_epoch(stage: Stage) -> None:
    """A journal that was begun anew counts from the start: lower numbers are new records."""
    line = await stage.hall.following(E1, 1_000)
    await line.cut()
    line = await stage.hall.resumed(E1, 1_000)
    await line.say("resync", reason="another epoch")
    await line.snapshot(E2, 3)
    await line.records(E2, 4, 5)
    await stage.heard("record", seq=5)
    await line.cut()
    line = await stage.hall.resumed(E2, 5)
    await line.records(E2, 6)
    await stage.heard("record", seq=6)
    stage.has_each_once(4, 5, 6)


@case
async def records_of_an_epoch_that_was_not_announced(stage: Stage) -> None:
    """They are nobody's: the client does not tell them, and asks anew."""
    line = await stage.hall.following(E1, 10)
    await line.records(E2, 11)
    asked = await _asks_again(stage, line)
    await asked.snapshot(E2, 11)
    await asked.records(E2, 12)
    await stage.heard("record", seq=12)
    stage.has_each_once(12)


async def _asks_again(stage: Stage, line: ServerLine) -> ServerLine:
    """The line on which the client subscribes next: this one or another."""
    with suppress(LineGone):
        await line.accept_subscription()
        return line
    line = await stage.hall.welcomed()
    await line.accept_subscription()
    await line.say("resync", reason="another epoch")
    return line


@case
async def a_hall_that_stops_says_1012(stage: Stage) -> None:
    await _comes_back_after(stage, 1012)


@case
async def a_slow_client_is_closed_with_1013(stage: Stage) -> None:
    await _comes_back_after(stage, 1013)


@case
async def a_fault_of_the_hall_is_1011(stage: Stage) -> None:
    await _comes_back_after(stage, 1011)


async def _comes_back_after(stage: Stage, code: int) -> None:
    """A close frame ends the line, not the client."""
    line = await stage.hall.following(E1, 10)
    await line.records(E1, 11)
    await line.close(code)
    line = await stage.hall.resumed(E1, 11)
    await line.records(E1, 12)
    await stage.heard("record", seq=12)
    stage.has_each_once(11, 12)


# -- the wire --------------------------------------------------------------------------------------------


@case
async def bytes_come_one_by_one(stage: Stage) -> None:
    """The wire may cut a frame anywhere."""
    line = await stage.hall.following(E1, 10)
    message = {"op": "records", "epoch": E1, "through": 11, "records": []}
    await line.write_pieces(*(bytes([byte]) for byte in line.frame(line.encoded(message))))
    await line.records(E1, 12)
    await stage.heard("record", seq=12)


@case
async def a_message_in_fragments_with_a_ping_between(stage: Stage) -> None:
    """A message may come in several frames, and control frames between them are answered."""
    line = await stage.hall.following(E1, 10)
    message = {"op": "resync", "reason": "fragments, nothing else" * 10}
    data = line.encoded(message)
    first, last = line.frame(data[:50], finished=False), line.frame(data[50:], finished=True)
    await line.write_pieces(first, line.ping_frame(), last)
    await line.snapshot(E1, 20)
    await stage.heard("snapshot", seq=20)
    assert line.pongs == 1, "a ping frame must be answered with a pong frame"


@case
async def a_cut_inside_of_a_frame(stage: Stage) -> None:
    """Half a message is no message."""
    line = await stage.hall.following(E1, 10)
    frame = line.frame(line.encoded({"op": "records", "epoch": E1, "through": 99, "records": []}))
    await line.write(frame[: len(frame) // 2])
    await line.cut()
    line = await stage.hall.resumed(E1, 10)
    await line.records(E1, 11)
    await stage.heard("record", seq=11)


@case
async def what_is_no_message_ends_the_line(stage: Stage) -> None:
    """The client leaves, says where it stood, and has lost nothing."""
    seq = 10
    line = await stage.hall.following(E1, seq)
    for garbage in (b"{not json", b"null", b"\xc1", b'{"op":1}', b'{"op":"records","records":7}'):
        await line.records(E1, seq + 1)
        seq += 1
        await line.say_bytes(garbage if line.binary else garbage.decode("latin-1").encode())
        line = await stage.hall.resumed(E1, seq)
    await line.records(E1, seq + 1)
    await stage.heard("record", seq=seq + 1)
    stage.has_each_once(*range(11, seq + 2))


@case
async def frames_that_break_the_protocol_end_the_line(stage: Stage) -> None:
    """So do bytes that are no frames."""
    line = await stage.hall.following(E1, 10)
    await line.write(b"\xff\xff\xff\xff\xff\xff")
    line = await stage.hall.resumed(E1, 10)
    await line.records(E1, 11)
    await stage.heard("record", seq=11)


@case
async def unknown_ops_and_fields_are_ignored(stage: Stage) -> None:
    """A newer hall says more than this client knows."""
    line = await stage.hall.welcomed(mood="good")
    await line.accept_subscription()
    await line.say("celebration", cake=True)
    await line.snapshot(E1, 10)
    record = {"seq": 11, "at": 1, "type": "cake.eaten", "topic": "a/b", "data": {"x": [1]}, "v": 9, "z": {}}
    await line.say("records", epoch=E1, through=11, records=[record], slices=[1, 2])
    await stage.heard("record", seq=11)
    assert not line.over.is_set(), "what it does not know is no reason to leave"


# -- is the hall there -----------------------------------------------------------------------------------


@timed_case
async def a_silent_hall_is_left(stage: Stage) -> None:
    """A peer that lost power says nothing at all: after a while of silence the client looks elsewhere."""
    line = await stage.hall.following(E1, 10)
    line.answer_pings = False
    line = await stage.hall.resumed(E1, 10)
    await line.records(E1, 11)
    await stage.heard("record", seq=11)


@timed_case
async def a_quiet_hall_that_answers_is_not_left(stage: Stage) -> None:
    """A hall with nothing to say is there as long as it answers pings."""
    line = await stage.hall.following(E1, 10)
    with trio.move_on_after(2 * float(TIMES["SOMC_SILENCE_S"])):
        await line.wait_left()
    assert not line.over.is_set(), "it left a hall that answered its pings"
    assert line.pings >= 2, "it never asked whether the hall is there"
    assert len(stage.hall.contacts) == 1


@timed_case
async def a_hall_that_never_says_welcome_is_left(stage: Stage) -> None:
    """An open socket is not yet a line."""
    line = await stage.hall.line()
    line.answer_pings = False
    await line.wait_left()
    await stage.hall.following(E1, 10)


# -- coming in -------------------------------------------------------------------------------------------


@timed_case
async def not_signed_in_is_not_tried_again(stage: Stage) -> None:
    """401: the same token will not do better."""
    await _turned_away(stage, 401)


@timed_case
async def no_right_is_not_tried_again(stage: Stage) -> None:
    """403 likewise."""
    await _turned_away(stage, 403)


async def _turned_away(stage: Stage, status: int) -> None:
    line = await stage.hall.following(E1, 10)
    stage.hall.door = Door(status, "no_right")
    await line.cut()
    await stage.heard("not_admitted")
    tried = len(stage.hall.contacts)
    await trio.sleep(4 * float(TIMES["SOMC_MOST_BACKOFF_S"]))
    assert len(stage.hall.contacts) == tried == 2, "it knocked again with what was refused"


@timed_case
async def an_overloaded_hall_is_given_the_time_it_asks_for(stage: Stage) -> None:
    """503 with Retry-After: not before."""
    stage.hall.door = None
    line = await stage.hall.following(E1, 10)
    stage.hall.door = Door(503, "overloaded", retry_after_s=1)
    await line.cut()
    await stage.hall.wait_contacts(2)
    asked_at = stage.hall.contacts[1].at
    stage.hall.door = None
    await stage.hall.resumed(E1, 10)
    assert stage.hall.contacts[2].at - asked_at >= 0.99, "it came back before Retry-After"


@case
async def a_ticket_of_a_hall_that_was_started_anew(stage: Stage) -> None:
    """One-time tickets do not outlive the hall's process: a client that uses them asks for another."""
    line = await stage.hall.following(E1, 10)
    stage.hall.tickets_are_void = True
    await line.cut()
    await stage.hall.wait_contacts(2)
    await trio.sleep(0.05)
    stage.hall.tickets_are_void = False
    line = await stage.hall.resumed(E1, 10)
    await line.records(E1, 11)
    await stage.heard("record", seq=11)


@case
async def faults_at_the_door_are_tried_again(stage: Stage) -> None:
    """Cut connections and 500s are no answers."""
    line = await stage.hall.following(E1, 10)
    for door in (Door(cut=True), Door(502, "bad_gateway"), Door(500, "internal")):
        stage.hall.door = door
        known = len(stage.hall.contacts)
        await line.cut()
        await stage.hall.wait_contacts(known + 1)
        stage.hall.door = None
        line = await stage.hall.resumed(E1, 10)
    await line.records(E1, 11)
    await stage.heard("record", seq=11)


@timed_case
async def a_closed_door_is_not_stormed(stage: Stage) -> None:
    """Attempts spread out: back-off with jitter, up to its limit."""
    line = await stage.hall.following(E1, 10)
    stage.hall.door = Door(cut=True)
    await line.cut()
    await trio.sleep(2.0)
    tried = len(stage.hall.contacts) - 1
    assert 3 <= tried <= 30, f"{tried} attempts in two seconds"
    gaps = [after.at - before.at for before, after in pairwise(stage.hall.contacts[1:])]
    assert max(gaps) > 2 * min(gaps), f"waits alike, all screens would come back at one moment: {gaps}"
    stage.hall.door = None
    await stage.hall.resumed(E1, 10)


@timed_case
async def a_hall_that_takes_everybody_and_closes_is_not_stormed(stage: Stage) -> None:
    """A line that does not last does not make the back-off small again."""
    until = trio.current_time() + 2.0
    lines = 0
    while trio.current_time() < until:
        with trio.move_on_at(until):
            line = await stage.hall.welcomed()
            lines += 1
            with suppress(LineGone):
                await line.accept_subscription()
                await line.snapshot(E1, 10)
                await line.close(1013)
    assert lines <= 30, f"{lines} lines in two seconds"


@case
async def a_thousand_cuts_in_small(stage: Stage) -> None:
    """Lines that end at random moments, also inside of frames: every record once and in order."""
    chance, epoch, first, last = stage.random, E1, 10, 210
    while True:
        line = await stage.hall.welcomed()
        asked = await line.accept_subscription()
        if asked.get("after") is None:
            # At first, for a cut may have taken the snapshot with it. Later it would be told things twice.
            await line.snapshot(epoch, first)
            at = first
        else:
            assert asked["after"]["epoch"] == epoch
            at = int(asked["after"]["seq"])
        with suppress(LineGone):
            while at < last:
                some = [at + n for n in range(1, chance.randint(1, 6)) if at + n <= last] or [at + 1]
                message = line.encoded(_records(line, epoch, some))
                frame = line.frame(message)
                cut = chance.randrange(len(frame)) if chance.random() < 0.15 else None
                await line.write(frame[:cut])
                if cut is not None:
                    await line.cut()
                    break
                at = some[-1]
            else:
                break
    await stage.heard("record", seq=last)
    stage.has_each_once(*range(first + 1, last + 1))


def _records(line: ServerLine, epoch: str, seqs: Sequence[int]) -> Plain:
    records = [plain_record(seq) for seq in seqs]
    return {"op": "records", "epoch": epoch, "through": seqs[-1], "records": records}


# -- commands --------------------------------------------------------------------------------------------


@case
async def a_command_is_answered(stage: Stage) -> None:
    """Replies find their questions by `id`, in any order; a refusal is told with its code."""
    line = await stage.hall.following(E1, 10)
    await stage.command(1, service="payment")
    first = await line.hear("command")
    await stage.command(2)
    second = await line.hear("command")
    assert (first["name"], first["args"]) == ("tickets.take", {"service": "payment"})
    assert first["id"] != second["id"]
    assert first["key"] != second["key"], "every command has a key of its own"
    error = {"status": 409, "code": "counter_closed", "title": "Conflict", "detail": "it is closed"}
    await line.say("reply", id=second["id"], ok=False, error=error)
    await stage.heard("refused", ask=2, code="counter_closed")
    await line.say("reply", id=first["id"], ok=True, result={"number": "A001"})
    await stage.heard("answer", ask=1, result={"number": "A001"})


@case
async def an_unanswered_command_goes_out_again_with_its_key(stage: Stage) -> None:
    """So it has one effect, and its answer is told once."""
    line = await stage.hall.following(E1, 10)
    await stage.command(1, service="payment")
    sent = await line.hear("command")
    await line.cut()
    line = await stage.hall.resumed(E1, 10)
    again = await line.hear("command")
    assert (again["key"], again["name"], again["args"]) == (sent["key"], sent["name"], sent["args"])
    for _ in range(2):
        await line.say("reply", id=again["id"], ok=True, result=7)
    await stage.heard("answer", ask=1, result=7)
    await line.records(E1, 11)
    await stage.heard("record", seq=11)
    assert sum(said["event"] == "answer" for said in stage.seen) == 1


@case
async def a_command_waits_for_the_hall(stage: Stage) -> None:
    """What is asked while there is no line goes out on the next one, in order, and only once."""
    line = await stage.hall.following(E1, 10)
    stage.hall.door = Door(cut=True)
    await line.cut()
    await stage.hall.wait_contacts(2)
    await stage.command(1, name="one")
    await stage.command(2, name="two")
    await trio.sleep(0.1)
    stage.hall.door = None
    line = await stage.hall.resumed(E1, 10)
    names = []
    for ask in (1, 2):
        asked = await line.hear("command")
        names.append(asked["name"])
        await line.say("reply", id=asked["id"], ok=True, result=ask)
        await stage.heard("answer", ask=ask)
    assert names == ["one", "two"]


@case
async def an_overloaded_command_is_asked_again(stage: Stage) -> None:
    """503 in a reply: later, with the same key."""
    line = await stage.hall.following(E1, 10)
    await stage.command(1)
    sent = await line.hear("command")
    error = {"status": 503, "code": "overloaded", "title": "no", "detail": "full", "retry_after_s": 0.2}
    said_at = trio.current_time()
    await line.say("reply", id=sent["id"], ok=False, error=error)
    again = await line.hear("command")
    assert again["key"] == sent["key"]
    assert trio.current_time() - said_at >= 0.05, "it was asked again at once"
    await line.say("reply", id=again["id"], ok=True, result="done")
    await stage.heard("answer", ask=1, result="done")


@case
async def a_reply_may_overtake_records(stage: Stage) -> None:
    """Replies and records come in no order with each other."""
    line = await stage.hall.following(E1, 10)
    await stage.command(1)
    asked = await line.hear("command")
    await line.say("reply", id=asked["id"], ok=True, result=None)
    await line.records(E1, 11)
    while {"answer", "record"} - {said["event"] for said in stage.seen}:
        stage.seen.append(await stage.program.heard())


# -- a program that does not read ------------------------------------------------------------------------

FLOOD_RECORDS = 15_000
"""Some 3 MB."""
MOST_WHILE_PAUSED = 10_000
"""What a client and the network between may hold of them."""


@case_for("pause")
async def a_program_that_does_not_read_loses_nothing(stage: Stage) -> None:
    """While it does not read, the hall's records do not pile up in the client, commands are answered, and
    later everything comes."""
    first, last = 10, 10 + FLOOD_RECORDS
    sent = [first]
    await stage.program.tell({"do": "pause"})
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_flood, stage, first, last, sent)
        still = 0
        while still < 3:  # until the hall can say no more, however slow this machine is
            before = sent[0]
            await trio.sleep(0.1)
            still = still + 1 if sent[0] == before > first else 0
        await stage.command(1)
        await stage.heard("answer", ask=1)
        assert sent[0] - first < MOST_WHILE_PAUSED, "what was not read piles up in the client"
        await stage.program.tell({"do": "resume"})
        await stage.heard("record", seq=last)
        nursery.cancel_scope.cancel()
    stage.has_each_once(*range(first + 1, last + 1))


async def _flood(stage: Stage, first: int, last: int, sent: list[int]) -> None:
    """A hall with far more to say than fits; `sent` is the last that left."""
    while True:
        line = await stage.hall.welcomed()
        async with trio.open_nursery() as nursery:
            with suppress(LineGone):
                while True:
                    said = await line.next_message()
                    if said["op"] == "command":
                        await line.say("reply", id=said["id"], ok=True, result=None)
                    else:
                        nursery.start_soon(_pour, line, said.get("after"), first, last, sent)
            nursery.cancel_scope.cancel()


async def _pour(line: ServerLine, after: Plain | None, first: int, last: int, sent: list[int]) -> None:
    at = first if after is None else int(after["seq"])
    with suppress(LineGone):
        if after is None:
            await line.snapshot(E1, first)
        while at < last:
            upto = min(last, at + 500)
            await line.records(E1, *range(at + 1, upto + 1))
            sent[0] = at = upto
