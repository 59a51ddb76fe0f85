"""Whatever is asked of a hall, in whatever order: what must stay true stays true.

Each step goes through `somc.testing.given`: deciding changes nothing; a hall fed from the records alone, on
the reference scheduler, decides and stands the same as the live one on the native scheduler; the
invariants hold. Here is added what needs the whole history, and a hall that restarts from snapshots.

SOMC_CAMPAIGN=1 runs far longer; the seed is printed by Hypothesis with a failure (`--hypothesis-seed=N`).
"""

from __future__ import annotations

import os
import re
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from somc.domain import events as e
from somc.domain.commands import ChangeConfig, ChangePolicy, Command, RollbackPolicy
from somc.domain.decide import decide
from somc.domain.evolve import evolve
from somc.domain.refusals import Refusal
from somc.domain.values import ANY_COUNTER, TicketState
from somc.testing.given import Situation, given, small_hall, week
from tests.domain import acts
from tests.domain.appointment_rules import APPOINTMENTS, AppointmentRules, service_names

CAMPAIGN = os.environ.get("SOMC_CAMPAIGN") == "1"
PROFILE = settings(
    max_examples=5_000 if CAMPAIGN else 120,
    stateful_step_count=120 if CAMPAIGN else 40,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)

SERVICES = ("payment", "repair", "advice")
CLASSES = ("gold", "plain")
KINDS = ("fifo", "strict", "accumulating", "deadline", "gcmu", "ratio")
HOURS = (None, week("09:00-17:00"), week("20:00-02:00", sun=()), week("08:00-23:00", closed=("2026-03-29",)))

class_names = st.sampled_from((*CLASSES, "unheard-of"))
counter_numbers = st.integers(0, 4)
some_skills = st.dictionaries(service_names, st.integers(0, 10), max_size=3)
good_skills = st.dictionaries(st.sampled_from(SERVICES), st.integers(1, 9), min_size=1)
texts = st.none() | st.sampled_from(("", "lunch", "午饭", "x" * 121, "a\nb", "a\x00b"))
limits = st.sampled_from((*[None] * 9, 0, 1, 3))
service_entries = st.fixed_dictionaries(
    {
        "prefix": st.sampled_from(("A", "B", "AB")),
        "mean_service_s": st.integers(1, 1200),
        "max_waiting": limits,
        "daily_limit": limits,
        "hours": st.sampled_from((*[None] * 9, *HOURS)),
    }
)
class_entries = st.fixed_dictionaries(
    {
        "priority": st.integers(1, 3),
        "rate_milli": st.integers(1, 3000),
        "target_wait_s": st.integers(1, 900),
        "warn_lead_s": st.integers(0, 300),
    }
)
halls = st.builds(
    lambda **hall: {**small_hall(**hall), **APPOINTMENTS},
    services=st.fixed_dictionaries(dict.fromkeys(SERVICES, service_entries)),
    classes=st.fixed_dictionaries(dict.fromkeys(CLASSES, class_entries)),
    counters=st.fixed_dictionaries({1: good_skills, 2: good_skills, 3: good_skills}),
    policy=st.fixed_dictionaries(
        {
            "kind": st.sampled_from(KINDS),
            "max_wait_s": st.none() | st.integers(1, 3600),
            "distribution": st.sampled_from(("longest_idle", "lowest_level", "fixed_order")),
            "behind": st.integers(0, 3),
        }
    ),
    timezone=st.sampled_from(("Asia/Shanghai", "Europe/Berlin", "America/New_York")),
    day_ends_s=st.sampled_from((0, 7_200, 9_000, 14_400)),
    max_recalls=st.integers(0, 2),
    hours=st.sampled_from((*[None] * 9, *HOURS)),
)
nothing_of_repair = dict.fromkeys(
    f"service.repair.{field}"
    for field in ("name", "prefix", "mean_service_s", "max_waiting", "daily_limit", "hours")
)
new_service = {
    "service.aaa.name": {"zh": "新", "en": "new"},
    "service.aaa.prefix": "Z",
}
new_counter = {"counter.4.name": {"zh": "四", "en": "four"}, "counter.4.skills": {"payment": 1}}
changes = st.one_of(
    st.fixed_dictionaries({"policy.kind": st.sampled_from((*KINDS, "dice"))}),
    st.fixed_dictionaries({"policy.max_wait_s": st.none() | st.integers(-1, 3600)}),
    st.fixed_dictionaries(
        {
            "alerts.long_wait_s": st.none() | st.integers(1, 600),
            "alerts.peak_per_hour": st.none() | st.integers(1, 40),
            "alerts.window_s": st.integers(60, 1800),
        }
    ),
    st.fixed_dictionaries(
        {"appointments.early_s": st.integers(0, 900), "appointments.late_s": st.integers(0, 900)}
    ),
    st.fixed_dictionaries(
        {
            "appointments.capacity": st.integers(0, 2),
            "appointments.slot_s": st.sampled_from((300, 900, 1800)),
            "appointments.lead_s": st.integers(0, 1800),
            "appointments.confirm_s": st.none() | st.integers(60, 1800),
            "appointments.offer_s": st.integers(60, 900),
            "appointments.missed_s": st.integers(0, 900),
            "appointments.remind_s": st.sampled_from(([], [600], [7200, 600])),
        }
    ),
    st.fixed_dictionaries({"service.payment.slots": st.sampled_from(({}, {"capacity": 1, "slot_s": 600}))}),
    st.builds(
        lambda number, mode, overflow_s: {
            f"counter.{number}.mode": mode,
            f"counter.{number}.overflow_s": {"payment": overflow_s},
        },
        st.integers(1, 3),
        st.sampled_from(("auto", "manual")),
        st.integers(1, 900),
    ),
    st.fixed_dictionaries({"class.gold.reserved_idle": st.integers(0, 1)}),
    st.fixed_dictionaries({"estimates.means": st.sampled_from(("learned", "configured"))}),
    st.fixed_dictionaries({"hall.day_ends_s": st.sampled_from((-1, 0, 9_000, 20_000, 86_400))}),
    st.fixed_dictionaries(
        {"hall.timezone": st.sampled_from(("Asia/Shanghai", "Europe/Berlin", "Mars/Olympus", "Asia"))}
    ),
    st.fixed_dictionaries({"hall.max_recalls": st.integers(-1, 2)}),
    st.fixed_dictionaries(
        {"class.gold.rate_milli": st.integers(0, 2000), "class.gold.priority": st.integers(0, 3)}
    ),
    st.fixed_dictionaries({"service.payment.mean_service_s": st.integers(0, 600)}),
    st.fixed_dictionaries({"service.payment.prefix": st.sampled_from(("C", "A", "A1", ""))}),
    st.builds(lambda number, skills: {f"counter.{number}.skills": skills}, st.integers(1, 3), some_skills),
    st.builds(
        lambda one, two, three: {
            **nothing_of_repair,
            **{f"counter.{n}.skills": skills for n, skills in enumerate((one, two, three), 1)},
        },
        *[st.dictionaries(st.sampled_from(("payment", "advice")), st.integers(1, 9), min_size=1)] * 3,
    ),
    st.sampled_from(
        (
            {},
            new_service,
            dict.fromkeys(new_service),
            new_counter,
            dict.fromkeys(new_counter),
            dict.fromkeys(f"counter.3.{field}" for field in ("name", "skills", "mode", "overflow_s")),
            {
                "class.gold.name": None,
                "class.gold.priority": None,
                "class.gold.rate_milli": None,
                "class.gold.target_wait_s": None,
                "class.gold.warn_lead_s": None,
                "class.gold.reserved_idle": None,
            },
            {"hall.services": {}},
            {"hall.policy": "fifo"},
            {"nonsense": 1},
            {"service.payment.colour": "red"},
            {"counter.x.skills": {"payment": 1}},
            {"counter.0.name": {"zh": "零", "en": "zero"}, "counter.0.skills": {"payment": 1}},
        )
    ),
)


policy_changes = st.one_of(
    st.fixed_dictionaries({"policy.kind": st.sampled_from((*KINDS, None, "dice"))}),
    st.fixed_dictionaries({"policy.max_wait_s": st.sampled_from((0, 1, 600, None, -1))}),
    st.fixed_dictionaries({"class.gold.weight_milli": st.none() | st.integers(0, 5000)}),
    st.fixed_dictionaries(
        {"class.plain.boost_after_s": st.none() | st.integers(1, 900), "class.plain.share": st.integers(0, 9)}
    ),
    st.fixed_dictionaries({"class.silver.rate_milli": st.just(1000)}),
    st.fixed_dictionaries(
        {
            "service.repair.target_wait_s": st.none()
            | st.dictionaries(st.sampled_from(("gold", "plain", "silver")), st.none() | st.integers(1, 900))
        }
    ),
    st.just({"hall.max_recalls": 7}),
)


class AnyHall(AppointmentRules, RuleBasedStateMachine):
    """Every command, with arguments that fit and that do not, while time goes on."""

    hall: Situation

    @initialize(
        hall=halls, start=st.sampled_from(("2026-03-02 10:00", "2026-03-28 22:00", "2026-10-24 22:00"))
    )
    def build(self, hall: dict[str, Any], start: str) -> None:
        self.hall = given(hall, at=start).and_(acts.open_(1), acts.open_(2))
        self.restarted = self.hall.reloaded()
        self.drawn = 0
        self.taken: dict[str, str] = {}
        """Ticket → the state that its events alone say it is in."""
        self.numbers: set[tuple[str, str]] = set()
        self.ended_days: list[str] = []
        self.policies: list[e.PolicyChanged] = []
        """Every version after the first."""
        self.booked: set[str] = set()
        self.came: set[str] = set()
        self.alerts: dict[str, str] = {}
        """Every alert that there ever was → whether it stands."""
        for service in (*SERVICES, "payment"):
            self.take_some(service, "plain", 1)

    # -- asking -----------------------------------------------------------------------------------

    def ask(self, command: Command) -> None:
        """Ask it, as in a running hall: what is due is carried out before it, what follows after it."""
        before = len(self.hall.happened)
        skills, only = (
            self.hall.state.skills(),
            {t.id: t.only_counter for t in self.hall.state.tickets.values()},
        )
        outcome = self.hall.when(command)
        if isinstance(outcome.refusal, Refusal):
            words = outcome.refusal.words
            assert words.zh
            assert not re.search(r"\{[a-z_]+\}", words.zh + words.en), words
        for event in self.hall.happened[before:]:
            evolve(self.restarted, event, self.hall.now)
            self.follow(event, skills, only)

    def follow(self, event: e.Event, skills: dict[int, dict[str, int]], only: dict[str, int]) -> None:
        """The history, kept without looking at the state."""
        match event:
            case e.TicketTaken():
                assert event.ticket not in self.taken, "an id came twice"
                assert (event.day, event.number) not in self.numbers, "a number came twice on one day"
                assert event.day not in self.ended_days, "a day that ended goes on"
                self.numbers.add((event.day, event.number))
                self.taken[event.ticket] = "waiting"
            case e.TicketCalled():
                if event.by == "distribution":  # after the command, and what it changed
                    ticket = self.hall.state.tickets[event.ticket]
                    assert event.service in self.hall.state.counters[event.counter].skills
                    assert ticket.only_counter in (ANY_COUNTER, event.counter), "given away from its counter"
                else:
                    assert event.service in skills[event.counter], "called to a counter without the skill"
                    assert only[event.ticket] in (ANY_COUNTER, event.counter), "called away from its counter"
                self.taken[event.ticket] = "called"
            case e.TicketServiceStarted():
                self.taken[event.ticket] = "serving"
            case e.TicketFinished():
                assert event.waited_s >= 0
                assert event.served_s >= 0
                self.taken[event.ticket] = "finished"
            case e.TicketNoShow() | e.TicketCancelled() | e.TicketExpired() | e.TicketHeld():
                ends = {e.TicketNoShow: "no_show", e.TicketCancelled: "cancelled", e.TicketExpired: "expired"}
                self.taken[event.ticket] = ends.get(type(event), "held")
            case e.TicketResumed() | e.TicketTransferred() | e.TicketReturned():
                self.taken[event.ticket] = "waiting"
            case e.AlertRaised():
                assert event.alert not in self.alerts, "an alert was raised twice"
                self.alerts[event.alert] = "stands"
                if event.ticket is not None:
                    assert self.taken[event.ticket] == "waiting", "an alert about somebody who does not wait"
            case e.AlertCleared():
                assert self.alerts[event.alert] == "stands", "an alert was cleared that did not stand"
                self.alerts[event.alert] = "cleared"
            case e.PolicyChanged():
                assert event.version == len(self.policies) + 2, "a version was left out"
                self.policies.append(event)
            case e.AppointmentBooked() | e.AppointmentWaitlisted():
                assert event.appointment not in self.booked, "an appointment came twice"
                self.booked.add(event.appointment)
            case e.AppointmentCheckedIn():
                assert event.appointment not in self.came, "a code was good twice"
                self.came.add(event.appointment)
            case e.AppointmentOffered():
                assert self.hall.state.bookings.all[event.appointment].at == event.slot
            case e.DayEnded():
                assert "stands" not in self.alerts.values(), "an alert outlived its day"
                today = [t for t in self.hall.happened if isinstance(t, e.TicketTaken) and t.day == event.day]
                assert event.taken == len(today)
                for what in ("finished", "no_show", "cancelled", "expired"):
                    became = sum(self.taken[t.ticket] == what for t in today)
                    assert getattr(event, what) == became, f"{what} of {event.day} is miscounted"
                assert event.day not in self.ended_days, "a day ended twice"
                self.ended_days.append(event.day)

    def some_ticket(self, pick: int) -> str:
        """Mostly a ticket that is alive, now and then any, or one that the hall does not know."""
        alive = [ticket.id for ticket in self.hall.state.live_tickets()]
        known = alive if alive and pick % 5 else list(self.hall.state.tickets)
        return known[pick % len(known)] if known and pick % 19 else "unheard-of"

    # -- time -------------------------------------------------------------------------------------

    @rule(ms=st.integers(0, 1_500_000), hours=st.integers(-25, 30))
    def wait(self, ms: int, hours: int) -> None:
        self.hall.now += ms + max(0, hours) * 3_600_000

    @rule()
    def restart(self) -> None:
        self.restarted = self.hall.reloaded()

    @rule(ms=st.integers(0, 1_500_000))
    def run_on(self, ms: int) -> None:
        """Time passes in a running hall: what comes due is carried out when it comes."""
        until = self.hall.now + ms
        while (due := self.hall.state.next_due(self.hall.now)) is not None and due <= until:
            self.hall.now = max(self.hall.now, due)
            before = len(self.hall.happened)
            self.hall.due()
            for event in self.hall.happened[before:]:
                evolve(self.restarted, event, self.hall.now)
                self.follow(event, {}, {})
        self.hall.now = until

    # -- tickets ----------------------------------------------------------------------------------

    @rule(service=service_names, customer_class=class_names, pick=st.integers(0, 40))
    def take(self, service: str, customer_class: str, pick: int) -> None:
        self.drawn += 1
        ticket = self.some_ticket(pick) if pick == 40 else f"t{self.drawn}"
        if ticket not in self.taken:
            self.ask(acts.take(ticket, service, customer_class))
        elif ticket in self.hall.state.tickets:
            assert self.hall.when(acts.take(ticket, "payment", "plain")).refusal is not None

    @rule(service=st.sampled_from(SERVICES), customer_class=st.sampled_from(CLASSES), count=st.integers(1, 3))
    def take_some(self, service: str, customer_class: str, count: int) -> None:
        for _ in range(count):
            self.drawn += 1
            self.ask(acts.take(f"t{self.drawn}", service, customer_class))

    @rule(service=st.sampled_from(SERVICES), from_now_s=st.integers(-1_200, 5_400))
    def check_in(self, service: str, from_now_s: int) -> None:
        self.drawn += 1
        booked_at = self.hall.now + from_now_s * 1000
        self.ask(acts.take(f"t{self.drawn}", service, "plain", booked_at=booked_at))

    @rule(pick=st.integers(0, 99), done=st.sampled_from(("served", "cared_for", "ignored")), note=texts)
    def acknowledge(self, pick: int, done: str, note: str | None) -> None:
        known = list(self.alerts) or ["breach:unheard-of"]
        self.ask(acts.acknowledge(known[pick % len(known)], done, note))

    @rule(pick=st.integers(0, 99), reason=texts)
    def cancel(self, pick: int, reason: str | None) -> None:
        self.ask(acts.cancel(self.some_ticket(pick), reason))

    @rule(pick=st.integers(0, 99), reason=texts)
    def hold(self, pick: int, reason: str | None) -> None:
        self.ask(acts.hold(self.some_ticket(pick), reason))

    @rule(pick=st.integers(0, 99))
    def resume(self, pick: int) -> None:
        self.ask(acts.resume(self.some_ticket(pick)))

    @rule(pick=st.integers(0, 99), service=st.none() | service_names, counter=st.none() | counter_numbers)
    def transfer(self, pick: int, service: str | None, counter: int | None) -> None:
        self.ask(acts.transfer(self.some_ticket(pick), service, counter))

    @rule(pick=st.integers(0, 99))
    def print_again(self, pick: int) -> None:
        self.ask(acts.print_again(self.some_ticket(pick)))

    @rule(
        pick=st.integers(0, 99),
        offer=st.sampled_from(("plan-88", "plan-128", "")),
        outcome=st.sampled_from(("shown", "accepted", "refused", "later", "eaten")),
        counter=st.none() | counter_numbers,
    )
    def record_offer(self, pick: int, offer: str, outcome: str, counter: int | None) -> None:
        self.ask(acts.offer(self.some_ticket(pick), offer, outcome, counter))

    @rule(pick=st.integers(0, 99), note=texts)
    def log_care(self, pick: int, note: str | None) -> None:
        self.ask(acts.care(self.some_ticket(pick), note=note))

    @rule(
        pick=st.none() | st.integers(0, 99),
        service=st.none() | service_names,
        kind=st.sampled_from(("self_service", "other_hall", "online", "quiet_hours", "moon")),
    )
    def divert(self, pick: int | None, service: str | None, kind: str) -> None:
        ticket = None if pick is None else self.some_ticket(pick)
        self.ask(acts.divert(service, kind, ticket=ticket))

    # -- counters ---------------------------------------------------------------------------------

    @rule(counter=counter_numbers, agent=st.integers(1, 4), skills=st.none() | some_skills)
    def open(self, counter: int, agent: int, skills: dict[str, int] | None) -> None:
        self.ask(acts.open_(counter, f"agent{agent}", skills))

    @rule(counter=st.integers(1, 3))
    def open_plainly(self, counter: int) -> None:
        self.ask(acts.open_(counter))

    @rule(counter=counter_numbers)
    def call(self, counter: int) -> None:
        self.ask(acts.call(counter))

    @rule(counter=counter_numbers, pick=st.integers(0, 99))
    def call_ticket(self, counter: int, pick: int) -> None:
        self.ask(acts.call_ticket(counter, self.some_ticket(pick)))

    @rule(
        counter=counter_numbers,
        act=st.sampled_from(
            (
                *(acts.recall, acts.start, acts.finish, acts.no_show, acts.return_),
                *(acts.pause, acts.resume_counter, acts.close),
            )
        ),
    )
    def act_at(self, counter: int, act: Any) -> None:
        self.ask(act(counter))

    @rule(
        steps=st.lists(
            st.tuples(
                st.integers(1, 3), st.sampled_from((acts.finish, acts.finish, acts.no_show, acts.recall))
            ),
            min_size=1,
            max_size=8,
        ),
        pause_ms=st.integers(0, 300_000),
    )
    def go_on(self, steps: list[tuple[int, Any]], pause_ms: int) -> None:
        """What agents would do next, one step after the other; now and then somebody comes."""
        for counter, last in steps:
            there = self.hall.state.counters.get(counter)
            self.hall.now += pause_ms
            if there is None or there.agent is None:
                self.ask(acts.open_(counter))
            elif there.ticket is None:
                self.take_some(max(there.skills), "plain", 1)
                self.ask(acts.call(counter))
            elif self.hall.state.tickets[there.ticket].state is TicketState.CALLED and last is acts.finish:
                self.ask(acts.start(counter))
            else:
                self.ask(last(counter))

    @rule(pick=st.integers(0, 99), counter=st.integers(1, 3))
    def hand_over(self, pick: int, counter: int) -> None:
        """To a counter alone, for a service that it has."""
        there = self.hall.state.counters.get(counter)
        if there is not None:
            self.ask(acts.transfer(self.some_ticket(pick), min(there.skills), counter))

    @rule(pick=st.integers(0, 99), counter=st.integers(1, 3))
    def set_aside_while_the_counter_closes(self, pick: int, counter: int) -> None:
        ticket = self.some_ticket(pick)
        for command in (acts.hold(ticket), acts.close(counter), acts.resume(ticket)):
            self.ask(command)

    @rule(counter=counter_numbers, outcome=texts)
    def finish_with(self, counter: int, outcome: str | None) -> None:
        self.ask(acts.finish(counter, outcome))

    @rule(counter=counter_numbers, mode=st.sampled_from(("auto", "auto", "manual", None, "sometimes")))
    def set_mode(self, counter: int, mode: str | None) -> None:
        self.ask(acts.configure(counter, mode=mode))

    @rule(counter=counter_numbers, skills=st.none() | some_skills)
    def configure(self, counter: int, skills: dict[str, int] | None) -> None:
        self.ask(acts.configure(counter, skills))

    # -- the hall ---------------------------------------------------------------------------------

    @rule()
    def end_day(self) -> None:
        self.ask(acts.end_day())

    @rule(by=st.sampled_from(("config", "manager:wu")), changes=changes)
    def change(self, by: str, changes: dict[str, Any]) -> None:
        self.ask(ChangeConfig(by=by, changes=changes))

    @rule(changes=policy_changes)
    def steer(self, changes: dict[str, Any]) -> None:
        self.ask(ChangePolicy(by="manager:wu", changes=changes))

    @rule(back=st.integers(0, 4))
    def roll_back(self, back: int) -> None:
        self.ask(RollbackPolicy(by="manager:wu", version=self.hall.state.policies.version - back))

    @rule(device=st.sampled_from(("printer", "strip-1")), status=st.sampled_from(("online", "offline")))
    def report(self, device: str, status: str) -> None:
        self.ask(acts.report(device, status))

    @rule(pick=st.integers(0, 99), score=st.none() | st.integers(0, 6))
    def rate(self, pick: int, score: int | None) -> None:
        self.ask(acts.rate(self.some_ticket(pick), score))

    @rule(entered=st.integers(-1, 3), left=st.integers(0, 2))
    def count(self, entered: int, left: int) -> None:
        self.ask(acts.count("north", entered, left))

    # -- what stays true --------------------------------------------------------------------------

    @invariant()
    def nobody_is_lost(self) -> None:
        if not hasattr(self, "hall"):
            return
        for ticket in self.hall.state.tickets.values():
            assert ticket.state == self.taken[ticket.id]
        ended = {"finished", "no_show", "cancelled", "expired"}
        alive = {name for name, state in self.taken.items() if state not in ended}
        assert alive == {ticket.id for ticket in self.hall.state.live_tickets()}

    @invariant()
    def nobody_waits_for_a_counter_that_will_not_serve_them(self) -> None:
        if not hasattr(self, "hall"):
            return
        counters = self.hall.state.counters
        for ticket in self.hall.state.live_tickets():
            if ticket.state is TicketState.WAITING and ticket.only_counter != ANY_COUNTER:
                assert counters[ticket.only_counter].agent is not None, f"{ticket.number}: nobody is there"
                assert ticket.service in counters[ticket.only_counter].skills, f"{ticket.number}: no skill"

    @invariant()
    def a_restart_changes_nothing(self) -> None:
        if not hasattr(self, "hall"):
            return
        assert self.restarted.dump() == self.hall.state.dump()
        reloaded = self.hall.reloaded()
        reloaded.check_invariants()
        assert reloaded.dump() == self.hall.state.dump()
        for number in self.hall.state.counters:
            command = acts.call(number)
            here, there = (decide(s, command, self.hall.now) for s in (self.hall.state, self.restarted))
            assert here == there
        newcomer = acts.take("newcomer")
        assert decide(self.restarted, newcomer, self.hall.now) == decide(
            self.hall.state, newcomer, self.hall.now
        )


AnyHall.TestCase.settings = PROFILE
TestAnySequence = AnyHall.TestCase
