"""Counters that have nobody: to which of them the next customer goes, and when one will see somebody new."""

import pytest

from somc.scheduler import NEVER, TIME_LIMIT, Choice, Head, Idle, Lane, Scheduler, Terms


@pytest.fixture
def hall(scheduler: Scheduler) -> Scheduler:
    """Queue 0 and queue 1; profile 0 serves both, profile 1 has queue 0 on its second level."""
    scheduler.define_queue(Terms(1))
    scheduler.define_queue(Terms(1))
    scheduler.define_profile([Lane(0), Lane(1)])
    scheduler.define_profile([Lane(0, level=2)])
    scheduler.push(1, 0, 0, 0)
    return scheduler


@pytest.mark.parametrize(
    ("distribution", "chosen"), [("longest_idle", 1), ("lowest_level", 2), ("fixed_order", 0)]
)
def test_the_distribution_says_who_gets_the_next_customer(
    hall: Scheduler, distribution: str, chosen: int
) -> None:
    idle = [Idle(1, 30, 4), Idle(1, 10, 8), Idle(0, 20, 9), Idle(0, 40, 7)]
    given = hall.assign(idle, distribution, 50)
    assert given is not None
    index, choice = given
    assert index == chosen
    assert choice == hall.peek(idle[chosen].profile, 50)
    assert len(hall) == 1


@pytest.mark.parametrize("distribution", ["longest_idle", "lowest_level", "fixed_order"])
def test_equals_are_told_apart_by_number_then_by_position(hall: Scheduler, distribution: str) -> None:
    given = hall.assign([Idle(0, 5, 9), Idle(0, 5, 8), Idle(0, 5, 8)], distribution, 50)
    assert given is not None
    assert given[0] == 1


def test_a_counter_without_choice_is_passed_over(hall: Scheduler) -> None:
    blind = hall.define_profile([Lane(1)])
    given = hall.assign([Idle(blind, 0, 1), Idle(0, 9, 2)], "longest_idle", 50)
    assert given == (1, Choice(1, 0, 1, 50, "only", None))
    assert hall.assign([Idle(blind, 0, 1)], "longest_idle", 50) is None
    assert hall.assign([], "longest_idle", 50) is None


@pytest.mark.parametrize(("idle", "shown"), [(1, False), (2, False), (3, True)])
def test_a_reserve_shows_its_queue_only_if_more_counters_are_idle(
    scheduler: Scheduler, idle: int, shown: bool
) -> None:
    scheduler.define_queue(Terms(1))
    scheduler.define_queue(Terms(5))
    profile = scheduler.define_profile([Lane(0, reserve=0), Lane(1, reserve=2)])
    scheduler.push(1, 0, 0, 0)
    scheduler.push(2, 1, 0, 0)
    given = scheduler.assign([Idle(profile, 0, number) for number in range(idle)], "longest_idle", 10)
    assert given is not None
    assert (given[1].key == 2) is shown
    assert (given[1].runner_up is not None) is shown
    choice = scheduler.peek(profile, 10)  # a counter that asks by itself is not held back
    assert choice is not None
    assert choice.key == 2


@pytest.mark.parametrize(
    ("idle", "distribution", "error", "words"),
    [
        ([Idle(9, 0, 0)], "longest_idle", IndexError, "no profile 9"),
        ([Idle(0, TIME_LIMIT, 0)], "longest_idle", ValueError, "since is"),
        ([Idle(0, 0, -1)], "longest_idle", ValueError, "number is -1"),
        ([], "by_lot", ValueError, "'by_lot'; allowed are longest_idle, lowest_level, fixed_order"),
    ],
)
def test_wrong_idle_counters_are_refused(
    hall: Scheduler, idle: list[Idle], distribution: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        hall.assign(idle, distribution, 50)


def test_the_next_sight_is_the_first_that_is_not_seen_yet(scheduler: Scheduler) -> None:
    for _ in range(3):
        scheduler.define_queue(Terms(1))
    overflow = scheduler.define_profile(
        [Lane(0, min_wait=50), Lane(1, min_wait=-10), Lane(2, min_wait=NEVER)]
    )
    for key, queue, v in [(1, 0, 0), (2, 0, 20), (3, 1, 90), (4, 2, 0)]:
        scheduler.push(key, queue, v, key)
    sights = {now: scheduler.next_sight(overflow, now) for now in (0, 49, 50, 69, 70, 79, 80)}
    assert sights == {0: 50, 49: 50, 50: 70, 69: 70, 70: 80, 79: 80, 80: None}
    choice = scheduler.peek(overflow, 50)
    assert choice is not None
    assert choice.key == 1


def test_heads_are_listed_as_they_would_be_called(scheduler: Scheduler) -> None:
    for terms in (Terms(1), Terms(2, guard=30), Terms(9), Terms(1)):
        scheduler.define_queue(terms)
    profile = scheduler.define_profile([Lane(0, bonus=4), Lane(1, level=3), Lane(2, level=2), Lane(3)])
    for key, queue, v in [(1, 0, 90), (2, 0, 80), (3, 1, 70), (4, 2, 95), (5, 3, 101)]:
        scheduler.push(key, queue, v, key)
    assert scheduler.heads(profile, 100) == [
        Head(3, 1, 3, 60, 70, True),
        Head(2, 0, 1, 24, 80, False),
        Head(4, 2, 2, 45, 95, False),
    ]
    assert scheduler.heads(scheduler.define_profile([]), 100) == []


def test_the_nth_of_a_queue(scheduler: Scheduler) -> None:
    scheduler.define_queue(Terms(1))
    for key in range(200):
        scheduler.push(key, 0, 1000 - key, 7)
    assert scheduler.nth(0, 1) == (199, 801, 7)
    assert scheduler.nth(0, 150) == (50, 950, 7)
    assert scheduler.nth(0, 200) == (0, 1000, 7)
    assert scheduler.nth(0, 201) is None
    with pytest.raises(ValueError, match="n is 0; allowed are 1"):
        scheduler.nth(0, 0)
    with pytest.raises(IndexError, match="no queue 1"):
        scheduler.nth(1, 1)


def test_the_guard_ends_a_reserve(scheduler: Scheduler) -> None:
    """Nobody waits for ever before an idle counter, and the moment is foreseen."""
    scheduler.define_queue(Terms(rate=1, guard=100))
    scheduler.define_queue(Terms(rate=1))
    profile = scheduler.define_profile([Lane(0, reserve=1), Lane(1, reserve=1)])
    scheduler.push(1, 0, v=0, order=1)
    scheduler.push(2, 1, v=0, order=2)
    one = [Idle(profile, 0, 1)]
    assert scheduler.assign(one, "longest_idle", 99) is None
    assert scheduler.next_sight(profile, 0) == 100
    found = scheduler.assign(one, "longest_idle", 100)
    assert found is not None
    assert (found[1].key, found[1].rule) == (1, "only")
    assert scheduler.next_sight(profile, 100) is None, "without a guard a reserve lasts"


def test_a_guard_ends_no_overflows_wait(scheduler: Scheduler) -> None:
    scheduler.define_queue(Terms(rate=1, guard=100))
    profile = scheduler.define_profile([Lane(0, min_wait=150, reserve=1)])
    scheduler.push(1, 0, v=0, order=1)
    sights = [scheduler.next_sight(profile, now) for now in (0, 100, 149, 150)]
    assert sights == [150, 150, 150, None]
    assert scheduler.assign([Idle(profile, 0, 1)], "longest_idle", 149) is None
    assert scheduler.assign([Idle(profile, 0, 1)], "longest_idle", 150) is not None
