"""Expected waits: numbers small enough to be worked out by hand. A payment takes 180 s, a repair 600 s."""

from __future__ import annotations

import pytest

from somc.domain.estimates import everybody, forecast
from somc.testing.given import Situation, given, instant, small_hall
from tests.domain.acts import (
    call,
    call_ticket,
    change,
    close,
    finish,
    hold,
    open_,
    pause,
    start,
    take,
    transfer,
)

TWO_FOR_PAYMENT = small_hall(counters={1: {"payment": 1}, 2: {"payment": 1}})


def told(
    hall: Situation, ticket: str, service: str = "payment", kind: str = "plain"
) -> tuple[int, int | None]:
    """Position and expected wait on the slip of somebody who joins now."""
    event = hall.when(take(ticket, service, kind)).event
    return event.position, event.estimated_wait_s


def test_with_no_counter_open_nothing_is_promised() -> None:
    hall = given()
    assert told(hall, "t1") == (1, None)
    hall.and_(open_(2))
    assert told(hall, "r1", "repair") == (1, None)
    hall.and_(pause(2))
    assert told(hall, "t2") == (2, None)


def test_one_counter_serves_one_after_the_other() -> None:
    hall = given().and_(open_(2))
    assert [told(hall, f"t{place}") for place in range(4)] == [(1, 0), (2, 180), (3, 360), (4, 540)]


def test_two_counters_serve_two_at_a_time() -> None:
    hall = given(TWO_FOR_PAYMENT).and_(open_(1), open_(2))
    assert [told(hall, f"t{place}")[1] for place in range(5)] == [0, 0, 180, 180, 360]


def test_services_of_different_length_free_their_counter_when_they_end() -> None:
    """Counter 1 repairs until 600 s; counter 2 takes payments at 0, 180, 360 and 540, then counter 1 one."""
    hall = given().and_(open_(1), open_(2), take("r1", "repair"), call(1), start(1))
    assert [told(hall, f"t{place}")[1] for place in range(5)] == [0, 180, 360, 540, 600]


@pytest.mark.parametrize(
    ("served", "rest"), [("0s", 180), ("60s", 120), ("135s", 45), ("170s", 45), ("1h", 45)]
)
def test_whoever_is_served_needs_the_rest_of_a_mean_or_a_quarter_more(served: str, rest: int) -> None:
    hall = given().and_(open_(2), take("t1"), call(2), start(2)).after(served)
    assert told(hall, "t2") == (1, rest)


def test_whoever_is_called_still_needs_a_whole_service() -> None:
    hall = given().and_(open_(2), take("t1"), call(2)).after("5min")
    assert told(hall, "t2") == (1, 180)


def test_a_better_class_passes_those_who_wait() -> None:
    hall = given(small_hall(policy={"kind": "strict"})).and_(open_(2))
    assert [told(hall, f"t{place}") for place in range(3)] == [(1, 0), (2, 180), (3, 360)]
    assert told(hall, "gold", kind="gold") == (1, 0)
    assert told(hall, "plain") == (5, 720)


def test_everybody_is_told_a_place_that_adds_up() -> None:
    hall = given().and_(open_(1), open_(2), take("t1"), take("t2"), take("r1", "repair"), take("t3"))
    places = everybody(hall.state, hall.now)
    assert {ticket: place.wait // 1000 for ticket, place in places.items()} == {
        "t1": 0,
        "t2": 0,
        "r1": 180,
        "t3": 180,
    }


def test_whom_no_open_counter_will_call_is_told_nothing() -> None:
    hall = given().and_(open_(1), open_(2), take("r1", "repair"), take("t1"), transfer("t1", counter=2))
    assert everybody(hall.state, hall.now).keys() == {"r1", "t1"}
    hall.and_(close(1), pause(2))
    assert everybody(hall.state, hall.now) == {}


def test_a_change_of_the_mean_changes_what_is_told_next() -> None:
    hall = given().and_(open_(2), take("t1"))
    assert told(hall, "t2") == (2, 180)
    hall.and_(change(service__payment__mean_service_s=60))
    assert told(hall, "t3") == (3, 120)


@pytest.mark.parametrize(("served", "rest"), [("60400ms", 120), ("60500ms", 120), ("60501ms", 119)])
def test_seconds_are_rounded_halves_up(served: str, rest: int) -> None:
    hall = given().and_(open_(2), take("t1"), call(2), start(2)).after(served)
    assert told(hall, "t2") == (1, rest)


def test_an_estimate_once_given_stays_what_it_was() -> None:
    hall = given().and_(open_(2), take("t1"), take("t2")).after("1h").and_(close(2))
    assert hall.ticket("t2").estimated_wait_s == 180


# -- learned means ----------------------------------------------------------------------------------


def served(hall: Situation, duration: str, times: int = 1) -> Situation:
    """Payments at counter 2 that take so long, one after the other."""
    for _ in range(times):
        number = len(hall.happened)
        hall.and_(take(f"s{number}"), call(2), start(2)).after(duration).and_(finish(2))
    return hall


def test_every_service_moves_the_mean_by_a_sixteenth_of_its_distance() -> None:
    hall = served(given().and_(open_(2)), "196s")
    assert hall.state.learned_ms == {"payment": 181_000}
    hall.and_(take("t1"))
    assert told(hall, "t2") == (2, 181)
    served(hall, "181s")
    assert hall.state.learned_ms == {"payment": 181_000}


def test_the_mean_stays_within_a_third_and_three_times_the_configured() -> None:
    assert served(given().and_(open_(2)), "1s", 99).state.learned_ms == {"payment": 60_000}
    assert served(given().and_(open_(2)), "2h", 9).state.learned_ms == {"payment": 540_000}


def test_with_configured_means_nothing_learned_counts() -> None:
    hall = served(given().and_(open_(2)), "600s", 9)
    hall.and_(change(estimates__means="configured"), take("t1"))
    assert told(hall, "t2") == (2, 180)
    hall.and_(change(estimates__means=None))
    assert told(hall, "t3")[1] != 360


def test_a_service_that_is_sent_on_counts_and_one_that_is_set_aside_does_not() -> None:
    hall = given().and_(open_(1), take("t1"), call(1), start(1)).after("196s").and_(transfer("t1", "repair"))
    assert hall.state.learned_ms == {"payment": 181_000}
    hall.and_(take("t2"), call_ticket(1, "t2"), start(1)).after("9s").and_(hold("t2"))
    assert hall.state.learned_ms == {"payment": 181_000}


# -- everybody's place ------------------------------------------------------------------------------


def test_a_place_is_counted_in_the_line_of_the_service() -> None:
    hall = given().and_(
        open_(1), open_(2), take("t1"), take("r1", "repair"), take("t2"), take("r2", "repair")
    )
    # Counter 1 calls t1, counter 2 (payments only) t2; after three minutes r1, then r2.
    places = {"t1": (1, 0), "t2": (2, 0), "r1": (1, 180), "r2": (2, 780)}
    assert forecast(hall.state, hall.now) == places
    hall.and_(close(1))
    assert forecast(hall.state, hall.now)["r2"] == (2, None)


def test_who_has_an_appointment_that_is_not_open_yet_has_a_wait_and_no_place() -> None:
    hall = given().and_(open_(2), take("b1", booked_at=instant("2026-03-02 10:00")))
    assert forecast(hall.state, hall.now) == {"b1": (None, 55 * 60)}
    hall.at("09:55")
    assert forecast(hall.state, hall.now) == {"b1": (1, 0)}


def test_the_place_on_the_slip_is_the_place_that_everybody_sees() -> None:
    hall = given(small_hall(policy={"kind": "strict"})).and_(open_(1), open_(2))
    for n in range(12):
        position, wait_s = told(hall, f"t{n}", "payment", ("gold", "plain", "plain")[n % 3])
        assert forecast(hall.state, hall.now)[f"t{n}"] == (position, wait_s)
