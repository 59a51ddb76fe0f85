"""The 21-key caller with evaluator that is sold under many names; several stand on one line or one radio.

    FF 68 │ length │ length │ 68 │ address │ command │ data … │ sum │ 16

What must stay true
- The device speaks first. The host acknowledges a key by sending its frame back; until then the caller
  repeats it.
- Frames bear no number: the same frame again within `debounce_s` is the same press. It is acknowledged again
  and acted on once.
- Number and tone are never confirmed.
- A key for which nobody has room is not acknowledged: the caller keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from somc.api import hookimpl
from somc_hal.drivers import Driver, DriverSpec
from somc_hal.simulators import Simulator

from .drivers import Pager21Caller, Pager21Evaluator
from .simulators import Pager21CallerSimulator, Pager21EvaluatorSimulator

__all__ = ["DRIVERS", "SIMULATORS", "somc_device_drivers", "somc_device_simulators"]


def _spec(make: type[Driver[Any]], doc: str) -> DriverSpec:
    return DriverSpec(make.DRIVER, make.DEVICE_CLASS, make, make.OPTIONS, doc)


DRIVERS: tuple[DriverSpec, ...] = (
    _spec(Pager21Caller, "21-key caller with a display of six digits."),
    _spec(Pager21Evaluator, "Evaluator on the cable of a 21-key caller."),
)
SIMULATORS: Mapping[str, Callable[[], Simulator]] = {
    Pager21CallerSimulator.DRIVER: Pager21CallerSimulator,
    Pager21EvaluatorSimulator.DRIVER: Pager21EvaluatorSimulator,
}


@hookimpl
def somc_device_drivers() -> Iterable[DriverSpec]:
    """The drivers of this plugin."""
    return DRIVERS


@hookimpl
def somc_device_simulators() -> Mapping[str, Callable[[], Simulator]]:
    """And the simulators that speak to them."""
    return SIMULATORS
