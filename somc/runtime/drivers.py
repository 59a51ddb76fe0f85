"""What the enabled plugins bring that hall.toml may name: device drivers with what they ask of their tables,
and policy kinds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from somc.config import DriverTerms
from somc.config.hall_config import Checker
from somc.runtime.plugins import Plugins
from somc.runtime.plugins.configuring import wrong_keys
from somc.runtime.plugins.finding import found_at
from somc.scheduler.policy import PolicyKind
from somc_hal.devices import DeviceClass

__all__ = ["Offered", "driver_terms", "option_type"]

AT_COUNTER: Mapping[DeviceClass, bool | None] = {
    DeviceClass.COUNTER_DISPLAY: True,
    DeviceClass.COUNTER_CALLER: True,
    DeviceClass.EVALUATOR: True,
    DeviceClass.SECOND_SCREEN: True,
    DeviceClass.INDICATOR: None,
    DeviceClass.CARD_READER: None,
    DeviceClass.CAMERA: None,
}
"""Which devices stand at a counter: yes, either way (None), and all others no."""


class Offered:
    """What the plugins bring that one hall.toml enables, for `somc.config.load`; each is loaded once."""

    def __init__(self) -> None:
        self._paths: tuple[Path, ...] = ()
        self._made: tuple[tuple[str, ...], Plugins] | None = None

    def at_paths(self, paths: tuple[Path, ...]) -> Collection[str]:
        """The names of the plugins that lie at these paths; they are found from now on. `UsageError`."""
        self._paths = paths
        return set(found_at(paths))

    def plugins(self, names: Sequence[str]) -> Plugins:
        """These plugins, loaded. `UsageError` names what is wrong with one."""
        wanted = tuple(names)
        if self._made is None or self._made[0] != wanted:
            self._made = (wanted, Plugins(wanted, self._paths))
        return self._made[1]

    def drivers(self, names: tuple[str, ...]) -> dict[str, DriverTerms]:
        """What their drivers ask of their tables in hall.toml. `UsageError`."""
        return driver_terms(self.plugins(names))

    def policies(self, names: tuple[str, ...]) -> dict[str, PolicyKind]:
        """The policy kinds of SOMC and of these plugins. `UsageError`."""
        return self.plugins(names).policies()

    def models(self, names: tuple[str, ...]) -> dict[str, Checker]:
        """What checks the own table of each. `UsageError`."""
        return {
            name: partial(wrong_keys, loaded.about.config)
            for name, loaded in self.plugins(names).loaded.items()
        }


def driver_terms(plugins: Plugins) -> dict[str, DriverTerms]:
    """What each driver of `plugins` asks of its table in hall.toml."""
    return {
        name: DriverTerms(
            options={key: option_type(option) for key, option in spec.options_schema.items()},
            at_counter=AT_COUNTER.get(spec.device_class, False),
            measures=spec.device_class is DeviceClass.HARDWARE_MONITOR,
            plugin=plugin,
            apart=plugins.loaded[plugin].about.isolation == "process",
        )
        for name, (plugin, spec) in plugins.drivers_of().items()
    }


def option_type(option: Any) -> Any:
    """A driver's option as a type that msgspec checks."""
    if option.type in (int, float):
        bounds = {
            name: option.type(limit)
            for name, limit in (("ge", option.low), ("le", option.high))
            if abs(limit) != float("inf")
        }
        return Annotated[option.type, msgspec.Meta(**bounds)]
    word = Literal[option.choices] if option.choices else str
    if option.type is tuple:
        return tuple[word, ...]  # type: ignore[valid-type] # made from the driver's own choices
    return word if option.type is str else option.type
