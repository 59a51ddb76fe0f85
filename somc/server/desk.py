"""The desk between the edge and the hall: an act becomes a command, its outcome an answer.

HTTP and WebSocket both come through here, so that the same act has the same checks, the same identity
look-up, the same idempotency and the same view whichever way it came.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from somc.config import CustomerTable
from somc.domain import commands as c
from somc.domain.refusals import Refusal
from somc.domain.state import HallState
from somc.journal.entry import Person
from somc.runtime.hall import Hall, Key, Replayed
from somc.runtime.ids import IdSource
from somc.server.access import Principal, may
from somc.server.acts import Act, TakeBody, normal_phone
from somc.server.audience import is_public, public_answer
from somc.server.problems import Problem, of_refusal, problem

__all__ = ["Answer", "Desk"]

CLAIMANTS = frozenset(("floor", "agent", "manager", "channel"))
"""Roles that may say which class a customer is of; a kiosk may not."""

MOST_KEY_CHARACTERS = 200

encode_json = msgspec.json.Encoder().encode


class Answer(msgspec.Struct, frozen=True):
    """What an act led to: a status and the view, plain values with integer instants; `None` with a 204."""

    status: int
    view: Any


class Desk:
    """Carries acts out for the principals of one hall."""

    def __init__(self, hall: Hall, ids: IdSource, customers: Callable[[], CustomerTable]) -> None:
        self.hall = hall
        self.ids = ids
        self._customers = customers

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
        person: Person | None = None
        command: c.Command
        if isinstance(body, TakeBody):
            prepared = await self._prepare_take(body, principal)
            if isinstance(prepared, Problem):
                return prepared
            command, person = prepared
        else:
            assert act.command is not None
            command = act.command(body, principal)
        used = None
        if key is not None:
            target = ":".join(str(getattr(body, name)) for name in act.parameters)
            digest = self.hall.journal.digest(msgspec.json.encode(body, order="deterministic"))
            used = Key(principal.by, f"{act.name}:{target}", key, digest)

        def view(state: HallState, events: Any, now: int) -> Any:
            return act.view(state, events, now, body)

        def encode(made: Any) -> tuple[int, bytes]:
            return (204, b"") if made is None else (act.status, encode_json(made))

        outcome = await self.hall.submit(command, view, person=person, key=used, encode=encode)
        if isinstance(outcome, Refusal):
            return of_refusal(outcome)
        if isinstance(outcome, Replayed):
            answer = Answer(outcome.status, msgspec.json.decode(outcome.answer))
        else:
            answer = Answer(act.status if outcome.view is not None else 204, outcome.view)
        return Answer(answer.status, public_answer(answer.view)) if is_public(principal) else answer

    async def _prepare_take(
        self, body: TakeBody, principal: Principal
    ) -> tuple[c.TakeTicket, Person | None] | Problem:
        """Who the customer is, settled before the command: class, why this class, person id."""
        hall = self.hall.state.hall
        if body.appointment_code is not None:
            why = "this hall takes no appointments: leave appointment_code out"
            return problem(422, "no_appointments", why, fields={"appointment_code": why})
        if body.customer_class is not None and not may(principal, CLAIMANTS):
            why = f"{principal.by} may not say which class a customer is of: leave customer_class out"
            return problem(403, "no_right", why, fields={"customer_class": why})
        customer_class, source = hall.default_class, "default"
        if body.booked_at is not None and not may(principal, CLAIMANTS):
            why = f"{principal.by} may not say that somebody has an appointment: leave booked_at out"
            return problem(403, "no_right", why, fields={"booked_at": why})
        person_id: str | None = None
        person: Person | None = None
        if body.phone is not None:
            phone = normal_phone(body.phone)
            if phone is None:
                why = "not a phone number; allowed: 5 to 20 digits, with an optional + in front"
                return problem(422, "bad_phone", f"phone: {why}", fields={"phone": why})
            known = self._customers().class_of(phone)
            if known is not None and known in hall.classes:
                customer_class, source = known, "table"
            person_id, person = await self.hall.journal.person_for(phone, self.ids.draw("p"))
        if body.customer_class is not None:
            customer_class, source = body.customer_class, "given"
        command = c.TakeTicket(
            by=principal.by,
            ticket_id=self.ids.draw("t"),
            service=body.service,
            customer_class=customer_class,
            class_source=source,
            channel=body.channel,
            person=person_id,
            booked_at=None if body.booked_at is None else round(body.booked_at.timestamp() * 1000),
        )
        return command, person
