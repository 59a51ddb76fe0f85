"""Who is called, and which rule spoke: at the exact millisecond where it changes, and at every tie."""

from itertools import pairwise

import pytest

from somc.scheduler import NEVER, SCORE_LIMIT, WAIT_LIMIT, Choice, Lane, Runner, Scheduler, Terms


def test_nobody_for_a_profile_without_visible_tickets(scheduler: Scheduler) -> None:
    scheduler.define_queue(Terms(1))
    other = scheduler.define_queue(Terms(1))
    profile = scheduler.define_profile([Lane(0)])
    scheduler.push(1, other, 0, 0)
    assert scheduler.peek(profile, 10) is None
    assert scheduler.preview(profile, 10, 5) == []


def test_the_only_candidate_says_so(scheduler: Scheduler) -> None:
    scheduler.define_queue(Terms(3, offset=5, guard=1))
    profile = scheduler.define_profile([Lane(0, level=2, bonus=100)])
    scheduler.push(7, 0, 4, 0)
    scheduler.push(8, 0, 5, 0)
    assert scheduler.peek(profile, 10) == Choice(7, 0, 2, 5 + 3 * 6 + 100, "only", None)


def test_higher_score_wins_and_names_the_runner_up(scheduler: Scheduler) -> None:
    for rate in (1, 2, 3):
        scheduler.define_queue(Terms(rate))
    profile = scheduler.define_profile([Lane(0), Lane(1), Lane(2)])
    scheduler.push(1, 0, 0, 0)  # 1 * 10
    scheduler.push(2, 1, 4, 0)  # 2 * 6
    scheduler.push(3, 2, 5, 0)  # 3 * 5
    assert scheduler.peek(profile, 10) == Choice(3, 2, 1, 15, "score", Runner(2, 1, 12))
    assert scheduler.preview(profile, 10, 2) == [3, 2]


@pytest.mark.parametrize("lanes", [[0, 1], [1, 0]])
def test_equal_scores_go_to_the_longer_wait_then_order_then_key(
    scheduler: Scheduler, lanes: list[int]
) -> None:
    scheduler.define_queue(Terms(1))
    scheduler.define_queue(Terms(1, offset=1))
    profile = scheduler.define_profile([Lane(queue) for queue in lanes])
    scheduler.push(9, 0, 4, 8)
    scheduler.push(1, 1, 5, 0)
    assert scheduler.preview(profile, 10, 2) == [9, 1]  # both 6; 9 has the smaller v
    scheduler.set_terms(1, Terms(1))
    scheduler.move(1, 1, 4)
    assert scheduler.preview(profile, 10, 2) == [1, 9]  # both 6 and v 4; 1 has the smaller order
    scheduler.remove(1)
    scheduler.push(10, 1, 4, 8)
    assert scheduler.preview(profile, 10, 2) == [9, 10]  # only the key is left
    assert scheduler.ahead(profile, 10, 10) == 1
    assert scheduler.ahead(profile, 9, 10) == 0


@pytest.mark.parametrize("lanes", [63, 64, 65, 130])
def test_the_core_picks_alike_on_either_side_of_a_word_of_lanes(scheduler: Scheduler, lanes: int) -> None:
    for queue in range(lanes):
        scheduler.define_queue(Terms(1))
        scheduler.push(queue, queue, 10 + (queue * 11) % lanes, 0)
    profile = scheduler.define_profile([Lane(queue) for queue in range(lanes)])
    in_order = sorted(range(lanes), key=lambda queue: (queue * 11) % lanes)
    for first, second in pairwise(in_order):
        choice = scheduler.call(profile, 200)
        assert choice is not None
        assert choice.runner_up is not None
        assert (choice.key, choice.runner_up.key) == (first, second)
    assert scheduler.call(profile, 200) == Choice(
        in_order[-1], in_order[-1], 1, 200 - 10 - (lanes - 1), "only", None
    )


@pytest.mark.parametrize("lanes", [64, 65])
def test_of_many_equal_heads_the_first_two_by_order_are_named(scheduler: Scheduler, lanes: int) -> None:
    for queue in range(lanes):
        scheduler.define_queue(Terms(1))
        scheduler.push(queue, queue, 0, lanes - queue)
    profile = scheduler.define_profile([Lane(queue) for queue in range(lanes)])
    last = lanes - 1
    assert scheduler.peek(profile, 5) == Choice(last, last, 1, 5, "score", Runner(last - 1, last - 1, 5))


def test_within_a_queue_v_then_order_then_key(scheduler: Scheduler) -> None:
    scheduler.define_queue(Terms(0))
    profile = scheduler.define_profile([Lane(0)])
    for key, v, order in [(5, 3, 1), (4, 3, 1), (6, 3, 0), (9, 2, 9), (1, 4, 0)]:
        scheduler.push(key, 0, v, order)
    assert scheduler.preview(profile, 10, 9) == [9, 6, 4, 5, 1]


def test_level_beats_any_score_and_any_bonus(scheduler: Scheduler) -> None:
    scheduler.define_queue(Terms(1 << 20, offset=NEVER))
    scheduler.define_queue(Terms(0, offset=-NEVER))
    profile = scheduler.define_profile([Lane(0, level=60, bonus=NEVER), Lane(1, level=59, bonus=-NEVER)])
    scheduler.push(1, 0, 0, 0)
    scheduler.push(2, 1, WAIT_LIMIT, 0)
    choice = scheduler.peek(profile, WAIT_LIMIT)
    assert choice == Choice(2, 1, 59, -SCORE_LIMIT, "level", Runner(1, 0, SCORE_LIMIT))


@pytest.mark.parametrize(("now", "winner", "rule"), [(19, 2, "score"), (20, 1, "guard"), (21, 1, "guard")])
def test_guard_speaks_from_its_very_millisecond(
    scheduler: Scheduler, now: int, winner: int, rule: str
) -> None:
    scheduler.define_queue(Terms(1, guard=20))
    scheduler.define_queue(Terms(100))
    profile = scheduler.define_profile([Lane(0, level=2), Lane(1, level=2, bonus=5)])
    scheduler.push(1, 0, 0, 0)
    scheduler.push(2, 1, 10, 0)
    choice = scheduler.peek(profile, now)
    assert choice is not None
    assert (choice.key, choice.rule) == (winner, rule)


def test_guard_outranks_level_and_orders_by_wait(scheduler: Scheduler) -> None:
    scheduler.define_queue(Terms(0, guard=5))
    scheduler.define_queue(Terms(9, guard=9))
    scheduler.define_queue(Terms(9))
    profile = scheduler.define_profile([Lane(0, level=3), Lane(1), Lane(2)])
    scheduler.push(1, 0, 2, 0)
    scheduler.push(2, 1, 1, 0)
    scheduler.push(3, 2, 0, 0)
    assert scheduler.preview(profile, 10, 3) == [2, 1, 3]


@pytest.mark.parametrize(("now", "winner"), [(9, 2), (10, 1)])
def test_knee_jumps_at_its_very_millisecond(scheduler: Scheduler, now: int, winner: int) -> None:
    scheduler.define_queue(Terms(1, knee=10, jump=5, rate_after=-1))
    scheduler.define_queue(Terms(0, offset=12))
    profile = scheduler.define_profile([Lane(0), Lane(1)])
    scheduler.push(1, 0, 0, 0)
    scheduler.push(2, 1, 0, 0)
    choice = scheduler.peek(profile, now)
    assert choice is not None
    assert choice.key == winner


def test_score_after_the_knee_follows_the_formula(scheduler: Scheduler) -> None:
    scheduler.define_queue(Terms(2, offset=-7, knee=10, jump=5, rate_after=3))
    profile = scheduler.define_profile([Lane(0, bonus=1000)])
    scheduler.push(1, 0, 0, 0)
    scores = {now: scheduler.peek(profile, now) for now in (9, 10, 14)}
    assert {now: choice.score for now, choice in scores.items() if choice} == {
        9: 1000 - 7 + 18,
        10: 1000 - 7 + 20 + 5,
        14: 1000 - 7 + 28 + 5 + 12,
    }


@pytest.mark.parametrize(("now", "seen"), [(104, False), (105, True)])
def test_overflow_shows_a_ticket_from_min_wait_on(scheduler: Scheduler, now: int, seen: bool) -> None:
    scheduler.define_queue(Terms(1))
    profile = scheduler.define_profile([Lane(0, min_wait=5)])
    scheduler.push(1, 0, 100, 0)
    assert (scheduler.peek(profile, now) is not None) is seen
    assert scheduler.preview(profile, now, 3) == [1] * seen


def test_a_clock_that_starts_later_hides_the_ticket_until_then(scheduler: Scheduler) -> None:
    scheduler.define_queue(Terms(1))
    plain = scheduler.define_profile([Lane(0)])
    early = scheduler.define_profile([Lane(0, min_wait=-10)])
    blind = scheduler.define_profile([Lane(0, min_wait=NEVER)])
    scheduler.push(1, 0, 100, 0)
    assert [scheduler.peek(profile, 95) is None for profile in (plain, early, blind)] == [True, False, True]
    assert scheduler.peek(plain, 100) is not None


def test_ahead_counts_all_that_are_visible_for_a_ticket_that_is_not(scheduler: Scheduler) -> None:
    scheduler.define_queue(Terms(1))
    scheduler.define_queue(Terms(1))
    first = scheduler.define_profile([Lane(0)])
    for key in range(3):
        scheduler.push(key, 0, key, 0)
    scheduler.push(9, 1, 0, 0)
    scheduler.push(10, 0, 500, 0)
    assert scheduler.ahead(first, 2, 10) == 2
    assert scheduler.ahead(first, 9, 10) == 3  # the profile does not serve its queue
    assert scheduler.ahead(first, 10, 10) == 3  # its clock starts later


def test_a_newcomer_stands_behind_all_of_equal_v(scheduler: Scheduler) -> None:
    scheduler.define_queue(Terms(1))
    scheduler.define_queue(Terms(5, offset=10))
    profile = scheduler.define_profile([Lane(0), Lane(1)])
    scheduler.push(1, 0, 10, (1 << 63) - 2)
    scheduler.push(2, 0, 11, 0)
    assert scheduler.ahead_of_newcomer(profile, 0, 10) == 1
    assert scheduler.ahead_of_newcomer(profile, 1, 10) == 0
    assert scheduler.ahead_of_newcomer(profile, 0, 20) == 2


def test_scores_are_cut_where_waits_and_sums_end(scheduler: Scheduler) -> None:
    scheduler.define_queue(Terms(1 << 20, offset=NEVER, knee=0, jump=NEVER, rate_after=1 << 20))
    scheduler.define_queue(Terms(1))
    profile = scheduler.define_profile([Lane(0, bonus=NEVER)])
    plain = scheduler.define_profile([Lane(1)])
    scheduler.push(1, 0, 1 - (1 << 52), 0)
    scheduler.push(2, 1, 1 - (1 << 52), 0)
    most, counted = scheduler.peek(profile, (1 << 52) - 1), scheduler.peek(plain, (1 << 52) - 1)
    assert most is not None
    assert counted is not None
    assert most.score == SCORE_LIMIT
    assert counted.score == WAIT_LIMIT
