"""given-when-then itself: it fails when it should."""

from __future__ import annotations

from typing import Any

import pytest

import somc.testing.given as module
from somc.domain import events as e
from somc.domain.commands import CallNext
from somc.domain.decide import decide
from somc.domain.evolve import evolve
from somc.domain.state import HallState
from somc.testing.given import given, instant, like, small_hall, week
from tests.domain.acts import call, cancel, open_, take


def test_then_wants_exactly_the_events() -> None:
    for expected in (
        (),
        (e.TicketCancelled,),
        (e.TicketTaken, e.TicketTaken),
        (like(e.TicketTaken, number="B1"),),
    ):
        with pytest.raises(AssertionError, match="TicketTaken A001"):
            given().when(take("t1")).then(*expected)


def test_then_fails_on_a_refusal_and_refused_on_events() -> None:
    with pytest.raises(AssertionError, match="refused as unknown_ticket"):
        given().when(cancel("t1")).then()
    with pytest.raises(AssertionError, match="expected unknown_ticket"):
        given().when(take("t1")).refused("unknown_ticket")


def test_refused_wants_the_code_and_the_words_in_both_languages() -> None:
    outcome = given().when(call(1))
    outcome.refused("counter_closed", "1")
    for code, said in (("counter_paused", "1"), ("counter_closed", "2"), ("counter_closed", "closed")):
        with pytest.raises(AssertionError):
            outcome.refused(code, said)
    with pytest.raises(AssertionError, match="there is no refusal"):
        outcome.refused("made_up")


def test_what_is_given_must_have_been_possible() -> None:
    with pytest.raises(AssertionError, match="was refused"):
        given().and_(call(1))


def test_a_rule_that_writes_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(state: HallState, command: Any, now: int) -> Any:
        state.counts.taken += 1
        return decide(state, command, now)

    monkeypatch.setattr(module, "decide", careless)
    with pytest.raises(AssertionError, match="changed the state"):
        given().when(CallNext(by="x", counter=9))


def test_a_state_that_records_do_not_spell_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(state: HallState, event: e.Event, at: int) -> None:
        evolve(state, event, at)
        if isinstance(event, e.CounterOpened) and state is hall.replayed:
            state.counters[1] = state.counters[2]

    hall = given()
    monkeypatch.setattr(module, "evolve", forgetful)
    with pytest.raises(AssertionError, match=r"records spell another state: \.counters\[0\]"):
        hall.when(open_(1))


def test_time_is_readable_and_never_runs_backwards() -> None:
    hall = given(at="2026-03-02 09:00")
    assert hall.now == instant("2026-03-02 09:00")
    assert hall.at("09:30:05.250").now - instant("2026-03-02 09:00") == 1_805_250
    assert hall.after("90s").after("2h").after("5min").after("250ms").now == instant(
        "2026-03-02 11:36:35.500"
    )
    assert hall.at("2026-03-03 00:10").at("00:20").now == instant("2026-03-03 00:20")
    with pytest.raises(ValueError, match="never runs backwards"):
        hall.at("00:19")
    with pytest.raises(ValueError, match="is no duration"):
        hall.after("soon")


def test_the_small_hall_is_as_its_words_say() -> None:
    hall = given(
        small_hall(services={"a": {}, "b": {"prefix": "A"}, "c": {}}, hours=week("22:00-02:00", sun=()))
    )
    settings = hall.state.hall
    assert [settings.services[name].prefix for name in "abc"] == ["B", "A", "C"]
    assert settings.hours is not None
    assert settings.hours.week == (((79_200, 93_600),),) * 6 + ((),)
    assert settings.default_class == "plain"
    with pytest.raises(ValueError, match="are no days"):
        week(someday=("09:00-10:00",))
    with pytest.raises(ValueError, match="is no span"):
        week("9-5")


def test_like_knows_the_fields_of_its_event() -> None:
    with pytest.raises(ValueError, match="no fields"):
        like(e.TicketTaken, nummer="A001")


def test_a_running_hall_keeps_its_deadlines_and_a_stopped_one_catches_up() -> None:
    running = given().and_(take("t1")).running("11min")
    told = [event for event in running.happened if isinstance(event, e.AlertRaised)]
    assert [(event.kind, event.left_s) for event in told] == [("warning", 120), ("breach", 0)]
    stopped = given().and_(take("t1")).after("11min")
    assert [(event.kind, event.left_s) for event in stopped.due()] == [("breach", -60)]  # type: ignore[attr-defined]
    assert stopped.due() == ()


def test_what_follows_a_command_is_not_what_it_caused() -> None:
    hall = given().and_(open_(1), take("t1")).running("11min")
    outcome = hall.when(call(1))
    outcome.then(e.TicketCalled)
    outcome.followed_by(e.AlertCleared, like(e.AlertCleared, cause="called"))
    with pytest.raises(AssertionError, match="was followed by"):
        outcome.followed_by()
