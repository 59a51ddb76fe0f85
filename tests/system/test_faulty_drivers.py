"""A driver may be anybody's: what goes wrong in it costs its own device, never the hall or a change of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import trio
import trio.testing

from somc.composition import open_hall
from somc.config import DeviceSettings
from somc.errors import ConfigurationError
from somc.rack import Rack
from somc.runtime.ids import IdSource
from somc.runtime.plugins import Plugins
from somc.testing.day import DayClock
from somc_hal.devices import DeviceClass
from somc_hal.drivers.base import DriverSpec
from somc_hal.drivers.catalogue import driver_spec
from somc_hal.simulators.catalogue import make_simulator
from somc_hal.status import DeviceState, DeviceStatus
from tests.announce.rig import PATIENCE_S, TEN, hall_config

KEYPAD = driver_spec("reference-keypad")


class Brought:
    """What plugins bring to this hall: the reference drivers, and one that is not right."""

    def __init__(self, make: Any) -> None:
        spec = DriverSpec("anybodys", DeviceClass.COUNTER_CALLER, make, {}, "a driver of somebody's")
        self._drivers = {spec.name: spec, KEYPAD.name: KEYPAD}

    def drivers(self) -> dict[str, DriverSpec]:
        return self._drivers

    def simulators(self) -> dict[str, Any]:
        return {name: lambda: make_simulator("reference-keypad") for name in self._drivers}


def device(name: str, driver: str) -> DeviceSettings:
    return DeviceSettings(name, driver, "", counter=1, options={"connect_timeout_s": 1.0}, simulated="memory")


class Floor:
    """A rack over a real hall; what its devices said."""

    def __init__(self) -> None:
        self.said: dict[str, list[DeviceState]] = {}
        self.rack: Rack
        self.changed = trio.Event()

    def report(self, status: DeviceStatus) -> None:
        self.said.setdefault(status.device, []).append(status.state)
        self.changed.set()
        self.changed = trio.Event()

    async def until(self, name: str, state: DeviceState) -> None:
        with trio.fail_after(PATIENCE_S):
            while self.said.get(name, [None])[-1] is not state:
                await self.changed.wait()


@asynccontextmanager
async def racked(folder: Path) -> AsyncIterator[Floor]:
    floor = Floor()
    async with (
        open_hall(hall_config(folder), folder / "data", DayClock(TEN), IdSource(1)) as (hall, _),
        trio.open_nursery() as nursery,
    ):
        floor.rack = Rack(hall, 1.0, floor.report)
        await nursery.start(floor.rack.run)
        yield floor
        nursery.cancel_scope.cancel()


def failing(times: int, *, early: bool = False) -> Any:
    """Makes keypads whose `run` fails so often, before or after it takes commands."""

    def make(*args: Any, **more: Any) -> Any:
        keypad: Any = KEYPAD.make(*args, **more)
        runs, left = keypad.run, times

        async def run(*, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
            nonlocal left
            if left and early:
                left -= 1
                raise LookupError("its table is empty")
            async with trio.open_nursery() as nursery:
                await nursery.start(runs)
                task_status.started()
                await keypad.wait_online()
                if left:
                    left -= 1
                    raise LookupError("its table is empty")

        keypad.run = run
        return keypad

    return make


@pytest.mark.parametrize("early", [False, True])
async def test_a_driver_that_fails_is_told_of_and_started_again_and_others_go_on(
    tmp_path: Path, early: bool
) -> None:
    async with racked(tmp_path) as floor:
        brought = cast(Plugins, Brought(failing(1, early=early)))
        await floor.rack.set_up([device("good", "reference-keypad"), device("bad", "anybodys")], brought)
        await floor.until("bad", DeviceState.HARDWARE_ERROR)
        await floor.until("good", DeviceState.ONLINE)
        await floor.until("bad", DeviceState.ONLINE)
        assert DeviceState.HARDWARE_ERROR not in floor.said["good"]
        await floor.rack.set_up([device("good", "reference-keypad")], brought)
        assert floor.rack.devices.keys() == {"good"}


async def test_what_a_driver_tells_may_be_nonsense(tmp_path: Path) -> None:
    class Babbling:
        """A keypad whose keys are no keys."""

        def __init__(self, *args: Any, **more: Any) -> None:
            self._keypad: Any = KEYPAD.make(*args, **more)
            self._send, self.keys = trio.open_memory_channel[Any](1)
            self._send.send_nowait("no key event")

        def __getattr__(self, name: str) -> Any:
            return getattr(self._keypad, name)

    async with racked(tmp_path) as floor:
        await floor.rack.set_up([device("bad", "anybodys")], cast(Plugins, Brought(Babbling)))
        await floor.until("bad", DeviceState.HARDWARE_ERROR)
        await floor.until("bad", DeviceState.ONLINE)


@pytest.mark.parametrize("error", [KeyError("port"), TypeError("no number"), ValueError("not so")])
async def test_a_driver_that_cannot_be_made_changes_nothing(tmp_path: Path, error: Exception) -> None:
    def make(*args: Any, **more: Any) -> Any:
        raise error

    async with racked(tmp_path) as floor:
        brought = cast(Plugins, Brought(make))
        await floor.rack.set_up([device("good", "reference-keypad")], brought)
        good = floor.rack.devices["good"]
        with pytest.raises(ConfigurationError, match=r"device\.bad"):
            await floor.rack.set_up([device("bad", "anybodys")], brought)
        assert floor.rack.devices == {"good": good}


async def test_a_driver_that_cannot_say_what_it_can_changes_nothing(tmp_path: Path) -> None:
    class Mute:
        device_class = DeviceClass.COUNTER_CALLER

        def __init__(self, *args: Any, **more: Any) -> None:
            pass

        @property
        def capabilities(self) -> Any:
            raise RuntimeError("ask me when I am connected")

    async with racked(tmp_path) as floor:
        with pytest.raises(ConfigurationError, match="when I am connected"):
            await floor.rack.set_up([device("bad", "anybodys")], cast(Plugins, Brought(Mute)))
        assert not floor.rack.devices


async def test_a_change_is_whole_though_whoever_asked_for_it_has_gone(tmp_path: Path) -> None:
    asked, done = trio.Event(), trio.Event()

    def finishing(*args: Any, **more: Any) -> Any:
        keypad: Any = KEYPAD.make(*args, **more)

        async def wait_idle() -> None:
            asked.set()
            await done.wait()

        keypad.wait_idle = wait_idle
        return keypad

    async with racked(tmp_path) as floor:
        brought = cast(Plugins, Brought(finishing))
        await floor.rack.set_up([device("one", "anybodys"), device("two", "reference-keypad")], brought)
        old = dict(floor.rack.devices)
        wanted = [device("one", "reference-keypad"), device("two", "anybodys")]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(floor.rack.set_up, wanted, brought)
            await asked.wait()
            nursery.cancel_scope.cancel()
            done.set()
        assert floor.rack.devices.keys() == old.keys()
        assert not any(floor.rack.devices[name] is old[name] for name in old)
        assert [keypad for _, keypad in floor.rack.arranged.keypads] == list(floor.rack.devices.values())
