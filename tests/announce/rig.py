"""A hall with its announcer and keypads: a real journal, real drivers, and simulated devices at the other
end of real links. The hall's clock stands until it is told; the wires run in real time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import trio
import trio.testing

from somc.announce.announcer import Announcer
from somc.announce.devices import HallDevices
from somc.announce.footfall import PeopleTally
from somc.announce.keypads import serve_keypad
from somc.announce.ratings import RatingDesk
from somc.composition import open_hall
from somc.config import AnnouncementSettings, HallConfig, load
from somc.domain import commands as c
from somc.domain.refusals import Refusal
from somc.domain.values import Counter, Ticket, Words
from somc.journal.record import Record
from somc.runtime.hall import Decided, Hall
from somc.runtime.ids import IdSource
from somc.testing.day import DayClock, midnight
from somc_hal.devices import DeviceClass
from somc_hal.drivers.catalogue import driver_spec
from somc_hal.simulators.base import Simulator
from somc_hal.simulators.catalogue import make_simulator
from somc_hal.simulators.escpos_printer import EscposPrinterSimulator
from somc_hal.simulators.host import SimulatorHost, Where
from somc_hal.simulators.reference import (
    AnnouncerSimulator,
    HallDisplaySimulator,
    KeypadSimulator,
    StripDisplaySimulator,
)
from somc_hal.simulators.stx_device import StxSimulator
from somc_hal.testing.bench import QUICK

PATIENCE_S = 20.0
"""No step of a test takes this long; reaching it is a failure."""

RATING_WAIT_S = 30

TEN = midnight("2009-04-01", "Asia/Shanghai") + 10 * 3_600_000
"""Ten o'clock on a morning, in Unix ms."""

ZH_ONLY = AnnouncementSettings(languages=("zh",), repeat=1, stale_after_s=30)
BOTH = AnnouncementSettings(languages=("zh", "en"), repeat=1, stale_after_s=30)

HALL = """
[hall]
org = "somc/shoudu/xicheng/xidan"
name = { zh = "西单营业厅", en = "Xidan Hall" }
timezone = "Asia/Shanghai"
max_recalls = 2
default_class = "easyown"

[class.easyown]
name = { zh = "神州行", en = "Easyown" }

[policy]
kind = "fifo"

[service.payment]
name = { zh = "缴费", en = "Payment" }
prefix = "A"
mean_service_s = 180

[service.business]
name = { zh = "业务办理", en = "Plans and contracts" }
prefix = "B"
papers = [
  { zh = "机主有效身份证件原件", en = "The subscriber's identity card (original)" },
  { zh = "代办人证件", en = "Proxy's card" },
]

[counter.1]
skills = { payment = 1, business = 1 }

[counter.2]
skills = { payment = 1, business = 1 }

[counter.3]
skills = { business = 1 }

[plugins]
enabled = ["standard_devices"]
"""


def hall_config(folder: Path, toml: str = HALL) -> HallConfig:
    """The configuration of `toml`, written to `folder`."""
    path = folder / "hall.toml"
    path.write_text(toml, encoding="utf-8")
    return load(path)


@dataclass(frozen=True)
class Plug:
    """One device to plug in: its driver, link and options, and the counter it stands at."""

    name: str
    driver: str
    counter: int = 0
    where: Where = "memory"
    options: Mapping[str, Any] = field(default_factory=dict)
    simulator: Callable[[], Simulator] | None = None
    dead: bool = False
    """Whether it has no power from the beginning."""


@dataclass
class Rig:
    """A running hall. `announcer` and the devices end with it."""

    hall: Hall
    clock: DayClock
    devices: HallDevices
    announcer: Announcer
    simulators: dict[str, Simulator]
    hosts: dict[str, SimulatorHost]
    nursery: trio.Nursery
    announcing: bool
    """Whether the announcer runs."""
    taken: int = 0

    # -- acts -------------------------------------------------------------------------------------

    async def do(self, command: c.Command) -> list[str]:
        """Carry it out; the types of its events."""
        outcome = await self.hall.submit(command, lambda state, events, now: None)
        assert isinstance(outcome, Decided), outcome
        return [type(event).__name__ for event in outcome.events]

    async def refused(self, command: c.Command) -> Refusal:
        outcome = await self.hall.submit(command, lambda state, events, now: None)
        assert isinstance(outcome, Refusal), outcome
        return outcome

    async def take(self, service: str = "payment", channel: str = "kiosk", **more: Any) -> Ticket:
        """A new ticket; ids are t1, t2, … in this rig's order."""
        self.taken += 1
        ticket_id = f"t{self.hall.state.seq}-{self.taken}"
        fields = {"customer_class": "easyown", "class_source": "given", **more}
        await self.do(
            c.TakeTicket(by="kiosk:1", ticket_id=ticket_id, service=service, channel=channel, **fields)
        )
        return self.ticket(ticket_id)

    async def open(self, *counters: int) -> None:
        for number in counters:
            await self.do(c.OpenCounter(by="agent:li", counter=number, agent=f"agent{number}"))

    async def call(self, counter: int) -> Ticket:
        """Call the next one; who was called."""
        assert await self.do(c.CallNext(by="agent:li", counter=counter)) == ["TicketCalled"]
        return self.at(counter)

    async def serve(self, counter: int) -> None:
        """Start and finish whoever was called."""
        await self.do(c.StartService(by="agent:li", counter=counter))
        await self.do(c.FinishService(by="agent:li", counter=counter))

    # -- looks ------------------------------------------------------------------------------------

    def ticket(self, ticket_id: str) -> Ticket:
        return self.hall.state.tickets[ticket_id]

    def counter(self, number: int) -> Counter:
        return self.hall.state.counters[number]

    def at(self, counter: int) -> Ticket:
        ticket_id = self.counter(counter).ticket
        assert ticket_id is not None
        return self.ticket(ticket_id)

    def printer(self, name: str = "printer") -> EscposPrinterSimulator:
        return cast(EscposPrinterSimulator, self.simulators[name])

    def voice(self, name: str = "voice") -> AnnouncerSimulator:
        return cast(AnnouncerSimulator, self.simulators[name])

    def strip_display(self, name: str = "strip") -> StripDisplaySimulator:
        return cast(StripDisplaySimulator, self.simulators[name])

    def board(self, name: str = "board") -> HallDisplaySimulator:
        return cast(HallDisplaySimulator, self.simulators[name])

    def keypad(self, name: str = "keypad") -> KeypadSimulator:
        return cast(KeypadSimulator, self.simulators[name])

    def heard(self, name: str = "voice") -> list[str]:
        """What a voice spoke to its end, phrase by phrase."""
        return [phrase.text for said in self.voice(name).spoken if said.whole for phrase in said.phrases]

    async def records(self) -> list[Record]:
        found: list[Record] = []
        while page := await self.hall.journal.records_after(len(found), 1000):
            found += page
        return found

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when `condition()` holds."""
        with trio.fail_after(PATIENCE_S):
            while not condition():
                await trio.testing.wait_all_tasks_blocked(0.002)

    async def quiet(self) -> None:
        """Return when hall, announcer, drivers and simulators have nothing under way but speech."""

        def busy() -> bool:
            listening = any(one.busy for one in (*self.devices.evaluators, *self.devices.people_counters))
            wires = (
                listening
                or self.devices.busy
                or any(simulator.busy for simulator in self.simulators.values())
            )
            announcing = self.announcing and self.announcer.busy
            return self.hall.busy or announcing or wires

        await self.until(lambda: not busy())
        await trio.testing.wait_all_tasks_blocked()
        if busy():
            await self.quiet()

    async def online(self) -> None:
        """Return when every device with power serves."""
        with trio.fail_after(PATIENCE_S):
            for device in self.devices.all():
                if self.simulators[device.name].powered:
                    await device.wait_online()


@asynccontextmanager
async def rig(
    folder: Path,
    plugs: Sequence[Plug] = (),
    *,
    settings: AnnouncementSettings = ZH_ONLY,
    now_ms: int = TEN,
    toml: str = HALL,
    run_announcer: bool = True,
) -> AsyncIterator[Rig]:
    """The hall of `toml` over the journal in `folder`, with these devices. Entered again it is a restart."""
    clock = DayClock(now_ms)
    async with (
        open_hall(hall_config(folder, toml), folder / "data", clock, IdSource(1)) as (hall, _),
        trio.open_nursery() as nursery,
    ):
        devices = HallDevices()
        simulators: dict[str, Simulator] = {}
        hosts: dict[str, SimulatorHost] = {}
        for plug in plugs:
            simulator = plug.simulator() if plug.simulator is not None else make_simulator(plug.driver)
            if isinstance(simulator, StxSimulator):
                simulator.retransmit_s = 0.05
            if isinstance(simulator, AnnouncerSimulator) and plug.simulator is None:
                simulator.s_per_cell = 0.0
            if plug.dead:
                simulator.power_off()
            host = SimulatorHost(simulator, plug.where, name=plug.name)
            await nursery.start(host.run)
            simulators[plug.name], hosts[plug.name] = simulator, host
            spec = driver_spec(plug.driver)
            device: Any = spec.make(plug.name, host.url, {**QUICK, **plug.options}, random_source=lambda: 0.5)
            await nursery.start(device.run)
            place(devices, spec.device_class, plug.counter, device, hall, nursery)
        announcer = Announcer(hall, devices, settings)
        made = Rig(hall, clock, devices, announcer, simulators, hosts, nursery, run_announcer)
        await made.online()
        if run_announcer:
            await nursery.start(announcer.run)
        for number, keypad in devices.keypads:
            nursery.start_soon(serve_keypad, hall, number, keypad)
        yield made
        nursery.cancel_scope.cancel()


def place(
    devices: HallDevices,
    device_class: DeviceClass,
    counter: int,
    device: Any,
    hall: Hall,
    nursery: trio.Nursery,
) -> None:
    match device_class:
        case DeviceClass.TICKET_PRINTER:
            devices.printers.append(device)
        case DeviceClass.ANNOUNCER:
            devices.announcers.append(device)
        case DeviceClass.HALL_DISPLAY:
            devices.hall_displays.append(device)
        case DeviceClass.COUNTER_CALLER:
            devices.keypads.append((counter, device))
        case DeviceClass.COUNTER_DISPLAY:
            devices.strips.append((counter, device))
        case DeviceClass.EVALUATOR:
            desk = RatingDesk(hall, counter, device, RATING_WAIT_S)
            nursery.start_soon(desk.run)
            devices.evaluators.append(desk)
        case DeviceClass.PEOPLE_COUNTER:
            tally = PeopleTally(hall, device)
            nursery.start_soon(tally.run)
            devices.people_counters.append(tally)
        case DeviceClass.SECOND_SCREEN:
            devices.second_screens.append((counter, device))
        case DeviceClass.INDICATOR:
            devices.indicators.append((counter, device))
        case _:
            raise AssertionError(f"the rig has no place for {device_class}")


def words(zh: str, en: str = "") -> Words:
    return Words(zh, en)
