"""What every rule uses: a bench under one deadline, the hands for its device, an expected refusal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import trio

from somc_hal.errors import DeviceError
from somc_hal.status import Truth
from somc_hal.testing.bench import Bench, BenchFactory
from somc_hal.testing.hands import HANDS, Hands

__all__ = ["DEADLINE_S", "LOADED_S", "NO_POLLS", "PATIENT", "Check", "at_bench", "hands_of", "raises", "use"]

Check = Callable[[BenchFactory], Awaitable[None]]

DEADLINE_S = 30.0
"""No rule needs two seconds; a machine that does ten other things is given thirty."""

LOADED_S = 5.0
"""What takes no time, or a time that is said, may take so much more on a loaded machine."""

PATIENT: Mapping[str, Any] = {"answer_timeout_s": 2.0}
"""Where the device answers everything: a limit on its answers then only guards against a hang, and a loaded
machine, which moves both ends of the line, may take its time."""

NO_POLLS: Mapping[str, Any] = {"heartbeat_s": 3600.0}


@asynccontextmanager
async def at_bench(make: BenchFactory, *, online: bool = True, **options: Any) -> AsyncIterator[Bench]:
    """A bench whose driver runs and serves, until the deadline. Options the driver does not have are left
    out."""
    with trio.fail_after(DEADLINE_S):
        async with make(**options) as bench:
            if online:
                await bench.start()
                await bench.driver.wait_online()
            yield bench


def hands_of(bench: Bench) -> Hands:
    """How a device of this class is used."""
    return HANDS[bench.driver.device_class]


async def use(bench: Bench, number: int) -> None:
    """Use the device; it confirms if it said that it can, and the use has reached the other side."""
    outcome = await hands_of(bench).use(bench, number)
    acknowledged = bench.driver.capabilities.acknowledged
    assert outcome is (Truth.YES if acknowledged else Truth.UNKNOWN), f"use {number} ended with {outcome}"
    await bench.until(lambda: number in hands_of(bench).seen(bench))


async def raises(kind: type[DeviceError], call: Awaitable[Any]) -> DeviceError:
    """The error that `call` must raise."""
    try:
        await call
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")
