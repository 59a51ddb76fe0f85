"""From a request about an appointment to its command: codes and phones are looked up, ids and codes drawn.

What must stay true
- A code stands in no record and in no remembered answer: records have its keyed hash, `Entry.texts` the code
  sealed, and it is put into the answer of a booking when that leaves.
- Whoever tries codes or numbers in vain is slowed down (`tries`), by who asks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from somc.domain import commands as c
from somc.domain.booking import open_for_check_in
from somc.domain.bookings import Appointment
from somc.domain.refusals import refuse
from somc.domain.values import Words
from somc.journal.journal import Journal
from somc.runtime.booker import draw_places
from somc.runtime.hall import Hall
from somc.runtime.ids import IdSource
from somc.runtime.plugins.facts import Known
from somc.server.access import Principal
from somc.server.appointment_acts import (
    BookBody,
    CancelAppointmentBody,
    ChangeAppointmentBody,
    CheckInBody,
    CodeBody,
    PhoneCheckInBody,
    milliseconds,
)
from somc.server.appointment_views import choice_view
from somc.server.finder import Finder, too_many
from somc.server.phones import bad_phone, normal_phone
from somc.server.prepared import Prepared
from somc.server.problems import Problem, of_refusal

__all__ = ["AppointmentDesk", "Settled", "with_codes"]

Plain = dict[str, Any]


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """Who a customer is, as the ticket keeps it; `known` is what plugins found out."""

    customer_class: str
    source: str
    slip: tuple[Words, ...] = ()
    known: Mapping[str, Known] = {}


Settle = Callable[[str, str, str, str | None, str | None], Awaitable[Settled]]
"""Ticket id, service, channel, person and phone (if known) → who that is."""


class AppointmentDesk:
    """Prepares the acts of `appointments.…` for `Desk`."""

    def __init__(self, hall: Hall, ids: IdSource, settle: Settle) -> None:
        self.hall = hall
        self.ids = ids
        self._settle = settle
        self.finder = Finder(hall)

    async def prepare(self, body: Any, principal: Principal) -> Prepared | Problem:
        """The command of a body of `appointment_acts`."""
        match body:
            case BookBody():
                return await self._book(body, principal)
            case PhoneCheckInBody():
                return await self._check_in_by_phone(body, principal)
            case CodeBody():
                name = self.finder.find(body.appointment, principal)
                if isinstance(name, Problem):
                    return name
                # From here on by id: a code must not stand among the remembered answers.
                return await self._by_id(msgspec.structs.replace(body, appointment=name), principal)
        raise AssertionError(f"{type(body).__name__} is not about appointments")

    async def check_in(
        self, name: str, service: str | None, channel: str, body: Any, principal: Principal
    ) -> Prepared:
        """The command that checks an appointment in; its holder's class is settled as at any other visit."""
        appointment = self.hall.state.bookings.all[name]
        person = None if appointment.person is None else await self.hall.journal.person(appointment.person)
        phone = None if person is None else person.phone
        ticket_id = self.ids.draw("t")
        settled = await self._settle(ticket_id, appointment.service, channel, appointment.person, phone)
        command = c.CheckIn(
            by=principal.by,
            appointment=name,
            ticket_id=ticket_id,
            customer_class=settled.customer_class,
            class_source=settled.source,
            channel=channel,
            service=service,
            slip=settled.slip,
        )
        return Prepared(command=command, body=body, known=settled.known)

    async def _by_id(self, body: CodeBody, principal: Principal) -> Prepared:
        name = body.appointment
        command: c.Command
        match body:
            case CheckInBody():
                return await self.check_in(name, body.service, body.channel, body, principal)
            case ChangeAppointmentBody():
                at = milliseconds(body.at)
                command = c.ChangeAppointment(by=principal.by, appointment=name, service=body.service, at=at)
            case CancelAppointmentBody():
                command = c.CancelAppointment(by=principal.by, appointment=name, reason=body.reason)
            case _:
                command = c.ConfirmAppointment(by=principal.by, appointment=name)
        return Prepared(command=command, body=body)

    async def _book(self, body: BookBody, principal: Principal) -> Prepared | Problem:
        person_id, person = None, None
        if body.phone is not None:
            phone = normal_phone(body.phone)
            if phone is None:
                return bad_phone()
            person_id, person = await self.hall.journal.person_for(phone, self.ids.draw("p"))
        drawn = draw_places(self.hall.journal, self.ids, body.places, person_id)
        command = c.BookAppointment(
            by=principal.by,
            places=drawn.places,
            service=body.service,
            at=milliseconds(body.at) or 0,
            channel=body.channel,
            person=person_id,
            wait=body.wait,
            until=milliseconds(body.until),
            confirmed=body.confirmed,
        )
        return Prepared(command=command, body=body, person=person, codes=drawn.codes)

    async def _check_in_by_phone(self, body: PhoneCheckInBody, principal: Principal) -> Prepared | Problem:
        if (wait_s := self.finder.tries.wait_s(f"{principal.by} ")) > 0:
            return too_many(wait_s)
        phone = normal_phone(body.phone)
        if phone is None:
            return bad_phone()
        theirs = {
            each.id: each
            for person in await self.hall.journal.persons_of(phone)
            for each in self.hall.state.bookings.of_person(person)
        }
        if not theirs or body.appointment not in (None, *theirs):
            self.finder.tries.spend(f"{principal.by} ")
            return of_refusal(refuse("unknown_appointment"))
        if body.appointment is not None:
            return await self.check_in(body.appointment, body.service, body.channel, body, principal)
        return await self._nearest(list(theirs.values()), phone, body, principal)

    async def _nearest(
        self, theirs: list[Appointment], phone: str, body: PhoneCheckInBody, principal: Principal
    ) -> Prepared:
        """The hall takes the one whose time it is; if there are several, the refusal names them."""
        person = theirs[0].person
        assert person is not None, "found by a phone"
        ticket_id = self.ids.draw("t")
        near = open_for_check_in(self.hall.state, person, self.hall.now()) or theirs
        service = body.service or near[0].service
        settled = await self._settle(ticket_id, service, body.channel, person, phone)
        command = c.CheckIn(
            by=principal.by,
            appointment=None,
            ticket_id=ticket_id,
            customer_class=settled.customer_class,
            class_source=settled.source,
            slip=settled.slip,
            channel=body.channel,
            person=person,
            service=body.service,
        )

        def choices() -> list[Plain]:
            found = open_for_check_in(self.hall.state, person, self.hall.now())
            return [choice_view(each) for each in found if body.service in (None, each.service)]

        return Prepared(command=command, body=body, choices=choices, known=settled.known)


async def with_codes(journal: Journal, view: Plain) -> Plain:
    """A booking's answer with the codes of its places."""
    places = [{**place, "code": await journal.code_of(place["id"])} for place in view["places"]]
    return {**view, "code": places[0]["code"], "places": places}
