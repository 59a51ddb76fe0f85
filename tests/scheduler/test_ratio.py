"""Queues by ratio: who is called how often, what guard and level still decide, and what a lag is."""

from collections import Counter

import pytest

from somc.scheduler import RATIO_STEP, Choice, Lane, Place, Runner, Scheduler, Server, Terms, restore


def by_ratio(scheduler: Scheduler, *shares: int, **terms: int) -> int:
    """A queue for each share, in groups 1, 2, ...; a profile that serves all."""
    for group, share in enumerate(shares, start=1):
        scheduler.define_queue(Terms(rate=1, share=share, group=group, **terms))
    return scheduler.define_profile([Lane(queue) for queue in range(len(shares))])


def crowd(scheduler: Scheduler, queues: int, each: int) -> None:
    for queue in range(queues):
        for number in range(each):
            scheduler.push(queue * 1000 + number, queue, number, queue)


def test_groups_are_called_in_proportion_to_their_shares(scheduler: Scheduler) -> None:
    profile = by_ratio(scheduler, 3, 2, 1)
    crowd(scheduler, 3, 60)
    calls = [scheduler.call(profile, 100) for _ in range(60)]
    assert Counter(choice.queue for choice in calls if choice) == {0: 30, 1: 20, 2: 10}


def test_preview_ahead_and_estimate_say_what_calling_does(scheduler: Scheduler) -> None:
    profile = by_ratio(scheduler, 3, 1)
    crowd(scheduler, 2, 5)
    preview = scheduler.preview(profile, 100, 10)
    places = scheduler.estimate([Server(profile, 0)], [10, 10], 100)
    ahead = {key: scheduler.ahead(profile, key, 100) for key in preview}
    before = scheduler.dump()["lags"]
    called = [choice.key for choice in iter(lambda: scheduler.call(profile, 100), None) if choice]
    assert called == preview == [0, 1000, 1, 2, 1001, 3, 4, 1002, 1003, 1004]
    assert ahead == {key: number for number, key in enumerate(called)}
    assert places == {key: Place(10 * number, number) for number, key in enumerate(called)}
    assert (before, scheduler.dump()["lags"]) == ([], [[2, RATIO_STEP]])


def test_a_newcomer_waits_for_the_turn_of_its_group(scheduler: Scheduler) -> None:
    profile = by_ratio(scheduler, 1, 1)
    crowd(scheduler, 1, 8)
    assert scheduler.ahead_of_newcomer(profile, 0, 100) == 8
    assert scheduler.ahead_of_newcomer(profile, 1, 100) == 1
    scheduler.call(profile, 100)
    assert scheduler.ahead_of_newcomer(profile, 1, 100) == 0


def test_a_call_charges_and_a_removal_does_not(scheduler: Scheduler) -> None:
    by_ratio(scheduler, 2, 1)
    crowd(scheduler, 2, 4)
    scheduler.remove(0)
    assert scheduler.dump()["lags"] == []
    scheduler.called(1)
    assert scheduler.dump()["lags"] == [[1, RATIO_STEP // 2]]
    scheduler.called(1000)
    assert scheduler.dump()["lags"] == [[1, RATIO_STEP // 2], [2, RATIO_STEP]]
    scheduler.called(2)  # its lag of half a step passes, for both
    assert scheduler.dump()["lags"] == [[1, RATIO_STEP // 2], [2, RATIO_STEP // 2]]


def test_a_group_without_customers_saves_up_nothing(scheduler: Scheduler) -> None:
    profile = by_ratio(scheduler, 1, 1)
    crowd(scheduler, 1, 20)
    for _ in range(10):
        scheduler.call(profile, 100)
    scheduler.push(5000, 1, 50, 0)
    scheduler.push(5001, 1, 50, 1)
    assert scheduler.preview(profile, 100, 4) == [5000, 10, 5001, 11]


def test_queues_of_one_group_share_its_credit_and_stand_by_arrival(scheduler: Scheduler) -> None:
    for group in (1, 1, 2):
        scheduler.define_queue(Terms(rate=0, share=1, group=group))
    profile = scheduler.define_profile([Lane(0), Lane(1), Lane(2)])
    for key, queue, v in [(1, 0, 5), (2, 1, 3), (3, 2, 9), (4, 2, 9)]:
        scheduler.push(key, queue, v, key)
    assert scheduler.preview(profile, 10, 9) == [2, 3, 1, 4]


def test_guard_and_level_still_come_first(scheduler: Scheduler) -> None:
    by_ratio(scheduler, 100, 1, guard=50)
    levels = scheduler.define_profile([Lane(0, level=2), Lane(1, level=1)])
    scheduler.push(1, 0, 0, 0)
    scheduler.push(2, 1, 10, 0)
    scheduler.set_lag(2, RATIO_STEP)
    assert scheduler.peek(levels, 49) == Choice(2, 1, 1, -RATIO_STEP, "level", Runner(1, 0, 0))
    assert scheduler.peek(levels, 50) == Choice(1, 0, 2, 0, "guard", Runner(2, 1, -RATIO_STEP))


def test_the_rule_is_ratio_only_between_two_that_go_by_ratio(scheduler: Scheduler) -> None:
    profile = by_ratio(scheduler, 1, 1)
    booked = scheduler.define_queue(Terms(rate=0, offset=1))
    with_booked = scheduler.define_profile([Lane(0), Lane(1), Lane(booked)])
    scheduler.push(1, 0, 0, 0)
    scheduler.push(2, 1, 0, 1)
    scheduler.push(3, booked, 40, 0)
    assert scheduler.peek(profile, 50) == Choice(1, 0, 1, 0, "ratio", Runner(2, 1, 0))
    assert scheduler.peek(with_booked, 50) == Choice(3, booked, 1, 1, "score", Runner(1, 0, 0))


def test_wait_and_bonus_within_a_group(scheduler: Scheduler) -> None:
    by_ratio(scheduler, 1, 1)
    profile = scheduler.define_profile([Lane(0, bonus=7, min_wait=5), Lane(1)])
    scheduler.push(1, 0, 0, 0)
    scheduler.push(2, 1, 0, 0)
    assert scheduler.preview(profile, 4, 9) == [2]
    assert scheduler.peek(profile, 5) == Choice(1, 0, 1, 7, "ratio", Runner(2, 1, 0))


def test_lags_survive_a_dump(scheduler: Scheduler) -> None:
    profile = by_ratio(scheduler, 3, 1)
    crowd(scheduler, 2, 9)
    for _ in range(3):
        scheduler.call(profile, 100)
    twin: Scheduler = type(scheduler)()
    restore(twin, scheduler.dump())
    assert twin.dump() == scheduler.dump()
    assert twin.preview(profile, 100, 20) == scheduler.preview(profile, 100, 20)
    older = scheduler.dump()
    del older["lags"]  # as dumped before queues could go by ratio
    plain: Scheduler = type(scheduler)()
    restore(plain, older)
    assert plain.dump()["lags"] == []


@pytest.mark.parametrize(
    ("share", "group", "words"),
    [
        (1, 0, "share is 1 and group is 0"),
        (0, 1, "share is 0 and group is 1"),
        (1001, 1, "share is 1001; allowed are 0 to 1000"),
        (1, 256, "group is 256; allowed are 0 to 255"),
    ],
)
def test_share_and_group_are_given_together(scheduler: Scheduler, share: int, group: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        scheduler.define_queue(Terms(1, share=share, group=group))
    assert scheduler.dump()["queues"] == []
