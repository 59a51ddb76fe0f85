"""What each policy kind makes of the hall's numbers, shown by who is called."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somc.scheduler import MEAN_LIMIT, NEVER, RATE_LIMIT, SHARE_LIMIT, WAIT_LIMIT, Lane, Scheduler, Terms
from somc.scheduler.bounds import check_terms
from somc.scheduler.kinds import BUILT_IN
from somc.scheduler.policy import (
    BOOST_LIMIT,
    DAY_MS,
    DEFAULT_KIND,
    PRIORITY_LIMIT,
    WEIGHT_LIMIT,
    KindFailed,
    PolicyInputs,
    PolicyKind,
    QueueInputs,
    compile_policy,
    each,
    outranked,
    score_after,
)

WORDS = {"zh": "试", "en": "trial"}
MIN = 60_000


def terms_of(kind: str, *queues: QueueInputs, alpha_milli: int = 1000) -> tuple[Terms, ...]:
    return compile_policy(BUILT_IN[kind], PolicyInputs(queues, alpha_milli))


def hall(scheduler: Scheduler, kind: str, *queues: QueueInputs) -> int:
    """Queues of these inputs, and one profile for all."""
    numbers = [scheduler.define_queue(terms) for terms in terms_of(kind, *queues)]
    return scheduler.define_profile([Lane(number) for number in numbers])


def test_the_default_is_a_kind_of_ours() -> None:
    assert DEFAULT_KIND in BUILT_IN
    assert all(kind.name == name for name, kind in BUILT_IN.items())


def test_fifo_calls_by_wait_whatever_rate_and_priority(scheduler: Scheduler) -> None:
    profile = hall(scheduler, "fifo", QueueInputs(rate_milli=9000), QueueInputs(rate_milli=1, priority=99))
    scheduler.push(1, 0, 5, 0)
    scheduler.push(2, 1, 4, 0)
    assert scheduler.preview(profile, 100, 2) == [2, 1]


def test_strict_outweighs_the_longest_wait_there_is(scheduler: Scheduler) -> None:
    profile = hall(scheduler, "strict", QueueInputs(priority=3), QueueInputs(priority=2))
    scheduler.push(1, 0, 0, 0)
    scheduler.push(2, 1, 2 * WAIT_LIMIT, 0)
    scheduler.push(3, 1, 2 * WAIT_LIMIT - 1, 0)
    assert scheduler.preview(profile, 2 * WAIT_LIMIT, 3) == [3, 2, 1]


def test_strict_yields_to_the_guard(scheduler: Scheduler) -> None:
    profile = hall(scheduler, "strict", QueueInputs(priority=2, guard_ms=50), QueueInputs(priority=1))
    scheduler.push(1, 0, 0, 0)
    scheduler.push(2, 1, 0, 0)
    assert scheduler.preview(profile, 49, 1) == [2]
    assert scheduler.preview(profile, 50, 1) == [1]


def test_accumulating_overtakes_when_rate_times_wait_is_more(scheduler: Scheduler) -> None:
    profile = hall(scheduler, "accumulating", QueueInputs(rate_milli=1500), QueueInputs(rate_milli=1000))
    scheduler.push(1, 0, 1001, 0)  # 1500 * (now - 1001) = 1000 * now at 3003
    scheduler.push(2, 1, 0, 1)
    assert scheduler.preview(profile, 3002, 2) == [2, 1]
    assert scheduler.preview(profile, 3004, 2) == [1, 2]


def test_deadline_calls_whose_promise_ends_first(scheduler: Scheduler) -> None:
    profile = hall(
        scheduler, "deadline", QueueInputs(target_ms=10 * MIN), QueueInputs(target_ms=15 * MIN), QueueInputs()
    )
    scheduler.push(1, 0, 5 * MIN + 1, 0)
    scheduler.push(2, 1, 0, 0)
    scheduler.push(3, 2, 0, 0)  # nothing promised: as if a day were
    assert scheduler.preview(profile, 6 * MIN, 3) == [2, 1, 3]


def test_ratio_calls_in_turn_by_share(scheduler: Scheduler) -> None:
    profile = hall(scheduler, "ratio", QueueInputs(group=1, share=2), QueueInputs(group=2, share=1))
    for key in range(12):
        scheduler.push(key, key % 2, key, key)
    called = [scheduler.call(profile, 100) for _ in range(6)]
    queues = [choice.queue for choice in called if choice is not None]
    assert (queues.count(0), queues.count(1)) == (4, 2)


@pytest.mark.parametrize(
    ("alpha_milli", "ratio"),
    # promises 10 and 20 min, services 3 and 12 min: 2 x 4^alpha
    [(1000, 8.0), (500, 4.0), (0, 2.0)],
)
def test_gcmu_rates_are_promise_and_length_of_service(alpha_milli: int, ratio: float) -> None:
    short = QueueInputs("pay", "gold", mean_service_ms=3 * MIN, target_ms=10 * MIN)
    long = QueueInputs("repair", "plain", mean_service_ms=12 * MIN, target_ms=20 * MIN)
    first, second = terms_of("gcmu", short, long, alpha_milli=alpha_milli)
    assert first.rate / second.rate == pytest.approx(ratio, rel=1e-4)
    assert first.rate == RATE_LIMIT // 2


def test_gcmu_takes_a_weight_for_the_promise() -> None:
    promised = QueueInputs(target_ms=10 * MIN)  # 1 / 10 min
    weighed = QueueInputs(target_ms=10 * MIN, weight_milli=250)
    first, second = terms_of("gcmu", promised, weighed)
    assert second.rate / first.rate == pytest.approx(2.5, rel=1e-4)


def test_beyond_the_knee_waiting_counts_as_many_times_as_fast() -> None:
    boosted = QueueInputs(rate_milli=1000, boost_after_ms=10 * MIN, boost_milli=3000)
    (terms,) = terms_of("accumulating", boosted)
    before, at = score_after(terms, 9 * MIN), score_after(terms, 10 * MIN)
    assert at - before == 1000 * MIN
    assert score_after(terms, 11 * MIN) - at == 3000 * MIN
    for kind in ("fifo", "strict", "deadline"):
        assert terms_of(kind, boosted)[0].knee == NEVER


def test_a_boost_too_steep_for_the_scheduler_keeps_the_rates_proportional() -> None:
    fast = QueueInputs(rate_milli=RATE_LIMIT, boost_after_ms=MIN, boost_milli=BOOST_LIMIT)
    slow = QueueInputs(rate_milli=RATE_LIMIT // 16)
    first, second = terms_of("accumulating", fast, slow)
    assert first.rate / second.rate == pytest.approx(16, rel=1e-3)
    assert first.rate_after / first.rate == pytest.approx(9, rel=1e-3)


@pytest.mark.parametrize("kind", BUILT_IN)
def test_alerts_and_guard_are_the_same_under_every_kind(kind: str) -> None:
    (terms,) = terms_of(kind, QueueInputs(target_ms=600, warn_lead_ms=120, guard_ms=900))
    assert (terms.warn, terms.target, terms.guard) == (480, 600, 900)
    (terms,) = terms_of(kind, QueueInputs(target_ms=100, warn_lead_ms=120))
    assert terms.warn == 0
    (without,) = terms_of(kind, QueueInputs(target_ms=600))
    assert (without.warn, without.target, without.guard) == (NEVER, 600, NEVER)
    (off,) = terms_of(kind, QueueInputs(warn_lead_ms=5, guard_ms=NEVER))
    assert (off.warn, off.target, off.guard) == (NEVER, NEVER, NEVER)


waits = st.none() | st.integers(0, NEVER) | st.integers(0, DAY_MS)
inputs = st.builds(
    QueueInputs,
    service=st.sampled_from("abc"),
    group=st.integers(1, 255),
    mean_service_ms=st.integers(1, MEAN_LIMIT) | st.integers(1000, DAY_MS),
    priority=st.integers(1, PRIORITY_LIMIT),
    rate_milli=st.integers(1, RATE_LIMIT),
    weight_milli=st.none() | st.integers(1, WEIGHT_LIMIT),
    share=st.integers(1, SHARE_LIMIT),
    target_ms=waits,
    warn_lead_ms=st.integers(0, NEVER),
    guard_ms=waits,
    boost_after_ms=waits,
    boost_milli=st.integers(1000, BOOST_LIMIT),
)


@pytest.mark.parametrize("kind", BUILT_IN)
@given(st.lists(inputs, min_size=1, max_size=6), st.integers(0, 1000))
def test_every_kind_stays_within_the_limits_for_every_input(
    kind: str, queues: list[QueueInputs], alpha_milli: int
) -> None:
    for terms in terms_of(kind, *queues, alpha_milli=alpha_milli):
        check_terms(terms)
        assert terms.rate > 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate_milli": 0},
        {"rate_milli": RATE_LIMIT + 1},
        {"priority": 0},
        {"priority": PRIORITY_LIMIT + 1},
        {"weight_milli": 0},
        {"share": 0},
        {"group": 256},
        {"mean_service_ms": 0},
        {"target_ms": -1},
        {"warn_lead_ms": -1},
        {"guard_ms": NEVER + 1},
        {"boost_after_ms": -1},
        {"boost_milli": 999},
    ],
)
def test_a_wrong_number_is_named(wrong: dict[str, int]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name} is"):
        QueueInputs(**wrong)  # type: ignore[arg-type] # numbers only


# -- kinds of others --------------------------------------------------------------------------------


def test_a_kind_s_terms_get_guard_and_promise_whatever_it_says() -> None:
    kind = PolicyKind("mine", WORDS, WORDS, each(lambda queue: Terms(rate=queue.priority, guard=1, target=2)))
    (terms,) = compile_policy(kind, PolicyInputs((QueueInputs(priority=7, target_ms=600, guard_ms=900),)))
    assert terms == Terms(rate=7, guard=900, target=600)


def raising(inputs: PolicyInputs) -> Sequence[Terms]:
    raise ZeroDivisionError("no service today")


@pytest.mark.parametrize(
    ("compile", "said"),
    [
        (raising, "failed.*no service today"),
        (lambda inputs: [], "gave 0 terms for 1 queues"),
        (lambda inputs: [7], "gave no terms for pay/gold"),
        (lambda inputs: [Terms(rate=-1)], "gave no terms for pay/gold: rate is -1"),
        (lambda inputs: [Terms(rate=0.5)], "gave no terms for pay/gold: rate must be an integer"),
        (lambda inputs: None, "failed"),
    ],
)
def test_a_kind_that_computes_nonsense_is_named(compile: object, said: str) -> None:
    kind = PolicyKind("mine", WORDS, WORDS, compile)  # type: ignore[arg-type] # nonsense on purpose
    with pytest.raises(KindFailed, match=f"'mine' {said}"):
        compile_policy(kind, PolicyInputs((QueueInputs("pay", "gold"),)))


def test_a_kind_speaks_both_languages() -> None:
    with pytest.raises(ValueError, match="'mine' needs each text in both languages"):
        PolicyKind("mine", {"zh": "试"}, WORDS, each(lambda queue: Terms(rate=1)))


# -- who could wait for ever --------------------------------------------------------------------------


def test_under_strict_the_lower_priority_could_wait_for_ever() -> None:
    assert outranked(terms_of("strict", QueueInputs(priority=1), QueueInputs(priority=2))) == (1, 0)
    assert outranked(terms_of("strict", QueueInputs(priority=2), QueueInputs(priority=2))) is None
    guarded = QueueInputs(priority=2, guard_ms=35 * MIN)
    assert outranked(terms_of("strict", QueueInputs(priority=1), guarded)) is None


@pytest.mark.parametrize("kind", [kind for kind in BUILT_IN if kind != "strict"])
def test_under_the_other_kinds_nobody_could(kind: str) -> None:
    extremes = [
        QueueInputs("a", group=1, rate_milli=RATE_LIMIT, target_ms=MIN, mean_service_ms=MIN),
        QueueInputs("b", group=2, rate_milli=1, priority=99, target_ms=DAY_MS, mean_service_ms=60 * MIN),
    ]
    assert outranked(terms_of(kind, *extremes)) is None


def test_a_rate_of_zero_could_and_a_day_is_what_counts() -> None:
    assert outranked([Terms(rate=0), Terms(rate=1)]) == (0, 1)
    assert outranked([Terms(rate=0), Terms(rate=0)]) is None  # by (v, order): first come, first served
    assert outranked([Terms(rate=1), Terms(rate=1, offset=DAY_MS)]) is None
    assert outranked([Terms(rate=1), Terms(rate=1, offset=DAY_MS + 1)]) == (0, 1)
    assert outranked([Terms(rate=1, guard=1), Terms(rate=1, offset=DAY_MS + 1)]) is None
