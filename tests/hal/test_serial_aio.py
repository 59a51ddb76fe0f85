"""serial+aio://: the same conformance, and a pulled cable that stays one port's affair."""

from __future__ import annotations

import os
import tty

import pytest
import trio

from somc_hal import driver_spec
from somc_hal.links import open_link
from somc_hal.testing import Check, checks_for, simulated


def _pty() -> tuple[int, int, str]:
    master, slave = os.openpty()
    tty.setraw(slave)
    return master, slave, f"serial+aio://{os.ttyname(slave)}"


KEYPAD_CHECKS = checks_for(driver_spec("reference-keypad"))


@pytest.mark.parametrize(
    "check", KEYPAD_CHECKS, ids=[getattr(check, "__name__", "") for check in KEYPAD_CHECKS]
)
async def test_the_keypad_conforms_over_pyserial_asyncio(check: Check) -> None:
    await check(simulated("reference-keypad", "pty", scheme="serial+aio"))


async def test_bytes_pass_both_ways_and_a_cancelled_read_loses_none() -> None:
    master, slave, url = _pty()
    try:
        async with await open_link(url) as stream:
            with trio.move_on_after(0.05) as waiting:
                await stream.receive_some(10)
            assert waiting.cancelled_caught
            os.write(master, bytes(range(256)))
            received = b""
            while len(received) < 256:
                received += await stream.receive_some(100)
            assert received == bytes(range(256))
            await stream.send_all(bytes(range(256)))
            assert os.read(master, 1000) == bytes(range(256))
    finally:
        os.close(slave)
        os.close(master)


async def test_a_pulled_cable_breaks_its_own_port_and_no_other() -> None:
    master, slave, url = _pty()
    other_master, other_slave, other_url = _pty()
    try:
        async with await open_link(url) as stream, await open_link(other_url) as other:
            os.close(slave)
            os.close(master)
            with pytest.raises(trio.BrokenResourceError):
                await stream.receive_some(10)
            # The write that once ended the whole process.
            with pytest.raises(trio.BrokenResourceError):
                await stream.send_all(b"x")
            await other.send_all(b"still here")
            assert os.read(other_master, 100) == b"still here"
    finally:
        os.close(other_slave)
        os.close(other_master)


async def test_a_pulled_cable_noticed_by_a_write_alone_is_told() -> None:
    master, slave, url = _pty()
    async with await open_link(url) as stream:
        os.close(slave)
        os.close(master)
        with trio.fail_after(10), pytest.raises(trio.BrokenResourceError):
            await _send_for_ever(stream)


async def _send_for_ever(stream: trio.abc.Stream) -> None:
    while True:
        await stream.send_all(b"x" * 1000)


async def test_a_closed_port_says_so_and_can_be_opened_again() -> None:
    master, slave, url = _pty()
    try:
        stream = await open_link(url)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_expect_closed, stream)
            await trio.testing.wait_all_tasks_blocked(0.01)
            with pytest.raises(trio.BusyResourceError):
                await stream.receive_some(1)
            await stream.aclose()
        with pytest.raises(trio.ClosedResourceError):
            await stream.send_all(b"x")
        async with await open_link(url):
            with pytest.raises(OSError, match="lock"):
                await open_link(url)
    finally:
        os.close(slave)
        os.close(master)


async def _expect_closed(stream: trio.abc.Stream) -> None:
    with pytest.raises(trio.ClosedResourceError):
        await stream.receive_some(1)


async def test_a_missing_port_is_an_os_error() -> None:
    with pytest.raises(OSError, match="999999"):
        await open_link("serial+aio:///dev/pts/999999")


async def test_a_reader_that_is_behind_bounds_what_is_kept() -> None:
    master, slave, url = _pty()
    os.set_blocking(master, False)
    try:
        async with await open_link(url) as stream:
            sent = 0
            with trio.fail_after(10):
                # More than is kept: the transport stops reading, the kernel's buffer fills, and nobody is
                # hurt.
                while sent < 200_000:
                    try:
                        sent += os.write(master, bytes(1000))
                    except BlockingIOError:
                        if not stream._reading:  # type: ignore[attr-defined]  # the stream behind the URL
                            break
                        await trio.lowlevel.checkpoint()
            received = 0
            with trio.fail_after(10):
                while received < sent:
                    received += len(await stream.receive_some(100_000))
            assert received == sent
    finally:
        os.close(slave)
        os.close(master)
