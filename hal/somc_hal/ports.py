"""The ports of one process that several devices share, by URL.

What must stay true
- Composition makes one `Ports` and hands it to every driver; a driver without one gets its own, and then
  shares with nobody.
- A URL has one bus, and a bus one protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio

from somc_hal.bus import Bus, BusCodec

__all__ = ["Ports"]


class Ports:
    """The registry. Its buses run in the nursery of `run`; without that each in its only device's task."""

    def __init__(self) -> None:
        self._buses: dict[str, Bus[Any]] = {}
        self._nursery: trio.Nursery | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Be the home of all buses until cancelled. To be started before any device runs."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            try:
                await trio.sleep_forever()
            finally:
                self._nursery = None

    def bus(self, url: str, protocol: str, make: Callable[[], BusCodec[Any]]) -> Bus[Any]:
        """The bus behind `url`, made at first use. `ValueError` if another protocol is spoken there."""
        bus = self._buses.get(url)
        if bus is None:
            bus = self._buses[url] = Bus(url, protocol, make(), lambda: self._nursery)
        elif bus.protocol != protocol:
            if not bus.addresses:
                bus = self._buses[url] = Bus(url, protocol, make(), lambda: self._nursery)
            else:
                raise ValueError(f"{url}: {bus.protocol} is spoken there, not {protocol}")
        return bus
