"""The vendor-neutral devices: ESC/POS printers and the devices of SOMC's reference protocol.

The reference protocol is SOMC's own; it is not any vendor's. See the page on devices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from somc.api import hookimpl
from somc_hal.drivers.base import DriverSpec
from somc_hal.drivers.catalogue import DRIVERS
from somc_hal.simulators.base import Simulator
from somc_hal.simulators.catalogue import SIMULATORS

__all__ = ["somc_device_drivers", "somc_device_simulators"]


@hookimpl
def somc_device_drivers() -> Iterable[DriverSpec]:
    """All drivers of `somc_hal`."""
    return DRIVERS


@hookimpl
def somc_device_simulators() -> Mapping[str, Callable[[], Simulator]]:
    """And the simulators that speak to them."""
    return SIMULATORS
