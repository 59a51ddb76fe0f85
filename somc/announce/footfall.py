"""People counters (客流): passages added up by door, one record a door and quarter of an hour.

What must stay true
- No passage is in two records. What was counted and not written yet goes with the process if it dies: at most
  a quarter of an hour; an orderly end writes it (`flush`).
- Quarters are those of the hall's clock, so a busy door makes 96 records a day and a quiet one none.
"""

from __future__ import annotations

import structlog
import trio

from somc.announce.written import written
from somc.domain import commands as c
from somc.runtime.hall import Hall
from somc_hal.devices import PeopleCounter

__all__ = ["QUARTER_MS", "PeopleTally"]

log = structlog.get_logger(__name__)

QUARTER_MS = 15 * 60 * 1000
"""Fine enough for staffing by the half hour, and few records. All time zones of today begin their hours with
one of these (UTC has their offsets in quarters)."""

MOST_DOORS = 64
"""No device has so many; names beyond are a device that talks nonsense, and are added to the last."""


class PeopleTally:
    """One people counter. `run` must be running."""

    def __init__(self, hall: Hall, device: PeopleCounter) -> None:
        self.device = device
        self._hall = hall
        self._counts: dict[str, tuple[int, int]] = {}
        self._since = hall.now()
        self._writing = trio.Lock()

    @property
    def busy(self) -> bool:
        """Whether a count is on its way into the journal. One that adds up is not: time must pass."""
        return self._writing.locked()

    async def run(self) -> None:
        """Count until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write_by_quarters)
            async for passage in self.device.passages:
                door = passage.door or "-"
                if door not in self._counts and len(self._counts) >= MOST_DOORS:
                    door = next(reversed(self._counts))
                entered, left = self._counts.get(door, (0, 0))
                self._counts[door] = (entered + passage.entered, left + passage.left)

    async def flush(self) -> None:
        """Write down what was counted so far."""
        async with self._writing:
            since, self._since = self._since, self._hall.now()
            counts, self._counts = self._counts, {}
            for door, (entered, left) in counts.items():
                command = c.CountPeople(
                    by=f"device:{self.device.name}",
                    device=self.device.name,
                    door=door,
                    entered=entered,
                    left=left,
                    since=since,
                )
                if why := await written(self._hall, command):
                    log.warning(
                        "people not written down",
                        device=self.device.name,
                        door=door,
                        entered=entered,
                        why=why,
                    )

    async def _write_by_quarters(self) -> None:
        while True:
            await self._hall.clock.sleep_until((self._hall.now() // QUARTER_MS + 1) * QUARTER_MS)
            await self.flush()
