"""Ratings (评价) and footfall (客流): what customers tell without asking for anything."""

from __future__ import annotations

import pytest

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.rating import MOST_PEOPLE
from somc.testing.given import Situation, given, like, small_hall
from tests.domain.acts import call, cancel, count, end_day, finish, no_show, open_, rate, start, take

NINE = "2026-03-02 09:00"


def served(window_s: int = 600) -> Situation:
    hall = given(small_hall(rating_window_s=window_s), at=NINE)
    return hall.and_(open_(1), take("t1"), call(1), start(1), finish(1))


def test_a_rating_is_kept_with_who_served_and_shown_on_the_ticket() -> None:
    hall = served()
    assert hall.ticket("A001").agent == "agent1"
    hall.when(rate("t1", 4), at="09:00:20").then(
        e.TicketRated(
            by="device:evaluator-1",
            ticket="t1",
            number="A001",
            counter=1,
            agent=hall.ticket("A001").agent,
            scale=5,
            source="evaluator",
            score=4,
        )
    )
    rating = hall.ticket("A001").rating
    assert rating is not None
    assert (rating.score, rating.scale, rating.source, rating.at) == (4, 5, "evaluator", hall.now)
    assert hall.ticket("A001").state == "finished"


def test_nobody_who_was_not_asked_has_a_rating() -> None:
    assert served().ticket("A001").rating is None


def test_no_press_is_kept_as_not_rated_once() -> None:
    hall = served()
    hall.when(rate("t1", None)).then(like(e.TicketRated, score=None, scale=5))
    assert hall.ticket("A001").rating is not None
    hall.when(rate("t1", None)).then()


def test_a_rating_in_time_replaces_not_rated_and_is_final() -> None:
    hall = served().and_(rate("t1", None))
    hall.when(rate("t1", 5)).then(like(e.TicketRated, score=5))
    hall.when(rate("t1", 1)).refused("already_rated")
    hall.when(rate("t1", None)).then()
    rating = hall.ticket("A001").rating
    assert rating is not None
    assert rating.score == 5


@pytest.mark.parametrize(("at", "taken"), [("09:01", True), ("09:01:00.001", False)])
def test_the_window_ends_to_the_millisecond(at: str, taken: bool) -> None:
    outcome = served(window_s=60).when(rate("t1", 3), at=at)
    if taken:
        outcome.then(e.TicketRated)
    else:
        outcome.refused("rating_over")


@pytest.mark.parametrize(("score", "scale"), [(0, 5), (6, 5), (-1, 5), (1, 1), (11, 11), (None, 0)])
def test_a_score_lies_on_its_scale(score: int | None, scale: int) -> None:
    served().when(rate("t1", score, scale)).refused("bad_rating")


def test_only_a_finished_service_is_rated() -> None:
    hall = given(at=NINE).and_(open_(1), take("t1"))
    hall.when(rate("t1", 5)).refused("ticket_state")
    hall.and_(call(1)).when(rate("t1", 5)).refused("ticket_state")
    hall.and_(start(1)).when(rate("t1", 5)).refused("ticket_state")
    gone = given(at=NINE).and_(open_(1), take("t1"), take("t2"), cancel("t1"), call(1), no_show(1))
    for ticket in ("t1", "t2"):
        gone.when(rate(ticket, 5)).refused("ticket_state")
    gone.when(rate("t3", 5)).refused("unknown_ticket")


def test_a_source_is_a_plain_text() -> None:
    command = c.RateTicket(by="x", ticket="t1", score=1, scale=5, source="from 13800138000")
    served().when(command).refused("phone_in_text")


def test_a_rating_survives_a_restart_and_goes_with_its_day() -> None:
    hall = served().and_(rate("t1", 2))
    assert hall.reloaded().dump() == hall.state.dump()
    hall.when(end_day(), at="2026-03-03 04:00")
    hall.when(rate("t1", 5)).refused("unknown_ticket")


def test_people_are_added_up_by_door_and_day() -> None:
    hall = given(at=NINE).and_(count("north", 3, 1), count("south", 2), count("north", 4, 4))
    assert {door: (foot.entered, foot.left) for door, foot in hall.state.footfall.items()} == {
        "north": (7, 5),
        "south": (2, 0),
    }
    hall.when(count("north", 1), at="2026-03-03 09:00").then(like(e.PeopleCounted, entered=1, left=0))
    assert hall.state.footfall["north"].entered == 1
    assert hall.reloaded().dump() == hall.state.dump()


def test_nobody_is_no_news_and_nonsense_is_refused() -> None:
    hall = given(at=NINE)
    hall.when(count("north", 0)).then()
    hall.when(count("north", -1)).refused("bad_count")
    hall.when(count("north", MOST_PEOPLE + 1)).refused("bad_count")
    hall.when(count("north", 1, since=hall.now + 1)).refused("bad_count")
    hall.when(count("", 1)).refused("bad_text")
