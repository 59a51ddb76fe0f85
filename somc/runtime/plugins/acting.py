"""What plugins may do: actions of the API as commands of the domain.

What must stay true
- A plugin acts under its own name (`by = "plugin:NAME"`) and through the hall's one door like anybody else.
- At most `MOST_AT_ONCE` at a time and `PER_S` a second (after a burst): one that floods waits for itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from somc.api import (
    Action,
    ClearAlert,
    Divert,
    DivertTicket,
    Done,
    LogCare,
    Note,
    PermissionRefused,
    RaiseAlert,
    RateTicket,
    RecordOffer,
    Refusal,
)
from somc.domain import commands as c
from somc.domain.events import TYPE_OF
from somc.runtime.hall import Decided, Hall

__all__ = ["Actions", "Handler", "Rate"]

MOST_AT_ONCE = 8
PER_S = 50.0
BURST = 200.0
FLOOD_EVERY_S = 10.0
"""Having to wait again and again is told once in so long."""

Handler = Callable[[str, frozenset[str], Any], Awaitable[Done | Refusal]]
"""Carries one kind of action out: for which plugin, what it sees, the action."""

Maker = Callable[[str, Any], c.Command]

COMMANDS: dict[type[Action], Maker] = {
    LogCare: lambda name, a: c.LogCare(
        by=f"plugin:{name}", ticket=a.ticket, kind=a.kind, note=a.note, agent=a.agent
    ),
    RecordOffer: lambda name, a: c.RecordOffer(
        by=f"plugin:{name}",
        ticket=a.ticket,
        offer=a.offer,
        outcome=a.outcome,
        counter=a.counter,
        agent=a.agent,
    ),
    DivertTicket: lambda name, a: c.Divert(by=f"plugin:{name}", ticket=a.ticket, to=a.to, kind=a.kind),
    Divert: lambda name, a: c.Divert(by=f"plugin:{name}", service=a.service, to=a.to, kind=a.kind),
    RateTicket: lambda name, a: c.RateTicket(
        by=f"plugin:{name}", ticket=a.ticket, score=a.score, scale=a.scale, source=a.source
    ),
    RaiseAlert: lambda name, a: c.RaisePluginAlert(
        by=f"plugin:{name}",
        plugin=name,
        name=a.kind,
        words=a.words,
        value=a.value,
        limit=a.limit,
        service=a.service,
        about=a.ticket,
    ),
    ClearAlert: lambda name, a: c.ClearPluginAlert(by=f"plugin:{name}", plugin=name, name=a.kind),
    Note: lambda name, a: c.NotePlugin(by=f"plugin:{name}", plugin=name, kind=a.kind, data=a.data),
}
"""Action → its command."""


class Actions:
    """The actions that this hall offers; rooms above add theirs."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self._handlers: dict[type[Action], Handler] = {}

    def add(self, kind: type[Action], handler: Handler) -> None:
        """Offer another action, or carry one out otherwise."""
        self._handlers[kind] = handler

    async def do(self, plugin: str, sees: frozenset[str], action: Action) -> Done | Refusal:
        """Carry it out. `PermissionRefused` for what this hall does not offer."""
        kind = type(action)
        if kind in self._handlers:
            return await self._handlers[kind](plugin, sees, action)
        if kind not in COMMANDS:
            raise PermissionRefused(f"this hall does not offer the action {kind.__name__}")
        outcome = await self._hall.submit(COMMANDS[kind](plugin, action), lambda state, events, now: None)
        if isinstance(outcome, Refusal):
            return outcome
        assert isinstance(outcome, Decided)
        return Done(seq=outcome.seq, records=[TYPE_OF[type(event)] for event in outcome.events])


class Rate:
    """How often one plugin may act: a bucket of `BURST` that fills with `PER_S`."""

    def __init__(self, on_flood: Callable[[str], None]) -> None:
        self._on_flood = on_flood
        self._told_at = 0.0
        self._limiter = trio.CapacityLimiter(MOST_AT_ONCE)
        self._left = BURST
        self._at = trio.current_time()
        self.held_back = 0
        """How often it had to wait."""

    async def turn(self) -> trio.CapacityLimiter:
        """Wait for a turn; the limiter is to be held while acting."""
        while True:
            now = trio.current_time()
            self._left = min(BURST, self._left + (now - self._at) * PER_S)
            self._at = now
            if self._left >= 1:
                self._left -= 1
                return self._limiter
            self.held_back += 1
            if now - self._told_at >= FLOOD_EVERY_S:
                self._told_at = now
                self._on_flood(f"it acts more than {PER_S:.0f} times a second and is held back")
            await trio.sleep((1 - self._left) / PER_S)
