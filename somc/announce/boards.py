"""What the boards show, drawn from the state and never from an event. Pure.

What must stay true
- A board that missed ten events shows the same as one that saw them all.
- A number is shown whole or not at all: `B12` cut to `B1` would send somebody to the wrong counter.
  Where the usual words are too wide, shorter ones are taken; only words are ever cut.
- Widths are in half-width cells. Everything outside ASCII counts two, as on a GB18030 display, which
  is never less than what a driver counts, so a driver has nothing left to cut.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from somc.announce.wording import CLOSED, IDLE, PAUSED
from somc.domain.state import HallState
from somc.domain.values import ANY_COUNTER, Counter, CounterState, Ticket, TicketState, Words
from somc_hal.values import HallRow

__all__ = ["USUAL", "BoardWords", "clip", "hall_footer", "hall_rows", "keypad_face", "strip_lines", "width"]


@dataclass(frozen=True, slots=True)
class BoardWords:
    """What boards say when they show no call. `footer` in the place of the hall's name; `waiting`: whether
    the footer counts who waits."""

    idle: Words = IDLE
    paused: Words = PAUSED
    closed: Words = CLOSED
    footer: Words | None = None
    waiting: bool = True
    beside: tuple[Words, ...] = ()
    """What plugins say to everybody now: it stands in the footer's place."""


USUAL = BoardWords()


def width(text: str) -> int:
    """How many half-width cells `text` takes: one in ASCII, two outside, none for a combining mark."""
    return sum(1 if sign.isascii() else 0 if unicodedata.combining(sign) else 2 for sign in text)


def clip(text: str, columns: int) -> str:
    """The longest beginning of `text` that fits into `columns`, never ending inside a character."""
    used = 0
    for n, sign in enumerate(text):
        used += width(sign)
        if used > columns:
            return text[:n]
    return text


def fitting(columns: int, *texts: str) -> str:
    """The first of `texts` that fits whole; "" if none does."""
    return next((text for text in texts if width(text) <= columns), "")


def strip_lines(
    state: HallState, counter: Counter | None, lines: int, columns: int, words: BoardWords = USUAL
) -> list[str]:
    """The strip display (条屏) over a counter: whom it calls or serves, or why nobody.

    `None` is a counter that the hall does not have (any more): it shows what a closed one does.
    """
    if counter is not None and counter.ticket is not None:
        texts = _at_counter(state.tickets[counter.ticket], counter.number, columns)
    else:
        by_state = {
            CounterState.CLOSED: words.closed,
            CounterState.PAUSED: words.paused,
            CounterState.OPEN: words.idle,
        }
        says = by_state[counter.state if counter is not None else CounterState.CLOSED]
        texts = [clip(says.zh, columns)]
        if says.en != says.zh:  # hall.toml may give one text for both languages
            texts.append(clip(says.en, columns))
    return texts[:lines]


def _at_counter(ticket: Ticket, counter: int, columns: int) -> list[str]:
    # The usual strip has sixteen columns: number and counter must both be seen. The strip hangs over
    # its counter, so where even that is too wide the number alone says enough.
    number = ticket.number
    if ticket.state is not TicketState.CALLED:
        return [
            fitting(columns, f"{number} 办理中", number),
            fitting(columns, f"Serving {number}", number),
        ]
    return [
        fitting(columns, f"请{number}到{counter}号", f"请{number}", number),
        fitting(columns, f"{number} to No. {counter}", f"{number} to {counter}", number),
    ]


def hall_rows(state: HallState, rows: int, *, highlight: bool = True) -> list[HallRow]:
    """The hall display (综合屏): whom the counters call or serve now, the newest call first.

    `highlight` says whether the display can set off those whose call was not answered yet.
    """
    called = [
        state.tickets[counter.ticket] for counter in state.counters.values() if counter.ticket is not None
    ]
    called.sort(key=lambda ticket: (ticket.called_at or 0, ticket.key), reverse=True)
    return [
        HallRow(
            number=ticket.number,
            counter=str(ticket.counter),
            highlight=highlight and ticket.state is TicketState.CALLED,
        )
        for ticket in called[:rows]
    ]


def hall_footer(state: HallState, columns: int, words: BoardWords = USUAL) -> str:
    """One line below the rows: what plugins say now; else how many wait for each service, as many services
    as fit; else the hall's own text in both languages, or in Chinese where they do not fit; else the hall's
    name."""
    if words.beside:
        return clip("　".join(line.zh for line in words.beside), columns)
    waiting = {name: count for name, count in state.service_lines().items() if count and words.waiting}
    if not waiting:
        if words.footer is not None:
            zh, en = words.footer.zh, words.footer.en
            return (fitting(columns, f"{zh} {en}") if en != zh else "") or clip(zh, columns)
        return clip(state.hall.name.zh, columns)
    line = "等候"
    for name, count in waiting.items():
        longer = f"{line} {state.hall.services[name].name.zh} {count}"
        if width(longer) > columns:
            break
        line = longer
    if line == "等候":
        return fitting(columns, f"等候 {sum(waiting.values())}")
    return line


def keypad_face(state: HallState, counter: Counter | None) -> tuple[str, int]:
    """A counter keypad's display (叫号器): the number at this counter, and how many wait whom it may call:
    those of its skills who were not sent to another counter."""
    if counter is None:
        return "", 0
    number = state.tickets[counter.ticket].number if counter.ticket is not None else ""
    waiting = sum(
        state.scheduler.waiting(queue)
        for (service, _, only, _), queue in state.queues.numbers.items()
        if service in counter.skills and only in (ANY_COUNTER, counter.number)
    )
    return number, waiting
