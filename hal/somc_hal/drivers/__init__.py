"""Drivers: a device class over a codec and a port. `drivers.catalogue.DRIVERS` lists them."""

from __future__ import annotations

from somc_hal.drivers.announcer import ReferenceAnnouncer
from somc_hal.drivers.base import PORT_OPTIONS, Driver, DriverSpec
from somc_hal.drivers.catalogue import DRIVERS, driver_spec
from somc_hal.drivers.escpos import EscposPrinter
from somc_hal.drivers.options import Option, checked
from somc_hal.drivers.reference import ReferenceHallDisplay, ReferenceKeypad, ReferenceStripDisplay
from somc_hal.drivers.reference_events import (
    ReferenceCardReader,
    ReferenceEvaluator,
    ReferenceKioskInput,
    ReferenceMonitor,
    ReferencePeopleCounter,
)
from somc_hal.drivers.reference_scenes import ReferenceCamera, ReferenceIndicator, ReferenceSecondScreen

__all__ = [
    "DRIVERS",
    "PORT_OPTIONS",
    "Driver",
    "DriverSpec",
    "EscposPrinter",
    "Option",
    "ReferenceAnnouncer",
    "ReferenceCamera",
    "ReferenceCardReader",
    "ReferenceEvaluator",
    "ReferenceHallDisplay",
    "ReferenceIndicator",
    "ReferenceKeypad",
    "ReferenceKioskInput",
    "ReferenceMonitor",
    "ReferencePeopleCounter",
    "ReferenceSecondScreen",
    "ReferenceStripDisplay",
    "checked",
    "driver_spec",
]
