"""The door, the decider and what they promise when something goes wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from somc.domain import commands as c
from somc.domain import decide as rules
from somc.domain.refusals import Refusal
from somc.errors import IdempotencyConflict, Overloaded, RuleFailed, ShuttingDown
from somc.runtime.hall import DOOR_SIZE, Decided, Hall, Key, Replayed
from tests.runtime.rig import NOON, TurnedClock, do, opened, records, taking
from tests.server.rig import is_problem, running


def key(name: str, body: bytes = b"body") -> Key:
    return Key("test", "take", name, body)


async def keyed(hall: Hall, command: c.Command, name: str, body: bytes = b"body") -> Any:
    return await hall.submit(
        command,
        lambda state, events, now: state.seq,
        key=key(name, body),
        encode=lambda seq: (201, b"%d" % seq),
    )


async def test_a_full_door_refuses_at_once_and_opens_again(tmp_path: Path) -> None:
    outcomes: list[object] = []
    async with opened(tmp_path) as hall:

        async def ask(n: int) -> None:
            try:
                outcomes.append(await hall.submit(taking(f"t{n}"), lambda state, events, now: None))
            except Overloaded as error:
                outcomes.append(error)

        async with trio.open_nursery() as nursery:
            # All of these run before the decider is scheduled again: nothing leaves the door meanwhile.
            for n in range(DOOR_SIZE + 200):
                nursery.start_soon(ask, n)
        refused = [each for each in outcomes if isinstance(each, Overloaded)]
        assert refused
        assert all(each.retry_after_s >= 1 for each in refused)
        done = [each for each in outcomes if isinstance(each, Decided)]
        assert len(done) + len(refused) == DOOR_SIZE + 200
        assert sum(record.type == "ticket.taken" for record in await records(hall)) == len(done)
        assert hall.state.counts.taken == len(done)
        await do(hall, taking("after"))


async def test_overload_is_503_with_retry_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path) as hall:

        async def full(*args: Any, **more: Any) -> Any:
            raise Overloaded(retry_after_s=1)

        monkeypatch.setattr(hall.node.hall, "submit", full)
        answer = await hall.as_admin.post("/api/v1/tickets", json={"service": "payment"})
        assert is_problem(answer, 503, "overloaded")["retry_after_s"] == 1
        assert answer.headers["retry-after"] == "1"


def broken(state: Any, command: Any, now: int) -> Any:
    raise ZeroDivisionError("a rule's own mistake")


async def test_a_rule_that_raises_fails_its_own_command_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as hall:
        monkeypatch.setitem(rules.RULES, c.CloseCounter, broken)
        await hall.open_counter(1)
        head = hall.node.hall.journal.head
        for _ in range(2):
            problem = is_problem(await hall.as_admin.post("/api/v1/counters/1/close"), 500, "rule_failed")
            assert "CloseCounter" in problem["detail"]
        assert hall.node.hall.journal.head == head
        ticket = await hall.take()
        assert (await hall.at(1, "call-next"))["ticket"]["id"] == ticket["id"]


async def test_a_day_that_cannot_be_ended_does_not_stop_the_calling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = TurnedClock()
    async with opened(tmp_path, clock) as hall:
        await do(hall, taking("t1"))
        await do(hall, c.OpenCounter(by="x", counter=1, agent="li"))
        monkeypatch.setitem(rules.RULES, c.EndDay, broken)
        clock.turn(24 * 3_600_000)
        await trio.testing.wait_all_tasks_blocked()
        await do(hall, c.CallNext(by="x", counter=1))
        with pytest.raises(RuleFailed):
            await hall.submit(c.EndDay(by="x"), lambda state, events, now: None)


async def test_who_hangs_up_with_a_key_is_not_carried_out_twice(tmp_path: Path) -> None:
    async with opened(tmp_path) as hall:
        for n in range(25):
            cut = trio.CancelScope()
            steps = n  # the requester leaves after so many steps of the loop: each moment is tried

            async def leave(scope: trio.CancelScope, after: int) -> None:
                for _ in range(after):
                    await trio.lowlevel.checkpoint()
                scope.cancel()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(leave, cut, steps)
                with cut:
                    await keyed(hall, taking(f"first-{n}"), f"k{n}")
            again = await keyed(hall, taking(f"again-{n}"), f"k{n}")
            assert isinstance(again, Replayed | Decided)
            taken = [r for r in await records(hall) if r.type == "ticket.taken"]
            assert len(taken) == n + 1, f"hung up after {steps} steps"


async def test_a_refused_or_failed_first_try_frees_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as hall:
        assert isinstance(await keyed(hall, taking("t1", "nothing"), "k"), Refusal)
        with monkeypatch.context() as patched:
            patched.setitem(rules.RULES, c.TakeTicket, broken)
            with pytest.raises(RuleFailed):
                await keyed(hall, taking("t1"), "k")
        assert isinstance(await keyed(hall, taking("t1"), "k"), Decided)
        assert isinstance(await keyed(hall, taking("t2"), "k"), Replayed)
        with pytest.raises(IdempotencyConflict, match="another body"):
            await keyed(hall, taking("t1"), "k", b"other")


async def test_a_closed_door_takes_nothing_and_keeps_what_is_inside(tmp_path: Path) -> None:
    async with opened(tmp_path) as hall:
        inside: list[object] = []

        async def ask(n: int) -> None:
            inside.append(await hall.submit(taking(f"t{n}"), lambda state, events, now: None))

        async with trio.open_nursery() as nursery:
            for n in range(20):
                nursery.start_soon(ask, n)
            await trio.testing.wait_all_tasks_blocked()
            await hall.close_door()
        assert all(isinstance(each, Decided) for each in inside)
        with pytest.raises(ShuttingDown):
            await do(hall, taking("late"))
    async with opened(tmp_path) as again:
        assert len(again.state.tickets) == 20


async def test_a_read_is_never_ahead_of_the_disk(tmp_path: Path) -> None:
    async with opened(tmp_path) as hall:
        seen: list[tuple[int, int]] = []

        async def look(after: int) -> None:
            for _ in range(after):
                await trio.lowlevel.checkpoint()
            seq = await hall.read(lambda state, now: state.seq)
            seen.append((seq, hall.journal.head))

        async with trio.open_nursery() as nursery:
            for n in range(50):
                nursery.start_soon(do, hall, taking(f"t{n}"))
                nursery.start_soon(look, n)
        assert all(seq <= head for seq, head in seen)
        assert len({seq for seq, _ in seen}) > 1


async def test_two_counters_that_press_at_once_get_two_customers(tmp_path: Path) -> None:
    async with opened(tmp_path) as hall:
        for n in range(6):
            await do(hall, taking(f"t{n}"))
        for counter in (1, 2):
            await do(hall, c.OpenCounter(by="x", counter=counter, agent=f"a{counter}"))
        called: list[str] = []

        async def press(counter: int) -> None:
            outcome = await hall.submit(c.CallNext(by="x", counter=counter), lambda s, events, now: events)
            if isinstance(outcome, Decided):
                called.extend(event.ticket for event in outcome.view)  # type: ignore[attr-defined]  # calls

        async with trio.open_nursery() as nursery:
            for counter in (1, 2, 1, 2, 2, 1):
                nursery.start_soon(press, counter)
        assert sorted(called) == ["t0", "t1"]


async def test_time_never_runs_backwards(tmp_path: Path) -> None:
    clock = TurnedClock()
    async with opened(tmp_path, clock) as hall:
        await do(hall, taking("t1"))
        clock.turn(-6 * 3_600_000)
        assert hall.now() == NOON
        await do(hall, taking("t2"))
        await do(hall, c.OpenCounter(by="x", counter=1, agent="li"))
        await do(hall, c.CallNext(by="x", counter=1))
        assert hall.state.tickets["t1"].waited_ms == 0
        clock.turn(6 * 3_600_000 + 5_000)
        await do(hall, c.StartService(by="x", counter=1))
        ats = [record.at for record in await records(hall)]
        assert ats == sorted(ats)
        assert (ats[0], ats[-1]) == (NOON, NOON + 5_000)
    async with opened(tmp_path, TurnedClock(NOON - 10 * 86_400_000)) as hall:
        assert hall.now() == NOON + 5_000
