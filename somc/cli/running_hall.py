"""How a command finds a hall that runs somewhere: its address, and a file with a token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from somc.errors import UsageError

__all__ = ["read_token", "token_file_option", "url_option"]

F = TypeVar("F", bound=Callable[..., Any])


def url_option(help: str = "The running hall, like http://127.0.0.1:8080.") -> Callable[[F], F]:
    return click.option("--url", metavar="URL", help=help)


def token_file_option(
    help: str = "Holds an API token for it, as `somc run --admin-token-file` makes one.",
) -> Callable[[F], F]:
    path = click.Path(exists=True, dir_okay=False, path_type=Path)
    return click.option("--token-file", type=path, metavar="FILE", help=help)


def read_token(path: Path | None) -> str:
    """The token in the file. `UsageError` if there is none."""
    if path is None:
        raise UsageError("a running hall lets nobody in without a token: give --token-file FILE")
    token = path.read_text(encoding="utf-8").strip()
    if not token or not token.isascii() or len(token.split()) != 1:
        raise UsageError(f"{path} holds no token: one word, as `somc run --admin-token-file` writes it")
    return token
