"""npm's `smpp`, fetched into a cache of the project and started as a process of its own.

Without Node one line says so and what needs it is skipped; under CI=true it fails.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from tests.node import find_node

ROOT = Path(__file__).parents[3]
FOREIGN = Path(__file__).parent / "foreign"
HOME = ROOT / ".cache" / "npm-smpp"
BRING_S = 300
START_S = 60
WITHOUT = "needs Node with npm, for npm's smpp as a foreign peer"


def bring() -> bool:
    """Whether it is there now; several processes may ask at once."""
    if find_node() is None:
        return False
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME.parent / "npm-smpp.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        lock = "package-lock.json"
        current = HOME / "node_modules" / ".brought"
        wanted = (FOREIGN / lock).read_bytes()
        if not current.exists() or current.read_bytes() != wanted:
            for name in ("package.json", lock):
                shutil.copy(FOREIGN / name, HOME / name)
            command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            done = subprocess.run(command, cwd=HOME, timeout=BRING_S, check=False, capture_output=True)
            if done.returncode:
                return False
            current.write_bytes(wanted)
    for program in FOREIGN.glob("*.js"):
        shutil.copy(program, HOME / program.name)
    return True


class Node:
    """A program of `foreign/` as it runs."""

    def __init__(self, process: trio.Process, port: int) -> None:
        self.process = process
        self.port = port

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


async def start(program: str, *arguments: object) -> Node:
    """Run it until it says `ready PORT`."""
    node = find_node()
    assert node is not None
    process = await trio.lowlevel.open_process(
        [node, str(HOME / program), *map(str, arguments)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    with trio.fail_after(START_S):
        said = (await process.stdout.receive_some(200)).decode()
    word, port = said.split()[:2]
    assert word == "ready", said
    return Node(process, int(port))


@asynccontextmanager
async def server(log: Path, port: int = 0) -> AsyncIterator[Node]:
    """The SMSC that keeps its memory in `log`; killed at the end."""
    await trio.Path(log).touch()
    node = await start("server.js", log, port)
    try:
        yield node
    finally:
        with trio.CancelScope(shield=True):
            await node.kill()
