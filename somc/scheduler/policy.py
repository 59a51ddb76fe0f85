"""What a policy kind (排队策略, ACD) is, and how it becomes the terms that a scheduler reads.

A kind is data: its name, what it is called, and one function from what the hall says of its queues to `Terms`
(coefficients in Python, the core picks); a plugin's kind may choose among the heads of the lines itself
(`pick`). The kinds of SOMC are in `kinds.py`; there is no register: whoever needs kinds is handed a mapping.

What must stay true
- Integers out, and whatever a kind returns is within the limits of `bounds.py`, or `compile_policy` says
  whose terms are not. Guard, warning and promise are the same under every kind and not a kind's to change.
- Waits and promises are milliseconds; weights, rates and boosts are thousandths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from somc.scheduler.bounds import check_terms
from somc.scheduler.interface import (
    GROUP_LIMIT,
    MEAN_LIMIT,
    NEVER,
    RATE_LIMIT,
    SCORE_LIMIT,
    SHARE_LIMIT,
    WAIT_LIMIT,
    Terms,
)

__all__ = [
    "BOOST_LIMIT",
    "DAY_MS",
    "DEFAULT_KIND",
    "PRIORITY_LIMIT",
    "WEIGHT_LIMIT",
    "Candidate",
    "KindFailed",
    "Pick",
    "PolicyInputs",
    "PolicyKind",
    "QueueInputs",
    "check_picked",
    "compile_policy",
    "each",
    "outranked",
    "score_after",
]

DEFAULT_KIND = "gcmu"

PRIORITY_LIMIT = 1000
"""The last priority of `strict`."""

WEIGHT_LIMIT = 1_000_000
"""The largest weight of `gcmu`, in thousandths."""

BOOST_LIMIT = 10_000
"""Waiting counts at most ten times as fast after the knee (thousandths)."""

DAY_MS = 86_400_000


class KindFailed(ValueError):
    """A kind's function raised, or gave no terms that a scheduler could read."""


@dataclass(frozen=True, slots=True)
class QueueInputs:
    """What the hall says of one queue (service × customer class), for a policy kind to read.

    `group` numbers the customer class from 1. `mean_service_ms`: what one customer takes. `priority`: 1
    (first) to `PRIORITY_LIMIT`. `rate_milli`: 1 to `RATE_LIMIT`. `weight_milli`: what a minute of waiting
    costs (`None`: 1 / promise). `share`: calls for one of a share of 1. `target_ms`: the wait promised
    (`None`: nothing is). `warn_lead_ms`: how long before it a warning is due (0: no warning). `guard_ms`: the
    starvation guard (`None` or `NEVER`: off). `boost_after_ms`: from which wait on waiting counts
    `boost_milli` / 1000 times as fast (`None`: never). `ValueError` for a number outside its limits.
    """

    service: str = ""
    customer_class: str = ""
    group: int = 1
    mean_service_ms: int = 300_000
    priority: int = 1
    rate_milli: int = 1000
    weight_milli: int | None = None
    share: int = 1
    target_ms: int | None = None
    warn_lead_ms: int = 0
    guard_ms: int | None = None
    boost_after_ms: int | None = None
    boost_milli: int = 1000

    def __post_init__(self) -> None:
        _check("group", self.group, 1, GROUP_LIMIT)
        _check("mean_service_ms", self.mean_service_ms, 1, MEAN_LIMIT)
        _check("priority", self.priority, 1, PRIORITY_LIMIT)
        _check("rate_milli", self.rate_milli, 1, RATE_LIMIT)
        _check("weight_milli", 1 if self.weight_milli is None else self.weight_milli, 1, WEIGHT_LIMIT)
        _check("share", self.share, 1, SHARE_LIMIT)
        _check("target_ms", 0 if self.target_ms is None else self.target_ms, 0, NEVER)
        _check("warn_lead_ms", self.warn_lead_ms, 0, NEVER)
        _check("guard_ms", 0 if self.guard_ms is None else self.guard_ms, 0, NEVER)
        _check("boost_after_ms", 0 if self.boost_after_ms is None else self.boost_after_ms, 0, NEVER)
        _check("boost_milli", self.boost_milli, 1000, BOOST_LIMIT)


@dataclass(frozen=True, slots=True)
class PolicyInputs:
    """What the hall says of all its queues, and `alpha_milli` (0 to 1000): how much short work goes first."""

    queues: tuple[QueueInputs, ...]
    alpha_milli: int = 1000

    def __post_init__(self) -> None:
        _check("alpha_milli", self.alpha_milli, 0, 1000)

    @property
    def mean_service_ms(self) -> float:
        """The mean over the services, each counted once: how often each is asked for is not known here. As a
        factor of all queues alike it changes no order; it is there for a kind that weighs queues by it."""
        means = {each.service: each.mean_service_ms for each in self.queues}
        return sum(means.values()) / len(means) if means else 1.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """The head of one line, as a kind's own `pick` sees it: whose it is, how long it waited, what was
    promised (`None`: nothing), the level and the score with which it competes under the kind's
    coefficients."""

    number: str
    service: str
    customer_class: str
    waited_ms: int
    target_ms: int | None
    level: int
    score: int


Compile = Callable[[PolicyInputs], Sequence[Terms]]
Pick = Callable[[Sequence[Candidate], int], int]


@dataclass(frozen=True, slots=True)
class PolicyKind:
    """One way to choose who is next.

    `compile` gives the terms of each queue, in the order of the inputs (`each` makes it from a function of
    one queue). `pick`, if there is one, is asked who of the visible heads is next, and answers an index; it
    is not asked while somebody waits beyond the guard. `title` and `meaning` are in both languages (`zh`,
    `en`), as is `because`: how a call of this kind is explained, after "A001 (GoTone, 12 min waited)";
    `{second}` stands for the best of the other lines. `reads` names the parameters of a class or service that
    it is steered by.
    """

    name: str
    title: Mapping[str, str]
    meaning: Mapping[str, str]
    compile: Compile
    pick: Pick | None = None
    because: Mapping[str, str] = field(
        default_factory=lambda: {
            "zh": "按本策略先于 {second}",
            "en": "goes before {second} under this policy",
        }
    )
    reads: tuple[str, ...] = ()
    weighs: str | None = None
    """Of these, the parameter of a class that weighs it against the others, if there is one."""
    plugin: str | None = None
    """The plugin that brought it; set by the host."""

    def __post_init__(self) -> None:
        for what in (self.title, self.meaning, self.because):
            if not (what.get("zh") and what.get("en")):
                raise ValueError(
                    f"the policy kind '{self.name}' needs each text in both languages: zh and en"
                )


def each(coefficients: Callable[[QueueInputs], Terms]) -> Compile:
    """The `compile` of a kind whose terms of a queue depend on that queue alone."""
    return lambda inputs: [coefficients(queue) for queue in inputs.queues]


def compile_policy(kind: PolicyKind, inputs: PolicyInputs) -> tuple[Terms, ...]:
    """The terms of every queue under a kind, with guard, warning and promise. `KindFailed` names the kind."""
    try:
        given = tuple(kind.compile(inputs))
    except Exception as error:  # a plugin's function may raise whatever it likes
        raise KindFailed(f"the policy kind '{kind.name}' failed: {error!r}") from error
    if len(given) != len(inputs.queues):
        raise KindFailed(
            f"the policy kind '{kind.name}' gave {len(given)} terms for {len(inputs.queues)} queues"
        )
    compiled = []
    for queue, terms in zip(inputs.queues, given, strict=True):
        try:
            compiled.append(_with_moments(terms, queue))
            check_terms(compiled[-1])
        except (TypeError, ValueError) as error:
            where = f"{queue.service}/{queue.customer_class}"
            raise KindFailed(f"the policy kind '{kind.name}' gave no terms for {where}: {error}") from error
    return tuple(compiled)


def _with_moments(terms: Terms, queue: QueueInputs) -> Terms:
    """With the guard and the moments of the alerts, which every kind has."""
    target = NEVER if queue.target_ms is None else queue.target_ms
    warned = target < NEVER and queue.warn_lead_ms > 0
    return replace(
        terms,
        guard=NEVER if queue.guard_ms is None else queue.guard_ms,
        warn=max(0, target - queue.warn_lead_ms) if warned else NEVER,
        target=target,
    )


def check_picked(chosen: object, heads: Sequence[Candidate]) -> None:
    """`ValueError` unless `chosen` is the position of one of the heads."""
    if not isinstance(chosen, int) or isinstance(chosen, bool) or not 0 <= chosen < len(heads):
        raise ValueError(f"it chose {chosen!r} of {len(heads)} heads; allowed are 0 to {len(heads) - 1}")


def score_after(terms: Terms, wait_ms: int, bonus: int = 0) -> int:
    """The score of a ticket that has waited so long (the formula of `Terms`; turns are not in it)."""
    wait = max(-WAIT_LIMIT, min(wait_ms, WAIT_LIMIT))
    score = terms.offset + terms.rate * wait + bonus
    if wait >= terms.knee:
        score += terms.jump + terms.rate_after * (wait - terms.knee)
    return max(-SCORE_LIMIT, min(score, SCORE_LIMIT))


def outranked(terms: Sequence[Terms]) -> tuple[int, int] | None:
    """A queue whose tickets could wait for ever, and one that would always be before it; `None` if there is
    none.

    Without a guard, somebody who has waited a whole day must stand before whoever has just come: a day is
    longer than any business day. (A rate of zero is no such thing: waiting would never count.)
    """
    # Whoever goes by turns scores nothing above 0, however long the wait.
    after_a_day = [0 if _by_turns(each) else score_after(each, DAY_MS) for each in terms]
    for behind, its in enumerate(terms):
        if its.guard < NEVER:
            continue
        never_counts = its.rate == 0 and its.rate_after <= 0 and not _by_turns(its)
        for before, other in enumerate(terms):
            if before == behind or (_by_turns(its) and _by_turns(other)):
                continue
            stands_for_ever = score_after(other, 0) > after_a_day[behind]
            if stands_for_ever or (never_counts and after_a_day[before] > after_a_day[behind]):
                return behind, before
    return None


def _by_turns(terms: Terms) -> bool:
    return terms.group > 0


def _check(what: str, number: int, lowest: int, highest: int) -> None:
    if not lowest <= number <= highest:
        raise ValueError(f"{what} is {number}; allowed are {lowest} to {highest}")
