"""What a plugin's context asks, answered by the hall: checked by what the plugin declared.

What must stay true: a phone leaves only to a plugin that sees phones, another's facts and earlier visits only
to one that sees history; whatever a plugin is shown is on disk.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from somc.api import Action, Done, HallView, Json, PermissionRefused, Refusal, TicketView
from somc.api.values import Sight
from somc.domain import estimates
from somc.domain.state import HallState
from somc.domain.values import Ticket, TicketState
from somc.runtime.hall import Hall
from somc.runtime.plugins.acting import Actions, Rate
from somc.runtime.plugins.facts import TicketFacts
from somc.runtime.plugins.past import past_visits
from somc.runtime.plugins.views import hall_view, ticket_view

__all__ = ["HallBehind"]

MOST_VISITS = 100


class HallBehind:
    """The hall behind one plugin's context."""

    def __init__(
        self,
        plugin: str,
        sees: frozenset[str],
        hall: Hall,
        facts: TicketFacts,
        actions: Actions,
        changed: Callable[[], None],
        on_flood: Callable[[str], None] = lambda why: None,
    ) -> None:
        self._plugin = plugin
        self._sees = sees
        self._hall = hall
        self._facts = facts
        self._actions = actions
        self._changed = changed
        self.rate = Rate(on_flood)

    @property
    def knows_people(self) -> bool:
        """Whether it may know which tickets are one person's."""
        return not self._sees.isdisjoint(("phone", "history"))

    @property
    def speed(self) -> float:
        """Hall seconds per real second."""
        return self._hall.clock.speed

    def now(self) -> int:
        return self._hall.now()

    async def hall(self) -> HallView:
        return await self._hall.read(hall_view)

    async def ticket(self, id: str) -> TicketView | None:
        def view(state: HallState, now: int) -> TicketView | None:
            ticket = state.tickets.get(id)
            if ticket is None:
                return None
            place = None
            if ticket.state is TicketState.WAITING:
                place, _ = estimates.forecast(state, now).get(id, (None, None))
            return msgspec.structs.replace(
                ticket_view(ticket, now, person=self.knows_people), position_now=place
            )

        return await self._hall.read(view)

    async def tickets(self) -> list[TicketView]:
        def view(state: HallState, now: int) -> list[TicketView]:
            return [ticket_view(each, now, person=self.knows_people) for each in state.live_tickets()]

        return await self._hall.read(view)

    async def facts(self, ticket: str, of: str | None) -> dict[str, Json]:
        if of is not None and of != self._plugin:
            self._needs("history", f"the facts of '{of}'")
        known = self._facts.of(ticket).get(of or self._plugin)
        return {} if known is None else msgspec.msgpack.decode(msgspec.msgpack.encode(known.facts))

    async def visits(self, person: str, limit: int) -> list[TicketView]:
        self._needs("history", "somebody's visits")
        limit = max(0, min(limit, MOST_VISITS))

        def today(state: HallState, now: int) -> list[TicketView]:
            mine: list[Ticket] = [ticket for ticket in state.tickets.values() if ticket.person == person]
            return [ticket_view(ticket, now) for ticket in reversed(mine)]

        found = await self._hall.read(today)
        if len(found) < limit:
            known = {ticket.id for ticket in found}
            past = await past_visits(self._hall.journal, self._hall.state.hall.org, person, limit)
            found += [ticket for ticket in past if ticket.id not in known]
        return found[:limit]

    async def phone_of(self, person: str) -> str | None:
        self._needs("phone", "a phone number")
        found = await self._hall.journal.person(person)
        return None if found is None else found.phone

    async def person_of(self, phone: str) -> str | None:
        self._needs("phone", "who a phone number is")
        found = await self._hall.journal.persons_of(phone)
        return found[0] if found else None

    async def do(self, action: Action) -> Done | Refusal:
        async with await self.rate.turn():
            return await self._actions.do(self._plugin, self._sees, action)

    def announce_changed(self) -> None:
        self._changed()

    def _needs(self, sight: Sight, what: str) -> None:
        if sight not in self._sees:
            raise PermissionRefused(
                f"the plugin '{self._plugin}' may not see {what}: declare sees={{'{sight}'}} in its About"
            )
