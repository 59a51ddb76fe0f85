"""Today's figures (当日累计): a pure fold over the running day's tickets.

Waits and services are those of tickets that were called or finished; `within_target` is the share of
called tickets whose wait kept the promise made to them. A day has some two thousand tickets: the fold
takes two milliseconds and is made at most once a second.
"""

from __future__ import annotations

from typing import Any

from somc.domain.state import HallState
from somc.domain.values import Ticket, TicketState

__all__ = ["today"]

HALF_HOUR_MS = 1_800_000


class Tally:
    """Sums over some tickets."""

    __slots__ = ("called", "finished", "kept", "served_ms", "taken", "waited_ms", "waiting")

    def __init__(self) -> None:
        self.taken = self.waiting = self.called = self.kept = self.finished = 0
        self.waited_ms = self.served_ms = 0

    def add(self, ticket: Ticket) -> None:
        self.taken += 1
        if ticket.state is TicketState.WAITING:
            self.waiting += 1
        if ticket.first_called_at is not None:
            self.called += 1
            self.waited_ms += ticket.waited_ms
            self.kept += ticket.waited_ms <= ticket.target_wait_s * 1000
        if ticket.state is TicketState.FINISHED:
            self.finished += 1
            self.served_ms += ticket.served_ms

    def view(self) -> dict[str, Any]:
        return {
            "taken": self.taken,
            "waiting": self.waiting,
            "finished": self.finished,
            "mean_wait_s": _mean_s(self.waited_ms, self.called),
            "mean_service_s": _mean_s(self.served_ms, self.finished),
            "within_target": round(self.kept / self.called, 4) if self.called else None,
        }


def _mean_s(total_ms: int, count: int) -> float | None:
    return round(total_ms / count / 1000, 1) if count else None


def today(state: HallState, now: int) -> dict[str, Any]:
    """The running day's sums: of all, by class, by half hour of taking."""
    everybody = Tally()
    by_class = {kind: Tally() for kind in state.hall.classes}
    by_half_hour: dict[int, Tally] = {}
    by_state = dict.fromkeys(TicketState, 0)
    for ticket in state.tickets.values():
        if ticket.day != state.day:
            continue
        by_state[ticket.state] += 1
        everybody.add(ticket)
        # A class may have left hall.toml since: its tickets of today still count.
        by_class.setdefault(ticket.customer_class, Tally()).add(ticket)
        by_half_hour.setdefault(ticket.taken_at // HALF_HOUR_MS * HALF_HOUR_MS, Tally()).add(ticket)
    return {
        **everybody.view(),
        "held": by_state[TicketState.HELD],
        "at_counters": by_state[TicketState.CALLED] + by_state[TicketState.SERVING],
        "no_show": by_state[TicketState.NO_SHOW],
        "cancelled": by_state[TicketState.CANCELLED],
        "expired": by_state[TicketState.EXPIRED],
        "by_class": {kind: tally.view() for kind, tally in by_class.items()},
        "by_half_hour": [{"from": start, **by_half_hour[start].view()} for start in sorted(by_half_hour)],
    }
