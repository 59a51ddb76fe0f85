"""The plugin: what SOMC finds by the entry point `marquee` in pyproject.toml."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from somc.api import hookimpl
from somc_hal import DriverSpec
from somc_hal.simulators import Simulator

from .driver import SPEC
from .simulator import MarqueeSimulator

__all__ = ["somc_device_drivers", "somc_device_simulators"]


@hookimpl
def somc_device_drivers() -> Iterable[DriverSpec]:
    """The drivers of this plugin."""
    return (SPEC,)


@hookimpl
def somc_device_simulators() -> Mapping[str, Callable[[], Simulator]]:
    """And the simulator that speaks to it."""
    return {SPEC.name: MarqueeSimulator}
