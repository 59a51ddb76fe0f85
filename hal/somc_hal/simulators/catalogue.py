"""The simulators of this version, by the name of the driver that speaks to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import trio

from somc_hal.simulators.base import Simulator
from somc_hal.simulators.escpos_printer import EscposPrinterSimulator
from somc_hal.simulators.host import SimulatorHost, Where
from somc_hal.simulators.reference import (
    AnnouncerSimulator,
    HallDisplaySimulator,
    KeypadSimulator,
    StripDisplaySimulator,
)
from somc_hal.simulators.reference_events import (
    CameraSimulator,
    CardReaderSimulator,
    EvaluatorSimulator,
    IndicatorSimulator,
    KioskInputSimulator,
    MonitorSimulator,
    PeopleCounterSimulator,
    SecondScreenSimulator,
)

__all__ = ["SIMULATORS", "make_simulator", "simulate"]

SIMULATORS: Mapping[str, Callable[[], Simulator]] = {
    simulator.DRIVER: simulator
    for simulator in (
        EscposPrinterSimulator,
        StripDisplaySimulator,
        HallDisplaySimulator,
        AnnouncerSimulator,
        KeypadSimulator,
        EvaluatorSimulator,
        KioskInputSimulator,
        CardReaderSimulator,
        IndicatorSimulator,
        SecondScreenSimulator,
        PeopleCounterSimulator,
        CameraSimulator,
        MonitorSimulator,
    )
}
"""Driver name to simulator class."""


def make_simulator(driver: str) -> Simulator:
    """A new simulator for that driver. `ValueError` names the drivers that have one."""
    make = SIMULATORS.get(driver)
    if make is None:
        raise ValueError(f"found driver {driver!r}; allowed: {', '.join(SIMULATORS)}")
    return make()


async def simulate(
    driver: str,
    where: Where = "pty",
    *,
    port: int = 0,
    task_status: trio.TaskStatus[SimulatorHost] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run one simulated device until cancelled; `started` is given its host, which has URL and simulator."""
    host = SimulatorHost(make_simulator(driver), where, name=driver, port=port)
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        task_status.started(host)
