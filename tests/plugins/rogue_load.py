"""A hall under load while rogues come and go: clients that take and call tickets, and what they saw."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import trio

from tests.plugins.rogues import FOLDER
from tests.server.rig import HALL

__all__ = ["Seen", "hall_with", "under_load"]

BASE = "/api/v1"
PAUSE_S = 0.05


def hall_with(rogues: Sequence[str], isolation: str) -> str:
    """The small hall with these rogues at hand, none of them enabled."""
    paths = ", ".join(f'"{FOLDER / name}.py"' for name in rogues)
    hosts = "".join(f'[plugin.{name}.host]\nisolation = "{isolation}"\n' for name in rogues)
    return f"{HALL}\n[plugins]\npaths = [{paths}]\n{hosts}"


@dataclass
class Seen:
    """What the clients saw."""

    answers: int = 0
    failed: list[str] = field(default_factory=list)
    takes_s: list[float] = field(default_factory=list)
    calls_s: list[float] = field(default_factory=list)
    called: list[str] = field(default_factory=list)
    """Numbers in the order in which counter 1 called them."""

    def quantile_ms(self, times: Sequence[float], share: float) -> int:
        ordered = sorted(times)
        return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)] * 1000) if ordered else 0


@asynccontextmanager
async def under_load(url: str, token: str, takers: int, patience_s: float = 20.0) -> AsyncIterator[Seen]:
    """`takers` clients take tickets for payment, one more calls and serves them, until the block ends."""
    seen = Seen()
    done = trio.Event()
    headers = {"authorization": f"Bearer {token}"}

    def client_of() -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=url, headers=headers, verify=False, timeout=patience_s)

    async def ask(client: httpx.AsyncClient, path: str, body: Any, times: list[float]) -> Any:
        begun = trio.current_time()
        try:
            answer = await client.post(BASE + path, json=body)
        except httpx.HTTPError as error:
            seen.failed.append(f"{path}: {error!r}")
            return None
        times.append(trio.current_time() - begun)
        seen.answers += 1
        if answer.status_code >= 400:
            seen.failed.append(f"{path}: {answer.status_code} {answer.text[:200]}")
            return None
        return answer.json() if answer.content else None

    async def take(number: int) -> None:
        async with httpx.AsyncClient(
            base_url=url, headers=headers, verify=False, timeout=patience_s
        ) as client:
            while not done.is_set():
                phone = f"1391111{number:02d}{seen.answers % 100:02d}"
                body = {"service": "payment", "channel": "kiosk", "phone": phone}
                await ask(client, "/tickets", body, seen.takes_s)
                await trio.sleep(PAUSE_S)

    async def serve() -> None:
        async with httpx.AsyncClient(
            base_url=url, headers=headers, verify=False, timeout=patience_s
        ) as client:
            await ask(client, "/counters/1/open", {"agent": "li"}, [])
            while not done.is_set():
                called = await ask(client, "/counters/1/call-next", None, seen.calls_s)
                if called is not None:
                    seen.called.append(called["ticket"]["number"])
                    await ask(client, "/counters/1/start", None, seen.calls_s)
                    await ask(client, "/counters/1/finish", {}, seen.calls_s)
                await trio.sleep(PAUSE_S / 5)

    async with trio.open_nursery() as nursery:
        for number in range(takers):
            nursery.start_soon(take, number)
        nursery.start_soon(serve)
        yield seen
        done.set()
