"""What a hall does by itself: the acts that time or the last command make due.

A *look* asks the state, as it is at `now`, for one command that it calls for; most often there is none.
Whoever runs a hall carries out what `DUE` finds before any other command, and what `FOLLOW_UPS` finds after
each, until there is nothing more.

What must stay true
- A look is free of effects and soon done: it is asked around every command.
- The command that a look gives changes what the look saw, or it would be given for ever.
- `HallState.next_due` says when the next look will find something, if nothing else happens until then.
"""

from __future__ import annotations

from collections.abc import Callable

from somc.domain import alerts, auto, messages, upkeep, waiting_list, watch
from somc.domain.commands import Command
from somc.domain.state import HallState

__all__ = ["DUE", "FOLLOW_UPS", "Look", "due_command", "follow_up"]

Look = Callable[[HallState, int], Command | None]

FOLLOW_UPS: tuple[Look, ...] = (
    auto.given_somebody,
    alerts.left,
    alerts.overdue,
    watch.crossed,
    messages.gateways_changed,
    waiting_list.came_due,
    waiting_list.came_free,
)
"""In their order: who is given a counter in time is no alert; one is cleared before another is raised; an
offer that was not accepted makes room before the next is made."""

DUE: tuple[Look, ...] = (upkeep.day_over, *FOLLOW_UPS)
"""The day ends before anything else: what waited while nobody looked belongs to it."""


def due_command(state: HallState, now: int) -> Command | None:
    """What must be carried out before any other command at `now`."""
    return _first(DUE, state, now)


def follow_up(state: HallState, now: int) -> Command | None:
    """What the last command, or time, calls for at `now`."""
    return _first(FOLLOW_UPS, state, now)


def _first(looks: tuple[Look, ...], state: HallState, now: int) -> Command | None:
    for look in looks:
        command = look(state, now)
        if command is not None:
            return command
    return None
