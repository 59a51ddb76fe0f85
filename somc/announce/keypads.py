"""Counter keypads as another door: their keys do exactly what the page's buttons do.

A key that is refused beeps. Numbers may be typed before `call` (a ticket's digits, or letter and
digits where the keypad has letters), `transfer` (a counter) and `sign_in` (the agent's number).
"""

from __future__ import annotations

import structlog
import trio

from somc.domain import commands as c
from somc.domain.refusals import Refusal
from somc.domain.state import HallState
from somc.domain.values import CounterState
from somc.errors import Overloaded, RuleFailed, ShuttingDown, StoreError
from somc.runtime.hall import Hall
from somc_hal.devices import CounterCaller
from somc_hal.errors import DeviceError
from somc_hal.values import Key, KeyEvent

__all__ = ["command_of", "serve_keypad"]

log = structlog.get_logger(__name__)

PAUSE_REASON = "keypad"


async def serve_keypad(hall: Hall, counter: int, keypad: CounterCaller) -> None:
    """Carry out what is pressed at `keypad`, until cancelled."""
    async for pressed in keypad.keys:
        command = command_of(hall.state, counter, pressed)
        try:
            outcome = None
            if command is not None:
                outcome = await hall.submit(command, lambda state, events, now: len(events))
        except ShuttingDown:
            return
        except (Overloaded, RuleFailed, StoreError) as error:
            log.warning("key not carried out", counter=counter, key=pressed.key.value, error=str(error))
        if outcome is None or isinstance(outcome, Refusal):
            await _beep(keypad)


async def _beep(keypad: CounterCaller) -> None:
    if not keypad.capabilities.beep:
        return
    try:
        await keypad.beep()
    except DeviceError as error:
        await trio.lowlevel.checkpoint()
        log.info("keypad did not beep", keypad=keypad.name, error=str(error))


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
        case Key.FINISH:
            return c.FinishService(by=by, counter=counter)
        case Key.NO_SHOW:
            return c.MarkNoShow(by=by, counter=counter)
        case Key.PAUSE if not paused:
            return c.PauseCounter(by=by, counter=counter, reason=PAUSE_REASON)
        case Key.PAUSE | Key.RESUME:
            return c.ResumeCounter(by=by, counter=counter)
        case Key.HOLD if at is not None and at.ticket is not None:
            return c.HoldTicket(by=by, ticket=at.ticket)
        case Key.TRANSFER if at is not None and at.ticket is not None and pressed.digits.isdigit():
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
    """The live ticket whose number is `typed`, or ends in these digits if only one does."""
    if not typed:
        return None
    live = state.live_tickets()
    exact = [ticket.id for ticket in live if ticket.number == typed]
    if exact:
        return exact[-1]
    digits = typed.zfill(3)
    ending = [ticket.id for ticket in live if ticket.number.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == digits]
    return ending[0] if len(ending) == 1 else None
