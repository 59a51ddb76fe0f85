"""Nobody came: back into line behind the n-th, gaining nothing, told of nothing twice, not for ever."""

from __future__ import annotations

from typing import Any

import pytest

from somc.domain import events as e
from somc.testing.given import Situation, given, instant, like, small_hall
from tests.domain.acts import call, call_ticket, hold, open_, recall, return_, start, take


def line(hall: Situation) -> list[str]:
    """Who would be called, in order."""
    profile = hall.state.queues.counter_profile(1)
    return [hall.state.by_key[key] for key in hall.state.scheduler.preview(profile, hall.now, 99)]


def hall_of(behind: int = 3, people: int = 6, pause: str = "0s", **more: Any) -> Situation:
    hall = given(small_hall(policy={"kind": "fifo", "behind": behind}, **more)).and_(open_(1), open_(2))
    for n in range(1, people + 1):
        hall.and_(take(f"t{n}")).after(pause)
    return hall


@pytest.mark.parametrize("pause", ["0s", "1ms", "2min"])
@pytest.mark.parametrize(
    ("behind", "order"),
    [
        (1, ["t2", "t1", "t3", "t4", "t5", "t6"]),
        (3, ["t2", "t3", "t4", "t1", "t5", "t6"]),
        (5, ["t2", "t3", "t4", "t5", "t6", "t1"]),
        (99, ["t2", "t3", "t4", "t5", "t6", "t1"]),
    ],
)
def test_a_called_ticket_goes_behind_the_nth_of_its_line(behind: int, order: list[str], pause: str) -> None:
    hall = hall_of(behind, pause=pause).and_(call(1))
    hall.when(return_(1)).then(like(e.TicketReturned, ticket="t1", counter=1, behind=behind))
    assert line(hall) == order
    ticket = hall.ticket("t1")
    assert (ticket.state.value, ticket.counter, ticket.agent, ticket.returned) == ("waiting", None, None, 1)
    assert hall.counter(1).ticket is None


def test_alone_in_its_line_it_is_next_again() -> None:
    hall = hall_of(people=1).and_(call(1), return_(1))
    assert line(hall) == ["t1"]
    assert hall.ticket("t1").v == hall.ticket("t1").taken_at


def test_nobody_gains_a_place_by_not_coming() -> None:
    hall = hall_of(behind=1, pause="1min").and_(call_ticket(1, "t5"), return_(1))
    assert line(hall) == ["t1", "t2", "t3", "t4", "t5", "t6"]


def test_returned_twice_it_goes_back_each_time() -> None:
    hall = hall_of(behind=2, pause="1min").and_(call(1), return_(1))
    assert line(hall) == ["t2", "t3", "t1", "t4", "t5", "t6"]
    hall.and_(call(1), call(2), return_(1))
    assert line(hall) == ["t1", "t4", "t2", "t5", "t6"]
    assert hall.ticket("t2").returned == 1


def test_its_recalls_go_on_counting_so_that_it_ends_as_a_no_show() -> None:
    hall = hall_of(behind=1, max_recalls=2).and_(call(1), recall(1), return_(1), call(1), return_(1), call(1))
    assert hall.ticket("t1").state.at_counter
    assert hall.ticket("t1").recalls == 1
    hall.and_(recall(1))
    hall.when(recall(1)).then(like(e.TicketNoShow, ticket="t1", cause="recalls"))


def test_it_is_told_of_no_alert_twice() -> None:
    hall = hall_of(behind=1).running("9min").and_(call(1))
    hall.when(return_(1)).followed_by()
    hall.running("1min")
    about_t1 = [
        event.kind for event in hall.happened if isinstance(event, e.AlertRaised) and event.ticket == "t1"
    ]
    assert about_t1 == ["warning", "breach"]


def test_its_wait_goes_on_from_what_it_had_waited() -> None:
    hall = hall_of(people=1).after("5min").and_(call(1)).after("1min").and_(return_(1)).after("2min")
    hall.when(call(1)).then(like(e.TicketCalled, ticket="t1"))
    assert hall.ticket("t1").waited_ms == 7 * 60_000


def test_an_appointment_that_nobody_answers_joins_the_walk_ins() -> None:
    hall = hall_of(behind=2, people=3, pause="1min")
    hall.and_(take("b1", booked_at=instant("2026-03-02 09:04"))).at("09:04")
    hall.when(call(1)).then(like(e.TicketCalled, ticket="b1"))
    hall.and_(return_(1))
    assert line(hall) == ["t1", "t2", "t3", "b1"]  # its booked time is after theirs: no place is gained
    assert not hall.ticket("b1").booked


def test_only_who_was_called_and_not_yet_served_can_go_back() -> None:
    hall = hall_of().and_(call(1), start(1))
    hall.when(return_(1)).refused("ticket_state", "A001")
    hall.when(return_(2)).refused("counter_idle", "2")
    hall.and_(hold("t1"))


def test_where_nobody_goes_back_it_is_refused() -> None:
    hall = hall_of(behind=0).and_(call(1))
    hall.when(return_(1)).refused("return_not_offered")
