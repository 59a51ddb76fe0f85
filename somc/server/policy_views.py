"""The routing policy (排队策略) as it is told: what is in force, its indicators, its kinds, its versions."""

from __future__ import annotations

from typing import Any

from somc.domain.policy import queue_key
from somc.domain.state import HallState
from somc.domain.values import CustomerClass, Service, Words
from somc.scheduler.interface import NEVER, Terms
from somc.server.kpis import kpis

__all__ = ["DISTRIBUTION_WORDS", "history_view", "policy_brief", "policy_view"]

Plain = dict[str, Any]

DISTRIBUTION_WORDS = {
    "longest_idle": Words("空闲最久的台席", "the counter that is idle longest"),
    "lowest_level": Words("最擅长的台席", "the counter whose best level it is"),
    "fixed_order": Words("按台席号", "by counter number"),
}


def policy_brief(state: HallState) -> Plain:
    """What the hall's snapshot says of its policy."""
    policy = state.hall.policy
    kind = state.kinds.get(policy.kind)
    title = {"zh": policy.kind, "en": policy.kind} if kind is None else dict(kind.title)
    return {
        "kind": policy.kind,
        "version": state.policies.version,
        "distribution": policy.distribution,
        "max_wait_s": policy.max_wait_s,
        "names": {"kind": title, "distribution": _words(DISTRIBUTION_WORDS[policy.distribution])},
    }


def policy_view(state: HallState, now: int) -> Plain:
    """Everything that is in force. `classes` and `services` have the form of `PUT /policy`: null is what the
    class, the policy or the kind says of itself."""
    hall, policy = state.hall, state.hall.policy
    version = state.policies.versions[-1] if state.policies.versions else None
    return {
        "version": state.policies.version,
        "since": None if version is None else version.at,
        "by": None if version is None else version.by,
        "cause": None if version is None else version.cause,
        "kind": policy.kind,
        "max_wait_s": policy.max_wait_s,
        "alpha": policy.alpha_milli / 1000,
        "distribution": policy.distribution,
        "target_utilisation": policy.target_utilisation_milli / 1000,
        "behind": policy.behind,
        "classes": {name: _class_view(kind) for name, kind in hall.classes.items()},
        "services": {name: _service_view(service) for name, service in hall.services.items()},
        "kinds": [
            {
                "id": kind.name,
                "name": dict(kind.title),
                "about": dict(kind.meaning),
                "reads": list(kind.reads),
                "plugin": kind.plugin,
                "strategy": kind.pick is not None,
            }
            for kind in state.kinds.values()
        ],
        "kpis": kpis(state, now),
        "compiled": [
            _compiled(service, name, state.queues.terms[queue_key(service, name)])
            for service in hall.services
            for name in hall.classes
            if queue_key(service, name) in state.queues.terms
        ],
    }


def _class_view(kind: CustomerClass) -> Plain:
    return {
        "priority": kind.priority,
        "rate": kind.rate_milli / 1000,
        "target_wait_s": kind.target_wait_s,
        "weight": None if kind.weight_milli is None else kind.weight_milli / 1000,
        "share": kind.share,
        "max_wait_s": kind.max_wait_s,
        "warn_lead_s": kind.warn_lead_s,
        "boost_after_s": kind.boost_after_s,
        "boost": kind.boost_milli / 1000,
        "reserved_idle": kind.reserved_idle,
    }


def _service_view(service: Service) -> Plain:
    return {
        "target_wait_s": service.target_wait_s,
        "weight": {name: weight / 1000 for name, weight in service.weight.items()},
        "max_wait_s": service.max_wait_s,
    }


def _compiled(service: str, customer_class: str, terms: Terms) -> Plain:
    """What the scheduler reads: points for a millisecond of waiting, moments in seconds (null: never)."""
    return {
        "service": service,
        "customer_class": customer_class,
        "rate": terms.rate,
        "offset": terms.offset,
        "boost_after_s": _seconds(terms.knee),
        "rate_after": terms.rate_after,
        "share": terms.share,
        "guard_s": _seconds(terms.guard),
        "warn_s": _seconds(terms.warn),
        "target_wait_s": _seconds(terms.target),
    }


def _seconds(moment_ms: int) -> int | None:
    return None if moment_ms >= NEVER else moment_ms // 1000


def history_view(state: HallState, limit: int) -> Plain:
    """The versions that can be rolled back to, the newest first."""
    return {
        "versions": [
            {
                "version": each.version,
                "at": each.at,
                "by": each.by,
                "cause": each.cause,
                "back_to": each.back_to,
                "changes": each.changes,
                "kind": each.values.get("policy.kind"),
            }
            for each in reversed(state.policies.versions[-limit:])
        ]
    }


def _words(words: Words) -> Plain:
    return {"zh": words.zh, "en": words.en}
