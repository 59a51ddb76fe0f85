"""SYN6288 speech chip: an announcer for the price of a serial board.

    FD │ length (2) │ command │ parameter, text in GBK … │ XOR          one byte answers each frame

What must stay true
- One announcement at a time; text beyond what a frame holds is spoken in several, one after the other.
- The chip answers with single bytes that bear no check: a lost one is found out by asking for its status, and
  an announcement is never spoken twice by itself.
- A customer's name cannot command the chip: square brackets, in which its marks stand, leave the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from somc.api import hookimpl
from somc_hal.drivers import DriverSpec
from somc_hal.simulators import Simulator

from .drivers import Syn6288Announcer
from .simulators import Syn6288Simulator

__all__ = ["DRIVERS", "SIMULATORS", "somc_device_drivers", "somc_device_simulators"]

DRIVERS: tuple[DriverSpec, ...] = (
    DriverSpec(
        Syn6288Announcer.DRIVER,
        Syn6288Announcer.DEVICE_CLASS,
        Syn6288Announcer,
        Syn6288Announcer.OPTIONS,
        "Announcer with a SYN6288 speech chip.",
    ),
)
SIMULATORS: Mapping[str, Callable[[], Simulator]] = {Syn6288Simulator.DRIVER: Syn6288Simulator}


@hookimpl
def somc_device_drivers() -> Iterable[DriverSpec]:
    """The drivers of this plugin."""
    return DRIVERS


@hookimpl
def somc_device_simulators() -> Mapping[str, Callable[[], Simulator]]:
    """And the simulators that speak to them."""
    return SIMULATORS
