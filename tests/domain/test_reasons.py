"""Why this ticket: the data and the sentence, in both languages, beside every call."""

from __future__ import annotations

from typing import Any

from somc.domain.events import CalledReason
from somc.domain.values import to_plain
from somc.scheduler import Rule
from somc.testing.given import Situation, given, small_hall
from tests.domain.acts import call, finish, hold, open_, resume, start, take, transfer


def reason(hall: Situation, counter: int = 1) -> CalledReason:
    event: Any = hall.when(call(counter)).event
    said: CalledReason = event.reason
    names(said, event.number)
    return said


def names(said: CalledReason, *parts: str) -> None:
    """Both sentences name each part."""
    for part in parts:
        assert part in said.words.en, said.words.en
        assert part in said.words.zh, said.words.zh


def rules(said: CalledReason) -> tuple[Rule, str | None]:
    return said.rule, said.runner_up


def test_the_only_line() -> None:
    hall = (
        given()
        .and_(open_(1), take("t1", "payment", "gold"))
        .after("7min")
        .and_(take("t2", "payment", "gold"))
    )
    said = reason(hall)
    assert rules(said) == ("only", None)
    assert (said.candidates, said.waited_s, said.policy) == (2, 420, "fifo")
    names(said, "gold", "7")
    assert "gold（中）" in said.words.zh


def test_the_best_score_with_the_best_of_the_other_lines() -> None:
    hall = given(small_hall(policy={"kind": "accumulating"})).and_(open_(1), take("t1", "payment", "plain"))
    hall.after("2min").and_(take("t2", "repair", "gold")).after("5min")
    said = reason(hall)
    assert rules(said) == ("score", "A001")
    assert (said.score, said.runner_up_score) == (2000 * 300_000, 1000 * 420_000)
    names(said, "B001", "A001", "accumulating", "5")
    assert "gold" in said.words.en
    assert "gold（中）" in said.words.zh


def test_the_better_level() -> None:
    hall = given(small_hall(counters={1: {"repair": 1, "payment": 4}})).and_(open_(1), take("t1", "payment"))
    said = reason(hall.after("10min").and_(take("t2", "repair")))
    assert rules(said) == ("level", "A001")
    assert said.level == 1
    names(said, "B001", "A001", "plain", "1")


def test_the_longest_wait_of_all() -> None:
    policy = {"kind": "strict", "max_wait_s": 1800}
    hall = given(small_hall(policy=policy)).and_(open_(1), take("t1", "payment", "plain")).after("20min")
    said = reason(hall.and_(take("t2", "payment", "gold")).after("11min"))
    assert rules(said) == ("guard", "A002")
    names(said, "A001", "plain", "31", "30")


def test_candidates_are_those_whom_this_counter_could_have_called() -> None:
    skills = {"payment": 1}
    hall = given(small_hall(counters={1: skills, 2: skills})).and_(open_(1), open_(2))
    hall.and_(take("t1"), take("t2"), take("t3"), take("r1", "repair"), transfer("t3", counter=2))
    assert reason(hall).candidates == 2
    assert reason(hall, 2).candidates == 2


def test_no_sentence_promises_who_is_next() -> None:
    """The runner-up is of another line: here the winner's own line has the next two."""
    hall = given().and_(open_(1), take("t1"), take("t2")).after("1min").and_(take("r1", "repair"))
    said = reason(hall.after("1min"))
    assert rules(said) == ("score", "B001")
    assert "next" not in said.words.en
    assert "其次" not in said.words.zh


def test_a_ticket_keeps_its_reason_while_it_is_at_the_counter_and_no_longer() -> None:
    hall = given().and_(open_(1), take("t1", "payment"))
    said = to_plain(reason(hall))
    assert hall.ticket("t1").reason == said
    hall.and_(hold("t1"), resume("t1"))
    assert hall.ticket("t1").reason is None
    hall.and_(call(1), start(1))
    assert hall.ticket("t1").reason is not None
    hall.and_(finish(1))
    assert hall.ticket("t1").reason is None
