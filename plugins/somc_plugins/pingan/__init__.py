"""平安 (Pingan) halls: caller on the polled RS-485 bus, LED strip, integrated screen, printer and voice.

What is known of the wire is what its maker's engineers and two public adapters show; the rest is SOMC's
guess, fact by fact in the wire profiles `pingan` and `pingan_led`. Of printer and voice nothing is published:
an ESC/POS printer and a SYN6288 board are assumed. SOMC has not been tested against Pingan hardware.

What must stay true: nothing here claims more than its profile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from somc.api import hookimpl
from somc_hal.drivers import Driver, DriverSpec, EscposPrinter
from somc_hal.simulators import EscposPrinterSimulator, Simulator
from somc_plugins.syn6288.drivers import Syn6288Announcer
from somc_plugins.syn6288.simulators import Syn6288Simulator

from .drivers import PinganCaller, PinganHall, PinganStrip
from .simulators import PinganCallerSimulator, PinganHallSimulator, PinganStripSimulator

__all__ = ["DRIVERS", "SIMULATORS", "somc_device_drivers", "somc_device_simulators"]


class PinganPrinter(EscposPrinter):
    """Ticket printer 打印机: ESC/POS is assumed."""

    DRIVER = "pingan-printer"


class PinganAnnouncer(Syn6288Announcer):
    """Announcer 音箱: a SYN6288 board is assumed."""

    DRIVER = "pingan-announcer"


class PinganPrinterSimulator(EscposPrinterSimulator):
    """The printer's other end."""

    DRIVER = "pingan-printer"


class PinganAnnouncerSimulator(Syn6288Simulator):
    """The announcer's other end."""

    DRIVER = "pingan-announcer"


def _spec(make: type[Driver[Any]], doc: str) -> DriverSpec:
    return DriverSpec(make.DRIVER, make.DEVICE_CLASS, make, make.OPTIONS, doc)


DRIVERS: tuple[DriverSpec, ...] = (
    _spec(PinganPrinter, "Ticket printer of a Pingan hall: ESC/POS is assumed."),
    _spec(PinganCaller, "Counter keypad on Pingan's polled RS-485 bus, as far as published."),
    _spec(PinganStrip, "Pingan's LED strip, as public adapters write it; write-only."),
    _spec(PinganHall, "Pingan's integrated screen, as a public adapter writes it; write-only."),
    _spec(PinganAnnouncer, "Announcer of a Pingan hall: a SYN6288 board is assumed."),
)
SIMULATORS: Mapping[str, Callable[[], Simulator]] = {
    simulator.DRIVER: simulator
    for simulator in (
        PinganPrinterSimulator,
        PinganCallerSimulator,
        PinganStripSimulator,
        PinganHallSimulator,
        PinganAnnouncerSimulator,
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
