"""TCP clients, for serial servers and network devices.

What must stay true: a peer that vanished is noticed by the kernel too, within about `silence_s`:
by keep-alive when nothing is being sent, by TCP_USER_TIMEOUT when what was sent is not
acknowledged. The port's own heartbeat is quicker; this ends a connection whose port is busy writing.
"""

from __future__ import annotations

import socket

import trio

__all__ = ["open_tcp"]


async def open_tcp(host: str, port: int, *, silence_s: int) -> trio.abc.Stream:
    """Connect. Raises `OSError`."""
    stream = await trio.open_tcp_stream(host, port)
    # Three probes within the time; the kernel takes whole seconds.
    step_s = max(1, silence_s // 3)
    try:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, step_s)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, step_s)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, silence_s * 1000)
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return stream
