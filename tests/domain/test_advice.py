"""How many counters to open: what the forward run foresees, what Erlang C says, and nothing in vain."""

from __future__ import annotations

import math
from typing import Any

import pytest

import somc.domain.advice as rules
from somc.domain.advice import advice, erlang_c_wait_s
from somc.testing.given import Situation, given, small_hall
from tests.domain.acts import call, open_, pause, start, take

EVERYTHING = {"payment": 1, "repair": 1}


def hall_of(counters: dict[int, dict[str, int]] | None = None, **more: Any) -> Situation:
    services = {"payment": {"mean_service_s": 300}, "repair": {"mean_service_s": 600}}
    classes = {"plain": {"target_wait_s": 600}}
    counters = counters or dict.fromkeys(range(1, 7), EVERYTHING)
    return given(small_hall(services=services, classes=classes, counters=counters, **more))


def taking(count: int, service: str = "payment") -> list[Any]:
    return [take(f"{service}{n}", service) for n in range(count)]


def by_the_sums(counters: int, load: float) -> float:
    """Erlang C from the stationary distribution itself: the mean wait in services."""
    alone = sum(load**n / math.factorial(n) for n in range(counters))
    full = load**counters / math.factorial(counters) * counters / (counters - load)
    return full / (alone + full) / (counters - load)


@pytest.mark.parametrize(
    ("counters", "load", "wait"),
    [
        # M/M/1: rho / (1 - rho) services; M/M/2 at load 1: C = 1/3, wait = 1/3 of a service.
        (1, 0.5, 1.0),
        (1, 0.9, 9.0),
        (2, 1.0, 1 / 3),
        (8, 6.2, by_the_sums(8, 6.2)),
        (3, 3.0, math.inf),
    ],
)
def test_erlang_c_gives_the_mean_wait_in_services(counters: int, load: float, wait: float) -> None:
    assert erlang_c_wait_s(counters, load, 1.0) == pytest.approx(wait, rel=1e-9)


def test_an_empty_hall_needs_nothing() -> None:
    found = advice(hall_of().state, 0)
    assert (found.open_now, found.needed, found.open, found.close) == (0, 0, (), ())


def test_when_the_open_counters_will_not_do_it_says_how_many_more_and_which() -> None:
    """Seven of five minutes each at one counter: the fourth and later are called after ten minutes; three in
    all (0, 5, 10 min) are in time at one counter, six at two, all at three."""
    hall = hall_of().and_(open_(1), *taking(7))
    found = advice(hall.state, hall.now)
    assert (found.open_now, found.needed, found.open) == (1, 3, (2, 3))
    assert found.breaches == {"plain": 4}
    assert found.breaches_then == {"plain": 0}
    assert "2, 3" in found.words.en
    assert "2 号、3 号" in found.words.zh
    assert "4 of those who wait would be called too late as it is, 0 then" in found.words.en
    hall.and_(open_(2), open_(3))
    assert advice(hall.state, hall.now).breaches == {"plain": 0}


def test_where_one_more_would_not_help_but_two_do_two_are_named() -> None:
    """A second line beside the first: three payments alone need one counter, six need two."""
    counters = {1: {"repair": 1}, 2: {"payment": 1}, 3: {"payment": 1}}
    hall = hall_of(counters).and_(open_(1), *taking(3))
    found = advice(hall.state, hall.now)
    assert (found.open, found.breaches, found.breaches_then) == ((2,), {"plain": 3}, {"plain": 0})
    hall.and_(*taking(2, "repair"), *[take(f"more{n}") for n in range(3)])
    found = advice(hall.state, hall.now)
    assert (found.open, found.breaches_then) == ((2, 3), {"plain": 0})


def test_a_counter_without_the_skill_is_not_opened_for_it() -> None:
    counters = {1: {"payment": 1}, 2: {"payment": 1}, 3: {"repair": 1}}
    hall = hall_of(counters).and_(open_(1), *taking(1, "repair"))
    found = advice(hall.state, hall.now)
    assert found.breaches == {"plain": 1}
    assert found.open == (3,)


def test_a_promise_that_is_missed_already_opens_nothing() -> None:
    hall = hall_of().and_(open_(1), *taking(1)).after("2h")
    found = advice(hall.state, hall.now)
    assert (found.breaches, found.needed, found.open) == ({"plain": 0}, 1, ())


def test_what_cannot_be_helped_is_said() -> None:
    hall = hall_of({1: EVERYTHING}).and_(open_(1), *taking(9))
    found = advice(hall.state, hall.now)
    assert (found.open, found.needed > found.open_now) == ((), True)
    assert "no more to open" in found.words.en


def test_the_arrivals_of_the_window_ask_for_as_many_as_keep_up() -> None:
    """Sixty an hour of five minutes are a load of five: at most 0.9 busy makes six."""
    hall = hall_of().and_(open_(1), open_(2), open_(3))
    for n in range(30):
        hall.after("1min").and_(take(f"t{n}"))
        if n < 3:
            hall.and_(call(n + 1), start(n + 1))
    found = advice(hall.state, hall.now)
    assert found.arrivals_per_hour == 60
    assert found.needed == 6
    assert found.open == (4, 5, 6)
    assert found.utilisation_milli == 1667


def test_too_many_counters_may_close_idle_ones_first_and_no_service_is_left_without() -> None:
    counters = {1: EVERYTHING, 2: {"payment": 1}, 3: {"payment": 1}, 4: {"repair": 1}}
    hall = hall_of(counters).and_(open_(1), open_(2), open_(3), open_(4), *taking(1), call(2), start(2))
    found = advice(hall.state, hall.now)
    assert found.open == ()
    assert found.close[0] in (3, 4)
    assert found.needed + len(found.close) == found.open_now
    left = {1, 2, 3, 4} - set(found.close)
    assert {service for number in left for service in counters[number]} == {"payment", "repair"}


def test_a_paused_counter_is_neither_open_nor_to_be_opened() -> None:
    hall = hall_of({1: EVERYTHING, 2: EVERYTHING}).and_(open_(1), open_(2), pause(2), *taking(9))
    found = advice(hall.state, hall.now)
    assert (found.open_now, found.open) == (1, ())


def test_an_advice_makes_a_bounded_number_of_forward_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where no two of the closed counters are alike."""
    names = [f"s{number}" for number in range(7)]
    counters = {
        number: {name: 1 + (number >> place) % 2 for place, name in enumerate(names)}
        for number in range(1, 120)
    }
    services = {name: {"mean_service_s": 600} for name in names}
    hall = given(small_hall(services=services, counters=counters)).and_(open_(1))
    hall.and_(*(take(f"t{number}", names[number % 7]) for number in range(20)))
    runs = 0
    real = hall.state.scheduler.estimate_many

    def counted(*asked: Any) -> Any:
        nonlocal runs
        runs += 1
        return real(*asked)

    monkeypatch.setattr(hall.state.scheduler, "estimate_many", counted, raising=True)
    assert advice(hall.state, hall.now).open
    assert 3 < runs <= rules.MOST_RUNS + 1  # and one of what is advised in the end
    runs = 0
    monkeypatch.setattr(rules, "MOST_CALLS", 100)
    advice(hall.state, hall.now)
    assert 0 < runs <= 100 // 20 + 1
