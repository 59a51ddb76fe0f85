"""Somebody who is about to take a ticket: plugins are asked who that is, and what the slip shall say.

What must stay true: where no plugin wants to know, nothing is made or asked.
"""

from __future__ import annotations

from collections.abc import Mapping

from somc.api import TicketView, Visit, Words
from somc.runtime.hall import Hall
from somc.runtime.plugins.asking import Asking, Identified
from somc.runtime.plugins.facts import Known

__all__ = ["Newcomers"]


class Newcomers:
    """Those of one hall."""

    def __init__(self, hall: Hall, asking: Asking) -> None:
        self._hall = hall
        self._asking = asking

    async def identify(
        self, service: str, channel: str, person: str | None, phone: str | None, customer_class: str
    ) -> Identified:
        """Who this visitor is, as far as plugins know in time."""
        if not self._asking.anybody("somc_identify"):
            return Identified()
        visit = Visit(
            service=service,
            channel=channel,
            at=self._hall.now(),
            person=person,
            phone=phone,
            customer_class=customer_class,
        )
        return await self._asking.identify(visit, self._hall.state.hall.classes)

    async def slip_of(
        self,
        ticket: str,
        service: str,
        channel: str,
        customer_class: str,
        source: str,
        person: str | None,
        known: Mapping[str, Known],
    ) -> tuple[Words, ...]:
        """What plugins want on the slip."""
        settings = self._hall.state.hall
        if (
            not self._asking.anybody("somc_slip_lines")
            or service not in settings.services
            or customer_class not in settings.classes
        ):
            return ()
        view = TicketView(
            id=ticket,
            number="",
            service=service,
            customer_class=customer_class,
            class_source=source,
            channel=channel,
            state="waiting",
            taken_at=self._hall.now(),
            waited_s=0,
            target_wait_s=settings.target_wait_s(service, customer_class),
            person=person,
        )
        return await self._asking.slip_lines(view, known)
