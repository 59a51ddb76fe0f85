"""The loop in C and its Python twin: the same calls, the same counts, over any hall."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from somc.simulate.model import HallModel, Loop, TooManyWaiting
from somc.simulate.native import NativeLoop
from somc.simulate.twin import TwinLoop
from tests.simulate.halls import MEAN, random_hall

HALLS = 60


def both(model: HallModel) -> tuple[NativeLoop, TwinLoop]:
    return NativeLoop(model, 10_000), TwinLoop(model, 10_000)


def run(loop: Loop, replication: int, events: int = 7) -> None:
    loop.begin(replication)
    while loop.run(events):
        pass


def answers(loop: Loop, model: HallModel) -> dict[str, object]:
    classes = range(len(model.classes))
    return {
        "calls": loop.trace(),
        "tallies": loop.tallies(),
        "busy": loop.busy(),
        "clock": loop.clock,
        "longest": [loop.longest(number) for number in classes],
        "quantiles": [loop.quantile([number], share) for number in classes for share in (0.1, 0.5, 0.9, 1.0)],
        "all": loop.quantile(list(classes), 0.9),
    }


@pytest.mark.parametrize("part", range(4))
def test_both_loops_make_the_same_calls(part: int, seed: int) -> None:
    for number in range(HALLS // 4):
        model = random_hall(random.Random(f"{seed} {part} {number}"))
        native, twin = both(model)
        for replication in range(2):
            run(native, replication)
            run(twin, replication)
            assert answers(native, model) == answers(twin, model), f"hall {number} of part {part}"


def test_the_halls_reach_every_rule(seed: int) -> None:
    """A comparison that never waits, leaves or overflows would prove little."""
    halls = [random_hall(random.Random(f"{seed} {number}")) for number in range(HALLS)]
    totals = [0, 0, 0, 0, 0]
    for model in halls:
        loop = NativeLoop(model)
        run(loop, 0)
        for batches in loop.tallies():
            for tally in batches:
                totals = [sum(pair) for pair in zip(totals, tally[:5], strict=True)]
    arrived, served, abandoned, waited, _ = totals
    assert min(arrived, served, abandoned, waited) > HALLS
    assert served + abandoned == arrived
    lanes = [lane for model in halls for counter in model.counters for lane in counter]
    assert any(lane.reserve for lane in lanes)
    assert any(0 < lane.min_wait < 2 * MEAN for lane in lanes)


def test_how_far_a_chunk_goes_changes_nothing(seed: int) -> None:
    model = random_hall(random.Random(seed))
    whole, parts = NativeLoop(model, 100), NativeLoop(model, 100)
    run(whole, 3, events=1_000_000)
    run(parts, 3, events=1)
    assert answers(whole, model) == answers(parts, model)


def test_replications_differ_and_repeat(seed: int) -> None:
    model = random_hall(random.Random(f"{seed} replications"))
    busy = replace(model.classes[0], days=(), diverted=0.0, rates=(2.0 / MEAN,))
    loop = NativeLoop(replace(model, classes=(busy, *model.classes[1:])), 1000)
    seen = []
    for replication in (0, 1, 0):
        run(loop, replication)
        seen.append((loop.tallies(), loop.trace()))
    assert seen[0] == seen[2]
    assert seen[0] != seen[1]


@pytest.mark.parametrize("make", [NativeLoop, TwinLoop])
def test_a_hall_that_cannot_keep_up_is_stopped(make: type[NativeLoop] | type[TwinLoop]) -> None:
    model = random_hall(random.Random(1))
    crowd = replace(
        model.classes[0], days=(), rates=(1000.0 / MEAN,), patience_mean=-1.0, service_mean=float(MEAN)
    )
    loop = make(replace(model, classes=(crowd,), counters=(model.counters[-1][:1],), waiting_limit=50))
    with pytest.raises(TooManyWaiting):
        run(loop, 0)
    loop.begin(1)  # and it can be used again
