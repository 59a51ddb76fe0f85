"""What indicator lamps (指示灯) and the customer's second screen (双屏) show, drawn from the state. Pure.

    at a counter   closed: dark · open: green · called: green, blinking · serving, paused: red
    of the hall    no alert: green · a promise in danger: yellow · one missed, or the hall is too full: red

What must stay true
- A lamp that lacks a colour shines in the next best of its own; one without any that fits is dark.
- A second screen that has nothing to say is told nothing, so that it shows its own page.
- What a plugin shows to the customer at a counter stands only while that customer is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from somc.announce.boards import BoardWords, clip
from somc.domain.state import HallState
from somc.domain.values import Counter, CounterState, TicketState
from somc_hal.values import Colour, ScreenContent

__all__ = ["Panels", "counter_lamp", "hall_lamp", "second_screen"]

Lamp = tuple[Colour | None, bool]
"""A colour, or dark, and whether it blinks."""

Panels = Mapping[str, Sequence[str]]
"""Ticket id → lines for whoever sits there."""

FREE = (Colour.GREEN, Colour.WHITE, Colour.BLUE)
BUSY = (Colour.RED, Colour.YELLOW)
WARNING = (Colour.YELLOW, Colour.RED)
URGENT = (Colour.RED, Colour.YELLOW)


def counter_lamp(state: HallState, counter: Counter | None, colours: Sequence[str], blink: bool) -> Lamp:
    """The lamp over a counter; `None` is a counter that the hall does not have (any more)."""
    if counter is None or counter.state is CounterState.CLOSED:
        return None, False
    if counter.ticket is not None:
        called = state.tickets[counter.ticket].state is TicketState.CALLED
        return (_first(FREE, colours), blink) if called else (_first(BUSY, colours), False)
    return _first(BUSY if counter.state is CounterState.PAUSED else FREE, colours), False


def hall_lamp(state: HallState, colours: Sequence[str]) -> Lamp:
    """A lamp of the hall's staff: whether somebody must look."""
    kinds = {alert.kind for alert in state.alerts.values() if alert.acknowledged is None}
    if kinds - {"warning"}:
        return _first(URGENT, colours), False
    return _first(WARNING if kinds else FREE, colours), False


def _first(wanted: Sequence[Colour], colours: Sequence[str]) -> Colour | None:
    return next((colour for colour in wanted if colour.value in colours), None)


def second_screen(
    state: HallState,
    counter: Counter | None,
    lines: int,
    columns: int,
    words: BoardWords,
    panels: Panels,
) -> ScreenContent:
    """The screen before the customer: whose turn it is and for what, then what plugins show; why nobody is
    served; nothing at an open counter where nobody is."""
    if counter is not None and counter.ticket is not None:
        ticket = state.tickets[counter.ticket]
        service = state.hall.services[ticket.service].name
        if ticket.state is TicketState.CALLED:
            texts = [
                f"请 {ticket.number} 到 {counter.number} 号台席",
                f"{ticket.number}, counter {counter.number}",
            ]
        else:
            texts = [f"{ticket.number} 正在办理 {service.zh}", f"{ticket.number}: {service.en}"]
            texts += panels.get(ticket.id, ())
        return ScreenContent(tuple(clip(text, columns) for text in texts[:lines]))
    shown = CounterState.CLOSED if counter is None else counter.state
    if shown is CounterState.OPEN:
        return ScreenContent()
    says = words.paused if shown is CounterState.PAUSED else words.closed
    texts = [says.zh] if says.en == says.zh else [says.zh, says.en]
    return ScreenContent(tuple(clip(text, columns) for text in texts[:lines]))
