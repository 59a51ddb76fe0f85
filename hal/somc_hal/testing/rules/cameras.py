"""Rules for cameras: a whole picture, or an error."""

from __future__ import annotations

import trio

from somc_hal.errors import DeviceBusy, ProtocolFault
from somc_hal.testing.bench import BenchFactory
from somc_hal.testing.rules.bench_rule import at_bench, raises

__all__ = ["a_still_is_whole_or_an_error"]


async def a_still_is_whole_or_an_error(make: BenchFactory) -> None:
    """A long picture comes whole, one at a time; what is no picture is refused."""
    async with at_bench(make) as bench:
        long = bench.simulator.scene[:-2] + bytes(range(256)) * 20 + b"\xff\xd9"
        bench.simulator.scene = long
        async with trio.open_nursery() as nursery:

            async def take() -> None:
                assert await bench.driver.still() == long

            nursery.start_soon(take)
            await bench.until(lambda: bench.simulator.stills == 1)
            await raises(DeviceBusy, bench.driver.still())
        bench.simulator.scene = b"no picture"
        await raises(ProtocolFault, bench.driver.still())
