"""What the kit does not reach of the 21-key caller and the PJ06: several on a line, repetitions, bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from somc_hal import Key, KeyEvent
from somc_hal.codecs.frames import Frame
from somc_hal.ports import Ports
from somc_hal.profiles import ProfileError, load
from somc_hal.simulators.host import hosted
from somc_hal.simulators.multidrop import Multidrop
from somc_hal.testing import simulated
from somc_hal.values import Rating
from somc_plugins import pj06
from somc_plugins.pager21 import DRIVERS
from somc_plugins.pager21.drivers import Pager21Caller, Pager21Evaluator
from somc_plugins.pager21.simulators import Pager21CallerSimulator, Pager21EvaluatorSimulator

SPECS = {spec.name: spec for spec in DRIVERS}


async def test_callers_and_an_evaluator_share_one_line(autojump_clock: MockClock) -> None:
    callers = [Pager21CallerSimulator(address=address) for address in (1, 2)]
    rater = Pager21EvaluatorSimulator(address=1)
    ports = Ports()
    line = Multidrop([*callers, rater])
    async with hosted(line, "memory", name="line") as host, trio.open_nursery() as nursery:
        await nursery.start(ports.run)
        first = Pager21Caller("k1", host.url, {"address": 1}, ports=ports)
        second = Pager21Caller("k2", host.url, {"address": 2}, ports=ports)
        evaluator = Pager21Evaluator("e1", host.url, {"address": 1}, ports=ports)
        for device in (first, second, evaluator):
            await nursery.start(device.run)
            await device.wait_online()
        callers[0].press(Key.NEXT)
        callers[1].press(Key.TRANSFER, "12")
        rater.rate(4)
        assert await first.keys.receive() == KeyEvent(1, Key.NEXT)
        assert await second.keys.receive() == KeyEvent(2, Key.TRANSFER, "12")
        assert await evaluator.ratings.receive() == Rating(1, 4)
        await first.show("A007", 12)
        await second.show("", 5)
        await trio.sleep(1)
        assert [caller.shown for caller in callers] == [("007", 12), ("", 5)]
        assert not any(device.busy for device in (*callers, rater))
        nursery.cancel_scope.cancel()


async def test_the_bytes_of_key_echo_and_number() -> None:
    make = simulated(SPECS["pager21"], "memory", simulator=lambda: Pager21CallerSimulator(address=5))
    async with make(address=5) as bench:
        await bench.start()
        await bench.driver.wait_online()
        bench.simulator.press(Key.NEXT)
        assert await bench.driver.keys.receive() == KeyEvent(5, Key.NEXT)
        await bench.until(lambda: not bench.simulator.busy)
        await bench.driver.show("A007", 12)
        await bench.until(lambda: bool(bench.simulator.history))
        key, number = load("pager21").vectors
        assert bench.simulator.raw == key.wire + number.wire


async def test_a_digit_before_confirm_makes_another_key() -> None:
    make = simulated(SPECS["pager21"], "memory", simulator=Pager21CallerSimulator)
    async with make() as bench:
        await bench.start()
        await bench.driver.wait_online()
        bench.simulator.press(Key.HOLD)
        bench.simulator.press(Key.NO_SHOW)
        assert [(await bench.driver.keys.receive()).key for _ in range(2)] == [Key.HOLD, Key.NO_SHOW]


async def test_a_press_meant_twice_counts_twice_and_a_bounce_once(autojump_clock: MockClock) -> None:
    make = simulated(SPECS["pager21"], "memory", simulator=Pager21CallerSimulator)
    async with make(debounce_s=0.5) as bench:
        await bench.start()
        await bench.driver.wait_online()
        bench.simulator.press(Key.NEXT)
        bench.simulator.press(Key.NEXT)
        assert (await bench.driver.keys.receive()).key is Key.NEXT
        await bench.until(lambda: not bench.simulator.busy)
        await trio.sleep(0.6)
        assert bench.driver.keys.statistics().current_buffer_used == 0
        bench.simulator.press(Key.NEXT)
        assert (await bench.driver.keys.receive()).key is Key.NEXT


async def test_an_unknown_confirmation_is_quieted_and_no_key() -> None:
    make = simulated(SPECS["pager21"], "memory", simulator=Pager21CallerSimulator)
    async with make() as bench:
        await bench.start()
        await bench.driver.wait_online()
        frame = bench.simulator.wire.encode(0x0F, 1, b"\x03")  # call back: no key of a hall
        bench.simulator._tell(frame, frame)
        bench.simulator.press(Key.NEXT)
        assert (await bench.driver.keys.receive()).key is Key.NEXT


async def test_pj06_is_asked_with_the_published_bytes_and_forgets_in_time(autojump_clock: MockClock) -> None:
    (spec,) = pj06.DRIVERS
    async with simulated(spec, "memory", simulator=pj06.Pj06Simulator)(answer_s=30.0) as bench:
        await bench.start()
        await bench.driver.wait_online()
        await bench.driver.ask("A001")
        await bench.until(lambda: bool(bench.simulator.asked))
        (vector,) = load("pj06").vectors
        assert bench.simulator.raw == vector.wire
        await trio.sleep(31)
        bench.simulator.rate(4)
        assert await bench.driver.ratings.receive() == Rating(1, 4, "")
        # A button that this evaluator does not have is noise.
        bench.simulator._say(b"\x06")
        bench.simulator.rate(1)
        assert await bench.driver.ratings.receive() == Rating(1, 1, "")


@pytest.mark.parametrize(
    ("base", "make", "more", "words"),
    [
        ("pager21", Pager21Caller, "[keys]\nnxt = 1\n", "keys: found 'nxt'; allowed: next"),
        ("pager21", Pager21Caller, "[ops]\nbeep = 256\n", "ops: 'beep' needs a code of one byte"),
        ("pj06", Pager21Caller, "", "allowed fields: address, command"),
        ("pager21", pj06.Pj06Evaluator, "", "allowed field: command"),
        ("pj06", pj06.Pj06Evaluator, "[ops]\nrate = 256\n", "ops: 'rate' needs a code of one byte"),
    ],
)
def test_a_profile_that_cannot_carry_it_is_refused(
    tmp_path: Path, base: str, make: type, more: str, words: str
) -> None:
    file = tmp_path / "mine.toml"
    head = f'[profile]\nname = "m"\ntitle = "m"\nstatus = "observed"\nbase = "{base}"\n'
    file.write_text(head + more, encoding="utf-8")
    with pytest.raises(ProfileError, match=words):
        make("d", "memory://d", {"profile": str(file)})


def test_only_buttons_are_read() -> None:
    assert pj06.ButtonDecoder().feed(bytes(range(256))) == [1, 2, 3, 4, 5, 6]
    assert Frame((0x20,)) == load("pj06").vectors[0].frame
