"""Counters that are given their next customer (`mode = "auto"`) instead of calling.

A free, open auto counter stands in the idle line. Whoever comes, and whatever time brings into its sight
(an overflow, an appointment's window), calls to it by the hall's distribution; while nobody is there it
simply stands.

What must stay true
- The choice is the scheduler's (`assign`), of all idle counters at once, so that no two of them get the same
  customer and a counter kept free for a class stays free.
- Nobody waits beyond the guard in front of an idle counter: it goes before what is kept free, too.
"""

from __future__ import annotations

import msgspec

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.calling import called
from somc.domain.choosing import STRATEGY, choose
from somc.domain.explain import why
from somc.domain.idle import idle_counters
from somc.domain.refusals import Refusal
from somc.domain.state import HallState
from somc.domain.values import Counter, Words
from somc.scheduler.interface import Choice, Idle

__all__ = ["DISTRIBUTION_WORDS", "assign", "given_somebody"]

DISTRIBUTION_WORDS: dict[str, Words] = {
    "longest_idle": Words("空闲最久的台席", "the counter that has been idle longest"),
    "lowest_level": Words("业务级别最优先的台席", "the counter whose preferred service it is"),
    "fixed_order": Words("编号最小的空闲台席", "the idle counter with the smallest number"),
}
"""Distribution → to whom the next customer goes, as the end of a sentence."""


def _choice(state: HallState, now: int) -> tuple[Counter, Choice] | None:
    if state.settings is None or not len(state.scheduler):
        return None
    idle = idle_counters(state)
    if not idle:
        return None
    line = [
        Idle(state.queues.counter_profile(counter.number), counter.free_since, counter.number)
        for counter in idle
    ]
    found = state.scheduler.assign(line, state.hall.policy.distribution, now)
    return None if found is None else (idle[found[0]], found[1])


def is_guarded(state: HallState, choice: Choice, now: int) -> bool:
    """Whether whom this choice is about has waited beyond the guard."""
    ticket = state.tickets[state.by_key[choice.key]]
    return now - ticket.v >= state.queues.terms_of(state.hall, choice.queue).guard


def given_somebody(state: HallState, now: int) -> c.AssignCounter | None:
    """A look: whether somebody is there for an idle auto counter."""
    return None if _choice(state, now) is None else c.AssignCounter(by="distribution")


def assign(state: HallState, command: c.AssignCounter, now: int) -> list[e.Event] | Refusal:
    """Call the customer to the counter that the distribution names; no event if there is nobody.

    A policy's own program is asked whom that counter gets, as when its agent presses next.
    """
    found = _choice(state, now)
    if found is None:
        return []
    counter, choice = found
    idle = len(idle_counters(state))
    lanes = state.queues.lanes[f"counter:{counter.number}"]
    hidden = frozenset(queue for queue, lane in lanes.items() if lane.reserve >= idle)
    chosen = None if is_guarded(state, choice, now) else choose(state, counter, now, hidden)
    if chosen is not None and chosen.choice.rule == STRATEGY:
        choice = chosen.choice
    ticket = state.tickets[state.by_key[choice.key]]
    reason = why(state, counter, ticket, choice, now, None if chosen is None else chosen.failed)
    whom = DISTRIBUTION_WORDS[state.hall.policy.distribution]
    words = Words(
        zh=f"自动分配到{whom.zh}（{counter.number} 号）：{reason.words.zh}",
        en=f"Given to {whom.en} (counter {counter.number}): {reason.words.en}",
    )
    facts = {**reason.facts, "because": reason.rule, "distribution": state.hall.policy.distribution}
    assigned = msgspec.structs.replace(reason, rule="assigned", facts=facts, words=words)
    return [called(command, counter, ticket, assigned)]
