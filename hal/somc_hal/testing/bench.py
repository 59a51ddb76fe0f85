"""A bench: one driver, the simulated device at the other end, and the cable between them.

What must stay true: times are short (`QUICK`) but real; whatever a check does, the bench ends with
the context.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import trio

from somc_hal.drivers.base import DriverSpec
from somc_hal.drivers.catalogue import driver_spec
from somc_hal.simulators.base import Simulator
from somc_hal.simulators.catalogue import make_simulator
from somc_hal.simulators.host import SimulatorHost, Where
from somc_hal.status import DeviceStatus

__all__ = ["QUICK", "Bench", "BenchFactory", "simulated"]

QUICK: Mapping[str, Any] = {
    "answer_timeout_s": 0.1,
    "attempts": 3,
    "heartbeat_s": 0.1,
    "connect_timeout_s": 2.0,
    "frame_timeout_s": 1.0,
    "backoff_first_s": 0.01,
    "backoff_cap_s": 0.05,
}
"""Options that make faults show within a second."""


RETRANSMIT_S = 0.05
"""How soon a simulated device on a bench repeats what was not acknowledged."""


@dataclass
class Bench:
    """`driver` and `simulator` are of the class under test; `statuses` are all that were published;
    `heard` is what the person at the bench got from the device. `shared`: others stand on the same line."""

    driver: Any
    simulator: Any
    host: Any
    statuses: list[DeviceStatus]
    nursery: trio.Nursery
    heard: list[int] = field(default_factory=list)
    shared: bool = False

    async def start(self) -> None:
        """Run the driver."""
        await self.nursery.start(self.driver.run)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when `condition()` holds; looked at whenever the simulator has moved."""
        while not condition():
            await self.simulator.changed.wait()

    async def until_told(self) -> None:
        """Return when the driver has published a status."""
        while not self.statuses:
            await self.driver.wait_not_online()
            await trio.lowlevel.checkpoint()

    async def until_waiting(self, channel: trio.MemoryReceiveChannel[Any]) -> None:
        """Return when somebody waits for an event of `channel`."""
        while not channel.statistics().tasks_waiting_receive:
            await trio.lowlevel.checkpoint()


class BenchFactory(Protocol):
    """Makes a bench whose driver is not yet running. Options that the driver does not have are left out."""

    def __call__(self, **options: Any) -> AbstractAsyncContextManager[Bench]: ...


def simulated(
    driver: str | DriverSpec,
    where: Where = "pty",
    *,
    simulator: Callable[[], Simulator] | None = None,
    options: Mapping[str, Any] = QUICK,
    scheme: str | None = None,
    host: Callable[[Simulator], Any] | None = None,
) -> BenchFactory:
    """Benches for one driver against its simulator behind a pty, TCP or memory. `scheme` opens the same
    place by another link, such as `serial+aio`; `host` makes another cable, with `run`, `unplug` and
    `replug` as `SimulatorHost` has them."""
    spec = driver_spec(driver) if isinstance(driver, str) else driver

    @asynccontextmanager
    async def make(**more: Any) -> AsyncIterator[Bench]:
        device = simulator() if simulator is not None else make_simulator(spec.name)
        device.retransmit_s = RETRANSMIT_S
        made_host = SimulatorHost(device, where, name=spec.name) if host is None else host(device)
        statuses: list[DeviceStatus] = []
        async with trio.open_nursery() as nursery:
            url = await nursery.start(made_host.run)
            if scheme is not None:
                url = scheme + url[url.index("://") :]
            # Half-way between the extremes of the jitter: the same pauses in every run.
            chosen = {key: value for key, value in {**options, **more}.items() if key in spec.options_schema}
            made = spec.make("device", url, chosen, on_status=statuses.append, random_source=lambda: 0.5)
            yield Bench(made, device, made_host, statuses, nursery)
            nursery.cancel_scope.cancel()

    return make
