"""What each policy kind makes of the hall's numbers, shown by who is called."""

import pytest

from somc.scheduler import LEVEL_LIMIT, NEVER, RATE_LIMIT, WAIT_LIMIT, Lane, Scheduler, Terms
from somc.scheduler.bounds import check_lanes, check_terms
from somc.scheduler.policy import (
    KINDS,
    PRIORITY_LIMIT,
    ClassInputs,
    Skill,
    UnknownKind,
    compile_lanes,
    terms_of,
)


def hall(scheduler: Scheduler, kind: str, *classes: ClassInputs) -> int:
    """Queues of these classes, and one profile for all."""
    queues = [scheduler.define_queue(terms_of(kind, inputs)) for inputs in classes]
    return scheduler.define_profile([Lane(queue) for queue in queues])


def test_fifo_calls_by_wait_whatever_rate_and_priority(scheduler: Scheduler) -> None:
    profile = hall(scheduler, "fifo", ClassInputs(9000, 1), ClassInputs(1, 99))
    scheduler.push(1, 0, 5, 0)
    scheduler.push(2, 1, 4, 0)
    assert scheduler.preview(profile, 100, 2) == [2, 1]


def test_strict_outweighs_the_longest_wait_there_is(scheduler: Scheduler) -> None:
    profile = hall(scheduler, "strict", ClassInputs(priority=3), ClassInputs(priority=2))
    scheduler.push(1, 0, 0, 0)
    scheduler.push(2, 1, 2 * WAIT_LIMIT, 0)
    scheduler.push(3, 1, 2 * WAIT_LIMIT - 1, 0)
    assert scheduler.preview(profile, 2 * WAIT_LIMIT, 3) == [3, 2, 1]


def test_strict_yields_to_the_guard(scheduler: Scheduler) -> None:
    profile = hall(scheduler, "strict", ClassInputs(priority=2, guard_ms=50), ClassInputs(priority=1))
    scheduler.push(1, 0, 0, 0)
    scheduler.push(2, 1, 0, 0)
    assert scheduler.preview(profile, 49, 1) == [2]
    assert scheduler.preview(profile, 50, 1) == [1]


def test_accumulating_overtakes_when_rate_times_wait_is_more(scheduler: Scheduler) -> None:
    profile = hall(scheduler, "accumulating", ClassInputs(1500), ClassInputs(1000))
    scheduler.push(1, 0, 1001, 0)  # 1500 * (now - 1001) = 1000 * now at 3003
    scheduler.push(2, 1, 0, 1)
    assert scheduler.preview(profile, 3002, 2) == [2, 1]
    assert scheduler.preview(profile, 3004, 2) == [1, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_alerts_and_guard_are_the_same_under_every_kind(kind: str) -> None:
    terms = terms_of(kind, ClassInputs(target_ms=600, warn_lead_ms=120, guard_ms=900))
    assert (terms.warn, terms.target, terms.guard) == (480, 600, 900)
    assert terms_of(kind, ClassInputs(target_ms=100, warn_lead_ms=120)).warn == 0
    without = terms_of(kind, ClassInputs(target_ms=600))
    assert (without.warn, without.target, without.guard) == (NEVER, 600, NEVER)
    off = terms_of(kind, ClassInputs(warn_lead_ms=5, guard_ms=NEVER))
    assert (off.warn, off.target, off.guard) == (NEVER, NEVER, NEVER)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("priority", [1, PRIORITY_LIMIT])
@pytest.mark.parametrize("rate", [1, RATE_LIMIT])
def test_every_kind_stays_within_the_limits(kind: str, priority: int, rate: int) -> None:
    check_terms(terms_of(kind, ClassInputs(rate, priority, NEVER, NEVER, NEVER)))


def test_an_unknown_kind_names_those_that_exist() -> None:
    with pytest.raises(UnknownKind, match=r"'lottery'; allowed are fifo, strict, accumulating"):
        terms_of("lottery", ClassInputs())


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate_milli": 0},
        {"rate_milli": RATE_LIMIT + 1},
        {"priority": 0},
        {"priority": PRIORITY_LIMIT + 1},
        {"target_ms": -1},
        {"warn_lead_ms": -1},
        {"guard_ms": NEVER + 1},
    ],
)
def test_a_wrong_number_is_named(wrong: dict[str, int]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name} is"):
        ClassInputs(**wrong)


def test_skills_become_lanes_with_overflow() -> None:
    lanes = compile_lanes([Skill(2), Skill(0, level=LEVEL_LIMIT, overflow_ms=NEVER)])
    assert lanes == [Lane(2), Lane(0, level=LEVEL_LIMIT, min_wait=NEVER)]
    check_lanes(lanes, queues=3)
    assert compile_lanes([]) == []
    with pytest.raises(ValueError, match="level is 0"):
        Skill(0, level=0)
    with pytest.raises(ValueError, match="overflow_ms is -1"):
        Skill(0, overflow_ms=-1)


def test_terms_default_to_nothing_but_the_rate() -> None:
    assert terms_of("accumulating", ClassInputs()) == Terms(rate=1000)
