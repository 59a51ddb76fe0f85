"""The HTTP client before servers that do what they like."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import trio

from somc.client import HallRefused, HallUnreachable, NoAnswer, NotAdmitted, open_http
from somc.errors import UsageError

OK = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n{"a": 1}'

Serve = Callable[[trio.SocketStream, list[bytes]], Awaitable[None]]


@asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Its URL, and what it was asked."""
    heard: list[bytes] = []

    async def handle(stream: trio.SocketStream) -> None:
        async with stream:
            with suppress(trio.BrokenResourceError):
                await serve(stream, heard)

    async def listen(task_status: trio.TaskStatus[list[trio.SocketListener]]) -> None:
        await trio.serve_tcp(handle, 0, host="127.0.0.1", task_status=task_status)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(listen)
        yield f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}", heard
        nursery.cancel_scope.cancel()


async def request(stream: trio.SocketStream, heard: list[bytes]) -> bytes:
    """One whole request."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = await stream.receive_some()
        if not piece:
            raise trio.BrokenResourceError
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(x.split(b":")[1]) for x in head.lower().split(b"\r\n") if b"content-length" in x), 0)
    while len(body) < length:
        body += await stream.receive_some()
    heard.append(head + b"\r\n\r\n" + body)
    return body


def answering(*answers: bytes) -> Serve:
    """Each connection gets these answers, one a request, and is closed."""

    async def serve(stream: trio.SocketStream, heard: list[bytes]) -> None:
        for answer in answers:
            await request(stream, heard)
            await stream.send_all(answer)

    return serve


async def test_one_connection_serves_many_requests() -> None:
    async with server(answering(OK, OK, OK)) as (url, heard), open_http(url, token="t") as http:
        for _ in range(3):
            assert await http.get("/hall", {"a": "é", "none": None}) == {"a": 1}
        assert heard[0].startswith(b"GET /api/v1/hall?a=%C3%A9 HTTP/1.1\r\n")
        assert b"authorization: Bearer t\r\n" in heard[0]


async def test_a_connection_that_was_closed_meanwhile_is_opened_anew() -> None:
    async with server(answering(OK)) as (url, heard), open_http(url) as http:
        assert await http.post("/tickets", {"x": 1}, key="k") == {"a": 1}
        assert await http.post("/tickets", {"x": 2}) == {"a": 1}
        assert len(heard) == 2
        assert b"idempotency-key: k\r\n" in heard[0]
        assert b"idempotency-key: k\r\n" not in heard[1]


async def test_an_answer_that_breaks_off_is_asked_for_once_more_with_the_same_key() -> None:
    async with server(answering(OK[:-3])) as (url, heard), open_http(url) as http:
        with pytest.raises(NoAnswer, match="ask again with the key") as unanswered:
            await http.post("/tickets", {"x": 1})
    assert len(heard) == 2
    assert heard[0] == heard[1]
    assert f"idempotency-key: {unanswered.value.key}\r\n".encode() in heard[0]


async def test_silence_is_no_answer() -> None:
    async def silent(stream: trio.SocketStream, heard: list[bytes]) -> None:
        await request(stream, heard)
        await trio.sleep_forever()

    async with server(silent) as (url, _), open_http(url, timeout_s=0.2) as http:
        with pytest.raises(NoAnswer, match=r"within 0\.2 s"):
            await http.get("/hall")


async def test_what_is_no_http_is_no_answer() -> None:
    async with server(answering(b"220 mail.example ESMTP\r\n")) as (url, _), open_http(url) as http:
        with pytest.raises(NoAnswer):
            await http.get("/hall")


@pytest.mark.parametrize(
    ("status", "kind", "body", "error", "said"),
    [
        (404, "application/problem+json", '{"status":404,"code":"x","detail":"none"}', HallRefused, "none"),
        (401, "application/problem+json", '{"status":401,"code":"x","detail":"who"}', NotAdmitted, "who"),
        (502, "text/html", "<h1>Bad gateway</h1>", HallRefused, "502"),
        (302, "text/html", "", HallRefused, "302"),
        (200, "application/json", "<h1>", HallUnreachable, "no hall"),
    ],
)
async def test_errors_are_exceptions(
    status: int, kind: str, body: str, error: type[Exception], said: str
) -> None:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    async with server(answering((head + body).encode())) as (url, heard), open_http(url) as http:
        with pytest.raises(error, match=said):
            await http.get("/hall")
    assert len(heard) == 1, "an answer is an answer"


async def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("somc.client.http.LARGEST_ANSWER_BYTES", 100_000)

    async def endless(stream: trio.SocketStream, heard: list[bytes]) -> None:
        await request(stream, heard)
        await stream.send_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
        while True:
            await stream.send_all(b"x" * 10_000)

    async with server(endless) as (url, heard), open_http(url) as http:
        with pytest.raises(NoAnswer):
            await http.get("/hall")
    assert len(heard) == 2


async def test_a_request_that_is_cancelled_leaves_no_half_answer_behind() -> None:
    async def late(stream: trio.SocketStream, heard: list[bytes]) -> None:
        while True:
            await request(stream, heard)
            if len(heard) == 1:
                await trio.sleep_forever()
            await stream.send_all(OK)

    async with server(late) as (url, _), open_http(url) as http:
        with trio.move_on_after(0.1):
            await http.get("/first")
        assert await http.get("/second") == {"a": 1}


async def test_several_tasks_take_turns() -> None:
    async with (
        server(answering(*[OK] * 10)) as (url, heard),
        open_http(url) as http,
        trio.open_nursery() as nursery,
    ):
        for _ in range(10):
            nursery.start_soon(http.get, "/hall")
    assert len(heard) == 10


@pytest.mark.parametrize("url", ["", "hall", "ftp://hall", "http://", "http://h:x", "http://[::1"])
async def test_what_is_no_address(url: str) -> None:
    with pytest.raises(UsageError, match=r"URL|address"):
        async with open_http(url):
            raise AssertionError("it opened")


async def test_a_path_that_cannot_be_asked() -> None:
    async with server(answering(OK)) as (url, _), open_http(url) as http:
        with pytest.raises(UsageError, match="cannot be asked"):
            await http.get("/a b\r\nx: y")
        assert await http.get("/hall") == {"a": 1}
