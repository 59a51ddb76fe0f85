"""Why there is a serve() of our own: what one peer does to the Hypercorn that we build on, as it is shipped.

The pin is hypercorn==0.18.*. When one of these fails, Hypercorn has mended it: shorten our code and its
explanation.
"""

from __future__ import annotations

from typing import Any

import pytest
import trio
from hypercorn.config import Config
from hypercorn.trio import serve as hypercorn_serve

from tests.server.serve.hostile_inputs import H2_BODY, STOPPED_HYPERCORN
from tests.server.serve.rig import ProbeApp, Raw


async def _shipped(app: Any, talk: Any, **config: Any) -> None:
    settings = Config()
    settings.bind = ["127.0.0.1:0"]
    settings.errorlog = None
    settings.graceful_timeout = 0.2
    for name, value in config.items():
        setattr(settings, name, value)
    stop = trio.Event()
    async with trio.open_nursery() as nursery:

        async def run(task_status: trio.TaskStatus[list[str]]) -> None:
            await hypercorn_serve(app, settings, shutdown_trigger=stop.wait, task_status=task_status)

        [url] = await nursery.start(run)
        async with await trio.open_tcp_stream("127.0.0.1", int(url.rpartition(":")[2])) as stream:
            await talk(Raw(stream))
        stop.set()


async def test_an_ordinary_peer_is_served() -> None:
    """Without this the others could fail for any reason and look right."""

    async def talk(peer: Raw) -> None:
        assert (await peer.get("/"))[2] == b"ok"

    await _shipped(ProbeApp(), talk)


@pytest.mark.parametrize("name", STOPPED_HYPERCORN)
async def test_one_packet_ends_the_whole_process(name: str) -> None:
    ended_by_itself = True

    async def talk(peer: Raw) -> None:
        nonlocal ended_by_itself
        data = STOPPED_HYPERCORN[name]
        if data.endswith(H2_BODY):
            await peer.send(data.removesuffix(H2_BODY))
            while b"not read" not in peer.buffer:
                peer.buffer += await peer.read_some()
            data = H2_BODY
        await peer.send(data)
        with trio.move_on_after(3):
            await trio.sleep_forever()
        ended_by_itself = False

    with pytest.raises(ExceptionGroup):
        await _shipped(ProbeApp(), talk, server_names=["x"] if name.startswith("host") else [])
    assert ended_by_itself
