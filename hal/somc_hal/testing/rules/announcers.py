"""Rules for announcers: one at a time, stoppable, never spoken twice."""

from __future__ import annotations

from functools import partial

import trio

from somc_hal.errors import DeviceBusy, Interrupted, OutcomeUnknown
from somc_hal.testing.bench import BenchFactory
from somc_hal.testing.rules.bench_rule import PATIENT, at_bench, hands_of, raises, use
from somc_hal.values import Phrase

__all__ = ["speech_can_be_interrupted_and_cancelled", "speech_cut_by_a_lost_line_is_not_repeated"]


async def speech_can_be_interrupted_and_cancelled(make: BenchFactory) -> None:
    """Speech can be stopped, by a word or by its caller going away, and the next one speaks."""
    async with at_bench(make, **PATIENT) as bench:
        bench.simulator.s_per_cell = 3600.0
        device = bench.driver
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(raises, Interrupted), device.announce([Phrase("A1")]))
            await bench.until(lambda: bench.simulator.speaking)
            await device.wait_idle()  # acknowledged; being spoken is not being busy
            assert device.speaking
            await raises(DeviceBusy, device.announce([Phrase("A2")]))
            await device.interrupt()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(device.announce, [Phrase("A3")])
            await bench.until(lambda: bench.simulator.speaking)
            nursery.cancel_scope.cancel()
        await use(bench, 4)
        said = [(s.phrases[0].text, s.whole) for s in bench.simulator.spoken]
        assert said == [("A1", False), ("A3", False), ("请 A4", True)], said


async def speech_cut_by_a_lost_line_is_not_repeated(make: BenchFactory) -> None:
    """Speech that a lost line cut off is `OutcomeUnknown` and is not spoken again by itself."""
    async with at_bench(make, **PATIENT) as bench:
        bench.simulator.s_per_cell = 3600.0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(raises, OutcomeUnknown), bench.driver.announce([Phrase("A1")]))
            await bench.until(lambda: bench.simulator.speaking)
            await bench.driver.wait_idle()
            await bench.host.unplug()
        bench.simulator.power_off()
        bench.simulator.power_on()
        await bench.host.replug()
        await bench.driver.wait_online()
        await use(bench, 2)
        assert hands_of(bench).seen(bench) == [2]
