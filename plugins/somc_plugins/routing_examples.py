"""Two routing policies of one's own, to be read and copied: one by coefficients, one that chooses itself.

`shortest_work` gives the scheduler other rates: it is as quick as SOMC's own kinds, and estimates and
previews are exact under it. `longest_promise` is asked at every call and answers whom; the scheduler's
estimates then follow its coefficients only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from somc.api import Candidate, PolicyKind, QueueInputs, Terms, each, hookimpl

__all__ = ["somc_routing_policies"]

HOUR_MS = 3_600_000


def shortest_work(queue: QueueInputs) -> Terms:
    """Waiting counts by how much shorter than an hour the work is; classes are alike."""
    return Terms(rate=max(1, HOUR_MS // queue.mean_service_ms))


def longest_promise(heads: Sequence[Candidate], now: int) -> int:
    """Whoever has used up the largest part of the promised wait; of equals the first."""
    return max(range(len(heads)), key=lambda n: (_used_up(heads[n]), -n))


def _used_up(head: Candidate) -> float:
    return 0.0 if not head.target_ms else head.waited_ms / head.target_ms


@hookimpl
def somc_routing_policies() -> Iterable[PolicyKind]:
    """The two kinds."""
    return [
        PolicyKind(
            "shortest_work",
            {"zh": "短业务优先", "en": "Short work first"},
            {"zh": "业务越快，等候计分越快。", "en": "The shorter the work, the faster waiting counts."},
            each(shortest_work),
            because={"zh": "业务较快，先于 {second}", "en": "goes before {second}: its work is shorter"},
        ),
        PolicyKind(
            "longest_promise",
            {"zh": "承诺用尽者优先", "en": "Most of the promise used up"},
            {
                "zh": "已等时间占承诺时间比例最大者先叫。",
                "en": "Whoever has used up the largest part of the promised wait is next.",
            },
            each(lambda queue: Terms(rate=max(1, HOUR_MS // max(queue.target_ms or HOUR_MS, 1000)))),
            pick=longest_promise,
            because={
                "zh": "已用去的承诺时间比例最大，先于 {second}",
                "en": "has used up more of the promised wait than {second}",
            },
            reads=("target_wait_s",),
        ),
    ]
