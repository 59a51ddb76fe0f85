"""What is usual on a recorded day: for whatever a day played again has no example of.

Means of services and medians of gaps, in whole milliseconds; the same day gives the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median_low

from somc.domain import events as e
from somc.domain.values import HallSettings
from somc.simulate.recorded_day import RecordedDay, Step
from somc.simulate.watching import Sight

__all__ = ["Typical"]

LAST = 1 << 62
"""The place of what has no record: after everything that has one."""


@dataclass(frozen=True, slots=True)
class Typical:
    """What is usual on the day: for whatever has no example in the record."""

    service_ms: dict[str, int]
    walk_ms: int
    gaps_ms: dict[int, int]
    """Counter → median gap after a customer while somebody waited."""
    looks_ms: dict[int, int]
    """Counter → median time to react when somebody came to an idle counter."""
    gap_ms: int
    look_ms: int

    @classmethod
    def of(cls, day: RecordedDay) -> Typical:
        walks: list[int] = []
        services: dict[str, list[int]] = {}
        for course in day.courses.values():
            service = ""
            for before, step in pairwise(course.steps):
                if isinstance(before.event, e.TicketCalled):
                    service = before.event.service
                    if isinstance(step.event, e.TicketServiceStarted):
                        walks.append(step.after_ms)
                elif isinstance(before.event, e.TicketServiceStarted) and service:
                    services.setdefault(service, []).append(step.after_ms)
        gaps: dict[int, list[int]] = {}
        looks: dict[int, list[int]] = {}
        for (counter, why), reactions in day.reactions.items():
            kind = gaps if isinstance(why, int) else looks
            kind.setdefault(counter, []).extend(one.ms for one in reactions if one.called)
        return cls(
            service_ms={name: sum(spans) // len(spans) for name, spans in services.items()},
            walk_ms=_middle(walks),
            gaps_ms={number: _middle(spans) for number, spans in gaps.items() if spans},
            looks_ms={number: _middle(spans) for number, spans in looks.items() if spans},
            gap_ms=_middle([ms for spans in gaps.values() for ms in spans]),
            look_ms=_middle([ms for spans in looks.values() for ms in spans]),
        )

    def steps_after(self, called: e.TicketCalled, hall: HallSettings) -> list[Step]:
        """The course of somebody who was never called in the record: an ordinary service."""
        configured_ms = hall.services[called.service].mean_service_s * 1000
        service_ms = self.service_ms.get(called.service, configured_ms)
        by, ticket, number, counter = called.by, called.ticket, called.number, called.counter
        started = e.TicketServiceStarted(by=by, ticket=ticket, number=number, counter=counter)
        finished = e.TicketFinished(
            by=by, ticket=ticket, number=number, counter=counter, waited_s=0, served_s=0
        )
        return [Step(self.walk_ms, LAST, started), Step(service_ms, LAST, finished)]

    def reaction_ms(self, sight: Sight) -> int:
        """How long a counter usually looks at somebody before it calls."""
        if sight.on_becoming_free:
            return self.gaps_ms.get(sight.counter, self.gap_ms)
        return self.looks_ms.get(sight.counter, self.look_ms)


def _middle(spans: Sequence[int]) -> int:
    return median_low(spans) if spans else 0
