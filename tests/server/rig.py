"""A small hall that runs whole in this process: real SQLite, real sockets, no devices; and its clients."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import trio

from somc.composition import Node, Options, load_config, run_node
from somc.server.access import admin_token

PATIENCE_S = 20.0
"""No step of a test takes this long; reaching it is a failure."""

ORG = "somc/shoudu/xicheng/xidan"

HALL = """
[hall]
org = "somc/shoudu/xicheng/xidan"
name = { zh = "西单营业厅", en = "Xidan Hall" }
timezone = "Asia/Shanghai"
day_ends = "04:00"
max_recalls = 1
default_class = "easyown"
customer_table = "customers.csv"

[class.gotone]
name = { zh = "全球通", en = "GoTone" }
priority = 1
rate = 1.6
target_wait_s = 300

[class.easyown]
name = { zh = "神州行", en = "Easyown" }
priority = 2
target_wait_s = 600

[policy]
kind = "accumulating"
max_wait_s = 2100

[service.payment]
name = { zh = "缴费", en = "Payment" }
prefix = "A"
mean_service_s = 180

[service.business]
name = { zh = "业务办理", en = "Plans" }
prefix = "B"
mean_service_s = 420
papers = [{ zh = "机主身份证", en = "Identity card" }]

[service.repair]
name = { zh = "维修", en = "Repair" }
prefix = "D"
mean_service_s = 720
max_waiting = 2

[counter.1]
skills = { payment = 1 }

[counter.2]
skills = { payment = 2, business = 1 }

[counter.3]
skills = { repair = 1 }
"""

CUSTOMERS = "phone,class\n13800138000,gotone\n1380013*,easyown\n"
GOTONE_PHONE = "13800138000"
UNKNOWN_PHONE = "13911112222"


def write_hall(folder: Path, toml: str = HALL) -> Path:
    """hall.toml and its customers in `folder`; the path of the former."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "customers.csv").write_text(CUSTOMERS)
    path = folder / "hall.toml"
    path.write_text(toml)
    return path


@dataclass
class Running:
    """A hall that serves, and clients of it by token."""

    node: Node
    folder: Path
    admin: str
    nursery: trio.Nursery
    shutdown: trio.Event
    clients: list[httpx.AsyncClient] = field(default_factory=list)
    _as_admin: httpx.AsyncClient | None = None

    @property
    def url(self) -> str:
        return self.node.urls[0]

    def client(self, token: str | None = None, **headers: str) -> httpx.AsyncClient:
        """A client with this token, or none; closed with the hall."""
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        # verify=False: reading certificates that nobody needs would take longer than the test
        client = httpx.AsyncClient(base_url=self.url, headers=headers, verify=False, timeout=PATIENCE_S)
        self.clients.append(client)
        return client

    async def token(self, role: str, subject: str = "", scope: str = "", **more: Any) -> str:
        """A new API token, asked for as an admin does."""
        body = {"subject": subject or f"test-{role}", "roles": [role], "scope": scope, **more}
        answer = await self.as_admin.post("/api/v1/tokens", json=body)
        assert answer.status_code == 201, answer.text
        token: str = answer.json()["token"]
        return token

    async def as_role(self, role: str, **more: Any) -> httpx.AsyncClient:
        return self.client(await self.token(role, **more))

    @property
    def as_admin(self) -> httpx.AsyncClient:
        if self._as_admin is None:
            self._as_admin = self.client(self.admin)
        return self._as_admin

    async def take(self, service: str = "payment", **more: Any) -> dict[str, Any]:
        """A ticket."""
        body = {"service": service, "channel": "kiosk", **more}
        answer = await self.as_admin.post("/api/v1/tickets", json=body)
        assert answer.status_code == 201, answer.text
        ticket: dict[str, Any] = answer.json()
        return ticket

    async def at(self, counter: int, act: str, expect: int = 200, **body: Any) -> Any:
        """Do `act` at a counter."""
        answer = await self.as_admin.post(f"/api/v1/counters/{counter}/{act}", json=body)
        assert answer.status_code == expect, (counter, act, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    async def open_counter(self, counter: int) -> None:
        await self.at(counter, "open", agent=f"agent-{counter}")

    async def records(self) -> list[dict[str, Any]]:
        """The whole journal."""
        found: list[dict[str, Any]] = []
        while True:
            after = found[-1]["seq"] if found else 0
            page = (await self.as_admin.get("/api/v1/records", params={"after": after})).json()
            if not page["records"]:
                return found
            found += page["records"]

    async def acts_on_record(self) -> int:
        """How many records there are, but of rights: a test's own tokens are among those."""
        return sum(not record["type"].startswith("access.") for record in await self.records())


def far_from_the_end_of_the_day(toml: str) -> str:
    """The hall runs by the computer's clock: whatever the hour, its business day does not end within the next
    ones."""
    far = datetime.now(ZoneInfo("Asia/Shanghai")) + timedelta(hours=12)
    return toml.replace('day_ends = "04:00"', f'day_ends = "{far:%H}:00"')


@asynccontextmanager
async def running(
    folder: Path, toml: str = HALL, patience_s: float = 3 * PATIENCE_S
) -> AsyncIterator[Running]:
    """A hall over the journal in `folder`/data, serving until the block ends, then stopped in order."""
    config, plugins = load_config(write_hall(folder, far_from_the_end_of_the_day(toml)))
    token = admin_token(folder / "admin.token")
    options = Options(data_dir=folder / "data", host="127.0.0.1", port=0, admin=token)
    shutdown = trio.Event()
    with trio.fail_after(patience_s):
        async with trio.open_nursery() as nursery:

            async def run(task_status: trio.TaskStatus[Node]) -> None:
                await run_node(config, plugins, options, shutdown=shutdown, task_status=task_status)

            node = await nursery.start(run)
            secret = (folder / "admin.token").read_text().strip()
            hall = Running(node, folder, secret, nursery, shutdown)
            try:
                yield hall
            finally:
                for client in hall.clients:
                    await client.aclose()
                shutdown.set()


def is_problem(answer: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """The problem document of an answer, checked for its form (RFC 9457)."""
    assert answer.status_code == status, (answer.request.method, answer.request.url, answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert set(problem) <= {
        *("type", "title", "status", "detail", "code", "words", "fields", "retry_after_s"),
        "choices",
    }
    assert problem["status"] == status
    assert problem["type"] == f"urn:somc:problem:{problem['code']}"
    assert problem["title"]
    assert problem["detail"]
    if code is not None:
        assert problem["code"] == code, problem
    return problem
