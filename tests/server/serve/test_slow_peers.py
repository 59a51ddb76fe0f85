"""Peers that are slow, silent or gone: each wait has its limit, and a handler always learns."""

from __future__ import annotations

import gc
import socket
import struct
from typing import Any

import pytest
import trio
import trio.testing

from somc.server.connection import Connection
from somc.server.serve import ServeSettings, _listen
from tests.server.serve.rig import TEXT, ProbeApp, client, close_frame, frame, serving

SMALL = 4096
"""A receive buffer that fills at once."""


async def test_a_peer_that_does_not_read_an_answer_is_reset_and_the_handler_leaves() -> None:
    app = ProbeApp()
    async with serving(app, send_s=0.3) as served, client(served, receive_buffer_bytes=SMALL) as peer:
        await peer.send(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        with trio.fail_after(5):
            await app.told.wait()
        assert await peer.was_reset()
    assert len(app.raised) == 1


async def test_a_websocket_peer_that_does_not_read_is_reset_and_the_handler_leaves() -> None:
    app = ProbeApp()
    async with serving(app, send_s=0.3) as served, client(served, receive_buffer_bytes=SMALL) as peer:
        await peer.upgrade("/flood")
        with trio.fail_after(5):
            await app.told.wait()
        assert await peer.was_reset()


async def test_a_slow_reader_of_a_long_answer_gets_it_whole() -> None:
    async with serving(ProbeApp(), send_s=1.0) as served, client(served, receive_buffer_bytes=SMALL) as peer:
        await peer.send(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        assert len((await peer.response())[2]) == 8_000_000


async def test_a_send_that_waits_can_be_cancelled() -> None:
    """Cancelled with half a frame on the wire, the connection is reset: what followed would be garbage."""
    cancelled = trio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            with trio.move_on_after(0.2) as scope_:
                await send({"type": "websocket.send", "bytes": b"z" * 50_000_000})
            assert scope_.cancelled_caught
            cancelled.set()

    async with serving(app) as served, client(served, receive_buffer_bytes=SMALL) as peer:
        await peer.upgrade("/")
        with trio.fail_after(3):
            await cancelled.wait()
        assert await peer.was_reset()


async def test_a_tight_loop_of_sends_to_a_dead_peer_does_not_hold_the_process() -> None:
    app = ProbeApp()
    async with serving(app) as served:
        async with client(served) as dying:
            await dying.upgrade("/swallow")
            linger = struct.pack("ii", 1, 0)
            dying.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        async with client(served) as peer:
            with trio.fail_after(5):
                for _ in range(20):
                    assert (await peer.get("/"))[0] == 200
        app.go.set()
        with trio.fail_after(5):
            await app.told.wait()


@pytest.mark.parametrize(
    ("bytes_sent", "answer"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\nHo", b"408"),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc", b"408"),
    ],
)
async def test_a_request_that_never_ends_is_given_up(bytes_sent: bytes, answer: bytes) -> None:
    async with serving(ProbeApp(), header_s=0.2, body_s=0.2) as served, client(served) as peer:
        await peer.send(bytes_sent)
        assert answer in await peer.read_to_end()


async def test_drops_of_a_header_do_not_prolong_its_time() -> None:
    async with serving(ProbeApp(), header_s=0.4) as served, client(served) as peer:
        begun = trio.current_time()
        await peer.send(b"GET / HTTP/1.1\r\n")
        async with trio.open_nursery() as nursery:

            async def drip() -> None:
                while True:
                    await peer.send(b"a: b\r\n")
                    with trio.move_on_after(0.05):
                        await trio.sleep_forever()

            nursery.start_soon(drip)
            assert b"408" in await peer.read_until(b"\r\n\r\n")
            nursery.cancel_scope.cancel()
        assert trio.current_time() - begun < 2


async def test_an_idle_connection_is_closed() -> None:
    async with serving(ProbeApp(), keep_alive_s=0.2) as served, client(served) as peer:
        await peer.get("/")
        assert await peer.read_to_end() == b""


async def test_connections_beyond_the_limit_are_turned_away_and_let_in_when_there_is_room() -> None:
    async with serving(ProbeApp(), max_connections=2) as served, client(served) as other:
        async with client(served) as one:
            await one.get("/")
            await other.get("/")
            async with client(served) as third:
                status, headers, _ = await third.response()
                assert (status, headers["retry-after"]) == (503, "1")
        with trio.fail_after(5):
            while True:
                async with client(served) as third:
                    if (await third.get("/"))[0] == 200:
                        break
        assert (await other.get("/"))[0] == 200


async def test_accepted_sockets_find_dead_peers_by_themselves() -> None:
    settings = ServeSettings(tcp_user_timeout_s=7)
    with await _listen(("127.0.0.1", 0), settings) as listener:
        listener.setblocking(True)
        with socket.create_connection(listener.getsockname()):
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7000
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 7


async def test_a_connection_that_floods_pings_and_never_reads_is_reset() -> None:
    app = ProbeApp()
    async with serving(app, send_s=0.3) as served, client(served, receive_buffer_bytes=SMALL) as peer:
        await peer.upgrade("/echo")
        ping = frame(9, b"p" * 125) * 2000
        reset = False
        with trio.fail_after(8):
            while not reset:
                try:
                    await peer.send(ping)
                except trio.BrokenResourceError:
                    reset = True
        with trio.fail_after(5):
            await app.told.wait()
    assert [event["code"] for event in app.disconnects] == [1006]


async def test_one_stalled_peer_delays_no_other() -> None:
    async with (
        serving(ProbeApp(), send_s=5) as served,
        client(served) as live,
        client(served, receive_buffer_bytes=SMALL) as stalled,
    ):
        await stalled.upgrade("/flood")
        await live.upgrade("/echo")
        with trio.fail_after(2):
            for _ in range(20):
                await live.send(frame(TEXT, b"tick"))
                assert await live.frame() == (0x81, b"tick")


async def test_a_closed_connection_leaves_nothing_for_the_garbage_collector() -> None:
    app = ProbeApp()

    async def one_of_each() -> None:
        async with client(served) as peer:
            await peer.get("/")
        async with client(served) as peer:
            await peer.upgrade("/echo")
            await peer.send(frame(TEXT, b"x") + close_frame(1000))
            await peer.read_to_end()

    async with serving(app) as served:
        await one_of_each()
        await trio.testing.wait_all_tasks_blocked()
        gc.collect()
        gc.disable()
        try:
            for _ in range(10):
                await one_of_each()
            with trio.fail_after(5):  # for the last of them to end, while no collector runs
                while any(isinstance(each, Connection) for each in gc.get_objects()):
                    await trio.testing.wait_all_tasks_blocked(0.02)
        finally:
            gc.enable()
