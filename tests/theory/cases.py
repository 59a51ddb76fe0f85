"""The cases: a scenario each, and what theory says of it.

Times are in units of 360 s (a mean service of 1 is 360 s), so that the scenarios pass through the same
reading, compiling and rounding as anybody's. A case's seed is mixed from the campaign's seed and its name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from somc.simulate.model import Tally
from somc.simulate.scenario import ClassTerms, CounterTerms, PolicyTerms, Scenario
from tests.theory import chains
from tests.theory import formulas as f

UNIT_S = 360.0
BATCHES = 64

Batches = Sequence[Sequence[Tally]]
Ratio = Callable[[Batches, int], tuple[float, float]]
"""Numerator and denominator of a metric in one batch, in ticks where they are times."""


@dataclass(frozen=True)
class Metric:
    """One number of a case: its exact value (times in units) and how a batch estimates it."""

    name: str
    exact: float
    ratio: Ratio
    is_time: bool = True


@dataclass(frozen=True)
class Case:
    name: str
    scenario: Scenario
    metrics: Callable[[], list[Metric]]
    """Made when asked for: a chain takes seconds to solve."""
    busy: float
    """The exact utilisation."""

    @property
    def heavy(self) -> bool:
        """Whether waits are so long and so alike from one customer to the next that a run of the usual size
        says them to some per cent only."""
        nobody_leaves = all(each.patience_mean_s is None for each in self.scenario.classes)
        return nobody_leaves and self.busy >= 0.9 - 1e-9

    def sized(self, customers: float, campaign_seed: int) -> Scenario:
        """The scenario over so many arrivals, a twentieth of them to warm up, with the case's own seed."""
        per_h = sum(sum(each.arrivals_per_h) / len(each.arrivals_per_h) for each in self.scenario.classes)
        mixed = hashlib.sha256(f"{campaign_seed} {self.name}".encode()).digest()
        cycle_h = max(
            len(each.arrivals_per_h) * each.arrivals_every_s / 3600 for each in self.scenario.classes
        )
        # Whole cycles of the rates in every batch.
        cycles = max(1, round(customers / per_h / cycle_h / BATCHES)) * BATCHES
        return replace(
            self.scenario,
            horizon_h=(cycles + cycles // 20) * cycle_h,
            warmup_h=cycles // 20 * cycle_h,
            seed=int.from_bytes(mixed[:7], "big"),
        )


# -- metrics ------------------------------------------------------------------------------------------


def _sums(batches: Batches, batch: int, classes: Sequence[int]) -> Tally:
    total = Tally()
    for number in classes:
        total = total.plus(batches[number][batch])
    return total


def _over(top: str, below: str, classes: Sequence[int], batches: Batches, batch: int) -> tuple[float, float]:
    sums = _sums(batches, batch, classes)
    return float(getattr(sums, top)), float(getattr(sums, below))


def wait(name: str, exact: float, *classes: int) -> Metric:
    return Metric(name, exact, partial(_over, "wait_sum", "arrived", classes))


def waits(exact: Sequence[float]) -> list[Metric]:
    return [wait(f"W{number}", value, number) for number, value in enumerate(exact)]


def share(name: str, exact: float, counted: str, *classes: int) -> Metric:
    return Metric(name, exact, partial(_over, counted, "arrived", classes), is_time=False)


def conservation(name: str, exact: float, means: Sequence[float], c: int) -> Metric:
    """sum load_k W_k: the waits weighted by mean service, over all customers."""

    def ratio(batches: Batches, batch: int) -> tuple[float, float]:
        each = [batches[number][batch] for number in range(len(means))]
        work = sum(tally.wait_sum * mean for tally, mean in zip(each, means, strict=True))
        return work / c, float(sum(tally.arrived for tally in each))

    return Metric(name, exact, ratio)


# -- scenarios ----------------------------------------------------------------------------------------


def hall(
    c: int,
    rates: Sequence[float],
    policy: str = "fifo",
    *,
    laws: Sequence[str] | None = None,
    means: Sequence[float] | None = None,
    cvs: Sequence[float] | None = None,
    alpha: float = 1.0,
    distribution: str = "longest_idle",
    **of_class: Sequence[float | int | None],
) -> Scenario:
    """One group of c counters that serve everybody; a value a class for each keyword (times in units)."""
    classes = []
    for number, rate in enumerate(rates):
        own = {key: values[number] for key, values in of_class.items()}
        for key in ("target_wait_s", "patience_mean_s", "boost_after_s", "max_wait_s"):
            if (value := own.get(key)) is not None:
                own[key] = value * UNIT_S
        law = laws[number] if laws else "exponential"
        classes.append(
            ClassTerms(
                name=f"k{number}",
                customer_class=f"k{number}",
                service=f"s{number}",
                service_mean_s=(means[number] if means else 1.0) * UNIT_S,
                arrivals_per_h=(rate * 3600 / UNIT_S,),
                service_distribution=law,
                service_cv=cvs[number] if cvs else 0.0,
                **own,  # type: ignore[arg-type]
            )
        )
    skills = {each.service: 1 for each in classes}
    return Scenario(
        tuple(classes),
        (CounterTerms(skills, count=c),),
        PolicyTerms(policy, alpha=alpha, distribution=distribution),
        horizon_h=1.0,
    )


def n_model(
    a: float, b: float, own: int, both: int, levels: tuple[int, int], policy: str = "fifo"
) -> Scenario:
    made = hall(1, (a, b), policy, distribution="lowest_level")
    return replace(
        made,
        counters=(
            CounterTerms({"s0": 1}, count=own),
            # A prefers its own counters because these see it at a better level.
            CounterTerms({"s0": levels[0], "s1": levels[1]}, count=both),
        ),
    )


# -- the cases ----------------------------------------------------------------------------------------


def fcfs(c: int, rate: float) -> Case:
    exact = f.mmc_wait(c, rate)
    made = hall(c, (rate,), target_wait_s=(exact,))
    return Case(
        f"FCFS M/M/{c} load {rate / c:g}",
        made,
        lambda: [
            wait("W", exact, 0),
            share("P(W>0)", f.erlang_c(c, rate), "waited", 0),
            share("P(W<=mean)", f.mmc_within(c, rate, exact), "within", 0),
        ],
        busy=rate / c,
    )


def mg1(law: str, rate: float, cv: float = 0.0) -> Case:
    second = f.second_moment(law, 1.0, cv)
    name = f"FCFS M/G/1 {law}{f' cv {cv:g}' if cv else ''} load {rate:g}"
    return Case(
        name,
        hall(1, (rate,), laws=(law,), cvs=(cv,)),
        lambda: [wait("W", f.pollaczek_khinchine(rate, 1.0, second), 0)],
        busy=rate,
    )


def erlang_a(c: int, rate: float, leaving: float) -> Case:
    exact = f.erlang_a(c, rate, leaving)
    return Case(
        f"Erlang A c={c} rate {rate:g} leaving {leaving:g}",
        hall(c, (rate,), patience_mean_s=(1 / leaving,)),
        lambda: [
            wait("W of all", exact["wait"], 0),
            Metric(
                "W of the served", exact["served_wait"], partial(_over, "served_wait_sum", "served", (0,))
            ),
            share("abandoned", exact["abandoned"], "abandoned", 0),
        ],
        busy=exact["busy"],
    )


def erlang_b(c: int, load: float, law: str) -> Case:
    """Nobody has patience: M/G/c/c, whose loss does not depend on the distribution of service."""
    lost = f.erlang_b(c, load)
    return Case(
        f"Erlang B c={c} load {load:g} {law}",
        hall(c, (load,), laws=(law,), patience_mean_s=(0.0,)),
        lambda: [share("lost", lost, "abandoned", 0)],
        busy=load * (1 - lost) / c,
    )


def strict(c: int, rates: Sequence[float]) -> Case:
    loads, w0 = [rate / c for rate in rates], f.mmc_residual(c, rates)
    exact = f.cobham(loads, w0)
    top = exact[0]
    tail = f.erlang_c(c, sum(rates)) * f.math.exp(-(c - rates[0]) * top)
    made = hall(
        c,
        rates,
        "strict",
        priority=range(1, len(rates) + 1),
        target_wait_s=(top, *[None] * (len(rates) - 1)),
    )
    everybody = sum(rate * its for rate, its in zip(rates, exact, strict=True)) / sum(rates)
    return Case(
        f"Cobham M/M/{c} rates {_list(rates)}",
        made,
        lambda: [
            *waits(exact),
            wait("W", everybody, *range(len(rates))),
            share("P(W0<=mean)", 1 - tail, "within", 0),
        ],
        busy=sum(loads),
    )


MIXED_LAWS = ("exponential", "deterministic", "erlang2")


def mixed(
    rates: Sequence[float], means: Sequence[float], laws: Sequence[str], cvs: Sequence[float]
) -> tuple[list[float], float]:
    """Loads and W0 of M/G/1 with such classes."""
    seconds = [f.second_moment(*one) for one in zip(laws, means, cvs, strict=True)]
    return [rate * mean for rate, mean in zip(rates, means, strict=True)], f.residual(rates, seconds)


def strict_mg1(
    rates: Sequence[float], means: Sequence[float], laws: Sequence[str], cvs: Sequence[float]
) -> Case:
    loads, w0 = mixed(rates, means, laws, cvs)
    made = hall(1, rates, "strict", laws=laws, means=means, cvs=cvs, priority=range(1, len(rates) + 1))
    return Case(
        f"Cobham M/G/1 {'/'.join(laws)} loads {_list(loads)}",
        made,
        lambda: waits(f.cobham(loads, w0)),
        busy=sum(loads),
    )


def accumulating(c: int, rates: Sequence[float], slopes: Sequence[float]) -> Case:
    exact = f.accumulating([rate / c for rate in rates], f.mmc_residual(c, rates), slopes)
    return Case(
        f"Accumulating M/M/{c} rates {_list(rates)} slopes {_list(slopes)}",
        hall(c, rates, "accumulating", rate=slopes),
        lambda: waits(exact),
        busy=sum(rates) / c,
    )


def accumulating_mg1(
    rates: Sequence[float],
    means: Sequence[float],
    laws: Sequence[str],
    cvs: Sequence[float],
    slopes: Sequence[float],
) -> Case:
    loads, w0 = mixed(rates, means, laws, cvs)
    return Case(
        f"Accumulating M/G/1 {'/'.join(laws)} loads {_list(loads)} slopes {_list(slopes)}",
        hall(1, rates, "accumulating", laws=laws, means=means, cvs=cvs, rate=slopes),
        lambda: waits(f.accumulating(loads, w0, slopes)),
        busy=sum(loads),
    )


def gcmu(
    rates: Sequence[float], means: Sequence[float], laws: Sequence[str], costs: Sequence[float], alpha: float
) -> Case:
    """Quadratic costs of waiting c w^2 / 2: the rule is accumulating priority with slopes c mu^alpha. (Van
    Mieghem, Annals of Applied Probability 5, 1995, for alpha 1.)"""
    loads, w0 = mixed(rates, means, laws, [0.0] * len(rates))
    slopes = [cost / mean**alpha for cost, mean in zip(costs, means, strict=True)]
    return Case(
        f"Gc-mu M/G/1 loads {_list(loads)} costs {_list(costs)} alpha {alpha:g}",
        hall(1, rates, "gcmu", laws=laws, means=means, weight=costs, alpha=alpha),
        lambda: waits(f.accumulating(loads, w0, slopes)),
        busy=sum(loads),
    )


def gcmu_by_target(c: int, rates: Sequence[float], targets: Sequence[float]) -> Case:
    """With one mean service the default's slopes are 1 / promise."""
    exact = f.accumulating(
        [rate / c for rate in rates], f.mmc_residual(c, rates), [1 / target for target in targets]
    )
    return Case(
        f"Gc-mu M/M/{c} rates {_list(rates)} promises {_list(targets)}",
        hall(c, rates, "gcmu", target_wait_s=targets),
        lambda: waits(exact),
        busy=sum(rates) / c,
    )


def conserving(policy: str, c: int, rates: Sequence[float], **of_class: Sequence[float | int | None]) -> Case:
    """A rule without exact means per class: the mean of all is still that of first come first served."""
    made = hall(c, rates, policy, **of_class)
    return Case(
        f"conservation {policy} M/M/{c} rates {_list(rates)}",
        made,
        lambda: [wait("W", f.mmc_wait(c, sum(rates)), *range(len(rates)))],
        busy=sum(rates) / c,
    )


def conserving_mg1(
    policy: str,
    rates: Sequence[float],
    means: Sequence[float],
    laws: Sequence[str],
    **of_class: Sequence[float | int | None],
) -> Case:
    loads, w0 = mixed(rates, means, laws, [0.0] * len(rates))
    return Case(
        f"conservation {policy} M/G/1 loads {_list(loads)}",
        hall(1, rates, policy, laws=laws, means=means, **of_class),
        lambda: [conservation("sum load W / rate", f.conserved(loads, w0) / sum(rates), means, 1)],
        busy=sum(loads),
    )


def n_priority(a: float, b: float, own: int, both: int) -> Case:
    return Case(
        f"N-model priority A {a:g} B {b:g}, {own} + {both} counters",
        n_model(a, b, own, both, levels=(3, 2)),
        lambda: waits(chains.n_model_priority(a, b, own, both)),
        busy=(a + b) / (own + both),
    )


def n_fifo(a: float, b: float, own: int, both: int) -> Case:
    made = n_model(a, b, own, both, levels=(2, 2))
    return Case(
        f"N-model FCFS A {a:g} B {b:g}, {own} + {both} counters",
        made,
        lambda: waits(chains.n_model_fifo(a, b, own, both)),
        busy=(a + b) / (own + both),
    )


def kept_idle(first: float, second: float, c: int, kept: int) -> Case:
    return Case(
        f"{kept} of {c} counters kept idle, rates {_list((first, second))}",
        hall(c, (first, second), "strict", priority=(1, 2), reserved_idle=(kept, 0)),
        lambda: waits(chains.kept_idle(first, second, c, kept)),
        busy=(first + second) / c,
    )


def periodic(rates: Sequence[float], length: float, c: int) -> Case:
    made = hall(c, (1.0,))
    customers = replace(
        made.classes[0],
        arrivals_per_h=tuple(rate * 3600 / UNIT_S for rate in rates),
        arrivals_every_s=length * UNIT_S,
    )
    return Case(
        f"M(t)/M/{c} rates {_list(rates)}, {length:g} each",
        replace(made, classes=(customers,)),
        lambda: [wait("W", chains.periodic_wait(rates, length, c), 0)],
        busy=sum(rates) / len(rates) / c,
    )


def _list(numbers: Sequence[float]) -> str:
    return "(" + ", ".join(f"{number:.4g}" for number in numbers) + ")"


THREE = (0.3, 0.2, 0.3)
"""Rates of the classes of M/G/1 that follow: mean services 1, 0.5 and 1.5."""

MEANS = (1.0, 0.5, 1.5)
NO_CV = (0.0, 0.0, 0.0)
SKEWED = ("lognormal", "exponential", "lognormal")
SKEWED_CV = (1.4, 0.0, 0.8)

CASES = (
    fcfs(1, 0.8),
    fcfs(2, 1.2),
    fcfs(3, 2.1),
    fcfs(8, 6.8),
    fcfs(8, 7.6),
    fcfs(12, 11.0),
    fcfs(20, 18.0),
    mg1("deterministic", 0.8),
    mg1("erlang2", 0.8),
    mg1("lognormal", 0.7, 1.3),
    erlang_a(8, 9.0, 0.5),
    erlang_a(8, 7.6, 0.25),
    erlang_a(5, 6.0, 1.0),
    erlang_a(20, 22.0, 0.2),
    erlang_a(1, 1.5, 2.0),
    erlang_b(8, 7.0, "exponential"),
    erlang_b(3, 2.5, "lognormal"),
    strict(8, (1.7, 2.04, 3.06)),
    strict(8, (0.76, 2.28, 4.56)),
    strict(1, (0.2, 0.3, 0.4)),
    strict(3, (0.5, 1.0, 0.75)),
    strict_mg1(THREE, MEANS, MIXED_LAWS, NO_CV),
    strict_mg1(THREE, MEANS, SKEWED, SKEWED_CV),
    accumulating(8, (1.7, 2.04, 3.06), (4, 2, 1)),
    accumulating(8, (1.9, 2.28, 3.42), (6, 3, 2)),
    accumulating(1, (0.2, 0.3, 0.35), (4, 2, 1)),
    accumulating(20, (4.0, 6.0, 8.0), (3, 2, 1)),
    accumulating(4, (1.0, 2.4), (1.55, 1)),
    accumulating(6, (2.0, 1.0, 1.5, 0.7), (1, 1, 7, 2.3)),
    accumulating_mg1(THREE, MEANS, MIXED_LAWS, NO_CV, (5, 2, 1)),
    accumulating_mg1(THREE, MEANS, SKEWED, SKEWED_CV, (1, 3, 1.3)),
    gcmu(THREE, MEANS, MIXED_LAWS, (4, 2, 3), 1.0),
    gcmu(THREE, MEANS, MIXED_LAWS, (1, 1, 1), 0.5),
    gcmu_by_target(8, (1.7, 2.04, 3.06), (10, 15, 20)),
    conserving("deadline", 8, (2.28, 5.32), target_wait_s=(1.0, 3.0)),
    conserving("ratio", 8, (1.9, 2.28, 3.42), share=(3, 2, 1)),
    conserving("fifo", 8, (2.28, 5.32), max_wait_s=(2.0, 4.0)),
    conserving_mg1("deadline", THREE, MEANS, MIXED_LAWS, target_wait_s=(1.0, 3.0, 6.0)),
    conserving_mg1("ratio", THREE, MEANS, MIXED_LAWS, share=(5, 1, 2)),
    n_priority(2.6, 1.6, 2, 3),
    n_priority(1.5, 2.2, 3, 3),
    n_fifo(2.6, 1.6, 2, 3),
    n_fifo(1.2, 1.0, 1, 2),
    kept_idle(0.6, 1.2, 3, 1),
    kept_idle(1.0, 1.0, 4, 2),
    periodic((2.0, 5.0, 3.0, 1.0), 2.0, 4),
    periodic((0.0, 1.5), 5.0, 2),
)
