"""Start, shutdown, and the app's background work: the server lives exactly as long as the app."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import trio
import trio.testing
from quart import request, websocket
from quart_trio import QuartTrio

from somc.errors import UsageError
from somc.server.serve import AppFailed, ServeSettings, serve
from tests.server.serve.rig import TEXT, ProbeApp, Raw, client, close_frame, frame, handshake, serving

AT_ONCE_S = 1.0
"""Far under any limit of the server and far over what a busy machine needs."""


async def test_shutdown_with_nothing_open_returns_at_once() -> None:
    async with serving(ProbeApp(), grace_s=30) as served:
        assert await served.stop() < AT_ONCE_S


async def test_shutdown_does_not_wait_for_idle_silent_or_stalled_peers() -> None:
    app = ProbeApp()
    async with (
        serving(app, grace_s=30, send_s=30) as served,
        client(served) as idle,
        client(served) as mute,
        client(served) as partial,
        client(served) as silent,
        client(served, receive_buffer_bytes=4096) as stalled,
    ):
        await idle.get("/")
        await partial.send(b"GET / HT")
        await silent.upgrade("/echo")
        await stalled.upgrade("/flood")
        await idle.get("/")
        assert await served.stop() < AT_ONCE_S
        assert await mute.read_to_end() == b""
        assert await silent.close_code() == 1012


async def test_shutdown_closes_every_websocket_with_1012_and_tells_its_handler() -> None:
    app = ProbeApp()
    async with serving(app, grace_s=30) as served, client(served) as one, client(served) as two:
        await one.upgrade("/echo")
        await two.upgrade("/echo")
        assert await served.stop() < AT_ONCE_S
        assert [await one.close_code(), await two.close_code()] == [1012, 1012]
        assert await one.read_to_end() == b""
    assert [event["code"] for event in app.disconnects] == [1012, 1012]


async def test_a_request_in_flight_is_finished_within_the_grace() -> None:
    app = ProbeApp()
    async with serving(app, grace_s=30) as served, client(served) as peer:
        await peer.send(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        await app.entered.wait()
        served.shutdown.set()
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(OSError, match="failed"):
            await trio.open_tcp_stream("127.0.0.1", served.port)
        app.go.set()
        status, headers, body = await peer.response()
        assert (status, headers["connection"], body) == (200, "close", b"waited")
        assert await peer.read_to_end() == b""
        with trio.fail_after(2):
            await served.ended.wait()


async def test_a_request_longer_than_the_grace_is_reset() -> None:
    app = ProbeApp()
    async with serving(app, grace_s=0.3) as served, client(served) as peer:
        await peer.send(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        await app.entered.wait()
        assert 0.2 < await served.stop() < 0.3 + AT_ONCE_S
        assert await peer.was_reset()


async def test_a_websocket_that_is_accepted_during_shutdown_is_503() -> None:
    app = ProbeApp()
    async with serving(app, grace_s=30) as served, client(served) as peer:
        await peer.send(handshake("/late"))
        await app.entered.wait()
        served.shutdown.set()
        await trio.testing.wait_all_tasks_blocked()
        app.go.set()
        assert (await peer.response())[0] == 503
        with trio.fail_after(2):
            await served.ended.wait()


async def test_a_callable_can_say_when_to_shut_down_and_given_sockets_are_served() -> None:
    go = trio.Event()
    sockets = []
    for _ in range(2):
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        sockets.append(sock)
    async with trio.open_nursery() as nursery:

        async def run(task_status: trio.TaskStatus[list[str]]) -> None:
            await serve(ProbeApp(), sockets_or_binds=sockets, shutdown=go.wait, task_status=task_status)

        urls = await nursery.start(run)
        assert len(set(urls)) == 2
        for url in urls:
            async with await trio.open_tcp_stream("127.0.0.1", int(url.rpartition(":")[2])) as stream:
                await stream.send_all(b"GET / HTTP/1.0\r\n\r\n")
                assert b"200" in await stream.receive_some()
        go.set()
    assert [sock.fileno() for sock in sockets] == [-1, -1]


async def test_an_address_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"127\.0\.0\.1:{port}"):
            await serve(ProbeApp(), sockets_or_binds=[("127.0.0.1", port)])


def test_a_limit_that_cannot_be_meant_is_named() -> None:
    with pytest.raises(UsageError, match="send_s is 0"):
        ServeSettings(send_s=0)


# The app's own life, with the framework we use


async def test_a_start_that_fails_raises_and_opens_nothing() -> None:
    app = QuartTrio("start")

    @app.before_serving
    async def start() -> None:
        raise RuntimeError("no journal")

    with pytest.raises(AppFailed, match="no journal"):
        await serve(app, sockets_or_binds=[("127.0.0.1", 0)])


async def test_an_exception_of_a_raw_apps_lifespan_raises() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("not today")

    with pytest.raises(AppFailed, match="not today") as caught:
        await serve(app, sockets_or_binds=[("127.0.0.1", 0)])
    assert isinstance(caught.value.__cause__, RuntimeError)


async def test_a_start_that_takes_for_ever_raises() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await trio.sleep_forever()

    with pytest.raises(AppFailed, match=r"lifespan\.startup"):
        await serve(app, sockets_or_binds=[("127.0.0.1", 0)], settings=ServeSettings(lifespan_s=0.1))


async def test_a_crash_of_the_background_nursery_ends_the_server_and_raises() -> None:
    app = QuartTrio("crash")
    crash = trio.Event()

    @app.route("/")
    async def page() -> str:
        return "here"

    @app.websocket("/ws")
    async def ws() -> None:
        await websocket.accept()
        await trio.sleep_forever()

    @app.before_serving
    async def start() -> None:
        async def work() -> None:
            await crash.wait()
            raise ValueError("the announcer fell over")

        app.nursery.start_soon(work)

    with pytest.raises(AppFailed, match="background work ended") as caught:
        with trio.fail_after(8):
            await _serve_and(app, crash)
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert caught.value.__cause__.subgroup(ValueError) is not None


async def _serve_and(app: Any, crash: trio.Event) -> None:
    failure: BaseException | None = None

    async def run(task_status: trio.TaskStatus[list[str]]) -> None:
        nonlocal failure
        try:
            await serve(app, sockets_or_binds=[("127.0.0.1", 0)], task_status=task_status)
        except AppFailed as error:
            failure = error

    async with trio.open_nursery() as nursery:
        [url] = await nursery.start(run)
        port = int(url.rpartition(":")[2])
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"here" in await stream.receive_some()
            async with await trio.open_tcp_stream("127.0.0.1", port) as second:
                ws = Raw(second)
                await ws.upgrade("/ws")
                crash.set()
                assert await ws.close_code() == 1011
            while await stream.receive_some():
                pass
    with pytest.raises(OSError, match="failed"):
        await trio.open_tcp_stream("127.0.0.1", port)
    assert failure is not None
    raise failure


async def test_start_and_stop_of_the_app_are_called_in_order_and_tasks_of_its_nursery_end() -> None:
    app = QuartTrio("order")
    seen = []

    @app.before_serving
    async def start() -> None:
        seen.append("start")

        async def work() -> None:
            try:
                await trio.sleep_forever()
            finally:
                seen.append("work ended")

        app.nursery.start_soon(work)

    @app.after_serving
    async def stop() -> None:
        seen.append("stop")

    async with serving(app) as served:
        assert await served.stop() < AT_ONCE_S
    assert seen == ["start", "stop", "work ended"]


async def test_quart_trio_answers_echoes_and_hears_of_disconnects() -> None:
    app = QuartTrio("quart")
    left = trio.Event()
    entered = trio.Event()

    @app.route("/", methods=["GET", "POST"])
    async def page() -> bytes:
        data: bytes = await request.get_data(as_text=False)
        return b"got " + data

    @app.route("/long")
    async def long() -> str:
        try:
            entered.set()
            await trio.sleep_forever()
        finally:
            left.set()
        return ""

    @app.websocket("/ws")
    async def ws() -> None:
        while True:
            await websocket.send(await websocket.receive())

    async with serving(app) as served:
        async with client(served) as peer:
            await peer.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
            assert (await peer.response())[2] == b"got abc"
            await peer.send(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
            await entered.wait()
        with trio.fail_after(5):
            await left.wait()
        async with client(served) as peer:
            await peer.upgrade("/ws", early=frame(TEXT, b"early"))
            assert await peer.frame() == (0x81, b"early")
            await peer.send(close_frame(1000))
            assert await peer.close_code() == 1000


async def test_an_exception_of_a_quart_websocket_is_1011_when_quart_lets_it_through() -> None:
    """By default Quart itself logs it and closes with 1000, which no server could tell from a good end."""
    app = QuartTrio("quart")
    app.config["PROPAGATE_EXCEPTIONS"] = True

    @app.websocket("/ws")
    async def ws() -> None:
        await websocket.receive()
        raise RuntimeError("the handler's own mistake")

    async with serving(app) as served, client(served) as peer:
        await peer.upgrade("/ws", early=frame(TEXT, b"go"))
        assert await peer.close_code() == 1011


async def test_a_quart_handler_that_only_sends_ends_quietly_with_its_peer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = QuartTrio("quart")
    ended = trio.Event()

    @app.websocket("/ws")
    async def ws() -> None:
        try:
            while True:
                await websocket.send(b"x" * 1000)
        finally:
            ended.set()

    async with serving(app) as served:
        async with client(served) as peer:
            await peer.upgrade("/ws")
            await peer.frame()
        with trio.fail_after(5):
            await ended.wait()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
