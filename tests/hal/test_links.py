"""Links: what a URL may be, what opening raises, how a lost peer shows."""

from __future__ import annotations

import errno
import os
import socket
import tty

import pytest
import trio

from somc_hal.links import check_url, open_link
from somc_hal.links.memory import listen_memory, unlisten_memory


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (
            "bus://04b8:0202",
            "found scheme 'bus'; allowed: serial://, serial\\+aio://, pty://, device://, usb",
        ),
        ("/dev/ttyS0", "found scheme ''; allowed"),
        ("serial://dev/ttyS0", "three slashes"),
        ("serial:///dev/ttyS0?baud=fast", "baud is a number above 0, found 'fast'"),
        ("serial:///dev/ttyS0?parity=9", "found parameter 'parity'; allowed: baud"),
        ("pty:///dev/pts/1?baud=9600", "found parameter 'baud'; allowed: none"),
        ("tcp://printer", "write tcp://host:port"),
        ("tcp://printer:99999", "the port is a number"),
        ("memory://", "write memory://name"),
    ],
)
def test_a_wrong_url_says_what_is_allowed(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "serial:///dev/ttyS0?baud=19200",
        "pty:///dev/pts/7",
        "tcp://[::1]:9100?silence_s=5",
        "memory://Strip-1",
        "usb://04b8:0202",
        "usb://04B8:0202/SN%2F1",
        "serial+aio:///dev/ttyS0?baud=19200",
        "record+serial:///dev/ttyS0?baud=9600&record=/tmp/wire.jsonl",
        "replay:///tmp/wire.jsonl?pace=1",
    ],
)
def test_a_right_url_is_accepted(url: str) -> None:
    check_url(url)


async def test_a_missing_port_is_enoent() -> None:
    for url in ("pty:///dev/pts/999999", "memory://nobody"):
        with pytest.raises(OSError, match=r"999999|nobody") as caught:
            await open_link(url)
        assert caught.value.errno == errno.ENOENT


async def test_what_is_no_terminal_is_an_os_error() -> None:
    with pytest.raises(OSError, match="configure"):
        await open_link("serial:///dev/null")


async def test_nobody_listening_is_an_os_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match=r"127\.0\.0\.1"):
            await open_link(f"tcp://127.0.0.1:{taken.getsockname()[1]}")


async def test_a_port_is_open_only_once() -> None:
    master, slave = os.openpty()
    try:
        tty.setraw(slave)
        url = f"pty://{os.ttyname(slave)}"
        async with await open_link(url):
            with pytest.raises(OSError, match="lock"):
                await open_link(url)
        async with await open_link(url):
            pass
    finally:
        os.close(slave)
        os.close(master)


async def test_an_idle_pty_waits_and_passes_every_byte() -> None:
    master, slave = os.openpty()
    try:
        tty.setraw(slave)
        async with await open_link(f"pty://{os.ttyname(slave)}") as stream:
            with trio.move_on_after(0.05) as waiting:
                await stream.receive_some(10)
            assert waiting.cancelled_caught  # VMIN is 1: no data is no end of file
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


async def test_a_pulled_pty_is_a_broken_resource() -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    async with await open_link(f"pty://{os.ttyname(slave)}") as stream:
        os.close(slave)
        os.close(master)
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some(10)
        with pytest.raises(trio.BrokenResourceError):
            await stream.send_all(b"x")


async def test_a_closed_or_doubly_used_pty_says_so() -> None:
    master, slave = os.openpty()
    try:
        tty.setraw(slave)
        stream = await open_link(f"pty://{os.ttyname(slave)}")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_expect_closed, stream)
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(trio.BusyResourceError):
                await stream.receive_some(1)
            await stream.aclose()
        with pytest.raises(trio.ClosedResourceError):
            await stream.send_all(b"x")
    finally:
        os.close(slave)
        os.close(master)


async def _expect_closed(stream: trio.abc.Stream) -> None:
    with pytest.raises(trio.ClosedResourceError):
        await stream.receive_some(1)


async def test_tcp_notices_a_vanished_peer_in_the_kernel_too() -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listeners[0]:
        port = listeners[0].socket.getsockname()[1]
        stream = await open_link(f"tcp://127.0.0.1:{port}?silence_s=9")
        assert isinstance(stream, trio.SocketStream)
        async with stream:
            option = stream.socket.getsockopt
            assert option(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert option(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 3
            assert option(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 9000


async def test_a_memory_name_is_taken_once_and_freed() -> None:
    ends: list[trio.abc.Stream] = []
    listen_memory("x", ends.append)
    with pytest.raises(OSError, match="taken"):
        listen_memory("x", ends.append)
    near = await open_link("memory://x")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(near.send_all, b"hello")
        assert await ends[0].receive_some(10) == b"hello"
    unlisten_memory("x")
    with pytest.raises(OSError, match="nobody listens"):
        await open_link("memory://x")
