"""Given, when, then for the domain: a small hall, commands at readable times, what they cause.

    given(small_hall()).at("09:00").and_(open_counter).when(call_next).then(like(TicketCalled, number="A001"))

Nothing is faked: every command goes through the domain's own `decide` and `evolve`.

What must stay true, checked at every step of every test that is written with it
- Deciding changes nothing: the state dumps to the same before and after, also when it refuses.
- A second hall is fed from the journal's records alone and runs on the reference scheduler. It decides
  the same and dumps to the same as the first.
- `HallState.check_invariants` holds.
- As in a running hall, what is due (a business day that is over, an alert) is carried out before any other
  command, and what a command calls for (`follow_ups`) right after it: until there is nothing more.
- `HallState.next_due` is honest: while it says that nothing comes due, no look finds anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from somc.domain import commands as c
from somc.domain.decide import decide
from somc.domain.events import ConfigChanged, Event, TicketEvent
from somc.domain.evolve import evolve
from somc.domain.follow_ups import DUE, FOLLOW_UPS, Look
from somc.domain.policy import PolicyKinds
from somc.domain.refusals import CATALOGUE, Refusal
from somc.domain.state import HallState
from somc.domain.values import Counter, Ticket
from somc.runtime.records import event_of, record_of
from somc.scheduler.choose import factory
from somc.scheduler.interface import Scheduler
from somc.scheduler.kinds import BUILT_IN
from somc.scheduler.reference import ReferenceScheduler

__all__ = ["Like", "Outcome", "Situation", "given", "instant", "like", "small_hall", "week"]

START = "2026-03-02 09:00"
"""Where a situation begins unless it is told otherwise: a Monday morning."""

PREFIXES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOST_FOLLOW_UPS = 10_000
"""No situation of a test calls for so many acts at once: something is due for ever."""

UNITS_MS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000}


# -- the hall -------------------------------------------------------------------------------------


def small_hall(
    *,
    services: Mapping[str, Mapping[str, Any]] | None = None,
    classes: Mapping[str, Mapping[str, Any]] | None = None,
    counters: Mapping[int, Mapping[str, int]] | None = None,
    policy: Mapping[str, Any] | None = None,
    **hall: Any,
) -> dict[str, Any]:
    """Settings of a hall as dotted keys, every field that is not given filled in.

    Without arguments: services `payment` (prefix A, 180 s) and `repair` (B, 600 s), classes `gold` and
    `plain` (the default), counters 1 (both services) and 2 (payment only), first come first served,
    Asia/Shanghai. `counters` gives each number its skills; `hall` are fields of `HallSettings`
    (`max_recalls=1`, `hours=week("09:00-17:00")`). A service's prefix is the next free letter.
    """
    if services is None:
        services = {"payment": {"mean_service_s": 180}, "repair": {"mean_service_s": 600}}
    if classes is None:
        classes = {"gold": {"priority": 1, "rate_milli": 2000}, "plain": {"priority": 2}}
    if counters is None:
        counters = {1: dict.fromkeys(services, 1), 2: {next(iter(services)): 1}}
    values: dict[str, Any] = {
        "hall.org": "test/hall",
        "hall.name": _words("hall"),
        "hall.timezone": "Asia/Shanghai",
        "hall.default_class": list(classes)[-1],
        **{f"hall.{field}": value for field, value in hall.items()},
        **{f"policy.{field}": value for field, value in (policy or {"kind": "fifo"}).items()},
    }
    used = {fields.get("prefix") for fields in services.values()}
    free = (letter for letter in PREFIXES if letter not in used)
    for name, fields in services.items():
        entry = {"name": _words(name), **fields}
        if "prefix" not in entry:
            entry["prefix"] = next(free)
        values.update({f"service.{name}.{field}": value for field, value in entry.items()})
    for name, fields in classes.items():
        entry = {"name": _words(name), **fields}
        values.update({f"class.{name}.{field}": value for field, value in entry.items()})
    for number, skills in counters.items():
        values[f"counter.{number}.name"] = {"zh": f"{number}号台席", "en": f"Counter {number}"}
        values[f"counter.{number}.skills"] = dict(skills)
    return {key: value for key, value in values.items() if value is not None}


def week(*every_day: str, closed: Sequence[str] = (), **days: Sequence[str]) -> dict[str, Any]:
    """Opening hours: spans such as "09:00-12:00" for every day, others for `mon` … `sun`, closed dates.

    A span that ends before it begins runs past midnight. `ValueError` for what is no span or day.
    """
    if wrong := days.keys() - set(DAYS):
        raise ValueError(f"{sorted(wrong)} are no days; allowed are {', '.join(DAYS)}")
    return {
        "week": [[_span(words) for words in days.get(day, every_day)] for day in DAYS],
        "closed_dates": list(closed),
    }


def _words(name: str) -> dict[str, str]:
    """Words that differ in the two languages, so that a test sees which was used."""
    return {"zh": f"{name}（中）", "en": name}


def _span(words: str) -> list[int]:
    match = re.fullmatch(r"(\d\d):(\d\d)-(\d\d):(\d\d)", words)
    if match is None:
        raise ValueError(f"'{words}' is no span; write HH:MM-HH:MM")
    hour, minute, until_hour, until_minute = map(int, match.groups())
    start, until = hour * 3600 + minute * 60, until_hour * 3600 + until_minute * 60
    return [start, until if until > start else until + 86_400]


# -- time -----------------------------------------------------------------------------------------


def instant(words: str, zone: str = "Asia/Shanghai", *, fold: int = 0) -> int:
    """The Unix ms at which the clocks of `zone` show `words` ("2026-03-02 09:00", seconds and fractions
    if wanted). `fold` = 1 is the second time, on the night on which an hour comes twice."""
    return round(datetime.fromisoformat(words).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp() * 1000)


# -- what is expected -----------------------------------------------------------------------------


class Like:
    """An event of one kind, some of whose fields are named."""

    def __init__(self, kind: type[Event], fields: Mapping[str, Any]) -> None:
        unknown = fields.keys() - set(kind.__struct_fields__)
        if unknown:
            raise ValueError(f"{kind.__name__} has no fields {sorted(unknown)}")
        self.kind = kind
        self.fields = dict(fields)

    def matches(self, event: Event) -> bool:
        return type(event) is self.kind and all(
            getattr(event, name) == value for name, value in self.fields.items()
        )

    def __repr__(self) -> str:
        return f"{self.kind.__name__}({', '.join(f'{k}={v!r}' for k, v in self.fields.items())}, …)"


def like(kind: type[Event], **fields: Any) -> Like:
    """Matches an event of `kind` with these fields, whatever the others are. `ValueError` for a field
    that the event does not have."""
    return Like(kind, fields)


# -- the steps ------------------------------------------------------------------------------------


def given(
    hall: Mapping[str, Any] | None = None,
    *,
    at: str | int = START,
    make_scheduler: Callable[[], Scheduler] | None = None,
    kinds: PolicyKinds = BUILT_IN,
) -> Situation:
    """A hall with these settings (`small_hall()` if none), at this time, nobody in it. `kinds` are the policy
    kinds that there are: those of plugins beside SOMC's own."""
    return Situation(small_hall() if hall is None else hall, at, make_scheduler or factory(), kinds)


class Situation:
    """A hall as it stands, and its clock."""

    def __init__(
        self,
        hall: Mapping[str, Any],
        at: str | int,
        make_scheduler: Callable[[], Scheduler],
        kinds: PolicyKinds,
    ) -> None:
        self.state = HallState(make_scheduler, kinds)
        self.replayed = HallState(ReferenceScheduler, kinds)
        """What the records alone make of it."""
        self.happened: list[Event] = []
        self._looked_at = 0
        self.now = at if isinstance(at, int) else instant(at, hall["hall.timezone"])
        # The first settings come before there is a hall to decide in: only `evolve` is asked.
        changes = dict(sorted(hall.items()))
        for state in (self.state, self.replayed):
            evolve(state, ConfigChanged(by="config", changes=changes), self.now)
        # The policy's first version, as at a hall's start.
        self._carry_out(c.ChangeConfig(by="config", changes={}))
        self.happened.clear()

    # -- time -------------------------------------------------------------------------------------

    def at(self, when: str | int) -> Situation:
        """Let it be `when`: "14:30[:05]" on the clock's present date, a whole date and time, or Unix ms.

        `ValueError` if that would be in the past: a hall's time never runs backwards.
        """
        if isinstance(when, str):
            zone = self.state.hall.timezone
            date = datetime.fromtimestamp(self.now / 1000, ZoneInfo(zone)).date().isoformat()
            when = instant(when if "-" in when else f"{date} {when}", zone)
        if when < self.now:
            raise ValueError(f"{when} lies {self.now - when} ms in the past; time never runs backwards")
        self.now = when
        return self

    def after(self, duration: str) -> Situation:
        """Let "90s", "5min", "2h" or "250ms" pass."""
        match = re.fullmatch(r"(\d+) ?(ms|s|min|h)", duration)
        if match is None:
            raise ValueError(f"'{duration}' is no duration; write 90s, 5min, 2h or 250ms")
        self.now += int(match[1]) * UNITS_MS[match[2]]
        return self

    # -- acts -------------------------------------------------------------------------------------

    def and_(self, *commands: c.Command) -> Situation:
        """These happened before, one after the other, at this time. `AssertionError` if one is refused."""
        for command in commands:
            outcome = self.when(command)
            assert outcome.refusal is None, f"{command} was refused: {outcome.refusal.words.en}"
        return self

    def when(self, command: c.Command, at: str | int | None = None) -> Outcome:
        """Carry `command` out (at `at`, as in `Situation.at`), with all that is promised above checked."""
        if at is not None:
            self.at(at)
        if not isinstance(command, c.EndDay):  # which comes before all else that is due
            self._follow(DUE)
        outcome = self._carry_out(command)
        if outcome.refusal is None:
            outcome.followed = self._follow(FOLLOW_UPS)
        return outcome

    def running(self, duration: str) -> Situation:
        """Let time pass as in a running hall: what comes due is carried out when it comes."""
        until = Situation.after(copy(self), duration).now
        while (due := self.state.next_due(self._looked_at)) is not None and due <= until:
            self.now = max(self.now, due)
            self.due()
        self.now = until
        self.due()
        return self

    def due(self) -> tuple[Event, ...]:
        """Carry out what is due by now; its events."""
        return self._follow(DUE)

    def _follow(self, looks: Sequence[Look]) -> tuple[Event, ...]:
        """Carry out what the looks find, until they find nothing more."""
        promised = self.state.next_due(self._looked_at)
        happened: list[Event] = []
        while (command := self._found(looks)) is not None:
            if looks is DUE and not happened and self.state.at <= self._looked_at:
                assert promised is not None, f"{command} is due, and next_due did not say so"
                assert promised <= self.now, f"{command} is due {promised - self.now} ms before next_due"
            outcome = self._carry_out(command)
            assert outcome.events, f"{command} is due for ever: it caused {outcome._told()}"
            happened.extend(outcome.events)
            assert len(happened) < MOST_FOLLOW_UPS, f"{command} is due again and again"
        self._looked_at = self.now
        return tuple(happened)

    def _found(self, looks: Sequence[Look]) -> c.Command | None:
        for look in looks:
            before = msgspec.json.encode(self.state.dump())
            command = look(self.state, self.now)
            assert msgspec.json.encode(self.state.dump()) == before, f"looking ({command}) changed it"
            assert command == look(self.replayed, self.now), "a replayed hall looks otherwise"
            if command is not None:
                return command
        return None

    def _carry_out(self, command: c.Command) -> Outcome:
        before = msgspec.json.encode(self.state.dump())
        decided = decide(self.state, command, self.now)
        # As bytes: a dump shares its values with the state, so only a copy shows a change inside them.
        assert msgspec.json.encode(self.state.dump()) == before, f"deciding {command} changed the state"
        again = decide(self.replayed, command, self.now)
        assert decided == again, f"a replayed hall decides otherwise: {decided} != {again}"
        if isinstance(decided, Refusal):
            return Outcome(self, command, (), decided)
        for event in decided:
            evolve(self.state, event, self.now)
            record = record_of(event, self.state.seq, self.now, self.state.hall.org)
            evolve(self.replayed, event_of(record), record.at)
        self.happened.extend(decided)
        self.check()
        return Outcome(self, command, tuple(decided), None)

    def check(self) -> None:
        """`AssertionError` unless the state is one that a hall can be in, and that its records spell."""
        self.state.check_invariants()
        live, replayed = self.state.dump(), self.replayed.dump()
        assert live == replayed, f"records spell another state: {_difference(live, replayed)}"

    def reloaded(self) -> HallState:
        """The state as a snapshot brings it back, through JSON."""
        dumped = msgspec.json.decode(msgspec.json.encode(self.state.dump()))
        return HallState.load(dumped, self.state.make_scheduler, self.state.kinds)

    # -- looking ----------------------------------------------------------------------------------

    def ticket(self, which: str) -> Ticket:
        """The ticket with this id, or else with this number. `KeyError` if there is none."""
        if which in self.state.tickets:
            return self.state.tickets[which]
        for ticket in reversed(self.state.tickets.values()):
            if ticket.number == which:
                return ticket
        raise KeyError(which)

    def counter(self, number: int) -> Counter:
        return self.state.counters[number]


class Outcome:
    """What a command caused: events, or a refusal."""

    def __init__(
        self, situation: Situation, command: c.Command, events: tuple[Event, ...], refusal: Refusal | None
    ) -> None:
        self.situation = situation
        self.command = command
        self.events = events
        self.refusal = refusal
        self.followed: tuple[Event, ...] = ()
        """What the command called for, by itself, right after it."""

    @property
    def event(self) -> Any:
        """The only event. `AssertionError` if there is not exactly one."""
        assert len(self.events) == 1, f"{self._told()} instead of one event"
        return self.events[0]

    def then(self, *expected: Event | type[Event] | Like) -> Situation:
        """Exactly these events, in this order: each whole, by its class, or by some fields (`like`).
        None at all: the command is fine and changes nothing."""
        fits = self.refusal is None and len(expected) == len(self.events)
        fits = fits and all(_fits(one, event) for one, event in zip(expected, self.events, strict=True))
        assert fits, f"{self.command}\n  caused   {self._told()}\n  expected {list(expected)}"
        return self.situation

    def followed_by(self, *expected: Event | type[Event] | Like) -> Situation:
        """Exactly these events came after it by themselves, in this order."""
        fits = len(expected) == len(self.followed)
        fits = fits and all(_fits(one, event) for one, event in zip(expected, self.followed, strict=True))
        followed = [_brief(event) for event in self.followed]
        assert fits, f"{self.command}\n  was followed by {followed}\n  expected {list(expected)}"
        return self.situation

    def refused(self, code: str, *said: str) -> Situation:
        """Refused with this code, and with these words in both sentences: what a refusal names
        (a number, a counter) is named in either language."""
        assert code in CATALOGUE, f"there is no refusal '{code}'"
        assert self.refusal is not None, f"{self.command}\n  caused {self._told()}\n  expected {code}"
        assert self.refusal.code == code, f"{self.command}\n  {self._told()}\n  expected {code}"
        for words in said:
            assert words in self.refusal.words.en, f"'{words}' is not in: {self.refusal.words.en}"
            assert words in self.refusal.words.zh, f"'{words}' is not in: {self.refusal.words.zh}"
        return self.situation

    def _told(self) -> str:
        if self.refusal is not None:
            return f"refused as {self.refusal.code}: {self.refusal.words.en}"
        return str([_brief(event) for event in self.events])


def _fits(expected: Event | type[Event] | Like, event: Event) -> bool:
    if isinstance(expected, Like):
        return expected.matches(event)
    if isinstance(expected, type):
        return type(event) is expected
    return expected == event


def _brief(event: Event) -> str:
    number = f" {event.number}" if isinstance(event, TicketEvent) else ""
    return f"{type(event).__name__}{number}"


def _difference(left: Any, right: Any, path: str = "") -> str:
    """Where two plain values first differ."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in left.keys() | right.keys():
            if left.get(key) != right.get(key):
                return _difference(left.get(key), right.get(key), f"{path}.{key}")
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for place, (one, other) in enumerate(zip(left, right, strict=True)):
            if one != other:
                return _difference(one, other, f"{path}[{place}]")
    return f"{path or 'state'}: {left!r} != {right!r}"
