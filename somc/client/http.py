"""The HTTP interface of a hall for Trio programs: JSON in and out, problem documents as exceptions.

    async with open_http("http://127.0.0.1:8080", token=token) as hall:
        ticket = await hall.post("/tickets", {"service": "payment", "channel": "web"})

What must stay true
- Every `POST`, `PUT` and `PATCH` carries an idempotency key, so that one that broke off is asked again and
  still has one effect; where the answer does not come at all, `NoAnswer` has the key.
- An answer is bounded in size and in time, and every wait can be cancelled.
"""

from __future__ import annotations

import secrets
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import h11
import msgspec
import trio

from somc.client.address import API, Address, connect
from somc.client.asking import refusal
from somc.client.messages import Problem
from somc.errors import HallUnreachable, NoAnswer, UsageError

__all__ = ["HallHttp", "open_http"]

READ_BYTES = 65_536
LARGEST_ANSWER_BYTES = 64 * 1024 * 1024
"""A larger one is not from a hall: a page of records has a thousand."""

KEYED = frozenset(("POST", "PUT", "PATCH", "DELETE"))
ATTEMPTS = 2
"""A connection that was kept may have been closed by the hall just now: then once more on a new one."""


class Broken(Exception):
    """The connection ended before the answer was whole."""


class HallHttp:
    """One hall, over one kept connection; several tasks take turns. `open_http` makes one."""

    def __init__(
        self, address: Address, token: str | None, tls: ssl.SSLContext | None, timeout_s: float
    ) -> None:
        self.address = address
        self._token = token
        self._tls = tls
        self._timeout_s = timeout_s
        self._turn = trio.Lock()
        self._stream: trio.abc.Stream | None = None
        self._http = h11.Connection(h11.CLIENT)

    async def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """What the hall answers, decoded; `None` for an empty answer. Parameters that are `None` are left
        out."""
        given = {name: value for name, value in (params or {}).items() if value is not None}
        return await self.request("GET", f"{path}?{urlencode(given)}" if given else path)

    async def post(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        return await self.request("POST", path, body, key=key)

    async def put(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        return await self.request("PUT", path, body, key=key)

    async def patch(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        return await self.request("PATCH", path, body, key=key)

    async def delete(self, path: str, *, key: str | None = None) -> Any:
        return await self.request("DELETE", path, key=key)

    async def request(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """`path` is under `/api/v1`, or begins with `/healthz`, `/readyz` or `/metrics`.

        `NotAdmitted` for 401 and 403, `HallRefused` for other errors of the hall, `HallUnreachable` if
        nobody answers, `NoAnswer` if the connection ends or time runs out after it was asked.
        """
        key = key or secrets.token_hex(16)
        async with self._turn:
            asked = False
            try:
                with trio.move_on_after(self._timeout_s):
                    for attempt in range(ATTEMPTS):
                        await self._connected()
                        asked = True
                        try:
                            answer = await self._exchange(method, path, body, key)
                            return _read(*answer, f"{self.address}: {method} {path}")
                        except Broken:
                            await self._forget()
                            if attempt + 1 == ATTEMPTS:
                                raise
            except (Broken, OSError) as error:
                if asked:
                    raise NoAnswer(f"{method} {path}", key, self._timeout_s) from error
                raise HallUnreachable(f"{self.address}: {error}") from error
            except (trio.Cancelled, UsageError):
                await self._forget()  # what was half said cannot be gone on with
                raise
            await self._forget()
            if asked:
                raise NoAnswer(f"{method} {path}", key, self._timeout_s)
            raise HallUnreachable(f"{self.address}: no connection within {self._timeout_s:g} s")

    async def close(self) -> None:
        await self._forget()

    async def _connected(self) -> trio.abc.Stream:
        if self._stream is None:
            self._stream = await connect(self.address, self._tls)
            self._http = h11.Connection(h11.CLIENT)
        return self._stream

    async def _forget(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await trio.aclose_forcefully(stream)

    def _request(self, method: str, path: str, length: int | None, key: str) -> h11.Request:
        ours = path.startswith(("/healthz", "/readyz", "/metrics", "/plugins/", "/sign-", "/api/"))
        headers = [("host", self.address.authority), ("accept", "application/json")]
        if self._token is not None:
            headers.append(("authorization", f"Bearer {self._token}"))
        if length is not None:
            headers += [("content-type", "application/json"), ("content-length", str(length))]
        elif method in KEYED:
            headers.append(("content-length", "0"))
        if method in KEYED:
            headers.append(("idempotency-key", key))
        target = f"{self.address.prefix}{'' if ours else API}{path}"
        try:
            return h11.Request(method=method, target=target, headers=headers)
        except (h11.LocalProtocolError, UnicodeEncodeError) as error:
            raise UsageError(f"{method} {path} cannot be asked: {error}") from error

    async def _exchange(self, method: str, path: str, body: Any, key: str) -> tuple[h11.Response, bytes]:
        data = None if body is None else msgspec.json.encode(body)
        request = self._request(method, path, None if data is None else len(data), key)
        head = self._http.send(request) or b""
        payload = b"" if data is None else self._http.send(h11.Data(data=data)) or b""
        tail = self._http.send(h11.EndOfMessage()) or b""
        stream = await self._connected()
        try:
            await stream.send_all(head + payload + tail)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise Broken(str(error)) from error
        response, content = await self._response(stream)
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        else:
            await self._forget()
        return response, content

    async def _response(self, stream: trio.abc.Stream) -> tuple[h11.Response, bytes]:
        response: h11.Response | None = None
        content = bytearray()
        while True:
            try:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    self._http.receive_data(bytes(await stream.receive_some(READ_BYTES)))
                    continue
            except (trio.BrokenResourceError, h11.RemoteProtocolError) as error:
                raise Broken(str(error)) from error
            match event:
                case h11.Response():
                    response = event
                case h11.Data(data=data):
                    content += data
                    if len(content) > LARGEST_ANSWER_BYTES:
                        raise Broken(f"an answer over {LARGEST_ANSWER_BYTES} bytes")
                case h11.EndOfMessage() if response is not None:
                    return response, bytes(content)
                case h11.ConnectionClosed():
                    raise Broken("the connection ended before an answer")
                case _:
                    continue


def _read(response: h11.Response, content: bytes, where: str) -> Any:
    """The answer's value, or its error raised."""
    kind = next((v.decode("latin-1") for n, v in response.headers if n == b"content-type"), "")
    status = response.status_code
    if status >= 300:  # a hall sends nobody elsewhere
        try:
            problem = msgspec.json.decode(content, type=Problem)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            problem = Problem()
        # Without a document of a hall's, somebody between us and the hall has answered.
        told = (
            problem if problem.detail else Problem(status, problem.code, detail=f"{where} answered {status}")
        )
        raise refusal(msgspec.structs.replace(told, status=status))
    if not content:
        return None
    if "json" not in kind:
        return content.decode(errors="replace")
    try:
        return msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise HallUnreachable(f"{where}: who answers is no hall: {error}") from error


@asynccontextmanager
async def open_http(
    url: str,
    *,
    token: str | None = None,
    tls: ssl.SSLContext | None = None,
    timeout_s: float = 30.0,
) -> AsyncIterator[HallHttp]:
    """The HTTP interface of the hall at `url`; `timeout_s` for each request."""
    http = HallHttp(Address.of(url), token, tls, timeout_s)
    try:
        yield http
    finally:
        await http.close()
