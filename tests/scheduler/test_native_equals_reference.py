"""The C core and the Python reference give the same answer to everything, after every step.

Waits are drawn around the numbers at which behaviour changes (knee, guard, min_wait, warn, target), because
an error of one millisecond there is what a wide range would never hit.
"""

from array import array
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from somc.scheduler import DISTRIBUTIONS, NEVER, RATIO_STEP, Idle, Lane, Server, Terms, restore
from somc.scheduler.native import NativeScheduler
from somc.scheduler.reference import ReferenceScheduler

STEPS = (0, 1, 2, 3, 5, 8, 13)
"""Few small numbers, so that ties and exact hits are common."""

small = st.sampled_from(STEPS)
waits = st.one_of(small, st.just(NEVER))
keys = st.integers(0, 40)
huge = st.sampled_from([0, 1, 1 << 20, 1 << 40, (1 << 40) + 1, NEVER])


@st.composite
def some_terms(draw: st.DrawFn) -> Terms:
    if draw(st.integers(0, 9)) == 0:  # the ends of what is allowed
        rate = draw(st.sampled_from([0, 1, 1 << 20]))
        return Terms(rate, draw(huge), draw(huge), draw(huge), -rate, draw(huge), draw(huge), draw(huge))
    rate = draw(st.integers(0, 3))
    group = draw(st.sampled_from([0, 0, 1, 2, 3, 255]))
    return Terms(
        rate=rate,
        offset=draw(st.integers(-5, 5)),
        knee=draw(waits),
        jump=draw(small),
        rate_after=draw(st.integers(-rate, 3)),
        guard=draw(waits),
        warn=draw(waits),
        target=draw(waits),
        share=draw(st.sampled_from([1, 1, 2, 3, 7, 1000])) if group else 0,
        group=group,
    )


@st.composite
def some_lanes(draw: st.DrawFn, queues: int) -> list[Lane]:
    chosen = draw(st.lists(st.integers(0, queues - 1), unique=True, max_size=queues))
    return [
        Lane(
            queue,
            level=draw(st.sampled_from([1, 1, 1, 2, 60])),
            bonus=draw(st.sampled_from([0, 0, 1, -3, NEVER, -NEVER])),
            min_wait=draw(st.sampled_from([0, 0, 1, 5, -2, NEVER, -NEVER])),
            reserve=draw(st.sampled_from([0, 0, 1, 2])),
        )
        for queue in chosen
    ]


def batch(*rows: tuple[int, ...]) -> "array[int]":
    return array("q", [number for row in rows for number in row])


class Twins(RuleBasedStateMachine):
    """Every change is made to both; every question is asked of both."""

    @initialize(terms=st.lists(some_terms(), min_size=1, max_size=4), data=st.data())
    def define(self, terms: list[Terms], data: st.DataObject) -> None:
        self.native, self.reference = NativeScheduler(), ReferenceScheduler()
        self.now = 100
        self.queues = self.profiles = 0
        for each in terms:
            self.both("define_queue", each)
            self.queues += 1
        for _ in range(data.draw(st.integers(1, 3))):
            self.both("define_profile", data.draw(some_lanes(self.queues)))
            self.profiles += 1

    def both(self, method: str, *arguments: Any, **named: Any) -> Any:
        """The common answer; an exception counts as one."""
        answers = []
        for scheduler in (self.native, self.reference):
            try:
                answers.append(getattr(scheduler, method)(*arguments, **named))
            except (KeyError, IndexError, ValueError, TypeError) as error:
                answers.append((type(error), str(error)))
        assert answers[0] == answers[1], (method, arguments)
        return answers[0]

    queue = property(lambda self: st.integers(0, self.queues - 1))
    instant = property(
        lambda self: st.builds(lambda step: self.now - step, st.sampled_from((*STEPS, -1, -4)))
    )

    key = property(lambda self: st.one_of(keys, st.sampled_from(self.inside())) if self.inside() else keys)
    """Mostly of a ticket that is inside."""

    def inside(self) -> list[int]:
        return [row[0] for queue in self.reference.dump()["queues"] for row in queue["tickets"]]

    profile = property(lambda self: st.integers(0, self.profiles - 1))

    @rule(key=keys, order=st.integers(0, 3), told=st.integers(0, 3), data=st.data())
    def push(self, key: int, order: int, told: int, data: st.DataObject) -> None:
        self.both("push", key, data.draw(self.queue), data.draw(self.instant), order, told)

    @rule(data=st.data())
    def push_batch(self, data: st.DataObject) -> None:
        """A part of them with a key that is inside or named twice, or a queue that is not there."""
        queue = st.one_of(self.queue, self.queue, st.sampled_from([self.queues, -1]))
        row = st.tuples(keys, queue, self.instant, st.integers(0, 3), st.sampled_from([0, 0, 1, 2, 3]))
        self.both("push_many", batch(*data.draw(st.lists(row, max_size=5))))

    @rule(data=st.data())
    def remove_batch(self, data: st.DataObject) -> None:
        self.both("remove_many", array("q", data.draw(st.lists(self.key, max_size=4))))

    @rule(data=st.data())
    def call_batch(self, data: st.DataObject) -> None:
        profile = st.one_of(self.profile, self.profile, self.profile, st.just(self.profiles))
        ask = st.tuples(profile, st.sampled_from([self.now, self.now, self.now + 3, 1 << 52]))
        self.both("call_many", batch(*data.draw(st.lists(ask, max_size=8))))

    @rule(
        group=st.sampled_from([0, 1, 2, 3, 255, 256]), lag=st.sampled_from([0, 5, RATIO_STEP, RATIO_STEP + 1])
    )
    def set_lag(self, group: int, lag: int) -> None:
        self.both("set_lag", group, lag)

    @rule(data=st.data())
    def assign(self, data: st.DataObject) -> None:
        counter = st.builds(Idle, self.profile, st.integers(-2, 2), st.integers(0, 3))
        idle = data.draw(st.lists(counter, max_size=5))
        self.both("assign", idle, data.draw(st.sampled_from((*DISTRIBUTIONS, "by_lot"))), self.now)

    @rule(count=st.integers(60, 140), data=st.data())
    def push_crowd(self, count: int, data: st.DataObject) -> None:
        """Enough to split chunks."""
        queue, first, spread = (
            data.draw(self.queue),
            len(self.reference) * 1000 + 1000,
            data.draw(st.booleans()),
        )
        for number in range(count):
            v = self.now - STEPS[number * 5 % len(STEPS)] if spread else self.now
            self.both("push", first + number, queue, v, number % 3)

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        self.both("remove", data.draw(self.key))

    @rule(data=st.data())
    def remove_crowd(self, data: st.DataObject) -> None:
        """Enough to empty and merge chunks."""
        every = data.draw(st.integers(1, 4))
        for key in self.inside()[data.draw(st.integers(0, 3)) :: every]:
            self.both("remove", key)

    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        self.both("move", data.draw(self.key), data.draw(self.queue), data.draw(self.instant))

    @rule(level=st.sampled_from(["warning", "breach", "noise"]), data=st.data())
    def alerted(self, level: str, data: st.DataObject) -> None:
        self.both("alerted", data.draw(self.key), level)

    @rule(limit=st.sampled_from([1, 5, 70, 1000]))
    def tell_what_is_due(self, limit: int) -> None:
        for _, key, level in self.both("due", self.now, limit):
            self.both("alerted", key, level)

    @rule(terms=some_terms(), data=st.data())
    def set_terms(self, terms: Terms, data: st.DataObject) -> None:
        self.both("set_terms", data.draw(self.queue), terms)

    @rule(data=st.data())
    def set_profile(self, data: st.DataObject) -> None:
        self.both("set_profile", data.draw(self.profile), data.draw(some_lanes(self.queues)))

    @rule(terms=some_terms())
    @precondition(lambda self: self.queues < 12)
    def define_queue(self, terms: Terms) -> None:
        self.both("define_queue", terms)
        self.queues += 1

    @rule(data=st.data())
    @precondition(lambda self: self.profiles < 10)
    def define_profile(self, data: st.DataObject) -> None:
        self.both("define_profile", data.draw(some_lanes(self.queues)))
        self.profiles += 1

    @rule(step=small)
    def time_passes(self, step: int) -> None:
        self.now += step

    @rule(data=st.data())
    def call(self, data: st.DataObject) -> None:
        """One after another, so that a group's lag is charged, and its rule speaks."""
        for _ in range(data.draw(st.integers(1, 5))):
            self.both("call", data.draw(self.profile), self.now)

    @rule(data=st.data())
    def called(self, data: st.DataObject) -> None:
        self.both("called", data.draw(self.key))

    @rule(ahead=st.sampled_from((*STEPS, 1 << 45)), data=st.data())
    def ask_about_one(self, ahead: int, data: st.DataObject) -> None:
        key, profile, now = data.draw(self.key), data.draw(self.profile), self.now + ahead
        self.both("ahead", profile, key, now)
        self.both("ahead_of_newcomer", profile, data.draw(self.queue), now)
        self.both("peek", profile, now)
        self.both("heads", profile, now)
        self.both("next_sight", profile, now)
        self.both("nth", data.draw(self.queue), data.draw(st.integers(0, 150)))
        self.both("due", now, data.draw(st.integers(0, 5)))

    @rule(data=st.data())
    def estimate(self, data: st.DataObject) -> None:
        server = st.builds(Server, self.profile, st.sampled_from((*STEPS, 1 << 40)))
        servers = data.draw(st.lists(server, max_size=4))
        means = data.draw(st.lists(st.sampled_from([1, 2, 5]), min_size=self.queues, max_size=self.queues))
        wanted = data.draw(st.one_of(st.none(), st.lists(self.key, max_size=3)))
        newcomer = data.draw(st.one_of(st.none(), self.queue))
        places = self.both("estimate", servers, means, self.now, wanted, newcomer)
        self.both("estimate_many", servers, means, self.now)
        if isinstance(places, dict):
            again = self.native.estimate(servers, means, self.now, wanted, newcomer)
            assert list(places) == list(again)  # the order of the calls

    @rule()
    def restored_is_equal(self) -> None:
        dumped = self.reference.dump()
        for fresh in (NativeScheduler(), ReferenceScheduler()):
            restore(fresh, dumped)
            assert fresh.dump() == dumped

    @invariant()
    def same_state(self) -> None:
        if not hasattr(self, "native"):
            return
        assert self.native.dump() == self.reference.dump()
        assert len(self.native) == len(self.reference)
        assert self.native.check() == 0
        self.both("next_due")
        for profile in range(self.profiles):
            self.both("peek", profile, self.now)
            self.both("heads", profile, self.now)
            self.both("next_sight", profile, self.now)

    @invariant()
    def same_preview(self) -> None:
        if hasattr(self, "native") and len(self.reference) < 60:
            for profile in range(self.profiles):
                for now in (self.now, self.now + 5):
                    self.both("preview", profile, now, 100)
                    self.both("due", now, 1000)


Twins.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestTwins = Twins.TestCase
