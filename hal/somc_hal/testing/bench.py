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
from somc_hal.ports import Ports
from somc_hal.simulators.base import Simulator
from somc_hal.simulators.catalogue import make_simulator
from somc_hal.simulators.host import SimulatorHost, Where
from somc_hal.simulators.multidrop import Multidrop
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
    `heard` is what the person at the bench got from the device. On a bus, `neighbour` is the same kind of
    device at the next address. `shared`: others stand on the same line."""

    driver: Any
    simulator: Any
    host: Any
    statuses: list[DeviceStatus]
    nursery: trio.Nursery
    heard: list[int] = field(default_factory=list)
    shared: bool = False
    neighbour: Any = None
    neighbour_simulator: Any = None

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
    """Makes a bench whose driver is not yet running. `neighbour=True`: a second device of its kind stands
    on the same line and runs. Options that the driver does not have are left out."""

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

    def made_simulator(address: int | None = None) -> Any:
        device: Any = simulator() if simulator is not None else make_simulator(spec.name)
        device.retransmit_s = RETRANSMIT_S
        if address is not None:
            device.address = address
            if "polled" in spec.options_schema:
                device.polled = True
        return device

    @asynccontextmanager
    async def make(*, neighbour: bool = False, **more: Any) -> AsyncIterator[Bench]:
        first = made_simulator(1 if neighbour else None)
        second = made_simulator(2) if neighbour else None
        line = first if second is None else Multidrop([first, second])
        made_host = SimulatorHost(line, where, name=spec.name) if host is None else host(line)
        statuses: list[DeviceStatus] = []
        chosen = {**options, **more, **({"polled": True, "poll_s": 0.01} if neighbour else {})}
        chosen = {key: value for key, value in chosen.items() if key in spec.options_schema}
        ports = Ports()
        async with trio.open_nursery() as nursery:
            url = await nursery.start(made_host.run)
            await nursery.start(ports.run)
            if scheme is not None:
                url = scheme + url[url.index("://") :]

            def made(name: str, told: list[DeviceStatus], **address: int) -> Any:
                # Half-way between the extremes of the jitter: the same pauses in every run.
                return spec.make(
                    name,
                    url,
                    {**chosen, **address},
                    on_status=told.append,
                    random_source=lambda: 0.5,
                    ports=ports,
                )

            bench = Bench(made("device", statuses), first, made_host, statuses, nursery, shared=neighbour)
            if second is not None:
                bench.neighbour, bench.neighbour_simulator = made("neighbour", [], address=2), second
                await nursery.start(bench.neighbour.run)
            yield bench
            nursery.cancel_scope.cancel()

    return make
