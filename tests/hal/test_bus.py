"""A polled bus: sixteen terminals on one line, whoever is silent, whoever is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from somc_hal import DeviceBusy, DeviceOffline, DeviceState, DeviceStatus, Key, Truth, driver_spec
from somc_hal.drivers.stx_dialect import StxBusCodec
from somc_hal.links.memory import listen_memory, unlisten_memory
from somc_hal.ports import Ports
from somc_hal.simulators import KeypadSimulator, StripDisplaySimulator
from somc_hal.simulators.host import SimulatorHost, Where
from somc_hal.simulators.multidrop import Multidrop
from somc_hal.testing.pace import PacedStream

OPTIONS = {"polled": True, "answer_timeout_s": 0.1, "poll_s": 0.02, "backoff_first_s": 0.2, "jitter": 0.0}


class Rig:
    """Keypads at addresses 1 … n on one line."""

    def __init__(self, count: int) -> None:
        self.sims = [KeypadSimulator(address=address) for address in range(1, count + 1)]
        for sim in self.sims:
            sim.polled = True
        self.line = Multidrop(self.sims)
        self.ports = Ports()
        self.statuses: dict[str, list[DeviceStatus]] = {}
        self.keypads: list[Any] = []

    def add(self, url: str, address: int, **options: Any) -> Any:
        name = f"keypad-{address}"
        told = self.statuses[name] = []
        keypad = driver_spec("reference-keypad").make(
            name, url, {**OPTIONS, "address": address, **options}, on_status=told.append, ports=self.ports
        )
        self.keypads.append(keypad)
        return keypad


@asynccontextmanager
async def paced(count: int, baud: int = 9600, **options: Any) -> AsyncIterator[Rig]:
    """A hall's bus in memory, on a line of `baud`."""
    rig = Rig(count)
    wires: list[PacedStream] = []
    async with trio.open_nursery() as nursery:

        def connected(stream: trio.abc.Stream) -> None:
            wires.append(PacedStream(stream, baud))
            nursery.start_soon(rig.line.serve, wires[-1])

        listen_memory("bus", connected)
        try:
            await nursery.start(rig.ports.run)
            for address in range(1, count + 1):
                await nursery.start(rig.add("memory://bus", address, **options).run)
            yield rig
        finally:
            unlisten_memory("bus")
            nursery.cancel_scope.cancel()


async def test_sixteen_terminals_share_one_line(autojump_clock: MockClock) -> None:
    async with paced(16) as rig:
        for keypad in rig.keypads:
            await keypad.wait_online()
        for turn in range(3):
            for sim in rig.sims:
                sim.press(Key.NEXT if turn % 2 else Key.RECALL)
        for keypad in rig.keypads:
            keys = [(await keypad.keys.receive()) for _ in range(3)]
            assert [key.key for key in keys] == [Key.RECALL, Key.NEXT, Key.RECALL]
            assert {key.address for key in keys} == {keypad.address}
        assert rig.line.collisions == 0


async def test_a_silent_address_is_backed_off_and_the_others_go_on(autojump_clock: MockClock) -> None:
    async with paced(4) as rig:
        for keypad in rig.keypads:
            await keypad.wait_online()
        rig.sims[1].mute()
        await rig.keypads[1].wait_not_online()
        assert rig.keypads[1].status.state is DeviceState.OFFLINE
        assert rig.keypads[1].status.detail == "address 2 does not answer"
        heard = rig.sims[0].raw.count(b"\x02\x51\x01")
        asked = rig.sims[0].raw.count(b"\x02\x05\x43\x42")  # ENQ at the silent address 2, which is stuffed
        await trio.sleep(20)
        polled = rig.sims[0].raw.count(b"\x02\x51\x01") - heard
        vainly = rig.sims[0].raw.count(b"\x02\x05\x10\x42") - asked
        assert polled > 200  # a line without the dead one does some 15 rounds a second
        assert 3 <= vainly <= 12  # 0.2, 0.4, 0.8 … 15 s
        for number in (0, 2, 3):
            rig.sims[number].press(Key.NEXT)
            assert (await rig.keypads[number].keys.receive()).key is Key.NEXT
        rig.sims[1].unmute()
        rig.sims[1].press(Key.PAUSE)
        assert (await rig.keypads[1].keys.receive()).key is Key.PAUSE
        # One fault, raised once and cleared once.
        assert [status.serving for status in rig.statuses["keypad-2"]] == [True, False, True]
        assert all(len(rig.statuses[f"keypad-{n}"]) == 1 for n in (1, 3, 4))


async def test_a_pulled_plug_concerns_all_and_all_come_back(autojump_clock: MockClock) -> None:
    for where in ("memory",):
        rig = Rig(3)
        host = SimulatorHost(rig.line, where, name="line")
        async with trio.open_nursery() as nursery:
            await nursery.start(host.run)
            await nursery.start(rig.ports.run)
            for address in (1, 2, 3):
                await nursery.start(rig.add(host.url, address).run)
            for keypad in rig.keypads:
                await keypad.wait_online()
            await host.unplug()
            for keypad in rig.keypads:
                await keypad.wait_not_online()
            await host.replug()
            for keypad in rig.keypads:
                await keypad.wait_online()
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize("where", ["pty", "tcp"])
async def test_a_bus_over_a_real_line(where: Where) -> None:
    rig = Rig(4)
    host = SimulatorHost(rig.line, where, name="line")
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            await nursery.start(host.run)
            await nursery.start(rig.ports.run)
            for address in (1, 2, 3, 4):
                await nursery.start(rig.add(host.url, address).run)
            for keypad, sim in zip(rig.keypads, rig.sims, strict=True):
                await keypad.wait_online()
                sim.press(Key.START)
                assert (await keypad.keys.receive()).key is Key.START
                assert await keypad.show("A001", 3, wait_s=5.0) is Truth.YES
                assert sim.shown == ("A001", 3)
            await host.unplug()
            await rig.keypads[3].wait_not_online()
            await host.replug()
            for keypad in rig.keypads:
                await keypad.wait_online()
            nursery.cancel_scope.cancel()


async def test_commands_go_before_contents_and_contents_before_polls(autojump_clock: MockClock) -> None:
    async with paced(2, poll_s=3600.0) as rig:
        for keypad in rig.keypads:
            await keypad.wait_online()
        mark = len(rig.sims[0].raw)
        async with trio.open_nursery() as nursery:
            for keypad in rig.keypads:
                await keypad.show("A1", 1)
            for keypad in rig.keypads:
                nursery.start_soon(keypad.beep)
        for keypad in rig.keypads:
            await keypad.wait_idle()
        sent = rig.sims[0].raw[mark:]
        ops = [sent[i + 1] for i, byte in enumerate(sent) if byte == 2]
        assert ops == [0x42, 0x42, 0x4E, 0x4E] or ops == [0x4E, 0x42, 0x42, 0x4E]  # the first was under way


async def test_a_flood_of_contents_does_not_deafen_the_bus(autojump_clock: MockClock) -> None:
    async with paced(3, 115200) as rig:
        for keypad in rig.keypads:
            await keypad.wait_online()
        async with trio.open_nursery() as nursery:

            async def flood(keypad: Any) -> None:
                for number in range(10_000):
                    await keypad.show(f"A{number % 999}", number % 99, wait_s=10.0)

            nursery.start_soon(flood, rig.keypads[0])
            nursery.start_soon(flood, rig.keypads[1])
            rig.sims[2].press(Key.NEXT)
            with trio.fail_after(1.0):
                assert (await rig.keypads[2].keys.receive()).key is Key.NEXT
            nursery.cancel_scope.cancel()


async def test_queues_of_an_address_are_bounded_and_an_absent_one_refuses(
    autojump_clock: MockClock,
) -> None:
    async with paced(2, queue_limit=2) as rig:
        for keypad in rig.keypads:
            await keypad.wait_online()
        rig.sims[0].mute()
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(_ending, rig.keypads[0])
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(DeviceBusy, match="2 commands are waiting"):
                await rig.keypads[0].beep()
            await rig.keypads[1].beep()
        await rig.keypads[0].wait_not_online()
        with pytest.raises(DeviceOffline):
            await rig.keypads[0].beep()


async def _ending(keypad: Any) -> None:
    with pytest.raises(Exception, match=r"no answer|does not answer|sent"):
        await keypad.beep()


async def test_a_cancelled_command_leaves_the_line_to_the_others(autojump_clock: MockClock) -> None:
    async with paced(2) as rig:
        for keypad in rig.keypads:
            await keypad.wait_online()
        rig.sims[0].mute()
        with trio.move_on_after(0.01):
            await rig.keypads[0].beep()
        await rig.keypads[1].beep()
        assert rig.sims[1].beeps == 1


async def test_the_same_address_twice_waits_until_it_is_free(autojump_clock: MockClock) -> None:
    async with paced(1) as rig, trio.open_nursery() as nursery:
        await rig.keypads[0].wait_online()
        twin = driver_spec("reference-keypad").make(
            "twin", "memory://bus", {**OPTIONS, "address": 1}, ports=rig.ports
        )
        await nursery.start(twin.run)
        await trio.sleep(1)
        assert not twin.status.serving
        assert twin.status.detail == "address 1 belongs to keypad-1"
        nursery.cancel_scope.cancel()


async def test_a_swapped_device_takes_the_line_of_the_old_one(autojump_clock: MockClock) -> None:
    rig = Rig(1)
    rig.sims.append(KeypadSimulator(address=2))
    rig.sims[1].polled = True
    rig.line = Multidrop(rig.sims)
    host = SimulatorHost(rig.line, "memory", name="line")
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        await nursery.start(rig.ports.run)
        for address in (1, 2, 1):
            keypad = rig.add(host.url, address)
            async with trio.open_nursery() as life:
                await life.start(keypad.run)
                await keypad.wait_online()
                rig.sims[address - 1].press(Key.NEXT)
                assert (await keypad.keys.receive()).key is Key.NEXT
                life.cancel_scope.cancel()
        nursery.cancel_scope.cancel()


async def test_one_line_speaks_one_protocol(autojump_clock: MockClock) -> None:
    async with paced(1) as rig:
        bus = rig.ports.bus("memory://bus", "reference", StxBusCodec)
        assert bus.addresses == (1,)
        with pytest.raises(ValueError, match="memory://bus: reference is spoken there, not other"):
            rig.ports.bus("memory://bus", "other", StxBusCodec)
    # When nobody stands on it any more, the line is free for another protocol.
    assert rig.ports.bus("memory://bus", "other", StxBusCodec) is not bus


async def test_a_shared_bus_without_a_home_says_what_to_start(autojump_clock: MockClock) -> None:
    ports = Ports()
    make = driver_spec("reference-strip").make
    first = make("a", "memory://nobody", {"polled": True, "address": 1}, ports=ports)
    second = make("b", "memory://nobody", {"polled": True, "address": 2}, ports=ports)
    async with trio.open_nursery() as nursery:
        await nursery.start(first.run)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(RuntimeError, match=r"start `Ports\.run` before"):
            await second.run()
        nursery.cancel_scope.cancel()


async def test_a_device_of_another_kind_on_the_bus_is_a_fault_of_its_own(
    autojump_clock: MockClock,
) -> None:
    strip = StripDisplaySimulator(address=1)
    strip.polled = True
    ports = Ports()
    host = SimulatorHost(Multidrop([strip]), "memory", name="line")
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        await nursery.start(ports.run)
        keypad: Any = driver_spec("reference-keypad").make("k", host.url, OPTIONS, ports=ports)
        await nursery.start(keypad.run)
        await trio.sleep(1)
        assert keypad.status.state is DeviceState.HARDWARE_ERROR
        assert "says it is a strip_display" in keypad.status.detail
        nursery.cancel_scope.cancel()
