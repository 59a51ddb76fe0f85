"""Joining, leaving, moving, alerts, the forward run, dumps; and what is refused, with nothing changed."""

from typing import Any

import pytest

from somc.scheduler import (
    MEAN_LIMIT,
    NEVER,
    NEWCOMER,
    RATE_LIMIT,
    RATIO_STEP,
    TIME_LIMIT,
    Lane,
    Place,
    Scheduler,
    Server,
    Terms,
    restore,
)


def ready(scheduler: Scheduler, *terms: Terms) -> Scheduler:
    """With these queues, and one profile that serves them all."""
    for each in terms:
        scheduler.define_queue(each)
    scheduler.define_profile([Lane(queue) for queue in range(len(terms))])
    return scheduler


def test_a_moved_ticket_keeps_order_and_what_was_told(scheduler: Scheduler) -> None:
    ready(scheduler, Terms(1, warn=5, target=10), Terms(1, warn=1, target=2))
    scheduler.push(1, 0, 0, 7)
    scheduler.push(2, 1, 0, 8)
    scheduler.alerted(1, "warning")
    scheduler.move(1, 1, 0)
    assert scheduler.dump()["queues"][1]["tickets"] == [[1, 0, 7, 1], [2, 0, 8, 0]]
    assert (scheduler.waiting(0), scheduler.waiting(1), len(scheduler)) == (0, 2, 2)
    assert scheduler.due(1, 9) == [(1, 2, "warning")]
    assert scheduler.due(2, 9) == [(2, 1, "breach"), (2, 2, "breach")]


def test_a_key_may_come_back_after_it_left_and_is_told_of_anew(scheduler: Scheduler) -> None:
    ready(scheduler, Terms(1, target=5))
    scheduler.push(1, 0, 0, 0)
    scheduler.alerted(1, "breach")
    assert scheduler.next_due() is None
    scheduler.remove(1)
    assert 1 not in scheduler
    scheduler.push(1, 0, 0, 0)
    assert 1 in scheduler
    assert scheduler.next_due() == 5


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (4, []),
        (5, [(5, 1, "warning")]),
        (9, [(5, 1, "warning"), (8, 2, "warning")]),
        (10, [(8, 2, "warning"), (10, 1, "breach")]),
        (13, [(10, 1, "breach"), (13, 2, "breach")]),
    ],
)
def test_alerts_come_at_their_millisecond_and_a_breach_replaces_the_warning(
    scheduler: Scheduler, now: int, due: list[tuple[int, int, str]]
) -> None:
    ready(scheduler, Terms(1, warn=5, target=10))
    scheduler.push(2, 0, 3, 0)
    scheduler.push(1, 0, 0, 0)
    assert scheduler.due(now, 9) == due
    assert scheduler.due(now, 1) == due[:1]
    assert scheduler.due(now, 0) == []
    assert scheduler.next_due() == 5


def test_alerts_of_one_moment_are_sorted_by_key_over_queues(scheduler: Scheduler) -> None:
    ready(scheduler, Terms(1, target=5), Terms(1, warn=3), Terms(1, target=4))
    scheduler.push(3, 0, 0, 0)
    scheduler.push(1, 0, 0, 9)
    scheduler.push(2, 1, 2, 0)
    scheduler.push(0, 2, 1, 0)
    expected = [(5, 0, "breach"), (5, 1, "breach"), (5, 2, "warning"), (5, 3, "breach")]
    assert scheduler.due(5, 9) == expected
    assert scheduler.due(5, 2) == expected[:2]


def test_what_was_told_is_never_due_again_under_new_terms(scheduler: Scheduler) -> None:
    ready(scheduler, Terms(1, warn=5, target=10))
    for key in range(3):
        scheduler.push(key, 0, 0, key)
    scheduler.alerted(0, "breach")
    scheduler.alerted(0, "warning")  # a breach told is not taken back
    scheduler.alerted(1, "warning")
    scheduler.set_terms(0, Terms(1, warn=1, target=50))
    assert scheduler.due(20, 9) == [(1, 2, "warning")]
    assert scheduler.due(50, 9) == [(50, 1, "breach"), (50, 2, "breach")]
    scheduler.set_terms(0, Terms(1))
    assert scheduler.next_due() is None


def test_the_forward_run_gives_the_next_ticket_to_the_first_free_server(scheduler: Scheduler) -> None:
    ready(scheduler, Terms(1), Terms(1))
    for key, queue in [(1, 0), (2, 1), (3, 0), (4, 1)]:
        scheduler.push(key, queue, key, 0)
    places = scheduler.estimate([Server(0, 5), Server(0, 0)], [10, 3], now=100)
    assert places == {1: Place(0, 0), 2: Place(5, 1), 3: Place(8, 2), 4: Place(10, 3)}
    assert list(places) == [1, 2, 3, 4]
    assert scheduler.estimate([Server(0, 5), Server(0, 0)], [10, 3], 100, keys=[3]) == {3: Place(8, 2)}
    assert scheduler.estimate([], [10, 3], 100) == {}
    assert len(scheduler) == 4


def test_of_servers_free_at_once_the_earlier_calls_first(scheduler: Scheduler) -> None:
    ready(scheduler, Terms(1), Terms(1))
    scheduler.set_profile(0, [Lane(0)])
    both = scheduler.define_profile([Lane(0), Lane(1)])
    scheduler.push(1, 0, 0, 0)
    scheduler.push(2, 1, 1, 0)
    assert scheduler.estimate([Server(0, 0), Server(both, 0)], [9, 9], 10) == {1: Place(0, 0), 2: Place(0, 1)}
    assert scheduler.estimate([Server(both, 0), Server(0, 0)], [9, 9], 10) == {1: Place(0, 0), 2: Place(9, 1)}


def test_a_server_without_work_returns_when_overflow_shows_it_somebody(scheduler: Scheduler) -> None:
    ready(scheduler, Terms(1))
    spare = scheduler.define_profile([Lane(0, min_wait=50)])
    for key in range(4):
        scheduler.push(key, 0, key, 0)
    places = scheduler.estimate([Server(0, 0), Server(spare, 0)], [30], now=10)
    # The spare server takes key 2 once that has waited 50 ms: at 52, which is 42 from now.
    assert places == {0: Place(0, 0), 1: Place(30, 1), 2: Place(42, 2), 3: Place(60, 3)}


def test_tickets_that_no_server_would_ever_call_are_left_out(scheduler: Scheduler) -> None:
    ready(scheduler, Terms(1), Terms(1), Terms(1))
    one = scheduler.define_profile([Lane(0), Lane(2, min_wait=NEVER)])
    for key in range(3):
        scheduler.push(key, key, 0, 0)
    assert scheduler.estimate([Server(one, 0)], [1, 1, 1], 10) == {0: Place(0, 0)}


def test_the_newcomer_is_placed_and_does_not_stay(scheduler: Scheduler) -> None:
    ready(scheduler, Terms(1), Terms(9))
    for key in range(3):
        scheduler.push(key, 0, key, 0)
    before = scheduler.dump()
    assert scheduler.estimate([Server(0, 0)], [10, 4], 100, keys=(), newcomer=0) == {NEWCOMER: Place(30, 3)}
    # In the other queue it starts at 0 too, but catches up with nine points a millisecond.
    assert scheduler.estimate([Server(0, 0)], [10, 4], 100, keys=[2], newcomer=1) == {
        2: Place(30 - 10 + 4, 3),
        NEWCOMER: Place(20, 2),
    }
    assert scheduler.dump() == before


REFUSED: list[tuple[str, tuple[Any, ...], type[Exception], str]] = [
    ("push", (1, 0, 0, 0), KeyError, "1"),
    ("push", (2, 9, 0, 0), IndexError, "no queue 9: there are 2"),
    ("push", (2, -1, 0, 0), IndexError, "no queue -1"),
    ("push", (2, 1 << 70, 0, 0), IndexError, "no queue"),
    ("push", (2, 0, TIME_LIMIT, 0), ValueError, f"v is {TIME_LIMIT}"),
    ("push", (2, 0, 1 << 70, 0), ValueError, "v is"),
    ("push", (2, 0, 0, (1 << 63) - 1), ValueError, "order is"),
    ("push", (NEWCOMER, 0, 0, 0), ValueError, "newcomer"),
    ("push", (1 << 63, 0, 0, 0), ValueError, "key is"),
    ("push", (2, 0, 1.5, 0), TypeError, "integer"),
    ("push", (2, 0, 0, 0, 3), ValueError, "told is 3; allowed are 0 to 2"),
    ("remove", (2,), KeyError, "2"),
    ("remove", (1 << 64,), KeyError, str(1 << 64)),
    ("called", (2,), KeyError, "2"),
    ("call", (1, 0), IndexError, "no profile 1"),
    ("call", (0, TIME_LIMIT), ValueError, "now is"),
    ("heads", (1, 0), IndexError, "no profile 1"),
    ("heads", (0, TIME_LIMIT), ValueError, "now is"),
    ("next_sight", (1, 0), IndexError, "no profile 1"),
    ("next_sight", (0, TIME_LIMIT), ValueError, "now is"),
    ("set_lag", (0, 0), ValueError, "group is 0; allowed are 1 to 255"),
    ("set_lag", (1, RATIO_STEP + 1), ValueError, "lag is"),
    ("move", (2, 0, 0), KeyError, "2"),
    ("move", (1, 2, 0), IndexError, "no queue 2"),
    ("move", (1, 0, -TIME_LIMIT), ValueError, "v is"),
    ("move", (1, 0, 1 << 64), ValueError, "v is"),
    ("alerted", (2, "breach"), KeyError, "2"),
    ("alerted", (1, "late"), ValueError, "allowed are warning, breach"),
    ("waiting", (2,), IndexError, "no queue 2"),
    ("peek", (1, 0), IndexError, "no profile 1"),
    ("peek", (-1, 0), IndexError, "no profile -1"),
    ("peek", (0, TIME_LIMIT), ValueError, "now is"),
    ("peek", (0, 1 << 64), ValueError, "now is"),
    ("preview", (1, 0, 5), IndexError, "no profile 1"),
    ("preview", (0, TIME_LIMIT, 5), ValueError, "now is"),
    ("ahead", (0, 2, 0), KeyError, "2"),
    ("ahead", (1, 1, 0), IndexError, "no profile 1"),
    ("ahead", (0, 1, 1 << 64), ValueError, "now is"),
    ("ahead_of_newcomer", (0, 2, 0), IndexError, "no queue 2"),
    ("ahead_of_newcomer", (1, 0, 0), IndexError, "no profile 1"),
    ("estimate", ([Server(1, 0)], [1, 1], 0), IndexError, "no profile 1"),
    ("estimate", ([Server(0, -1)], [1, 1], 0), ValueError, "free_in is -1"),
    ("estimate", ([], [1], 0), ValueError, "1 mean service times for 2 queues"),
    ("estimate", ([], [1, 0], 0), ValueError, "mean service time is 0"),
    ("estimate", ([], [1, MEAN_LIMIT + 1], 0), ValueError, "mean service time is"),
    ("estimate", ([], [1, 1], TIME_LIMIT), ValueError, "now is"),
    ("estimate", ([], [1, 1], 0, [2]), KeyError, "2"),
    ("estimate", ([], [1, 1], 0, None, 2), IndexError, "no queue 2"),
    ("due", (TIME_LIMIT, 5), ValueError, "now is"),
    ("set_terms", (2, Terms(1)), IndexError, "no queue 2"),
    ("set_terms", (0, Terms(-1)), ValueError, "rate is -1; allowed are 0 to"),
    ("set_terms", (0, Terms(RATE_LIMIT + 1)), ValueError, "rate is"),
    ("set_terms", (0, Terms(1, rate_after=-2)), ValueError, "rate_after is -2; allowed are -1 to"),
    ("set_terms", (0, Terms(1, jump=-1)), ValueError, "jump is"),
    ("set_terms", (0, Terms(1, offset=NEVER + 1)), ValueError, "offset is"),
    ("set_terms", (0, Terms(1, knee=-1)), ValueError, "knee is"),
    ("set_terms", (0, Terms(1, guard=NEVER + 1)), ValueError, "guard is"),
    ("set_terms", (0, Terms(1, warn=-1)), ValueError, "warn is"),
    ("set_terms", (0, Terms(1, target=-1)), ValueError, "target is"),
    ("define_queue", (Terms(1.5),), TypeError, "rate must be an integer"),  # type: ignore[arg-type] # on purpose
    ("set_profile", (1, []), IndexError, "no profile 1"),
    ("set_profile", (0, [Lane(2)]), IndexError, "no queue 2"),
    ("set_profile", (0, [Lane(0), Lane(0)]), ValueError, "queue 0 is named twice"),
    ("set_profile", (0, [Lane(0, level=0)]), ValueError, "level is 0; allowed are 1 to 60"),
    ("set_profile", (0, [Lane(0, level=61)]), ValueError, "level is 61"),
    ("set_profile", (0, [Lane(0, bonus=NEVER + 1)]), ValueError, "bonus is"),
    ("set_profile", (0, [Lane(0, min_wait=-NEVER - 1)]), ValueError, "min_wait is"),
    ("define_profile", ([Lane(0, reserve=-1)],), ValueError, "reserve is"),
]


@pytest.mark.parametrize(("method", "arguments", "error", "words"), REFUSED)
def test_a_refused_call_says_why_and_changes_nothing(
    scheduler: Scheduler, method: str, arguments: tuple[Any, ...], error: type[Exception], words: str
) -> None:
    ready(scheduler, Terms(1), Terms(2))
    scheduler.push(1, 0, 0, 0)
    before = scheduler.dump()
    with pytest.raises(error, match=words):
        getattr(scheduler, method)(*arguments)
    assert scheduler.dump() == before


def test_restored_from_a_dump_it_is_equal_and_goes_on_equally(scheduler: Scheduler) -> None:
    ready(scheduler, Terms(2, 1, 5, 3, -1, 40, 10, 20), Terms(1))
    scheduler.define_profile([Lane(1, level=2, bonus=-4, min_wait=3, reserve=1), Lane(0)])
    for key in range(200):
        scheduler.push(key, key % 2, key * 31 % 17, key)
    scheduler.alerted(4, "warning")
    scheduler.alerted(6, "breach")
    twin: Scheduler = type(scheduler)()
    restore(twin, scheduler.dump())
    assert twin.dump() == scheduler.dump()
    assert twin.preview(1, 30, 300) == scheduler.preview(1, 30, 300)
    assert twin.due(30, 300) == scheduler.due(30, 300)
    with pytest.raises(ValueError, match="only an empty scheduler"):
        restore(twin, scheduler.dump())
