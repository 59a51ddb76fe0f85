"""The conformance checks, by device class. Each takes a bench factory and raises if the driver fails it.

What must stay true: no check sleeps; each waits for an event under one deadline, so that a driver
that hangs fails.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio

from somc_hal.devices import DeviceClass
from somc_hal.errors import (
    DeviceBusy,
    DeviceError,
    DeviceOffline,
    Interrupted,
    NeedsOperator,
    OutcomeUnknown,
    Unsupported,
)
from somc_hal.status import DeviceState, PaperSupply, Truth
from somc_hal.testing.bench import QUICK, Bench, BenchFactory
from somc_hal.testing.hands import HANDS
from somc_hal.values import HallRow, Key, KeyEvent, Phrase, SlipLine

__all__ = ["CHECKS", "DEADLINE_S", "Check"]

Check = Callable[[BenchFactory], Awaitable[None]]

DEADLINE_S = 10.0
"""No check needs a second; a loaded machine is given ten."""

_NO_POLLS: Mapping[str, Any] = {"heartbeat_s": 3600.0}


@asynccontextmanager
async def _bench(make: BenchFactory, *, online: bool = True, **options: Any) -> AsyncIterator[Bench]:
    with trio.fail_after(DEADLINE_S):
        async with make(**options) as bench:
            if online:
                await bench.start()
                await bench.driver.wait_online()
            yield bench


def _hands(bench: Bench) -> Any:
    return HANDS[bench.driver.device_class]


async def _raises(kind: type[DeviceError], call: Awaitable[Any]) -> DeviceError:
    try:
        await call
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


# --- every device ----------------------------------------------------------------------------------


async def online_only_when_the_session_answers(make: BenchFactory) -> None:
    async with _bench(make, online=False) as bench:
        bench.simulator.mute()
        await bench.start()
        # It has been asked, more than once, and has not answered: the port is open, nobody serves.
        await bench.until(lambda: len(bench.simulator.raw) >= 12)
        assert not bench.driver.status.serving
        bench.simulator.unmute()
        await bench.driver.wait_online()
        assert bench.driver.status.state is DeviceState.ONLINE
        assert bench.driver.status.confirmed is Truth.YES
        assert bench.statuses[-1] == bench.driver.status


async def what_is_used_reaches_the_device_once_and_in_order(make: BenchFactory) -> None:
    async with _bench(make) as bench:
        for number in range(1, 6):
            assert await _hands(bench).use(bench, number) is Truth.YES
        await bench.driver.wait_idle()
        assert _hands(bench).seen(bench) == [1, 2, 3, 4, 5]


async def noise_and_damage_lose_nothing(make: BenchFactory) -> None:
    async with _bench(make, attempts=10) as bench:
        for number in (1, 2, 3):
            bench.simulator.noise(bytes(range(256)))
            if bench.driver.device_class is not DeviceClass.TICKET_PRINTER:
                bench.simulator.damage(1)  # a printer's answers bear no check and are not repeated
            await _hands(bench).use(bench, number)
        assert _hands(bench).seen(bench) == [1, 2, 3]


async def a_silent_device_is_offline_within_the_heartbeat(make: BenchFactory) -> None:
    async with _bench(make) as bench:
        began = trio.current_time()
        bench.simulator.mute()
        await bench.driver.wait_not_online()
        polls = 3  # as many as one round of any driver here
        longest_s = QUICK["heartbeat_s"] + polls * QUICK["attempts"] * QUICK["answer_timeout_s"]
        assert trio.current_time() - began < longest_s + 1.0  # one second for a loaded machine
        assert bench.driver.status.state is DeviceState.OFFLINE
        assert not bench.driver.busy
        bench.simulator.unmute()
        await bench.driver.wait_online()
        assert await _hands(bench).use(bench, 1) is Truth.YES


async def the_undeclared_is_refused_before_any_byte(make: BenchFactory) -> None:
    async with _bench(make, online=False) as bench:
        cases = HANDS[bench.driver.device_class].too_much
    assert cases
    for options, call in cases:
        async with _bench(make, **options, **_NO_POLLS) as bench:
            await bench.driver.wait_idle()
            before = bench.simulator.raw
            await _raises(Unsupported, call(bench.driver))
            await bench.driver.wait_idle()
            assert bench.simulator.raw == before


async def unplugging_is_reported_and_replugging_recovers(make: BenchFactory) -> None:
    async with _bench(make) as bench:
        for number in (1, 2):
            await bench.host.unplug()
            await bench.driver.wait_not_online()
            assert bench.driver.status.state in (DeviceState.OFFLINE, DeviceState.NO_DEVICE)
            assert bench.driver.status.detail
            await bench.host.replug()
            await bench.driver.wait_online()
            assert await _hands(bench).use(bench, number) is Truth.YES
        assert [status.serving for status in bench.statuses if status.serving]


async def cancelling_midway_leaves_it_usable(make: BenchFactory) -> None:
    async with _bench(make, **_NO_POLLS) as bench:
        bench.simulator.mute()
        before = len(bench.simulator.raw)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_hands(bench).use, bench, 1)
            await bench.until(lambda: len(bench.simulator.raw) > before)
            nursery.cancel_scope.cancel()
        bench.simulator.unmute()
        await bench.driver.wait_online()
        await bench.driver.wait_idle()
        assert await _hands(bench).use(bench, 2) is Truth.YES
        seen = _hands(bench).seen(bench)
        assert seen[-1] == 2
        assert seen.count(2) == 1


async def a_missing_device_holds_up_nobody(make: BenchFactory) -> None:
    async with _bench(make, online=False) as bench:
        await bench.host.unplug()
        await bench.start()
        while not bench.statuses:
            await bench.driver.wait_not_online()
            await trio.lowlevel.checkpoint()
        assert not bench.driver.busy
        await bench.driver.wait_idle()
        began = trio.current_time()
        if bench.driver.device_class is DeviceClass.TICKET_PRINTER:
            await _raises(DeviceOffline, bench.driver.print("j", [SlipLine("A1")], timeout_s=0.1))
        elif bench.driver.device_class is DeviceClass.ANNOUNCER:
            await _raises(DeviceOffline, bench.driver.announce([Phrase("A1")], timeout_s=0.1))
        assert trio.current_time() - began < 1.0


# --- displays --------------------------------------------------------------------------------------


def _put(bench: Bench, number: int) -> Awaitable[Truth]:
    """Show without waiting."""
    device = bench.driver
    match device.device_class:
        case DeviceClass.COUNTER_DISPLAY:
            shown = device.show([f"A{number}"])
        case DeviceClass.HALL_DISPLAY:
            shown = device.show([HallRow(f"A{number}", "1")])
        case _:
            shown = device.show(f"A{number}", number)
    awaitable: Awaitable[Truth] = shown
    return awaitable


async def an_absent_display_keeps_only_the_newest(make: BenchFactory) -> None:
    async with _bench(make) as bench:
        await bench.host.unplug()
        await bench.driver.wait_not_online()
        for number in range(1, 8):
            assert await _put(bench, number) is Truth.UNKNOWN
        await bench.host.replug()
        await bench.until(lambda: bool(_hands(bench).seen(bench)))
        await bench.driver.wait_idle()
        assert _hands(bench).seen(bench) == [7]


async def a_display_that_was_off_shows_its_content_again(make: BenchFactory) -> None:
    async with _bench(make) as bench:
        assert await _hands(bench).use(bench, 4) is Truth.YES
        # So short that no heartbeat fell into it: only the boot count tells.
        bench.simulator.power_off()
        bench.simulator.power_on()
        await bench.until(lambda: _hands(bench).seen(bench) == [4, 4])


# --- keypad ----------------------------------------------------------------------------------------


async def every_key_comes_once_and_in_order(make: BenchFactory) -> None:
    async with _bench(make) as bench:
        pressed = [
            KeyEvent(bench.driver.address, key, "12" if key is Key.TRANSFER else "") for key in Key
        ] * 3
        for event in pressed:
            bench.simulator.press(event.key, event.digits)
        assert [await bench.driver.keys.receive() for _ in pressed] == pressed
        await bench.until(lambda: not bench.simulator.busy)
        assert bench.driver.keys.statistics().current_buffer_used == 0


async def a_bad_line_loses_and_doubles_no_key(make: BenchFactory) -> None:
    async with _bench(make) as bench:
        keys = list(Key)
        for index, key in enumerate(keys):
            bench.simulator.noise(b"\x02\x4b\x01" + bytes(range(256)))
            if index % 3 == 0:
                bench.simulator.damage(1)  # the key's frame is lost
            elif index % 3 == 1:
                bench.simulator.deafen(1)  # the host's acknowledgement is lost: the key comes again
            bench.simulator.press(key)
            assert (await bench.driver.keys.receive()).key is key
            await bench.until(lambda: not bench.simulator.busy)
        assert bench.driver.keys.statistics().current_buffer_used == 0


async def keys_survive_a_pulled_cable(make: BenchFactory) -> None:
    async with _bench(make) as bench:
        await bench.host.unplug()
        bench.simulator.press(Key.NEXT)
        bench.simulator.press(Key.RECALL)
        await bench.host.replug()
        assert [(await bench.driver.keys.receive()).key for _ in range(2)] == [Key.NEXT, Key.RECALL]


async def keys_that_nobody_reads_stay_in_the_keypad(make: BenchFactory) -> None:
    async with _bench(make, key_buffer=1) as bench:
        for key in (Key.NEXT, Key.PAUSE, Key.RESUME):
            bench.simulator.press(key)
        # The second press was offered more than once, so it has been refused.
        await bench.until(lambda: bench.simulator.repeats >= 2)
        assert bench.driver.keys.statistics().current_buffer_used == 1
        assert bench.simulator.busy
        assert [(await bench.driver.keys.receive()).key for _ in range(3)] == [
            Key.NEXT,
            Key.PAUSE,
            Key.RESUME,
        ]


async def a_beep_is_heard(make: BenchFactory) -> None:
    async with _bench(make) as bench:
        await bench.driver.beep()
        assert bench.simulator.beeps == 1
        bench.simulator.mute()
        await bench.driver.wait_not_online()
        await _raises(DeviceOffline, bench.driver.beep())


# --- printer ---------------------------------------------------------------------------------------


async def a_job_is_printed_at_most_once(make: BenchFactory) -> None:
    async with _bench(make) as bench:
        slip = [SlipLine("A1")]
        assert await bench.driver.print("one", slip) is Truth.YES
        assert await bench.driver.print("one", slip) is Truth.YES
        assert [s.text for s in bench.simulator.slips] == ["A1"]
        bench.simulator.mute()
        await _raises(OutcomeUnknown, bench.driver.print("two", slip))
        bench.simulator.unmute()
        await bench.driver.wait_online()
        await _raises(OutcomeUnknown, bench.driver.print("two", slip))
        assert len(bench.simulator.slips) == 2
        # An id whose job never began is free.
        await bench.host.unplug()
        await bench.driver.wait_not_online()
        await _raises(DeviceOffline, bench.driver.print("three", slip))
        await bench.host.replug()
        assert await bench.driver.print("three", slip, timeout_s=5.0) is Truth.YES
        assert len(bench.simulator.slips) == 3


async def paper_and_cover_are_told_and_stop_printing(make: BenchFactory) -> None:
    async with _bench(make) as bench:
        assert bench.driver.status.paper == PaperSupply.FULL
        bench.simulator.paper_out()
        await bench.driver.wait_not_online()
        assert bench.driver.status.state is DeviceState.USER_ERROR
        assert bench.driver.status.paper == PaperSupply.OUT
        await _raises(NeedsOperator, bench.driver.print("j", [SlipLine("A1")]))
        bench.simulator.paper_in()
        await bench.driver.wait_online()
        bench.simulator.open_cover()
        await bench.driver.wait_not_online()
        assert bench.driver.status.cover_open is Truth.YES
        bench.simulator.close_cover()
        assert await bench.driver.print("j", [SlipLine("A1")], timeout_s=5.0) is Truth.YES
        assert [s.text for s in bench.simulator.slips] == ["A1"]


# --- announcer -------------------------------------------------------------------------------------


async def speech_can_be_interrupted_and_cancelled(make: BenchFactory) -> None:
    async with _bench(make) as bench:
        bench.simulator.s_per_cell = 3600.0
        device = bench.driver
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(_raises, Interrupted), device.announce([Phrase("A1")]))
            await bench.until(lambda: bench.simulator.speaking)
            await device.wait_idle()  # acknowledged; being spoken is not being busy
            assert device.speaking
            await _raises(DeviceBusy, device.announce([Phrase("A2")]))
            await device.interrupt()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(device.announce, [Phrase("A3")])
            await bench.until(lambda: bench.simulator.speaking)
            nursery.cancel_scope.cancel()
        assert await _hands(bench).use(bench, 4) is Truth.YES
        said = [(s.phrases[0].text, s.whole) for s in bench.simulator.spoken]
        assert said == [("A1", False), ("A3", False), ("请 A4", True)]


async def speech_cut_by_a_lost_line_is_not_repeated(make: BenchFactory) -> None:
    async with _bench(make) as bench:
        bench.simulator.s_per_cell = 3600.0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(_raises, OutcomeUnknown), bench.driver.announce([Phrase("A1")]))
            await bench.until(lambda: bench.simulator.speaking)
            await bench.driver.wait_idle()
            await bench.host.unplug()
        bench.simulator.power_off()
        bench.simulator.power_on()
        await bench.host.replug()
        await bench.driver.wait_online()
        assert await _hands(bench).use(bench, 2) is Truth.YES
        assert _hands(bench).seen(bench) == [2]


_EVERY: tuple[Check, ...] = (
    online_only_when_the_session_answers,
    what_is_used_reaches_the_device_once_and_in_order,
    noise_and_damage_lose_nothing,
    a_silent_device_is_offline_within_the_heartbeat,
    the_undeclared_is_refused_before_any_byte,
    unplugging_is_reported_and_replugging_recovers,
    cancelling_midway_leaves_it_usable,
    a_missing_device_holds_up_nobody,
)
_DISPLAY: tuple[Check, ...] = (
    an_absent_display_keeps_only_the_newest,
    a_display_that_was_off_shows_its_content_again,
)

CHECKS: Mapping[DeviceClass, tuple[Check, ...]] = {
    DeviceClass.TICKET_PRINTER: (
        *_EVERY,
        a_job_is_printed_at_most_once,
        paper_and_cover_are_told_and_stop_printing,
    ),
    DeviceClass.COUNTER_DISPLAY: (*_EVERY, *_DISPLAY),
    DeviceClass.HALL_DISPLAY: (*_EVERY, *_DISPLAY),
    DeviceClass.ANNOUNCER: (
        *_EVERY,
        speech_can_be_interrupted_and_cancelled,
        speech_cut_by_a_lost_line_is_not_repeated,
    ),
    DeviceClass.COUNTER_CALLER: (
        *_EVERY,
        *_DISPLAY,
        every_key_comes_once_and_in_order,
        a_bad_line_loses_and_doubles_no_key,
        keys_survive_a_pulled_cable,
        keys_that_nobody_reads_stay_in_the_keypad,
        a_beep_is_heard,
    ),
}
"""The checks each class of device has to pass."""
