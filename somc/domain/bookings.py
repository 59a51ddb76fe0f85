"""The appointments (预约) that a hall knows: what is taken of which slot, who waits for one, what is due.

What must stay true
- Written by `evolve` only. All but the appointments themselves is derived from them and from the settings, so
  a dump holds the appointments alone, and `check` finds whatever was derived otherwise.
- An appointment that holds a place (offered, booked, confirmed, checked in, missed) is counted in `taken`.
- `due` has every appointment that time alone changes, at the instant at which it does.
- A code is known by its keyed hash; the code itself is not here.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

import msgspec

from somc.domain.calendar import slot_rules
from somc.domain.values import HallSettings, to_plain

__all__ = ["Appointment", "AppointmentState", "Bookings", "about", "due_at"]


class AppointmentState(StrEnum):
    """Where an appointment is in its life. The last four end it."""

    WAITING = "waiting"
    """On the waiting list (候补)."""
    OFFERED = "offered"
    """A freed place is kept for it until it is accepted."""
    BOOKED = "booked"
    CONFIRMED = "confirmed"
    CHECKED_IN = "checked_in"
    CANCELLED = "cancelled"
    MISSED = "missed"
    EXPIRED = "expired"

    @property
    def ahead(self) -> bool:
        """Whether its holder has still to come."""
        return self in AHEAD

    @property
    def holds(self) -> bool:
        """Whether it takes a place of its slot. A place that was missed is not given to anybody else."""
        return self in HOLDS


AHEAD = frozenset(
    {AppointmentState.WAITING, AppointmentState.OFFERED, AppointmentState.BOOKED, AppointmentState.CONFIRMED}
)
STANDING = frozenset({AppointmentState.BOOKED, AppointmentState.CONFIRMED})
HOLDS = frozenset({AppointmentState.OFFERED, *STANDING, AppointmentState.CHECKED_IN, AppointmentState.MISSED})


class Appointment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One appointment for one service, at the start of a slot (or, on the waiting list, for one between `at`
    and `until`)."""

    id: str
    key: int
    """The `seq` of the record that made it: the order of the waiting list."""
    service: str
    at: int
    """When its slot begins (Unix ms)."""
    ends_at: int
    state: AppointmentState
    made_at: int
    channel: str
    by: str
    """Who asked for it."""
    code: str
    """The keyed hash of its code."""
    person: str | None = None
    block: str | None = None
    """What the appointments that were booked at once have in common."""
    until: int | None = None
    """On the waiting list: the last start of a slot that would do."""
    answer_by: int | None = None
    """Until then an offer is kept, or a booking is to be confirmed."""
    told_at: int = 0
    """When it was last booked, moved or reminded of: earlier reminders are not owed."""
    ticket: str | None = None
    number: str | None = None
    """Of the ticket with which it was checked in."""
    ended_at: int | None = None
    cause: str | None = None
    """Why it was cancelled or expired."""


def about(appointment: Appointment) -> dict[str, Any]:
    """What every record of an appointment says of it."""
    return {
        "appointment": appointment.id,
        "service": appointment.service,
        "slot": appointment.at,
        "person": appointment.person,
    }


def due_at(appointment: Appointment, hall: HallSettings) -> int | None:
    """When time alone changes this appointment next (Unix ms); `None`: never."""
    terms = hall.appointments
    match appointment.state:
        case AppointmentState.WAITING:
            last = appointment.at if appointment.until is None else appointment.until
            # Nothing is booked later than so long before a slot: then nobody can be offered it any more.
            known = appointment.service in hall.services
            return last - (slot_rules(hall, appointment.service).lead_s * 1000 if known else 0)
        case AppointmentState.OFFERED:
            return appointment.answer_by
        case AppointmentState.BOOKED | AppointmentState.CONFIRMED:
            instants = [appointment.at + terms.missed_after_s * 1000]
            if appointment.state is AppointmentState.BOOKED and appointment.answer_by is not None:
                instants.append(appointment.answer_by)
            reminders = (appointment.at - lead_s * 1000 for lead_s in terms.remind_s)
            instants += [at for at in reminders if at > appointment.told_at]
            return min(instants)
    return None


class Bookings:
    """Every appointment that is ahead, and those of the running day that have ended."""

    def __init__(self) -> None:
        self.all: dict[str, Appointment] = {}
        self.by_code: dict[str, str] = {}
        """Keyed hash of a code → appointment."""
        self.taken: dict[str, dict[int, int]] = {}
        """Service → start of a slot → places taken."""
        self.ahead_of: dict[str, int] = {}
        """Person → appointments ahead."""
        self.waiting: dict[str, Appointment] = {}
        """The waiting list, the longest there first."""
        self.due: list[tuple[int, int, str]] = []
        """When something changes by time alone: (instant, key, id), the earliest first."""
        self._due_entries: dict[str, tuple[int, int, str]] = {}
        self.version = 0
        """Moves with whatever could have freed a place. Not part of a dump: only compared with itself."""
        self.nothing_free_at = -1
        """The version at which it was found that there is no place for anybody who waits."""

    # -- reading ----------------------------------------------------------------------------------

    def places_taken(self, service: str, at: int, ends_at: int) -> int:
        """Places taken of a slot: by whoever begins within it, should slots have been of another length."""
        taken = self.taken.get(service)
        if not taken:
            return 0
        return sum(count for start, count in taken.items() if at <= start < ends_at)

    def next_due(self) -> int | None:
        return self.due[0][0] if self.due else None

    def due_by(self, now: int, limit: int) -> list[Appointment]:
        """At most `limit` of those that are due by `now`, the earliest first."""
        found = []
        for instant, _, name in self.due[:limit]:
            if instant > now:
                break
            found.append(self.all[name])
        return found

    def of_person(self, person: str) -> list[Appointment]:
        """One customer's appointments, the earliest first."""
        return sorted((a for a in self.all.values() if a.person == person), key=lambda a: (a.at, a.key))

    def between(self, begin: int, end: int) -> list[Appointment]:
        """Those whose slot begins in [begin, end), in the order of their times."""
        return sorted((a for a in self.all.values() if begin <= a.at < end), key=lambda a: (a.at, a.key))

    # -- writing ----------------------------------------------------------------------------------

    def put(self, appointment: Appointment, hall: HallSettings) -> None:
        """Keep an appointment as it now is."""
        old = self.all.get(appointment.id)
        self._drop(appointment.id)
        self.all[appointment.id] = appointment
        self._add(appointment, hall)
        if old is not None and old.state.holds and (not appointment.state.holds or old.at != appointment.at):
            self.version += 1

    def forget_ended(self, before: int) -> None:
        """Drop those that ended and whose time lies before `before`."""
        for name in [a.id for a in self.all.values() if not a.state.ahead and a.at < before]:
            self._drop(name)
            del self.all[name]

    def apply_settings(self, hall: HallSettings) -> None:
        """Other settings: other deadlines, and perhaps more places."""
        self.due = sorted(self._due_of(self.all.values(), hall))
        self._due_entries = {entry[2]: entry for entry in self.due}
        self.version += 1

    def _add(self, appointment: Appointment, hall: HallSettings) -> None:
        self.by_code[appointment.code] = appointment.id
        if appointment.state.holds:
            taken = self.taken.setdefault(appointment.service, {})
            taken[appointment.at] = taken.get(appointment.at, 0) + 1
        if appointment.state.ahead and appointment.person is not None:
            self.ahead_of[appointment.person] = self.ahead_of.get(appointment.person, 0) + 1
        if appointment.state is AppointmentState.WAITING:
            self.waiting[appointment.id] = appointment
        for entry in self._due_of((appointment,), hall):
            insort(self.due, entry)
            self._due_entries[appointment.id] = entry

    def _drop(self, name: str) -> None:
        old = self.all.get(name)
        if old is None:
            return
        self.by_code.pop(old.code, None)
        if old.state.holds:
            _less(self.taken[old.service], old.at)
            if not self.taken[old.service]:
                del self.taken[old.service]
        if old.state.ahead and old.person is not None:
            _less(self.ahead_of, old.person)
        self.waiting.pop(name, None)
        entry = self._due_entries.pop(name, None)
        if entry is not None:
            del self.due[bisect_left(self.due, entry)]

    @staticmethod
    def _due_of(appointments: Iterable[Appointment], hall: HallSettings) -> Iterator[tuple[int, int, str]]:
        for appointment in appointments:
            instant = due_at(appointment, hall)
            if instant is not None:
                yield instant, appointment.key, appointment.id

    # -- dumping ----------------------------------------------------------------------------------

    def dump(self) -> list[dict[str, Any]]:
        return [to_plain(appointment) for appointment in self.all.values()]

    def load(self, dumped: Iterable[dict[str, Any]], hall: HallSettings) -> None:
        for plain in dumped:
            appointment = msgspec.convert(plain, Appointment)
            self.all[appointment.id] = appointment
            self._add(appointment, hall)
        # Whoever came first on the list is offered a place first, in whatever order it was loaded.
        self.waiting = dict(sorted(self.waiting.items(), key=lambda item: item[1].key))

    def check(self, hall: HallSettings) -> None:
        """`AssertionError` if what is derived is not what the appointments say."""
        fresh = Bookings()
        fresh.load(self.dump(), hall)
        for name in ("by_code", "taken", "ahead_of", "waiting", "due"):
            assert getattr(self, name) == getattr(fresh, name), f"{name} of the appointments is miscounted"
        codes = [appointment.code for appointment in self.all.values()]
        assert len(codes) == len(set(codes)), "two appointments have one code"
        for appointment in self.all.values():
            here = appointment.state is AppointmentState.CHECKED_IN
            assert here == (appointment.ticket is not None), "checked in without a ticket, or not with one"


def _less(counts: dict[Any, int], name: Any) -> None:
    if counts[name] == 1:
        del counts[name]
    else:
        counts[name] -= 1
