"""Random halls for the simulator's tests: every rule of the loop, in small."""

from __future__ import annotations

import random
from array import array

from somc.scheduler.interface import DISTRIBUTIONS, NEVER, Lane, Terms
from somc.simulate.model import FOR_EVER, LAWS, ClassModel, HallModel

MEAN = 60_000
"""Ticks that one service takes on average, roughly."""


def random_hall(chance: random.Random) -> HallModel:
    """One to four classes, one to five counters, anything that the model allows."""
    classes = tuple(_class(chance, number) for number in range(chance.randint(1, 4)))
    counters = [_counter(chance, len(classes)) for _ in range(chance.randint(1, 5))]
    # Somebody serves everybody, at once and whoever else is idle.
    counters.append(tuple(Lane(number, level=1 + number % 3) for number in range(len(classes))))
    horizon = MEAN * chance.randint(3, 25)
    return HallModel(
        classes=classes,
        counters=tuple(counters),
        seed=chance.getrandbits(63),
        warmup=chance.choice((0, horizon // 4)),
        horizon=horizon,
        batches=chance.choice((1, 3, 32)),
        distribution=chance.choice(DISTRIBUTIONS),
    )


def _class(chance: random.Random, number: int) -> ClassModel:
    pieces = chance.choice((1, 1, 3))
    return ClassModel(
        terms=_terms(chance, number),
        law=chance.choice(LAWS),
        service_mean=MEAN * chance.choice((0.0, 0.3, 1.0, 2.0)),
        service_cv=chance.choice((0.0, 0.7, 2.0)),
        patience_mean=chance.choice((FOR_EVER, 0.0, MEAN / 2, MEAN * 2)),
        diverted=chance.choice((0.0, 0.0, 0.3)),
        target=chance.choice((NEVER, 0, MEAN)),
        rates=tuple(chance.choice((0.0, 0.5, 1.0, 2.0)) / MEAN for _ in range(pieces)),
        period=MEAN * 2.5,
        days=_days(chance) if chance.random() < 0.3 else (),
    )


def _terms(chance: random.Random, number: int) -> Terms:
    if chance.random() < 0.25:
        return Terms(rate=1, share=chance.choice((1, 2, 7)), group=1 + number % 2)
    knee = chance.choice((NEVER, MEAN))
    return Terms(
        rate=chance.choice((1, 1000, 1500)),
        offset=chance.choice((0, 0, MEAN * 1000)),
        knee=knee,
        rate_after=chance.choice((0, 500)),
        guard=chance.choice((NEVER, NEVER, MEAN, 3 * MEAN)),
    )


def _days(chance: random.Random) -> tuple[array[int], ...]:
    """Arrivals on whole multiples of a coarse grain, so that many events meet in one instant."""
    grain = MEAN // 4
    days = []
    for _ in range(chance.randint(1, 3)):
        instants = sorted(grain * chance.randrange(60) for _ in range(chance.randint(0, 40)))
        rows = [
            (at, chance.choice((-1, 0, grain, 4 * grain)), chance.choice((-1, 0, grain, 8 * grain)))
            for at in instants
        ]
        days.append(array("q", [number for row in rows for number in row]))
    return tuple(days)


def _counter(chance: random.Random, classes: int) -> tuple[Lane, ...]:
    seen = chance.sample(range(classes), chance.randint(1, classes))
    return tuple(
        Lane(
            number,
            level=chance.randint(1, 3),
            min_wait=chance.choice((0, 0, MEAN // 4, MEAN, NEVER)),
            reserve=chance.choice((0, 0, 0, 1)),
        )
        for number in seen
    )
