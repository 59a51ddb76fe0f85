"""A simulated hall as plain values, and what the two loops over it promise.

A `HallModel` is all that a loop needs: `native.py` runs it in C, `twin.py` in Python over the reference
scheduler. What must stay true: times are integer ticks, `ticks_per_s` of them a second; the rules of the loop
are those of `native/simulate.h`, and both loops make the same calls and count the same.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from somc.scheduler.interface import NEVER, Lane, Terms

__all__ = [
    "FOR_EVER",
    "HORIZON_LIMIT",
    "LAWS",
    "Call",
    "ClassModel",
    "HallModel",
    "Loop",
    "LoopFactory",
    "Tally",
    "TooManyWaiting",
]

LAWS = ("exponential", "deterministic", "erlang2", "lognormal")
"""Distributions of service times, in the order of `sim_law`."""

FOR_EVER = -1.0
"""A mean patience: nobody leaves."""

HORIZON_LIMIT = 1 << 51
"""Horizons stay below so many ticks (`TIME_LIMIT / 2` of the C core): room for whoever is inside by then."""

WAITING_LIMIT = 1 << 20
"""So many customers in one hall's queues mean that it cannot keep up: the run stops before memory does."""


class TooManyWaiting(Exception):
    """More than `waiting_limit` customers wait: they come faster than the counters can serve."""


@dataclass(frozen=True, slots=True)
class ClassModel:
    """One flow of customers: a queue of the scheduler, by its number in `HallModel.classes`.

    `rates` are arrivals a tick, one for each piece of `period` ticks, over and over (one rate: always). With
    `days` they are given instead: replication r has the arrivals of day r modulo their number, three integers
    each (instant, service, patience; -1: drawn, or none) in the order of the instants.
    `patience_mean` (ticks): `FOR_EVER`, or the mean of an exponential time; 0 leaves at once. `diverted`
    (0 to 1) is the share that goes elsewhere. `target` (ticks): the wait that counts as kept, `NEVER`: any.
    """

    terms: Terms
    law: str
    service_mean: float
    service_cv: float = 0.0
    patience_mean: float = FOR_EVER
    diverted: float = 0.0
    target: int = NEVER
    rates: tuple[float, ...] = (0.0,)
    period: float = 0.0
    days: tuple[array[int], ...] = ()


@dataclass(frozen=True, slots=True)
class HallModel:
    """Classes, counters (each by its lanes) and the run: counted are arrivals from `warmup` to `horizon`."""

    classes: tuple[ClassModel, ...]
    counters: tuple[tuple[Lane, ...], ...]
    seed: int
    warmup: int
    horizon: int
    batches: int = 1
    distribution: str = "longest_idle"
    ticks_per_s: int = 1000
    waiting_limit: int = WAITING_LIMIT


class Tally(NamedTuple):
    """What was counted of one class in one batch (`sim_tally` of simulate.h): waits are sums of ticks."""

    arrived: int = 0
    served: int = 0
    abandoned: int = 0
    waited: int = 0
    within: int = 0
    wait_sum: float = 0.0
    served_wait_sum: float = 0.0

    def plus(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(
            self.arrived + other.arrived,
            self.served + other.served,
            self.abandoned + other.abandoned,
            self.waited + other.waited,
            self.within + other.within,
            self.wait_sum + other.wait_sum,
            self.served_wait_sum + other.served_wait_sum,
        )


class Call(NamedTuple):
    """One call: when (ticks), who (class, and number within it from 0), to which counter (from 0)."""

    at: int
    customer_class: int
    number: int
    counter: int


class Loop(Protocol):
    """One hall in simulated time. `begin` empties it for a replication; tallies, busy time and trace are that
    replication's, `longest` and `quantile` look at all so far."""

    chunk: int
    """So many events take some tens of milliseconds."""

    def begin(self, replication: int) -> None: ...

    def run(self, events: int) -> bool:
        """The next so many events; whether there are more. `TooManyWaiting`."""

    @property
    def clock(self) -> int:
        """The instant reached (ticks)."""

    def tallies(self) -> list[list[Tally]]:
        """Per class and batch."""

    def busy(self) -> float:
        """Ticks that all counters together served between warm-up and horizon."""

    def longest(self, customer_class: int) -> int:
        """The longest wait (ticks); 0 if nobody was counted."""

    def quantile(self, classes: Sequence[int], share: float) -> int | None:
        """The wait (ticks) that this share of the classes' customers did not exceed, to 1 in 2000."""

    def trace(self) -> list[Call]:
        """The first `trace_room` calls."""


class LoopFactory(Protocol):
    """Makes a loop over a hall that remembers so many calls. Implemented by `NativeLoop` and `TwinLoop`."""

    def __call__(self, model: HallModel, trace_room: int = 0) -> Loop: ...
