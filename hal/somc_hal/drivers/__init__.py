"""Drivers: a device class over a codec and a port. `drivers.catalogue.DRIVERS` lists them."""

from __future__ import annotations

from somc_hal.drivers.announcer import ReferenceAnnouncer
from somc_hal.drivers.base import PORT_OPTIONS, Driver, DriverSpec
from somc_hal.drivers.catalogue import DRIVERS, driver_spec
from somc_hal.drivers.escpos import EscposPrinter
from somc_hal.drivers.options import Option, checked
from somc_hal.drivers.reference import ReferenceHallDisplay, ReferenceKeypad, ReferenceStripDisplay

__all__ = [
    "DRIVERS",
    "PORT_OPTIONS",
    "Driver",
    "DriverSpec",
    "EscposPrinter",
    "Option",
    "ReferenceAnnouncer",
    "ReferenceHallDisplay",
    "ReferenceKeypad",
    "ReferenceStripDisplay",
    "checked",
    "driver_spec",
]
