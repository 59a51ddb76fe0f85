"""The whole process: start, what keeps it from starting, a full disk, a stop under load."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import stat
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from websockets.exceptions import ConnectionClosed
from websockets.trio.client import connect

from somc.composition import Node, Options, load_config, run_node
from somc.domain import commands as c
from somc_hal.simulators.reference import StripDisplaySimulator
from tests.server.rig import HALL, write_hall
from tests.system.process import SOMC, arguments, run, started, verified
from tests.system.test_crowd import EIGHT_COUNTERS, records_of

STRIPS = (
    HALL
    + """
[plugins]
enabled = ["standard_devices"]

[device.strip-1]
driver = "reference-strip"
simulated = "pty"
counter = 1

[device.strip-2]
driver = "reference-strip"
simulated = "tcp"
counter = 2
"""
)


def lines_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


async def take_many(client: httpx.AsyncClient, answers: list[httpx.Response | httpx.TransportError]) -> None:
    """Tickets, until the hall answers no more."""
    while True:
        try:
            answer = await client.post("/api/v1/tickets", json={"service": "payment"})
        except httpx.TransportError as error:
            answers.append(error)
            return
        answers.append(answer)
        if answer.status_code != 201:
            return


# -- start --------------------------------------------------------------------------------------------


async def test_ready_is_the_first_line_and_the_token_file_is_its_owners(tmp_path: Path) -> None:
    async with started(tmp_path) as hall, hall.client() as client:
        assert hall.url.startswith("http://127.0.0.1:")
        assert (await client.get("/readyz")).status_code == 200
        assert stat.S_IMODE((tmp_path / "admin.token").stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) & 0o077 == 0
        assert await hall.stop() == 0
        assert hall.stderr == ""


async def test_a_second_process_on_the_same_data_is_told_so(tmp_path: Path) -> None:
    async with started(tmp_path) as hall, hall.client() as client:
        code, out, err = await run(arguments(tmp_path))
        assert (code, out) == (1, "")
        (line,) = lines_of(err)
        assert line.startswith("error: ")
        assert str(tmp_path / "data") in line
        assert (await client.post("/api/v1/tickets", json={"service": "payment"})).status_code == 201


async def test_a_port_that_is_taken_is_told_with_the_way_out(tmp_path: Path) -> None:
    write_hall(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [str(port) if word == "0" else word for word in arguments(tmp_path)]
        code, out, err = await run(command)
    assert (code, out) == (2, "")
    (line,) = lines_of(err)
    assert f"port {port}" in line
    assert "--port 0" in line


async def test_an_address_that_is_not_ours_is_told_as_such(tmp_path: Path) -> None:
    write_hall(tmp_path)
    for host in ("192.0.2.1", "no-such-host.invalid"):
        code, _, err = await run([*arguments(tmp_path), "--host", host])
        assert code == 2, err
        (line,) = lines_of(err)
        assert host in line


async def test_a_token_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    write_hall(tmp_path)
    token = tmp_path / "admin.token"
    token.write_text("x" * 43)
    token.chmod(0o644)
    code, _, err = await run(arguments(tmp_path))
    assert code == 2
    assert "chmod 600" in err
    assert "x" * 43 not in err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--port", "70000"], "70000"),
        (["--speed", "2"], "--speed"),
        (["--arrivals", "none.csv"], "none.csv"),
        (["--nonsense"], "--nonsense"),
    ],
)
async def test_wrong_usage_is_exit_2(tmp_path: Path, words: list[str], said: str) -> None:
    write_hall(tmp_path)
    code, out, err = await run([*arguments(tmp_path), *words])
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err


async def test_a_wrong_hall_toml_is_exit_2_with_every_fault(tmp_path: Path) -> None:
    toml = HALL.replace('timezone = "Asia/Shanghai"', 'timezone = "Mars/Olympus"').replace(
        "rate = 1.6", "rate = -1"
    )
    write_hall(tmp_path, toml)
    code, out, err = await run(arguments(tmp_path))
    assert (code, out) == (2, "")
    assert "Mars/Olympus" in err
    assert "class.gotone.rate" in err
    assert "Traceback" not in err
    assert not (tmp_path / "data").exists()


# -- a full disk ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A disk of 2 MB at `folder`, if we may mount one."""
    folder.mkdir()
    made = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, check=False
        ).returncode
    )
    try:
        yield made
    finally:
        if made:
            subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("kind", ["disk", "limit"])
async def test_a_full_disk_ends_the_hall_clearly_and_what_was_acknowledged_stands(
    tmp_path: Path, kind: str
) -> None:
    """`disk`: a small file system, where it may be mounted; `limit`: the kernel's limit on a file's size."""
    with small_disk(tmp_path / "disk") as mounted:
        if kind == "disk" and not mounted:
            pytest.skip("needs the right to mount a tmpfs")
        data = tmp_path / ("disk" if kind == "disk" else ".") / "data"
        answers: list[httpx.Response | httpx.TransportError] = []
        async with started(tmp_path, EIGHT_COUNTERS, data) as hall, hall.client() as client:
            if kind == "limit":
                size = sum(path.stat().st_size for path in data.iterdir()) + 300_000
                resource.prlimit(hall.process.pid, resource.RLIMIT_FSIZE, (size, size))
            async with trio.open_nursery() as nursery:
                for _ in range(4):
                    nursery.start_soon(take_many, client, answers)
            with trio.fail_after(20):
                assert await hall.process.wait() == 1
        said = [line for line in lines_of(hall.stderr) if line.startswith("error: ")]
        assert len(said) == 1, hall.stderr
        assert "Traceback" not in hall.stderr
        assert "full" in said[0] or "space" in said[0] or "large" in said[0], said[0]
        assert str(data) in said[0]

        acknowledged = [
            a.json()["id"] for a in answers if isinstance(a, httpx.Response) and a.status_code == 201
        ]
        refused = [a for a in answers if isinstance(a, httpx.Response) and a.status_code != 201]
        assert len(acknowledged) > 20
        assert {answer.status_code for answer in refused} <= {503}
        if kind == "disk":
            await trio.run_process(["mount", "-o", "remount,size=64m", str(tmp_path / "disk")])
        await verified(data)
        async with started(tmp_path, EIGHT_COUNTERS, data) as hall, hall.client() as client:
            records = await records_of(client)
            recorded = [record["data"]["ticket"] for record in records if record["type"] == "ticket.taken"]
            assert set(acknowledged) <= set(recorded)
            numbers = [record["data"]["number"] for record in records if record["type"] == "ticket.taken"]
            new = (await client.post("/api/v1/tickets", json={"service": "payment"})).json()
            assert new["number"] not in numbers
            assert await hall.stop() == 0
        await verified(data)


# -- the end ------------------------------------------------------------------------------------------------


async def test_a_stop_under_load_finishes_or_refuses_and_loses_nothing(tmp_path: Path) -> None:
    """DC-05: HTTP, WebSocket and devices in one process; a stop ends all; after a restart nobody is lost."""
    answers: list[httpx.Response | httpx.TransportError] = []
    codes: list[int | None] = []
    async with started(tmp_path, STRIPS) as hall, hall.client() as client:
        headers = {"authorization": f"Bearer {hall.token}"}
        url = hall.url.replace("http", "ws") + "/api/v1/ws"

        async def listen(ready: trio.Event) -> None:
            async with connect(url, additional_headers=headers, compression=None, proxy=None) as live:
                await live.send('{"op":"subscribe","topics":["#"]}')
                try:
                    while True:
                        await live.recv()
                        ready.set()
                except ConnectionClosed as closed:
                    codes.append(None if closed.rcvd is None else closed.rcvd.code)

        async with trio.open_nursery() as nursery:
            listening = trio.Event()
            nursery.start_soon(listen, listening)
            await listening.wait()
            for _ in range(12):
                nursery.start_soon(take_many, client, answers)
            while len(answers) < 100:
                await trio.lowlevel.checkpoint()
            assert await hall.stop() == 0
        assert hall.stderr == ""
    assert codes == [1012]
    statuses = Counter(a.status_code for a in answers if isinstance(a, httpx.Response))
    assert set(statuses) <= {201, 503}, statuses
    for answer in answers:
        if isinstance(answer, httpx.Response) and answer.status_code == 503:
            assert answer.headers["retry-after"]
    acknowledged = {a.json()["id"] for a in answers if isinstance(a, httpx.Response) and a.status_code == 201}
    async with started(tmp_path, STRIPS) as hall, hall.client() as client:
        tickets = (await client.get("/api/v1/tickets?limit=1000")).json()
        assert {ticket["id"] for ticket in tickets} == acknowledged
        assert {ticket["state"] for ticket in tickets} == {"waiting"}
    await verified(tmp_path / "data")


async def test_at_the_end_the_strips_show_the_last_state(tmp_path: Path) -> None:
    config, plugins = load_config(write_hall(tmp_path, STRIPS))
    options = Options(data_dir=tmp_path / "data", host="127.0.0.1", port=0)
    shutdown = trio.Event()
    kept: list[Node] = []
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:

            async def run_it(task_status: trio.TaskStatus[Node]) -> None:
                await run_node(config, plugins, options, shutdown=shutdown, task_status=task_status)

            node = await nursery.start(run_it)
            kept.append(node)

            async def do(command: c.Command) -> Any:
                return await node.hall.submit(command, lambda state, events, now: None)

            await do(c.OpenCounter(by="x", counter=1, agent="li"))
            await do(
                c.TakeTicket(
                    by="x",
                    ticket_id="t1",
                    service="payment",
                    customer_class="easyown",
                    class_source="given",
                    channel="web",
                )
            )
            await do(c.CallNext(by="x", counter=1))
            shutdown.set()
    strip = kept[0].simulators["strip-1"].simulator
    assert isinstance(strip, StripDisplaySimulator)
    assert any("A001" in line for line in strip.shown.lines), strip.shown


async def test_the_examples_command_line_needs_nothing(tmp_path: Path) -> None:
    """`somc run` with no file: the example hall, with links for its pages."""
    token = tmp_path / "token"
    command = [*SOMC, "run", "--port", "0", "--no-visitors", "--admin-token-file", str(token)]
    process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    said = b""
    try:
        with trio.fail_after(40):
            while said.count(b"/sign-in/") < 6:
                piece = await process.stdout.receive_some()
                assert piece, said.decode()
                said += piece
        first, *links = said.decode().splitlines()
        assert first.startswith("ready http://127.0.0.1:")
        pages = {line.split()[0]: line.split()[1] for line in links}
        assert set(pages) == {"kiosk", "display", "counter", "monitor", "policy", "administration"}
        async with httpx.AsyncClient(verify=False) as browser:
            led_to = {name: (await browser.get(link)).headers["location"] for name, link in pages.items()}
        assert led_to.pop("administration") == "/admin"
        assert led_to == {name: f"/{name}" for name in ("kiosk", "display", "counter", "monitor", "policy")}
        process.terminate()
        with trio.fail_after(20):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await process.stdout.aclose()
