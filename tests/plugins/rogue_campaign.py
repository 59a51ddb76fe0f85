"""The rogue gallery, each against a hall of its own under load, in both modes; prints the table of the docs.

python -m tests.plugins.rogue_campaign [--seconds 10] [--takers 4] [--only NAME …] [--write]

`--write` puts a whole run in place of the table of docs/explanations/plugins.md, with what it was run on.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import trio

from tests.plugins.rogue_load import BASE, Seen, hall_with, under_load
from tests.plugins.rogues import ROGUES

MODES = ("process", "in-process")
PATIENCE_S = 5.0
"""A client gives up after so long: that is a failed request."""

PAGE = Path(__file__).parents[2] / "docs" / "explanations" / "plugins.md"
LINE = " --- |"
HEAD = "| rogue | mode | requests | failed | take p50 | take p99 | in order | what the hall said |"


async def try_rogue(name: str | None, mode: str, seconds: float, takers: int) -> str:
    """One row of the table. `None` is no rogue at all."""
    with tempfile.TemporaryDirectory(prefix="somc-rogue-") as folder:
        home = Path(folder)
        (home / "customers.csv").write_text("phone,class\n")
        (home / "hall.toml").write_text(hall_with(ROGUES if name is None else [name], mode))
        command = [str(Path(sys.executable).with_name("somc")), "run", str(home / "hall.toml"), "--port", "0"]
        command += ["--data", str(home / "data"), "--admin-token-file", str(home / "token")]
        with open(home / "log", "wb") as log:  # noqa: ASYNC230 - an empty file, before anything runs
            process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE, stderr=log)
        try:
            assert process.stdout is not None
            said = b""
            with trio.fail_after(60):
                while b"\n" not in said.partition(b"ready ")[2]:
                    said += await process.stdout.receive_some(4096)
            url = said.partition(b"ready ")[2].split()[0].decode()
            token = (home / "token").read_text().strip()
            answer = "-"
            async with under_load(url, token, takers, PATIENCE_S) as seen:
                await trio.sleep(1.0)  # it runs before the rogue comes
                if name is not None:
                    answer = await enabled(url, token, name)
                await trio.sleep(seconds)
                fate = "-" if name is None else await fate_of(url, token, name)
                seen_all = seen
            return row(name or "none", mode, seen_all, answer, fate, (home / "log").read_text())
        finally:
            await ended(process)


async def enabled(url: str, token: str, name: str) -> str:
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, verify=False, timeout=30) as client:
        try:
            answer = await client.post(f"{BASE}/plugins/{name}/enable")
        except httpx.HTTPError as error:
            return repr(error)
        return "" if answer.status_code == 200 else f"refused: {answer.json()['detail']}"


async def fate_of(url: str, token: str, name: str) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, verify=False, timeout=PATIENCE_S) as client:
        with suppress(httpx.HTTPError):
            plugins = (await client.get(f"{BASE}/plugins")).json()
            found: dict[str, Any] = next(each for each in plugins if each["name"] == name)
            return found
    return {"state": "the hall does not answer"}


async def ended(process: trio.Process) -> None:
    process.send_signal(signal.SIGTERM)
    with trio.move_on_after(8, shield=True):
        await process.wait()
    if process.poll() is None:
        process.kill()
        await process.wait()


def row(name: str, mode: str, seen: Seen, refused: str, fate: Any, log: str) -> str:
    in_order = "yes" if seen.called == sorted(set(seen.called)) else "NO"
    if isinstance(fate, dict):
        what = fate.get("last_fault") or fate.get("why") or ""
        said = refused or f"{fate['state']}: {what}"
        if fate["state"].startswith("the hall"):
            named = [line for line in log.splitlines() if "a plugin holds the hall's loop" in line]
            said += "; the log names it" if any(f"plugin={name}" in line for line in named) else "; not named"
    else:
        said = "-"
    cells = [
        f"`{name}`",
        mode,
        str(seen.answers + len(seen.failed)),
        str(len(seen.failed)),
        f"{seen.quantile_ms(seen.takes_s, 0.5)} ms",
        f"{seen.quantile_ms(seen.takes_s, 0.99)} ms",
        in_order,
        said.replace("|", "\\|")[:160],
    ]
    return f"| {' | '.join(cells)} |"


async def main(seconds: float, takers: int, only: list[str]) -> list[str]:
    """The table, line by line, printed as it comes."""
    table = [HEAD, "|" + LINE * 8]
    print(*table, sep="\n", flush=True)
    for mode in MODES:
        for name in (None, *(only or ROGUES)):
            table.append(await try_rogue(name, mode, seconds, takers))
            print(table[-1], flush=True)
    return table


def with_table(page: str, table: list[str], run: str) -> str:
    """The page with this table for its own, and with what was run in the sentence before it."""
    before, _, rest = page.partition(f"\n{HEAD}\n")
    after = rest.partition("\n\n")[2]
    kept = before.rstrip().rpartition("\n\n")[0]
    return "\n".join([kept, "", run, "", *table, "", after])


def run_of(seconds: float, load: float) -> str:
    return (
        f"One run on {os.cpu_count()} cores, at a load of {load:.1f} when it began ({seconds:g} s each; "
        "the first rows of each mode are a hall\nwithout a rogue):"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--takers", type=int, default=4)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    arguments = parser.parse_args()
    if arguments.write and arguments.only:
        parser.error("--write takes a whole run: leave --only out")
    load = os.getloadavg()[0]
    lines = trio.run(main, arguments.seconds, arguments.takers, arguments.only)
    if arguments.write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(with_table(page, lines, run_of(arguments.seconds, load)), encoding="utf-8")
