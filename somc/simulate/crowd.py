"""A crowd: visitors who take tickets and agents who serve them, through the hall's own door.

One heap of acts in time order, drawn from one seed, so that a simulated day is the same twice. The crowd
owns no rule of the hall: whatever it asks may be refused (a real agent was faster), and then it looks again.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial

import structlog

from somc.domain import commands as c
from somc.domain.events import TicketCalled
from somc.domain.refusals import Refusal
from somc.domain.state import HallState
from somc.domain.values import CounterState, TicketState
from somc.errors import Overloaded, RuleFailed, ShuttingDown
from somc.journal.entry import Person
from somc.runtime.hall import Hall, Replayed
from somc.runtime.ids import IdSource
from somc.simulate.arrivals import Arrival

__all__ = ["Crowd"]

log = structlog.get_logger(__name__)

VISITOR = "visitor:simulated"
WALK_S = (4.0, 20.0)
"""Seconds between the call and the customer's arrival at the counter: uniform."""

LOOK_AGAIN_S = 5.0
"""An agent who had nobody to call, or is paused, looks again after so many seconds. A simulated arrival
makes one look at once; this is for whoever came by another door, or came back from hold."""

KEPT_BEFORE_SWEEP = 256
"""So many services may be remembered before those of ended tickets are dropped: others cancel tickets and
the day's end expires them, of which the crowd is told nothing."""

Act = Callable[[int], Awaitable[None]]


class Crowd:
    """Simulated people of one hall. `next_at` says when somebody acts next, `act` lets them."""

    def __init__(
        self,
        hall: Hall,
        arrivals: Iterator[Arrival],
        *,
        begin_ms: int,
        counters: Mapping[int, str],
        ids: IdSource,
        seed: int,
        phones: bool = False,
    ) -> None:
        """`counters` are the numbers that simulated agents work at, with the agents' names."""
        self.hall = hall
        self._arrivals = arrivals
        self._begin_ms = begin_ms
        self._counters = dict(counters)
        self._ids = ids
        self._random = random.Random(seed)
        self._phones = phones
        self._heap: list[tuple[int, int, Act]] = []
        self._count = 0
        self._service_s: dict[str, float] = {}
        """Ticket id → the service that its arrival brought; less those who left by another door."""
        self._swept_at = KEPT_BEFORE_SWEEP
        self._idle: dict[int, None] = {}
        self.visits = 0
        for number in self._counters:
            self._at(begin_ms, partial(self._open, number))
        self._expect_arrival()

    @property
    def next_at(self) -> int | None:
        """When somebody acts next (Unix ms); `None` when all are done."""
        return self._heap[0][0] if self._heap else None

    async def act(self) -> None:
        """Let the next one act."""
        at, _, act = heapq.heappop(self._heap)
        await act(at)

    async def live(self) -> None:
        """Act as the hall's clock says, until all are done, the hall stops, or cancelled."""
        try:
            while (at := self.next_at) is not None:
                look_at = self.hall.clock.now_ms() + int(LOOK_AGAIN_S * 1000)
                await self.hall.clock.sleep_until(min(at, look_at))
                if at <= look_at:
                    await self.act()
                else:
                    await self.look_around()
        except ShuttingDown:
            return

    async def look_around(self) -> None:
        """Let every idle agent look whether there is somebody to call."""
        for number in list(self._idle):
            state, now = self.hall.state, self.hall.now()
            if number in state.counters and state.scheduler.peek(state.queues.counter_profile(number), now):
                await self._look(number, now)

    # -- who does what ----------------------------------------------------------------------------

    def _at(self, at: int, act: Act) -> None:
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, act))

    def _expect_arrival(self) -> None:
        arrival = next(self._arrivals, None)
        if arrival is not None:
            self._at(self._begin_ms + int(arrival.at_s * 1000), partial(self._arrive, arrival))

    async def _arrive(self, arrival: Arrival, at: int) -> None:
        self._expect_arrival()
        self.visits += 1
        ticket_id = self._ids.draw("t")
        person_id: str | None = None
        person: Person | None = None
        if self._phones:
            phone = f"139{self._random.randrange(10**8):08d}"
            person_id, person = await self.hall.journal.person_for(phone, self._ids.draw("p"))
        command = c.TakeTicket(
            by=VISITOR,
            ticket_id=ticket_id,
            service=arrival.service,
            customer_class=arrival.customer_class,
            class_source="simulated",
            channel="kiosk",
            person=person_id,
        )
        if await self._do(command, person) is None:
            return
        self._remember(ticket_id, arrival.service_s)
        if arrival.patience_s is not None:
            self._at(at + int(arrival.patience_s * 1000), partial(self._lose_patience, ticket_id))
        await self._wake_agents(at, arrival.service)

    def _remember(self, ticket_id: str, service_s: float) -> None:
        """Keep it until somebody serves the ticket. The sweep costs each arrival the same, however many."""
        self._service_s[ticket_id] = service_s
        if len(self._service_s) >= self._swept_at:
            tickets = self.hall.state.tickets
            self._service_s = {
                known: kept
                for known, kept in self._service_s.items()
                if (ticket := tickets.get(known)) is not None and not ticket.state.ended
            }
            self._swept_at = max(KEPT_BEFORE_SWEEP, 2 * len(self._service_s))

    async def _lose_patience(self, ticket_id: str, at: int) -> None:
        ticket = self.hall.state.tickets.get(ticket_id)
        if ticket is not None and ticket.state is TicketState.WAITING:
            await self._do(c.CancelTicket(by=VISITOR, ticket=ticket_id, reason="left"))
            ticket = self.hall.state.tickets.get(ticket_id)
        if ticket is None or ticket.state.ended:
            self._service_s.pop(ticket_id, None)

    async def _open(self, number: int, at: int) -> None:
        counter = self.hall.state.counters.get(number)
        if counter is not None and counter.state is CounterState.CLOSED:
            command = c.OpenCounter(by=self._by(number), counter=number, agent=self._counters[number])
            if await self._do(command) is None:
                # The door was full, or somebody was faster: the next look says which.
                self._at(at + int(LOOK_AGAIN_S * 1000), partial(self._open, number))
                return
        await self._look(number, at)

    async def _wake_agents(self, at: int, service: str) -> None:
        """Whoever has nothing to do and the skill looks at once, the longest idle first."""
        for number in list(self._idle):
            counter = self.hall.state.counters.get(number)
            if counter is not None and counter.state is CounterState.OPEN and service in counter.skills:
                await self._look(number, at)
                return

    async def _look(self, number: int, at: int) -> None:
        """Call the next one, or wait for somebody to come."""
        self._idle.pop(number, None)
        counter = self.hall.state.counters.get(number)
        if counter is None or counter.agent != self._counters[number]:
            return  # somebody real works here now, or the counter is closed
        if counter.ticket is not None:
            await self._resume_work(number, counter.ticket, at)
            return
        if counter.state is not CounterState.OPEN:
            self._at(at + int(LOOK_AGAIN_S * 1000), partial(self._look, number))
            return
        events = await self._do(c.CallNext(by=self._by(number), counter=number))
        if events and isinstance(events[0], TicketCalled):
            walk_ms = int(self._random.uniform(*WALK_S) * 1000)
            self._at(at + walk_ms, partial(self._start, number, events[0].ticket))
        else:
            self._idle[number] = None

    async def _resume_work(self, number: int, ticket_id: str, at: int) -> None:
        """After a restart somebody may stand at the counter already."""
        if self.hall.state.tickets[ticket_id].state is TicketState.CALLED:
            await self._start(number, ticket_id, at)
        else:
            await self._serve(number, ticket_id, at)

    async def _start(self, number: int, ticket_id: str, at: int) -> None:
        if self._has(number, ticket_id):
            await self._do(c.StartService(by=self._by(number), counter=number))
        await self._serve(number, ticket_id, at)

    async def _serve(self, number: int, ticket_id: str, at: int) -> None:
        service_s = self._service_s.pop(ticket_id, None)
        if service_s is None:
            service_s = self._random.expovariate(1 / self._mean_s(ticket_id))
        self._at(at + int(service_s * 1000), partial(self._finish, number, ticket_id))

    async def _finish(self, number: int, ticket_id: str, at: int) -> None:
        if self._has(number, ticket_id):
            await self._do(c.FinishService(by=self._by(number), counter=number))
        await self._look(number, at)

    def _has(self, number: int, ticket_id: str) -> bool:
        """Whether this ticket is at this counter still."""
        counter = self.hall.state.counters.get(number)
        return counter is not None and counter.ticket == ticket_id

    def _mean_s(self, ticket_id: str) -> float:
        ticket = self.hall.state.tickets.get(ticket_id)
        service = self.hall.state.hall.services.get(ticket.service) if ticket is not None else None
        return service.mean_service_s if service is not None else 300.0

    def _by(self, number: int) -> str:
        return f"agent:{self._counters[number]}"

    async def _do(self, command: c.Command, person: Person | None = None) -> tuple[object, ...] | None:
        """The command's events, or `None` if it was not carried out."""
        try:
            outcome = await self.hall.submit(command, _events_of, person=person)
        except (Overloaded, RuleFailed) as error:
            log.warning("simulated act not carried out", command=type(command).__name__, why=str(error))
            return None
        if isinstance(outcome, Refusal):
            log.debug("simulated act refused", command=type(command).__name__, why=outcome.words.en)
            return None
        assert not isinstance(outcome, Replayed), "the crowd uses no idempotency keys"
        return outcome.events


def _events_of(state: HallState, events: tuple[object, ...], now: int) -> None:
    return None
