"""The sentences that explain a call, in Chinese and English: one for each rule, and for each kind of score.

Braces name what is filled in: `number`, `kind` (the class), `minutes` waited; `second…` of the best of the
other lines; `left` of the promise; what the rule itself is about.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CAUSES", "SCORES", "SENTENCES", "Sentence"]


class Sentence(NamedTuple):
    zh: str
    en: str


HEAD = Sentence("{number}（{kind}，已等 {minutes} 分钟）", "{number} ({kind}, {minutes} min waited) ")


def _of(zh: str, en: str) -> Sentence:
    return Sentence(HEAD.zh + zh, HEAD.en + en)


SENTENCES: dict[str, Sentence] = {
    "head": HEAD,
    "only": _of(
        "是本台席可服务的第一位顾客。",
        "is the first in the only line this counter can serve now.",
    ),
    "guard": _of(
        "已超过最长等候 {guard} 分钟，优先于所有人。",
        "has waited beyond the longest wait of {guard} min and comes before everybody.",
    ),
    "level": _of(
        "属于本台席第 {level} 优先业务，先于 {second}（第 {second_level} 优先）。",
        "is of this counter's level-{level} service, which goes before {second}'s (level {second_level}).",
    ),
    "reserved": _of(
        "先叫：本台席保留给{reserved}客户。",
        "goes first: this counter is kept for {reserved}.",
    ),
    "overflow": _of(
        "等候已满 {after} 分钟，由本台席协助办理。",
        "has waited the {after} min after which this counter helps.",
    ),
    "appointment": _of(
        "有预约（{booked}），按预约先叫。",
        "has an appointment at {booked} and goes before those without.",
    ),
    "boost": _of(
        "等候满 {boost_after} 分钟后按 {boost:g} 倍计算，因此先于 {second}（已等 {second_minutes} 分钟）。",
        "goes before {second} ({second_minutes} min waited): beyond {boost_after} min its waiting counts "
        "{boost:g} times as fast.",
    ),
    "longer": _of(
        "等候更久，先于 {second}（已等 {second_minutes} 分钟）。",
        "has waited longer than {second} ({second_minutes} min), the first of the other lines.",
    ),
    "earlier": _of(
        "先到，排在 {second}（已等 {second_minutes} 分钟）之前。",
        "stands before {second} ({second_minutes} min waited): both count alike, and it came first.",
    ),
    "priority": _of(
        "的等级优先于 {second}（{second_kind}）。",
        "is of a class that goes before {second}'s ({second_kind}).",
    ),
    "rates": _of(
        "的等候按 {second} 的 {factor:g} 倍计，相当于 {counts_like} 分钟，"
        "先于 {second}（{second_kind}，已等 {second_minutes} 分钟）。",
        "goes before {second} ({second_kind}, {second_minutes} min waited): its waiting counts "
        "{factor:g} times as much, like {counts_like} min of the other's.",
    ),
    "costs": _of(
        "的等候按 {second} 的 {factor:g} 倍计（{causes}），相当于 {counts_like} 分钟，"
        "先于 {second}（{second_kind}，已等 {second_minutes} 分钟）。",
        "goes before {second} ({second_kind}, {second_minutes} min waited): its waiting counts "
        "{factor:g} times as much, like {counts_like} min, because {causes}.",
    ),
    "slower": _of(
        "等候够久：按 {second} 的 {factor:g} 倍计也相当于 {counts_like} 分钟，"
        "先于 {second}（{second_kind}，已等 {second_minutes} 分钟）。",
        "has waited long enough to go before {second} ({second_kind}, {second_minutes} min waited): even at "
        "{factor:g} times as much its wait counts like {counts_like} min.",
    ),
    "promise": _of(
        "距承诺时间{left}，先于 {second}（{second_left}）。",
        "goes before {second}: {left} of its promise, against {second_left}.",
    ),
    "turn": _of(
        "轮到叫号：{kind}与{second_kind}按 {share} : {runner_up_share} 轮流，先于 {second}。",
        "goes before {second}: it is the turn of {kind}, by {share} : {runner_up_share} with {second_kind}.",
    ),
    "most": _of(
        "的等候计分最高，先于 {second}（{second_kind}，已等 {second_minutes} 分钟）。",
        "goes before {second} ({second_kind}, {second_minutes} min waited): its waiting counts for more.",
    ),
    "failed": Sentence(
        "（策略程序出错，已按系数选择。）",
        " (The policy's own choice failed; its coefficients decided.)",
    ),
}
"""Rule, or how a score came about → its sentence."""

CAUSES: dict[str, Sentence] = {
    "weight": Sentence("{kind}权重更高", "{kind} weighs more"),
    "promise": Sentence(
        "承诺更短：{target_wait} 对 {second_target_wait} 分钟",
        "less was promised, {target_wait} against {second_target_wait} min",
    ),
    "work": Sentence(
        "业务更快：约 {mean_service} 对 {second_mean_service} 分钟",
        "its work is shorter, about {mean_service} against {second_mean_service} min",
    ),
}
"""Why waiting counts for more under `gcmu`."""

SCORES: dict[str, str] = {
    "fifo": "longer",
    "strict": "priority",
    "accumulating": "rates",
    "gcmu": "costs",
    "deadline": "promise",
    "ratio": "turn",
}
"""Policy kind → the sentence that says how one score came to be more than another."""
