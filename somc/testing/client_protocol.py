"""What every client of the live feed must do, as a list of cases that any client can be put through.

    python -m somc.testing.client_protocol -- node my_client.js

The program is started once a case as `PROGRAM URL TOKEN ENCODING` (`msgpack` or `json`), with the times of
`TIMES` in its environment, which it must heed so that the cases take seconds. It connects, follows every
topic, and says on stdout, a line of JSON each, what reaches its user:

    {"event": "ready", "can": [...]}        first of all; `pause` if it can stop reading for a while
    {"event": "snapshot", "epoch": E, "seq": N}
    {"event": "record", "seq": N}
    {"event": "answer", "ask": K, "result": R}       of a command
    {"event": "refused", "ask": K, "code": C}
    {"event": "not_admitted"}               401 or 403: it gave up, or asks very seldom

and is told on stdin: `{"do": "command", "ask": K, "name": NAME, "args": {...}}`, `{"do": "pause"}`, `{"do":
"resume"}`. It ends when stdin does.

The cases are in `client_cases`; `SOMC_…_S` in the environment says how long a client under test waits.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import click
import msgspec
import trio

from somc.testing.client_cases import CASES, TIMES, Program, Stage
from somc.testing.scripted_hall import LineGone, scripted_hall

__all__ = ["ENCODINGS", "Start", "run_case", "starting"]

Plain = dict[str, Any]

ENCODINGS = ("msgpack", "json")

PATIENCE_S = 30.0
"""No case takes this long; one that does has failed."""

MOST_HEARD = 100_000

Start = Callable[[str, str, str], AbstractAsyncContextManager[Program]]
"""Starts a program for an URL, a token and an encoding."""


async def run_case(name: str, start: Start, encoding: str, seed: int, patience_s: float = PATIENCE_S) -> bool:
    """Put a client through one case: `AssertionError` says which rule it broke, `False` that the case is
    for clients that can more."""
    try:
        with trio.fail_after(patience_s):
            async with (
                scripted_hall() as hall,
                start(hall.url, hall.token, encoding) as program,
            ):
                ready = await program.heard()
                assert ready["event"] == "ready", f"it must say that it is ready first, and said {ready}"
                case = CASES[name]
                if case.needs is not None and case.needs not in ready.get("can", ()):
                    return False
                await case.act(Stage(hall, program, random.Random(seed)))
    except trio.TooSlowError:
        raise AssertionError(f"{name}: it did not come to its end within {patience_s:g} s") from None
    except LineGone as gone:
        raise AssertionError(f"{name}: the client left a line that it must keep: {gone}") from gone
    return True


class Process:
    """A client under test that is a program of its own."""

    def __init__(self, process: trio.Process, said: trio.MemoryReceiveChannel[Plain]) -> None:
        self._process = process
        self._said = said

    async def tell(self, what: Plain) -> None:
        assert self._process.stdin is not None
        await self._process.stdin.send_all(msgspec.json.encode(what) + b"\n")

    async def heard(self) -> Plain:
        try:
            return await self._said.receive()
        except trio.EndOfChannel:
            raise AssertionError("the program ended") from None


def starting(command: Sequence[str]) -> Start:
    """Starts `command URL TOKEN ENCODING`."""

    @asynccontextmanager
    async def start(url: str, token: str, encoding: str) -> AsyncIterator[Program]:
        async with trio.open_nursery() as nursery:
            process = await trio.lowlevel.open_process(
                [*command, url, token, encoding],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **TIMES},
            )
            put, said = trio.open_memory_channel[Plain](MOST_HEARD)
            nursery.start_soon(_listen, process, put)
            try:
                yield Process(process, said)
            finally:
                with trio.CancelScope(shield=True):
                    process.kill()
                    await process.wait()
                nursery.cancel_scope.cancel()

    return start


async def _listen(process: trio.Process, put: trio.MemorySendChannel[Plain]) -> None:
    assert process.stdout is not None
    rest = b""
    async with put:
        async for piece in process.stdout:
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if line.strip():
                    await put.send(msgspec.json.decode(line))


@click.command()
@click.argument("command", nargs=-1, required=True)
@click.option("--encoding", type=click.Choice(ENCODINGS), multiple=True, default=ENCODINGS)
@click.option("--case", "chosen", type=click.Choice(list(CASES)), multiple=True, help="Only these cases.")
@click.option("--patience", "patience_s", default=PATIENCE_S, show_default=True, help="Seconds for a case.")
@click.option("--seed", type=int, default=1, show_default=True)
def main(
    command: tuple[str, ...],
    encoding: tuple[str, ...],
    chosen: tuple[str, ...],
    patience_s: float,
    seed: int,
) -> None:
    """Put the client COMMAND through every case of the live feed's protocol."""
    failed = 0
    for each in encoding:
        for name in chosen or CASES:
            try:
                ran = trio.run(run_case, name, starting(command), each, seed, patience_s)
            except* AssertionError as group:
                failed += 1
                why = "; ".join(str(error) for error in _leaves(group))
                click.echo(f"FAILED  {each:8} {name}: {why}")
            else:
                click.echo(f"{'ok' if ran else 'n/a':8}{each:8} {name}")
    click.echo(f"{failed} failed" if failed else "the client keeps the protocol")
    sys.exit(1 if failed else 0)


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]


if __name__ == "__main__":
    main()
