"""Rules of the counters: open, pause, resume, close, skills."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import UNSET

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.guards import busy, counter_of, plain_text, skills_refused, state_words
from somc.domain.refusals import Refusal, refuse
from somc.domain.state import HallState
from somc.domain.steering import policy_refused
from somc.domain.values import ANY_COUNTER, Counter, CounterState, Ticket, TicketState

MODES = ("manual", "auto")
"""The first is the default."""

__all__ = ["close", "configure", "open_", "pause", "release", "released", "resume"]


def open_(state: HallState, command: c.OpenCounter, now: int) -> list[e.Event] | Refusal:
    """One agent at one counter at a time; the skills are the counter's own unless given."""
    counter = counter_of(state, command.counter)
    if isinstance(counter, Refusal):
        return counter
    if counter.agent is not None:
        return refuse("counter_already_open", counter=counter.number, agent=counter.agent)
    for other in state.counters.values():
        if other.agent == command.agent:
            return refuse("agent_elsewhere", agent=command.agent, counter=other.number)
    skills = command.skills if command.skills is not None else counter.skills
    refused = plain_text("agent", command.agent) or skills_refused(state, skills)
    if refused:
        return refused
    return [e.CounterOpened(by=command.by, counter=counter.number, agent=command.agent, skills=skills)]


def pause(state: HallState, command: c.PauseCounter, now: int) -> list[e.Event] | Refusal:
    """Also while somebody is served: the pause then begins to matter when they leave."""
    counter = counter_of(state, command.counter)
    if isinstance(counter, Refusal):
        return counter
    if counter.state is CounterState.CLOSED:
        return refuse("counter_closed", counter=counter.number)
    if counter.state is CounterState.PAUSED:
        return refuse("counter_already_paused", counter=counter.number)
    if refused := plain_text("reason", command.reason):
        return refused
    return [e.CounterPaused(by=command.by, counter=counter.number, reason=command.reason)]


def resume(state: HallState, command: c.ResumeCounter, now: int) -> list[e.Event] | Refusal:
    counter = counter_of(state, command.counter)
    if isinstance(counter, Refusal):
        return counter
    if counter.state is not CounterState.PAUSED:
        return refuse("counter_not_paused", counter=counter.number, state=state_words(counter))
    return [e.CounterResumed(by=command.by, counter=counter.number)]


def close(state: HallState, command: c.CloseCounter, now: int) -> list[e.Event] | Refusal:
    """Tickets that waited for this counter alone go back to everybody, keeping their seniority."""
    counter = counter_of(state, command.counter)
    if isinstance(counter, Refusal):
        return counter
    if counter.state is CounterState.CLOSED:
        return refuse("counter_already_closed", counter=counter.number)
    if counter.ticket is not None:
        return busy(state, counter)
    closed = e.CounterClosed(by=command.by, counter=counter.number)
    return [closed, *released(state, command, counter, {}, "counter_closed")]


def configure(state: HallState, command: c.ConfigureCounter, now: int) -> list[e.Event] | Refusal:
    """Other skills, another mode, from the next call on; `None` brings hall.toml's back."""
    counter = counter_of(state, command.counter)
    if isinstance(counter, Refusal):
        return counter
    setup = state.hall.counters[counter.number]
    if command.skills is UNSET and command.mode is UNSET:
        return refuse("nothing_to_configure")
    events: list[e.Event] = []
    if command.skills is not UNSET:
        skills = command.skills
        if skills is None:
            skills = state.file_values.get(f"counter.{counter.number}.skills", {})
        if refused := skills_refused(state, skills):
            return refused
        setup = msgspec.structs.replace(setup, skills=skills)
        events.append(e.CounterConfigured(by=command.by, counter=counter.number, skills=command.skills))
        events += released(state, command, counter, skills, "counter_configured")
    if command.mode is not UNSET:
        key = f"counter.{counter.number}.mode"
        mode = command.mode or state.file_values.get(key, MODES[0])
        if mode not in MODES:
            return refuse("bad_mode", mode=mode, known=", ".join(MODES))
        if mode != setup.mode:
            setup = msgspec.structs.replace(setup, mode=mode)
            events.append(e.ConfigChanged(by=command.by, changes={key: mode}))
    counters = {**state.hall.counters, counter.number: setup}
    if refused := policy_refused(state, msgspec.structs.replace(state.hall, counters=counters)):
        return refused
    return events


def released(
    state: HallState, command: c.Command, counter: Counter, skills: Mapping[str, int], cause: str
) -> list[e.Event]:
    """Nobody may wait for a counter alone that will not serve them."""
    return [
        release(command, ticket, cause)
        for ticket in state.tickets.values()
        if ticket.state is TicketState.WAITING
        and ticket.only_counter == counter.number
        and ticket.service not in skills
    ]


def release(command: c.Command, ticket: Ticket, cause: str) -> e.TicketTransferred:
    """A ticket that waited for one counter waits for any that has the skill."""
    return e.TicketTransferred(
        by=command.by,
        ticket=ticket.id,
        number=ticket.number,
        to_service=ticket.service,
        to_counter=ANY_COUNTER,
        target_wait_s=ticket.target_wait_s,
        cause=cause,
    )
