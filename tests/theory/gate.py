"""Runs a case and holds every metric against theory: the relative error, and z over the batches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from somc.simulate.compile import model_of
from somc.simulate.native import NativeLoop
from tests.theory.cases import BATCHES, UNIT_S, Case

Z_LIMIT = 5.0

CI_CUSTOMERS, CI_LIMIT = 2e6, 0.03
CAMPAIGN_CUSTOMERS, CAMPAIGN_LIMIT = 24e6, 0.015
HEAVY_TIMES = 8
"""A heavy case gets so many times as many customers: its waits depend on each other for so long."""

CAMPAIGN_SEED = 20100601
"""Of the committed table and of CI; any other number is as good."""


@dataclass(frozen=True)
class Row:
    """One metric of one case: exact, simulated, and how they differ. `z` is None where no batch says it."""

    case: str
    metric: str
    exact: float
    simulated: float
    z: float | None
    seed: int
    customers: int

    @property
    def error(self) -> float:
        return self.simulated / self.exact - 1

    def holds(self, limit: float) -> bool:
        """Whether the error is within the limit, and z within its own."""
        return abs(self.error) <= limit and (self.z is None or abs(self.z) < Z_LIMIT)


def rows(case: Case, customers: float, campaign_seed: int) -> Iterator[Row]:
    """Every metric of the case over so many customers."""
    scenario = case.sized(customers, campaign_seed)
    model = replace(model_of(scenario), batches=BATCHES)
    loop = NativeLoop(model)
    while loop.run(10_000_000):
        pass
    batches = loop.tallies()
    arrived = sum(tally.arrived for its in batches for tally in its)
    unit = UNIT_S * model.ticks_per_s
    for metric in case.metrics():
        pairs = [metric.ratio(batches, batch) for batch in range(BATCHES)]
        scale = 1 / unit if metric.is_time else 1.0
        estimate, error = _ratio([(top * scale, below) for top, below in pairs])
        z = (estimate - metric.exact) / error if error else None
        yield Row(case.name, metric.name, metric.exact, estimate, z, scenario.seed, arrived)
    busy = loop.busy() / (len(model.counters) * (model.horizon - model.warmup))
    yield Row(case.name, "utilisation", case.busy, busy, None, scenario.seed, arrived)


def _ratio(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """The ratio of the sums, and its standard error over the batches."""
    count = len(pairs)
    total, below = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
    estimate = total / below
    spread = sum((top - estimate * its) ** 2 for top, its in pairs) / (count - 1)
    return estimate, math.sqrt(spread / count) / (below / count)
