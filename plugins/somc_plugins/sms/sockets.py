"""Sockets that the session reads and writes without waiting: plain, or under TLS.

What must stay true: under TLS the gateway's certificate is verified, against the file that was named or what
the system trusts, and for the name that was asked for. There is no switch for less.
"""

from __future__ import annotations

import socket as stdlib_socket
import ssl

import trio

from somc_plugins.sms.config import Gateway

__all__ = ["plain_socket", "secured"]


def plain_socket(stream: trio.SocketStream) -> stdlib_socket.socket:
    """The stream's socket as the standard library's, without waiting: its bytes are taken as they come."""
    sock = stdlib_socket.socket(fileno=stream.socket.detach())
    sock.setblocking(False)
    sock.setsockopt(stdlib_socket.IPPROTO_TCP, stdlib_socket.TCP_NODELAY, 1)
    return sock


async def secured(sock: stdlib_socket.socket, settings: Gateway) -> ssl.SSLSocket:
    """The same under TLS, once both sides have shaken hands. `OSError` says what is wrong: a certificate that
    nobody vouches for, a file that cannot be read."""
    name = settings.tls_name or settings.host
    try:
        context = await trio.to_thread.run_sync(lambda: ssl.create_default_context(cafile=settings.tls_ca))
        safe = context.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False)
    except BaseException:
        sock.close()
        raise
    try:
        while True:
            try:
                safe.do_handshake()
            except ssl.SSLWantReadError:
                await trio.lowlevel.wait_readable(safe)
            except ssl.SSLWantWriteError:
                await trio.lowlevel.wait_writable(safe)
            else:
                return safe
    except BaseException:
        safe.close()
        raise
