"""Halls without a closed form, solved as Markov chains: exact but for a truncation that is checked.

All services are exponential of mean 1. The N-model: `own` counters serve class A alone, `both` counters
serve A and B; who arrives takes a counter that is idle, A one of its own first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg

State = tuple[int, ...]
Moves = Callable[[State], Iterable[tuple[State, float]]]

TRUNCATED = 1e-8
"""The probability that may lie on the states at the edge."""


def stationary(states: Sequence[State], moves: Moves) -> dict[State, float]:
    """The distribution under which nothing changes. Moves out of `states` do not happen."""
    index = {state: number for number, state in enumerate(states)}
    rows, columns, rates = [], [], []
    for state, place in index.items():
        for other, rate in moves(state):
            if rate > 0 and other in index:
                rows += [index[other], place]
                columns += [place, place]
                rates += [rate, -rate]
    size = len(states)
    flow = scipy.sparse.csc_matrix((rates, (rows, columns)), shape=(size, size)).tolil()
    flow[0, :] = 1.0
    found = scipy.sparse.linalg.spsolve(flow.tocsc(), np.eye(1, size).ravel())
    return {state: float(share) for state, share in zip(states, found, strict=True)}


def _check(edge: float) -> None:
    if edge > TRUNCATED:
        raise ArithmeticError(f"the chain is cut off too early: {edge} of the probability is at the edge")


def n_model_priority(a: float, b: float, own: int, both: int, edge: int = 110) -> tuple[float, float]:
    """W of A and B if the counters for both prefer B."""
    states = [
        (waiting_a, waiting_b, busy_own, busy_both)
        for waiting_a in range(edge + 1)
        for waiting_b in range(edge + 1)
        for busy_own in range(own + 1)
        for busy_both in range(both + 1)
        if (not waiting_a or (busy_own == own and busy_both == both)) and (not waiting_b or busy_both == both)
    ]

    def moves(state: State) -> Iterable[tuple[State, float]]:
        qa, qb, o, f = state
        if o < own:
            yield (qa, qb, o + 1, f), a
        elif f < both:
            yield (qa, qb, o, f + 1), a
        else:
            yield (qa + 1, qb, o, f), a
        yield ((qa, qb, o, f + 1) if f < both else (qa, qb + 1, o, f)), b
        yield ((qa - 1, qb, o, f) if qa else (qa, qb, o - 1, f)), float(o)
        if qb:
            yield (qa, qb - 1, o, f), float(f)
        else:
            yield ((qa - 1, qb, o, f) if qa else (qa, qb, o, f - 1)), float(f)

    p = stationary(states, moves)
    _check(sum(share for state, share in p.items() if edge in state[:2]))
    return (
        sum(state[0] * share for state, share in p.items()) / a,
        sum(state[1] * share for state, share in p.items()) / b,
    )


def n_model_fifo(a: float, b: float, own: int, both: int, edge: int = 100) -> tuple[float, float]:
    """W of A and B if every counter takes whoever of its classes came first.

    The queue is described by what the counters of A have seen of it: in front `seen` customers who are all B
    (they were passed over), behind them `rest`, of whom each is A with probability a / (a + b).
    """
    share_a = a / (a + b)
    states = [
        (seen, rest, busy_own, busy_both)
        for seen in range(edge + 1)
        for rest in range(edge + 1 - seen)
        for busy_own in range(own + 1)
        for busy_both in range(both + 1)
        if (not rest or (busy_own == own and busy_both == both)) and (not seen or busy_both == both)
    ]

    def moves(state: State) -> Iterable[tuple[State, float]]:
        seen, rest, o, f = state
        if o < own:
            yield (seen, rest, o + 1, f), a
        elif f < both:
            yield (seen, rest, o, f + 1), a
        else:
            yield (seen, rest + 1, o, f), a
        if f < both:
            yield (seen, rest, o, f + 1), b
        elif o < own:
            yield (seen + 1, rest, o, f), b  # a counter of A is idle: it has seen him
        else:
            yield (seen, rest + 1, o, f), b
        # A counter of A looks along the rest until it finds an A; all it passes are B.
        for passed in range(min(rest, 40)):  # more is rarer than the arithmetic is exact
            yield (seen + passed, rest - passed - 1, o, f), o * (1 - share_a) ** passed * share_a
        yield (seen + rest, 0, o - 1, f), o * (1 - share_a) ** rest
        if seen:
            yield (seen - 1, rest, o, f), float(f)
        else:
            yield ((seen, rest - 1, o, f) if rest else (seen, rest, o, f - 1)), float(f)

    p = stationary(states, moves)
    _check(sum(share for state, share in p.items() if state[0] + state[1] == edge))
    return (
        sum(state[1] * share_a * share for state, share in p.items()) / a,
        sum((state[0] + state[1] * (1 - share_a)) * share for state, share in p.items()) / b,
    )


def kept_idle(first: float, second: float, c: int, kept: int, edge: int = 160) -> tuple[float, float]:
    """W of two classes at c counters, of which `kept` idle ones stay free of the second class, and the first
    class is preferred."""
    states = [
        (q1, q2, busy)
        for q1 in range(edge + 1)
        for q2 in range(edge + 1)
        for busy in range(c + 1)
        if (not q1 or busy == c) and (not q2 or busy >= c - kept)
    ]

    def moves(state: State) -> Iterable[tuple[State, float]]:
        q1, q2, busy = state
        yield ((q1, q2, busy + 1) if busy < c else (q1 + 1, q2, busy)), first
        yield ((q1, q2, busy + 1) if busy < c - kept else (q1, q2 + 1, busy)), second
        if q1:
            yield (q1 - 1, q2, busy), float(busy)
        elif q2 and busy <= c - kept:  # then more than `kept` are idle
            yield (q1, q2 - 1, busy), float(busy)
        else:
            yield (q1, q2, busy - 1), float(busy)

    p = stationary(states, moves)
    _check(sum(share for state, share in p.items() if edge in state[:2]))
    return (
        sum(state[0] * share for state, share in p.items()) / first,
        sum(state[1] * share for state, share in p.items()) / second,
    )


def periodic_wait(rates: Sequence[float], length: float, c: int, edge: int = 200) -> float:
    """W of M(t)/M/c whose rate is `rates[i]` in the i-th piece of `length`, over and over: the queue
    integrated over a cycle in its periodic state, over the arrivals of a cycle (Little's law)."""
    size = edge + 1
    waiting = np.maximum(np.arange(size) - c, 0)
    steps, integrals = [], []
    for rate in rates:
        flow = np.zeros((size, size))
        for n in range(size):
            if n < edge:
                flow[n + 1, n] += rate
                flow[n, n] -= rate
            if n:
                flow[n - 1, n] += min(n, c)
                flow[n, n] -= min(n, c)
        # exp of [[F, 0], [q, 0]]: beside the distribution, the integral of the queue.
        whole = np.zeros((size + 1, size + 1))
        whole[:size, :size] = flow
        whole[size, :size] = waiting
        moved = scipy.linalg.expm(whole * length)
        steps.append(moved[:size, :size])
        integrals.append(moved[size, :size])
    cycle = np.linalg.multi_dot(steps[::-1]) if len(steps) > 1 else steps[0]
    system = cycle - np.eye(size)
    system[0, :] = 1.0
    p = np.linalg.solve(system, np.eye(1, size).ravel())
    queue, worst = 0.0, 0.0
    for step, integral in zip(steps, integrals, strict=True):
        queue += float(integral @ p)
        p = step @ p
        worst = max(worst, float(p[-1]))
    _check(worst)
    return queue / (sum(rates) * length)
