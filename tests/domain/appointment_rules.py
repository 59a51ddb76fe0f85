"""What may be asked about appointments, as rules for state machines over a hall."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from somc.domain import events as e
from somc.domain.calendar import date_of, slot_at, slot_rules, slots_on
from somc.domain.commands import Command
from somc.domain.values import SpecialDay
from somc.testing.given import Situation
from tests.domain import acts

APPOINTMENTS = {"appointments.capacity": 1, "appointments.slot_s": 900, "appointments.lead_s": 0}

service_names = st.sampled_from(("payment", "repair", "advice", "unheard-of"))
texts = st.none() | st.sampled_from(("", "ill", "x" * 121, "a\nb"))
dates = st.sampled_from(("2026-03-02", "2026-03-03", "2026-03-28", "2026-03-29", "2026-10-25", "2026-02-30"))
days = st.none() | st.builds(
    SpecialDay,
    spans=st.none()
    | st.lists(st.tuples(st.integers(0, 86_399), st.integers(1, 120_000)), max_size=2).map(tuple),
    like=st.none() | st.integers(0, 6),
)


class AppointmentRules:
    """Mixed into a machine that has a hall, asks it, and counts what it draws."""

    hall: Situation
    drawn: int

    def ask(self, command: Command) -> None:
        raise NotImplementedError

    @rule(
        service=service_names,
        ahead=st.integers(0, 5),
        places=st.integers(1, 2),
        wait=st.booleans(),
        more=st.none() | st.integers(-1, 4),
        person=st.sampled_from((None, "p1", "p2")),
    )
    def book(
        self, service: str, ahead: int, places: int, wait: bool, more: int | None, person: str | None
    ) -> None:
        """A slot of today, soon: mostly the next ones, so that they fill."""
        self.drawn += 1
        state, today = self.hall.state, date_of(self.hall.now, self.hall.state.zone)
        known = service if service in state.hall.services else next(iter(state.hall.services))
        slots = [
            slot.at for slot in slots_on(state.hall, state.zone, today, known) if slot.at >= self.hall.now
        ]
        at = slots[ahead % len(slots)] if slots else self.hall.now + ahead * 900_000
        until = None if more is None else at + more * 900_000
        before = len(self.hall.happened)
        ask = acts.book(f"a{self.drawn}", at, service, places, person, wait=wait, until=until)
        self.ask(ask)
        for event in self.hall.happened[before:]:
            if isinstance(event, e.AppointmentBooked | e.AppointmentOffered | e.AppointmentChanged):
                slot = slot_at(state.hall, state.zone, event.slot, event.service)
                assert slot is not None, "a place that is no slot"
                taken = state.bookings.places_taken(event.service, *slot)
                assert taken <= slot_rules(state.hall, event.service).capacity, "a slot is overbooked"

    def some_appointment(self, pick: int) -> str:
        known = list(self.hall.state.bookings.all)
        return known[pick % len(known)] if known and pick % 19 else "unheard-of"

    @rule(pick=st.integers(0, 99))
    def confirm(self, pick: int) -> None:
        self.ask(acts.confirm(self.some_appointment(pick)))

    @rule(pick=st.integers(0, 99), quarters=st.integers(-2, 4), service=st.none() | service_names)
    def move(self, pick: int, quarters: int, service: str | None) -> None:
        name = self.some_appointment(pick)
        found = self.hall.state.bookings.all.get(name)
        at = None if found is None else found.at + quarters * 900_000
        self.ask(acts.move(name, at, service))

    @rule(pick=st.integers(0, 99), reason=texts)
    def give_up(self, pick: int, reason: str | None) -> None:
        self.ask(acts.give_up(self.some_appointment(pick), reason))

    @rule(pick=st.integers(0, 99), service=st.none() | service_names)
    def come(self, pick: int, service: str | None) -> None:
        self.drawn += 1
        self.ask(acts.check_in(self.some_appointment(pick), f"t{self.drawn}", service))

    @rule(date=dates, day=days, fall=st.booleans())
    def make_special(self, date: str, day: SpecialDay | None, fall: bool) -> None:
        self.ask(acts.special(date, day, fall))
