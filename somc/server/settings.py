"""The settings of a running hall, as administrators see and change them: hall.toml's and the hall's own.

What must stay true: every setting that differs from hall.toml says so (`own`), with what hall.toml says
beside it (`default`), so that it can be brought back (SK-03).
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from somc.domain import commands as c
from somc.domain.administration import is_own
from somc.domain.state import HallState
from somc.server.access import Principal

__all__ = ["SettingsBody", "change_settings_of", "settings_view"]

Key = Annotated[str, Meta(pattern=r"^[a-z]+(\.[A-Za-z0-9_-]{1,64}){1,2}$(?!\n)")]


class SettingsBody(msgspec.Struct, frozen=True, kw_only=True):
    """Dotted key (`service.payment.mean_service_s`) → value as in the settings; `null`: hall.toml's own."""

    changes: Annotated[dict[Key, Any], Meta(min_length=1, max_length=200)]
    cancel: bool = False
    """Appointments that would lie outside the opening hours are cancelled."""


def change_settings_of(body: SettingsBody, principal: Principal) -> c.ChangeSettings:
    return c.ChangeSettings(by=principal.by, changes=body.changes, cancel=body.cancel)


def settings_view(state: HallState, now: int) -> dict[str, Any]:
    """Every setting that a running hall may have its own value of, in the order of keys."""
    keys = sorted(key for key in state.values.keys() | state.file_values.keys() if is_own(key))
    return {
        "seq": state.seq,
        "settings": [
            {
                "key": key,
                "value": state.values.get(key),
                "default": state.file_values.get(key),
                "own": state.values.get(key) != state.file_values.get(key),
            }
            for key in keys
        ],
    }
