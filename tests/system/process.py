"""`somc run` as its own process, driven from outside like anybody drives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import trio

from tests.server.rig import write_hall

PATIENCE_S = 40.0
"""No step takes this long, even on a slow machine under load; reaching it is a failure."""

SOMC = (str(Path(sys.executable).with_name("somc")),)


@dataclass
class Process:
    """A running `somc run`."""

    process: trio.Process
    url: str
    token: str
    said: list[str] = field(default_factory=list)

    def client(self) -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {self.token}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, verify=False, timeout=PATIENCE_S)

    async def kill(self) -> None:
        """SIGKILL: nothing is tidied up."""
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        with trio.fail_after(PATIENCE_S):
            return await self.process.wait()

    @property
    def stderr(self) -> str:
        return "".join(self.said)


def arguments(folder: Path, data: Path | None = None, somc: Sequence[str] = SOMC) -> list[str]:
    """A command line for the hall in `folder`; its token is kept beside hall.toml."""
    return [
        *somc,
        "run",
        str(folder / "hall.toml"),
        *("--port", "0", "--data", str(data or folder / "data")),
        *("--admin-token-file", str(folder / "admin.token")),
    ]


@asynccontextmanager
async def started(
    folder: Path, toml: str | None = None, data: Path | None = None, somc: Sequence[str] = SOMC
) -> AsyncIterator[Process]:
    """`somc run` once it says `ready`; killed at the end if it still runs."""
    write_hall(folder) if toml is None else write_hall(folder, toml)
    async with trio.open_nursery() as nursery:
        process = await trio.lowlevel.open_process(
            arguments(folder, data, somc), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=quiet()
        )
        assert process.stdout is not None
        said: list[str] = []
        heard = trio.Event()
        nursery.start_soon(_listen, process, said, heard)
        try:
            with trio.fail_after(PATIENCE_S):
                first = b""
                while b"\n" not in first:
                    piece = await process.stdout.receive_some()
                    if not piece:
                        await heard.wait()
                        raise AssertionError(f"it ended before it was ready:\n{''.join(said)}")
                    first += piece
            word, url = first.decode().split()[:2]
            assert word == "ready"
            yield Process(process, url, (folder / "admin.token").read_text().strip(), said)
        finally:
            with trio.CancelScope(shield=True):
                if process.returncode is None:
                    process.kill()
                await process.wait()
                await heard.wait()


async def _listen(process: trio.Process, said: list[str], heard: trio.Event) -> None:
    assert process.stderr is not None
    async for piece in process.stderr:
        said.append(piece.decode(errors="replace"))
    heard.set()


def quiet() -> dict[str, str]:
    return {**os.environ, "SOMC_LOG": "warning"}


async def run(command: Sequence[str]) -> tuple[int, str, str]:
    """Run to the end: exit code, stdout, stderr."""
    with trio.fail_after(PATIENCE_S):
        done = await trio.run_process(
            command, capture_stdout=True, capture_stderr=True, check=False, env=quiet()
        )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


async def verified(data: Path) -> str:
    """What `somc journal verify` says of a sound journal."""
    code, out, err = await run([*SOMC, "journal", "verify", str(data)])
    assert code == 0, out + err
    return out
