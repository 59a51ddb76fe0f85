"""A vendor's library: compiled here, called one at a time in a thread, and its driver conforms."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import trio

from somc_hal.sdk import Sdk, SdkStuck
from somc_hal.testing import simulated

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "vendor_sdk"

SLOW = """
#include <unistd.h>
static volatile int inside, together, door;
int slow_call(int ms) { if (++inside > 1) together = 1; usleep(ms * 1000); --inside; return ms; }
int slow_together(void) { return together; }
int slow_stuck(void) { while (!door) usleep(1000); return 1; }
int slow_free(void) { door = 1; return 0; }
"""
SLOW_CDEF = "int slow_call(int ms); int slow_together(void); int slow_stuck(void); int slow_free(void);"


def _compiled(source: Path, to: Path) -> Path:
    subprocess.run(["cc", "-Wall", "-Werror", "-shared", "-fPIC", "-o", to, source], check=True)
    return to


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _compiled(FOLDER / "led_sdk.c", tmp_path_factory.mktemp("sdk") / "libled.so")


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    source = tmp_path / "slow.c"
    source.write_text(SLOW)
    return _compiled(source, tmp_path / "libslow.so")


def _example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("led_driver", FOLDER / "led_driver.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["led_driver"] = module
    spec.loader.exec_module(module)
    return module


led: Any = _example()


def _checks() -> list[Any]:
    from somc_hal.testing import checks_for

    return [pytest.param(check, id=getattr(check, "__name__", "")) for check in checks_for(led.SPEC)]


@pytest.mark.parametrize("check", _checks())
async def test_the_driver_over_the_library_conforms(check: Any, library: Path) -> None:
    make = simulated(led.SPEC, "pty", simulator=led.LedSimulator)

    def bench(**options: Any) -> Any:
        return make(**{"library": str(library), **options})

    await check(bench)


def test_the_drivers_header_is_the_librarys() -> None:
    header = (FOLDER / "led_sdk.h").read_text(encoding="utf-8")
    for line in led.CDEF.strip().splitlines():
        assert line in header


async def test_calls_are_one_at_a_time_and_the_loop_goes_on(slow: Path) -> None:
    first, second = (Sdk(slow, SLOW_CDEF, name="slow") for _ in range(2))
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await trio.sleep(0.005)
            ticks += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(tick)
        async with trio.open_nursery() as calls:
            for sdk in (first, second, first, second):
                calls.start_soon(lambda sdk=sdk: sdk.call("slow_call", 30, timeout_s=10))
        assert await first.call("slow_together", timeout_s=10) == 0
        nursery.cancel_scope.cancel()
    assert ticks > 4  # 120 ms of C have passed, and the loop was not in it


async def test_a_library_that_does_not_return_is_told_and_keeps_its_door(slow: Path) -> None:
    sdk = Sdk(slow, SLOW_CDEF, name="slow")
    with pytest.raises(SdkStuck, match=r"slow: slow_stuck has not returned within 0\.05 s"):
        await sdk.call("slow_stuck", timeout_s=0.05)
    # Nobody gets in while it is stuck, and whoever waits is told why.
    with pytest.raises(SdkStuck, match="slow_stuck has not returned"):
        await sdk.call("slow_call", 1, timeout_s=0.05)
    loaded = sdk.ffi.dlopen(str(slow))
    threading.Thread(target=loaded.slow_free).start()
    assert await sdk.call("slow_call", 1, timeout_s=10) == 1


async def test_a_cancelled_caller_leaves_at_once_and_the_next_waits_its_turn(slow: Path) -> None:
    sdk = Sdk(slow, SLOW_CDEF, name="slow")
    await sdk.load()
    with trio.move_on_after(0.01) as scope:
        await sdk.call("slow_call", 100, timeout_s=10)
    assert scope.cancelled_caught
    assert await sdk.call("slow_together", timeout_s=10) == 0


async def test_a_missing_library_or_function_says_so(tmp_path: Path, slow: Path) -> None:
    with pytest.raises(OSError, match=r"nowhere\.so"):
        await Sdk(tmp_path / "nowhere.so", SLOW_CDEF, name="x").load()
    with pytest.raises(AttributeError, match="slow_other"):
        await Sdk(slow, SLOW_CDEF + "int slow_other(void);", name="x").call("slow_other", timeout_s=1)


async def test_a_driver_whose_library_is_missing_is_no_device_and_blocks_nobody() -> None:
    make = simulated(led.SPEC, "pty", simulator=led.LedSimulator)
    async with make(library="/nowhere/libled.so") as bench:
        await bench.start()
        with trio.fail_after(10):
            await bench.until_told()
        assert not bench.driver.status.serving
        assert "libled.so" in bench.driver.status.detail
        await bench.driver.show(["A1"])
