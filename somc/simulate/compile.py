"""A scenario becomes a `HallModel`: policy, flows and lanes in whole ticks.

What must stay true: policies are compiled by the function that a hall's are (`compile_policy`), from the same
inputs; a tick is short enough that rounding to it changes no mean by more than a hundred-thousandth, unless
the run is too long for such ticks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from somc.scheduler.interface import GROUP_LIMIT, MEAN_LIMIT, NEVER, RATE_LIMIT, Lane, Terms
from somc.scheduler.kinds import BUILT_IN
from somc.scheduler.policy import WEIGHT_LIMIT, PolicyInputs, QueueInputs, compile_policy
from somc.simulate.model import FOR_EVER, HORIZON_LIMIT, ClassModel, HallModel
from somc.simulate.scenario import ClassTerms, CounterTerms, Scenario, reserved_idle

__all__ = ["model_of"]

FINE_BELOW_S = 1.0
"""With service or patience shorter than this on average a tick is a microsecond, else a millisecond.
Times that vary then keep their mean to a millionth; for those that do not see `_ticks_per_s`."""

COARSE = 1e-5
"""So much a service that does not vary may change by rounding to a millisecond."""


def model_of(scenario: Scenario) -> HallModel:
    """What the loops run."""
    ticks_per_s = _ticks_per_s(scenario)
    terms = _terms(scenario, ticks_per_s)
    return HallModel(
        classes=tuple(
            _class_model(each, its, ticks_per_s) for each, its in zip(scenario.classes, terms, strict=True)
        ),
        counters=tuple(
            lanes
            for counter in scenario.counters
            for lanes in [tuple(_lanes(scenario, counter, ticks_per_s))] * counter.count
        ),
        seed=scenario.seed,
        warmup=round(scenario.warmup_h * 3600 * ticks_per_s),
        horizon=max(1, round(scenario.horizon_h * 3600 * ticks_per_s)),
        distribution=scenario.policy.distribution,
        ticks_per_s=ticks_per_s,
    )


def _ticks_per_s(scenario: Scenario) -> int:
    """Milliseconds, or microseconds where those round too much, if the horizon can be told in them."""
    means = [each.service_mean_s for each in scenario.classes]
    means += [each.patience_mean_s for each in scenario.classes if each.patience_mean_s]
    fixed = [
        each.service_mean_s * 1000
        for each in scenario.classes
        if each.service_distribution == "deterministic"
    ]
    fine = min(means) < FINE_BELOW_S or any(abs(ms - round(ms)) > COARSE * ms for ms in fixed)
    return 1_000_000 if fine and scenario.horizon_h * 3600 * 1_000_000 < HORIZON_LIMIT else 1000


def _class_model(customer: ClassTerms, terms: Terms, ticks_per_s: int) -> ClassModel:
    per_h = 3600.0 * ticks_per_s
    patience_s = customer.patience_mean_s
    return ClassModel(
        terms=terms,
        law=customer.service_distribution,
        service_mean=customer.service_mean_s * ticks_per_s,
        service_cv=customer.service_cv,
        patience_mean=FOR_EVER if patience_s is None else patience_s * ticks_per_s,
        diverted=customer.diverted,
        target=NEVER if customer.target_wait_s is None else round(customer.target_wait_s * ticks_per_s),
        rates=tuple(rate / per_h for rate in customer.arrivals_per_h),
        period=customer.arrivals_every_s * ticks_per_s,
        days=() if customer.recorded is None else customer.recorded.rows(ticks_per_s),
    )


def _groups(classes: Sequence[ClassTerms]) -> dict[str, int]:
    """Customer class → its number, from 1, in the order of the file. Those beyond the limit share the last:
    only `ratio` reads it, and there `scenario.py` refuses so many."""
    names = dict.fromkeys(each.customer_class for each in classes)
    return {name: min(number, GROUP_LIMIT) for number, name in enumerate(names, 1)}


def _terms(scenario: Scenario, ticks_per_s: int) -> list[Terms]:
    """The policy, compiled. Alerts are nobody's business here: a queue that has none is kept up faster."""
    groups = _groups(scenario.classes)
    rates = _whole([each.rate for each in scenario.classes], RATE_LIMIT)
    weights = _weights(scenario.classes)

    # Only the proportions of the means matter, so a long one may make all of them coarser.
    longest_s = max(each.service_mean_s for each in scenario.classes)
    means_per_s = ticks_per_s if longest_s * ticks_per_s <= MEAN_LIMIT else 1000

    def ticks(seconds: float | None) -> int | None:
        return None if seconds is None else min(round(seconds * ticks_per_s), NEVER)

    inputs = PolicyInputs(
        tuple(
            QueueInputs(
                service=each.service,
                customer_class=each.customer_class,
                group=groups[each.customer_class],
                mean_service_ms=max(1, min(round(each.service_mean_s * means_per_s), MEAN_LIMIT)),
                priority=each.priority,
                rate_milli=rate,
                weight_milli=weight,
                share=each.share,
                target_ms=ticks(each.target_wait_s if each.target_wait_s is not None else _NO_PROMISE_S),
                guard_ms=ticks(
                    (scenario.policy.max_wait_s if each.max_wait_s is None else each.max_wait_s) or None
                ),
                boost_after_ms=ticks(each.boost_after_s),
                boost_milli=round(each.boost * 1000),
            )
            for each, rate, weight in zip(scenario.classes, rates, weights, strict=True)
        ),
        round(scenario.policy.alpha * 1000),
    )
    compiled = compile_policy(BUILT_IN[scenario.policy.kind], inputs)
    return [replace(terms, warn=NEVER, target=NEVER) for terms in compiled]


_NO_PROMISE_S = 86_400.0
"""A class without a promise stands as if a day were promised, as in a hall."""


def _whole(numbers: Sequence[float], limit: int) -> list[int]:
    """Thousandths where all are such and within the limit, as in hall.toml; else the same proportions, the
    largest being half the limit."""
    thousandths = [round(number * 1000) for number in numbers]
    exact = all(abs(number * 1000 - whole) < 1e-6 for number, whole in zip(numbers, thousandths, strict=True))
    if exact and min(thousandths) >= 1 and max(thousandths) <= limit:
        return thousandths
    return [max(1, round(number / max(numbers) * (limit // 2))) for number in numbers]


def _weights(classes: Sequence[ClassTerms]) -> list[int | None]:
    """The weights, or `None` for each if no class has one: then it is 1 / promise, as in a hall. If only some
    have, the others' promises are turned into weights here, so that all stand in one unit (per minute)."""
    if all(each.weight is None for each in classes):
        return [None] * len(classes)
    promised_s = [_NO_PROMISE_S if each.target_wait_s is None else each.target_wait_s for each in classes]
    weights = [
        60 / max(seconds, 1.0) if each.weight is None else each.weight
        for each, seconds in zip(classes, promised_s, strict=True)
    ]
    return list(_whole(weights, WEIGHT_LIMIT))


def _lanes(scenario: Scenario, counter: CounterTerms, ticks_per_s: int) -> Iterable[Lane]:
    reserved = reserved_idle(scenario.classes)
    for number, customer in enumerate(scenario.classes):
        after_s = counter.offered_after_s(customer)
        if after_s is None:
            continue
        yield Lane(
            number,
            level=counter.level_of(customer),
            min_wait=round(after_s * ticks_per_s),
            # Idle counters kept free for a class must stay free of every other one.
            reserve=sum(reserved.values()) - reserved[customer.customer_class],
        )
