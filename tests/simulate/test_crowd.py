"""Simulated people in a real hall: the same twice, never above the hall's rules, at home after a restart."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from somc.domain import commands as c
from somc.domain.values import CounterState, TicketState
from somc.errors import Overloaded
from somc.journal.record import Record
from somc.runtime.ids import IdSource
from somc.simulate import crowd as crowd_module
from somc.simulate.arrivals import Arrival, random_arrivals
from somc.simulate.crowd import Crowd
from tests.announce.rig import HALL, TEN, Rig, rig

LIMITED = HALL.replace('prefix = "A"\n', 'prefix = "A"\nmax_waiting = 2\n')


def crowd_of(
    hall: Rig, arrivals: Iterable[Arrival], counters: Sequence[int] = (1, 2), seed: int = 7, **more: Any
) -> Crowd:
    agents = {number: f"sim-{number}" for number in counters}
    begin_ms = hall.clock.now_ms()
    return Crowd(
        hall.hall, iter(arrivals), begin_ms=begin_ms, counters=agents, ids=IdSource(seed), seed=seed, **more
    )


async def play(hall: Rig, crowd: Crowd, until_ms: int | None = None) -> None:
    """Let them act until all are done, or until the clock would pass `until_ms`."""
    while (at := crowd.next_at) is not None and (until_ms is None or at <= until_ms):
        hall.clock.advance(at)
        await crowd.act()


def some(seed: int, count: int = 40, patience_s: float | None = 600) -> list[Arrival]:
    stream = random_arrivals(
        per_hour=60,
        services={"payment": 2, "business": 1},
        classes={"easyown": 1},
        means_s={"payment": 120, "business": 240},
        patience_s=patience_s,
        seed=seed,
    )
    return list(itertools.islice(stream, count))


def kinds(records: Iterable[Record]) -> Counter[str]:
    return Counter(record.type for record in records)


async def whole_day(folder: Path, seed: int) -> list[Record]:
    async with rig(folder, run_announcer=False) as hall:
        await play(hall, crowd_of(hall, some(seed), seed=seed, phones=True))
        hall.hall.state.check_invariants()
        return await hall.records()


async def test_the_same_seed_gives_the_same_acts_at_the_same_instants(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("first", "again", "other")]
    for folder in folders:
        folder.mkdir()
    first, again, other = [await whole_day(*day) for day in zip(folders, (3, 3, 4), strict=True)]
    assert first == again
    assert first != other
    found = kinds(first)
    assert found["ticket.taken"] == 40
    assert found["ticket.finished"] + found["ticket.cancelled"] == 40
    assert found["ticket.finished"] == found["ticket.called"] == found["ticket.service_started"]


async def test_visitors_who_lose_patience_leave_and_those_called_in_time_stay(tmp_path: Path) -> None:
    visits = [
        Arrival(0, "easyown", "payment", 300),
        Arrival(10, "easyown", "payment", 60, patience_s=50),
        Arrival(20, "easyown", "payment", 60, patience_s=2000),
    ]
    async with rig(tmp_path, run_announcer=False) as hall:
        await play(hall, crowd_of(hall, visits, counters=[1]))
        states = [(ticket.number, ticket.state.value) for ticket in hall.hall.state.tickets.values()]
        assert states == [("A001", "finished"), ("A002", "cancelled"), ("A003", "finished")]
        (left,) = [record for record in await hall.records() if record.type == "ticket.cancelled"]
        assert left.at == TEN + 60_000
        assert msgspec.json.decode(left.data)["reason"] == "left"


async def test_the_service_that_an_arrival_brings_is_what_it_gets(tmp_path: Path) -> None:
    async with rig(tmp_path, run_announcer=False) as hall:
        await play(hall, crowd_of(hall, [Arrival(0, "easyown", "payment", 123.0)]))
        (finished,) = [record for record in await hall.records() if record.type == "ticket.finished"]
        assert msgspec.json.decode(finished.data)["served_s"] == 123


async def test_whoever_is_refused_a_ticket_goes_and_the_others_come_on(tmp_path: Path) -> None:
    visits = [Arrival(0, "easyown", "payment", 60)] * 10 + [Arrival(500, "easyown", "payment", 60)]
    async with rig(tmp_path, run_announcer=False, toml=LIMITED) as hall:
        crowd = crowd_of(hall, visits, counters=[1])
        await play(hall, crowd)
        assert crowd.visits == 11
        assert hall.hall.refused == 7
        assert kinds(await hall.records())["ticket.finished"] == 4


async def test_a_real_agent_may_be_faster(tmp_path: Path) -> None:
    # Whatever an agent of the page does at a simulated agent's counter, the crowd goes on with what it finds.
    visits = [Arrival(float(n), "easyown", "payment", 30) for n in range(6)]
    async with rig(tmp_path, run_announcer=False) as hall:
        crowd = crowd_of(hall, visits, counters=[1])
        acts: list[c.Command] = [
            c.StartService(by="agent:wang", counter=1),
            c.FinishService(by="agent:wang", counter=1),
            c.CallNext(by="agent:wang", counter=1),
            c.MarkNoShow(by="agent:wang", counter=1),
            c.PauseCounter(by="agent:wang", counter=1, reason="tea"),
            c.ResumeCounter(by="agent:wang", counter=1),
            c.CallNext(by="agent:wang", counter=1),
        ]
        while (at := crowd.next_at) is not None:
            hall.clock.advance(at)
            await crowd.act()
            if acts and hall.counter(1).agent is not None:
                await hall.hall.submit(acts.pop(0), lambda state, events, now: None)
        assert all(ticket.state.ended for ticket in hall.hall.state.tickets.values())
        assert len(hall.hall.state.tickets) == 6


async def test_a_counter_of_somebody_real_is_left_alone(tmp_path: Path) -> None:
    async with rig(tmp_path, run_announcer=False) as hall:
        await hall.do(c.OpenCounter(by="agent:wang", counter=1, agent="wang"))
        await play(hall, crowd_of(hall, some(1, 10, patience_s=None)))
        assert hall.counter(1).served == 0
        assert hall.counter(2).served == 10


async def test_an_arrival_passes_over_an_idle_agent_who_is_paused(tmp_path: Path) -> None:
    async with rig(tmp_path, run_announcer=False) as hall:
        crowd = crowd_of(hall, [Arrival(60, "easyown", "payment", 30)])
        await play(hall, crowd, TEN)
        await hall.do(c.PauseCounter(by="agent:wang", counter=1, reason="tea"))
        await play(hall, crowd, TEN + 60_000)
        assert hall.at(2).number == "A001"


async def test_after_a_restart_they_go_on_with_those_who_stand_at_the_counters(tmp_path: Path) -> None:
    visits = [Arrival(float(n), "easyown", "payment", 3000) for n in range(4)]
    async with rig(tmp_path, run_announcer=False) as hall:
        await play(hall, crowd_of(hall, visits), TEN + 60_000)
        assert {hall.at(1).state, hall.at(2).state} == {TicketState.SERVING}
        await hall.open(3)
    async with rig(tmp_path, run_announcer=False, now_ms=TEN + 120_000) as hall:
        called = await hall.take("business")
        await hall.do(c.CallTicket(by="agent:wang", counter=3, ticket=called.id))
        # Counter 3 belonged to agent3 before the restart: the crowd takes it over by the agent's name.
        agents = {1: "sim-1", 2: "sim-2", 3: "agent3"}
        crowd = Crowd(
            hall.hall, iter(()), begin_ms=hall.clock.now_ms(), counters=agents, ids=IdSource(9), seed=9
        )
        await play(hall, crowd)
        states = Counter(ticket.state for ticket in hall.hall.state.tickets.values())
        assert states == {TicketState.FINISHED: 5}
        assert hall.counter(3).served == 1
        opened = [record for record in await hall.records() if record.type == "counter.opened"]
        assert len(opened) == 3, "an open counter was opened again"


async def test_a_full_door_costs_an_act_and_not_the_hall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, run_announcer=False) as hall:
        crowd = crowd_of(hall, some(5, 20, patience_s=None))
        await play(hall, crowd, TEN)  # the counters are open
        plain = hall.hall.submit
        asked = 0

        async def often_full(*args: Any, **more: Any) -> Any:
            nonlocal asked
            asked += 1
            if asked % 3 == 0:
                raise Overloaded(retry_after_s=1)
            return await plain(*args, **more)

        monkeypatch.setattr(hall.hall, "submit", often_full)
        await play(hall, crowd)
        found = kinds(await hall.records())
        assert 0 < found["ticket.taken"] < 20
        assert found["ticket.finished"] > 0
        # Nothing hangs at a counter: each goes on once the door is free again.
        assert all(counter.ticket is None for counter in hall.hall.state.counters.values())


async def test_an_agent_who_meets_a_full_door_opens_the_counter_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, run_announcer=False) as hall:
        plain = hall.hall.submit
        opened = 0

        async def full_at_first(command: c.Command, *args: Any, **more: Any) -> Any:
            nonlocal opened
            if isinstance(command, c.OpenCounter):
                opened += 1
                if opened <= 2:
                    raise Overloaded(retry_after_s=1)
            return await plain(command, *args, **more)

        monkeypatch.setattr(hall.hall, "submit", full_at_first)
        await play(hall, crowd_of(hall, [Arrival(60, "easyown", "payment", 30)], counters=[1]))
        assert opened == 3
        assert hall.counter(1).served == 1


@pytest.mark.parametrize("patience_s", [None, 5])
async def test_nothing_is_remembered_of_those_who_left_by_another_door(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patience_s: float | None
) -> None:
    monkeypatch.setattr(crowd_module, "KEPT_BEFORE_SWEEP", 8)
    visits = [Arrival(10.0 * n, "easyown", "payment", 30, patience_s) for n in range(50)]
    async with rig(tmp_path, run_announcer=False) as hall:
        crowd = crowd_of(hall, visits, counters=[])
        most = 0
        while (at := crowd.next_at) is not None:
            hall.clock.advance(at)
            await crowd.act()
            most = max(most, len(crowd._service_s))
            for ticket in hall.hall.state.live_tickets():
                await hall.do(c.CancelTicket(by="agent:wang", ticket=ticket.id, reason="left"))
        assert crowd.visits == 50
        assert most == (7 if patience_s is None else 1)


async def test_those_who_still_wait_are_remembered_however_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowd_module, "KEPT_BEFORE_SWEEP", 4)
    visits = [Arrival(0, "easyown", "payment", 17.0)] * 20
    async with rig(tmp_path, run_announcer=False) as hall:
        await play(hall, crowd_of(hall, visits))
        served = [
            msgspec.json.decode(record.data)["served_s"]
            for record in await hall.records()
            if record.type == "ticket.finished"
        ]
        assert served == [17] * 20


# -- in real time -----------------------------------------------------------------------------------


async def test_an_idle_agent_finds_whoever_came_by_another_door(tmp_path: Path) -> None:
    async with rig(tmp_path, run_announcer=False) as hall:
        crowd = crowd_of(hall, [Arrival(3600, "easyown", "payment", 30)])
        hall.nursery.start_soon(crowd.live)
        await hall.until(lambda: hall.counter(2).state is CounterState.OPEN)
        await hall.quiet()
        ticket = await hall.take()
        await hall.quiet()
        assert hall.ticket(ticket.id).state is TicketState.WAITING
        decided = hall.hall.decided
        hall.clock.advance(TEN + int(crowd_module.LOOK_AGAIN_S * 1000))
        await hall.until(lambda: hall.ticket(ticket.id).state is TicketState.CALLED)
        assert hall.hall.decided == decided + 1, "one agent called, and nobody asked in vain"


async def test_they_go_home_when_the_hall_stops(tmp_path: Path) -> None:
    async with rig(tmp_path, run_announcer=False) as hall:
        crowd = crowd_of(hall, some(1))
        gone = trio.Event()

        async def live() -> None:
            await crowd.live()
            gone.set()

        hall.nursery.start_soon(live)
        await hall.until(lambda: hall.counter(1).state is CounterState.OPEN)
        await hall.hall.close_door()
        with trio.fail_after(10):
            while not gone.is_set():
                hall.clock.advance(hall.clock.now_ms() + 60_000)
                await trio.testing.wait_all_tasks_blocked()


async def test_they_live_until_all_are_done(tmp_path: Path) -> None:
    async with rig(tmp_path, run_announcer=False) as hall:
        crowd = crowd_of(hall, [Arrival(1, "easyown", "payment", 30, patience_s=100)])
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(crowd.live)
                while crowd.next_at is not None:
                    await hall.quiet()
                    hall.clock.advance(hall.clock.now_ms() + 1_000)
        assert hall.counter(1).served == 1
