"""Exact results of queueing theory, to which the simulator is held.

Notation: one unit of time is what one says; `rates` are arrivals a unit, `means` mean services, `seconds`
second moments of service, c counters. W is the wait before service; classes come in the order of the lists.
Each function names its source. Markov chains without a closed form are in `chains.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def second_moment(law: str, mean: float, cv: float = 0.0) -> float:
    """E[S^2] = mean^2 (1 + cv^2)."""
    squared = {"exponential": 1.0, "deterministic": 0.0, "erlang2": 0.5, "lognormal": cv * cv}[law]
    return mean * mean * (1 + squared)


def erlang_b(c: int, load: float) -> float:
    """The share of arrivals lost at c counters without a queue, offered `load` Erlang. Erlang 1917; the
    recursion is in any text."""
    lost = 1.0
    for n in range(1, c + 1):
        lost = load * lost / (n + load * lost)
    return lost


def erlang_c(c: int, load: float) -> float:
    """P(W > 0) of M/M/c. Erlang 1917."""
    lost = erlang_b(c, load)
    return lost / (1 - load / c * (1 - lost))


def mmc_wait(c: int, rate: float) -> float:
    """E[W] of M/M/c with mean service 1."""
    return erlang_c(c, rate) / (c - rate)


def mmc_within(c: int, rate: float, wait: float) -> float:
    """P(W <= wait) of M/M/c with mean service 1, first come first served."""
    return 1 - erlang_c(c, rate) * math.exp(-(c - rate) * wait)


def erlang_a(c: int, rate: float, leaving: float) -> dict[str, float]:
    """M/M/c+M with mean service 1, patience of rate `leaving`. Palm 1957; Garnett, Mandelbaum and Reiman,
    Manufacturing & Service Operations Management 4, 2002.

    `wait`: mean queue time of everybody; `served_wait`: of those who are served; `abandoned`: the share that
    leaves; `busy`: utilisation. A customer who finds k in the queue passes k + 1 stages, stage i (i ahead of
    him) ending at rate c + (i + 1) leaving, by his own patience with probability leaving / that.
    """
    weights = [1.0]
    n = 0
    while n < c or weights[-1] > 1e-18 * max(weights):
        n += 1
        weights.append(weights[-1] * rate / (min(n, c) + max(0, n - c) * leaving))
    total = sum(weights)
    p = [weight / total for weight in weights]
    queue = sum((n - c) * share for n, share in enumerate(p) if n > c)
    served, served_time = sum(p[:c]), 0.0
    for found in range(c, len(p)):
        stages = [c + (i + 1) * leaving for i in range(found - c + 1)]
        stays = math.prod(1 - leaving / each for each in stages)
        served += p[found] * stays
        served_time += p[found] * stays * sum(1 / each for each in stages)
    return {
        "wait": queue / rate,
        "served_wait": served_time / served,
        "abandoned": leaving * queue / rate,
        "busy": sum(min(n, c) * share for n, share in enumerate(p)) / c,
    }


def residual(rates: Sequence[float], seconds: Sequence[float]) -> float:
    """W0 of M/G/1: the work in service that an arrival finds."""
    return sum(rate * second for rate, second in zip(rates, seconds, strict=True)) / 2


def mmc_residual(c: int, rates: Sequence[float]) -> float:
    """W0 of M/M/c with mean service 1: until a counter is free, times the probability that none is."""
    return erlang_c(c, sum(rates)) / c


def pollaczek_khinchine(rate: float, mean: float, second: float) -> float:
    """E[W] of M/G/1 (Pollaczek 1930, Khinchine 1932)."""
    return rate * second / (2 * (1 - rate * mean))


def cobham(loads: Sequence[float], w0: float) -> list[float]:
    """E[W] per class under non-preemptive levels, the first class first; `loads` are rate x mean / c. Cobham,
    Operations Research 2, 1954. Exact for M/G/1, and for M/M/c of one mean service."""
    waits, before = [], 0.0
    for load in loads:
        waits.append(w0 / ((1 - before) * (1 - before - load)))
        before += load
    return waits


def accumulating(loads: Sequence[float], w0: float, slopes: Sequence[float]) -> list[float]:
    """E[W] per class if waiting earns `slopes` points a unit. Kleinrock, Naval Research Logistics
    Quarterly 11, 1964, as a linear system: a customer of class p waits for the work in service, for whom he
    finds and will not overtake, and for who overtakes him.

        W_p = W0 + sum_i load_i W_i min(1, b_i / b_p) + W_p sum_i load_i max(0, 1 - b_p / b_i)

    Exact for M/G/1, and for M/M/c of one mean service.
    """
    count = len(loads)
    system = np.eye(count)
    for p in range(count):
        for i in range(count):
            system[p, i] -= loads[i] * min(1.0, slopes[i] / slopes[p])
            system[p, p] -= loads[i] * max(0.0, 1 - slopes[p] / slopes[i])
    return [float(wait) for wait in np.linalg.solve(system, np.full(count, w0))]


def conserved(loads: Sequence[float], w0: float) -> float:
    """sum load_k W_k = load W of first come first served, under every rule that keeps counters busy and does
    not look at the single service time. Kleinrock, Naval Research Logistics Quarterly 12, 1965."""
    load = sum(loads)
    return load * w0 / (1 - load)
