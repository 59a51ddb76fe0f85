"""Puts any server of the live feed through the protocol's checks (`server_checks`):

    python -m somc.testing.protocol ws://127.0.0.1:8080 --token-file data/admin.token

The token must be an admin's. The checks take tickets of one service and cancel them: run them against a hall
of tests. `--read-only` leaves those out that change anything.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import trio

from somc.client.http import open_http
from somc.client.websocket import HandshakeFailed, WebSocketClosed
from somc.errors import ClientError
from somc.testing.server_checks import CHECKS, Target

__all__ = ["ENCODINGS", "run_check"]

ENCODINGS = ("msgpack", "json")

PATIENCE_S = 20.0
"""No check takes this long; one that does has failed."""


async def run_check(
    name: str,
    url: str,
    token: str,
    encoding: str = "msgpack",
    seed: int = 1,
    service: str | None = None,
    patience_s: float = PATIENCE_S,
) -> None:
    """Put the server at `url` through one check. `AssertionError` says which rule it broke."""
    try:
        with trio.fail_after(patience_s):
            async with open_http(url, token=token) as http:
                if service is None:
                    service = (await http.get("/services"))[0]["id"]
                await CHECKS[name].act(Target(url, token, encoding, http, service, seed))
    except trio.TooSlowError:
        raise AssertionError(f"it did not come to its end within {patience_s:g} s") from None
    except WebSocketClosed as closed:
        raise AssertionError(f"the server ended a line that must stand: {closed}") from closed
    except HandshakeFailed as error:
        raise AssertionError(f"no line came to be: {error}") from error
    except (ClientError, OSError) as error:
        raise AssertionError(f"{type(error).__name__}: {error}") from error


@click.command()
@click.argument("url")
@click.option("--token", help="An admin's API token.")
@click.option("--token-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Its file.")
@click.option("--encoding", "encodings", type=click.Choice(ENCODINGS), multiple=True, default=ENCODINGS)
@click.option("--check", "chosen", type=click.Choice(list(CHECKS)), multiple=True, help="Only these checks.")
@click.option("--service", help="The service to take tickets for; the first without it.")
@click.option("--read-only", is_flag=True, help="Only checks that change nothing of the queue.")
@click.option("--seed", type=int, default=1, show_default=True)
def main(
    url: str,
    token: str | None,
    token_file: Path | None,
    encodings: tuple[str, ...],
    chosen: tuple[str, ...],
    service: str | None,
    read_only: bool,
    seed: int,
) -> None:
    """Put the server at URL through every check of the live feed's protocol."""
    if token_file is not None:
        token = token_file.read_text(encoding="utf-8").strip()
    if not token:
        raise click.UsageError("give --token or --token-file")
    failed = 0
    for encoding in encodings:
        for name in chosen or CHECKS:
            if read_only and CHECKS[name].writes:
                continue
            try:
                trio.run(run_check, name, url, token, encoding, seed, service)
            except* AssertionError as group:
                failed += 1
                click.echo(f"FAILED  {encoding:8} {name}: {_first(group)}")
            else:
                click.echo(f"ok      {encoding:8} {name}")
    click.echo(f"{failed} failed" if failed else "the server keeps the protocol")
    sys.exit(1 if failed else 0)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


if __name__ == "__main__":
    main()
