"""Whom a counter gets next: the scheduler's choice, or that of the policy kind's own program (`pick`).

What must stay true
- While somebody waits beyond the guard, or only one line is there, the scheduler decides: a program cannot
  starve anybody.
- A program that raises or answers nonsense decides nothing: the compiled terms do, and the call's reason says
  so.
- Looking ahead (`preview`) asks the same program in the same way as a call.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from somc.domain.state import HallState
from somc.domain.values import Counter
from somc.scheduler.interface import Choice, Head, Runner
from somc.scheduler.policy import Candidate, Pick, check_picked, score_after

__all__ = ["STRATEGY", "Chosen", "choose", "preview"]

STRATEGY = "strategy"
"""The rule of a call that a kind's own program chose."""


class Chosen(msgspec.Struct, frozen=True):
    """Whom, and what became of the kind's own program (`None`: it has none, or was not asked)."""

    choice: Choice
    failed: str | None = None


def choose(
    state: HallState, counter: Counter, now: int, hidden: frozenset[int] = frozenset()
) -> Chosen | None:
    """Whom the policy puts first for this counter; `None` if there is nobody. `hidden`: queues that are not
    offered to it now, because idle counters are kept free of them."""
    profile = state.queues.counter_profile(counter.number)
    choice = state.scheduler.peek(profile, now)
    if choice is None:
        return None
    pick = _pick_of(state)
    if pick is None:
        return Chosen(choice)
    heads = [head for head in state.scheduler.heads(profile, now) if head.queue not in hidden]
    if len(heads) < 2 or heads[0].guarded:
        return Chosen(choice)
    picked = _ask(pick, [_candidate(state, head, now) for head in heads], now)
    if isinstance(picked, str):
        return Chosen(choice, failed=picked)
    head = heads[picked]
    second = heads[1] if picked == 0 else heads[0]
    runner = Runner(second.key, second.queue, second.score)
    return Chosen(Choice(head.key, head.queue, head.level, head.score, STRATEGY, runner))


def preview(state: HallState, counter: int, now: int, limit: int) -> list[int]:
    """The next `limit` keys this counter would call if it called them all at this instant."""
    profile = state.queues.counter_profile(counter)
    pick = _pick_of(state)
    if pick is None:
        return state.scheduler.preview(profile, now, limit)
    keys: list[int] = []
    heads = state.scheduler.heads(profile, now)
    taken: dict[int, int] = {}
    while heads and len(keys) < limit:
        picked: int | str = 0
        if len(heads) > 1 and not heads[0].guarded:
            picked = _ask(pick, [_candidate(state, head, now) for head in heads], now)
        head = heads.pop(picked if isinstance(picked, int) else 0)
        keys.append(head.key)
        taken[head.queue] = taken.get(head.queue, 1) + 1
        following = state.scheduler.nth(head.queue, taken[head.queue])
        then = None if following is None else _seen(state, counter, head, following[0], following[1], now)
        if then is not None:
            heads = sorted([*heads, then], key=_rank)
    return keys


def _pick_of(state: HallState) -> Pick | None:
    kind = state.kinds.get(state.hall.policy.kind)
    return None if kind is None else kind.pick


def _ask(pick: Pick, candidates: Sequence[Candidate], now: int) -> int | str:
    """The position that the program answers, or what went wrong."""
    try:
        picked = pick(candidates, now)
        check_picked(picked, candidates)
    except Exception as error:  # trusted code, but a fault in it must not stop the calling of tickets
        return repr(error)
    return picked


def _candidate(state: HallState, head: Head, now: int) -> Candidate:
    ticket = state.tickets[state.by_key[head.key]]
    return Candidate(
        number=ticket.number,
        service=ticket.service,
        customer_class=ticket.customer_class,
        waited_ms=now - head.v,
        target_ms=ticket.target_wait_s * 1000,
        level=head.level,
        score=head.score,
    )


def _seen(state: HallState, counter: int, before: Head, key: int, v: int, now: int) -> Head | None:
    """The ticket behind `before` as the next head of its line; `None` if the counter does not see it yet."""
    terms = state.queues.terms_of(state.hall, before.queue)
    wait = now - v
    if wait < state.queues.lane(counter, before.queue).min_wait:
        return None
    return Head(key, before.queue, before.level, score_after(terms, wait), v, wait >= terms.guard)


def _rank(head: Head) -> tuple[int, ...]:
    """As the scheduler orders heads: beyond the guard by wait, else by level, score and wait."""
    return (0, 0, 0, head.v) if head.guarded else (1, head.level, -head.score, head.v)
