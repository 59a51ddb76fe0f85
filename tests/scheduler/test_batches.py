"""Many changes in one call: the same as one by one, and all of them or none."""

from array import array

import pytest

from somc.scheduler import NOBODY, RULES, Lane, Scheduler, Terms


def rows(*tickets: tuple[int, ...]) -> "array[int]":
    return array("q", [number for ticket in tickets for number in ticket])


@pytest.fixture
def hall(scheduler: Scheduler) -> Scheduler:
    """Two queues with rates 1 and 2, one profile for both, ticket 9 waiting."""
    scheduler.define_queue(Terms(1, warn=5, target=10))
    scheduler.define_queue(Terms(2))
    scheduler.define_profile([Lane(0), Lane(1)])
    scheduler.push(9, 0, 0, 0)
    return scheduler


def test_a_batch_does_what_its_calls_do_one_by_one(hall: Scheduler) -> None:
    tickets = [(number, number % 2, number * 7 % 20, number, number % 3) for number in range(100, 300)]
    one_by_one: Scheduler = type(hall)()
    for terms in (Terms(1, warn=5, target=10), Terms(2)):
        one_by_one.define_queue(terms)
    one_by_one.define_profile([Lane(0), Lane(1)])
    one_by_one.push(9, 0, 0, 0)
    for key, queue, v, order, told in tickets:
        one_by_one.push(key, queue, v, order, told)
    hall.push_many(rows(*tickets))
    assert hall.dump() == one_by_one.dump()

    hall.remove_many(array("q", range(100, 150)))
    for key in range(100, 150):
        one_by_one.remove(key)
    answers = hall.call_many(rows(*[(0, 100 + number) for number in range(160)])).tolist()
    for number in range(160):
        answer, choice = answers[8 * number : 8 * number + 8], one_by_one.call(0, 100 + number)
        if choice is None:
            assert answer == [0, NOBODY, 0, 0, 0, 0, NOBODY, 0]
            continue
        assert answer[:4] == [choice.key, choice.queue, choice.level, choice.score]
        assert RULES[answer[4]] == choice.rule
        runner_up = choice.runner_up
        expected = [runner_up.key, runner_up.queue, runner_up.score] if runner_up else [0, NOBODY, 0]
        assert answer[5:] == expected
    assert len(hall) == 0
    assert hall.dump() == one_by_one.dump()


def test_a_memoryview_serves_as_well(hall: Scheduler) -> None:
    hall.push_many(memoryview(rows((1, 0, 0, 0, 0), (2, 1, 0, 0, 0)))[5:])
    assert [key in hall for key in (1, 2)] == [False, True]
    assert hall.call_many(memoryview(rows((0, 50))))[0] == 2


def test_empty_batches_change_nothing(hall: Scheduler) -> None:
    before = hall.dump()
    hall.push_many(array("q"))
    hall.remove_many(array("q"))
    assert hall.call_many(array("q")) == array("q")
    assert hall.dump() == before


@pytest.mark.parametrize(
    ("method", "numbers", "error", "words"),
    [
        ("push_many", rows((1, 0, 0, 0, 0), (9, 0, 0, 0, 0)), KeyError, "9"),
        ("push_many", rows((1, 0, 0, 0, 0), (1, 1, 0, 0, 0)), KeyError, "1"),
        ("push_many", rows((1, 0, 0, 0, 0), (2, 2, 0, 0, 0)), IndexError, "no queue 2"),
        ("push_many", rows((1, 0, 0, 0, 0), (2, 0, 1 << 52, 0, 0)), ValueError, "v is"),
        ("push_many", rows((1, 0, 0, 0, 0), (2, 0, 0, 0, 3)), ValueError, "told is 3; allowed are 0 to 2"),
        ("push_many", rows((1, 0, 0, 0, 0), (-1, 0, 0, 0, 0)), ValueError, "newcomer"),
        ("push_many", rows((1, 0, 0, 0)), ValueError, "4 numbers; allowed are whole rows of 5"),
        ("push_many", array("i", [1, 0, 0, 0, 0]), TypeError, "int64"),
        ("push_many", memoryview(rows((1, 0, 0, 0, 0), (1, 0, 0, 0, 0)))[::2], TypeError, "contiguous"),
        ("remove_many", array("q", [9, 8]), KeyError, "8"),
        ("remove_many", array("q", [9, 9]), KeyError, "9"),
        ("remove_many", array("b", b"12345678"), TypeError, "int64"),
        ("call_many", rows((0, 5), (1, 5)), IndexError, "no profile 1"),
        ("call_many", rows((0, 5), (0, 1 << 52)), ValueError, "now is"),
        ("call_many", rows((0, 5, 0)), ValueError, "whole rows of 2"),
    ],
)
def test_a_refused_batch_says_why_and_changes_nothing(
    hall: Scheduler, method: str, numbers: "array[int] | memoryview", error: type[Exception], words: str
) -> None:
    before = hall.dump()
    with pytest.raises(error, match=words):
        getattr(hall, method)(numbers)
    assert hall.dump() == before


def test_a_ticket_may_join_told_of_its_alerts(hall: Scheduler) -> None:
    for told in range(3):
        hall.push(told, 0, 0, 1, told)
    assert hall.due(5, 9) == [(5, 0, "warning"), (5, 9, "warning")]
    assert hall.due(10, 9) == [(10, 0, "breach"), (10, 1, "breach"), (10, 9, "breach")]
