"""The promise (服务标准) of any period: who was called in time, by service and class, and who was not.

A pure fold over records. It is about the tickets that were *taken* in the period, whenever they were called:

- *called in time*: their whole wait (without time on hold; of the booked, from the booked time on) was within
  what they were promised; and beside that within `within_s`, the hall's one promise to everybody.
- *late*: called later than promised; or not called although the promise was over, when they gave up, expired
  with the day, or now, if they wait still.
- Who left before the promise was over is neither: nobody can say. They are counted as `left_early`.

A ticket is of the service and the promise that it had when it was called first (a transfer before counts).

What must stay true: memory holds the tickets that wait at one moment, one page of late ones, and a few sums.
"""

from __future__ import annotations

from typing import Any

import msgspec

from somc.domain import events as e
from somc.journal.record import Record

__all__ = ["TENS", "Late", "PromiseFold", "Sums"]

TENS = 600
"""The promise to everybody: ten minutes, in seconds."""

STILL_WAITING = 1 << 53
"""Where in the list somebody stands who waits still: behind all that the journal has an end of."""

_taken = msgspec.json.Decoder(e.TicketTaken)
_called = msgspec.json.Decoder(e.TicketCalled)
_transferred = msgspec.json.Decoder(e.TicketTransferred)
_any = msgspec.json.Decoder(e.TicketEvent)


class Sums(msgspec.Struct):
    """What became of the tickets of one service × class, or of all."""

    called: int = 0
    kept: int = 0
    """Called within what was promised to them."""
    within: int = 0
    """Called within `within_s`."""
    not_called: int = 0
    """The promise was over and nobody had called them."""
    left_early: int = 0
    waited_s: int = 0
    """The waits of the called, added up."""

    def view(self) -> dict[str, Any]:
        """With the shares: of the called and those not called in time, null if there is nobody."""
        all_told = self.called + self.not_called
        return {
            "called": self.called,
            "kept": self.kept,
            "within": self.within,
            "not_called": self.not_called,
            "left_early": self.left_early,
            "kept_share": round(self.kept / all_told, 4) if all_told else None,
            "within_share": round(self.within / all_told, 4) if all_told else None,
            "mean_wait_s": round(self.waited_s / self.called, 1) if self.called else None,
        }


class Late(msgspec.Struct, frozen=True):
    """One ticket that was not called in time. `outcome`: `called`, `cancelled`, `expired` or `waiting`."""

    place: int
    """The record that ended its wait; the list is in this order."""
    ticket: str
    number: str
    day: str
    service: str
    customer_class: str
    counter: int | None
    taken_at: int
    called_at: int | None
    waited_s: int
    """Seconds begun: whoever is late by less than one does not stand there as if on time."""
    target_wait_s: int
    outcome: str


class _Waiting(msgspec.Struct):
    """A ticket of the period that was not called yet."""

    taken: e.TicketTaken
    seq: int
    taken_at: int
    service: str
    target_wait_s: int
    since: int | None
    """When its present wait began; none while it is on hold."""
    waited_ms: int = 0

    def waited_until(self, at: int) -> int:
        running_ms = 0 if self.since is None else max(0, at - self.since)
        return self.waited_ms + running_ms

    def late_after(self, waited_ms: int) -> bool:
        """As the alert and the live figures have it: a millisecond beyond the target is late."""
        return waited_ms > self.target_wait_s * 1000


class PromiseFold:
    """Folds the records from `begin` on (Unix ms); `to` is excluded. The late list begins after the place
    `after` and has at most `limit` tickets; the sums are always of the whole period."""

    def __init__(
        self,
        begin: int,
        to: int,
        within_s: int = TENS,
        *,
        service: str | None = None,
        customer_class: str | None = None,
        limit: int = 100,
        after: int = 0,
    ) -> None:
        self.begin = begin
        self.to = to
        self.within_s = within_s
        self.service = service
        self.customer_class = customer_class
        self.limit = limit
        self.after = after
        self.all = Sums()
        self.by: dict[tuple[str, str], Sums] = {}
        self.late: list[Late] = []
        self.late_count = 0
        self.more = False
        """Whether the list goes on."""
        self._waiting: dict[str, _Waiting] = {}

    def take(self, record: Record) -> bool:
        """One more record; False when nothing that follows can matter."""
        match record.type:
            case "ticket.taken":
                if self.begin <= record.at < self.to:
                    self._take(record)
            case "ticket.called":
                if self._knows(record):
                    event = _called.decode(record.data)
                    self._end(event.ticket, record, "called", event.counter)
            case "ticket.cancelled" | "ticket.expired":
                if self._knows(record):
                    self._end(_any.decode(record.data).ticket, record, record.type[7:], None)
            case "ticket.held" | "ticket.resumed" | "ticket.transferred":
                if self._knows(record):
                    self._moved(record)
        return record.at < self.to or bool(self._waiting)

    def finish(self, now: int) -> None:
        """No further record: who waits still has waited until `now`."""
        for ticket in list(self._waiting):
            waiting = self._waiting.pop(ticket)
            waited_ms = waiting.waited_until(now)
            if waiting.late_after(waited_ms) and self._wanted(waiting):
                self._add(waiting, not_called=1)
                self._list(waiting, STILL_WAITING + waiting.seq, waited_ms, "waiting", None, None)

    # -- steps --------------------------------------------------------------------------------------

    def _knows(self, record: Record) -> bool:
        return record.topic.rpartition("/")[2] in self._waiting

    def _take(self, record: Record) -> None:
        event = _taken.decode(record.data)
        begins = record.at
        if event.booked and event.booked_at is not None:
            begins = max(record.at, event.booked_at)
        self._waiting[event.ticket] = _Waiting(
            event, record.seq, record.at, event.service, event.target_wait_s, begins
        )

    def _moved(self, record: Record) -> None:
        waiting = self._waiting[record.topic.rpartition("/")[2]]
        if record.type == "ticket.held":
            waiting.waited_ms, waiting.since = waiting.waited_until(record.at), None
        elif waiting.since is None:
            waiting.since = record.at
        if record.type == "ticket.transferred":
            event = _transferred.decode(record.data)
            waiting.service, waiting.target_wait_s = event.to_service, event.target_wait_s

    def _end(self, ticket: str, record: Record, outcome: str, counter: int | None) -> None:
        waiting = self._waiting.pop(ticket)
        if not self._wanted(waiting):
            return
        waited_ms = waiting.waited_until(record.at)
        late = waiting.late_after(waited_ms)
        if outcome == "called":
            kept, within = int(not late), int(waited_ms <= self.within_s * 1000)
            self._add(waiting, called=1, kept=kept, within=within, waited_s=waited_ms // 1000)
        else:
            self._add(waiting, not_called=int(late), left_early=int(not late))
        if late:
            called_at = record.at if outcome == "called" else None
            self._list(waiting, record.seq, waited_ms, outcome, counter, called_at)

    def _wanted(self, waiting: _Waiting) -> bool:
        return self.service in (None, waiting.service) and self.customer_class in (
            None,
            waiting.taken.customer_class,
        )

    def _add(self, waiting: _Waiting, **more: int) -> None:
        key = (waiting.service, waiting.taken.customer_class)
        for sums in (self.all, self.by.setdefault(key, Sums())):
            for name, count in more.items():
                setattr(sums, name, getattr(sums, name) + count)

    def _list(
        self,
        waiting: _Waiting,
        place: int,
        waited_ms: int,
        outcome: str,
        counter: int | None,
        called_at: int | None,
    ) -> None:
        self.late_count += 1
        if place <= self.after:
            return
        if len(self.late) == self.limit:
            self.more = True
            return
        taken = waiting.taken
        self.late.append(
            Late(
                place=place,
                ticket=taken.ticket,
                number=taken.number,
                day=taken.day,
                service=waiting.service,
                customer_class=taken.customer_class,
                counter=counter,
                taken_at=waiting.taken_at,
                called_at=called_at,
                waited_s=-(-waited_ms // 1000),
                target_wait_s=waiting.target_wait_s,
                outcome=outcome,
            )
        )
