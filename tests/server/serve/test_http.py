"""HTTP as clients see it: answers, limits, and what a handler is told."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from tests.server.serve.rig import ProbeApp, client, serving


async def test_one_connection_serves_many_requests() -> None:
    async with serving(ProbeApp()) as served, client(served) as peer:
        for _ in range(3):
            status, headers, body = await peer.get("/")
            assert (status, body) == (200, b"ok")
            assert "date" in headers
            assert "server" not in headers


async def test_a_request_body_reaches_the_handler_whole() -> None:
    async with serving(ProbeApp()) as served, client(served) as peer:
        body = bytes(range(256)) * 1000
        await peer.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert (await peer.response())[2] == body


async def test_chunks_reach_the_handler_whole() -> None:
    async with serving(ProbeApp()) as served, client(served) as peer:
        await peer.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        await peer.send(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        assert (await peer.response())[2] == b"abcde"


async def test_a_client_that_asks_first_is_told_to_continue() -> None:
    async with serving(ProbeApp()) as served, client(served) as peer:
        await peer.send(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        assert (await peer.read_until(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        await peer.send(b"hi")
        assert (await peer.response())[2] == b"hi"


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with serving(ProbeApp()) as served, client(served) as peer:
        one = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        two = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\ntwo"
        await peer.send(one + two + one)
        assert [(await peer.response())[2] for _ in range(3)] == [b"ok", b"two", b"ok"]


async def test_a_pipelined_request_after_the_last_one_does_not_keep_the_connection() -> None:
    async with serving(ProbeApp(), max_keep_alive_requests=1) as served, client(served) as peer:
        await peer.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
        assert (await peer.read_to_end()).count(b"200") == 1


async def test_a_client_that_closed_its_sending_side_is_still_answered() -> None:
    async with serving(ProbeApp()) as served, client(served) as peer:
        await peer.send(b"GET / HTTP/1.0\r\n\r\n")
        await peer.stream.send_eof()
        assert (await peer.read_to_end()).endswith(b"ok")


async def test_a_waiting_handler_hears_that_its_client_left() -> None:
    app = ProbeApp()
    async with serving(app) as served:
        async with client(served) as peer:
            await peer.send(b"GET /until-gone HTTP/1.1\r\nHost: x\r\n\r\n")
            await app.entered.wait()
        with trio.fail_after(5):
            await app.told.wait()


async def test_an_early_answer_to_an_upload_harms_nobody() -> None:
    async with serving(ProbeApp()) as served, client(served) as peer:
        head = b"POST /ignore-body HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n"
        await peer.send(head + b"u" * 300_000)
        assert (await peer.response())[0] == 401
        await peer.send(b"u" * 100_000)  # still uploading after the answer


async def test_a_body_over_the_limit_is_413_before_it_is_sent() -> None:
    app = ProbeApp()
    async with serving(app, max_body_bytes=1000) as served, client(served) as peer:
        await peer.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n")
        assert (await peer.response())[0] == 413
        assert await peer.read_to_end() == b""
    assert app.scopes == []


async def test_chunks_over_the_limit_are_413_and_the_handler_is_told() -> None:
    app = ProbeApp()
    async with serving(app, max_body_bytes=1000) as served, client(served) as peer:
        await peer.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            await peer.send(b"190\r\n" + b"c" * 400 + b"\r\n")
        assert (await peer.response())[0] == 413
        with trio.fail_after(5):
            await app.told.wait()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"h" * 5000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"GET /" + b"p" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
            400,
        ),
        (b"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    ],
)
async def test_a_request_that_may_not_be_is_refused_before_the_handler(head: bytes, status: int) -> None:
    app = ProbeApp()
    async with serving(app, max_header_bytes=4000) as served, client(served) as peer:
        await peer.send(head)
        assert (await peer.response())[0] == status
        assert await peer.read_to_end() == b""
    assert app.scopes == []


async def test_an_upgrade_to_http2_is_ignored() -> None:
    async with serving(ProbeApp()) as served, client(served) as peer:
        upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
        assert (await peer.get("/", upgrade))[0] == 200


async def test_a_whole_url_as_target_is_taken_for_its_path() -> None:
    app = ProbeApp()
    async with serving(app) as served, client(served) as peer:
        for target in ("http://x/echo?a=1", "http://x", "http://x?q"):
            await peer.get(target)
    assert [(scope["path"], scope["query_string"]) for scope in app.scopes] == [
        ("/echo", b"a=1"),
        ("/", b""),
        ("/", b"q"),
    ]


async def test_only_the_names_of_this_server_are_answered() -> None:
    async with serving(ProbeApp(), server_names=("hall.example",)) as served:
        for host, status in (
            (b"hall.example", 200),
            (b"Hall.Example:80", 200),
            (b"other", 421),
            (b"\xff", 421),
        ):
            async with client(served) as peer:
                await peer.send(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
                assert (await peer.response())[0] == status


async def test_a_handlers_exception_is_500_and_only_that(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(ProbeApp()) as served:
        async with client(served) as peer:
            assert (await peer.get("/raise"))[0] == 500
        async with client(served) as peer:
            assert (await peer.get("/"))[0] == 200
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "/raise" in record.getMessage()
    assert record.exc_info is not None


async def test_an_answer_cut_short_by_an_exception_does_not_look_complete() -> None:
    async with serving(ProbeApp()) as served, client(served) as peer:
        await peer.send(b"GET /raise-midway HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = await peer.read_to_end()
        assert b"5\r\nfirst\r\n" in answer
        assert not answer.endswith(b"0\r\n\r\n")


async def test_a_header_that_may_not_be_sent_ends_that_connection_only() -> None:
    async with serving(ProbeApp()) as served, client(served) as other:
        async with client(served) as peer:
            await peer.send(b"GET /bad-header HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"b: c" not in await peer.read_to_end()
        assert (await other.get("/"))[0] == 200


async def test_a_complete_answer_leaves_in_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    from somc.server.connection import Connection

    writes: list[bytes] = []
    write_nowait = Connection.write_nowait

    def spy(self: Connection, data: bytes | memoryview) -> int:
        writes.append(bytes(data))
        return write_nowait(self, data)

    monkeypatch.setattr(Connection, "write_nowait", spy)
    async with serving(ProbeApp()) as served, client(served) as peer:
        await peer.get("/")
    [only] = writes
    assert only.endswith(b"\r\n\r\nok")


async def test_pieces_of_an_answer_leave_as_they_come() -> None:
    app = ProbeApp()
    async with serving(app) as served, client(served) as peer:
        await peer.send(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        await peer.read_until(b"3\r\none\r\n")
        app.go.set()
        assert await peer.read_until(b"0\r\n\r\n") == b"3\r\ntwo\r\n0\r\n\r\n"
        assert (await peer.get("/"))[0] == 200


async def test_an_empty_piece_sends_the_headers_ahead() -> None:
    app = ProbeApp()
    async with serving(app) as served, client(served) as peer:
        await peer.send(b"GET /headers-first HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" in await peer.read_until(b"\r\n\r\n")
        app.go.set()
        await peer.read_until(b"late\r\n0\r\n\r\n")


async def test_a_connection_serves_more_than_hypercorns_thousand_requests() -> None:
    async with serving(ProbeApp()) as served, client(served) as peer:
        for _ in range(21):
            await peer.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
            for _ in range(50):
                status, headers, _ = await peer.response()
                assert status == 200
                assert "connection" not in headers


async def test_a_setting_limits_the_requests_of_a_connection() -> None:
    async with serving(ProbeApp(), max_keep_alive_requests=2) as served, client(served) as peer:
        answers: list[Any] = [await peer.get("/") for _ in range(2)]
        assert [headers.get("connection") for _, headers, _ in answers] == [None, "close"]
        assert await peer.read_to_end() == b""
