"""The whole state of one hall: what every command is decided upon.

What must stay true
- `evolve` is the only writer. `dump()` is all of it as plain values, the scheduler's included: a live
  state and one replayed from the journal dump to equal values, and `load` gives the same state back.
- A ticket is in one state, at most one ticket is at a counter, and the scheduler holds exactly the
  tickets that wait: `check_invariants` says so, for tests and `somc journal verify`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from somc.domain import business_day, calendar
from somc.domain.bookings import Bookings
from somc.domain.idle import next_sight
from somc.domain.outbox import Outbox, next_gateway_alert
from somc.domain.policy import PolicyKinds, PolicyLog, PolicyVersion
from somc.domain.queues import Queues
from somc.domain.settings import settings_from
from somc.domain.values import (
    Alert,
    Counter,
    CounterState,
    HallSettings,
    PluginState,
    Ticket,
    TicketState,
    to_plain,
)
from somc.domain.watch import Watch, next_crossing
from somc.scheduler.interface import Scheduler, restore
from somc.scheduler.kinds import BUILT_IN

__all__ = ["DayCounts", "Device", "Footfall", "HallState"]


class DayCounts(msgspec.Struct):
    """What happened on the running business day. `taken` = the sum of what became of them."""

    taken: int = 0
    finished: int = 0
    no_show: int = 0
    cancelled: int = 0
    expired: int = 0
    by_service: dict[str, int] = {}
    """Tickets taken per service."""
    serials: dict[str, int] = {}
    """Last running number per prefix."""


class Device(msgspec.Struct, frozen=True):
    """A device's health as last reported."""

    name: str
    status: str
    detail: str
    since: int


class Footfall(msgspec.Struct, frozen=True):
    """Who came and went through one door (客流) on the business day `day`."""

    door: str
    day: str
    entered: int = 0
    left: int = 0


class HallState:
    """One hall (营业厅) as of record `seq`. `kinds` are the policy kinds that a decision may choose among."""

    def __init__(self, make_scheduler: Callable[[], Scheduler], kinds: PolicyKinds = BUILT_IN) -> None:
        self.make_scheduler = make_scheduler
        self.kinds = kinds
        self.seq = 0
        self.at = 0
        self.values: dict[str, Any] = {}
        """Settings in force, by dotted key."""
        self.file_values: dict[str, Any] = {}
        """What hall.toml said at the last start."""
        self.settings: HallSettings | None = None
        self.zone: tzinfo = ZoneInfo("UTC")
        self.day: str | None = None
        """The running business day; none until a ticket is taken."""
        self.ended_day: str | None = None
        """The business day that ended last: it never comes back."""
        self.counts = DayCounts()
        self.tickets: dict[str, Ticket] = {}
        """Every ticket of the running day, and older ones still at a counter."""
        self.by_key: dict[int, str] = {}
        """Scheduler key → ticket id, for those that wait."""
        self.counters: dict[int, Counter] = {}
        self.devices: dict[str, Device] = {}
        self.footfall: dict[str, Footfall] = {}
        """Door → who came and went on its last day with a count."""
        self.channels: dict[str, Device] = {}
        """Gateways (短信网关) and the like by name, as last reported."""
        self.outbox = Outbox()
        self.plugins: dict[str, PluginState] = {}
        """Every plugin that was ever enabled here, in the order of its first time."""
        self.copies: dict[str, int] = {}
        """Ticket id → how many copies of its slip were asked for."""
        self.offers: dict[str, dict[str, str]] = {}
        """Ticket id → offer → what became of it last."""
        self.cares: dict[str, int] = {}
        """Ticket id → how often somebody cared for its customer."""
        self.diverted: dict[str, int] = {}
        """Kind of diversion → customers of the running day who went elsewhere."""
        self.alerts: dict[str, Alert] = {}
        """Those that stand: raised and not cleared, in the order in which they were raised."""
        self.past_alerts: dict[str, Alert] = {}
        """Those of the running day that were cleared."""
        self.bookings = Bookings()
        self.watch = Watch()
        self.learned_ms: dict[str, int] = {}
        """Service → its mean service as this hall's records say (ms); see `estimates`."""
        self.queues = Queues(make_scheduler())
        self.policies = PolicyLog()

    # -- reading ----------------------------------------------------------------------------------

    @property
    def hall(self) -> HallSettings:
        """The settings. `RuntimeError` before the first `config.changed`."""
        if self.settings is None:
            raise RuntimeError("the hall has no settings yet: apply hall.toml first")
        return self.settings

    @property
    def scheduler(self) -> Scheduler:
        return self.queues.scheduler

    def skills(self) -> dict[int, dict[str, int]]:
        """Counter → skills, for all counters that are set up."""
        return {number: counter.skills for number, counter in self.counters.items()}

    def day_at(self, at: int) -> str:
        """The business day to which a ticket taken at `at` belongs: the running one, or one that begins.

        Another `day_ends` or time zone can give `at` to a day that has ended. Its numbers were given
        out, so the day after it begins.
        """
        if self.day is not None:
            return self.day
        day = business_day.business_day(at, self.zone, self.hall.day_ends_s)
        if self.ended_day is not None and day <= self.ended_day:
            return business_day.day_after(self.ended_day)
        return day

    def day_end_at(self) -> int | None:
        """When the running business day ends (Unix ms); `None` if none runs."""
        return None if self.day is None else self.day_end_of(self.day)

    def day_end_of(self, day: str) -> int:
        """When the business day `day` ends (Unix ms)."""
        return business_day.day_end(day, self.zone, self.hall.day_ends_s)

    def clock_time(self, at: int) -> str:
        """The instant (Unix ms) on the hall's clock, for a sentence."""
        return business_day.local(at, self.zone).strftime("%Y-%m-%d %H:%M")

    def next_due(self, looked_at: int = 0) -> int | None:
        """The earliest instant at which `follow_ups.due_command` will find something, if nothing else happens
        before; at the state of `looked_at` (no earlier than the last record) it had found nothing.

        It may lie in the past: what is due was not carried out yet.
        """
        if self.settings is None:
            return None
        instants = (
            self.day_end_at(),
            self.scheduler.next_due(),
            self.bookings.next_due(),
            next_crossing(self, max(self.at, looked_at)),
            next_sight(self, max(self.at, looked_at)),
            next_gateway_alert(self),
        )
        return min((instant for instant in instants if instant is not None), default=None)

    def is_open(self, at: int, service: str | None = None) -> bool:
        """Whether tickets are taken at `at` (for `service`)."""
        return calendar.is_open(self.hall, self.zone, at, service)

    def live_tickets(self) -> list[Ticket]:
        """Those that wait, are held or at a counter, in the order in which they were taken."""
        return [ticket for ticket in self.tickets.values() if not ticket.state.ended]

    def service_lines(self) -> dict[str, int]:
        """Service → how many wait for it."""
        lines = dict.fromkeys(self.hall.services, 0)
        for (service, _, _, _), number in self.queues.numbers.items():
            if service in lines:
                lines[service] += self.scheduler.waiting(number)
        return lines

    # -- dumping ----------------------------------------------------------------------------------

    def dump(self) -> dict[str, Any]:
        """The whole state as plain JSON values."""
        return {
            "seq": self.seq,
            "at": self.at,
            "values": dict(sorted(self.values.items())),
            "file_values": dict(sorted(self.file_values.items())),
            "day": self.day,
            "ended_day": self.ended_day,
            "counts": to_plain(self.counts),
            "tickets": [to_plain(ticket) for ticket in self.tickets.values()],
            "counters": [to_plain(self.counters[number]) for number in sorted(self.counters)],
            "devices": [to_plain(self.devices[name]) for name in sorted(self.devices)],
            "footfall": [to_plain(self.footfall[door]) for door in sorted(self.footfall)],
            "channels": [to_plain(self.channels[name]) for name in sorted(self.channels)],
            "outbox": self.outbox.dump(),
            "plugins": [to_plain(plugin) for plugin in self.plugins.values()],
            "copies": dict(sorted(self.copies.items())),
            "offers": {name: dict(sorted(offers.items())) for name, offers in sorted(self.offers.items())},
            "cares": dict(sorted(self.cares.items())),
            "diverted": dict(sorted(self.diverted.items())),
            "alerts": [to_plain(alert) for alert in self.alerts.values()],
            "past_alerts": [to_plain(alert) for alert in self.past_alerts.values()],
            "appointments": self.bookings.dump(),
            "watch": self.watch.dump(),
            "learned_ms": dict(sorted(self.learned_ms.items())),
            "queues": self.queues.dump(),
            "policies": to_plain(self.policies.versions),
        }

    @classmethod
    def load(
        cls,
        dumped: Mapping[str, Any],
        make_scheduler: Callable[[], Scheduler],
        kinds: PolicyKinds = BUILT_IN,
    ) -> HallState:
        """The state that `dump` gave. `msgspec.ValidationError` if the values are not of that shape."""
        state = cls(make_scheduler, kinds)
        state.seq = dumped["seq"]
        state.at = dumped["at"]
        state.values = dict(dumped["values"])
        state.file_values = dict(dumped["file_values"])
        if state.values:
            state.settings = settings_from(state.values)
            state.zone = ZoneInfo(state.settings.timezone)
        state.day = dumped["day"]
        state.ended_day = dumped["ended_day"]
        state.counts = msgspec.convert(dumped["counts"], DayCounts)
        for plain in dumped["tickets"]:
            ticket = msgspec.convert(plain, Ticket)
            state.tickets[ticket.id] = ticket
            if ticket.state is TicketState.WAITING:
                state.by_key[ticket.key] = ticket.id
        for plain in dumped["counters"]:
            counter = msgspec.convert(plain, Counter)
            state.counters[counter.number] = counter
        for plain in dumped["devices"]:
            device = msgspec.convert(plain, Device)
            state.devices[device.name] = device
        for plain in dumped["footfall"]:
            passed = msgspec.convert(plain, Footfall)
            state.footfall[passed.door] = passed
        for plain in dumped["channels"]:
            channel = msgspec.convert(plain, Device)
            state.channels[channel.name] = channel
        state.outbox.load(dumped["outbox"])
        for plain in dumped["plugins"]:
            plugin = msgspec.convert(plain, PluginState)
            state.plugins[plugin.name] = plugin
        state.copies = dict(dumped["copies"])
        state.offers = {name: dict(offers) for name, offers in dumped["offers"].items()}
        state.cares = dict(dumped["cares"])
        state.diverted = dict(dumped["diverted"])
        for name, alerts in (("alerts", state.alerts), ("past_alerts", state.past_alerts)):
            for plain in dumped[name]:
                alert = msgspec.convert(plain, Alert)
                alerts[alert.id] = alert
        if state.settings is not None:
            state.bookings.load(dumped["appointments"], state.settings)
        state.watch.load(dumped["watch"])
        state.learned_ms = dict(dumped["learned_ms"])
        restore(state.scheduler, dumped["queues"]["scheduler"])
        state.queues.load(dumped["queues"])
        state.policies = PolicyLog(msgspec.convert(dumped["policies"], list[PolicyVersion]))
        return state

    def check_invariants(self) -> None:
        """`AssertionError` naming the rule if the state is not one that a hall can be in."""
        by_state = dict.fromkeys(TicketState, 0)
        for ticket in self.tickets.values():
            by_state[ticket.state] += 1
        today = [ticket for ticket in self.tickets.values() if ticket.day == self.day]
        numbers = [ticket.number for ticket in today]
        assert len(numbers) == len(set(numbers)), "a number stands twice on one day"
        assert len(today) == self.counts.taken, "tickets of the day are not those taken"
        for name in ("finished", "no_show", "cancelled", "expired"):
            ended = sum(1 for ticket in today if ticket.state == name)
            assert ended == getattr(self.counts, name), f"{name} is miscounted"
        waiting = {t.key for t in self.tickets.values() if t.state is TicketState.WAITING}
        assert len(waiting) == len(self.scheduler), "the scheduler holds others than those that wait"
        assert all(key in self.scheduler for key in waiting), "somebody waits outside the scheduler"
        assert self.by_key.keys() == waiting, "by_key is not the waiting tickets"
        in_line = [self.tickets[name] for name in self.by_key.values()]
        offset_ms = sum(ticket.waited_ms - ticket.queued_at for ticket in in_line)
        assert self.watch.offset_ms == offset_ms, "the waits of those who wait are miscounted"
        self._check_alerts()
        self.outbox.check_invariants()
        self._check_appointments()
        held_by = [counter.ticket for counter in self.counters.values() if counter.ticket is not None]
        assert len(held_by) == len(set(held_by)), "one ticket is at two counters"
        at_counter = {t.id for t in self.tickets.values() if t.state.at_counter}
        assert set(held_by) == at_counter, "tickets at counters and counters with tickets differ"
        for counter in self.counters.values():
            if counter.ticket is not None:
                assert self.tickets[counter.ticket].counter == counter.number, "a ticket is elsewhere"
            if counter.state is CounterState.CLOSED:
                assert counter.ticket is None, "a closed counter has a ticket"
                assert counter.agent is None, "a closed counter has an agent"

    def _check_alerts(self) -> None:
        assert not self.alerts.keys() & self.past_alerts.keys(), "an alert stands and is cleared"
        for alert in self.alerts.values():
            assert alert.cleared_at is None, "an alert that was cleared stands"
            if alert.ticket is not None:
                assert alert.ticket in self.tickets, "an alert is about a ticket that is not there"
        for alert in self.past_alerts.values():
            assert alert.cleared_at is not None, "an alert that was never cleared is among the past ones"
        of_hall = [
            (alert.kind, alert.subject, alert.plugin, alert.name)
            for alert in self.alerts.values()
            if alert.ticket is None
        ]
        assert len(of_hall) == len(set(of_hall)), "one warning of the hall stands twice"
        queues = self.scheduler.dump()["queues"]
        told = {key: told for queue in queues for key, _, _, told in queue["tickets"]}
        for key, ticket in self.by_key.items():
            assert told[key] == self.tickets[ticket].told, "the scheduler was told otherwise of an alert"

    def _check_appointments(self) -> None:
        self.bookings.check(self.hall)
        tickets = [a.ticket for a in self.bookings.all.values() if a.ticket is not None]
        assert len(tickets) == len(set(tickets)), "two appointments were checked in with one ticket"
        for ticket in self.tickets.values():
            if ticket.appointment is not None and ticket.appointment in self.bookings.all:
                assert self.bookings.all[ticket.appointment].ticket == ticket.id, "a ticket of no check-in"
