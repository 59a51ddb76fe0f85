"""Rules for what keeps a content: displays, keypads with a display, lamps, second screens."""

from __future__ import annotations

from somc_hal.status import Truth
from somc_hal.testing.bench import BenchFactory
from somc_hal.testing.rules.bench_rule import at_bench, hands_of, use

__all__ = [
    "a_display_that_was_off_shows_its_content_again",
    "an_absent_display_keeps_only_the_newest",
    "what_nobody_reports_lost_is_sent_again",
]


async def an_absent_display_keeps_only_the_newest(make: BenchFactory) -> None:
    """What is shown while it is away waits for it; only the newest is sent."""
    async with at_bench(make) as bench:
        await bench.host.unplug()
        await bench.driver.wait_not_online()
        put = hands_of(bench).put
        assert put is not None
        for number in range(1, 8):
            assert await put(bench.driver, number) is Truth.UNKNOWN
        await bench.host.replug()
        await bench.until(lambda: bool(hands_of(bench).seen(bench)))
        await bench.driver.wait_online()
        await bench.driver.wait_idle()
        assert set(hands_of(bench).seen(bench)) == {7}


async def a_display_that_was_off_shows_its_content_again(make: BenchFactory) -> None:
    """A device that was switched off and on shows again what it should."""
    async with at_bench(make) as bench:
        await use(bench, 4)
        # So short that no heartbeat fell into it: only the boot count tells.
        bench.simulator.power_off()
        bench.simulator.power_on()
        await bench.until(lambda: hands_of(bench).seen(bench) == [4, 4])


async def what_nobody_reports_lost_is_sent_again(make: BenchFactory) -> None:
    """A device that cannot tell that it was switched off is sent its content again, within `refresh_s`."""
    async with at_bench(make, refresh_s=0.2) as bench:
        await use(bench, 4)
        bench.simulator.power_off()
        bench.simulator.power_on()
        before = len(hands_of(bench).seen(bench))
        await bench.until(lambda: len(hands_of(bench).seen(bench)) > before)
        assert set(hands_of(bench).seen(bench)) == {4}
