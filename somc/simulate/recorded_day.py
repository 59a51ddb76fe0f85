"""A recorded business day, taken apart into what was not routing's doing: what `what_if` plays again.

    records ──▶ who came, what became of each · what the counters did · how fast they pressed · settings

What must stay true
- Reading decides nothing: the recorded state is evolved record by record beside the sorting.
- Every act keeps the `seq` of its record. Played at the same instants in the order of `seq`, a day goes
  exactly as it went.
- Two days are in memory at most: a day is given out when its last customer has left the counter, at the
  latest when the day after it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.evolve import evolve
from somc.domain.state import HallState
from somc.domain.values import HallSettings, TicketState
from somc.errors import StoreCorrupt
from somc.journal.record import Record
from somc.runtime.records import event_of
from somc.scheduler.interface import Scheduler
from somc.simulate.watching import Cause, Sight, Watch

__all__ = ["Act", "Call", "Course", "Reaction", "RecordedDay", "Step", "Visit", "recorded_days"]


GIVEN, ASSIGNED = "given", "assigned"
"""The rules of a call that an agent asked for by number, and of one that the hall gave an auto counter."""

Call = tuple[str, int, int]
"""A ticket, the counter that called it, and when (Unix ms)."""


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did to the hall or a counter, whoever was next: open, pause, settings, the day's end. A
    version of the policy is kept as its event: its terms are in it, whatever computed them."""

    at: int
    seq: int
    command: c.Command | e.PolicyChanged


@dataclass(frozen=True, slots=True)
class Step:
    """What befell one ticket, so many ms after the step before it (or its coming). `aside`: a call by number
    of somebody whom the counter did not see in line, so that only this step says when it comes."""

    after_ms: int
    seq: int
    event: e.TicketEvent
    aside: bool = False

    @property
    def called(self) -> bool:
        return isinstance(self.event, e.TicketCalled)


@dataclass(slots=True)
class Course:
    """One ticket's life on this day. `taken` is none for one that was there when the day began."""

    came_at: int
    taken: Act | None
    steps: list[Step] = field(default_factory=list)
    last_at: int = 0


@dataclass(frozen=True, slots=True)
class Reaction:
    """How long a counter looked at somebody before it called (`called`), or without calling before the
    sight ended. `asked_for` is the ticket if the agent called it by number; `given`: the hall gave the
    counter its customer, nobody pressed."""

    ms: int
    seq: int
    called: bool
    asked_for: str | None = None
    given: bool = False


@dataclass(slots=True)
class Visit:
    """A ticket as a figure: when it came, when it was first called (Unix ms), whether it left uncalled."""

    service: str
    customer_class: str
    came_at: int
    target_wait_s: int = 0
    called_at: int | None = None
    left: bool = False

    @property
    def wait_ms(self) -> int | None:
        return None if self.called_at is None else self.called_at - self.came_at

    def heard(self, event: e.TicketEvent, at: int) -> None:
        """Take note of what befell it."""
        if isinstance(event, e.TicketCalled) and self.called_at is None:
            self.called_at = at
        elif isinstance(event, e.TicketTaken):
            self.target_wait_s = event.target_wait_s
        elif isinstance(event, e.TicketCancelled | e.TicketExpired) and self.called_at is None:
            self.left = True


@dataclass(slots=True)
class RecordedDay:
    """One business day of a journal."""

    day: str
    begin: bytes
    """The state just before the first ticket: `HallState.dump` as JSON."""
    hall: HallSettings
    """The settings at that moment."""
    begin_at: int
    end_at: int = 0
    ended: bool = False
    """Whether the day's end is in the journal; else it is a day as far as it went."""
    acts: list[Act] = field(default_factory=list)
    courses: dict[str, Course] = field(default_factory=dict)
    """Ticket id → its course, those first that were there when the day began."""
    reactions: dict[Cause, list[Reaction]] = field(default_factory=dict)
    visits: dict[str, Visit] = field(default_factory=dict)
    """What happened to the tickets taken on this day."""
    calls: list[Call] = field(default_factory=list)


def recorded_days(
    records: Iterable[Record],
    make_scheduler: Callable[[], Scheduler],
    wanted: Callable[[str], bool] = lambda day: True,
) -> Iterator[RecordedDay]:
    """The business days of `records` (a journal from its first record on) that are `wanted`, in order.

    Raises `StoreCorrupt` naming the record that cannot follow what came before it.
    """
    state = HallState(make_scheduler)
    open_days: list[_Sorting] = []
    for record in records:
        event = event_of(record)
        if isinstance(event, e.TicketTaken) and state.day is None and wanted(event.day):
            open_days.append(_Sorting(state, event.day, record.at))
        for sorting in open_days:
            sorting.wait(state, record.at)
        try:
            evolve(state, event, record.at)
        except (KeyError, AttributeError, ValueError) as error:
            raise StoreCorrupt(
                f"record {record.seq} ({record.type}) cannot follow what came before it: {error!r}"
            ) from error
        for sorting in open_days:
            sorting.take(state, event, record.at, record.seq)
        while open_days and (open_days[0].complete or sum(one.over for one in open_days) > 1):
            yield open_days.pop(0).so_far()
    for sorting in open_days:
        yield sorting.so_far()


class _Sorting:
    """One day being taken apart."""

    def __init__(self, state: HallState, day: str, at: int) -> None:
        self.day = RecordedDay(day, msgspec.json.encode(state.dump()), state.hall, at, at)
        self.over = False
        self._watch = Watch()
        self._under_way: set[str] = set()
        """Tickets of this day that are at a counter."""
        self._expiring_since: int | None = None
        for ticket in state.live_tickets():
            self.day.courses[ticket.id] = Course(at, None, last_at=at)
            if ticket.state.at_counter:
                self._under_way.add(ticket.id)
        self._watch.look(state, at)

    @property
    def complete(self) -> bool:
        """Whether nothing more can come to this day."""
        return self.over and not self._under_way

    def so_far(self) -> RecordedDay:
        """The day when the journal ends before it: who looks at somebody now has not called till after it."""
        for sight in self._watch.sights.values():
            reaction = Reaction(self.day.end_at + 1 - sight.since, 0, called=False)
            self.day.reactions.setdefault(sight.cause, []).append(reaction)
        return self.day

    def wait(self, state: HallState, until: int) -> None:
        """Time goes on to `until`, and by that alone counters may come to see somebody."""
        if self.over:
            return
        while (moment := self._watch.next_sight(state, self.day.end_at)) is not None and moment <= until:
            self.day.end_at = moment
            self._watch.look(state, moment)

    def take(self, state: HallState, event: e.Event, at: int, seq: int) -> None:
        """Sort one event, which has just been evolved into `state`."""
        aside = True
        if not self.over:
            self.day.end_at = at
            aside = self._look(state, event, at, seq)
        match event:
            case e.TicketTaken() if not self.over:
                self._taken(event, at, seq)
            case e.TicketExpired():
                self._expired(event, at, seq)
            case e.TicketEvent():
                self._step(state, event, at, seq, aside)
            case e.DayEnded() if not self.over:
                first = self._expiring_since or seq
                self.day.acts.append(Act(at, first, c.EndDay(by=event.by)))
                self.day.ended = self.over = True
            case _ if not self.over and (command := _command_of(event)) is not None:
                self.day.acts.append(Act(at, seq, command))

    def _taken(self, event: e.TicketTaken, at: int, seq: int) -> None:
        command = c.TakeTicket(
            by=event.by,
            ticket_id=event.ticket,
            service=event.service,
            customer_class=event.customer_class,
            class_source=event.class_source,
            channel=event.channel,
            booked_at=event.booked_at,
        )
        self.day.courses[event.ticket] = Course(at, Act(at, seq, command), last_at=at)
        self.day.visits[event.ticket] = Visit(event.service, event.customer_class, at, event.target_wait_s)

    def _expired(self, event: e.TicketExpired, at: int, seq: int) -> None:
        if self.over:
            return
        # Expiries come first in their commit: the day's end is asked for where the first of them stands.
        self._expiring_since = self._expiring_since or seq
        if event.ticket in self.day.visits:
            self.day.visits[event.ticket].heard(event, at)

    def _step(self, state: HallState, event: e.TicketEvent, at: int, seq: int, aside: bool) -> None:
        if isinstance(event, e.TicketPrinted | e.TicketRated):
            return
        if isinstance(event, e.TicketTransferred) and event.cause != "asked":
            return  # the hall's own doing: it will do it again
        course = self.day.courses.get(event.ticket)
        if course is None or (self.over and event.ticket not in self._under_way):
            return
        course.steps.append(Step(at - course.last_at, seq, event, aside))
        course.last_at = at
        if isinstance(event, e.TicketCalled) and not self.over:
            self.day.calls.append((event.ticket, event.counter, at))
        if event.ticket in self.day.visits:
            self.day.visits[event.ticket].heard(event, at)
        ticket = state.tickets.get(event.ticket)
        if ticket is not None and ticket.state in (TicketState.CALLED, TicketState.SERVING):
            self._under_way.add(event.ticket)
        else:
            self._under_way.discard(event.ticket)

    def _look(self, state: HallState, event: e.Event, at: int, seq: int) -> bool:
        """Look after `event`; whether it is a call of somebody whom the counter did not see."""
        _, ended = self._watch.look(state, at)
        for sight in ended:
            self._reacted(sight, event, at, seq)
        calling = event.counter if isinstance(event, e.TicketCalled) else None
        return calling is not None and all(sight.counter != calling for sight in ended)

    def _reacted(self, sight: Sight, event: e.Event, at: int, seq: int) -> None:
        called, asked_for, given = False, None, False
        if isinstance(event, e.TicketCalled) and event.counter == sight.counter:
            called, given = True, event.reason.rule == ASSIGNED
            asked_for = event.ticket if event.reason.rule == GIVEN else None
        reaction = Reaction(at - sight.since, seq, called, asked_for, given)
        self.day.reactions.setdefault(sight.cause, []).append(reaction)


def _command_of(event: e.Event) -> c.Command | e.PolicyChanged | None:
    """The command that caused an event of a counter or of the hall; `None` if routing does not mind it."""
    match event:
        case e.CounterOpened():
            return c.OpenCounter(by=event.by, counter=event.counter, agent=event.agent, skills=event.skills)
        case e.CounterPaused():
            return c.PauseCounter(by=event.by, counter=event.counter, reason=event.reason)
        case e.CounterResumed():
            return c.ResumeCounter(by=event.by, counter=event.counter)
        case e.CounterClosed():
            return c.CloseCounter(by=event.by, counter=event.counter)
        case e.CounterConfigured():
            return c.ConfigureCounter(by=event.by, counter=event.counter, skills=event.skills)
        case e.PolicyChanged():
            return event
        case e.ConfigChanged():
            return c.ChangeConfig(by=event.by, changes=event.changes)
        case _:
            return None
