"""Keypads, scanners and card readers of a kiosk without a page (取号机): one more way to a ticket.

    13800138000            whose visit it is, for `PENDING_S`
    2                      a ticket for the second service of the hall's list
    13800138000*2          both at once
    scanned A016           another copy of that ticket's slip, if it waits
    anything else          a code: `check_in`, where the hall takes any (an appointment's)
    card with a phone      as the phone typed

What must stay true
- What is typed and read is personal: it is in no log and no record; a phone is handed on to `take` and
  forgotten.
- One customer's phone is never used for the next: it is forgotten with the ticket, and after `PENDING_S`.
- A kiosk here may do what the role `kiosk` may, and no more.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import structlog

from somc.domain.values import TicketState
from somc.runtime.hall import Hall
from somc_hal.devices import CardReader, KioskInput
from somc_hal.values import InputSource, Typed

__all__ = ["CheckIn", "Entrance", "Take"]

log = structlog.get_logger(__name__)

PENDING_S = 60
"""How long after a phone the service may be chosen; whoever left at the keypad is gone by then."""

MOBILE = re.compile(r"(?:\+?86)?1[3-9][0-9]{9}")
KEYED = re.compile(r"(?:(?P<phone>(?:\+?86)?1[3-9][0-9]{9})\*)?(?P<service>[0-9]{1,2})")
"""A keypad of numbers has `*`; the confirming key is not part of the text."""

CODE = re.compile(r"[0-9A-Za-z]{3,32}")

Take = Callable[[str, str, str | None], Awaitable[str]]
"""Takes a ticket: the input's name, the service, a phone or none. Empty, or why not, for the log."""

Print = Callable[[str, str], Awaitable[str]]
"""Prints a copy of a slip: the input's name, the ticket's id. Empty, or why not."""

CheckIn = Callable[[str, str], Awaitable[str]]
"""Somebody shows a code: the input's name, the code. Empty, or why not."""


class Entrance:
    """What is typed, scanned and read at one kiosk, turned into tickets."""

    def __init__(
        self, hall: Hall, name: str, take: Take, print_copy: Print, check_in: CheckIn | None = None
    ) -> None:
        self._hall = hall
        self._name = name
        self._take = take
        self._print = print_copy
        self._check_in = check_in
        self._pending: tuple[str, int] | None = None
        """A phone, and until when it counts."""
        self._acting = 0

    @property
    def busy(self) -> bool:
        """Whether something that was entered is being carried out, at any of its inputs."""
        return bool(self._acting)

    async def serve_input(self, device: KioskInput) -> None:
        """Carry out what is entered, one after the other, until cancelled."""
        async for typed in device.typed:
            await self._act(self._entered(typed))

    async def serve_cards(self, device: CardReader) -> None:
        """Note the phones of cards that have one, until cancelled."""
        async for card in device.cards:
            await self._act(self._card(card.number))

    async def _act(self, act: Awaitable[str]) -> None:
        self._acting += 1
        try:
            if why := await act:
                log.warning("kiosk input not carried out", device=self._name, why=why)
        finally:
            self._acting -= 1

    async def _entered(self, typed: Typed) -> str:
        text = typed.text.strip()
        if typed.source is InputSource.SCANNER:
            return await self._scanned(text)
        if MOBILE.fullmatch(text):
            return self._note(text)
        keyed = KEYED.fullmatch(text)
        if keyed is None:
            self._pending = None
            if self._check_in is not None and CODE.fullmatch(text):
                return await self._check_in(self._name, text)
            return "neither a phone nor the number of a service"
        services = list(self._hall.state.hall.services)
        place = int(keyed["service"])
        phone = keyed["phone"] or self._noted()
        if not 1 <= place <= len(services):
            return f"there is no service {place}"
        return await self._take(self._name, services[place - 1], phone)

    async def _scanned(self, code: str) -> str:
        waiting = [
            ticket.id
            for ticket in self._hall.state.tickets.values()
            if ticket.number == code and ticket.state in (TicketState.WAITING, TicketState.HELD)
        ]
        if len(waiting) == 1:
            return await self._print(self._name, waiting[0])
        if self._check_in is None:
            return "the code is no waiting ticket's number"
        return await self._check_in(self._name, code)

    async def _card(self, number: str) -> str:
        return self._note(number) if MOBILE.fullmatch(number) else "the card has no mobile number"

    def _note(self, phone: str) -> str:
        self._pending = (phone, self._hall.now() + PENDING_S * 1000)
        return ""

    def _noted(self) -> str | None:
        """The phone that was entered before, once."""
        noted, self._pending = self._pending, None
        return None if noted is None or self._hall.now() > noted[1] else noted[0]
