"""Counter keypads (叫号器) as another door: their keys do exactly what the page's buttons do.

    NEXT RECALL START FINISH NO_SHOW     what they say, at this counter
    RATE                                 as FINISH: the counter's evaluator asks when the service is over
    PAUSE                                pauses, and resumes a paused counter; RESUME only resumes
    HOLD                                 puts the ticket at this counter aside
    digits TRANSFER                      sends it to the counter of that number
    digits CALL                          calls the waiting or held ticket of that number (`A016`: 16)
    digits SIGN_IN, SIGN_OUT             opens the counter for the agent of that number, closes it

What must stay true
- A key that is not carried out beeps, whatever the reason; a `NEXT` with nobody waiting is carried out.
- Keys are carried out one after the other, each when the one before is on disk. What a keypad may
  press ahead is bounded by the driver's buffer, beyond that the keypad is not acknowledged.
- Keys pressed while the line was down are not carried out. By then the agent has gone on with the page,
  and an old FINISH would end the service of somebody else. See `Line`.
"""

from __future__ import annotations

import math

import structlog
import trio

from somc.domain import commands as c
from somc.domain.refusals import Refusal
from somc.domain.state import HallState
from somc.domain.values import CounterState, TicketState
from somc.errors import Overloaded, RuleFailed, ShuttingDown, StoreError
from somc.runtime.hall import Hall
from somc_hal.devices import CounterCaller
from somc_hal.errors import DeviceError
from somc_hal.values import Key, KeyEvent

__all__ = ["command_of", "numbered", "serve_keypad"]

log = structlog.get_logger(__name__)

PAUSE_REASON = "keypad"

MOST_DIGITS = 8
"""No number of a hall is longer."""

LOOKED_EVERY_S = 0.5
"""How often the line is looked at: a shorter interruption is none, its keys come only a little late."""

LATE_S = 2.0
"""How long after its return a line may still deliver what was pressed before: a full buffer of 64 keys
at 9600 Bd takes about so long."""

BEEP_WAIT_S = 1.0
"""How long a tone waits for a keypad that is away; later nobody knows what it means."""

TONES_EVERY_S = 0.5
"""How often it beeps while a line delivers old keys."""


class Line:
    """Whether a keypad's line has just come back, and what it delivers may be old.

    A key event carries no time, and neither has a keypad a clock, so the line is watched instead.
    """

    def __init__(self, keypad: CounterCaller) -> None:
        self._keypad = keypad
        self._late_until = -math.inf

    @property
    def late(self) -> bool:
        """Whether a key that comes now may have been pressed while the line was down."""
        return trio.current_time() < self._late_until

    async def watch(self) -> None:
        """Run beside the reading of keys. The first connection is no return: while the process was
        down the page was down too, so what was pressed is still meant."""
        await self._keypad.wait_online()
        while True:
            while self._keypad.status.serving:  # noqa: ASYNC110 - the interface tells of no line going down
                await trio.sleep(LOOKED_EVERY_S)
            # Its first key may be read before this task runs again.
            self._late_until = math.inf
            await self._keypad.wait_online()
            self._late_until = trio.current_time() + LATE_S


async def serve_keypad(hall: Hall, counter: int, keypad: CounterCaller) -> None:
    """Carry out what is pressed at `keypad`, until cancelled."""
    line = Line(keypad)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(line.watch)
        silent_until = -math.inf
        async for pressed in keypad.keys:
            if line.late:
                log.warning("old key not carried out", counter=counter, key=pressed.key.value)
                # A tone for each would hold up the reading until the old keys seem new.
                if trio.current_time() < silent_until:
                    continue
                silent_until = trio.current_time() + TONES_EVERY_S
            elif await _carried_out(hall, counter, pressed):
                continue
            await _beep(keypad)
        nursery.cancel_scope.cancel()


async def _carried_out(hall: Hall, counter: int, pressed: KeyEvent) -> bool:
    try:
        command = command_of(hall.state, counter, pressed)
        if command is None:
            return False
        outcome = await hall.submit(command, lambda state, events, now: None)
    except (Overloaded, RuleFailed, ShuttingDown, StoreError) as error:
        log.warning("key not carried out", counter=counter, key=pressed.key.value, error=str(error))
        return False
    return not isinstance(outcome, Refusal)


async def _beep(keypad: CounterCaller) -> None:
    if not keypad.capabilities.beep:
        return
    try:
        # A line that is just coming back delivers its first key before it takes a command.
        with trio.move_on_after(BEEP_WAIT_S):
            await keypad.wait_online()
        await keypad.beep()
    except DeviceError as error:
        await trio.lowlevel.checkpoint()
        log.info("keypad did not beep", keypad=keypad.name, error=str(error))
    except Exception:
        # A driver may be anybody's: its mistake costs a tone, never the hall.
        log.exception("keypad did not beep: the driver failed", keypad=keypad.name)


def command_of(state: HallState, counter: int, pressed: KeyEvent) -> c.Command | None:
    """The command of a key, or `None` if it means nothing here."""
    by = f"keypad:{counter}"
    at = state.counters.get(counter)
    paused = at is not None and at.state is CounterState.PAUSED
    match pressed.key:
        case Key.NEXT:
            return c.CallNext(by=by, counter=counter)
        case Key.RECALL:
            return c.Recall(by=by, counter=counter)
        case Key.START:
            return c.StartService(by=by, counter=counter)
        case Key.FINISH | Key.RATE:  # a rating (评价) is asked for when the service is over
            return c.FinishService(by=by, counter=counter)
        case Key.NO_SHOW:
            return c.MarkNoShow(by=by, counter=counter)
        case Key.PAUSE if not paused:
            return c.PauseCounter(by=by, counter=counter, reason=PAUSE_REASON)
        case Key.PAUSE | Key.RESUME:
            return c.ResumeCounter(by=by, counter=counter)
        case Key.HOLD if at is not None and at.ticket is not None:
            return c.HoldTicket(by=by, ticket=at.ticket)
        case Key.TRANSFER if at is not None and at.ticket is not None and _is_number(pressed.digits):
            return c.TransferTicket(by=by, ticket=at.ticket, counter=int(pressed.digits))
        case Key.CALL:
            ticket = numbered(state, pressed.digits)
            return None if ticket is None else c.CallTicket(by=by, counter=counter, ticket=ticket)
        case Key.SIGN_IN if pressed.digits:
            return c.OpenCounter(by=by, counter=counter, agent=pressed.digits)
        case Key.SIGN_OUT:
            return c.CloseCounter(by=by, counter=counter)
        case _:
            return None


def numbered(state: HallState, typed: str) -> str | None:
    """The id of the one ticket that can be called by what was typed: its number, or the digits of its
    number with or without leading zeros. `None` if there is none, or more than one."""
    callable_ = [t for t in state.tickets.values() if t.state in (TicketState.WAITING, TicketState.HELD)]
    found = [ticket.id for ticket in callable_ if ticket.number == typed]
    if not found and _is_number(typed):
        found = [ticket.id for ticket in callable_ if _serial(ticket.number) == int(typed)]
    return found[0] if len(found) == 1 else None


def _serial(number: str) -> int:
    """`A016` → 16. A prefix has no digits."""
    return int("".join(sign for sign in number if sign.isdecimal()))


def _is_number(typed: str) -> bool:
    return typed.isascii() and typed.isdecimal() and len(typed) <= MOST_DIGITS
