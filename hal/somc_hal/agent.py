"""The device agent: one PC's devices, served to the hall over TCP. The handshake is in
`somc_hal.links.agent`.

What must stay true
- Nobody reaches a device without the token, and nobody learns which devices there are.
- A device has one user: whoever comes last and knows the token gets it, because the one before may be a
  connection that died without a word. The device is closed before it is opened again.
- The agent keeps nothing: after a restart of either side the drivers connect again by themselves.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from collections.abc import Mapping
from functools import partial

import trio

from somc_hal.links import check_url, open_link
from somc_hal.links.agent import DEVICE_NAME, GREETING, HANDSHAKE_S, ProofStream, proof

__all__ = ["Agent"]

log = logging.getLogger(__name__)

_CHUNK_BYTES = 4096
STRANGERS = 32
"""Connections that have not yet shown the token; one more is closed at once."""
WRONG_TOKEN_S = 0.5
"""How long a wrong proof waits for its answer: guessing is slow, and each guess is in the log."""


class Agent:
    """`devices` by name, each with its local URL. `ValueError` for a name or URL that cannot be meant."""

    def __init__(self, devices: Mapping[str, str], token: str) -> None:
        for name, url in devices.items():
            if not DEVICE_NAME.fullmatch(name):
                raise ValueError(f"device name {name!r}: letters, digits, '.', '_' and '-', at most 64")
            check_url(url)
        self._devices = dict(devices)
        self._token = token
        self._users: dict[str, trio.CancelScope] = {}
        self._doors = {name: trio.Lock() for name in devices}
        self._strangers = 0

    @property
    def in_use(self) -> tuple[str, ...]:
        """The devices that somebody uses now."""
        return tuple(sorted(self._users))

    async def serve(
        self,
        host: str,
        port: int,
        *,
        task_status: trio.TaskStatus[list[trio.SocketListener]] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve until cancelled; `started` is given the listeners. Raises `OSError` for an address that
        is taken."""
        listeners = await trio.open_tcp_listeners(port, host=host)
        await trio.serve_listeners(self._visited, listeners, task_status=task_status)

    async def _visited(self, stream: trio.SocketStream) -> None:
        """One connection; its faults end it and nothing else."""
        try:
            shown = await self._greeted(stream)
            if shown is not None:
                await self._used(*shown, stream)
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as error:
            log.info("a connection ended: %s", error)
        finally:
            await trio.aclose_forcefully(stream)

    async def _greeted(self, stream: trio.SocketStream) -> tuple[str, str] | None:
        """The device this visitor may use and our proof for him; `None` for a stranger."""
        if self._strangers >= STRANGERS:
            return None
        self._strangers += 1
        shown = None
        try:
            with trio.move_on_after(HANDSHAKE_S):
                shown = await self._shaken(ProofStream(stream))
        finally:
            self._strangers -= 1
        return shown

    async def _shaken(self, lines: ProofStream) -> tuple[str, str] | None:
        nonce = secrets.token_hex(32)
        await lines.say(GREETING, nonce)
        words = await lines.hear()
        device, theirs, said = words if len(words) == 3 else ("", "", "")
        expected = proof(self._token, "host", nonce, theirs, device)
        if not hmac.compare_digest(said.encode(), expected.encode()):
            log.warning("somebody came without the right token")
            await trio.sleep(WRONG_TOKEN_S)
            await lines.say("NO", "wrong token")
            return None
        if device not in self._devices:
            await lines.say("NO", "no such device; there are:", *sorted(self._devices))
            return None
        return device, proof(self._token, "agent", nonce, theirs, device)

    async def _used(self, device: str, answer: str, stream: trio.SocketStream) -> None:
        """Open the device, say OK, and carry bytes until either side ends."""
        before = self._users.get(device)
        if before is not None:
            before.cancel()
        async with self._doors[device]:
            with trio.CancelScope() as scope:
                self._users[device] = scope
                try:
                    await self._carried(device, answer, stream)
                finally:
                    if self._users.get(device) is scope:
                        del self._users[device]

    async def _carried(self, device: str, answer: str, stream: trio.SocketStream) -> None:
        lines = ProofStream(stream)
        try:
            with trio.fail_after(HANDSHAKE_S):
                link = await open_link(self._devices[device])
        except (OSError, trio.TooSlowError) as error:
            await lines.say("NO", "the device cannot be opened:", *str(error).split())
            return
        try:
            await lines.say("OK", answer)
            log.info("%s is in use", device)
            async with trio.open_nursery() as nursery:
                for source, sink in ((stream, link), (link, stream)):
                    nursery.start_soon(partial(_pour, source, sink, nursery.cancel_scope))
        finally:
            await trio.aclose_forcefully(link)
            log.info("%s is free", device)


async def _pour(source: trio.abc.Stream, sink: trio.abc.Stream, scope: trio.CancelScope) -> None:
    """Carry bytes until either end is gone; then both are."""
    try:
        while data := await source.receive_some(_CHUNK_BYTES):
            await sink.send_all(data)
    except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as error:
        log.info("a side ended: %s", error)
    finally:
        scope.cancel()
