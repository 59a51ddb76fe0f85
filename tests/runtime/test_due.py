"""What is due by itself in a running hall: in one commit with what called for it, once, also over a restart;
and a rule that fails stops nothing else."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from somc.domain import commands as c
from somc.domain import decide as rules
from somc.errors import RuleFailed
from somc.runtime.hall import Hall
from tests.runtime.rig import TurnedClock, do, opened, records, taking
from tests.server.rig import HALL

MINUTE_MS = 60_000
AUTO = HALL.replace("[counter.1]\n", '[counter.1]\nmode = "auto"\n')


async def types(hall: Hall) -> list[str]:
    return [record.type for record in await records(hall)]


async def told(hall: Hall) -> list[str]:
    """The alerts that were raised, by their ids."""
    found = [record for record in await records(hall) if record.type == "alert.raised"]
    return [msgspec.json.decode(record.data)["alert"] for record in found]


async def wait_for(hall: Hall, type_: str, count: int) -> None:
    """Until so many records of a type are on disk."""
    with trio.fail_after(10):
        while (await types(hall)).count(type_) < count:
            await hall.journal.wait_beyond(hall.journal.head)


async def test_alerts_come_at_their_moments_while_nobody_asks_anything(tmp_path: Path) -> None:
    clock = TurnedClock()
    async with opened(tmp_path, clock) as hall:
        taken_at = clock.now_ms()
        await do(hall, taking("t1"))
        clock.turn(8 * MINUTE_MS)
        await wait_for(hall, "alert.raised", 1)
        clock.turn(2 * MINUTE_MS)
        await wait_for(hall, "alert.raised", 2)
        raised = [record for record in await records(hall) if record.type == "alert.raised"]
        assert [record.at - taken_at for record in raised] == [8 * MINUTE_MS, 10 * MINUTE_MS]
        assert await told(hall) == ["warning:t1", "breach:t1"]
        hall.state.check_invariants()


async def test_an_alert_told_before_a_kill_is_not_told_after(tmp_path: Path) -> None:
    clock = TurnedClock()
    async with opened(tmp_path, clock) as hall:
        await do(hall, taking("t1"))
        await do(hall, taking("t2"))
        clock.turn(9 * MINUTE_MS)
        await wait_for(hall, "alert.raised", 2)
        await do(hall, c.HoldTicket(by="x", ticket="t2"))
    # Down while the promise to t1 is missed: the breach comes once, the warning never again.
    clock = TurnedClock(clock.now_ms() + 20 * MINUTE_MS)
    async with opened(tmp_path, clock) as hall:
        await do(hall, c.ResumeTicket(by="x", ticket="t2"))
        await wait_for(hall, "alert.raised", 4)
        assert sorted(await told(hall)) == ["breach:t1", "breach:t2", "warning:t1", "warning:t2"]
    async with opened(tmp_path, TurnedClock(clock.now_ms() + MINUTE_MS)) as hall:
        await do(hall, taking("t3"))
        assert len(await told(hall)) == 4
        assert hall.state.tickets["t1"].told == 2
        hall.state.check_invariants()


async def test_what_was_on_disk_at_a_kill_is_enough_to_tell_nothing_twice(tmp_path: Path) -> None:
    clock = TurnedClock()
    killed = tmp_path / "killed"
    async with opened(tmp_path / "running", clock) as hall:
        await do(hall, taking("t1"))
        clock.turn(9 * MINUTE_MS)
        await wait_for(hall, "alert.raised", 1)
        # What a kill leaves: the files as they are, nothing closed.
        shutil.copytree(tmp_path / "running" / "data", killed / "data")
    clock = TurnedClock(clock.now_ms() + MINUTE_MS)
    async with opened(killed, clock) as hall:
        await do(hall, c.OpenCounter(by="x", counter=1, agent="li"))
        assert await told(hall) == ["warning:t1", "breach:t1"]
        await do(hall, c.CallNext(by="x", counter=1))
        assert (await types(hall))[-3:] == ["ticket.called", "alert.cleared", "alert.cleared"]


async def test_what_a_command_calls_for_is_in_its_commit_and_not_in_its_answer(tmp_path: Path) -> None:
    async with opened(tmp_path, toml=AUTO) as hall:
        await do(hall, c.OpenCounter(by="x", counter=1, agent="li"))
        commits = hall.journal.stats().commits
        taken = await do(hall, taking("t1"))
        assert [type(event).__name__ for event in taken.events] == ["TicketTaken"]
        assert hall.journal.stats().commits == commits + 1
        assert (await types(hall))[-2:] == ["ticket.taken", "ticket.called"]
        called = (await records(hall))[-1]
        assert msgspec.json.decode(called.data)["by"] == "distribution"


async def test_a_window_that_opens_calls_somebody_to_an_auto_counter_by_itself(tmp_path: Path) -> None:
    clock = TurnedClock()
    async with opened(tmp_path, clock, AUTO) as hall:
        await do(hall, c.OpenCounter(by="x", counter=1, agent="li"))
        booked = msgspec.structs.replace(taking("t1"), booked_at=clock.now_ms() + 20 * MINUTE_MS)
        await do(hall, booked)
        assert hall.next_due() == clock.now_ms() + 15 * MINUTE_MS
        clock.turn(15 * MINUTE_MS)
        await wait_for(hall, "ticket.called", 1)


# -- faults -----------------------------------------------------------------------------------------


def broken(*_: Any) -> Any:
    raise ZeroDivisionError("a rule's own mistake")


@asynccontextmanager
async def with_alert_due(tmp_path: Path) -> AsyncIterator[tuple[Hall, TurnedClock]]:
    clock = TurnedClock()
    async with opened(tmp_path, clock, AUTO) as hall:
        await do(hall, taking("t1"))
        yield hall, clock


@pytest.mark.parametrize("rule", [broken, lambda state, command, now: []], ids=["raises", "for ever due"])
async def test_an_alert_rule_at_fault_stops_neither_calls_nor_other_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: Any
) -> None:
    async with with_alert_due(tmp_path) as (hall, clock):
        with monkeypatch.context() as patched:
            patched.setitem(rules.RULES, c.RaiseAlerts, rule)
            clock.turn(9 * MINUTE_MS)
            await do(hall, c.OpenCounter(by="x", counter=1, agent="li"))
            assert (await types(hall))[-2:] == ["counter.opened", "ticket.called"]
        assert await told(hall) == []


async def test_a_rule_that_fails_is_tried_again_later_and_does_not_spin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = 0

    def failing(*_: Any) -> Any:
        nonlocal tried
        tried += 1
        raise ZeroDivisionError("a rule's own mistake")

    async with with_alert_due(tmp_path) as (hall, clock):
        monkeypatch.setitem(rules.RULES, c.RaiseAlerts, failing)
        clock.turn(9 * MINUTE_MS)
        with pytest.raises(RuleFailed, match="RaiseAlerts"):
            await hall.carry_out_due()
        await trio.sleep(0.3)
        assert tried <= 2  # ours, and that of the deadline task, which now waits before it tries again
        monkeypatch.undo()
        await hall.carry_out_due()
        assert await told(hall) == ["warning:t1"]


async def test_a_distribution_that_fails_leaves_the_customer_to_whoever_presses_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with with_alert_due(tmp_path) as (hall, _):
        monkeypatch.setitem(rules.RULES, c.AssignCounter, broken)
        await do(hall, c.OpenCounter(by="x", counter=1, agent="li"))
        assert hall.state.counters[1].ticket is None
        await do(hall, c.CallNext(by="x", counter=1))
        assert hall.state.counters[1].ticket == "t1"
