"""The devices of a hall by what they are for. Which concrete ones, composition decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from somc.announce.footfall import PeopleTally
from somc.announce.ratings import RatingDesk
from somc.announce.readings import Watch
from somc_hal.devices import (
    Announcer,
    Camera,
    CardReader,
    CounterCaller,
    CounterDisplay,
    Device,
    HallDisplay,
    Indicator,
    KioskInput,
    SecondScreen,
    TicketPrinter,
)

__all__ = ["HallDevices"]


@dataclass(frozen=True, slots=True)
class HallDevices:
    """Every device of the hall. A counter may have several of a kind; 0 is the hall itself.

    Evaluators, people counters and hardware monitors stand here as what listens to them.
    """

    printers: list[TicketPrinter] = field(default_factory=list)
    strips: list[tuple[int, CounterDisplay]] = field(default_factory=list)
    hall_displays: list[HallDisplay] = field(default_factory=list)
    announcers: list[Announcer] = field(default_factory=list)
    keypads: list[tuple[int, CounterCaller]] = field(default_factory=list)
    indicators: list[tuple[int, Indicator]] = field(default_factory=list)
    second_screens: list[tuple[int, SecondScreen]] = field(default_factory=list)
    evaluators: list[RatingDesk] = field(default_factory=list)
    people_counters: list[PeopleTally] = field(default_factory=list)
    monitors: list[Watch] = field(default_factory=list)
    kiosk_inputs: list[KioskInput] = field(default_factory=list)
    card_readers: list[CardReader] = field(default_factory=list)
    cameras: list[Camera] = field(default_factory=list)

    def clear(self) -> None:
        """None at all: the lists stay the same ones."""
        for kind in self.__slots__:
            getattr(self, kind).clear()

    def all(self) -> Iterator[Device]:
        """Every one of them, for health and shutdown."""
        yield from self.printers
        yield from (display for _, display in self.strips)
        yield from self.hall_displays
        yield from self.announcers
        yield from (keypad for _, keypad in self.keypads)
        yield from (lamp for _, lamp in self.indicators)
        yield from (screen for _, screen in self.second_screens)
        yield from (desk.evaluator for desk in self.evaluators)
        yield from (tally.device for tally in self.people_counters)
        yield from (watch.device for watch in self.monitors)
        yield from self.kiosk_inputs
        yield from self.card_readers
        yield from self.cameras

    @property
    def busy(self) -> bool:
        """Whether anything is on its way to or from a device."""
        return any(device.busy for device in self.all())
