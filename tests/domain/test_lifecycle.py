"""The life of tickets and counters: every pair of a state and an act, allowed or refused by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.evolve import evolve
from somc.domain.lifecycle import ACTS, COUNTER_MOVES, STATE_WORDS, TICKET_MOVES
from somc.domain.values import CounterState, TicketState, Words
from somc.testing.given import Situation, given
from tests.domain import acts

T, C = TicketState, CounterState

PATHS: dict[TicketState, tuple[c.Command, ...]] = {
    T.WAITING: (),
    T.CALLED: (acts.call(1),),
    T.SERVING: (acts.call(1), acts.start(1)),
    T.HELD: (acts.hold("t1"),),
    T.FINISHED: (acts.call(1), acts.start(1), acts.finish(1)),
    T.NO_SHOW: (acts.call(1), acts.no_show(1)),
    T.CANCELLED: (acts.cancel("t1"),),
}
"""How a ticket comes into each state in which the hall still knows it (expired ones leave with their day)."""

ON_TICKETS: dict[type[e.Event], c.Command] = {
    e.TicketCalled: acts.call_ticket(2, "t1"),
    e.TicketCancelled: acts.cancel("t1"),
    e.TicketHeld: acts.hold("t1"),
    e.TicketResumed: acts.resume("t1"),
    e.TicketTransferred: acts.transfer("t1", "payment", 2),
    e.TicketRated: acts.rate("t1", 5),
}
AT_COUNTERS: dict[type[e.Event], c.Command] = {
    e.TicketRecalled: acts.recall(1),
    e.TicketServiceStarted: acts.start(1),
    e.TicketFinished: acts.finish(1),
    e.TicketNoShow: acts.no_show(1),
    e.TicketReturned: acts.return_(1),
}


def with_ticket(state: TicketState) -> Situation:
    hall = given().and_(acts.open_(1), acts.open_(2), acts.take("t1"), *PATHS[state])
    assert hall.ticket("t1").state is state
    return hall


@pytest.mark.parametrize("act", ON_TICKETS, ids=lambda act: act.__name__)
@pytest.mark.parametrize("state", PATHS)
def test_act_on_a_ticket_follows_the_table(state: TicketState, act: type[e.Event]) -> None:
    outcome = with_ticket(state).when(ON_TICKETS[act])
    if (state, act) in TICKET_MOVES:
        hall = outcome.then(act)
        assert hall.ticket("t1").state is TICKET_MOVES[state, act]
    else:
        outcome.refused("ticket_state", "A001")
        says(outcome.refusal.words if outcome.refusal else None, STATE_WORDS[state], ACTS[act])


@pytest.mark.parametrize("act", AT_COUNTERS, ids=lambda act: act.__name__)
@pytest.mark.parametrize("state", PATHS)
def test_act_at_a_counter_follows_the_table(state: TicketState, act: type[e.Event]) -> None:
    outcome = with_ticket(state).when(AT_COUNTERS[act])
    if (state, act) in TICKET_MOVES:
        hall = outcome.then(act)
        assert hall.ticket("t1").state is TICKET_MOVES[state, act]
    elif state.at_counter:
        outcome.refused("ticket_state", "A001")
        says(outcome.refusal.words if outcome.refusal else None, STATE_WORDS[state], ACTS[act])
    else:
        outcome.refused("counter_idle", "1")


def says(words: Words | None, *parts: Words) -> None:
    """Each part in its own language."""
    assert words is not None
    for part in parts:
        assert part.en in words.en
        assert part.zh in words.zh


def test_every_act_of_the_table_was_tried() -> None:
    """Taking begins a life, expiring ends it with the day: both have their own tests."""
    acts_of_table = {act for _, act in TICKET_MOVES}
    assert acts_of_table == {*ON_TICKETS, *AT_COUNTERS, e.TicketTaken, e.TicketExpired}


def test_an_ended_state_has_no_way_out() -> None:
    left = {before for (before, _), after in TICKET_MOVES.items() if before not in (None, after)}
    assert left == {state for state in TicketState if not state.ended}


def test_an_expired_ticket_is_gone_with_its_day() -> None:
    hall = given().and_(acts.open_(2), acts.take("t1")).at("2026-03-03 04:00").and_(acts.end_day())
    for command in ON_TICKETS.values():
        hall.when(command).refused("unknown_ticket", "t1")


@pytest.mark.parametrize("act", dict.fromkeys(act for _, act in COUNTER_MOVES))
@pytest.mark.parametrize("state", CounterState)
def test_act_of_a_counter_follows_the_table(state: CounterState, act: type[e.Event]) -> None:
    commands: dict[type[e.Event], Callable[[int], c.Command]] = {
        e.CounterOpened: acts.open_,
        e.CounterPaused: acts.pause,
        e.CounterResumed: acts.resume_counter,
        e.CounterClosed: acts.close,
    }
    before = {C.CLOSED: (), C.OPEN: (acts.open_(1),), C.PAUSED: (acts.open_(1), acts.pause(1))}
    outcome = given().and_(*before[state]).when(commands[act](1))
    if (state, act) in COUNTER_MOVES:
        hall = outcome.then(act)
        assert hall.counter(1).state is COUNTER_MOVES[state, act]
    else:
        assert outcome.refusal is not None
        assert outcome.refusal.kind == "conflict"
        assert "1" in outcome.refusal.words.en
        assert "1" in outcome.refusal.words.zh


# -- a journal that cannot be -----------------------------------------------------------------------


IMPOSSIBLE: dict[type[e.Event], e.Event] = {
    e.TicketRecalled: e.TicketRecalled(by="x", ticket="t1", number="A001", counter=1, recalls=1),
    e.TicketServiceStarted: e.TicketServiceStarted(by="x", ticket="t1", number="A001", counter=1),
    e.TicketFinished: e.TicketFinished(by="x", ticket="t1", number="A001", counter=1, waited_s=0, served_s=0),
    e.TicketNoShow: e.TicketNoShow(by="x", ticket="t1", number="A001", counter=1, cause="agent"),
    e.TicketCancelled: e.TicketCancelled(by="x", ticket="t1", number="A001"),
    e.TicketHeld: e.TicketHeld(by="x", ticket="t1", number="A001"),
    e.TicketResumed: e.TicketResumed(by="x", ticket="t1", number="A001"),
    e.TicketTransferred: e.TicketTransferred(
        by="x", ticket="t1", number="A001", to_service="repair", to_counter=0, target_wait_s=600
    ),
    e.TicketExpired: e.TicketExpired(by="x", ticket="t1", number="A001", day="2026-03-02"),
}


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (state, event)
        for state in PATHS
        for act, event in IMPOSSIBLE.items()
        if (state, act) not in TICKET_MOVES
    ],
    ids=lambda value: str(value) if isinstance(value, str) else type(value).__name__,
)
def test_a_record_that_cannot_follow_stops_the_replay(state: TicketState, event: e.Event) -> None:
    hall = with_ticket(state)
    with pytest.raises(KeyError):
        evolve(hall.state, event, hall.now)
