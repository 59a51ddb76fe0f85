"""What the enabled plugins bring that hall.toml may name: device drivers with what they ask of their tables,
and policy kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec

from somc.config import DriverTerms
from somc.runtime.plugins import Plugins
from somc.scheduler.policy import PolicyKind
from somc_hal.devices import DeviceClass
from somc_hal.drivers.base import DriverSpec

__all__ = ["driver_terms", "installed_drivers", "installed_policies", "option_type"]

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


def installed_drivers(plugins: Sequence[str]) -> dict[str, DriverTerms]:
    """What the drivers of these plugins ask of their tables in hall.toml. `UsageError`."""
    return driver_terms(Plugins(plugins).drivers())


def installed_policies(plugins: Sequence[str]) -> dict[str, PolicyKind]:
    """The policy kinds of SOMC and of these plugins. `UsageError`."""
    return Plugins(plugins).policies()


def driver_terms(drivers: Mapping[str, DriverSpec]) -> dict[str, DriverTerms]:
    """What each driver asks of its table in hall.toml."""
    return {
        name: DriverTerms(
            options={key: option_type(option) for key, option in spec.options_schema.items()},
            at_counter=AT_COUNTER.get(spec.device_class, False),
            measures=spec.device_class is DeviceClass.HARDWARE_MONITOR,
        )
        for name, spec in drivers.items()
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
