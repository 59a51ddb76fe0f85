"""WebSockets: early frames, liveness, and close codes that say what happened, on both sides."""

from __future__ import annotations

import pytest
import trio
from websockets.trio.client import connect

from tests.server.serve.rig import (
    BINARY,
    PING,
    TEXT,
    ProbeApp,
    client,
    close_frame,
    frame,
    handshake,
    serving,
)


async def test_an_independent_client_is_served() -> None:
    app = ProbeApp()
    async with serving(app) as served:
        async with connect(served.url.replace("http", "ws") + "/echo") as ws:
            await ws.send("取号")
            assert await ws.recv() == "取号"
            await ws.send(b"\x00\x01")
            assert await ws.recv() == b"\x00\x01"
            await ws.aclose(4001, "enough")
        with trio.fail_after(5):
            await app.told.wait()
    assert app.disconnects == [{"type": "websocket.disconnect", "code": 4001, "reason": "enough"}]


async def test_compression_is_not_agreed() -> None:
    async with serving(ProbeApp()) as served, client(served) as peer:
        offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
        status, headers = await peer.upgrade("/echo", offer)
        assert status == 101
        assert "sec-websocket-extensions" not in headers


async def test_a_frame_in_the_packet_of_the_handshake_is_delivered_after_accept() -> None:
    app = ProbeApp()
    async with serving(app) as served, client(served) as peer:
        await peer.send(handshake("/late") + frame(TEXT, b"early"))
        await app.entered.wait()
        assert app.seen == []
        app.go.set()
        assert (await peer.response())[0] == 101
        assert await peer.frame() == (0x81, b"early")


async def test_an_empty_binary_message_arrives_as_empty_bytes() -> None:
    app = ProbeApp()
    async with serving(app) as served, client(served) as peer:
        await peer.upgrade("/echo")
        await peer.send(frame(BINARY))
        assert await peer.frame() == (0x82, b"")
    assert app.seen == [{"type": "websocket.receive", "bytes": b"", "text": None}]


async def test_fragments_arrive_as_one_message_with_a_ping_between() -> None:
    async with serving(ProbeApp()) as served, client(served) as peer:
        await peer.upgrade("/echo")
        await peer.send(frame(TEXT, b"one ", final=False) + frame(PING, b"?") + frame(0, b"two"))
        assert await peer.frame() == (0x8A, b"?")
        assert await peer.frame() == (0x81, b"one two")


async def test_the_handlers_exception_is_1011() -> None:
    async with serving(ProbeApp()) as served, client(served) as peer:
        await peer.upgrade("/raise")
        await peer.send(frame(TEXT, b"go"))
        assert await peer.close_code() == 1011


async def test_a_handler_that_returns_closes_with_1000() -> None:
    async with serving(ProbeApp()) as served, client(served) as peer:
        await peer.upgrade("/return")
        assert await peer.close_code() == 1000


@pytest.mark.parametrize("path", ["/raise-early", "/bad-subprotocol"])
async def test_an_exception_before_accept_is_500(path: str) -> None:
    async with serving(ProbeApp()) as served, client(served) as peer:
        assert (await peer.upgrade(path))[0] == 500


async def test_a_refusal_carries_its_status_and_body_and_ends_the_connection() -> None:
    async with serving(ProbeApp()) as served, client(served) as peer:
        status, headers = await peer.upgrade("/forbid", early=frame(TEXT, b"never read"))
        assert (status, headers["connection"]) == (401, "close")
        assert b"sign in" in await peer.read_to_end()


async def test_the_handlers_code_reaches_the_peer_and_the_handler() -> None:
    app = ProbeApp()
    async with serving(app) as served, client(served) as peer:
        await peer.upgrade("/close")
        assert await peer.close_code() == 4003
        await peer.send(close_frame(4003))
        assert await peer.read_to_end() == b""
    assert app.disconnects == [{"type": "websocket.disconnect", "code": 4003, "reason": "no"}]


async def test_a_peer_that_does_not_answer_our_close_is_closed_all_the_same() -> None:
    async with serving(ProbeApp(), ws_close_s=0.1) as served, client(served) as peer:
        await peer.upgrade("/close")
        assert await peer.close_code() == 4003
        assert await peer.read_to_end() == b""


async def test_a_peer_that_closes_without_a_code_is_1005_and_one_that_just_goes_1006() -> None:
    for goodbye, code in ((frame(8), 1005), (b"", 1006)):
        app = ProbeApp()
        async with serving(app) as served:
            async with client(served) as peer:
                await peer.upgrade("/echo")
                await peer.send(goodbye)
                if goodbye:
                    await peer.read_to_end()
            with trio.fail_after(5):
                await app.told.wait()
        assert [event["code"] for event in app.disconnects] == [code]


@pytest.mark.parametrize(
    "message",
    [
        frame(BINARY, b"x" * 1001),
        frame(TEXT, "号".encode() * 334),  # 334 characters, 1,002 bytes: the limit counts bytes
        frame(TEXT, b"x" * 600, final=False) + frame(0, b"x" * 600),
    ],
)
async def test_a_message_over_the_limit_is_1009_then_closed_and_the_handler_told(message: bytes) -> None:
    app = ProbeApp()
    async with serving(app, max_ws_message_bytes=1000) as served, client(served) as peer:
        await peer.upgrade("/echo")
        await peer.send(message)
        assert await peer.close_code() == 1009
        assert await peer.read_to_end() == b""
        with trio.fail_after(5):
            await app.told.wait()
    assert (app.seen, [event["code"] for event in app.disconnects]) == ([], [1009])


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (frame(TEXT, b"x", masked=False), 1002),
        (frame(TEXT, b"x", rsv=4), 1002),
        (frame(3, b"x"), 1002),
        (frame(11, b"x"), 1002),
        (frame(PING, b"x", final=False), 1002),
        (frame(PING, b"x" * 126), 1002),
        (frame(0, b"continues nothing"), 1002),
        (frame(8, b"\x03"), 1002),
        (close_frame(1006), 1002),
        (frame(TEXT, b"\xff\xfe"), 1007),
    ],
    # Masks are random, and processes that share the tests must name them alike.
    ids=(
        *("unmasked", "reserved bit", "opcode 3", "opcode 11", "ping in parts", "long ping"),
        *("continues nothing", "short code", "code 1006", "not UTF-8"),
    ),
)
async def test_frames_that_break_the_protocol_are_closed_with_their_code(bad: bytes, code: int) -> None:
    app = ProbeApp()
    async with serving(app) as served, client(served) as peer:
        await peer.upgrade("/echo")
        await peer.send(bad)
        assert await peer.close_code() == code
        with trio.fail_after(5):
            await app.told.wait()
    assert [event["code"] for event in app.disconnects] == [code]


async def test_a_silent_peer_is_pinged_and_then_reset() -> None:
    app = ProbeApp()
    async with serving(app, ws_ping_s=0.1, ws_pong_s=0.1) as served, client(served) as peer:
        await peer.upgrade("/echo")
        assert (await peer.frame())[0] == 0x89
        assert await peer.was_reset()
        with trio.fail_after(5):
            await app.told.wait()
    assert [event["code"] for event in app.disconnects] == [1006]


async def test_a_peer_that_answers_pings_stays() -> None:
    async with serving(ProbeApp(), ws_ping_s=0.1, ws_pong_s=0.2) as served, client(served) as peer:
        await peer.upgrade("/echo")
        for _ in range(4):
            assert (await peer.frame())[0] == 0x89
            await peer.send(frame(10))
        await peer.send(frame(TEXT, b"here"))
        assert await peer.frame() == (0x81, b"here")


async def test_a_handler_that_does_not_receive_is_told_and_its_peer_closed_with_1013() -> None:
    app = ProbeApp()
    async with serving(app, ws_stall_s=0.2, queue_messages=3) as served, client(served) as peer:
        await peer.upgrade("/deaf")
        await peer.send(frame(TEXT, b"?") * 50)
        assert await peer.close_code() == 1013
        app.go.set()
        with trio.fail_after(5):
            await app.told.wait()
    # What had come before is still there to be received; the disconnect stands behind it.
    assert app.disconnects[0]["type"] == "websocket.receive"


async def test_a_handler_that_ignores_its_peers_end_is_cancelled() -> None:
    app = ProbeApp()
    async with serving(app, orphan_s=0.1, max_connections=1) as served:
        async with client(served) as peer:
            await peer.upgrade("/deaf")
            await peer.send(close_frame(1000))
            await peer.read_to_end()
        with trio.fail_after(5):
            while True:  # its place is free again: the handler is no more
                async with client(served) as peer:
                    if (await peer.get("/"))[0] == 200:
                        break


@pytest.mark.parametrize(
    "headers",
    [
        b"Sec-WebSocket-Protocol: \xff\r\n",
        b"Sec-WebSocket-Extensions: \xff\r\n",
        b"Content-Length: 5\r\n",
    ],
)
async def test_a_handshake_that_cannot_be_read_is_400(headers: bytes) -> None:
    async with serving(ProbeApp()) as served, client(served) as peer:
        assert (await peer.upgrade("/echo", headers.decode("latin-1")))[0] == 400


async def test_a_handshake_without_key_or_with_another_version_is_400() -> None:
    async with serving(ProbeApp()) as served:
        for line in (b"Sec-WebSocket-Version: 8\r\n", b"Sec-WebSocket-Version: 13\r\n"):
            async with client(served) as peer:
                head = b"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                await peer.send(head + line + b"\r\n")
                assert (await peer.response())[0] == 400
