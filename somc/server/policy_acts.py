"""What `PUT /policy` carries, and the settings that it means.

A field that is absent stays as it is; null brings back what hall.toml says, or the default. Numbers with
decimals are thousandths in the settings. A field that no policy has is refused, so that a misspelt one does
not look as if it had been set; what `GET /policy` says besides is taken and passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from somc.domain import commands as c
from somc.scheduler.interface import SHARE_LIMIT
from somc.scheduler.policy import BOOST_LIMIT
from somc.server.access import Principal

__all__ = ["PolicyBody", "RollbackBody", "change_of", "field_of", "rollback_of"]

Wait = Annotated[int, Meta(ge=1, le=86_400)]
Span = Annotated[int, Meta(ge=0, le=86_400)]
Weight = Annotated[float, Meta(ge=0.001, le=1000)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]


class ClassBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    priority: Annotated[int, Meta(ge=1, le=99)] | UnsetType | None = UNSET
    rate: Weight | UnsetType | None = UNSET
    target_wait_s: Wait | UnsetType | None = UNSET
    weight: Weight | UnsetType | None = UNSET
    share: Annotated[int, Meta(ge=1, le=SHARE_LIMIT)] | UnsetType | None = UNSET
    max_wait_s: Wait | UnsetType | None = UNSET
    warn_lead_s: Span | UnsetType | None = UNSET
    boost_after_s: Wait | UnsetType | None = UNSET
    boost: Annotated[float, Meta(ge=1, le=BOOST_LIMIT // 1000)] | UnsetType | None = UNSET
    reserved_idle: Annotated[int, Meta(ge=0, le=99)] | UnsetType | None = UNSET


class ServiceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By class; classes that are not named stay."""

    target_wait_s: dict[Name, Wait | None] | UnsetType | None = UNSET
    weight: dict[Name, Weight | None] | UnsetType | None = UNSET
    max_wait_s: dict[Name, Wait | None] | UnsetType | None = UNSET


class PolicyBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`max_wait_s` 0: no guard."""

    kind: Name | UnsetType | None = UNSET
    max_wait_s: Span | UnsetType | None = UNSET
    alpha: Annotated[float, Meta(ge=0, le=1)] | UnsetType | None = UNSET
    distribution: Literal["longest_idle", "lowest_level", "fixed_order"] | UnsetType | None = UNSET
    target_utilisation: Annotated[float, Meta(ge=0.5, le=0.99)] | UnsetType | None = UNSET
    behind: Annotated[int, Meta(ge=0, le=999)] | UnsetType | None = UNSET
    classes: dict[Name, ClassBody] | UnsetType = UNSET
    services: dict[Name, ServiceBody] | UnsetType = UNSET
    # What `GET /policy` says besides: passed over.
    version: Any = UNSET
    since: Any = UNSET
    by: Any = UNSET
    cause: Any = UNSET
    kinds: Any = UNSET
    kpis: Any = UNSET
    compiled: Any = UNSET


class RollbackBody(msgspec.Struct, frozen=True, kw_only=True):
    version: Annotated[int, Meta(ge=1, le=2**53)]


OWN = ("kind", "max_wait_s", "alpha", "distribution", "target_utilisation", "behind")
MILLI = frozenset(("alpha", "target_utilisation", "rate", "weight", "boost"))
"""Fields whose settings are thousandths; those of a service's maps have no `_milli` in their name."""


def change_of(body: PolicyBody, principal: Principal) -> c.ChangePolicy:
    """The command that the body asks for."""
    changes: dict[str, Any] = {}
    for name in OWN:
        changes.update(_setting("policy", name, getattr(body, name)))
    for table, bodies in (("class", body.classes), ("service", body.services)):
        if isinstance(bodies, UnsetType):
            continue
        for entry, fields in bodies.items():
            for name in fields.__struct_fields__:
                changes.update(_setting(f"{table}.{entry}", name, getattr(fields, name)))
    return c.ChangePolicy(by=principal.by, changes=changes)


def _setting(stem: str, name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if value is UNSET:
        return
    if name not in MILLI:
        yield f"{stem}.{name}", value
    elif isinstance(value, dict):
        yield f"{stem}.{name}", {entry: _milli(one) for entry, one in value.items()}
    elif stem.startswith("service."):
        yield f"{stem}.{name}", None
    else:
        yield f"{stem}.{name}_milli", _milli(value)


def _milli(value: float | None) -> int | None:
    return None if value is None else round(value * 1000)


def rollback_of(body: RollbackBody, principal: Principal) -> c.RollbackPolicy:
    return c.RollbackPolicy(by=principal.by, version=body.version)


ROOMS = (("policy.", ""), ("class.", "classes."), ("service.", "services."), ("counter.", "counters."))


def field_of(key: str) -> str:
    """Where a setting stands in the policy's own form: `class.gold.rate_milli` is `classes.gold.rate`."""
    for table, room in ROOMS:
        if key.startswith(table):
            return room + re.sub(r"_milli$", "", key.removeprefix(table))
    return key
