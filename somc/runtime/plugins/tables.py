"""What hall.toml and the records say of each plugin: its own table, and where and how it is to work.

What must stay true: records win over hall.toml, but for secrets, which stand in hall.toml alone; a plugin at
work keeps the settings that it began with.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from somc.config import PluginSettings
from somc.runtime.hall import Hall
from somc.runtime.plugins.configuring import build, split
from somc.runtime.plugins.loading import Loaded

__all__ = ["Tables"]


class Tables:
    """Of one hall; `settings` are hall.toml's as it was read at the start."""

    def __init__(self, hall: Hall, settings: Mapping[str, PluginSettings]) -> None:
        self._hall = hall
        self._settings = dict(settings)

    def settings(self, name: str) -> PluginSettings:
        """What hall.toml says of the plugin, or nothing."""
        return self._settings.get(name, PluginSettings())

    def hear(self, settings: Mapping[str, PluginSettings], at_work: Container[str]) -> None:
        """hall.toml was read anew: what it says of a plugin that is not at work counts."""
        self._settings.update((name, one) for name, one in settings.items() if name not in at_work)

    def apart(self, loaded: Loaded) -> bool:
        """Whether the plugin works, or would work, in a process of its own."""
        return (self.settings(loaded.name).isolation or loaded.about.isolation) == "process"

    def file_values(self, loaded: Loaded) -> tuple[dict[str, Any], dict[str, Any]]:
        """What hall.toml says: what may be told, and secrets."""
        return split(loaded.about.config, self.settings(loaded.name).options)

    def in_force(self, loaded: Loaded) -> dict[str, Any]:
        """The configuration in force: records over hall.toml, secrets from hall.toml."""
        plain, hidden = self.file_values(loaded)
        known = self._hall.state.plugins.get(loaded.name)
        return {**(plain if known is None else known.values), **hidden}

    def news(self, loaded: Loaded) -> dict[str, Any]:
        """What hall.toml says otherwise than at the last time. `UsageError` if it cannot be meant."""
        plain, hidden = self.file_values(loaded)
        known = self._hall.state.plugins.get(loaded.name)
        before = {} if known is None else known.file_values
        changes = {
            key: plain.get(key) for key in sorted({*plain, *before}) if plain.get(key) != before.get(key)
        }
        if changes:
            build(loaded.name, loaded.about.config, plain | hidden)
        return changes
