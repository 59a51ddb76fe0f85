"""A recorded day again, through the domain, perhaps under another routing policy (排队策略): what if.

    begin of the day as recorded (+ other settings) ──▶ heap of acts ──▶ decide, evolve ──▶ waits

Kept from the record: who came and when, for what, as which class; every act of a counter (open, pause,
skills …) and of the hall; how long each customer took once called; how fast each counter pressed "next".
Decided anew, by the domain's own `decide` and `evolve`: who is called next.

What must stay true
- Under the policy of the record every call comes out as it was: the same ticket, counter and instant. Acts
  at one instant go in the order of their records (`recorded_day.py`), and counters press as long after they
  could as they did (`watching.py`).
- Where the days part, each act keeps its own delay: a service its length, a counter its dead time after
  the same customer-to-customer gap of the day, a visitor the patience that was seen. What was never seen is
  replaced by what is typical of the day (`Typical`), and counted.

`ASSUMPTIONS` says so to users.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.auto import given_somebody
from somc.domain.decide import decide
from somc.domain.evolve import evolve
from somc.domain.policy import PolicyKinds
from somc.domain.refusals import Refusal
from somc.domain.state import HallState
from somc.domain.values import Ticket, TicketState, Words
from somc.errors import UsageError
from somc.scheduler.interface import Scheduler
from somc.scheduler.kinds import BUILT_IN
from somc.simulate.recorded_day import Act, Call, Reaction, RecordedDay, Step, Visit
from somc.simulate.typical import Typical
from somc.simulate.watching import Cause, Sight, Watch, is_free

__all__ = ["ASSUMPTIONS", "Played", "PolicyRefused", "play_again"]

BY = "what-if"

ASSUMPTIONS = (
    Words(
        "顾客按记录的时间到达，办理同样的业务；每位顾客被叫到后的用时与记录相同。",
        "Customers come as they came and, once called, take as long as they took.",
    ),
    Words(
        "等候中离开的顾客，等到同样长的时间仍会离开，除非在此之前被叫到；他们的办理时间取当天该业务的平均值。",
        "Whoever left after some wait leaves after that wait again, unless called before; then the service "
        "takes the day's mean of its kind.",
    ),
    Words(
        "当天被叫到的顾客，不会因等候更久而离开；过号者仍然过号。",
        "Whoever was called does not leave because the wait is longer; no-shows stay no-shows.",
    ),
    Words(
        "台席的开启、暂停、关闭和技能与记录相同；正在服务时，关闭推迟到该顾客离开。",
        "Counters open, pause, close and change skills as recorded; a counter that is busy then closes "
        "when its customer leaves.",
    ),
    Words(
        "台席两次叫号之间的空隙取自记录（第几次空闲就取第几次的）；没有记录可循时取该台席的中位数。",
        "The gap between a counter's customers is the recorded one of the same place in its day; where the "
        "record has none, the counter's median.",
    ),
    Words(
        "自动叫号的台席，由当天的分配方式得到下一位顾客。",
        "Auto counters are given their customers by the distribution in force.",
    ),
    Words(
        "营业员按号指定的呼叫，如果该顾客仍在等候，依然按号呼叫。",
        "A ticket that an agent called by number is called by number again if it still waits.",
    ),
)
"""What a what-if takes for granted, for people."""

RECORDED, LATER = 0, 1
"""At one instant: what has a record, in the order of the records, then what has none. (Before both, counters
look at whom time alone has made visible.)"""


class PolicyRefused(UsageError):
    """The hall of a recorded day refuses the policy that was to be tried out."""

    def __init__(self, day: str, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(f"{day}: the hall refuses this policy: {refusal.words.en}")


@dataclass(slots=True)
class Played:
    """What came of a day that was played again."""

    policy_kind: str
    kind_known: bool = True
    """Whether the kind was at hand. If not, its coefficients are in the record, but no program of its own."""
    visits: dict[str, Visit] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    turned_away: int = 0
    """Visitors whom a limit of the hall refused, though it let them in in the record."""
    guessed_services: int = 0
    """Calls of somebody who was never called in the record: the service is the day's mean."""
    guessed_gaps: int = 0
    """Calls after a gap that has no example in the record: it is the counter's median."""
    not_done: dict[str, int] = field(default_factory=dict)
    """Acts of the record that the hall refused this time: refusal → how often."""


def play_again(
    day: RecordedDay,
    changes: Mapping[str, Any],
    make_scheduler: Callable[[], Scheduler],
    kinds: PolicyKinds = BUILT_IN,
) -> Played:
    """Play `day` with `changes` (dotted key → value, as in `ChangePolicy`) in force from its beginning.
    `kinds` are the policy kinds that there are.

    Raises `PolicyRefused` with the hall's reason.
    """
    play = _Play(day, changes, HallState.load(msgspec.json.decode(day.begin), make_scheduler, kinds))
    play.run()
    return play.played


class _Play:
    """One day under way."""

    def __init__(self, day: RecordedDay, changes: Mapping[str, Any], state: HallState) -> None:
        self.day = day
        self.changes = changes
        self.state = state
        self._typical = Typical.of(day)
        self._watch = Watch()
        self._heap: list[tuple[int, int, int, int, Callable[[int], None]]] = []
        self._count = 0
        self._over = False
        self._seen: dict[Cause, int] = {}
        """How often each cause of a sight has come up."""
        self._steps = {name: course.steps for name, course in day.courses.items()}
        self._place: dict[str, int] = {}
        """Ticket → how many of its steps are behind it."""
        self._moves: dict[str, int] = {}
        """Ticket → how often it has moved: what was planned for it before is void."""
        self._put_off: dict[int, list[c.Command]] = {}
        """Counter → acts that it could not do yet, in order: it calls nobody before them."""
        self._at_hand: dict[int, list[str]] = {}
        """Counter → held tickets that its agent calls by number as soon as it is free."""

        self._change_policy()
        kind = self.state.hall.policy.kind
        self.played = Played(kind, kind_known=kind in self.state.kinds)

    def _change_policy(self) -> None:
        begin = self.day.begin_at
        outcome = decide(self.state, c.ChangePolicy(by=BY, changes=dict(self.changes)), begin)
        if isinstance(outcome, Refusal):
            raise PolicyRefused(self.day.day, outcome)
        for event in outcome:
            evolve(self.state, event, begin)

    def run(self) -> None:
        begin = self.day.begin_at
        for act in self.day.acts:
            self._at(act.at, RECORDED, act.seq, partial(self._act, act.command))
        for name, course in self.day.courses.items():
            if course.taken is None:
                self._expect(name, begin)
            else:
                self._at(course.came_at, RECORDED, course.taken.seq, partial(self._come, course.taken))
        self._look(begin)
        now = begin
        while not self._over:
            due = self._heap[0][0] if self._heap else self.day.end_at + 1
            sight = self._watch.next_sight(self.state, now)
            if sight is not None and sight <= min(due, self.day.end_at):
                now = sight
                self._look(now)
            elif due <= self.day.end_at:
                now, *_, act_at = heapq.heappop(self._heap)
                act_at(now)
            else:
                break

    def _at(self, at: int, order: int, place: int, act: Callable[[int], None]) -> None:
        self._count += 1
        heapq.heappush(self._heap, (at, order, place, self._count, act))

    # -- the hall -----------------------------------------------------------------------------------

    def _do(self, command: c.Command, at: int) -> Refusal | None:
        """Carry `command` out as a running hall does, idle auto counters being given their customers before
        and after it; or why the hall does not."""
        if not isinstance(command, c.EndDay):
            self._assign(at)
        outcome = decide(self.state, command, at)
        if isinstance(outcome, Refusal):
            return outcome
        self._evolve(outcome, at)
        self._assign(at)
        return None

    def _assign(self, at: int) -> None:
        while (command := given_somebody(self.state, at)) is not None:
            outcome = decide(self.state, command, at)
            assert not isinstance(outcome, Refusal), f"what the hall does by itself is refused: {outcome}"
            self._evolve(outcome, at)

    def _evolve(self, events: Iterable[e.Event], at: int) -> None:
        for event in events:
            evolve(self.state, event, at)
            if isinstance(event, e.TicketEvent):
                self._heard(event, at)
            self._look(at)

    def _note(self, refusal: Refusal | None) -> None:
        if refusal is not None:
            not_done = self.played.not_done
            not_done[refusal.code] = not_done.get(refusal.code, 0) + 1

    def _look(self, at: int) -> None:
        begun, _ = self._watch.look(self.state, at)
        for sight in begun:
            self._plan_press(sight)

    # -- acts of the record -------------------------------------------------------------------------

    def _act(self, command: c.Command | e.PolicyChanged, at: int) -> None:
        match command:
            case e.PolicyChanged() if not self.changes:
                evolve(self.state, command, at)
                self._look(at)
            case e.PolicyChanged():
                self._change_settings(BY, command.changes, at)
            case c.ChangeConfig():
                self._change_settings(command.by, command.changes, at)
            case c.EndDay():
                self._note(self._do(command, at))
                self._over = True
            case c.OpenCounter() | c.PauseCounter() | c.ResumeCounter() | c.CloseCounter():
                self._put_off.setdefault(command.counter, []).append(command)
            case c.ConfigureCounter():
                self._note(self._do(command, at))
        self._catch_up(at)

    def _change_settings(self, by: str, changes: Mapping[str, Any], at: int) -> None:
        """What is being tried out stays in force whatever the record changed there."""
        left = {key: value for key, value in changes.items() if key not in self.changes}
        if left:
            self._note(self._do(c.ChangeConfig(by=by, changes=left), at))

    def _catch_up(self, at: int) -> None:
        """Let counters do what they have put off, as far as it can be done now."""
        going = True
        while going:
            going = False
            for waiting in self._put_off.values():
                if waiting and self._do(waiting[0], at) is None:
                    waiting.pop(0)
                    going = True
        for counter, held in self._at_hand.items():
            if held and is_free(self.state.counters[counter]):
                self._do(c.CallTicket(by=BY, counter=counter, ticket=held.pop(0)), at)

    def _come(self, taken: Act, at: int) -> None:
        command = taken.command
        assert isinstance(command, c.TakeTicket)
        name = command.ticket_id
        self.played.visits[name] = Visit(command.service, command.customer_class, at)
        if self._do(command, at) is not None:
            del self.played.visits[name]
            self.played.turned_away += 1

    # -- counters press -----------------------------------------------------------------------------

    def _plan_press(self, sight: Sight) -> None:
        turn = self._seen[sight.cause] = self._seen.get(sight.cause, 0) + 1
        examples = self.day.reactions.get(sight.cause, ())
        example = examples[turn - 1] if turn <= len(examples) else None
        auto = self.state.hall.counters[sight.counter].mode == "auto"
        press = partial(self._press, sight, example)
        if example is not None and example.called:
            act = self._assign if example.given else press
            self._at(sight.since + example.ms, RECORDED, example.seq, act)
            return
        # In the record it looked on for so long without calling; among equals the longest idle is first.
        looked_on_ms = 0 if example is None else example.ms
        idle_since = self.state.counters[sight.counter].free_since
        if auto:
            self._at(sight.since + looked_on_ms, LATER, idle_since, self._assign)
        else:
            reaction_ms = max(self._typical.reaction_ms(sight), looked_on_ms)
            self._at(sight.since + reaction_ms, LATER, idle_since, press)

    def _press(self, sight: Sight, example: Reaction | None, at: int) -> None:
        """The counter calls, if it still sees somebody."""
        number = sight.counter
        if self._watch.sights.get(number) is not sight or self._put_off.get(number):
            return
        if example is None or not example.called:
            self.played.guessed_gaps += 1
        elif example.asked_for is not None:
            given = c.CallTicket(by=BY, counter=number, ticket=example.asked_for)
            if self._do(given, at) is None:
                return
        self._note(self._do(c.CallNext(by=BY, counter=number), at))

    # -- tickets go their way -----------------------------------------------------------------------

    def _heard(self, event: e.TicketEvent, at: int) -> None:
        if event.ticket in self.played.visits:
            self.played.visits[event.ticket].heard(event, at)
        if isinstance(event, e.TicketTransferred) and event.cause != "asked":
            return  # the hall's own doing: still the same wait, in another queue
        if isinstance(event, e.TicketCalled):
            self.played.calls.append((event.ticket, event.counter, at))
        self._advance(event)
        self._expect(event.ticket, at)

    def _advance(self, event: e.TicketEvent) -> None:
        """The step that `event` is lies behind the ticket now."""
        name = event.ticket
        steps, place = self._steps.get(name, []), self._place.get(name, 0)
        if isinstance(event, e.TicketTaken):
            return
        if place < len(steps) and type(steps[place].event) is type(event):
            self._place[name] = place + 1
        elif isinstance(event, e.TicketCalled):
            # Called before it left the queue by itself: then as after its next call, if it had one.
            calls = [number for number in range(place, len(steps)) if steps[number].called]
            if calls:
                self._place[name] = calls[0] + 1
            else:
                self.played.guessed_services += 1
                self._steps[name] = self._typical.steps_after(event, self.state.hall)
                self._place[name] = 0

    def _expect(self, name: str, at: int) -> None:
        """Plan what befalls the ticket next, from where it is since `at`."""
        moves = self._moves[name] = self._moves.get(name, 0) + 1
        ticket = self.state.tickets[name]
        steps, place = self._steps.get(name, []), self._place.get(name, 0)
        if ticket.state.ended or place >= len(steps):
            return
        step = steps[place]
        if step.called and ticket.state is TicketState.WAITING and not step.aside:
            return  # that is routing's to decide
        self._at(at + step.after_ms, RECORDED, step.seq, partial(self._befall, name, moves, step))

    def _befall(self, name: str, moves: int, step: Step, at: int) -> None:
        if self._moves[name] != moves:
            return  # it was called, or moved, before
        ticket = self.state.tickets[name]
        command = _command_of(step.event, ticket)
        refusal = self._do(command, at)
        if refusal is not None and isinstance(command, c.CallTicket):
            self._at_hand.setdefault(command.counter, []).append(name)
        elif refusal is not None:
            self._note(refusal)
            self._place[name] = self._place.get(name, 0) + 1
            if ticket.state is TicketState.CALLED and ticket.counter is not None:
                self._do(c.MarkNoShow(by=BY, counter=ticket.counter), at)
            elif ticket.state is TicketState.SERVING and ticket.counter is not None:
                self._do(c.FinishService(by=BY, counter=ticket.counter), at)
            else:
                self._expect(name, at)
        self._catch_up(at)


def _command_of(event: e.TicketEvent, ticket: Ticket) -> c.Command:
    """The command that makes of `ticket` what `event` made of it in the record."""
    counter = ticket.counter if ticket.counter is not None else 0
    match event:
        case e.TicketCalled():
            return c.CallTicket(by=BY, counter=event.counter, ticket=ticket.id)
        case e.TicketRecalled():
            return c.Recall(by=BY, counter=counter)
        case e.TicketServiceStarted():
            return c.StartService(by=BY, counter=counter)
        case e.TicketFinished():
            return c.FinishService(by=BY, counter=counter)
        case e.TicketNoShow():
            return c.MarkNoShow(by=BY, counter=counter)
        case e.TicketReturned():
            return c.ReturnTicket(by=BY, counter=counter)
        case e.TicketCancelled():
            return c.CancelTicket(by=BY, ticket=ticket.id)
        case e.TicketHeld():
            return c.HoldTicket(by=BY, ticket=ticket.id)
        case e.TicketResumed():
            return c.ResumeTicket(by=BY, ticket=ticket.id)
        case e.TicketTransferred():
            return c.TransferTicket(
                by=BY, ticket=ticket.id, service=event.to_service, counter=event.to_counter or None
            )
        case _:
            raise AssertionError(f"{type(event).__name__} is no step of a ticket")
