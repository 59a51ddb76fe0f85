"""Rules for devices of every class, and for those that can answer or cannot."""

from __future__ import annotations

import os
from itertools import pairwise

import trio
import trio.testing

from somc_hal.devices import DeviceClass
from somc_hal.errors import DeviceOffline, Unsupported
from somc_hal.status import DeviceState, Truth
from somc_hal.testing.bench import QUICK, BenchFactory
from somc_hal.testing.rules.bench_rule import LOADED_S, NO_POLLS, PATIENT, at_bench, hands_of, raises, use
from somc_hal.values import Phrase, SlipLine

__all__ = [
    "a_missing_device_holds_up_nobody",
    "a_one_way_device_is_never_said_to_confirm",
    "a_silent_address_holds_up_no_other",
    "a_silent_device_is_offline_within_the_heartbeat",
    "cancelling_midway_leaves_it_usable",
    "noise_and_damage_lose_nothing",
    "nothing_is_left_behind",
    "online_only_when_the_session_answers",
    "the_undeclared_is_refused_before_any_byte",
    "unplugging_is_reported_and_replugging_recovers",
    "what_is_used_reaches_the_device_once_and_in_order",
]


OUTAGE_S = 0.15
"""Time for a driver to look for its device in vain, several times at `QUICK`."""


async def online_only_when_the_session_answers(make: BenchFactory) -> None:
    """It says ONLINE when the device has answered, not when the port is open."""
    async with at_bench(make, online=False) as bench:
        bench.simulator.mute()
        await bench.start()
        # It has been asked, more than once, and has not answered: the port is open, nobody serves.
        await bench.until(lambda: bench.simulator.heard_writes >= 3)
        assert not bench.driver.status.serving
        assert not any(status.serving for status in bench.statuses)
        bench.simulator.unmute()
        await bench.driver.wait_online()
        assert bench.driver.status.state is DeviceState.ONLINE
        assert bench.driver.status.confirmed is Truth.YES
        assert bench.statuses[-1] == bench.driver.status


async def a_one_way_device_is_never_said_to_confirm(make: BenchFactory) -> None:
    """Without a way back it is online when its port opens, and nothing is ever confirmed."""
    async with at_bench(make) as bench:
        await use(bench, 1)
        assert bench.driver.status.confirmed is Truth.UNKNOWN
        assert not any(status.confirmed is Truth.YES for status in bench.statuses)


async def what_is_used_reaches_the_device_once_and_in_order(make: BenchFactory) -> None:
    """Each use arrives, once, in the order of the calls."""
    async with at_bench(make, **PATIENT) as bench:
        for number in range(1, 6):
            await use(bench, number)
        await bench.driver.wait_idle()
        assert hands_of(bench).seen(bench) == [1, 2, 3, 4, 5]


async def noise_and_damage_lose_nothing(make: BenchFactory) -> None:
    """Bytes that were never meant, and damaged frames where the protocol can notice them, cost nothing."""
    async with at_bench(make, **PATIENT) as bench:
        for number in (1, 2, 3):
            bench.simulator.noise(bench.simulator.NOISE)
            await hands_of(bench).use(bench, number)
        await bench.until(lambda: len(hands_of(bench).seen(bench)) >= 3)
        assert hands_of(bench).seen(bench) == [1, 2, 3]
        checked = bench.simulator.CHECKED
    if not checked:
        return
    async with at_bench(make, attempts=10) as bench:  # what was damaged is sent again when its time is over
        for number in (1, 2, 3):
            bench.simulator.noise(bench.simulator.NOISE)
            bench.simulator.damage(1)
            await hands_of(bench).use(bench, number)
        await bench.until(lambda: len(hands_of(bench).seen(bench)) >= 3)
        assert hands_of(bench).seen(bench) == [1, 2, 3]


async def a_silent_device_is_offline_within_the_heartbeat(make: BenchFactory) -> None:
    """A peer that says nothing is reported in time, blocks nobody, and may come back."""
    async with at_bench(make) as bench:
        began = trio.current_time()
        bench.simulator.mute()
        await bench.driver.wait_not_online()
        polls = 3  # as many as one round of any driver here
        longest_s = QUICK["heartbeat_s"] + polls * QUICK["attempts"] * QUICK["answer_timeout_s"]
        assert trio.current_time() - began < longest_s + LOADED_S
        assert bench.driver.status.state is DeviceState.OFFLINE
        assert not bench.driver.busy
        bench.simulator.unmute()
        await bench.driver.wait_online()
        await use(bench, 1)


async def the_undeclared_is_refused_before_any_byte(make: BenchFactory) -> None:
    """Asking for what is not among the capabilities raises `Unsupported` and sends nothing."""
    async with at_bench(make, online=False) as bench:
        cases = hands_of(bench).too_much
    assert cases
    for case in cases:
        async with at_bench(make, **case.options, **NO_POLLS) as bench:
            if not case.undeclared(bench.driver.capabilities):
                continue  # it can do this, whatever it is told
            await bench.driver.wait_idle()
            before = bench.simulator.raw
            await raises(Unsupported, case.call(bench.driver))
            await bench.driver.wait_idle()
            if not bench.shared:  # on a polled bus others are asked meanwhile
                assert bench.simulator.raw == before, "bytes were sent"


async def unplugging_is_reported_and_replugging_recovers(make: BenchFactory) -> None:
    """A pulled cable is told once, with a reason, and the device serves again by itself."""
    async with at_bench(make, **PATIENT) as bench:
        already = len(bench.statuses)
        for number in (1, 2):
            await bench.host.unplug()
            await bench.driver.wait_not_online()
            assert bench.driver.status.state in (DeviceState.OFFLINE, DeviceState.NO_DEVICE)
            assert bench.driver.status.detail
            await trio.sleep(OUTAGE_S)
            await bench.host.replug()
            await bench.driver.wait_online()
            await use(bench, number)
        told = [status.serving for status in bench.statuses[already:]]
        assert not any(was is False and now is False for was, now in pairwise(told)), (
            "an outage is told twice"
        )
        assert any(status.serving for status in bench.statuses)


async def cancelling_midway_leaves_it_usable(make: BenchFactory) -> None:
    """A caller that goes away in the middle breaks nothing for the next one."""
    async with at_bench(make, **NO_POLLS) as bench:
        bench.simulator.mute()
        before = bench.simulator.heard_writes
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hands_of(bench).use, bench, 1)
            await bench.until(lambda: bench.simulator.heard_writes > before)
            nursery.cancel_scope.cancel()
        bench.simulator.unmute()
        await bench.driver.wait_online()
        await bench.driver.wait_idle()
        await use(bench, 2)
        seen = hands_of(bench).seen(bench)
        assert seen[-1] == 2
        assert seen.count(2) == 1


async def a_missing_device_holds_up_nobody(make: BenchFactory) -> None:
    """The driver starts without its device, is not busy, and answers its callers at once."""
    async with at_bench(make, online=False) as bench:
        await bench.host.unplug()
        await bench.start()
        await bench.until_told()
        assert not bench.driver.busy
        await bench.driver.wait_idle()
        began = trio.current_time()
        device = bench.driver
        match device.device_class:
            case DeviceClass.TICKET_PRINTER:
                await raises(DeviceOffline, device.print("j", [SlipLine("A1")], timeout_s=0.1))
            case DeviceClass.ANNOUNCER:
                await raises(DeviceOffline, device.announce([Phrase("A1")], timeout_s=0.1))
            case DeviceClass.CAMERA:
                await raises(DeviceOffline, device.still())
            case DeviceClass.EVALUATOR if device.capabilities.prompt:
                await raises(DeviceOffline, device.ask("A1"))
        assert trio.current_time() - began < LOADED_S


async def nothing_is_left_behind(make: BenchFactory) -> None:
    """A device that was used, lost and stopped leaves no task and no descriptor."""
    async with at_bench(make, **PATIENT) as bench:  # what is made once a process is made here
        await use(bench, 1)
    await trio.testing.wait_all_tasks_blocked()
    tasks, descriptors = trio.lowlevel.current_statistics().tasks_living, len(os.listdir("/proc/self/fd"))
    async with at_bench(make, **PATIENT) as bench:
        await use(bench, 1)
        await bench.host.unplug()
        await bench.driver.wait_not_online()
        await bench.host.replug()
        await bench.driver.wait_online()
    await trio.testing.wait_all_tasks_blocked()
    assert trio.lowlevel.current_statistics().tasks_living == tasks, "a task was left"
    assert len(os.listdir("/proc/self/fd")) == descriptors, "a descriptor was left"


async def a_silent_address_holds_up_no_other(make: BenchFactory) -> None:
    """On a bus, a device that says nothing is a timeout of its own, and the next address goes on."""
    async with at_bench(make, neighbour=True) as bench:
        await bench.neighbour.wait_online()
        bench.neighbour_simulator.mute()
        await bench.neighbour.wait_not_online()
        began = trio.current_time()
        for number in (1, 2, 3):
            await use(bench, number)
        assert trio.current_time() - began < LOADED_S, "the silent address holds the line"
        assert bench.driver.status.serving
        bench.neighbour_simulator.unmute()
        await bench.neighbour.wait_online()
