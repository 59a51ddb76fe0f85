"""The example's CRM, served for real on a port of its own, and a client to turn its knobs."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import trio

FOLDER = Path(__file__).parents[3] / "examples" / "crm_server"
sys.path.insert(0, str(FOLDER))

from server import CrmServer  # noqa: E402 # an example of its own, found by its path as its README starts it

GOLD = "13800138000"
"""陈静, GoTone, gold, with an open complaint and two offers."""


@dataclass
class Crm:
    """The running CRM."""

    server: CrmServer
    url: str

    def turn(self, mode: str, **more: Any) -> None:
        """Turn its knobs from the next request on, as `POST /_knobs` does."""
        self.server.knobs = type(self.server.knobs)(mode=mode, **more)

    def asked(self, path: str) -> int:
        """How often a path was asked for."""
        return self.server.seen.requests.get(path, 0)

    def client(self) -> httpx.AsyncClient:
        token = {"authorization": f"Bearer {self.server.token}"}
        return httpx.AsyncClient(base_url=self.url, headers=token, verify=False)

    def customers(self, **more: Any) -> dict[str, Any]:
        """The table of the plugin's configuration that asks it."""
        return {"url": f"{self.url}/customers/{{phone}}", "token": self.server.token, **more}

    def history(self, path: str, items: str, zh: str, en: str, **more: Any) -> dict[str, Any]:
        url = f"{self.url}/{path}?phone={{phone}}"
        title = {"zh": zh, "en": en}
        return {"url": url, "token": self.server.token, "items": items, "title": title, **more}


@asynccontextmanager
async def crm_server() -> AsyncIterator[Crm]:
    server = CrmServer()
    async with trio.open_nursery() as nursery:
        port = await nursery.start(server.serve, "127.0.0.1", 0)
        yield Crm(server, f"http://127.0.0.1:{port}")
        nursery.cancel_scope.cancel()
