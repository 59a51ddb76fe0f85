"""Hardware monitors (环境监控): the newest readings, and what of them is a fault of the hall's equipment.

    no mains (`power`: no) · an open cabinet (`door`: yes) · a value outside its `limits`

What must stay true
- A reading is no record: temperatures change all day. A fault is, once when it comes and once when it goes,
  as the monitor's `device.status`: `hardwareError` with every fault named, `userError` for an open door.
- Around a limit there is no chatter: what is out of it must come back by `BACK_SHARE` of the limits' width.
- A monitor that is away says nothing of the mains: then its own status stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from somc_hal.devices import HardwareMonitor
from somc_hal.status import DeviceState, DeviceStatus, Truth
from somc_hal.values import Reading, ReadingKind

__all__ = ["Limits", "Watch"]

Limits = Mapping[str, tuple[float, float]]
"""Kind of reading (`temperature`, `voltage`) to the lowest and the highest good value."""

BACK_SHARE = 0.05
MOST_PLACES = 64
"""Readings kept of one monitor; more places than this are a device that talks nonsense."""

UNITS = {ReadingKind.TEMPERATURE: "°C", ReadingKind.VOLTAGE: "V"}


@dataclass(frozen=True, slots=True)
class _Fault:
    state: DeviceState
    words: str


class Watch:
    """One hardware monitor. `report` is where its status goes; hand `heard` to the driver as `on_status`."""

    def __init__(
        self,
        limits: Limits,
        report: Callable[[DeviceStatus], None],
        now_ms: Callable[[], int],
    ) -> None:
        self.device: HardwareMonitor
        self._limits = limits
        self._report = report
        self._now_ms = now_ms
        self._status: DeviceStatus | None = None
        self.rows: list[dict[str, Any]] = []
        """The newest reading of each kind and place, for views; the same list for ever."""
        self._places: dict[tuple[str, str], int] = {}
        self._faults: dict[tuple[str, str], _Fault] = {}

    @property
    def busy(self) -> bool:
        """Never: a reading is taken in at once."""
        return False

    def heard(self, status: DeviceStatus) -> None:
        """What the driver says of the device. A fault that stands is told with it."""
        self._status = status
        if status.serving and self._faults:
            worst = next(
                (f.state for f in self._faults.values() if f.state is DeviceState.HARDWARE_ERROR),
                DeviceState.USER_ERROR,
            )
            words = "; ".join(fault.words for _, fault in sorted(self._faults.items()))
            status = replace(status, state=worst, detail=words)
        self._report(status)

    async def run(self) -> None:
        """Take readings in until cancelled."""
        async for reading in self.device.readings:
            self.take(reading)

    def take(self, reading: Reading) -> None:
        """One reading, and what follows from it."""
        key = (reading.kind.value, reading.place)
        if key not in self._places:
            if len(self.rows) >= MOST_PLACES:
                return
            self._places[key] = len(self.rows)
            self.rows.append({})
        value = reading.value.value if isinstance(reading.value, Truth) else reading.value
        self.rows[self._places[key]] = {
            "kind": reading.kind.value,
            "place": reading.place,
            "value": value,
            "at": self._now_ms(),
        }
        before = self._faults.get(key)
        now = self._fault_of(reading, before)
        if (now is None) == (before is None):
            return  # the words keep the value that made it a fault: a new one is no news
        if now is None:
            del self._faults[key]
        else:
            self._faults[key] = now
        if self._status is not None:
            self.heard(self._status)

    def _fault_of(self, reading: Reading, before: _Fault | None) -> _Fault | None:
        where = f" {reading.place}" if reading.place else ""
        if isinstance(reading.value, Truth):
            if reading.value is Truth.UNKNOWN:
                return before
            if reading.kind is ReadingKind.POWER and reading.value is Truth.NO:
                return _Fault(DeviceState.HARDWARE_ERROR, f"no mains{where}")
            if reading.kind is ReadingKind.DOOR and reading.value is Truth.YES:
                return _Fault(DeviceState.USER_ERROR, f"door{where} is open")
            return None
        if reading.kind.value not in self._limits:
            return None
        low, high = self._limits[reading.kind.value]
        back = 0.0 if before is None else (high - low) * BACK_SHARE
        if low + back <= reading.value <= high - back:
            return None
        if before is not None:
            return before
        side, limit = ("below", low) if reading.value < low else ("above", high)
        unit = UNITS[reading.kind]
        words = f"{reading.kind.value}{where} {reading.value:g} {unit}, {side} {limit:g} {unit}"
        return _Fault(DeviceState.HARDWARE_ERROR, words)
