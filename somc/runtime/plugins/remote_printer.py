"""A ticket printer 打印机 whose driver works in its plugin's own process: at most once a job, also across the
death of that process.

What must stay true
- A job id that was handed over to a process and has no outcome yet is asked only of that same process, whose
  driver remembers it. When that process has gone, its outcome is unknown, and it is printed by no other.
- A job id is free only if the driver said that nothing was sent.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, cast

import trio

from somc.runtime.plugins import device_wire as wire
from somc.runtime.plugins.board import Late, Lost, NotSent
from somc.runtime.plugins.remote_device import RemoteDevice
from somc_hal.errors import DeviceBusy, DeviceOffline, NeedsOperator, OutcomeUnknown, Unsupported
from somc_hal.status import Truth
from somc_hal.values import SlipCode, SlipImage, SlipPart

__all__ = ["LONGEST_S", "RemotePrinter"]

LONGEST_S = 610.0
"""One slip, and one announcement, may take ten minutes where a driver's options say so; a driver that has not
ended by then never does."""

USUAL_JOBS = 1024
"""Job ids remembered, where the driver has no option that says how many."""

NOTHING_SENT = (DeviceOffline, NeedsOperator, DeviceBusy, Unsupported, ValueError)


class RemotePrinter(RemoteDevice):
    """As `somc_hal.devices.TicketPrinter`."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._pending: set[str] = set()
        self._jobs: OrderedDict[str, Truth | OutcomeUnknown | int] = OrderedDict()
        """Of each job its outcome, or the number of the life to which it was handed over."""
        remembered = self.spec.options_schema.get("remembered_jobs")
        usual = USUAL_JOBS if remembered is None else remembered.default
        self._most_jobs = int(self.options.get("remembered_jobs", usual))

    async def print(self, job_id: str, lines: Sequence[SlipPart], *, timeout_s: float = 0.0) -> Truth:
        """As the interface says. A second call with the id of a job under way raises `DeviceBusy`."""
        can = self.capabilities
        for line in lines:
            if isinstance(line, SlipCode):
                self._require(can.qr, "a QR code")
            elif isinstance(line, SlipImage):
                self._require(can.raster, "a picture")
            else:
                self._require(can.double_size or not line.double, "double size")
        parts = wire.parts_of(lines)
        await trio.lowlevel.checkpoint()
        if job_id in self._pending:
            raise DeviceBusy(self.name, f"print: job {job_id} is being printed")
        self._pending.add(job_id)
        try:
            known = self._known(job_id)
            return await self._print(job_id, parts, timeout_s) if known is None else known
        finally:
            self._pending.discard(job_id)

    def _known(self, job_id: str) -> Truth | None:
        """The outcome of a job that has one. Raises `OutcomeUnknown` again."""
        known = self._jobs.get(job_id)
        if isinstance(known, int) and (self._life is None or known != self._life.number):
            known = self._remember(job_id, self._unknown(job_id, "the process that had it has ended"))
        if isinstance(known, OutcomeUnknown):
            raise known.with_traceback(None)
        return known if isinstance(known, Truth) else None

    async def _print(self, job_id: str, parts: list[wire.Part], timeout_s: float) -> Truth:
        life, left_s = await self._await_life("print", timeout_s)
        handed_before = job_id in self._jobs
        self._remember(job_id, life.number)
        within_s = left_s + LONGEST_S
        try:
            given = await self._ask(life, "print", job_id, parts, timeout_s=left_s, within_s=within_s)
        except NotSent as error:
            if not handed_before:
                del self._jobs[job_id]
            raise DeviceOffline(self.name, f"print: {error}") from None
        except NOTHING_SENT as error:
            # Busy may be with this very job, whose caller before this one went away.
            if not (handed_before and isinstance(error, DeviceBusy)):
                self._jobs.pop(job_id, None)
            raise
        except OutcomeUnknown as unknown:
            self._remember(job_id, unknown)
            raise
        except Lost as error:
            raise self._remember(job_id, self._unknown(job_id, str(error))) from None
        except Late:
            why = f"its driver did not end within {within_s:g} s"
            raise self._remember(job_id, self._unknown(job_id, why)) from None
        return cast(Truth, self._remember(job_id, given))

    def _unknown(self, job_id: str, why: str) -> OutcomeUnknown:
        return OutcomeUnknown(self.name, f"print: job {job_id} was handed over, and {why}")

    def _remember(self, job_id: str, outcome: Any) -> Any:
        self._jobs[job_id] = outcome
        self._jobs.move_to_end(job_id)
        while len(self._jobs) > self._most_jobs:
            self._jobs.popitem(last=False)
        return outcome
