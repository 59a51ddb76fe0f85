"""The slips that wait for a printer (打印机), and the task that prints them one by one.

What must stay true
- A slip is printed at most once: its job id is the ticket's (and the copy's number), and another
  printer is tried only while no byte has gone out to the first.
- Waiting slips are bounded; what cannot be printed is logged and left: an agent can print a copy.
- Nothing that goes wrong with one slip, its layout included, ends the task.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
import trio

from somc.announce.slip import slip
from somc.domain.state import HallState
from somc.domain.values import Ticket
from somc_hal.devices import TicketPrinter
from somc_hal.errors import DeviceBusy, DeviceError, DeviceOffline, NeedsOperator, Unsupported

__all__ = ["MOST_SLIPS", "SlipQueue"]

log = structlog.get_logger(__name__)

MOST_SLIPS = 64
"""Slips that may wait for the printer; further ones are logged and left to be printed again."""

PRINT_TIMEOUT_S = 5.0
"""How long a slip waits for a printer that is away: a link that blinked is back by then."""

NOTHING_SENT = (DeviceBusy, DeviceOffline, NeedsOperator, Unsupported)
"""After these another printer may be tried. After any other error there may be a slip already."""


@dataclass(frozen=True, slots=True)
class Job:
    """One slip. The ticket is kept as it was: it may have left the state when its turn comes."""

    ticket: Ticket
    copy: int

    @property
    def id(self) -> str:
        return f"{self.ticket.id}.{self.copy}" if self.copy else self.ticket.id


class SlipQueue:
    """Prints the slips of one hall. `run` must be running. `stepped` is called after each."""

    def __init__(
        self, printers: Sequence[TicketPrinter], state: HallState, stepped: Callable[[], None]
    ) -> None:
        self._printers = printers  # the hall's own list: a printer that is swapped is found at once
        self._state = state
        self._stepped = stepped
        self._in, self._out = trio.open_memory_channel[Job](MOST_SLIPS)
        self._unfinished = 0

    @property
    def busy(self) -> bool:
        """Whether a slip waits or is being printed."""
        return bool(self._unfinished)

    def add(self, ticket: Ticket, copy: int) -> None:
        """Queue a slip; one too many is logged and left."""
        try:
            self._in.send_nowait(Job(ticket, copy))
        except trio.WouldBlock:
            log.error("slip not printed: too many wait for the printer", number=ticket.number)
        else:
            self._unfinished += 1

    async def run(self) -> None:
        """Print until cancelled."""
        async for job in self._out:
            try:
                await self._print(job)
            finally:
                self._unfinished -= 1
                self._stepped()

    async def _print(self, job: Job) -> None:
        tried: list[TicketPrinter] = []
        while True:
            # Those that serve come first, so that a dead one does not cost every slip its timeout.
            untried = [one for one in self._printers if one not in tried]
            if not untried:
                return
            printer = min(untried, key=lambda one: not one.status.serving)
            tried.append(printer)
            about = {"number": job.ticket.number, "job": job.id, "printer": printer.name}
            try:
                can = printer.capabilities
                parts = slip(self._state, job.ticket, job.copy, columns=can.columns, double=can.double_size)
                await printer.print(job.id, parts, timeout_s=PRINT_TIMEOUT_S)
            except NOTHING_SENT as error:
                log.error("slip not printed", error=str(error), **about)
            except DeviceError as error:
                log.error("slip perhaps not printed", error=str(error), **about)
                return
            except Exception:
                # A driver may be anybody's: its mistake costs this slip, never the hall. So does ours.
                log.exception("slip perhaps not printed: the driver or the layout failed", **about)
                return
            else:
                return
