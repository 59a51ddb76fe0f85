"""The indicators (KPI) of a hall's policy, one to one to its parameters.

What must stay true: every indicator names exactly one parameter, no parameter is named twice, and `actual` is
of the running business day (None where nothing was measured yet).

    target wait          ↔ target_wait_s of the class (threshold)
    share within target  ↔ the class's weight under the kind in force (gcmu `weight`, accumulating `rate` …)
    longest wait         ↔ max_wait_s (starvation guard)
    counter utilisation  ↔ target_utilisation (advice how many counters to open)
    skill share          ↔ skills of the counter (preference levels)
"""

from __future__ import annotations

from typing import Any

from somc.domain.state import HallState
from somc.domain.values import Counter, CounterState, CustomerClass, Ticket, TicketState, Words

__all__ = ["kpis"]

Plain = dict[str, Any]

ABOUT = {
    "target_wait": Words(
        "承诺的等候时间：超过即为超时预警；承诺越短，排队越靠前。",
        "The wait that was promised: beyond it there is an alert; the shorter, the faster waiting counts.",
    ),
    "within_target": Words(
        "在承诺内叫到的比例：调高该等级的权重可提高它。",
        "The share called within the promise: a larger weight of the class raises it.",
    ),
    "longest_wait": Words(
        "今天最长的等候：超过此限者优先于所有人。",
        "The longest wait of today: beyond the limit a customer comes before everybody.",
    ),
    "utilisation": Words(
        "开放台席的忙碌程度：开台建议以此为目标。",
        "How busy open counters were: the advice how many to open aims at it.",
    ),
    "skill_share": Words(
        "本台席叫到的顾客中，属于其第一优先业务的比例。",
        "Of the calls of this counter, the share for services at its best level.",
    ),
}


def kpis(state: HallState, now: int) -> list[Plain]:
    """Every indicator with its parameter's path (as in `PUT /policy`), value, and today's figure."""
    hall = state.hall
    today = [ticket for ticket in state.tickets.values() if ticket.day == state.day]
    waits: dict[str, list[int]] = {name: [] for name in hall.classes}
    kept: dict[str, int] = dict.fromkeys(hall.classes, 0)
    longest: dict[str, int] = {}
    for ticket in today:
        waited_ms = _waited_ms(ticket, now)
        name = ticket.customer_class
        longest[name] = max(longest.get(name, 0), waited_ms)
        if ticket.first_called_at is not None and name in waits:
            waits[name].append(ticket.waited_ms)
            kept[name] += ticket.waited_ms <= ticket.target_wait_s * 1000
    indicators: list[Plain] = []
    for name, kind in hall.classes.items():
        called = len(waits[name])
        indicators.append(
            _kpi(
                f"target_wait.{name}",
                Words(f"{kind.name.zh}承诺等候", f"Target wait, {kind.name.en}"),
                f"classes.{name}.target_wait_s",
                kind.target_wait_s,
                unit="s",
                target=kind.target_wait_s,
                actual=round(sum(waits[name]) / called / 1000, 1) if called else None,
            )
        )
    weighs = _weighs(state)
    for name, kind in hall.classes.items():
        called = len(waits[name])
        indicators.append(
            _kpi(
                f"within_target.{name}",
                Words(f"{kind.name.zh}承诺内比例", f"Within target, {kind.name.en}"),
                f"classes.{name}.{weighs or 'weight'}",
                _weight(kind, weighs or "weight"),
                unit="share",
                target=None,
                actual=round(kept[name] / called, 4) if called else None,
                effective=weighs is not None,
            )
        )
    indicators.append(
        _kpi(
            "longest_wait",
            Words("最长等候", "Longest wait"),
            "max_wait_s",
            hall.policy.max_wait_s,
            unit="s",
            target=hall.policy.max_wait_s or None,
            actual=max(longest.values()) // 1000 if longest else None,
            effective=hall.policy.max_wait_s > 0,
        )
    )
    for name, kind in hall.classes.items():
        if kind.max_wait_s is not None:
            indicators.append(
                _kpi(
                    f"longest_wait.{name}",
                    Words(f"{kind.name.zh}最长等候", f"Longest wait, {kind.name.en}"),
                    f"classes.{name}.max_wait_s",
                    kind.max_wait_s,
                    unit="s",
                    target=kind.max_wait_s,
                    actual=longest[name] // 1000 if name in longest else None,
                )
            )
    share = hall.policy.target_utilisation_milli / 1000
    indicators.append(
        _kpi(
            "utilisation",
            Words("台席利用率", "Counter utilisation"),
            "target_utilisation",
            share,
            unit="share",
            target=share,
            actual=_utilisation(state, now),
        )
    )
    for number in sorted(state.counters):
        counter = state.counters[number]
        called_for = hall.counters[number].name
        indicators.append(
            _kpi(
                f"skill_share.{number}",
                Words(f"{called_for.zh}优先业务比例", f"Best-level calls, {called_for.en}"),
                f"counters.{number}.skills",
                counter.skills,
                unit="share",
                target=None,
                actual=round(counter.best_calls / counter.calls, 4) if counter.calls else None,
            )
        )
    return indicators


def _kpi(
    name: str,
    words: Words,
    parameter: str,
    value: Any,
    *,
    unit: str,
    target: float | None,
    actual: float | None,
    effective: bool = True,
) -> Plain:
    """One indicator. `effective`: whether its parameter does anything under the policy in force."""
    about = ABOUT[name.split(".")[0]]
    return {
        "id": name,
        "name": {"zh": words.zh, "en": words.en},
        "about": {"zh": about.zh, "en": about.en},
        "parameter": parameter,
        "value": value,
        "unit": unit,
        "target": target,
        "actual": actual,
        "effective": effective,
    }


def _weighs(state: HallState) -> str | None:
    """The parameter of a class that weighs it against the others under the kind in force."""
    kind = state.kinds.get(state.hall.policy.kind)
    return None if kind is None else kind.weighs


def _weight(kind: CustomerClass, parameter: str) -> float | None:
    match parameter:
        case "rate":
            return kind.rate_milli / 1000
        case "priority":
            return kind.priority
        case "share":
            return kind.share
    return None if kind.weight_milli is None else kind.weight_milli / 1000


def _waited_ms(ticket: Ticket, now: int) -> int:
    return ticket.waited_ms + (now - ticket.queued_at if ticket.state is TicketState.WAITING else 0)


def _utilisation(state: HallState, now: int) -> float | None:
    """Of the time counters were open today, the share in which somebody was at them."""
    open_ms = sum(open_time_ms(counter, now) for counter in state.counters.values())
    busy_ms = sum(counter.busy_ms for counter in state.counters.values())
    for counter in state.counters.values():
        if counter.ticket is not None:
            busy_ms += now - (state.tickets[counter.ticket].called_at or now)
    # Somebody may be served on while the counter is paused: more than all of the time is all of it.
    return round(min(1.0, busy_ms / open_ms), 4) if open_ms else None


def open_time_ms(counter: Counter, now: int) -> int:
    return counter.open_ms + (now - counter.counted_from if counter.state is CounterState.OPEN else 0)
