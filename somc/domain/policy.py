"""The routing policy of a hall as data: which settings it is made of, the terms that it compiles to, what is
wrong with it, and the versions that were in force.

What must stay true
- Compiling is for deciding only. The terms of a version are in its record, and `evolve` takes them from
  there: a replay needs neither the plugin of a kind nor the same version of this code.
- A policy under which somebody could wait for ever is faulty, and a fault names the setting, the reason and
  the remedy in both languages. hall.toml and `PUT /policy` are held against the same list.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec

from somc.domain.appointments import seen_after_ms
from somc.domain.events import PolicyChanged, QueueTerms
from somc.domain.values import WORST_LEVEL, CounterSettings, HallSettings, Words
from somc.scheduler.interface import NEVER, Lane, Terms
from somc.scheduler.policy import (
    KindFailed,
    PolicyInputs,
    PolicyKind,
    QueueInputs,
    compile_policy,
    outranked,
)

__all__ = [
    "HISTORY_LIMIT",
    "PLAIN",
    "PolicyFault",
    "PolicyKinds",
    "PolicyLog",
    "PolicyVersion",
    "compile_terms",
    "is_policy_key",
    "lanes_of",
    "policy_faults",
    "policy_inputs",
    "policy_values",
    "queue_key",
    "skill_level",
]

PolicyKinds = Mapping[str, PolicyKind]
"""The kinds that there are, by name: SOMC's own and those of the enabled plugins."""

HISTORY_LIMIT = 50
"""Versions that can be rolled back to. Someone who tunes all day makes twenty."""

PLAIN = Terms(rate=1)
"""Terms of a queue that no `policy.changed` has named yet: first come, first served."""

FIELDS = {
    "class": frozenset(
        (
            *("priority", "rate_milli", "target_wait_s", "weight_milli", "share", "max_wait_s"),
            *("warn_lead_s", "boost_after_s", "boost_milli", "reserved_idle"),
        )
    ),
    "service": frozenset(("target_wait_s", "weight", "max_wait_s")),
}
"""Table → its fields that are the policy's. All of `policy.…` is, too."""


def is_policy_key(key: str) -> bool:
    """Whether the setting `key` is a parameter of the policy, which `PUT /policy` may change."""
    match key.split(".", 2):
        case ["policy", _]:
            return True
        case [table, _, field]:
            return field in FIELDS.get(table, ())
    return False


def policy_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings among `values` that are the policy's."""
    return {key: value for key, value in values.items() if is_policy_key(key)}


# -- what it compiles to ------------------------------------------------------------------------------


def queue_key(service: str, customer_class: str) -> str:
    """How a record names the terms of a service × class. No name has a slash in it."""
    return f"{service}/{customer_class}"


def policy_inputs(settings: HallSettings) -> PolicyInputs:
    """What the settings say of every service × class, for a kind to read."""
    return PolicyInputs(
        tuple(
            _queue_inputs(settings, service, customer_class, group)
            for service in settings.services
            for group, customer_class in enumerate(settings.classes, 1)
        ),
        settings.policy.alpha_milli,
    )


def _queue_inputs(settings: HallSettings, service: str, customer_class: str, group: int) -> QueueInputs:
    kind = settings.classes[customer_class]
    guard_s = settings.guard_s(service, customer_class)
    return QueueInputs(
        service=service,
        customer_class=customer_class,
        group=group,
        mean_service_ms=settings.services[service].mean_service_s * 1000,
        priority=kind.priority,
        rate_milli=kind.rate_milli,
        weight_milli=settings.weight_milli(service, customer_class),
        share=kind.share,
        target_ms=settings.target_wait_s(service, customer_class) * 1000,
        warn_lead_ms=kind.warn_lead_s * 1000,
        guard_ms=None if guard_s is None else guard_s * 1000,
        boost_after_ms=None if kind.boost_after_s is None else kind.boost_after_s * 1000,
        boost_milli=kind.boost_milli,
    )


def compile_terms(settings: HallSettings, kinds: PolicyKinds) -> dict[str, QueueTerms]:
    """The terms of every service × class under the settings' policy. `KindFailed`, and `KeyError` for a kind
    that is not there: `policy_faults` says both in words."""
    inputs = policy_inputs(settings)
    compiled = compile_policy(kinds[settings.policy.kind], inputs)
    return {
        queue_key(queue.service, queue.customer_class): QueueTerms.of(terms)
        for queue, terms in zip(inputs.queues, compiled, strict=True)
    }


def lanes_of(
    settings: HallSettings,
    counter: int,
    skills: Mapping[str, int],
    queues: Collection[tuple[int, str, str, bool]],
) -> list[Lane]:
    """The lanes of a counter with these skills over `queues`: (queue number, service, customer class, whether
    it is that of the booked)."""
    setup = settings.counters.get(counter)
    reserved = {name: kind.reserved_idle for name, kind in settings.classes.items()}
    kept = sum(reserved.values())

    def seen_after(service: str, customer_class: str, booked: bool) -> int:
        offered_ms = 0 if setup is None else offered_after_ms(setup, service, customer_class)
        return seen_after_ms(offered_ms, settings.appointments) if booked else offered_ms

    return [
        Lane(
            queue=number,
            level=level_at(setup, skills[service], customer_class),
            min_wait=seen_after(service, customer_class, booked),
            # Idle counters kept free for a class must stay free of every other one.
            reserve=kept - reserved.get(customer_class, 0),
        )
        for number, service, customer_class, booked in queues
        if service in skills
    ]


def level_at(counter: CounterSettings | None, skill_level: int, customer_class: str) -> int:
    """The level of a lane: at a counter reserved for others a class is a guest and comes after them."""
    guest = counter is not None and counter.reserved_for and customer_class not in counter.reserved_for
    return skill_level + WORST_LEVEL if guest else skill_level


def skill_level(level: int) -> int:
    """The preference level of the skill behind a lane's level."""
    return (level - 1) % WORST_LEVEL + 1


def offered_after_ms(counter: CounterSettings, service: str, customer_class: str) -> int:
    """After which wait a counter is there for a class and a service; `NEVER` if it never is."""
    overflow_ms = counter.overflow_s.get(service, 0) * 1000
    if not counter.reserved_for or customer_class in counter.reserved_for:
        return overflow_ms
    opens_ms = NEVER if counter.opens_after_s is None else counter.opens_after_s * 1000
    return max(overflow_ms, opens_ms)


# -- what is wrong with it ----------------------------------------------------------------------------


class PolicyFault(msgspec.Struct, frozen=True):
    """One thing that makes a policy impossible: the setting, what is the matter and what to do about it."""

    key: str
    why: Words
    remedy: Words


def policy_faults(settings: HallSettings, kinds: PolicyKinds) -> list[PolicyFault]:
    """Everything that is wrong with the settings' policy; nothing is: an empty list.

    A kind that is not there, one that fails, and every way in which somebody could wait for ever: a class
    that another one is always before, a service × class that is nowhere at the best level or of which
    automatic counters are kept free, all three without a guard; a service × class that no counter may ever
    call.
    """
    kind = kinds.get(settings.policy.kind)
    if kind is None:
        known = ", ".join(sorted(kinds))
        return [
            PolicyFault(
                "policy.kind",
                Words(
                    f"没有策略“{settings.policy.kind}”", f"there is no policy kind '{settings.policy.kind}'"
                ),
                Words(f"可选：{known}", f"known: {known}"),
            )
        ]
    return [*_starving(settings, kind), *_uncallable(settings)]


GUARD_REMEDY = Words(
    "请设置最长等候 policy.max_wait_s（如 2100 秒）",
    "set a longest wait, policy.max_wait_s (2100 seconds, say)",
)


def _starving(settings: HallSettings, kind: PolicyKind) -> Iterator[PolicyFault]:
    inputs = policy_inputs(settings)
    try:
        terms = compile_policy(kind, inputs)
    except KindFailed as error:
        yield PolicyFault(
            "policy.kind",
            Words(f"策略“{kind.name}”不能用：{error}", str(error)),
            Words("请换用其他策略，或修正插件", "choose another kind, or mend the plugin"),
        )
        return
    unguarded = [queue for queue in inputs.queues if queue.guard_ms is None]
    if not unguarded:
        return
    if kind.pick is not None:
        yield PolicyFault(
            "policy.max_wait_s",
            Words(
                f"策略“{kind.name}”由程序选择，没有最长等候时可能有人永远叫不到",
                f"the kind '{kind.name}' chooses by a program of its own, and without a longest wait "
                "somebody might never be called",
            ),
            GUARD_REMEDY,
        )
        return
    if (pair := outranked(terms)) is not None:
        behind, before = (inputs.queues[number] for number in pair)
        yield PolicyFault(
            "policy.max_wait_s",
            Words(
                f"策略“{kind.name}”下，{_queue_words(settings, before).zh}总排在"
                f"{_queue_words(settings, behind).zh}之前，后者可能永远叫不到",
                f"under '{kind.name}' {_queue_words(settings, before).en} always goes before "
                f"{_queue_words(settings, behind).en}, who might never be called",
            ),
            GUARD_REMEDY,
        )
    kept = sum(each.reserved_idle for each in settings.classes.values())
    for queue in unguarded:
        serving = [counter for counter in settings.counters.values() if queue.service in counter.skills]
        # How many counters are open is not the policy's to say: so many may never be idle at once.
        if (
            serving
            and kept > settings.classes[queue.customer_class].reserved_idle
            and all(counter.mode == "auto" for counter in serving)
        ):
            words = _queue_words(settings, queue)
            yield PolicyFault(
                "policy.max_wait_s",
                Words(
                    f"自动台席为其他等级空留，{words.zh}可能永远叫不到",
                    f"automatic counters are kept free of {words.en}, who might never be called",
                ),
                Words(
                    f"{GUARD_REMEDY.zh}，或让其中一个台席改为手动",
                    f"{GUARD_REMEDY.en}, or make one of the counters manual",
                ),
            )
            return
        # A counter always has somebody of its best service and of the classes it is reserved for.
        if serving and not any(
            level_at(counter, counter.skills[queue.service], queue.customer_class)
            == min(counter.skills.values())
            for counter in serving
        ):
            words = _queue_words(settings, queue)
            yield PolicyFault(
                "policy.max_wait_s",
                Words(
                    f"{words.zh}在任何台席都不是最优先的业务，可能永远叫不到",
                    f"{words.en} is nowhere at a counter's best level and might never be called",
                ),
                Words(
                    f"{GUARD_REMEDY.zh}，或让某个台席最先办理该业务",
                    f"{GUARD_REMEDY.en}, or give the service the best level at some counter",
                ),
            )
            return


def _uncallable(settings: HallSettings) -> Iterator[PolicyFault]:
    """Service × classes that counters serve, but none may ever call."""
    reserved = sum(kind.reserved_idle for kind in settings.classes.values())
    for service in settings.services:
        serving = {
            number: counter for number, counter in settings.counters.items() if service in counter.skills
        }
        for name, customer_class in settings.classes.items():
            open_ = [each for each in serving.values() if offered_after_ms(each, service, name) < NEVER]
            words = _words(settings, service, name)
            if serving and not open_:
                yield PolicyFault(
                    f"counter.{min(serving)}.reserved_for",
                    Words(
                        f"没有台席会叫到{words.zh}：能办理的台席都保留给其他等级",
                        f"no counter would ever call {words.en}: all that serve it are reserved for others",
                    ),
                    Words(
                        "请为其中一个台席设置 opens_after_s，或加入该等级",
                        "give one of them opens_after_s, or name the class there",
                    ),
                )
            kept = reserved - customer_class.reserved_idle
            if open_ and kept >= len(open_) and all(counter.mode == "auto" for counter in open_):
                yield PolicyFault(
                    f"class.{_keeper(settings, name)}.reserved_idle",
                    Words(
                        f"为其他等级空留 {kept} 个台席后，没有台席会叫到{words.zh}",
                        f"with {kept} idle counters kept free for others none of the {len(open_)} that serve "
                        f"{words.en} would ever be given one",
                    ),
                    Words(
                        f"请空留少于 {len(open_)} 个，或让其中一个台席改为手动",
                        f"keep fewer than {len(open_)} free, or make one of them manual",
                    ),
                )


def _keeper(settings: HallSettings, customer_class: str) -> str:
    """The class, other than this one, for which most counters are kept free."""
    others = {name: kind.reserved_idle for name, kind in settings.classes.items() if name != customer_class}
    return max(others, key=others.__getitem__)


def _queue_words(settings: HallSettings, queue: QueueInputs) -> Words:
    return _words(settings, queue.service, queue.customer_class)


def _words(settings: HallSettings, service: str, customer_class: str) -> Words:
    what, who = settings.services[service].name, settings.classes[customer_class].name
    return Words(f"“{what.zh}”的{who.zh}客户", f"{who.en} for '{what.en}'")


# -- what was in force --------------------------------------------------------------------------------


class PolicyVersion(msgspec.Struct, frozen=True):
    """One version of the policy: when and why it came, what it changed, all its settings."""

    version: int
    at: int
    by: str
    cause: str
    back_to: int | None
    changes: dict[str, Any]
    values: dict[str, Any]
    """The policy's settings under this version, by dotted key."""


class PolicyLog:
    """The versions of a hall's policy, the newest last, at most `HISTORY_LIMIT`. Written by `evolve` only."""

    def __init__(self, versions: Collection[PolicyVersion] = ()) -> None:
        self.versions = list(versions)

    @property
    def version(self) -> int:
        """The version in force; 0 before the first."""
        return self.versions[-1].version if self.versions else 0

    def find(self, version: int) -> PolicyVersion | None:
        return next((each for each in self.versions if each.version == version), None)

    def add(self, event: PolicyChanged, at: int, values: Mapping[str, Any]) -> None:
        """`event` happened, and led to these settings of the hall."""
        self.versions.append(
            PolicyVersion(
                version=event.version,
                at=at,
                by=event.by,
                cause=event.cause,
                back_to=event.back_to,
                changes=event.changes,
                values=dict(sorted(policy_values(values).items())),
            )
        )
        del self.versions[:-HISTORY_LIMIT]
