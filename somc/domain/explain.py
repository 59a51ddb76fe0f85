"""Why this ticket: the sentence beside every call, and the data behind it.

What must stay true: the sentence is for the manager of a hall. It names people's numbers, minutes and
promises and never a score; what it says is what decided, and the same facts stand beside it as data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from somc.domain.events import CalledReason
from somc.domain.policy import skill_level
from somc.domain.reasons import CAUSES, SCORES, SENTENCES, Sentence
from somc.domain.state import HallState
from somc.domain.values import WORST_LEVEL, Counter, Ticket, TicketState, Words
from somc.scheduler.interface import NEVER, Choice, Terms
from somc.scheduler.policy import score_after

__all__ = ["given", "waited_s", "why"]


@dataclass(frozen=True, slots=True)
class Side:
    """A ticket as it competed: its wait, its promise, the terms of its line."""

    ticket: Ticket
    kind: Words
    wait_ms: int
    terms: Terms
    level: int

    @property
    def left_s(self) -> int:
        """How much of the promised wait is left; negative when it is over."""
        return self.ticket.target_wait_s - self.wait_ms // 1000

    @property
    def unboosted(self) -> int:
        return self.terms.offset + self.terms.rate * self.wait_ms

    @property
    def boosted(self) -> bool:
        return self.wait_ms >= self.terms.knee and (self.terms.rate_after > 0 or self.terms.jump > 0)


def why(
    state: HallState, counter: Counter, ticket: Ticket, choice: Choice, now: int, failed: str | None = None
) -> CalledReason:
    """The reason of a call that the policy chose. `failed`: what the kind's own program raised instead."""
    winner = _side(state, ticket, choice.queue, counter, now)
    runner = choice.runner_up
    second = None
    if runner is not None:
        second = _side(state, state.tickets[state.by_key[runner.key]], runner.queue, counter, now)
    rule = _rule(state, counter, choice, winner, second, now)
    facts = _facts(state, counter, choice, rule, winner, second)
    return CalledReason(
        rule=rule,
        policy=state.hall.policy.kind,
        version=state.policies.version,
        waited_s=waited_s(ticket, now),
        candidates=state.queues.waiting_for(counter.number, counter.skills),
        score=choice.score,
        level=skill_level(choice.level),
        runner_up=None if second is None else second.ticket.number,
        runner_up_score=None if runner is None else runner.score,
        target_left_s=winner.left_s,
        guard_s=None if winner.terms.guard >= NEVER else winner.terms.guard // 1000,
        facts=facts,
        failed=failed,
        words=_words(state, counter, choice, rule, winner, second, facts, failed),
    )


def given(state: HallState, ticket: Ticket, now: int) -> CalledReason:
    """The reason of a call that an agent asked for by number."""
    return CalledReason(
        rule="given",
        policy=state.hall.policy.kind,
        version=state.policies.version,
        waited_s=waited_s(ticket, now),
        candidates=1,
        target_left_s=ticket.target_wait_s - waited_s(ticket, now),
        words=Words(
            zh=f"营业员指定呼叫 {ticket.number}。", en=f"The agent asked for {ticket.number} by number."
        ),
    )


def waited_s(ticket: Ticket, now: int) -> int:
    """The ticket's whole wait until `now`, in seconds."""
    running_ms = now - ticket.queued_at if ticket.state is TicketState.WAITING else 0
    return (ticket.waited_ms + running_ms) // 1000


# -- what decided ---------------------------------------------------------------------------------------


def _side(state: HallState, ticket: Ticket, queue: int, counter: Counter, now: int) -> Side:
    kind = state.hall.classes[ticket.customer_class].name
    terms = state.queues.terms_of(state.hall, queue)
    return Side(ticket, kind, now - ticket.v, terms, state.queues.lane(counter.number, queue).level)


def _rule(
    state: HallState, counter: Counter, choice: Choice, winner: Side, second: Side | None, now: int
) -> str:
    """The scheduler's rule, or the setting that let it come to that."""
    if choice.rule in ("guard", "strategy"):
        return choice.rule
    lane = state.queues.lane(counter.number, choice.queue)
    if choice.rule in ("score", "ratio") and winner.ticket.booked:
        return "appointment"
    guest_stood_back = second is not None and winner.level <= WORST_LEVEL < second.level
    if guest_stood_back or _kept_back(state, counter, choice, now):
        return "reserved"
    if 0 < lane.min_wait < NEVER:
        return "overflow"
    if (
        choice.rule == "score"
        and second is not None
        and winner.boosted
        and winner.unboosted <= second.unboosted
    ):
        return "boost"
    return choice.rule


def _kept_back(state: HallState, counter: Counter, choice: Choice, now: int) -> bool:
    """Whether somebody of another class stands back here who would be before the winner otherwise."""
    setup = state.hall.counters[counter.number]
    if not setup.reserved_for:
        return False
    for queue, lane in state.queues.lanes[f"counter:{counter.number}"].items():
        first = state.scheduler.nth(queue, 1)
        if first is None or queue == choice.queue:
            continue
        ticket = state.tickets[state.by_key[first[0]]]
        wait_ms = now - first[1]
        if ticket.customer_class in setup.reserved_for or wait_ms >= lane.min_wait:
            continue
        terms = state.queues.terms_of(state.hall, queue)
        if (skill_level(lane.level), -score_after(terms, wait_ms)) < (choice.level, -choice.score):
            return True
    return False


def _facts(
    state: HallState, counter: Counter, choice: Choice, rule: str, winner: Side, second: Side | None
) -> dict[str, Any]:
    """What the sentence is made of, beside the fields that every reason has."""
    facts: dict[str, Any] = {}
    if second is not None:
        facts["runner_up_waited_s"] = second.wait_ms // 1000
        facts["runner_up_left_s"] = second.left_s
    match rule:
        case "overflow":
            facts["after_s"] = state.queues.lane(counter.number, choice.queue).min_wait // 1000
        case "reserved":
            facts["reserved_for"] = list(state.hall.counters[counter.number].reserved_for)
        case "boost":
            facts["boost_after_s"] = winner.terms.knee // 1000
            facts["boost"] = round((winner.terms.rate + winner.terms.rate_after) / winner.terms.rate, 2)
        case "ratio" if second is not None:
            facts["share"], facts["runner_up_share"] = winner.terms.share, second.terms.share
        case "score" if second is not None:
            facts |= _rate_facts(state, winner, second)
    return facts


def _rate_facts(state: HallState, winner: Side, second: Side) -> dict[str, Any]:
    """Under kinds with rates: how much faster the winner's waiting counts, and like which wait of the
    other."""
    if not second.terms.rate or winner.terms.rate == second.terms.rate:
        return {}
    factor = winner.terms.rate / second.terms.rate
    return {
        "rate": winner.terms.rate,
        "runner_up_rate": second.terms.rate,
        "factor": round(factor, 2),
        "counts_like_s": round(winner.wait_ms * factor / 1000),
        "target_wait_s": winner.ticket.target_wait_s,
        "mean_service_s": state.hall.services[winner.ticket.service].mean_service_s,
        "runner_up_target_wait_s": second.ticket.target_wait_s,
        "runner_up_mean_service_s": state.hall.services[second.ticket.service].mean_service_s,
        **({"causes": causes} if (causes := _causes(state, winner.ticket, second.ticket)) else {}),
    }


def _causes(state: HallState, winner: Ticket, second: Ticket) -> list[str]:
    """What makes the winner's waiting count for more under `gcmu`: its weight, or else its promise, and its
    work; nothing under other kinds."""
    hall = state.hall
    if hall.policy.kind != "gcmu":
        return []
    mine, other = (hall.weight_milli(each.service, each.customer_class) for each in (winner, second))
    promised_s, other_s = (hall.target_wait_s(each.service, each.customer_class) for each in (winner, second))
    causes = []
    if mine is not None or other is not None:
        if (mine or 60_000 / promised_s) > (other or 60_000 / other_s):
            causes.append("weight")
    elif promised_s < other_s:
        causes.append("promise")
    means_s = [hall.services[each.service].mean_service_s for each in (winner, second)]
    if hall.policy.alpha_milli and means_s[0] < means_s[1]:
        causes.append("work")
    return causes


# -- as a sentence --------------------------------------------------------------------------------------


def _words(
    state: HallState,
    counter: Counter,
    choice: Choice,
    rule: str,
    winner: Side,
    second: Side | None,
    facts: Mapping[str, Any],
    failed: str | None,
) -> Words:
    sentence = _sentence(state, rule, winner, second, facts)
    reserved = [state.hall.classes[name].name for name in state.hall.counters[counter.number].reserved_for]
    filled: dict[str, Any] = {
        **facts,
        "number": winner.ticket.number,
        "minutes": _minutes(max(0, winner.wait_ms) // 1000),
        "booked": state.clock_time(winner.ticket.v)[-5:] if rule == "appointment" else "",
        "level": skill_level(choice.level),
        "guard": _minutes(min(winner.terms.guard, NEVER - 1) // 1000),
        "kind": winner.kind,
        "left": _left(winner.left_s),
        "reserved": Words("、".join(each.zh for each in reserved), ", ".join(each.en for each in reserved)),
    }
    for name in ("runner_up_target_wait_s", "runner_up_mean_service_s"):
        if name in facts:
            filled[f"second{name.removeprefix('runner_up').removesuffix('_s')}"] = _minutes(facts[name])
    for name in ("after_s", "boost_after_s", "counts_like_s", "target_wait_s", "mean_service_s"):
        if name in facts:
            filled[name.removesuffix("_s")] = _minutes(facts[name])
    if second is not None:
        filled |= {
            "second": second.ticket.number,
            "second_kind": second.kind,
            "second_minutes": _minutes(max(0, second.wait_ms) // 1000),
            "second_left": _left(second.left_s),
            "second_level": skill_level(second.level),
        }
    in_zh = {name: _in(each, "zh") for name, each in filled.items()}
    in_en = {name: _in(each, "en") for name, each in filled.items()}
    because = [CAUSES[each] for each in facts.get("causes", ())]
    in_zh["causes"] = "，".join(each.zh.format(**in_zh) for each in because)
    in_en["causes"] = " and ".join(each.en.format(**in_en) for each in because)
    zh, en = sentence.zh.format(**in_zh), sentence.en.format(**in_en)
    if failed is not None:
        zh, en = zh + SENTENCES["failed"].zh, en + SENTENCES["failed"].en
    return Words(zh=zh, en=en)


def _sentence(
    state: HallState, rule: str, winner: Side, second: Side | None, facts: Mapping[str, Any]
) -> Sentence:
    kind = state.kinds.get(state.hall.policy.kind)
    if kind is not None and (rule == "strategy" or (rule == "score" and kind.name not in SCORES)):
        # The plugin's own words; braces of its own other than {second} are not ours to fill.
        zh, en = (kind.because[each].replace("{second}", "\0") for each in ("zh", "en"))
        zh, en = (each.replace("{", "{{").replace("}", "}}").replace("\0", "{second}") for each in (zh, en))
        head = SENTENCES["head"]
        return Sentence(f"{head.zh}{zh}。", f"{head.en}{en}.")
    if rule in ("score", "ratio") and second is not None:
        return SENTENCES[_score_words(state, rule, winner, second, facts)]
    return SENTENCES[rule]


def _score_words(state: HallState, rule: str, winner: Side, second: Side, facts: Mapping[str, Any]) -> str:
    """Which sentence says how the score came about: by kind, or plainly if it was the longer wait."""
    mine, other = winner.terms, second.terms
    alike = (mine.rate, mine.offset, mine.group, mine.share) == (
        other.rate,
        other.offset,
        other.group,
        other.share,
    )
    if alike or (rule == "ratio" and mine.group == other.group):
        return "longer" if winner.wait_ms > second.wait_ms else "earlier"
    by_kind = SCORES.get(state.hall.policy.kind, "most")
    if by_kind not in ("rates", "costs"):
        return by_kind
    if "factor" not in facts:
        return "most"
    if facts["factor"] < 1:
        return "slower"
    return "costs" if by_kind == "costs" and facts.get("causes") else "rates"


def _minutes(seconds: int) -> int:
    return seconds // 60


def _left(seconds: int) -> Words:
    """How much of a promise is left, in words."""
    if seconds >= 0:
        return Words(f"还剩 {seconds // 60} 分钟", f"{seconds // 60} min left")
    return Words(f"已超 {-seconds // 60} 分钟", f"{-seconds // 60} min over")


def _in(value: object, language: str) -> object:
    return getattr(value, language) if isinstance(value, Words) else value
