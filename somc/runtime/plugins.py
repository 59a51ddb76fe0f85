"""The plugin host: finds installed plugins, loads those that hall.toml names, calls their hooks.

Bundled plugins are found by the same entry points as anybody's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from importlib.metadata import EntryPoint, entry_points

import pluggy

from somc.api import PROJECT, HallHooks
from somc.errors import UsageError
from somc_hal.drivers.base import DriverSpec
from somc_hal.simulators.base import Simulator

__all__ = ["GROUP", "Plugins", "installed"]

GROUP = "somc.plugins"
"""The entry-point group."""


def installed() -> dict[str, EntryPoint]:
    """Every installed plugin by name, loaded or not."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


class Plugins:
    """The loaded plugins of one hall, and what they bring."""

    def __init__(self, names: Collection[str]) -> None:
        """Load the plugins `names`. `UsageError` names one that is missing or does not load."""
        self.manager = pluggy.PluginManager(PROJECT)
        self.manager.add_hookspecs(HallHooks)
        available = installed()
        for name in names:
            entry = available.get(name)
            if entry is None:
                known = ", ".join(sorted(available)) or "none"
                raise UsageError(f"the plugin '{name}' is not installed; installed: {known}")
            try:
                self.manager.register(entry.load(), name)
            except Exception as error:
                raise UsageError(f"the plugin '{name}' ({entry.value}) does not load: {error!r}") from error

    def drivers(self) -> dict[str, DriverSpec]:
        """Every device driver by name. `UsageError` if two plugins bring the same name."""
        drivers: dict[str, DriverSpec] = {}
        for brought in self.manager.hook.somc_device_drivers():
            for spec in brought:
                if spec.name in drivers and drivers[spec.name] is not spec:
                    raise UsageError(f"two plugins bring the driver '{spec.name}': enable only one of them")
                drivers[spec.name] = spec
        return drivers

    def simulators(self) -> dict[str, Callable[[], Simulator]]:
        """Every simulator by the name of its driver."""
        simulators: dict[str, Callable[[], Simulator]] = {}
        for brought in self.manager.hook.somc_device_simulators():
            simulators.update(brought)
        return simulators
