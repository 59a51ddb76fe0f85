"""Runs a scenario: replication after replication, in chunks, in a thread; and adds up what came of it.

What must stay true
- The same scenario and seed give the same outcome, with either loop.
- A chunk is short (some tens of milliseconds), so that a caller may show progress and a cancellation is
  heard.
- `wait_mean_s`, `wait_p90_s` and `wait_max_s` are of everybody who came, served or not: in Erlang A's words
  the mean queue time of all arrivals. `wait_served_mean_s` is of those who were served.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import trio

from somc.errors import CannotKeepUp
from somc.scheduler.interface import NEVER
from somc.simulate.compile import model_of
from somc.simulate.model import HallModel, LoopFactory, Tally, TooManyWaiting
from somc.simulate.scenario import Scenario
from somc.simulate.student import quantile

__all__ = ["Outcome", "Simulation", "Waits", "simulate"]


class Waits(msgspec.Struct, frozen=True):
    """What some customers met with. Times in seconds, shares from 0 to 1; `None` where nobody was counted,
    where no wait was promised (`within_target`), or with fewer than two replications (`wait_ci95_s`).

    `within_target`: of everybody who came, the share that was called no later than promised; who left was
    not. `wait_ci95_s`: half the width of the 95 % interval of `wait_mean_s`, by the spread of the
    replications.
    """

    arrived: int
    served: int
    abandoned: int
    wait_mean_s: float | None
    wait_ci95_s: float | None
    wait_p90_s: float | None
    wait_max_s: float | None
    within_target: float | None
    wait_served_mean_s: float | None
    waited: float | None
    """The share that was not served at once."""


class Outcome(msgspec.Struct, frozen=True):
    """What `somc simulate --json` prints. `customer_classes` and `services` sum up the classes by their
    keys."""

    classes: dict[str, Waits]
    all: Waits
    utilisation: float
    policy: str
    seed: int
    replications: int
    customer_classes: dict[str, Waits]
    services: dict[str, Waits]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Replication:
    tallies: list[Tally]
    busy: float


class Simulation:
    """A scenario under way. `advance` until it says False, then `outcome`."""

    def __init__(self, scenario: Scenario, make_loop: LoopFactory) -> None:
        self.scenario = scenario
        self._model: HallModel = model_of(scenario)
        self._loop = make_loop(self._model)
        self._done: list[_Replication] = []

    @property
    def progress(self) -> float:
        """How much of the work is done, from 0 to 1."""
        part = min(1.0, self._loop.clock / self._model.horizon)
        return min(1.0, (len(self._done) + part) / self.scenario.replications)

    def advance(self) -> bool:
        """One chunk; whether there is more. `CannotKeepUp`."""
        left = self._loop.chunk
        while left > 0 and len(self._done) < self.scenario.replications:
            try:
                if self._loop.run(left):
                    return True
            except TooManyWaiting:
                raise self._overrun() from None
            each = [_together(batches) for batches in self._loop.tallies()]
            self._done.append(_Replication(each, self._loop.busy()))
            left -= 1 + 2 * sum(tally.arrived for tally in each)
            if len(self._done) < self.scenario.replications:
                self._loop.begin(len(self._done))
        return len(self._done) < self.scenario.replications

    def _overrun(self) -> CannotKeepUp:
        hours = self._loop.clock / self._model.ticks_per_s / 3600
        return CannotKeepUp(
            f"after {hours:.1f} simulated hours more than {self._model.waiting_limit:,} customers wait: they "
            "come faster than the counters serve. Add counters or skills, lower arrivals_per_h or "
            "service_mean_s, or give the classes a patience_mean_s"
        )

    def outcome(self) -> Outcome:
        scenario, model = self.scenario, self._model
        every = range(len(scenario.classes))
        groups: dict[str, list[int]] = {}
        services: dict[str, list[int]] = {}
        for number, each in enumerate(scenario.classes):
            groups.setdefault(each.customer_class, []).append(number)
            services.setdefault(each.service, []).append(number)
        ticks = len(model.counters) * (model.horizon - model.warmup) * len(self._done)
        return Outcome(
            classes={each.name: self._waits([n]) for n, each in enumerate(scenario.classes)},
            all=self._waits(every),
            utilisation=sum(done.busy for done in self._done) / ticks,
            policy=scenario.policy.kind,
            seed=scenario.seed,
            replications=len(self._done),
            customer_classes={name: self._waits(numbers) for name, numbers in groups.items()},
            services={name: self._waits(numbers) for name, numbers in services.items()},
            notes=scenario.notes,
        )

    def _waits(self, classes: Sequence[int]) -> Waits:
        """Of these classes together."""
        runs = [_together([done.tallies[number] for number in classes]) for done in self._done]
        whole, per_s = _together(runs), self._model.ticks_per_s
        promised = [number for number in classes if self._model.classes[number].target < NEVER]
        kept = _together([done.tallies[number] for done in self._done for number in promised])
        p90 = self._loop.quantile(classes, 0.9)
        half = _half_width([(run.wait_sum, run.arrived) for run in runs])
        longest = max((self._loop.longest(number) for number in classes), default=0)
        return Waits(
            arrived=whole.arrived,
            served=whole.served,
            abandoned=whole.abandoned,
            wait_mean_s=_share(whole.wait_sum / per_s, whole.arrived),
            wait_ci95_s=None if half is None else half / per_s,
            # The quantile is the middle of a bin, which may lie beyond the longest wait in it.
            wait_p90_s=None if p90 is None else min(p90, longest) / per_s,
            wait_max_s=longest / per_s if whole.arrived else None,
            within_target=_share(kept.within, kept.arrived),
            wait_served_mean_s=_share(whole.served_wait_sum / per_s, whole.served),
            waited=_share(whole.waited, whole.arrived),
        )


def _together(tallies: Sequence[Tally]) -> Tally:
    whole = Tally()
    for each in tallies:
        whole = whole.plus(each)
    return whole


def _share(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def _half_width(runs: Sequence[tuple[float, int]]) -> float | None:
    """Half of the 95 % interval of (sum of sums) / (sum of counts), the runs being independent: Student's t
    times the ratio estimator's standard error (Cochran, Sampling Techniques, 6.4)."""
    count, customers = len(runs), sum(run[1] for run in runs)
    if count < 2 or not customers:
        return None
    mean = sum(run[0] for run in runs) / customers
    spread = sum((total - mean * its) ** 2 for total, its in runs) / (count - 1)
    return quantile(count - 1) * math.sqrt(spread / count) / (customers / count)


async def simulate(
    scenario: Scenario, make_loop: LoopFactory, on_progress: Callable[[float], None] = lambda share: None
) -> Outcome:
    """Run it beside whatever else the event loop does. `CannotKeepUp`; cancelled between two chunks."""
    simulation = Simulation(scenario, make_loop)
    limiter = trio.CapacityLimiter(1)
    while await trio.to_thread.run_sync(simulation.advance, limiter=limiter):
        on_progress(simulation.progress)
    on_progress(1.0)
    return simulation.outcome()
