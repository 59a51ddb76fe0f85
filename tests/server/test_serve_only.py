"""`somc run --serve-only`: other processes of the machine serve screens of the same hall. Real processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from somc.server.conversation import ENDED
from somc.server.local_socket import SOCKET_NAME
from somc.server.queries import QUERIES
from somc.server.reading_app import ANSWERED_HERE, COUNTED
from tests.server.live_rig import Client, closed_with, live
from tests.server.rig import HALL, PATIENCE_S, is_problem, write_hall

SOMC = str(Path(sys.executable).with_name("somc"))

WAIT_LINE = Path(__file__).parents[1] / "plugins" / "samples" / "wait_line.py"
WITH_WAIT_LINE = f"""
[plugins]
enabled = ["wait_line"]
paths = ["{WAIT_LINE}"]
"""


class Process:
    """`somc run`, and a client of it with the admin's token."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.folder = folder
        command = [SOMC, "run", str(folder / "hall.toml"), "--port", "0"]
        command += ["--data", str(folder / "data"), *more]
        self.log = open(folder / f"log-{len(more)}-{os.urandom(3).hex()}", "wb")  # noqa: SIM115 # closed by stop
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)

    def wait_ready(self) -> None:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("ready "), (line, Path(self.log.name).read_text())
        self.url = line.split()[1]

    @property
    def admin(self) -> str:
        return (self.folder / "admin.token").read_text().strip()

    @asynccontextmanager
    async def client(self, token: str | None = None, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        async with httpx.AsyncClient(
            base_url=self.url, headers=headers, verify=False, timeout=PATIENCE_S
        ) as client:
            yield client

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """In order; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.log.close()
        return code


@dataclass
class Machine:
    """A hall's own process, and one that serves only."""

    hall: Process
    reader: Process


def start_hall(folder: Path) -> Process:
    hall = Process(folder, "--admin-token-file", str(folder / "admin.token"))
    hall.wait_ready()
    return hall


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """One machine for all the tests of this file: two processes take seconds to start."""
    folder = tmp_path_factory.mktemp("machine")
    write_hall(folder, HALL + WITH_WAIT_LINE)
    hall = start_hall(folder)
    reader = Process(folder, "--serve-only")
    reader.wait_ready()
    machine = Machine(hall, reader)
    yield machine
    assert machine.reader.stop() == 0
    assert machine.hall.stop() == 0


@asynccontextmanager
async def feed(process: Process, token: str, **more: Any) -> AsyncIterator[Client]:
    async with live(process, token, **more) as client:  # type: ignore[arg-type]  # only its URL is asked for
        yield client


async def take(client: httpx.AsyncClient, expect: int = 201, **headers: str) -> Any:
    body = {"service": "payment", "channel": "kiosk"}
    answer = await client.post("/api/v1/tickets", json=body, headers=headers)
    assert answer.status_code == expect, answer.text
    return answer.json()


async def wait_linked(client: httpx.AsyncClient, up: bool = True) -> None:
    with trio.fail_after(PATIENCE_S):
        while f"somc_hall_link {float(up)}" not in (await client.get("/metrics")).text:  # noqa: ASYNC110 # a page has no event
            await trio.sleep(0.05)


async def test_screens_of_a_serving_process_live_with_the_hall_and_its_commands_are_done(
    both: Machine,
) -> None:
    admin = both.hall.admin
    async with (
        both.hall.client(admin) as at_hall,
        both.reader.client(admin) as at_reader,
        feed(both.reader, admin) as screen,
    ):
        await wait_linked(at_reader)
        await screen.subscribe()
        snapshot = await screen.op("snapshot")
        seq, taken = snapshot["seq"], snapshot["state"]["today"]["taken"]
        first = await take(at_hall)
        second = await take(at_reader)
        # Who asks here after a command sees its effect, wherever it was done.
        shown = (await at_reader.get(f"/api/v1/tickets/{second['id']}")).json()
        assert shown["number"] == second["number"]
        third = (await screen.command("tickets.take", service="business"))["result"]
        records = await screen.records_through(seq + 3)
        assert [record["data"]["ticket"] for record in records if "taken" in record["type"]] == [
            *(first["id"], second["id"], third["id"])
        ]
        assert [record["seq"] for record in records] == list(range(seq + 1, seq + 1 + len(records)))
        await screen.until(lambda m: m["op"] == "figures" and m["figures"]["today"]["taken"] == taken + 3)
        views = [(await client.get("/api/v1/hall")).json() for client in (at_hall, at_reader)]
        for view in views:
            for name in ("now", "today", "services", "places", "advice", "display_lines"):
                view.pop(name, None)
            for ticket in view["tickets"]:
                ticket.pop("waited_s", None)
        assert views[0] == views[1]
        # The same key is the same command at either door.
        key = {"Idempotency-Key": "k1"}
        assert (await take(at_reader, **key))["id"] == (await take(at_hall, **key))["id"]
        is_problem(await at_reader.post("/api/v1/counters/99/open", json={"agent": "x"}), 404)
        is_problem(await at_reader.post("/api/v1/tickets", json={}), 422)


async def test_what_plugins_say_beside_the_calls_is_on_its_screens_too(both: Machine) -> None:
    admin = both.hall.admin
    async with both.reader.client(admin) as at_reader, feed(both.reader, admin) as screen:
        await wait_linked(at_reader)
        await screen.subscribe()
        await screen.op("snapshot")
        await take(at_reader)
        waiting = len((await at_reader.get("/api/v1/tickets?state=waiting")).json())
        line = {"zh": f"{waiting}人等候", "en": f"{waiting} wait"}
        await screen.until(lambda m: m["op"] == "figures" and m["figures"]["display_lines"] == [line])
        assert (await at_reader.get("/api/v1/hall")).json()["display_lines"] == [line]


async def test_rights_are_given_used_and_ended_through_a_serving_process(both: Machine) -> None:
    async with both.reader.client(both.hall.admin) as admin, both.reader.client() as browser:
        await wait_linked(admin)
        link = await admin.post("/api/v1/sign-in-links", json={"subject": "li", "role": "agent"})
        assert link.status_code == 201, link.text
        signed_in = await browser.get(link.json()["path"])
        assert signed_in.status_code == 302
        assert "somc-counter" in signed_in.headers["set-cookie"]
        page = {"X-SOMC": "counter"}
        assert (await browser.get("/api/v1/hall", headers=page)).status_code == 200
        assert b"<script" in (await browser.get("/counter")).content
        ticket = (await browser.post("/api/v1/ws-ticket", headers=page)).json()["ticket"]
        async with live(both.reader, query=f"?ticket={ticket}") as screen:  # type: ignore[arg-type]  # its URL
            assert screen.told[0]["subject"] == "li"
            await browser.post("/sign-out", headers=page)
            with trio.fail_after(10):
                assert await closed_with(screen) == ENDED
        assert (await browser.get("/api/v1/hall", headers=page)).status_code == 401
        body = {"subject": "d", "roles": ["display"]}
        token = (await admin.post("/api/v1/tokens", json=body)).json()["token"]
        async with feed(both.reader, token) as screen, both.hall.client(both.hall.admin) as at_hall:
            assert (await screen.command("counters.call_next", counter=1))["error"]["status"] == 403
            await at_hall.post("/api/v1/tokens/revoke", json={"token": token})
            with trio.fail_after(10):
                assert await closed_with(screen) == ENDED


def test_a_serving_process_keeps_the_protocol(both: Machine) -> None:
    """Of the conformance suite what a second process could get wrong; the whole takes half a minute."""
    checks = (
        *("a_ticket_is_good_once", "a_line_ends_with_its_token", "a_command_is_the_act_of_http"),
        *("one_key_has_one_effect", "an_error_is_a_problem_document", "through_covers_and_never_falls"),
        *("a_resumption_brings_exactly_what_was_missed", "every_record_once_over_reconnects"),
        "who_does_not_read_is_not_felt",
    )
    asked = [part for check in checks for part in ("--check", check)]
    command = [
        sys.executable,
        "-m",
        "somc.testing.protocol",
        both.reader.url,
        "--encoding",
        "msgpack",
        *asked,
    ]
    command += ["--token-file", str(both.hall.folder / "admin.token")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.count("ok ") == len(checks)


async def test_a_serving_process_holds_the_journal_for_reading_only(both: Machine) -> None:
    async with both.reader.client(both.hall.admin) as at_reader:
        await wait_linked(at_reader)
        await take(at_reader)
    opened = flags_of(both.reader.process.pid, ("journal.db",))
    assert opened
    assert all(flags & os.O_ACCMODE == os.O_RDONLY for flags in opened)
    door = both.hall.folder / "data" / SOCKET_NAME
    assert door.stat().st_mode & 0o777 == 0o600
    assert door.parent.stat().st_mode & 0o777 == 0o700


async def test_screens_go_on_while_the_hall_is_killed_and_catch_up_when_it_is_back(both: Machine) -> None:
    admin = both.hall.admin
    async with both.reader.client(admin) as at_reader, feed(both.reader, admin) as screen:
        await wait_linked(at_reader)
        await screen.subscribe()
        seq = (await screen.op("snapshot"))["seq"]
        await take(at_reader)
        both.hall.kill()
        problem = is_problem(
            await at_reader.post("/api/v1/tickets", json={"service": "payment", "channel": "kiosk"}), 503
        )
        assert (problem["code"], problem["retry_after_s"]) == ("hall_away", 1)
        reply = await screen.command("tickets.take", service="payment")
        assert reply["error"]["code"] == "hall_away"
        assert (await at_reader.post("/api/v1/ws-ticket")).status_code == 503
        assert (await at_reader.get("/api/v1/tickets")).json()
        assert (await at_reader.get("/readyz")).status_code == 200
        async with feed(both.reader, admin) as another:
            await another.subscribe()
            assert (await another.op("snapshot"))["seq"] >= seq + 1
        await wait_linked(at_reader, up=False)
        both.hall.stop()
        both.hall = start_hall(both.hall.folder)
        await wait_linked(at_reader)
        for _ in range(3):
            await take(at_reader)
        head = (await at_reader.get("/readyz")).json()["seq"]
        records = await screen.records_through(head)
        assert [record["seq"] for record in records] == list(range(seq + 1, head + 1))
        assert not any(message["op"] == "resync" for message in screen.told)


def test_every_read_is_answered_here_but_those_that_the_hall_counts() -> None:
    for query in QUERIES:
        path = "/api/v1" + re.sub(r"{\w+}", "x7", query.path)
        assert bool(ANSWERED_HERE.fullmatch(path)) == (query.name not in COUNTED), query.name
    for path in ("/sign-in/secret", "/api/v1/tokens", "/api/v1/devices/x/still", "/api/v1/users"):
        assert not ANSWERED_HERE.fullmatch(path)


def flags_of(pid: int, names: tuple[str, ...]) -> list[int]:
    """How a process has opened files of these names."""
    process = Path("/proc", str(pid))
    return [
        int(re.findall(r"flags:\s+(\d+)", (process / "fdinfo" / fd.name).read_text())[0], 8)
        for fd in (process / "fd").iterdir()
        if os.path.exists(fd) and os.readlink(fd).endswith(names)
    ]


def test_without_a_journal_it_says_so(tmp_path: Path) -> None:
    write_hall(tmp_path)
    command = [SOMC, "run", str(tmp_path / "hall.toml"), "--serve-only", "--port", "0"]
    ran = subprocess.run(
        [*command, "--data", str(tmp_path / "none")], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert "holds no journal" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("depth", [1, 8])
async def test_a_deep_folder_has_a_local_socket_too(tmp_path: Path, depth: int) -> None:
    from somc.server.local_socket import connect, listen

    folder = tmp_path.joinpath(*["a-folder-with-a-long-name"] * depth)
    folder.mkdir(parents=True)
    for _ in range(2):  # the second time over what a killed process has left
        with listen(folder) as listener:
            listener.listen()
            async with await connect(folder) as stream:
                assert stream.socket.fileno() > 0
