"""Rules of administration: settings changed in the running hall, rights given and taken back.

What must stay true
- hall.toml's value is the default of every hall's own (SK-03): `None` brings it back, and a setting that
  hall.toml does not have is gone.
- Nobody's appointment falls unseen: as in the calendar, it is said before that they shall be cancelled.
- Where the hall is and what its clock says is hall.toml's alone: every record hangs on both.
"""

from __future__ import annotations

from typing import Any

import msgspec

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.business_calendar import cancelled, left_outside
from somc.domain.guards import plain_text
from somc.domain.refusals import Refusal, refuse
from somc.domain.settings import settings_from
from somc.domain.state import HallState
from somc.domain.upkeep import change_config
from somc.domain.values import HallSettings

__all__ = ["change_settings", "grant", "is_own", "revoke"]

HOURS = (".hours", ".spans", ".like")
"""How keys end that say when the hall or a service is open."""

FIXED = frozenset(("hall.org", "hall.timezone", "hall.day_ends_s"))


def is_own(key: str) -> bool:
    """Whether a running hall may have a value of its own for `key`."""
    return key not in FIXED


def change_settings(state: HallState, command: c.ChangeSettings, now: int) -> list[e.Event] | Refusal:
    """Other settings from now on; no event if they are what they were."""
    wanted: dict[str, Any] = {}
    for key, value in sorted(command.changes.items()):
        if not is_own(key):
            return refuse("fixed_setting", key=key, keys=(key,))
        if refused := _text_refused(key, value):
            return refused
        value = state.file_values.get(key) if value is None else value
        if value != state.values.get(key):
            wanted[key] = value
    if not wanted:
        return []
    outcome = change_config(state, c.ChangeConfig(by=command.by, changes=wanted), now)
    if isinstance(outcome, Refusal):
        return outcome if outcome.keys else msgspec.structs.replace(outcome, keys=tuple(wanted))
    settings = settings_from(
        {key: value for key, value in {**state.values, **wanted}.items() if value is not None}
    )
    prefixes = tuple(key for key in wanted if key.endswith(".prefix"))
    if prefixes and (why := _twice_a_prefix(settings)):
        return refuse("bad_config", why=why, keys=prefixes)
    hours = tuple(key for key in wanted if key.endswith(HOURS))
    outside = left_outside(state, settings) if hours else []
    if outside and not command.cancel:
        return refuse("appointments_outside", count=len(outside), keys=hours)
    return [*outcome, *(cancelled(command, each, "calendar") for each in outside)]


def _text_refused(key: str, value: Any) -> Refusal | None:
    """Why a text among the values cannot be kept, if one cannot: records are for ever."""
    match value:
        case str():
            refused = plain_text(key, value)
            return None if refused is None else msgspec.structs.replace(refused, keys=(key,))
        case dict():
            return next(filter(None, (_text_refused(key, one) for one in value.values())), None)
        case list():
            return next(filter(None, (_text_refused(key, one) for one in value)), None)
    return None


def _twice_a_prefix(settings: HallSettings) -> str | None:
    """Two services whose numbers would look alike."""
    owners: dict[str, str] = {}
    for name, service in settings.services.items():
        other = owners.setdefault(service.prefix, name)
        if other != name:
            return f"services '{other}' and '{name}' would both have the prefix {service.prefix}"
    return None


def grant(state: HallState, command: c.GrantAccess, now: int) -> list[e.Event] | Refusal:
    """For the record."""
    return [
        e.AccessGranted(
            by=command.by,
            token=command.token,
            kind=command.kind,
            subject=command.subject,
            roles=command.roles,
            scope=command.scope,
            expires_at=command.expires_at,
        )
    ]


def revoke(state: HallState, command: c.RevokeAccess, now: int) -> list[e.Event] | Refusal:
    """For the record."""
    return [e.AccessRevoked(by=command.by, token=command.token, subject=command.subject)]
