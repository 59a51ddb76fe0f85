"""Expected waits: the policy run forward on mean service times.

A counter that serves somebody is free after the rest of a mean service; one that already takes longer
than the mean is expected to need another quarter of it (a service that runs over is seldom just about
to end). Source of the method: DESIGN section 4, "Estimates".
"""

from __future__ import annotations

from somc.domain.state import HallState
from somc.domain.values import ANY_COUNTER, CounterState, Ticket, TicketState
from somc.scheduler.interface import NEWCOMER, Place, Server

__all__ = ["everybody", "newcomer", "servers"]


def servers(state: HallState, now: int) -> list[Server]:
    """The open counters as the forward run sees them."""
    return [
        state.queues.server(counter.number, _free_in_ms(state, counter.ticket, now))
        for counter in state.counters.values()
        if counter.state is CounterState.OPEN
    ]


def _free_in_ms(state: HallState, ticket_id: str | None, now: int) -> int:
    if ticket_id is None:
        return 0
    ticket: Ticket = state.tickets[ticket_id]
    mean_ms = state.hall.services[ticket.service].mean_service_s * 1000
    if ticket.state is not TicketState.SERVING or ticket.started_at is None:
        return mean_ms
    return max(mean_ms - (now - ticket.started_at), mean_ms // 4)


def newcomer(state: HallState, service: str, customer_class: str, now: int) -> tuple[int, int | None]:
    """For somebody who joins now: how many of this service would be called before, and the expected
    wait in seconds (`None` while no open counter serves it)."""
    queue = state.queues.number_of(service, customer_class, ANY_COUNTER)
    ahead = state.scheduler.ahead_of_newcomer(state.queues.service_profile(service), queue, now)
    places = state.scheduler.estimate(
        servers(state, now), state.queues.means_ms(state.hall), now, keys=(), newcomer=queue
    )
    place = places.get(NEWCOMER)
    return ahead, None if place is None else round_s(place)


def everybody(state: HallState, now: int) -> dict[str, Place]:
    """Expected wait and place of each waiting ticket that some open counter will call."""
    places = state.scheduler.estimate(servers(state, now), state.queues.means_ms(state.hall), now)
    return {state.by_key[key]: place for key, place in places.items()}


def round_s(place: Place) -> int:
    """Milliseconds to whole seconds, halves up."""
    return (place.wait + 500) // 1000
