"""Expected waits: the policy run forward on mean service times.

A counter that serves somebody is free after the rest of a mean service; one that already takes longer
than the mean is expected to need another quarter of it (a service that runs over is seldom just about
to end). Source of the method: DESIGN section 4, "Estimates". Which means: see `learning`.
"""

from __future__ import annotations

from collections.abc import Iterable

from somc.domain.appointments import booked_terms
from somc.domain.learning import mean_services_ms
from somc.domain.policy import PLAIN, lanes_of, queue_key
from somc.domain.state import HallState
from somc.domain.values import ANY_COUNTER, Counter, CounterState, TicketState
from somc.scheduler.interface import NEWCOMER, Lane, Place, Scheduler, Server, restore

__all__ = [
    "Forecast",
    "booked_newcomer",
    "everybody",
    "forecast",
    "means_ms",
    "newcomer",
    "round_s",
    "servers",
]

Forecast = tuple[int | None, int | None]
"""A waiting ticket's place in the line of its service (from 1; none while nobody may see it yet), and its
expected wait from now in seconds (none while no open counter will call it)."""


def servers(state: HallState, now: int, counters: Iterable[Counter] | None = None) -> list[Server]:
    """Counters as the forward run sees them: the open ones, unless others are given."""
    if counters is None:
        counters = [each for each in state.counters.values() if each.state is CounterState.OPEN]
    mean_ms = mean_services_ms(state.learned_ms, state.hall)
    return [
        state.queues.server(counter.number, _free_in_ms(state, counter.ticket, now, mean_ms))
        for counter in counters
    ]


def means_ms(state: HallState) -> list[int]:
    """The mean service of each queue, as the forward run counts with it."""
    return state.queues.means_ms(mean_services_ms(state.learned_ms, state.hall))


def _free_in_ms(state: HallState, ticket_id: str | None, now: int, mean_services: dict[str, int]) -> int:
    if ticket_id is None:
        return 0
    ticket = state.tickets[ticket_id]
    mean_ms = mean_services[ticket.service]
    if ticket.state is not TicketState.SERVING or ticket.started_at is None:
        return mean_ms
    return max(mean_ms - (now - ticket.started_at), mean_ms // 4)


def newcomer(state: HallState, service: str, customer_class: str, now: int) -> tuple[int, int | None]:
    """For somebody who joins now: how many of this service would be called before, and the expected
    wait in seconds (`None` while no open counter serves it)."""
    queue = state.queues.number_of(service, customer_class, ANY_COUNTER)
    ahead = state.scheduler.ahead_of_newcomer(state.queues.service_profile(service), queue, now)
    places = state.scheduler.estimate(servers(state, now), means_ms(state), now, keys=(), newcomer=queue)
    place = places.get(NEWCOMER)
    return ahead, None if place is None else round_s(place)


def booked_newcomer(
    state: HallState, service: str, customer_class: str, booked_at: int, now: int
) -> tuple[int, int | None]:
    """`newcomer` for somebody with an appointment: not called before its window opens, and then by its terms.

    A copy of the scheduler takes the ticket in and runs forward; that is dearer than for a walk-in (some
    milliseconds with 200 waiting), and appointments are few.
    """
    appointments = state.hall.appointments
    dumped = state.scheduler.dump()
    scratch: Scheduler = state.make_scheduler()
    restore(scratch, dumped)
    queue = scratch.define_queue(
        booked_terms(state.queues.terms.get(queue_key(service, customer_class), PLAIN), appointments)
    )
    for counter in state.counters.values():
        if counter.state is CounterState.OPEN:
            profile = state.queues.counter_profile(counter.number)
            lane = lanes_of(
                state.hall, counter.number, counter.skills, [(queue, service, customer_class, True)]
            )
            scratch.set_profile(profile, [*(Lane(**each) for each in dumped["profiles"][profile]), *lane])
    key = state.seq + 1
    scratch.push(key, queue, booked_at, key)
    mean_ms = mean_services_ms(state.learned_ms, state.hall)
    run = scratch.estimate(servers(state, now), [*state.queues.means_ms(mean_ms), mean_ms[service]], now)
    if key not in run:
        return state.service_lines()[service], None
    before = 0
    for other in run:
        if other == key:
            break
        before += state.tickets[state.by_key[other]].service == service
    return before, round_s(run[key])


def everybody(state: HallState, now: int, counters: Iterable[Counter] | None = None) -> dict[str, Place]:
    """Expected wait and place of each waiting ticket that some open counter will call, in the order of the
    calls; with `counters`, if these were the open ones."""
    places = state.scheduler.estimate(servers(state, now, counters), means_ms(state), now)
    return {state.by_key[key]: place for key, place in places.items()}


def forecast(state: HallState, now: int) -> dict[str, Forecast]:
    """Every waiting ticket's place and expected wait."""
    waits = {ticket: round_s(place) for ticket, place in everybody(state, now).items()}
    found: dict[str, Forecast] = {ticket: (None, waits.get(ticket)) for ticket in state.by_key.values()}
    for service, waiting in state.service_lines().items():
        if waiting:
            line = state.scheduler.preview(state.queues.service_profile(service), now, waiting)
            for place, key in enumerate(line, 1):
                ticket = state.by_key[key]
                found[ticket] = (place, waits.get(ticket))
    return found


def round_s(place: Place) -> int:
    """Milliseconds to whole seconds, halves up."""
    return (place.wait + 500) // 1000
