"""Why this ticket: the sentence beside every call, and the data behind it."""

from __future__ import annotations

from somc.domain.events import CalledReason
from somc.domain.state import HallState
from somc.domain.values import Counter, Ticket, TicketState, Words
from somc.scheduler.interface import Choice

__all__ = ["given", "why"]


def why(state: HallState, counter: Counter, ticket: Ticket, choice: Choice, now: int) -> CalledReason:
    """The reason of a call that the policy chose."""
    hall = state.hall
    runner = choice.runner_up
    second = state.tickets[state.by_key[runner.key]].number if runner is not None else None
    kind = hall.classes[ticket.customer_class].name
    minutes = waited_s(ticket, now) // 60
    zh, en = SENTENCES[choice.rule]
    facts = {
        "number": ticket.number,
        "minutes": minutes,
        "second": second,
        "policy": hall.policy.kind,
        "level": choice.level,
        "guard": (hall.guard_s(ticket.service, ticket.customer_class) or 0) // 60,
    }
    return CalledReason(
        rule=choice.rule,
        policy=hall.policy.kind,
        waited_s=waited_s(ticket, now),
        candidates=state.queues.waiting_for(counter.number, counter.skills),
        score=choice.score,
        level=choice.level,
        runner_up=second,
        runner_up_score=None if runner is None else runner.score,
        words=Words(zh=zh.format(kind=kind.zh, **facts), en=en.format(kind=kind.en, **facts)),
    )


def given(state: HallState, ticket: Ticket, now: int) -> CalledReason:
    """The reason of a call that an agent asked for by number."""
    return CalledReason(
        rule="given",
        policy=state.hall.policy.kind,
        waited_s=waited_s(ticket, now),
        candidates=1,
        words=Words(
            zh=f"营业员指定呼叫 {ticket.number}。", en=f"The agent asked for {ticket.number} by number."
        ),
    )


def waited_s(ticket: Ticket, now: int) -> int:
    """The ticket's whole wait until `now`, in seconds."""
    running_ms = now - ticket.queued_at if ticket.state is TicketState.WAITING else 0
    return (ticket.waited_ms + running_ms) // 1000


SENTENCES: dict[str, tuple[str, str]] = {
    "only": (
        "{number}（{kind}，已等 {minutes} 分钟）是本台席可服务的第一位顾客。",
        "{number} ({kind}, {minutes} min waited) is the first in the only line this counter can serve now.",
    ),
    "score": (
        "{number}（{kind}，已等 {minutes} 分钟）按策略“{policy}”得分最高，其他队列中最靠前的是 {second}。",
        "{number} ({kind}, {minutes} min waited) scores highest under '{policy}', "
        "before {second}, the best of the other lines.",
    ),
    "level": (
        "{number}（{kind}，已等 {minutes} 分钟）属于本台席第 {level} 优先业务，先于 {second}。",
        "{number} ({kind}, {minutes} min waited) is of this counter's level-{level} service, "
        "which goes before {second}'s.",
    ),
    "guard": (
        "{number}（{kind}）已等 {minutes} 分钟，超过最长等候 {guard} 分钟，优先于所有人。",
        "{number} ({kind}) has waited {minutes} min, beyond the longest wait of {guard} min: "
        "before everybody.",
    ),
}
"""The scheduler's rule → its sentence in Chinese and English."""
