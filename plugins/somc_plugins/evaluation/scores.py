"""Satisfaction (满意度) as scores of 0 to 100, from ratings at the counter and from surveys. Pure.

A rating of `score` out of `scale` counts `(score − 1) / (scale − 1) × 100`: the worst 0, the best 100.

What must stay true: a record that comes again changes nothing; who was asked and said nothing is counted and
does not move the score.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from somc.api import Json, Record

__all__ = ["Day", "Survey", "counted", "scores"]


class Sum(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Answers added up."""

    answers: int = 0
    points: float = 0.0
    not_rated: int = 0

    def add(self, points: float | None) -> None:
        if points is None:
            self.not_rated += 1
        else:
            self.answers += 1
            self.points += points

    def join(self, other: Sum) -> None:
        self.answers += other.answers
        self.points += other.points
        self.not_rated += other.not_rated

    def view(self) -> dict[str, Json]:
        score = round(self.points / self.answers, 2) if self.answers else None
        return {"score": score, "answers": self.answers, "not_rated": self.not_rated}


class Day(msgspec.Struct, kw_only=True):
    """One day of the hall's clock."""

    seq: int = 0
    all: Sum = msgspec.field(default_factory=Sum)
    by_agent: dict[str, Sum] = {}
    by_service: dict[str, Sum] = {}
    by_source: dict[str, Sum] = {}


class Survey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A survey of others (外部调查), already in points of 100. `id` loads it once; again replaces it."""

    id: str = msgspec.field()
    day: str
    answers: int
    score: float

    def __post_init__(self) -> None:
        if not self.id or len(self.id) > 64 or "/" in self.id:
            raise ValueError("id: 1 to 64 characters without a slash")
        if len(self.day) != 10 or self.answers < 1 or not 0 <= self.score <= 100:
            raise ValueError("day is YYYY-MM-DD, answers at least 1, score 0 to 100")


def counted(day: Day, record: Record, service: str | None) -> bool:
    """Count a `ticket.rated` into its day; whether it was not in it already."""
    if record.seq <= day.seq:
        return False
    day.seq = record.seq
    data = record.data
    score, scale = data.get("score"), int(data["scale"])
    points = None if score is None else (int(score) - 1) / (scale - 1) * 100
    day.all.add(points)
    for table, key in (
        (day.by_agent, data.get("agent")),
        (day.by_service, service),
        (day.by_source, data.get("source")),
    ):
        if key is not None:
            table.setdefault(str(key), Sum()).add(points)
    return True


def scores(days: Iterable[Day], surveys: Iterable[Survey]) -> dict[str, Json]:
    """The scores of a period: one for the hall, from ratings and surveys together, and the parts of it."""
    total, surveyed = Sum(), Sum()
    tables: dict[str, dict[str, Sum]] = {"by_agent": {}, "by_service": {}, "by_source": {}}
    for day in days:
        total.join(day.all)
        for name, table in tables.items():
            for key, part in getattr(day, name).items():
                table.setdefault(key, Sum()).join(part)
    for survey in surveys:
        surveyed.join(Sum(answers=survey.answers, points=survey.score * survey.answers))
    rated = total.view()
    total.join(surveyed)
    parts = {name: {key: part.view() for key, part in table.items()} for name, table in tables.items()}
    return {**total.view(), "rated": rated, "surveyed": surveyed.view(), **parts}
