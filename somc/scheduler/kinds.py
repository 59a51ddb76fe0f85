"""The policy kinds of SOMC, by the name that hall.toml uses.

What must stay true: pure functions of `PolicyInputs`, and for every input that those allow the terms are
within the limits of `bounds.py`. Which rates are proportional to which decides everything: a common factor of
all queues changes no order, so rates are scaled to use the range of whole numbers that the scheduler has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from somc.scheduler.interface import NEVER, RATE_LIMIT, WAIT_LIMIT, Terms
from somc.scheduler.policy import DAY_MS, PRIORITY_LIMIT, PolicyInputs, PolicyKind, QueueInputs, each

__all__ = ["BUILT_IN"]

_STRICT_STEP = 4 * WAIT_LIMIT
"""What one priority is worth under `strict`. Waits count between -`WAIT_LIMIT` and `WAIT_LIMIT` in a
score, so two of them differ by at most half of this: no wait below the guard outweighs a priority."""

_TOP_RATE = RATE_LIMIT // 2
"""The largest rate under `gcmu`: rates down to a hundredth of it are then exact to better than 1e-4."""


def _fifo(queue: QueueInputs) -> Terms:
    """First come, first served: one rate for all, so the longest wait has the highest score."""
    return Terms(rate=1)


def _strict(queue: QueueInputs) -> Terms:
    """A better priority always goes first; among equals, and beyond the guard, the longest wait."""
    return Terms(rate=1, offset=(PRIORITY_LIMIT - queue.priority) * _STRICT_STEP)


def _deadline(queue: QueueInputs) -> Terms:
    """Least slack: the promised wait that is over first, or over for longest (earliest due date). A queue
    without a promise stands as if a day were promised."""
    return Terms(rate=1, offset=-min(queue.target_ms if queue.target_ms is not None else DAY_MS, NEVER))


def _ratio(queue: QueueInputs) -> Terms:
    """Turns by share: of classes that always have somebody waiting, each is called in proportion to its share
    (start-time fair queueing: Goyal, Vin and Cheng, SIGCOMM 1996). A class is one group over all services;
    inside it the longest wait is first."""
    return Terms(rate=1, share=queue.share, group=queue.group)


def _accumulating(inputs: PolicyInputs) -> list[Terms]:
    """Score = rate × wait. In a busy hall the mean waits of two classes stand as the inverse of their
    rates (Kleinrock, Naval Research Logistics Quarterly 11, 1964)."""
    return _by_rates([queue.rate_milli for queue in inputs.queues], inputs, top=None)


def _gcmu(inputs: PolicyInputs) -> list[Terms]:
    """Rate = weight × (mean service of all / mean service of this)^alpha: the cost of a minute of waiting per
    minute of service (generalised c-mu with quadratic costs: Van Mieghem, Annals of Applied Probability 5,
    1995; Mandelbaum and Stolyar, Operations Research 52, 2004). The weight is 1 / promise unless it is
    set."""
    alpha = inputs.alpha_milli / 1000
    mean_ms = inputs.mean_service_ms
    rates = [_weight(queue) * (mean_ms / queue.mean_service_ms) ** alpha for queue in inputs.queues]
    return _by_rates(rates, inputs, top=_TOP_RATE)


def _weight(queue: QueueInputs) -> float:
    if queue.weight_milli is not None:
        return queue.weight_milli / 1000
    # No promise: as if a day were promised. A promise of no wait at all: one of a second.
    target_ms = DAY_MS if queue.target_ms is None else max(queue.target_ms, 1000)
    return 60_000 / target_ms


def _by_rates(rates: Sequence[float], inputs: PolicyInputs, top: int | None) -> list[Terms]:
    """Terms of these rates with each queue's boost. The largest becomes `top`; None: rates stay as they are
    unless a boosted one would be too large."""
    extra = [
        0.0 if queue.boost_after_ms is None else rate * (queue.boost_milli - 1000) / 1000
        for rate, queue in zip(rates, inputs.queues, strict=True)
    ]
    largest, steepest = max(rates, default=1), max(extra, default=0)
    factor = 1.0 if top is None else top / largest
    if steepest * factor > RATE_LIMIT:
        factor = RATE_LIMIT / steepest
    return [
        Terms(
            rate=max(1, round(rate * factor)),
            knee=NEVER if queue.boost_after_ms is None else queue.boost_after_ms,
            rate_after=min(RATE_LIMIT, round(more * factor)),
        )
        for rate, more, queue in zip(rates, extra, inputs.queues, strict=True)
    ]


BUILT_IN: Mapping[str, PolicyKind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            PolicyKind(
                "fifo",
                {"zh": "先到先服务", "en": "First come, first served"},
                {"zh": "等候最久者先叫。", "en": "Whoever has waited longest is next."},
                each(_fifo),
            ),
            PolicyKind(
                "strict",
                {"zh": "严格优先", "en": "Strict priority"},
                {
                    "zh": "优先级高的等级总是先叫；同级按先后。",
                    "en": "A better priority always goes first; among equals the longest wait.",
                },
                each(_strict),
                reads=("priority",),
                weighs="priority",
            ),
            PolicyKind(
                "accumulating",
                {"zh": "累积优先", "en": "Accumulating priority"},
                {
                    "zh": "每等一分钟按等级的速率计分，得分最高者先叫。",
                    "en": "Every minute of waiting counts at the rate of the class; most points are next.",
                },
                _accumulating,
                reads=("rate", "boost"),
                weighs="rate",
            ),
            PolicyKind(
                "deadline",
                {"zh": "临期优先", "en": "Earliest promise"},
                {
                    "zh": "离承诺时间最近（或超出最多）者先叫。",
                    "en": "Whose promised wait ends first, or is over for longest, is next.",
                },
                each(_deadline),
                reads=("target_wait_s",),
            ),
            PolicyKind(
                "ratio",
                {"zh": "按比例轮流", "en": "Turns by ratio"},
                {
                    "zh": "各等级按份额轮流叫号，如三个贵宾一个普通。",
                    "en": "The classes take turns by their shares: three VIPs to one other customer, say.",
                },
                each(_ratio),
                reads=("share",),
                weighs="share",
            ),
            PolicyKind(
                "gcmu",
                {"zh": "等候成本与服务时长（Gcμ）", "en": "Cost of waiting by length of service (Gcμ)"},
                {
                    "zh": "承诺越短、业务越快，等候计分越快；超过最长等候者优先。",
                    "en": "Waiting counts faster the shorter the promise and the shorter the work; "
                    "beyond the longest wait, whoever came first.",
                },
                _gcmu,
                reads=("weight", "target_wait_s", "boost"),
                weighs="weight",
            ),
        )
    }
)
"""Name → kind: all that there is to know about which kinds exist without plugins."""
