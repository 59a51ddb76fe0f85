"""The desk between the edge and the hall: an act becomes a command, its outcome an answer.

HTTP and WebSocket both come through here, so that the same act has the same checks, the same identity
look-up, the same idempotency and the same view whichever way it came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from somc.config import CustomerTable
from somc.domain import commands as c
from somc.domain.refusals import Refusal
from somc.domain.state import HallState
from somc.domain.templates import BUILT_IN, Template
from somc.domain.values import Words
from somc.journal.entry import Person
from somc.runtime.hall import Decided, Hall, Key, Replayed
from somc.runtime.ids import IdSource
from somc.runtime.plugins.asking import Identified
from somc.runtime.plugins.host import PluginHost
from somc.server.access import Principal, may
from somc.server.acts import Act, TakeBody
from somc.server.appointment_acts import BookBody
from somc.server.appointment_desk import AppointmentDesk, Settled, with_codes
from somc.server.audience import is_public, public_answer
from somc.server.message_acts import ConsentBody, MessageDesk, SendBody
from somc.server.phones import bad_phone, normal_phone
from somc.server.prepared import Prepared
from somc.server.problems import Problem, of_refusal, problem

__all__ = ["Acting", "Answer", "Desk"]

CLAIMANTS = frozenset(("floor", "agent", "manager", "channel"))
"""Roles that may say which class a customer is of; a kiosk may not."""

MOST_KEY_CHARACTERS = 200

encode_json = msgspec.json.Encoder().encode


class Answer(msgspec.Struct, frozen=True):
    """What an act led to: a status and the view, plain values with integer instants; `None` with a 204."""

    status: int
    view: Any


class Acting(Protocol):
    """Who carries acts out: the hall's own desk, or, in a process that only reads, the way to it."""

    async def do(self, act: Act, body: Any, principal: Principal, key: str | None = None) -> Answer | Problem:
        """See `Desk.do`."""


class Desk:
    """Carries acts out for the principals of one hall."""

    def __init__(
        self,
        hall: Hall,
        ids: IdSource,
        customers: Callable[[], CustomerTable],
        templates: Mapping[str, Template] | None = None,
    ) -> None:
        self.hall = hall
        self.ids = ids
        self._customers = customers
        self.appointments = AppointmentDesk(hall, ids, self._settle)
        self.plugins: PluginHost | None = None
        """Those that identify customers and add to slips; set by composition."""
        self.messages = MessageDesk(hall, ids, BUILT_IN if templates is None else templates)

    async def do(self, act: Act, body: Any, principal: Principal, key: str | None = None) -> Answer | Problem:
        """Carry `act` out. With `key`, the same body gets the same answer for 48 hours.

        Bodies are the same if they mean the same: a client that sends its command by HTTP first and by
        WebSocket again, or its fields in another order, repeats it. Raises what `Hall.submit` raises.
        """
        if not may(principal, act.roles):
            allowed = ", ".join(sorted(act.roles))
            return problem(403, "no_right", f"{principal.by} may not do {act.name}; allowed: {allowed}")
        if key is not None and not 0 < len(key) <= MOST_KEY_CHARACTERS:
            why = f"an idempotency key has 1 to {MOST_KEY_CHARACTERS} characters"
            return problem(422, "wrong_input", why, fields={"Idempotency-Key": why})
        prepared = await self._prepare(act, body, principal)
        if isinstance(prepared, Problem):
            return prepared
        body = prepared.body
        used = None
        if key is not None:
            target = ":".join(str(getattr(body, name)) for name in act.parameters)
            digest = self.hall.journal.digest(msgspec.json.encode(body, order="deterministic"))
            used = Key(principal.by, f"{act.name}:{target}", key, digest)

        def view(state: HallState, events: Any, now: int) -> Any:
            return act.view(state, events, now, body)

        def encode(made: Any) -> tuple[int, bytes]:
            return (204, b"") if made is None else (act.status, encode_json(made))

        outcome = await self.hall.submit(
            prepared.command, view, person=prepared.person, key=used, encode=encode, codes=prepared.codes
        )
        if isinstance(outcome, Refusal):
            several = prepared.choices if outcome.code == "several_appointments" else None
            refused = of_refusal(outcome)
            return refused if several is None else msgspec.structs.replace(refused, choices=several())
        if prepared.known and isinstance(outcome, Decided) and self.plugins is not None:
            assert isinstance(prepared.command, c.TakeTicket | c.CheckIn)
            self.plugins.facts.put(prepared.command.ticket_id, dict(prepared.known))
        if isinstance(outcome, Replayed):
            answer = Answer(outcome.status, msgspec.json.decode(outcome.answer))
        else:
            answer = Answer(act.status if outcome.view is not None else 204, outcome.view)
        if isinstance(body, BookBody):
            answer = Answer(answer.status, await with_codes(self.hall.journal, answer.view))
        return Answer(answer.status, public_answer(answer.view)) if is_public(principal) else answer

    async def _prepare(self, act: Act, body: Any, principal: Principal) -> Prepared | Problem:
        """The command of an act, with what is looked up and drawn before it."""
        if act.command is not None:
            return Prepared(command=act.command(body, principal), body=body)
        if isinstance(body, SendBody | ConsentBody):
            return await self.messages.prepare(body, principal)
        if not isinstance(body, TakeBody):
            return await self.appointments.prepare(body, principal)
        if body.appointment_code is None:
            return await self._prepare_take(body, principal)
        name = self.appointments.finder.find(body.appointment_code, principal)
        if isinstance(name, Problem):
            return name
        known = msgspec.structs.replace(body, appointment_code=name)
        return await self.appointments.check_in(name, body.service, body.channel, known, principal)

    async def _settle(
        self,
        ticket_id: str,
        service: str,
        channel: str,
        person_id: str | None,
        phone: str | None,
        claimed: str | None = None,
    ) -> Settled:
        """Who the customer is, before the ticket: class, why this class, what plugins know and add to the
        slip. `claimed` is the class that somebody who may says."""
        hall = self.hall.state.hall
        in_table = None if phone is None else self._customers().class_of(phone)
        customer_class, source = hall.default_class, "default"
        if in_table is not None and in_table in hall.classes:
            customer_class, source = in_table, "table"
        identified = Identified()
        slip: tuple[Words, ...] = ()
        if self.plugins is not None:
            identified = await self.plugins.newcomers.identify(
                service, channel, person_id, phone, customer_class
            )
            if identified.customer_class is not None and identified.source is not None:
                customer_class, source = identified.customer_class, identified.source
            elif identified.late and source == "default":
                source = f"default (no answer: {', '.join(identified.late)})"[:120]
            elif identified.source is not None and source == "default":
                source = f"default ({identified.source})"[:120]
        if claimed is not None:
            customer_class, source = claimed, "given"
        if self.plugins is not None:
            slip = await self.plugins.newcomers.slip_of(
                ticket_id, service, channel, customer_class, source, person_id, identified.known
            )
        return Settled(customer_class=customer_class, source=source, slip=slip, known=identified.known)

    async def _prepare_take(self, body: TakeBody, principal: Principal) -> Prepared | Problem:
        """Who the customer is, settled before the command: class, why this class, person id."""
        if body.service is None:
            why = "name a service, or an appointment_code"
            return problem(422, "wrong_input", f"service: {why}", fields={"service": why})
        if body.customer_class is not None and not may(principal, CLAIMANTS):
            why = f"{principal.by} may not say which class a customer is of: leave customer_class out"
            return problem(403, "no_right", why, fields={"customer_class": why})
        if body.booked_at is not None and not may(principal, CLAIMANTS):
            why = f"{principal.by} may not say that somebody has an appointment: leave booked_at out"
            return problem(403, "no_right", why, fields={"booked_at": why})
        person_id: str | None = None
        person: Person | None = None
        phone: str | None = None
        if body.phone is not None:
            phone = normal_phone(body.phone)
            if phone is None:
                return bad_phone()
            person_id, person = await self.hall.journal.person_for(phone, self.ids.draw("p"))
        ticket_id = self.ids.draw("t")
        settled = await self._settle(
            ticket_id, body.service, body.channel, person_id, phone, body.customer_class
        )
        command = c.TakeTicket(
            by=principal.by,
            ticket_id=ticket_id,
            service=body.service,
            customer_class=settled.customer_class,
            class_source=settled.source,
            channel=body.channel,
            person=person_id,
            slip=settled.slip,
            booked_at=None if body.booked_at is None else round(body.booked_at.timestamp() * 1000),
        )
        return Prepared(command=command, body=body, person=person, known=settled.known)
