"""Over TLS: a certificate that is not known ends the first attempt, a known one changes nothing."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from somc.client import HallUnreachable, open_client, open_http
from tests.server.rig import PATIENCE_S, Running, running


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as found:
        yield found


def certificate(folder: Path) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a hall of the tests")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "hall.pem"
    plain = serialization.NoEncryption()
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(pem, pkcs8, plain) + made.public_bytes(pem))
    return path


@asynccontextmanager
async def behind_tls(url: str, pem: Path) -> AsyncIterator[str]:
    """A proxy with TLS before the hall at `url`, as an operator has one."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    port = int(url.rsplit(":", 1)[1])

    async def serve(client: trio.abc.Stream) -> None:
        try:
            async with (
                client,
                await trio.open_tcp_stream("127.0.0.1", port) as plain,
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(copy, client, plain, nursery.cancel_scope)
                nursery.start_soon(copy, plain, client, nursery.cancel_scope)
        except* (OSError, trio.BrokenResourceError):
            pass  # a client that does not trust us leaves in the handshake

    async def copy(source: trio.abc.Stream, sink: trio.abc.Stream, scope: trio.CancelScope) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while data := await source.receive_some():
                await sink.send_all(data)
        scope.cancel()

    async with trio.open_nursery() as nursery:

        async def listen(task_status: trio.TaskStatus[list[trio.SSLListener[trio.SocketStream]]]) -> None:
            await trio.serve_ssl_over_tcp(
                serve, 0, context, host="127.0.0.1", https_compatible=True, task_status=task_status
            )

        listeners = await nursery.start(listen)
        listener = listeners[0].transport_listener
        assert isinstance(listener, trio.SocketListener)
        yield f"https://127.0.0.1:{listener.socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


async def test_a_known_certificate(hall: Running, tmp_path: Path) -> None:
    pem = certificate(tmp_path)
    tls = ssl.create_default_context(cafile=str(pem))
    with trio.fail_after(PATIENCE_S):
        async with behind_tls(hall.url, pem) as url:
            async with open_http(url, token=hall.admin, tls=tls) as http:
                await http.post("/tickets", {"service": "payment", "channel": "kiosk"})
            async with open_client(url.replace("https", "wss"), token=hall.admin, tls=tls) as client:
                snapshot = await anext(client.snapshots())
                assert [ticket.number for ticket in snapshot.state.tickets] == ["A001"]
                await hall.take()
                assert (await anext(client.records())).type == "ticket.taken"
                assert (await client.command("hall"))["seq"] == snapshot.seq + 1


async def test_an_unknown_certificate(hall: Running, tmp_path: Path) -> None:
    with trio.fail_after(PATIENCE_S):
        async with behind_tls(hall.url, certificate(tmp_path)) as url:
            with pytest.raises(HallUnreachable, match="certificate"):
                async with open_client(url, token=hall.admin):
                    raise AssertionError("it opened")
            async with open_http(url, token=hall.admin) as http:
                with pytest.raises(HallUnreachable, match="certificate"):
                    await http.get("/hall")
