"""The devices of a hall by what they are for. Which concrete ones, composition decides."""

from __future__ import annotations

from dataclasses import dataclass, field

from somc_hal.devices import Announcer, CounterCaller, CounterDisplay, Device, HallDisplay, TicketPrinter

__all__ = ["HallDevices"]


@dataclass(frozen=True, slots=True)
class HallDevices:
    """Every device that the announcer drives or hears. A counter may have several of a kind."""

    printers: list[TicketPrinter] = field(default_factory=list)
    strips: list[tuple[int, CounterDisplay]] = field(default_factory=list)
    hall_displays: list[HallDisplay] = field(default_factory=list)
    announcers: list[Announcer] = field(default_factory=list)
    keypads: list[tuple[int, CounterCaller]] = field(default_factory=list)
    others: list[Device] = field(default_factory=list)  # supervised; nothing here drives them

    def all(self) -> list[Device]:
        """Every one of them, for health and shutdown."""
        return [
            *self.printers,
            *(display for _, display in self.strips),
            *self.hall_displays,
            *self.announcers,
            *(keypad for _, keypad in self.keypads),
            *self.others,
        ]

    @property
    def busy(self) -> bool:
        """Whether anything is on its way to or from a device."""
        return any(device.busy for device in self.all())
