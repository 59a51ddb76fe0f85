"""A hall whose acts are written down as records, for tests that play them again."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

from somc.domain.commands import Command
from somc.domain.events import ConfigChanged, Event, PolicyChanged, QueueTerms
from somc.domain.state import HallState
from somc.journal.record import Record
from somc.runtime.records import record_of
from somc.scheduler.choose import factory
from somc.scheduler.kinds import BUILT_IN
from somc.simulate.recorded_day import RecordedDay, recorded_days
from somc.simulate.what_if import Played, play_again
from somc.testing.given import Outcome, Situation


def first_events(state: HallState) -> list[Event]:
    """The settings and the policy of a hall in which nothing has happened yet, as its first start tells."""
    terms = {key: QueueTerms.of(its) for key, its in state.queues.terms.items()}
    return [
        ConfigChanged(by="config", changes=dict(state.values)),
        PolicyChanged(by="config", version=1, cause="config", changes={}, terms=terms),
    ]


class _Timed(Situation):
    """Remembers when each event happened."""

    times: list[int]

    def _carry_out(self, command: Command) -> Outcome:
        outcome = super()._carry_out(command)
        self.times = getattr(self, "times", [])
        self.times += [self.now] * len(outcome.events)
        return outcome


class Recording:
    """Acts at readable times, kept as the records of a journal; what comes due between them comes in time."""

    def __init__(self, hall: Mapping[str, Any], at: str = "2026-03-02 09:00") -> None:
        self.hall = _Timed(hall, at, factory(), BUILT_IN)
        self.hall.times.clear()
        self.happened = [(event, self.hall.now) for event in first_events(self.hall.state)]

    def at(self, when: str, *commands: Command) -> Recording:
        """These happen at `when` (`Situation.at`), one after the other."""
        before, now = len(self.hall.happened), self.hall.now
        target = copy(self.hall).at(when).now
        self.hall.running(f"{target - now}ms")
        self.hall.and_(*commands)
        self.happened += zip(self.hall.happened[before:], self.hall.times[before:], strict=True)
        return self

    def records(self) -> list[Record]:
        return [record_of(event, seq, at, "test/hall") for seq, (event, at) in enumerate(self.happened, 1)]

    def days(self) -> list[RecordedDay]:
        return list(recorded_days(self.records(), factory()))

    def under(self, **policy: Any) -> Played:
        """The only day, played again with these keys of `[policy]`."""
        (day,) = self.days()
        return play_again(day, {f"policy.{key}": value for key, value in policy.items()}, factory())

    def calls(self, played: Played | None = None) -> list[tuple[str, int, str]]:
        """Who was called where and when ("HH:MM:SS"), in the record or in a day played again."""
        (day,) = self.days()
        midnight = self.hall.now - (self.hall.now + 8 * 3_600_000) % 86_400_000
        found = []
        for ticket, counter, at in day.calls if played is None else played.calls:
            minutes, seconds = divmod((at - midnight) // 1000, 60)
            found.append((ticket, counter, f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"))
        return found
