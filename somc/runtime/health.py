"""The health of devices on its way into the journal.

A device's supervisor reports synchronously and must not wait; only the newest report of each device is kept
until the door takes it.
"""

from __future__ import annotations

import trio

from somc.domain import commands as c
from somc.errors import Overloaded, RuleFailed, ShuttingDown
from somc.runtime.hall import Hall
from somc_hal.status import DeviceStatus

__all__ = ["Health"]


class Health:
    """Carries what devices say of themselves to the door; keeps only the newest of each."""

    def __init__(self) -> None:
        self._newest: dict[str, DeviceStatus] = {}
        self._changed = trio.Event()

    @property
    def busy(self) -> bool:
        """Whether something that was reported has not been taken by the door."""
        return bool(self._newest)

    def report(self, status: DeviceStatus) -> None:
        """To be handed to drivers as `on_status`."""
        self._newest[status.device] = status
        self._changed.set()

    async def run(self, hall: Hall) -> None:
        """Submit every change, until the hall stops."""
        while True:
            await self._changed.wait()
            self._changed = trio.Event()
            while self._newest:
                name, status = next(iter(self._newest.items()))
                command = c.ReportDevice(
                    by="device:" + name, device=name, status=status.state.value, detail=status.detail
                )
                try:
                    await hall.submit(command, lambda state, events, now: None)
                except Overloaded as error:
                    await trio.sleep(error.retry_after_s)
                    continue
                except ShuttingDown:
                    return
                except RuleFailed:
                    pass  # logged where it failed; a device's health stops no hall
                if self._newest.get(name) is status:
                    del self._newest[name]
