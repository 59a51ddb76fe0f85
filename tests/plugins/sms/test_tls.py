"""A gateway behind TLS: its certificate is verified, for its name, and everything works as without."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme

from somc.api import Sent
from somc.runtime.plugins.store import FileStore
from somc_plugins.sms.gate import Gate
from somc_plugins.sms_cmpp.gate import CmppSide
from somc_plugins.sms_smpp.gate import SmppSide
from tests.plugins.sms.test_channel import QUICK, Host, Line, made

NAME = "sms.example.com"


async def relay(here: trio.abc.Stream, there: trio.abc.Stream) -> None:
    """What comes on one goes out on the other."""
    async with here, there, trio.open_nursery() as nursery:

        async def one_way(source: trio.abc.Stream, sink: trio.abc.Stream) -> None:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                while data := await source.receive_some(65_536):
                    await sink.send_all(data)
            nursery.cancel_scope.cancel()

        nursery.start_soon(one_way, here, there)
        nursery.start_soon(one_way, there, here)


@asynccontextmanager
async def behind_tls(protocol: str, folder: Path, authority: trustme.CA, **more: Any) -> AsyncIterator[Line]:
    """A gateway to which only TLS leads, and a channel to it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(NAME).configure_cert(context)
    gate, host = Gate(SmppSide if protocol == "smpp" else CmppSide), Host()
    store = FileStore(folder / "store.sqlite3", bytes(32))
    try:
        async with trio.open_nursery() as nursery:
            inside = await nursery.start(gate.run)

            async def serve(stream: trio.SSLStream[trio.SocketStream]) -> None:
                with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                    await stream.do_handshake()
                    await relay(stream, await trio.open_tcp_stream("127.0.0.1", inside))

            listeners = await trio.open_ssl_over_tcp_listeners(0, context, host="127.0.0.1")
            nursery.start_soon(trio.serve_listeners, serve, listeners)
            port = listeners[0].transport_listener.socket.getsockname()[1]
            channel = made(
                protocol, port, store, **{**QUICK, "answer_s": 10, "check_s": 10, "tls": True, **more}
            )
            await nursery.start(channel.run, host)
            yield Line(gate, channel, host)
            nursery.cancel_scope.cancel()
    finally:
        await store.close()


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    return made


@pytest.mark.parametrize("protocol", ["smpp", "cmpp 3.0"])
async def test_messages_and_receipts_go_through_tls(
    protocol: str, tmp_path: Path, authority: trustme.CA
) -> None:
    ca = str(tmp_path / "ca.pem")
    async with behind_tls(protocol, tmp_path, authority, tls_ca=ca, tls_name=NAME, window=100) as line:
        await line.wait(lambda: line.host.up)
        # More than one record of TLS holds, so that reading and writing stop in the middle.
        outcomes = await line.send(*["请" * 150] * 200)
        assert all(isinstance(each, Sent) for each in outcomes)
        await line.wait(lambda: len(line.host.told) == 600)
        await line.gate.write("13800138000", "Y", ref="501")
        await line.wait(lambda: bool(line.host.written))


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({}, "certificate"),  # nobody vouches for it
        ({"tls_ca": "ca.pem"}, "certificate"),  # for another name than 127.0.0.1
        ({"tls_ca": "nowhere.pem", "tls_name": NAME}, "No such file"),
    ],
)
async def test_a_gateway_that_is_not_proved_is_not_spoken_to(
    tmp_path: Path, authority: trustme.CA, more: dict[str, str], why: str
) -> None:
    given = {name: str(tmp_path / value) if name == "tls_ca" else value for name, value in more.items()}
    async with behind_tls("smpp", tmp_path, authority, **given) as line:
        await line.wait(lambda: any(why in detail for detail in line.host.details))
        assert not line.host.up


async def test_a_gateway_without_tls_is_not_spoken_to_in_the_clear(
    tmp_path: Path, authority: trustme.CA
) -> None:
    gate, host = Gate(SmppSide), Host()
    store = FileStore(tmp_path / "plain.sqlite3", bytes(32))
    async with trio.open_nursery() as nursery:
        port = await nursery.start(gate.run)
        channel = made("smpp", port, store, **{**QUICK, "tls": True, "tls_ca": str(tmp_path / "ca.pem")})
        await nursery.start(channel.run, host)
        await Line(gate, channel, host).wait(lambda: any("cannot connect" in each for each in host.details))
        nursery.cancel_scope.cancel()
    await store.close()
    assert not host.up
