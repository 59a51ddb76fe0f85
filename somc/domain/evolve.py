"""`evolve`: the only writer of a hall's state, one small function per kind of event.

It never refuses and never decides: an event has happened. An event that the state cannot have
(`KeyError` in a transition table) means a broken journal, and stops the replay with its name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from somc.domain import events as e
from somc.domain.evolve_appointments import APPOINTMENT_WRITERS
from somc.domain.learning import learn
from somc.domain.lifecycle import COUNTER_MOVES, MESSAGE_MOVES, TICKET_MOVES
from somc.domain.outbox import FORGET_EVERY, Message, received_key
from somc.domain.settings import settings_from, skills_under
from somc.domain.state import DayCounts, Device, Footfall, HallState
from somc.domain.values import (
    BEST_LEVEL,
    TOLD,
    Acknowledgement,
    Alert,
    Counter,
    CounterState,
    PluginState,
    Rating,
    Ticket,
    TicketState,
    to_plain,
)

__all__ = ["evolve"]

replace = msgspec.structs.replace


def evolve(state: HallState, event: e.Event, at: int) -> None:
    """Write into `state` that `event` happened at `at` (Unix ms), as the journal's next record."""
    state.seq += 1
    state.at = at
    _WRITERS[type(event)](state, event, at)


# -- tickets --------------------------------------------------------------------------------------


def _taken(state: HallState, event: e.TicketTaken, at: int) -> None:
    if state.day is None:
        state.day = event.day
        state.counts = DayCounts(by_service={}, serials={})
    prefix = state.hall.services[event.service].prefix
    counts = state.counts
    counts.taken += 1
    counts.serials[prefix] = event.serial
    counts.by_service[event.service] = counts.by_service.get(event.service, 0) + 1
    ticket = Ticket(
        id=event.ticket,
        key=state.seq,
        number=event.number,
        day=event.day,
        service=event.service,
        customer_class=event.customer_class,
        class_source=event.class_source,
        channel=event.channel,
        state=TICKET_MOVES[None, e.TicketTaken],
        taken_at=at,
        queued_at=at,
        v=event.booked_at if event.booked and event.booked_at is not None else at,
        booked_at=event.booked_at,
        booked=event.booked,
        appointment=event.appointment,
        target_wait_s=event.target_wait_s,
        estimated_wait_s=event.estimated_wait_s,
        position=event.position,
        person=event.person,
        slip=event.slip,
    )
    state.watch.arrived(at, state.hall.alerts.window_s)
    _put(state, ticket)
    _enqueue(state, ticket)


def _called(state: HallState, event: e.TicketCalled, at: int) -> None:
    ticket = _leave_wait(state, event, at)
    state.watch.called(at, ticket.waited_ms, state.hall.alerts.window_s)
    _put(
        state,
        replace(
            ticket,
            counter=event.counter,
            agent=event.agent,
            called_at=at,
            first_called_at=ticket.first_called_at or at,
            recalls=ticket.recalls if ticket.returned else 0,
            held_at=None,
            started_at=None,
            reason=to_plain(event.reason),
        ),
    )
    counter = state.counters[event.counter]
    level = event.reason.level
    state.counters[event.counter] = replace(
        counter,
        ticket=event.ticket,
        calls=counter.calls + (level is not None),
        best_calls=counter.best_calls + (level == BEST_LEVEL),
    )


def _recalled(state: HallState, event: e.TicketRecalled, at: int) -> None:
    _put(state, replace(_moved(state, event), recalls=event.recalls))


def _service_started(state: HallState, event: e.TicketServiceStarted, at: int) -> None:
    _put(state, replace(_moved(state, event), started_at=at))


def _finished(state: HallState, event: e.TicketFinished, at: int) -> None:
    ticket = _leave_counter(state, event, at)
    _put(state, replace(ticket, ended_at=at, outcome=event.outcome))
    counter = state.counters[event.counter]
    state.counters[event.counter] = replace(counter, served=counter.served + 1)
    _count(state, ticket, "finished")


def _no_show(state: HallState, event: e.TicketNoShow, at: int) -> None:
    ticket = _leave_counter(state, event, at)
    _put(state, replace(ticket, ended_at=at))
    _count(state, ticket, "no_show")


def _returned(state: HallState, event: e.TicketReturned, at: int) -> None:
    ticket = _waits_again(_leave_counter(state, event, at), at)
    ticket = replace(ticket, v=event.v, order=event.order, returned=ticket.returned + 1, booked=False)
    _put(state, ticket)
    _enqueue(state, ticket)


def _cancelled(state: HallState, event: e.TicketCancelled, at: int) -> None:
    ticket = _step_out(state, event, at)
    _put(state, replace(ticket, ended_at=at, outcome=event.reason))
    _count(state, ticket, "cancelled")


def _held(state: HallState, event: e.TicketHeld, at: int) -> None:
    _put(state, replace(_step_out(state, event, at), held_at=at))


def _resumed(state: HallState, event: e.TicketResumed, at: int) -> None:
    ticket = _waits_again(_moved(state, event), at)
    _put(state, ticket)
    _enqueue(state, ticket)


def _transferred(state: HallState, event: e.TicketTransferred, at: int) -> None:
    ticket = state.tickets[event.ticket]
    waiting = ticket.state is TicketState.WAITING
    # Whoever waits already goes on waiting, only in another queue.
    ticket = _moved(state, event) if waiting else _waits_again(_step_out(state, event, at), at)
    ticket = replace(
        ticket, service=event.to_service, only_counter=event.to_counter, target_wait_s=event.target_wait_s
    )
    _put(state, ticket)
    if waiting:
        queue = state.queues.open_for(state.hall, ticket, state.skills())
        state.scheduler.move(ticket.key, queue, ticket.v)
    else:
        _enqueue(state, ticket)


def _expired(state: HallState, event: e.TicketExpired, at: int) -> None:
    ticket = _step_out(state, event, at)
    _put(state, replace(ticket, ended_at=at))
    _count(state, ticket, "expired")


def _diverted(state: HallState, event: e.TicketDiverted, at: int) -> None:
    state.diverted[event.kind] = state.diverted.get(event.kind, 0) + 1


def _offer_outcome(state: HallState, event: e.OfferOutcome, at: int) -> None:
    state.offers.setdefault(event.ticket, {})[event.offer] = event.outcome


def _care_logged(state: HallState, event: e.CareLogged, at: int) -> None:
    state.cares[event.ticket] = state.cares.get(event.ticket, 0) + 1


def _printed(state: HallState, event: e.TicketPrinted, at: int) -> None:
    state.copies[event.ticket] = event.copy


def _rated(state: HallState, event: e.TicketRated, at: int) -> None:
    given = Rating(scale=event.scale, source=event.source, at=at, score=event.score)
    _put(state, replace(_moved(state, event), rating=given))


# -- counters -------------------------------------------------------------------------------------


def _opened(state: HallState, event: e.CounterOpened, at: int) -> None:
    counter = _counter_moved(state, event, at)
    state.counters[event.counter] = replace(
        counter, agent=event.agent, skills=event.skills, reason=None, free_since=at
    )
    state.queues.apply_skills(state.hall, event.counter, event.skills)


def _paused(state: HallState, event: e.CounterPaused, at: int) -> None:
    state.counters[event.counter] = replace(_counter_moved(state, event, at), reason=event.reason)


def _counter_resumed(state: HallState, event: e.CounterResumed, at: int) -> None:
    state.counters[event.counter] = replace(_counter_moved(state, event, at), reason=None, free_since=at)


def _closed(state: HallState, event: e.CounterClosed, at: int) -> None:
    skills = state.hall.counters[event.counter].skills
    counter = replace(_counter_moved(state, event, at), agent=None, reason=None, skills=skills)
    state.counters[event.counter] = counter
    state.queues.apply_skills(state.hall, event.counter, skills)


def _configured(state: HallState, event: e.CounterConfigured, at: int) -> None:
    key = f"counter.{event.counter}.skills"
    skills = event.skills if event.skills is not None else state.file_values[key]
    state.values[key] = skills
    state.settings = settings_from(state.values)
    state.counters[event.counter] = replace(state.counters[event.counter], skills=skills)
    state.queues.apply_skills(state.hall, event.counter, skills)


# -- alerts ---------------------------------------------------------------------------------------


def _alert_raised(state: HallState, event: e.AlertRaised, at: int) -> None:
    state.alerts[event.alert] = Alert(
        id=event.alert,
        kind=event.kind,
        raised_at=at,
        ticket=event.ticket,
        number=event.number,
        service=event.service,
        customer_class=event.customer_class,
        target_wait_s=event.target_wait_s,
        waited_s=event.waited_s,
        left_s=event.left_s,
        value=event.value,
        limit=event.limit,
        subject=event.subject,
        plugin=event.plugin,
        name=event.name,
        about=event.about,
        words=event.words,
    )
    if event.ticket is None:
        state.watch.serial += 1
        return
    ticket = state.tickets[event.ticket]
    _put(state, replace(ticket, told=max(ticket.told, TOLD[event.kind])))
    if ticket.state is TicketState.WAITING:
        state.scheduler.alerted(ticket.key, event.kind)


def _alert_cleared(state: HallState, event: e.AlertCleared, at: int) -> None:
    alert = state.alerts.pop(event.alert)
    state.past_alerts[alert.id] = replace(alert, cleared_at=at, cause=event.cause)


def _alert_acknowledged(state: HallState, event: e.AlertAcknowledged, at: int) -> None:
    alerts = state.alerts if event.alert in state.alerts else state.past_alerts
    done = Acknowledgement(done=event.done, note=event.note, by=event.by, at=at)
    alerts[event.alert] = replace(alerts[event.alert], acknowledged=done)


# -- the hall -------------------------------------------------------------------------------------


def _day_ended(state: HallState, event: e.DayEnded, at: int) -> None:
    state.day = None
    state.ended_day = event.day
    state.counts = DayCounts(by_service={}, serials={})
    state.tickets = {name: ticket for name, ticket in state.tickets.items() if not ticket.state.ended}
    state.copies = {name: copies for name, copies in state.copies.items() if name in state.tickets}
    state.offers = {name: offers for name, offers in state.offers.items() if name in state.tickets}
    state.cares = {name: cares for name, cares in state.cares.items() if name in state.tickets}
    state.diverted = {}
    for number, counter in state.counters.items():
        state.counters[number] = replace(
            counter, served=0, calls=0, best_calls=0, open_ms=0, busy_ms=0, counted_from=at
        )
    state.alerts, state.past_alerts = {}, {}
    state.watch.minutes = {}
    state.outbox.forget(at)
    state.bookings.forget_ended(at)


def _config_changed(state: HallState, event: e.ConfigChanged, at: int) -> None:
    tables = [state.values, state.file_values] if event.by == "config" else [state.values]
    for key, value in event.changes.items():
        for table in tables:
            if value is None:
                table.pop(key, None)
            else:
                table[key] = value
    settings = settings_from(state.values)
    state.settings = settings
    state.zone = ZoneInfo(settings.timezone)
    before, state.counters = state.counters, {}
    for number in sorted(settings.counters):
        counter = before.get(number)
        skills = skills_under(settings, event.changes, number, counter)
        if counter is None:
            counter = Counter(
                number=number, state=CounterState.CLOSED, since=at, skills=skills, free_since=at
            )
        state.counters[number] = replace(counter, skills=skills)
    state.queues.apply_settings(settings, state.skills())
    state.bookings.apply_settings(settings)


def _policy_changed(state: HallState, event: e.PolicyChanged, at: int) -> None:
    for key, value in event.changes.items():
        if value is None:
            state.values.pop(key, None)
        else:
            state.values[key] = value
    state.settings = settings_from(state.values)
    terms = {key: its.terms() for key, its in event.terms.items()}
    state.queues.apply_terms(state.settings, terms, state.skills())
    state.policies.add(event, at, state.values)


def _access(state: HallState, event: e.Event, at: int) -> None:
    """Who may enter is the token table's to know: the record is for whoever asks later."""


def _device_reported(state: HallState, event: e.DeviceReported, at: int) -> None:
    state.devices[event.device] = Device(event.device, event.status, event.detail, at)


def _people_counted(state: HallState, event: e.PeopleCounted, at: int) -> None:
    day = state.day_at(at)
    before = state.footfall.get(event.door)
    if before is None or before.day != day:
        before = Footfall(door=event.door, day=day)
    state.footfall[event.door] = replace(
        before, entered=before.entered + event.entered, left=before.left + event.left
    )


# -- messages -------------------------------------------------------------------------------------


def _message_queued(state: HallState, event: e.MessageQueued, at: int) -> None:
    message = Message(
        id=event.message,
        message_class=event.message_class,
        template=event.template,
        person=event.person,
        state=MESSAGE_MOVES[None, e.MessageQueued],
        queued_at=at,
        ready_at=event.ready_at,
        expires_at=event.expires_at,
        changed_at=at,
        language=event.language,
        key=event.key,
        ticket=event.ticket,
        appointment=event.appointment,
        held=event.held,
        ask=event.ask,
    )
    outbox = state.outbox
    if state.seq % FORGET_EVERY == 0:
        outbox.forget(at)
    outbox.put(message)
    outbox.count(message.person, message.message_class, at)
    if event.key is not None:
        outbox.by_key[event.key] = (event.message, at)
    if event.ask is not None:
        outbox.add_ask(message, event.ask)


def _message_moved(state: HallState, event: e.MessageEvent, at: int, **changes: Any) -> None:
    message = state.outbox.messages[event.message]
    moved = MESSAGE_MOVES[message.state, type(event)]
    state.outbox.put(replace(message, state=moved, changed_at=at, **changes))


def _message_sent(state: HallState, event: e.MessageSent, at: int) -> None:
    _message_moved(
        state, event, at, gateway=event.gateway, refs=event.refs, attempts=event.attempt, cause=None
    )


def _message_delivered(state: HallState, event: e.MessageDelivered, at: int) -> None:
    _message_moved(state, event, at, refs=())


def _message_part_delivered(state: HallState, event: e.MessagePartDelivered, at: int) -> None:
    refs = tuple(ref for ref in state.outbox.messages[event.message].refs if ref != event.ref)
    _message_moved(state, event, at, refs=refs)


def _message_failed(state: HallState, event: e.MessageFailed, at: int) -> None:
    message = state.outbox.messages[event.message]
    if event.retry_at is None:
        _message_moved(state, event, at, refs=(), attempts=event.attempt, cause=event.cause)
        return
    state.outbox.put(
        replace(message, ready_at=event.retry_at, attempts=event.attempt, cause=event.cause, changed_at=at)
    )


def _message_requeued(state: HallState, event: e.MessageRequeued, at: int) -> None:
    _message_moved(
        state, event, at, ready_at=event.ready_at, expires_at=event.expires_at, attempts=0, gateway=None
    )


def _message_cancelled(state: HallState, event: e.MessageCancelled, at: int) -> None:
    _message_moved(state, event, at)


def _message_received(state: HallState, event: e.MessageReceived, at: int) -> None:
    outbox = state.outbox
    outbox.by_key[received_key(event.gateway, event.ref)] = (event.message, at)
    if event.answers is not None:
        # Asked of the same number, perhaps under another id.
        asked = outbox.messages.get(event.answers)
        outbox.close_ask(event.person if asked is None else asked.person, event.answers)


def _consent_changed(state: HallState, event: e.ConsentChanged, at: int) -> None:
    said = dict.fromkeys(event.message_classes, event.allowed)
    consents = state.outbox.consents
    consents[event.person] = {**consents.get(event.person, {}), **said}


def _channel_reported(state: HallState, event: e.ChannelReported, at: int) -> None:
    known = state.channels.get(event.channel)
    since = known.since if known is not None and known.status == event.status else at
    state.channels[event.channel] = Device(event.channel, event.status, event.detail, since)


# -- plugins --------------------------------------------------------------------------------------


def _plugin_enabled(state: HallState, event: e.PluginEnabled, at: int) -> None:
    known = _plugin(state, event.plugin, at)
    state.plugins[event.plugin] = replace(
        known,
        enabled=True,
        since=known.since if known.enabled else at,
        version=event.version,
        cause=None,
        why=None,
        in_file=known.in_file or event.by == "config",
    )


def _plugin_reloaded(state: HallState, event: e.PluginReloaded, at: int) -> None:
    state.plugins[event.plugin] = replace(_plugin(state, event.plugin, at), version=event.version)


def _plugin_disabled(state: HallState, event: e.PluginDisabled, at: int) -> None:
    known = _plugin(state, event.plugin, at)
    state.plugins[event.plugin] = replace(
        known,
        enabled=False,
        since=at if known.enabled else known.since,
        cause=event.cause,
        why=event.why,
        in_file=known.in_file and event.by != "config",
    )


def _plugin_configured(state: HallState, event: e.PluginConfigured, at: int) -> None:
    known = _plugin(state, event.plugin, at)
    from_file = event.by == "config"
    values, file_values = dict(known.values), dict(known.file_values)
    for key, value in event.changes.items():
        if from_file:
            _set(file_values, key, value)
        _set(values, key, value if value is not None else file_values.get(key))
    state.plugins[event.plugin] = replace(known, values=values, file_values=file_values)


def _plugin(state: HallState, name: str, at: int) -> PluginState:
    return state.plugins.get(name) or PluginState(name=name, enabled=False, since=at)


def _set(table: dict[str, Any], key: str, value: Any) -> None:
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value


def _kept(state: HallState, event: e.Event, at: int) -> None:
    """A fact that no rule asks for: it is in the journal, for those who follow it."""


# -- steps that several events share ----------------------------------------------------------------


def _put(state: HallState, ticket: Ticket) -> None:
    state.tickets[ticket.id] = ticket


def _moved(state: HallState, event: e.TicketEvent) -> Ticket:
    """The ticket in the state into which the table moves it."""
    ticket = state.tickets[event.ticket]
    return replace(ticket, state=TICKET_MOVES[ticket.state, type(event)])


def _enqueue(state: HallState, ticket: Ticket) -> None:
    queue = state.queues.open_for(state.hall, ticket, state.skills())
    state.scheduler.push(ticket.key, queue, ticket.v, ticket.place, ticket.told)
    state.watch.joined(ticket)
    state.by_key[ticket.key] = ticket.id


def _waits_again(ticket: Ticket, at: int) -> Ticket:
    """The ticket as it joins a line again: with the seniority that it had."""
    return replace(
        ticket, queued_at=at, held_at=None, called_at=None, started_at=None, counter=None, agent=None
    )


def _leave_wait(state: HallState, event: e.TicketEvent, at: int) -> Ticket:
    """The ticket out of the scheduler, its running wait added up."""
    before = state.tickets[event.ticket]
    was_waiting = before.state is TicketState.WAITING
    ticket = _moved(state, event)
    if was_waiting:
        if isinstance(event, e.TicketCalled):
            state.scheduler.called(ticket.key)
        else:
            state.scheduler.remove(ticket.key)
        state.watch.left(before)
        del state.by_key[ticket.key]
        ticket = replace(ticket, waited_ms=ticket.waited_ms + at - ticket.queued_at)
    return ticket


def _leave_counter(state: HallState, event: e.TicketEvent, at: int) -> Ticket:
    """The ticket away from its counter, its running service added up; the counter is free."""
    was_serving = state.tickets[event.ticket].state is TicketState.SERVING
    ticket = _moved(state, event)
    if was_serving and ticket.started_at is not None:
        served_ms = at - ticket.started_at
        ticket = replace(ticket, served_ms=ticket.served_ms + served_ms)
        if not isinstance(event, e.TicketHeld):  # which breaks a service off
            learn(state.learned_ms, state.hall, ticket.service, served_ms)
    if ticket.counter is not None:
        counter = state.counters[ticket.counter]
        busy_ms = counter.busy_ms + (0 if ticket.called_at is None else at - ticket.called_at)
        state.counters[counter.number] = replace(counter, ticket=None, free_since=at, busy_ms=busy_ms)
    return ticket


def _step_out(state: HallState, event: e.TicketEvent, at: int) -> Ticket:
    """The ticket out of wherever it is: the scheduler, a counter, or aside."""
    if state.tickets[event.ticket].state.at_counter:
        return _leave_counter(state, event, at)
    return _leave_wait(state, event, at)


def _counter_moved(state: HallState, event: e.CounterEvent, at: int) -> Counter:
    counter = state.counters[event.counter]
    if counter.state is CounterState.OPEN:
        counter = replace(counter, open_ms=counter.open_ms + at - counter.counted_from)
    return replace(counter, state=COUNTER_MOVES[counter.state, type(event)], since=at, counted_from=at)


def _count(state: HallState, ticket: Ticket, what: str) -> None:
    """Tickets that finish after their day's end count for no day's running figures."""
    if ticket.day == state.day:
        setattr(state.counts, what, getattr(state.counts, what) + 1)


_WRITERS: dict[type[e.Event], Callable[[HallState, Any, int], None]] = {
    e.TicketTaken: _taken,
    e.TicketCalled: _called,
    e.TicketRecalled: _recalled,
    e.TicketServiceStarted: _service_started,
    e.TicketFinished: _finished,
    e.TicketNoShow: _no_show,
    e.TicketReturned: _returned,
    e.TicketCancelled: _cancelled,
    e.TicketHeld: _held,
    e.TicketResumed: _resumed,
    e.TicketTransferred: _transferred,
    e.TicketExpired: _expired,
    e.TicketPrinted: _printed,
    e.TicketRated: _rated,
    e.TicketDiverted: _diverted,
    e.OfferOutcome: _offer_outcome,
    e.CareLogged: _care_logged,
    e.CounterOpened: _opened,
    e.CounterPaused: _paused,
    e.CounterResumed: _counter_resumed,
    e.CounterClosed: _closed,
    e.CounterConfigured: _configured,
    e.AlertRaised: _alert_raised,
    e.AlertCleared: _alert_cleared,
    e.AlertAcknowledged: _alert_acknowledged,
    **APPOINTMENT_WRITERS,
    e.DayEnded: _day_ended,
    e.ConfigChanged: _config_changed,
    e.PolicyChanged: _policy_changed,
    e.DeviceReported: _device_reported,
    e.PluginEnabled: _plugin_enabled,
    e.PluginReloaded: _plugin_reloaded,
    e.PluginDisabled: _plugin_disabled,
    e.PluginConfigured: _plugin_configured,
    e.PluginFaulted: _kept,
    e.PluginNoted: _kept,
    e.PeopleCounted: _people_counted,
    e.AccessGranted: _access,
    e.AccessRevoked: _access,
    e.MessageQueued: _message_queued,
    e.MessageSent: _message_sent,
    e.MessageDelivered: _message_delivered,
    e.MessagePartDelivered: _message_part_delivered,
    e.MessageFailed: _message_failed,
    e.MessageRequeued: _message_requeued,
    e.MessageCancelled: _message_cancelled,
    e.MessageReceived: _message_received,
    e.ConsentChanged: _consent_changed,
    e.ChannelReported: _channel_reported,
}
assert _WRITERS.keys() == e.TYPE_OF.keys(), "an event without a writer"
