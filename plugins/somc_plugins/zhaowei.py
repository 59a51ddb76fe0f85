"""兆维 (Zhaowei) halls: printer, strip display, hall display, announcer and keypad.

Nothing public was found about the wire of Zhaowei's machines. These drivers speak SOMC's reference protocol,
with the numbers of the wire profile `zhaowei`, which an installer corrects in a file; the printer is an
ESC/POS printer, as kiosk printers usually are. SOMC has not been tested against Zhaowei hardware.

What must stay true: the mechanism is the reference protocol's own; only numbers differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from somc.api import hookimpl
from somc_hal.drivers import (
    Driver,
    DriverSpec,
    EscposPrinter,
    Option,
    ReferenceAnnouncer,
    ReferenceEvaluator,
    ReferenceHallDisplay,
    ReferenceKeypad,
    ReferenceStripDisplay,
)
from somc_hal.drivers.stx_profile import ProfiledStx, profile_option, stx_wire
from somc_hal.simulators import (
    AnnouncerSimulator,
    EscposPrinterSimulator,
    EvaluatorSimulator,
    HallDisplaySimulator,
    KeypadSimulator,
    Simulator,
    StripDisplaySimulator,
)

__all__ = ["DRIVERS", "SIMULATORS", "somc_device_drivers", "somc_device_simulators"]

_PROFILE: Mapping[str, Option] = {"profile": profile_option("zhaowei")}
_WIRE = stx_wire("zhaowei")


class ZhaoweiPrinter(EscposPrinter):
    """Ticket printer 打印机: ESC/POS is assumed."""

    DRIVER = "zhaowei-printer"


class ZhaoweiStrip(ProfiledStx, ReferenceStripDisplay):
    """Strip display 条屏."""

    DRIVER = "zhaowei-strip"
    OPTIONS: ClassVar[Mapping[str, Option]] = {**ReferenceStripDisplay.OPTIONS, **_PROFILE}


class ZhaoweiHall(ProfiledStx, ReferenceHallDisplay):
    """Hall display 综合屏."""

    DRIVER = "zhaowei-hall"
    OPTIONS: ClassVar[Mapping[str, Option]] = {**ReferenceHallDisplay.OPTIONS, **_PROFILE}


class ZhaoweiAnnouncer(ProfiledStx, ReferenceAnnouncer):
    """Announcer 音箱."""

    DRIVER = "zhaowei-announcer"
    OPTIONS: ClassVar[Mapping[str, Option]] = {**ReferenceAnnouncer.OPTIONS, **_PROFILE}


class ZhaoweiCaller(ProfiledStx, ReferenceKeypad):
    """Counter keypad 叫号器."""

    DRIVER = "zhaowei-caller"
    OPTIONS: ClassVar[Mapping[str, Option]] = {**ReferenceKeypad.OPTIONS, **_PROFILE}


class ZhaoweiEvaluator(ProfiledStx, ReferenceEvaluator):
    """Evaluator 评价器."""

    DRIVER = "zhaowei-evaluator"
    OPTIONS: ClassVar[Mapping[str, Option]] = {**ReferenceEvaluator.OPTIONS, **_PROFILE}


class ZhaoweiPrinterSimulator(EscposPrinterSimulator):
    """The printer's other end."""

    DRIVER = "zhaowei-printer"


class ZhaoweiStripSimulator(StripDisplaySimulator):
    """The strip display's other end."""

    DRIVER = "zhaowei-strip"
    WIRE = _WIRE


class ZhaoweiHallSimulator(HallDisplaySimulator):
    """The hall display's other end."""

    DRIVER = "zhaowei-hall"
    WIRE = _WIRE


class ZhaoweiAnnouncerSimulator(AnnouncerSimulator):
    """The announcer's other end."""

    DRIVER = "zhaowei-announcer"
    WIRE = _WIRE


class ZhaoweiCallerSimulator(KeypadSimulator):
    """The keypad's other end."""

    DRIVER = "zhaowei-caller"
    WIRE = _WIRE


class ZhaoweiEvaluatorSimulator(EvaluatorSimulator):
    """The evaluator's other end."""

    DRIVER = "zhaowei-evaluator"
    WIRE = _WIRE


def _spec(make: type[Driver[Any]], doc: str) -> DriverSpec:
    return DriverSpec(make.DRIVER, make.DEVICE_CLASS, make, make.OPTIONS, doc)


DRIVERS: tuple[DriverSpec, ...] = (
    _spec(ZhaoweiPrinter, "Ticket printer of a Zhaowei hall: ESC/POS is assumed."),
    _spec(ZhaoweiStrip, "Strip display of a Zhaowei hall: SOMC's reference protocol."),
    _spec(ZhaoweiHall, "Hall display of a Zhaowei hall: SOMC's reference protocol."),
    _spec(ZhaoweiAnnouncer, "Announcer of a Zhaowei hall: SOMC's reference protocol."),
    _spec(ZhaoweiCaller, "Counter keypad of a Zhaowei hall: SOMC's reference protocol."),
    _spec(ZhaoweiEvaluator, "Evaluator of a Zhaowei hall: SOMC's reference protocol."),
)
SIMULATORS: Mapping[str, Callable[[], Simulator]] = {
    simulator.DRIVER: simulator
    for simulator in (
        ZhaoweiPrinterSimulator,
        ZhaoweiStripSimulator,
        ZhaoweiHallSimulator,
        ZhaoweiAnnouncerSimulator,
        ZhaoweiCallerSimulator,
        ZhaoweiEvaluatorSimulator,
    )
}


@hookimpl
def somc_device_drivers() -> Iterable[DriverSpec]:
    """The drivers of this plugin."""
    return DRIVERS


@hookimpl
def somc_device_simulators() -> Mapping[str, Callable[[], Simulator]]:
    """And the simulators that speak to them."""
    return SIMULATORS
