"""The drivers of this version, as data. Vendors' plugins add theirs beside it, not to it."""

from __future__ import annotations

from typing import Any

from somc_hal.drivers.announcer import ReferenceAnnouncer
from somc_hal.drivers.base import Driver, DriverSpec
from somc_hal.drivers.escpos import EscposPrinter
from somc_hal.drivers.reference import ReferenceHallDisplay, ReferenceKeypad, ReferenceStripDisplay
from somc_hal.drivers.reference_events import (
    ReferenceCardReader,
    ReferenceEvaluator,
    ReferenceKioskInput,
    ReferenceMonitor,
    ReferencePeopleCounter,
)
from somc_hal.drivers.reference_scenes import ReferenceCamera, ReferenceIndicator, ReferenceSecondScreen

__all__ = ["DRIVERS", "driver_spec"]


def _spec(make: type[Driver[Any]], doc: str) -> DriverSpec:
    return DriverSpec(make.DRIVER, make.DEVICE_CLASS, make, make.OPTIONS, doc)


DRIVERS: tuple[DriverSpec, ...] = (
    _spec(EscposPrinter, "Ticket printer that takes ESC/POS."),
    _spec(ReferenceStripDisplay, "Strip display over SOMC's reference protocol."),
    _spec(ReferenceHallDisplay, "Hall display over SOMC's reference protocol."),
    _spec(ReferenceAnnouncer, "Announcer over SOMC's reference protocol."),
    _spec(ReferenceKeypad, "Counter keypad over SOMC's reference protocol."),
    _spec(ReferenceEvaluator, "Evaluator over SOMC's reference protocol."),
    _spec(ReferenceKioskInput, "Keypad and scanner of a kiosk over SOMC's reference protocol."),
    _spec(ReferenceCardReader, "Card reader over SOMC's reference protocol."),
    _spec(ReferenceIndicator, "Indicator lamp over SOMC's reference protocol."),
    _spec(ReferenceSecondScreen, "Second screen over SOMC's reference protocol."),
    _spec(ReferencePeopleCounter, "People counter over SOMC's reference protocol."),
    _spec(ReferenceCamera, "Camera for stills over SOMC's reference protocol."),
    _spec(ReferenceMonitor, "Hardware monitor over SOMC's reference protocol."),
)


def driver_spec(name: str) -> DriverSpec:
    """The driver of that name. `ValueError` names the ones there are."""
    for spec in DRIVERS:
        if spec.name == name:
            return spec
    raise ValueError(f"found driver {name!r}; allowed: {', '.join(spec.name for spec in DRIVERS)}")
