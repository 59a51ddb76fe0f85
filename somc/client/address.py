"""Where a hall is: its URL, and a byte stream to it, with TLS where the URL says so."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

import trio

from somc.errors import UsageError

__all__ = ["API", "WS_PATH", "Address", "connect"]

API = "/api/v1"
WS_PATH = f"{API}/ws"

TLS_OF_SCHEME = {"http": False, "ws": False, "https": True, "wss": True}


@dataclass(frozen=True, slots=True)
class Address:
    """A hall's address. `prefix` is what a proxy has put before `/api/v1`, mostly nothing."""

    host: str
    port: int
    tls: bool
    prefix: str = ""

    @classmethod
    def of(cls, url: str) -> Address:
        """Of `http(s)://host[:port]` or `ws(s)://…`, also with the path of the API or the live feed."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise UsageError(f"'{url}' is no URL: {error}") from error
        if parts.scheme not in TLS_OF_SCHEME or not parts.hostname:
            raise UsageError(f"'{url}' is no address of a hall: write it like http://127.0.0.1:8080")
        tls = TLS_OF_SCHEME[parts.scheme]
        prefix = parts.path.rstrip("/")
        for known in (WS_PATH, API):
            prefix = prefix.removesuffix(known)
        return cls(parts.hostname, port or (443 if tls else 80), tls, prefix.rstrip("/"))

    @property
    def authority(self) -> str:
        """As the Host header names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.authority}{self.prefix}"


async def connect(address: Address, context: ssl.SSLContext | None) -> trio.abc.Stream:
    """A stream to the hall. `OSError` (of which `ssl.SSLError` is one) if there is none."""
    plain = await trio.open_tcp_stream(address.host, address.port)
    if not address.tls:
        return plain
    stream = trio.SSLStream(
        plain,
        context or ssl.create_default_context(),
        server_hostname=address.host,
        https_compatible=True,
    )
    try:
        await stream.do_handshake()
    except BaseException as error:
        await trio.aclose_forcefully(stream)
        if isinstance(error, trio.BrokenResourceError):
            # Trio's own word for a failed handshake; what went wrong is its cause.
            raise error.__cause__ if isinstance(error.__cause__, OSError) else OSError(str(error)) from error
        raise
    return stream
