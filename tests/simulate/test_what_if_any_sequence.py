"""Whatever was asked of a hall, in whatever order: its record played again under the policy of the record
gives the same calls, ticket by ticket, counter by counter, at the same instants.

The sequences are those of `tests/domain/test_any_sequence.py`: holds, transfers, calls by number, no-shows,
cancellations, pauses, closing, other skills, other settings, several days.
"""

from __future__ import annotations

from hypothesis import Phase, settings
from hypothesis.stateful import invariant

from somc.domain.commands import Command
from somc.domain.events import Event
from somc.journal.record import Record
from somc.runtime.records import record_of
from somc.scheduler.choose import factory
from somc.simulate.recorded_day import recorded_days
from somc.simulate.what_if import play_again
from tests.domain.test_any_sequence import CAMPAIGN, PROFILE, AnyHall
from tests.simulate.recording import first_events


class AnyRecordedHall(AnyHall):
    """Keeps the records, and plays them again at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[int] = []
        self.begin: list[Event] = []

    def ask(self, command: Command) -> None:
        if not self.begin:
            self.begin = first_events(self.hall.state)
        self.keep()
        super().ask(command)
        self.keep()

    @invariant()
    def keep(self) -> None:
        """`times` has the instant of every event so far."""
        if hasattr(self, "hall"):
            self.times += [self.hall.now] * (len(self.hall.happened) - len(self.times))

    def records(self) -> list[Record]:
        happened = [(event, self.times[0]) for event in self.begin]
        happened += zip(self.hall.happened, self.times, strict=True)
        return [record_of(event, seq, at, "test/hall") for seq, (event, at) in enumerate(happened, 1)]

    def teardown(self) -> None:
        if not hasattr(self, "hall"):
            return
        for day in recorded_days(self.records(), factory()):
            played = play_again(day, {}, factory())
            assert played.calls == day.calls
            assert played.visits == day.visits
            assert played.not_done == {}
            assert (played.turned_away, played.guessed_services, played.guessed_gaps) == (0, 0, 0)


AnyRecordedHall.TestCase.settings = settings(
    PROFILE,
    max_examples=5_000 if CAMPAIGN else 60,
    # A journal that fails is small enough to read, and shrinking one takes minutes.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
TestAnyRecordedHall = AnyRecordedHall.TestCase
