"""A day through the domain gives the simulator's calls: the same customers, counters and instants, whether
`decide` and `evolve` run the hall, the loop in C, or its plain twin over the reference scheduler.

SOMC_CAMPAIGN=1 runs far longer; `--hypothesis-seed=N` repeats.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from somc.scheduler.interface import DISTRIBUTIONS
from somc.scheduler.kinds import BUILT_IN
from somc.simulate.model import Call, HallModel, Loop
from somc.simulate.native import NativeLoop
from somc.simulate.twin import TwinLoop
from somc.testing.given import small_hall
from tests.simulate.domain_loop import Customer, DomainLoop, model_of

CAMPAIGN = os.environ.get("SOMC_CAMPAIGN") == "1"

SERVICES = ("payment", "business", "repair")
CLASSES = ("gold", "silver", "plain")
MINUTE = 60_000

seconds = st.integers(1, 1200)
class_entries = st.fixed_dictionaries(
    {"priority": st.integers(1, 3), "rate_milli": st.integers(1, 3000), "target_wait_s": seconds},
    optional={
        "weight_milli": st.integers(1, 5000),
        "share": st.integers(1, 5),
        "max_wait_s": seconds,
        "boost_after_s": seconds,
        "boost_milli": st.integers(1000, 4000),
    },
)
service_entries = st.fixed_dictionaries({"mean_service_s": st.sampled_from((60, 180, 600))})
skills = st.dictionaries(st.sampled_from(SERVICES), st.integers(1, 3), min_size=1)


@st.composite
def halls(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """Two to four counters: several skill groups, levels, overflow, reserved counters and idle counters."""
    counters = {number: draw(skills) for number in range(1, draw(st.integers(1, 3)) + 1)}
    everything = len(counters) + 1
    counters[everything] = {service: draw(st.integers(1, 3)) for service in SERVICES}
    hall = small_hall(
        services={service: draw(service_entries) for service in SERVICES},
        classes={customer_class: draw(class_entries) for customer_class in CLASSES},
        counters=counters,
        policy={
            "kind": kind,
            "max_wait_s": draw(st.sampled_from((60, 600, 2100))),
            "alpha_milli": draw(st.integers(0, 1000)),
            "distribution": draw(st.sampled_from(DISTRIBUTIONS)),
        },
    )
    for number in range(1, everything):
        if draw(st.booleans()):
            service = draw(st.sampled_from(sorted(counters[number])))
            hall[f"counter.{number}.overflow_s"] = {service: draw(seconds)}
        if draw(st.integers(0, 3)) == 3:
            hall[f"counter.{number}.reserved_for"] = [draw(st.sampled_from(CLASSES))]
            if draw(st.booleans()):
                hall[f"counter.{number}.opens_after_s"] = draw(seconds)
    return hall


@st.composite
def days(draw: st.DrawFn) -> list[Customer]:
    """Customers at the speed of a busy hall; instants are coarse, so that many things happen at once."""
    grain = draw(st.sampled_from((1, 1000, MINUTE)))
    at, customers = 0, []
    for _ in range(draw(st.integers(1, 40))):
        at += draw(st.integers(0, 2 * MINUTE // grain)) * grain
        patience = st.none() | st.integers(0, 20 * MINUTE // grain).map(lambda steps: steps * grain)
        customers.append(
            Customer(
                at=at,
                service=draw(st.sampled_from(SERVICES)),
                customer_class=draw(st.sampled_from(CLASSES)),
                service_ms=draw(st.integers(0, 10 * MINUTE // grain)) * grain,
                patience_ms=draw(patience),
            )
        )
    return customers


def calls_of(make: type[NativeLoop] | type[TwinLoop], model: HallModel) -> list[Call]:
    loop: Loop = make(model, 1000)
    loop.begin(0)
    while loop.run(50):
        pass
    return loop.trace()


def check(hall: dict[str, Any], customers: Sequence[Customer], auto: bool) -> DomainLoop:
    domain = DomainLoop(hall, auto)
    model = model_of(domain, customers)
    calls = domain.run(customers)
    assert calls == calls_of(NativeLoop, model)
    assert calls == calls_of(TwinLoop, model)
    return domain


@pytest.mark.parametrize("auto", [False, True], ids=["manual", "auto"])
@pytest.mark.parametrize("kind", BUILT_IN)
def test_a_day_through_the_domain_gives_the_calls_of_the_simulator(kind: str, auto: bool) -> None:
    @settings(
        max_examples=5_000 if CAMPAIGN else 40,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(hall=halls(kind), customers=days(), keep_one_idle=st.booleans())
    def prove(hall: dict[str, Any], customers: list[Customer], keep_one_idle: bool) -> None:
        if auto and keep_one_idle:  # counters that press next mind no reserve
            hall["class.gold.reserved_idle"] = 1
        rules.update(check(hall, customers, auto).rules)

    rules: set[str] = set()
    prove()
    # A comparison in which no rule but one ever spoke would prove little.
    assert rules >= {"only", "guard", "level", "ratio" if kind == "ratio" else "score"}
