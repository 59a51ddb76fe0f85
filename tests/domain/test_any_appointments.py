"""Whatever is asked about appointments, in whatever order: no slot is overbooked, no code is good twice, and
what was recorded replays to the same.

`test_any_sequence` mixes the same rules with all others; here a hall has little else to do, so that its slots
fill, its waiting list moves and its deadlines come. `somc.testing.given` checks every step.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from somc.domain import events as e
from somc.domain.commands import Command
from somc.domain.evolve import evolve
from somc.testing.given import Situation, given, small_hall, week
from tests.domain import acts
from tests.domain.appointment_rules import APPOINTMENTS, AppointmentRules

CAMPAIGN = os.environ.get("SOMC_CAMPAIGN") == "1"
TERMS = st.fixed_dictionaries(
    {
        "appointments.slot_s": st.sampled_from((900, 1800)),
        "appointments.lead_s": st.sampled_from((0, 900)),
        "appointments.confirm_s": st.sampled_from((None, 600)),
        "appointments.offer_s": st.sampled_from((300, 1200)),
        "appointments.missed_s": st.sampled_from((600, 1800)),
        "appointments.remind_s": st.sampled_from(([], [1800], [7200, 900])),
        "appointments.waiting_list": st.sampled_from((2, 20)),
        "appointments.open_limit": st.sampled_from((0, 2)),
    }
)
STARTS = st.sampled_from(("2026-03-02 08:40", "2026-03-29 00:40", "2026-10-25 00:40"))
HOURS = (week("09:00-12:00"), week("00:30-05:00"), week("23:00-03:30"), None)


class AnyAppointments(AppointmentRules, RuleBasedStateMachine):
    """Book, confirm, move, give up, check in, while time goes on and the calendar changes."""

    hall: Situation

    @initialize(
        terms=TERMS,
        hours=st.sampled_from(HOURS),
        start=STARTS,
        zone=st.sampled_from(("Asia/Shanghai", "Europe/Berlin")),
    )
    def build(self, terms: dict[str, object], hours: object, start: str, zone: str) -> None:
        values = {**small_hall(hours=hours, timezone=zone), **APPOINTMENTS, **terms}
        values = {key: value for key, value in values.items() if value is not None}
        self.hall = given(values, at=start).and_(acts.open_(1))
        self.restarted = self.hall.reloaded()
        self.drawn = 0
        self.came: set[str] = set()

    def ask(self, command: Command) -> None:
        before = len(self.hall.happened)
        self.hall.when(command)
        self.keep(before)

    def keep(self, before: int) -> None:
        for event in self.hall.happened[before:]:
            evolve(self.restarted, event, self.hall.now)
            if isinstance(event, e.AppointmentCheckedIn):
                assert event.appointment not in self.came, "a code was good twice"
                self.came.add(event.appointment)

    @rule(minutes=st.sampled_from((0, 1, 5, 15, 45)), run=st.booleans())
    def pass_time(self, minutes: int, run: bool) -> None:
        before = len(self.hall.happened)
        if run:
            happened, until = self.hall, self.hall.now + minutes * 60_000
            while (due := happened.state.next_due(happened.now)) is not None and due <= until:
                happened.now = max(happened.now, due)
                happened.due()
                self.keep(before)
                before = len(happened.happened)
            happened.now = until
        else:
            self.hall.now += minutes * 60_000

    @rule()
    def restart(self) -> None:
        assert self.restarted.dump() == self.hall.state.dump()
        self.restarted = self.hall.reloaded()

    @rule(capacity=st.integers(0, 3))
    def more_or_fewer_places(self, capacity: int) -> None:
        self.ask(acts.change(appointments__capacity=capacity))

    @rule()
    def call(self) -> None:
        self.ask(acts.call(1))


AnyAppointments.TestCase.settings = settings(
    max_examples=4_000 if CAMPAIGN else 60,
    stateful_step_count=100 if CAMPAIGN else 40,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
TestAnyAppointments = AnyAppointments.TestCase
