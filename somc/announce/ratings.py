"""Evaluators (评价器): after a service the customer is asked, and what is pressed becomes `ticket.rated`.

    ticket.finished ──▶ ask ──▶ pressed within `wait_s` ──▶ RateTicket(score)
                                nothing pressed          ──▶ RateTicket(None), 未评价

What must stay true
- A rating belongs to the ticket that was asked about. A device that names the ticket is held to it; what
  is pressed when nobody was asked is heard only while a service is going on, and is that one's: customers
  press before the agent does.
- Nobody is written down as not rated who was not asked: where the device could not be reached there is
  no record at all.
- The next service at the counter ends the question: its customer must not rate the one before.
- A fault of the evaluator never reaches the counter.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog
import trio

from somc.announce.written import written
from somc.domain import commands as c
from somc.domain.values import TicketState
from somc.runtime.hall import Hall
from somc_hal.devices import Evaluator
from somc_hal.errors import DeviceError
from somc_hal.values import Rating

__all__ = ["SOURCE", "RatingDesk"]

log = structlog.get_logger(__name__)

SOURCE = "evaluator"
"""What `ticket.rated` says that these ratings were given with."""

ASK_TIMEOUT_S = 2.0
"""A customer who is about to go is not asked later than this; a driver that hangs is left."""


@dataclass(slots=True)
class _Asked:
    """A finished service whose customer is being asked."""

    ticket: str
    number: str
    until_ms: int
    told: bool = False
    """Whether the customer could see the question."""


class RatingDesk:
    """One evaluator at counter `counter`. `run` must be running. `wait_s` is how long a question stands."""

    def __init__(self, hall: Hall, counter: int, evaluator: Evaluator, wait_s: int) -> None:
        self.counter = counter
        self.evaluator = evaluator
        self._hall = hall
        self._wait_ms = wait_s * 1000
        self._asked: _Asked | None = None
        self._early: tuple[str, int] | None = None
        """A ticket in service, and the score that its customer gave before the end of it."""
        self._changed = trio.Event()
        self._acting = 0
        self._nursery: trio.Nursery | None = None

    @property
    def busy(self) -> bool:
        """Whether a rating is on its way into the journal. A question that stands is not: time must pass."""
        return bool(self._acting) or self._changed.is_set()

    @property
    def asking(self) -> str | None:
        """The number of the ticket that it asks about."""
        return None if self._asked is None else self._asked.number

    def finished(self, ticket: str, number: str) -> None:
        """A service at this counter has ended: ask. An older question is over."""
        self._end_question()
        early, self._early = self._early, None
        self._asked = _Asked(ticket, number, self._hall.now() + self._wait_ms)
        if early is not None and early[0] == ticket:
            self._asked = None
            self._submit_soon(ticket, early[1])
        self._turn()

    def started(self) -> None:
        """The next service at this counter has begun."""
        self._end_question()
        self._turn()

    async def run(self) -> None:
        """Ask and listen until cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                nursery.start_soon(self._ask)
                async for rating in self.evaluator.ratings:
                    self._hear(rating)
                nursery.cancel_scope.cancel()
        finally:
            self._nursery = None

    # -- asking -----------------------------------------------------------------------------------

    async def _ask(self) -> None:
        """Put each question, and end it when its time is over."""
        while True:
            await self._changed.wait()
            self._changed = trio.Event()
            asked = self._asked
            if asked is None:
                continue
            if not asked.told:
                self._acting += 1
                try:
                    asked.told = await self._put(asked.number)
                finally:
                    self._acting -= 1
            with trio.CancelScope() as waiting:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._cancel_when_changed, waiting)
                    await self._hall.clock.sleep_until(asked.until_ms)
                    if self._asked is asked:
                        self._end_question()
                    nursery.cancel_scope.cancel()

    async def _cancel_when_changed(self, waiting: trio.CancelScope) -> None:
        await self._changed.wait()
        waiting.cancel()

    async def _put(self, number: str) -> bool:
        """Whether the customer was asked. An evaluator that cannot be told to ask always does."""
        if not self.evaluator.capabilities.prompt:
            return self.evaluator.status.serving
        try:
            with trio.fail_after(ASK_TIMEOUT_S):
                await self.evaluator.ask(number)
        except (DeviceError, trio.TooSlowError) as error:
            log.warning(
                "customer not asked for a rating", counter=self.counter, error=str(error) or "it hangs"
            )
            return False
        except Exception:
            # A driver may be anybody's: its mistake costs a rating, never the hall.
            log.exception("customer not asked for a rating: the driver failed", counter=self.counter)
            return False
        return True

    def _end_question(self) -> None:
        asked, self._asked = self._asked, None
        if asked is not None and asked.told:
            self._submit_soon(asked.ticket, None)

    # -- hearing ----------------------------------------------------------------------------------

    def _hear(self, rating: Rating) -> None:
        asked = self._asked
        if asked is not None and rating.ticket in ("", asked.number):
            self._asked = None
            self._submit_soon(asked.ticket, rating.value)
            self._turn()
            return
        counter = self._hall.state.counters.get(self.counter)
        ticket = (
            None if counter is None or counter.ticket is None else self._hall.state.tickets[counter.ticket]
        )
        if rating.ticket == "" and ticket is not None and ticket.state is TicketState.SERVING:
            self._early = (ticket.id, rating.value)
            return
        log.warning("rating for nobody", counter=self.counter, ticket=rating.ticket)

    def _turn(self) -> None:
        self._changed.set()

    def _submit_soon(self, ticket: str, score: int | None) -> None:
        if self._nursery is None:  # its driver failed, and is not started again yet
            log.warning("rating not taken: nobody listens to the evaluator", counter=self.counter)
            return
        self._acting += 1
        self._nursery.start_soon(self._submit, ticket, score)

    async def _submit(self, ticket: str, score: int | None) -> None:
        try:
            command = c.RateTicket(
                by=f"evaluator:{self.counter}",
                ticket=ticket,
                score=score,
                scale=self.evaluator.capabilities.levels,
                source=SOURCE,
            )
            if why := await written(self._hall, command):
                log.warning("rating not taken", counter=self.counter, why=why)
        finally:
            self._acting -= 1
