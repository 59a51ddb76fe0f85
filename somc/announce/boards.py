"""What the boards show, drawn from the state and never from an event. Pure.

A board that missed ten events shows the same as one that saw them all. Text is cut to the display's
columns in GB18030 bytes, where a Hanzi takes two, and never in the middle of a character.
"""

from __future__ import annotations

from somc.announce.wording import CLOSED, IDLE, PAUSED
from somc.domain.state import HallState
from somc.domain.values import Counter, CounterState, TicketState
from somc_hal.values import HallRow

__all__ = ["clip", "hall_rows", "keypad_face", "strip_lines"]


def clip(text: str, columns: int) -> str:
    """`text` cut to so many columns; a character outside ASCII takes two."""
    used = 0
    for n, character in enumerate(text):
        used += 1 if character.isascii() else 2
        if used > columns:
            return text[:n]
    return text


def strip_lines(state: HallState, counter: Counter, lines: int, columns: int) -> list[str]:
    """The strip display (条屏) over a counter: whom it calls or serves, or why nobody."""
    if counter.ticket is not None:
        ticket = state.tickets[counter.ticket]
        calling = ticket.state is TicketState.CALLED
        texts = [
            # Short enough for the usual strip of sixteen columns: number and counter must both be seen.
            f"请{ticket.number}到{counter.number}号" if calling else f"{ticket.number} 办理中",
            f"{ticket.number} to No. {counter.number}" if calling else f"Serving {ticket.number}",
        ]
    else:
        words = {CounterState.CLOSED: CLOSED, CounterState.PAUSED: PAUSED, CounterState.OPEN: IDLE}
        texts = [words[counter.state].zh, words[counter.state].en]
    return [clip(text, columns) for text in texts[:lines]]


def hall_rows(state: HallState, rows: int) -> list[HallRow]:
    """The hall display (综合屏): whom the counters call now, the newest call first."""
    called = [
        state.tickets[counter.ticket] for counter in state.counters.values() if counter.ticket is not None
    ]
    called.sort(key=lambda ticket: (ticket.called_at or 0, ticket.key), reverse=True)
    return [
        HallRow(
            number=ticket.number,
            counter=str(ticket.counter),
            highlight=ticket.state is TicketState.CALLED,
        )
        for ticket in called[:rows]
    ]


def hall_footer(state: HallState, columns: int) -> str:
    """One line below the rows: how many wait for each service."""
    lines = state.service_lines()
    waiting = [f"{state.hall.services[name].name.zh} {count}" for name, count in lines.items() if count]
    return clip("等候 " + " ".join(waiting) if waiting else state.hall.name.zh, columns)


def keypad_face(state: HallState, counter: Counter) -> tuple[str, int]:
    """A counter keypad's display (叫号器): the number at this counter, and how many wait for its skills."""
    number = state.tickets[counter.ticket].number if counter.ticket is not None else ""
    lines = state.service_lines()
    return number, sum(lines.get(service, 0) for service in counter.skills)
