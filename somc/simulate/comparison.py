"""Waits and promises kept (SLA) of recorded days, beside those of the same days played again.

What must stay true
- A wait lasts from the taking of a ticket to its first call; who was never called has none and is counted.
- Both sides are measured against one promise: the one in force in the day played again.
- Memory grows with two integers a ticket and side, whatever the length of the journal.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from somc.simulate.recorded_day import RecordedDay, Visit
from somc.simulate.what_if import Played

__all__ = ["ALL", "Comparison", "Figures", "Group", "Side", "quantile"]

ALL = "all"


class Figures(msgspec.Struct, frozen=True):
    """Figures of one group of tickets. Times are seconds of those called; `left` is who was never called and
    went, or was there when the day ended; `within_target` is a share of those called, none if nobody was."""

    taken: int
    called: int
    left: int
    mean_s: float | None
    median_s: float | None
    p90_s: float | None
    longest_s: float | None
    within_target: float | None


@dataclass(slots=True)
class Side:
    """One group's waits, as they were or as they would be."""

    waits_ms: array[int] = field(default_factory=lambda: array("q"))
    taken: int = 0
    left: int = 0
    kept: int = 0
    """Those called within the promise."""

    def add(self, visit: Visit, target_wait_s: int) -> None:
        self.taken += 1
        self.left += visit.left
        if visit.wait_ms is not None:
            self.waits_ms.append(visit.wait_ms)
            self.kept += visit.wait_ms <= target_wait_s * 1000

    def figures(self) -> Figures:
        called = len(self.waits_ms)
        if not called:
            return Figures(self.taken, 0, self.left, None, None, None, None, None)
        waits = sorted(self.waits_ms)
        return Figures(
            taken=self.taken,
            called=called,
            left=self.left,
            mean_s=round(sum(waits) / called / 1000, 3),
            median_s=round(quantile(waits, 0.5) / 1000, 3),
            p90_s=round(quantile(waits, 0.9) / 1000, 3),
            longest_s=waits[-1] / 1000,
            within_target=round(self.kept / called, 6),
        )


@dataclass(slots=True)
class Group:
    """A class, a service or everybody, on both sides."""

    happened: Side = field(default_factory=Side)
    what_if: Side = field(default_factory=Side)

    def difference(self) -> Figures:
        """What if less what happened; none where one of them is."""
        was, would = self.happened.figures(), self.what_if.figures()
        return Figures(
            taken=would.taken - was.taken,
            called=would.called - was.called,
            left=would.left - was.left,
            mean_s=_less(would.mean_s, was.mean_s),
            median_s=_less(would.median_s, was.median_s),
            p90_s=_less(would.p90_s, was.p90_s),
            longest_s=_less(would.longest_s, was.longest_s),
            within_target=_less(would.within_target, was.within_target),
        )


def _less(number: float | None, other: float | None) -> float | None:
    return None if number is None or other is None else round(number - other, 6)


@dataclass(slots=True)
class Comparison:
    """Days side by side, summed up."""

    classes: dict[str, Group] = field(default_factory=dict)
    services: dict[str, Group] = field(default_factory=dict)
    everybody: Group = field(default_factory=Group)
    days: list[str] = field(default_factory=list)
    policies_then: list[str] = field(default_factory=list)
    """Policy kinds in force when a day began, in the record."""
    policies: list[str] = field(default_factory=list)
    """The same, in the days played again."""
    kinds_missing: list[str] = field(default_factory=list)
    """Those of them whose plugin was not at hand."""
    unfinished: str | None = None
    """The last day, if its end is not in the journal."""
    calls: int = 0
    calls_as_recorded: int = 0
    turned_away: int = 0
    guessed_services: int = 0
    guessed_gaps: int = 0
    not_done: Counter[str] = field(default_factory=Counter)

    def add(self, day: RecordedDay, played: Played) -> None:
        """Take in one day and what came of it."""
        self.days.append(day.day)
        self.unfinished = None if day.ended else day.day
        for policies, kind in (
            (self.policies_then, day.hall.policy.kind),
            (self.policies, played.policy_kind),
        ):
            if kind not in policies:
                policies.append(kind)
        for name in day.hall.classes:
            self.classes.setdefault(name, Group())
        for name in day.hall.services:
            self.services.setdefault(name, Group())
        for ticket, was in day.visits.items():
            would = played.visits.get(ticket)
            target_wait_s = was.target_wait_s if would is None else would.target_wait_s
            for group in self._groups(was):
                group.happened.add(was, target_wait_s)
                if would is not None:
                    group.what_if.add(would, target_wait_s)
        self.calls += len(day.calls)
        self.calls_as_recorded += (Counter(day.calls) & Counter(played.calls)).total()
        self.turned_away += played.turned_away
        self.guessed_services += played.guessed_services
        self.guessed_gaps += played.guessed_gaps
        self.not_done.update(played.not_done)

    def _groups(self, visit: Visit) -> tuple[Group, Group, Group]:
        return (
            self.classes.setdefault(visit.customer_class, Group()),
            self.services.setdefault(visit.service, Group()),
            self.everybody,
        )

    def groups(self) -> Iterator[tuple[str, str, Group]]:
        """Kind (`class`, `service`, `all`), name and group of whoever came; classes in the hall's own
        order first, everybody last."""
        for kind, groups in (("class", self.classes), ("service", self.services)):
            for name, group in groups.items():
                if group.happened.taken:
                    yield kind, name, group
        yield ALL, ALL, self.everybody


def _note(kinds: list[str], kind: str) -> None:
    if kind not in kinds:
        kinds.append(kind)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The continuous quantile (linear between neighbours) of sorted values, as SQL's `percentile_cont`;
    0 if there are none."""
    if not ordered:
        return 0.0
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
