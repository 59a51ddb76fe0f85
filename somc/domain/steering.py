"""Rules of the routing policy (排队策略): change it, roll it back, follow a change of the settings.

A policy that could let somebody wait for ever, or names a kind, service or class that is not there, is
refused with the reason. What it compiles to goes into the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.policy import compile_terms, is_policy_key, policy_faults, policy_values
from somc.domain.refusals import Refusal, refuse
from somc.domain.settings import differences, settings_from
from somc.domain.state import HallState
from somc.domain.values import HallSettings, Words
from somc.scheduler.policy import KindFailed

__all__ = ["change_policy", "followed_by", "policy_refused", "rollback_policy"]


def change_policy(state: HallState, command: c.ChangePolicy, now: int) -> list[e.Event] | Refusal:
    """Other parameters from the next call on; no event if they are what they were."""
    wanted: dict[str, Any] = {}
    for key, value in command.changes.items():
        if refused := _unknown(state.hall, key):
            return refused
        wanted[key] = _resolved(state, key, value)
    return _changed(state, command, wanted, "asked", None)


def rollback_policy(state: HallState, command: c.RollbackPolicy, now: int) -> list[e.Event] | Refusal:
    """All parameters as they were under a version; a service or class that came since keeps its own, and
    what is gone from hall.toml since stays gone."""
    found = state.policies.find(command.version)
    if found is None:
        known = ", ".join(str(each.version) for each in state.policies.versions)
        return refuse("unknown_policy_version", version=command.version, known=known)
    then = {
        key: _of_present_classes(state.hall, value)
        for key, value in found.values.items()
        if _unknown(state.hall, key) is None
    }
    now_in_force = {
        key: value for key, value in policy_values(state.values).items() if _stood_then(found.values, key)
    }
    return _changed(state, command, differences(now_in_force, then), "rollback", found.version)


def _of_present_classes(hall: HallSettings, value: Any) -> Any:
    """A service's map by class without the classes that are gone."""
    if not isinstance(value, Mapping):
        return value
    return {name: one for name, one in value.items() if name in hall.classes}


def _stood_then(values: Mapping[str, Any], key: str) -> bool:
    """Whether the class or service of `key` was there when `values` were in force."""
    stem = key.rsplit(".", 1)[0] + "."
    return key.startswith("policy.") or any(each.startswith(stem) for each in values)


def _changed(
    state: HallState, command: c.Command, wanted: Mapping[str, Any], cause: str, back_to: int | None
) -> list[e.Event] | Refusal:
    changes = {key: value for key, value in sorted(wanted.items()) if value != state.values.get(key)}
    if not changes:
        return []
    values = {key: value for key, value in {**state.values, **changes}.items() if value is not None}
    try:
        settings = settings_from(values)
    except msgspec.ValidationError as error:
        remedy = Words("请按参考文档改正", "give what the reference page allows")
        return refuse("bad_policy", why=str(error), remedy=remedy, keys=tuple(changes))
    if refused := policy_refused(state, settings):
        return refused
    return [
        e.PolicyChanged(
            by=command.by,
            version=state.policies.version + 1,
            cause=cause,
            back_to=back_to,
            changes=changes,
            terms=compile_terms(settings, state.kinds),
        )
    ]


def policy_refused(state: HallState, settings: HallSettings) -> Refusal | None:
    """Why the policy of `settings` cannot be, if it has a fault that the one in force has not."""
    old = policy_faults(state.settings, state.kinds) if state.settings is not None else []
    for fault in policy_faults(settings, state.kinds):
        if fault not in old:
            return refuse("bad_policy", why=fault.why, remedy=fault.remedy, keys=(fault.key,))
    return None


def followed_by(
    state: HallState, command: c.ChangeConfig, settings: HallSettings, changes: Mapping[str, Any]
) -> list[e.Event]:
    """The version of the policy to which a change of the settings leads, if it leads to another.

    Asked at every start too (with no change): a journal from before there were versions gets its first, and
    a plugin that computes otherwise than at the last start is found out.
    """
    steered = policy_values(changes)
    try:
        terms = compile_terms(settings, state.kinds)
    except (KeyError, KindFailed):
        # Refused wherever somebody asks for it. Here the plugin of the kind in force is gone or broken: the
        # terms that its last version computed stay.
        return []
    in_force = {key: e.QueueTerms.of(its) for key, its in state.queues.terms.items()}
    first = state.policies.version == 0
    if not first and not steered and terms == in_force:
        return []
    by_plugin = not first and not changes and state.kinds[settings.policy.kind].plugin is not None
    return [
        e.PolicyChanged(
            by=command.by,
            version=state.policies.version + 1,
            cause="plugin" if by_plugin else "config",
            changes=steered,
            terms=terms,
        )
    ]


def _unknown(hall: HallSettings, key: str) -> Refusal | None:
    """Why there is no such parameter, if there is none."""
    table, _, rest = key.partition(".")
    name = rest.rpartition(".")[0]
    if table == "class" and name not in hall.classes:
        return refuse("unknown_class", customer_class=name, known=", ".join(hall.classes), keys=(key,))
    if table == "service" and name not in hall.services:
        return refuse("unknown_service", service=name, known=", ".join(hall.services), keys=(key,))
    if not is_policy_key(key):
        return refuse("no_policy_setting", key=key, keys=(key,))
    return None


def _resolved(state: HallState, key: str, value: Any) -> Any:
    """What `value` asks for: hall.toml's own for `None`; of a service's map only the classes it names change,
    and `None` there brings back hall.toml's for one class."""
    own = state.file_values.get(key)
    if value is None:
        return own
    if not isinstance(value, Mapping) or not key.startswith("service."):
        return value
    merged = {**state.values.get(key, {}), **value}
    for name, one in value.items():
        if one is None:
            merged[name] = (own or {}).get(name)
    return {name: one for name, one in sorted(merged.items()) if one is not None}
