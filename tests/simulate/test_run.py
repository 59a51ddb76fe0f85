"""What a run adds up to: conservation, repeatability, intervals, edges; and that it can be stopped."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import scipy.stats
import trio

from somc.errors import CannotKeepUp
from somc.simulate.compile import model_of
from somc.simulate.model import LoopFactory
from somc.simulate.native import NativeLoop
from somc.simulate.recorded import Recorded
from somc.simulate.run import Outcome, Simulation, simulate
from somc.simulate.scenario import ClassTerms, CounterTerms, PolicyTerms, Scenario
from somc.simulate.student import quantile
from somc.simulate.twin import TwinLoop
from tests.theory import formulas

PAY = ClassTerms(
    name="pay", customer_class="vip", service="pay", service_mean_s=180.0, arrivals_per_h=(40.0,), rate=1.5
)
FIX = replace(
    PAY, name="fix", service="fix", service_mean_s=600.0, arrivals_per_h=(9.0,), target_wait_s=600.0
)
PLAIN = replace(PAY, name="plain", customer_class="plain", rate=1.0, target_wait_s=900.0)
SMALL = Scenario(
    classes=(PAY, FIX, PLAIN),
    counters=(
        CounterTerms({"pay": 1}, count=2),
        CounterTerms({"fix": 1, "pay": 2}, count=3, overflow_s={"pay": 60.0}),
    ),
    policy=PolicyTerms("accumulating"),
    horizon_h=6.0,
    replications=5,
)


def run(scenario: Scenario, loop: type[NativeLoop] | type[TwinLoop] = NativeLoop) -> Outcome:
    simulation = Simulation(scenario, loop)
    while simulation.advance():
        assert 0 <= simulation.progress <= 1
    return simulation.outcome()


def test_both_loops_have_the_same_outcome() -> None:
    short = replace(SMALL, horizon_h=1.0, replications=2)
    assert run(short, NativeLoop) == run(short, TwinLoop)


def test_sums_are_the_sums_of_their_parts() -> None:
    outcome = run(SMALL)
    assert outcome.all.arrived == sum(each.arrived for each in outcome.classes.values())
    for summed in (outcome.customer_classes, outcome.services):
        assert sum(each.served for each in summed.values()) == outcome.all.served
    vip, pay, fix = outcome.customer_classes["vip"], outcome.classes["pay"], outcome.classes["fix"]
    assert vip.arrived == pay.arrived + fix.arrived
    assert vip.wait_max_s == max(pay.wait_max_s or 0, fix.wait_max_s or 0)
    weighted = (pay.wait_mean_s or 0) * pay.arrived + (fix.wait_mean_s or 0) * fix.arrived
    assert vip.wait_mean_s == pytest.approx(weighted / vip.arrived)
    assert vip.within_target == fix.within_target
    assert pay.within_target is None


def test_policies_meet_the_same_customers() -> None:
    outcomes = [
        run(replace(SMALL, policy=PolicyTerms(kind)))
        for kind in ("fifo", "strict", "accumulating", "deadline", "ratio", "gcmu")
    ]
    assert len({outcome.all.arrived for outcome in outcomes}) == 1
    assert len({outcome.all.wait_mean_s for outcome in outcomes}) > 3


def test_a_seed_repeats_and_another_differs() -> None:
    assert run(SMALL) == run(SMALL)
    assert run(SMALL).all != run(replace(SMALL, seed=2)).all


def test_the_interval_is_students() -> None:
    for freedom in (1, 2, 3, 7, 30, 199):
        assert quantile(freedom) == pytest.approx(scipy.stats.t.ppf(0.975, freedom), rel=1e-9)
    assert quantile(5000) == pytest.approx(scipy.stats.norm.ppf(0.975))


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """M/M/1 with load 0.5: E[W] is a mean service. Eight replications of 500 hours, 120 times."""
    served = replace(PAY, service_mean_s=360.0, arrivals_per_h=(5.0,))
    scenario = Scenario((served,), (CounterTerms({"pay": 1}),), PolicyTerms("fifo"), 500.0, 20.0, 8)
    covered = 0
    for seed in range(120):
        waits = run(replace(scenario, seed=seed)).all
        assert waits.wait_mean_s is not None
        assert waits.wait_ci95_s is not None
        covered += abs(waits.wait_mean_s - 360.0) <= waits.wait_ci95_s
    assert scipy.stats.binomtest(covered, 120, 0.95).pvalue > 1e-4


def test_one_replication_has_no_interval() -> None:
    assert run(replace(SMALL, replications=1)).all.wait_ci95_s is None


def test_nobody_comes() -> None:
    outcome = run(
        replace(SMALL, classes=tuple(replace(each, arrivals_per_h=(0.0,)) for each in SMALL.classes))
    )
    assert outcome.all.arrived == 0
    assert (outcome.all.wait_mean_s, outcome.all.wait_p90_s, outcome.all.wait_max_s) == (None, None, None)
    assert (outcome.utilisation, outcome.classes["fix"].within_target) == (0.0, None)


def test_a_day_without_a_single_rate_ends_at_once() -> None:
    """A million hours of pieces in which nobody comes are not walked through."""
    empty = replace(PLAIN, arrivals_per_h=(0.0, 0.0), arrivals_every_s=1.0)
    scenario = replace(SMALL, classes=(empty,), counters=(CounterTerms({"pay": 1}),), horizon_h=1e6)
    assert run(scenario).all.arrived == 0


def test_without_patience_a_hall_loses_what_erlang_b_says() -> None:
    impatient = replace(PLAIN, arrivals_per_h=(60.0,), patience_mean_s=0.0, target_wait_s=0.0)
    scenario = Scenario(
        (impatient,), (CounterTerms({"pay": 1}, count=4),), PolicyTerms("fifo"), 20_000.0, 10.0
    )
    waits = run(scenario).all
    assert waits.abandoned / waits.arrived == pytest.approx(formulas.erlang_b(4, 3.0), rel=0.02)
    assert (waits.wait_mean_s, waits.wait_max_s) == (0.0, 0.0)
    assert waits.within_target == waits.served / waits.arrived
    assert waits.waited == waits.abandoned / waits.arrived


def test_waits_are_of_everybody_and_served_waits_of_the_served() -> None:
    leaving = replace(PLAIN, service_mean_s=360.0, arrivals_per_h=(90.0,), patience_mean_s=720.0)
    scenario = Scenario((leaving,), (CounterTerms({"pay": 1}, count=8),), PolicyTerms("fifo"), 20_000.0, 10.0)
    waits, exact = run(scenario).all, formulas.erlang_a(8, 9.0, 0.5)
    assert waits.wait_mean_s == pytest.approx(exact["wait"] * 360, rel=0.02)
    assert waits.wait_served_mean_s == pytest.approx(exact["served_wait"] * 360, rel=0.02)
    assert waits.abandoned / waits.arrived == pytest.approx(exact["abandoned"], rel=0.02)


def test_p90_is_the_theory_of_mm1() -> None:
    served = replace(PAY, service_mean_s=360.0, arrivals_per_h=(8.0,))
    waits = run(Scenario((served,), (CounterTerms({"pay": 1}),), PolicyTerms("fifo"), 50_000.0, 100.0)).all
    assert waits.wait_p90_s == pytest.approx(math.log(0.8 / 0.1) / 0.2 * 360, rel=0.05)


def test_milliseconds_and_microseconds_agree() -> None:
    """The same hall in another unit of time."""
    slow = Scenario(
        (PAY, PLAIN), (CounterTerms({"pay": 1}, count=5),), PolicyTerms("accumulating"), 3000.0, 10.0
    )
    fast = replace(
        slow,
        classes=tuple(
            replace(each, service_mean_s=0.18, arrivals_per_h=(40_000.0,), target_wait_s=None)
            for each in slow.classes
        ),
        horizon_h=3.0,
        warmup_h=0.01,
    )
    one, other = run(slow).classes["plain"].wait_mean_s, run(fast).classes["plain"].wait_mean_s
    assert one is not None
    assert other == pytest.approx(one / 1000, rel=1e-4)


def test_who_cannot_be_served_in_time_stops_the_run() -> None:
    crowd = replace(PLAIN, arrivals_per_h=(1e6,))
    scenario = Scenario((crowd,), (CounterTerms({"pay": 1}),), PolicyTerms("fifo"), 100.0)
    with pytest.raises(CannotKeepUp, match=r"Add counters or skills.*patience_mean_s"):
        run(scenario)


async def test_a_run_can_be_cancelled_and_leaves_the_loop_free() -> None:
    endless = replace(SMALL, horizon_h=1_000_000.0)
    beats, shares = 0, list[float]()
    with trio.move_on_after(0.5) as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(simulate, endless, NativeLoop, shares.append)
            while True:
                await trio.sleep(0.01)
                beats += 1
    assert scope.cancelled_caught
    assert beats > 10
    assert shares
    assert shares == sorted(shares)


async def test_progress_ends_at_one() -> None:
    shares: list[float] = []
    outcome = await simulate(SMALL, NativeLoop, shares.append)
    assert shares[-1] == 1.0
    assert outcome == run(SMALL)


def test_a_service_that_does_not_vary_is_not_rounded_away() -> None:
    """M/D/1 at load 0.98 with a service of 1.0004 s: rounded to 1.000 s its wait would be 2 % too short."""
    fixed = replace(PAY, service_mean_s=1.0004, service_distribution="deterministic")
    assert model_of(replace(SMALL, classes=(fixed, FIX))).ticks_per_s == 1_000_000
    assert model_of(replace(SMALL, classes=(replace(fixed, service_mean_s=1.5), FIX))).ticks_per_s == 1000


def test_the_longest_run_of_the_shortest_services() -> None:
    """Microseconds would carry its horizon past the core's limit."""
    brief = replace(PAY, service_mean_s=0.5, arrivals_per_h=(0.001,))
    long = replace(SMALL, classes=(brief,), horizon_h=1_000_000.0, replications=1)
    assert run(long).all.served > 900


def test_fine_ticks_leave_the_rates_of_gcmu_as_they_are() -> None:
    """Rate = weight / service, also where one service is an hour and another below a second."""
    brief = replace(PAY, service_mean_s=0.9, weight=1.0)
    hour = replace(FIX, service_mean_s=3600.0, weight=1.0)
    model = model_of(replace(SMALL, classes=(brief, hour), policy=PolicyTerms("gcmu")))
    assert model.ticks_per_s == 1_000_000
    first, second = (each.terms.rate for each in model.classes)
    assert first / second == pytest.approx(4000, rel=0.01)


def test_nobody_waits_longer_at_ninety_percent_than_at_all() -> None:
    """Quantiles come from bins; with few customers the middle of one may lie beyond the longest wait."""
    for seed in range(40):
        outcome = run(replace(SMALL, horizon_h=0.2, replications=1, seed=seed))
        assert (outcome.all.wait_p90_s or 0) <= (outcome.all.wait_max_s or 0)


def test_a_large_hall_stops_as_soon() -> None:
    """The more there is to look at for an event, the fewer events go in one chunk."""
    assert NativeLoop(model_of(SMALL)).chunk == 200_000
    flows = tuple(replace(PAY, name=f"k{number}") for number in range(500))
    wide = replace(
        SMALL, classes=flows, counters=(CounterTerms({"pay": 1}, count=200, overflow_s={"pay": 60}),)
    )
    assert NativeLoop(model_of(wide)).chunk < 1000


@pytest.mark.parametrize("make_loop", [NativeLoop, TwinLoop])
def test_a_replication_knows_nothing_of_the_one_before(make_loop: LoopFactory) -> None:
    """Not even whose turn it is by ratio: the day ends with two calls of the plain, so that a lag is left."""
    days = [
        ((0.0, 100.0, None), (1.0, 100.0, None)),
        ((2.0, 100.0, None), (3.0, 100.0, None), (4.0, 100.0, None)),
    ]
    vip, plain = (
        replace(each, recorded=Recorded((day,), 100.0)) for each, day in zip((PAY, PLAIN), days, strict=True)
    )
    day = replace(
        SMALL, classes=(vip, plain), counters=(CounterTerms({"pay": 1}),), policy=PolicyTerms("ratio")
    )
    loop = make_loop(model_of(day), 5)
    for replication in range(3):
        loop.begin(replication)
        while loop.run(100):
            pass
        called = [(call.customer_class, call.number) for call in loop.trace()]
        assert called == [(0, 0), (1, 0), (0, 1), (1, 1), (1, 2)]
