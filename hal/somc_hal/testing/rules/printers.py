"""Rules for ticket printers: at most once, and only with paper."""

from __future__ import annotations

from somc_hal.errors import DeviceOffline, NeedsOperator, OutcomeUnknown
from somc_hal.status import DeviceState, PaperSupply, Truth
from somc_hal.testing.bench import BenchFactory
from somc_hal.testing.rules.bench_rule import at_bench, raises
from somc_hal.values import SlipLine

__all__ = ["a_job_is_printed_at_most_once", "paper_and_cover_are_told_and_stop_printing"]


async def a_job_is_printed_at_most_once(make: BenchFactory) -> None:
    """One job id is one slip at most; what may have been printed is never printed again by itself."""
    async with at_bench(make) as bench:
        slip = [SlipLine("A1")]
        assert await bench.driver.print("one", slip) is Truth.YES
        assert await bench.driver.print("one", slip) is Truth.YES
        assert [s.text for s in bench.simulator.slips] == ["A1"]
        bench.simulator.mute()
        await raises(OutcomeUnknown, bench.driver.print("two", slip))
        bench.simulator.unmute()
        await bench.driver.wait_online()
        await raises(OutcomeUnknown, bench.driver.print("two", slip))
        assert len(bench.simulator.slips) == 2
        # An id whose job never began is free.
        await bench.host.unplug()
        await bench.driver.wait_not_online()
        await raises(DeviceOffline, bench.driver.print("three", slip))
        await bench.host.replug()
        assert await bench.driver.print("three", slip, timeout_s=5.0) is Truth.YES
        assert len(bench.simulator.slips) == 3


async def paper_and_cover_are_told_and_stop_printing(make: BenchFactory) -> None:
    """No paper and an open cover are told as such, nothing is sent meanwhile, and both pass."""
    async with at_bench(make) as bench:
        assert bench.driver.status.paper == PaperSupply.FULL
        bench.simulator.paper_out()
        await bench.driver.wait_not_online()
        assert bench.driver.status.state is DeviceState.USER_ERROR
        assert bench.driver.status.paper == PaperSupply.OUT
        await raises(NeedsOperator, bench.driver.print("j", [SlipLine("A1")]))
        bench.simulator.paper_in()
        await bench.driver.wait_online()
        bench.simulator.open_cover()
        await bench.driver.wait_not_online()
        assert bench.driver.status.cover_open is Truth.YES
        bench.simulator.close_cover()
        assert await bench.driver.print("j", [SlipLine("A1")], timeout_s=5.0) is Truth.YES
        assert [s.text for s in bench.simulator.slips] == ["A1"]
