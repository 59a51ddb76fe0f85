"""docs/reference/cli.md says of every command its usage, its arguments and options, as `--help` does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from somc.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
TEXT = PAGE.read_text(encoding="utf-8")


def commands(group: click.Group, prefix: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


COMMANDS = dict(commands(main, "somc"))


def heading(path: str, command: click.Command) -> str:
    metavars = [str(p.metavar) for p in command.params if isinstance(p, click.Argument)]
    return "## `" + " ".join([path, *metavars]) + "`"


def rows(command: click.Command) -> list[str]:
    """Each option as a row of a table."""
    written = []
    for option in command.params:
        if isinstance(option, click.Option):
            names = ", ".join(f"`{name}`" for name in sorted(option.opts, key=len, reverse=True))
            default = option.default if option.show_default or isinstance(option.default, float) else ""
            choices = " or ".join(getattr(option.type, "choices", ()))
            written.append(f"| {names} | {option.help or choices} | {default} |")
    return written


def sections() -> dict[str, str]:
    parts = re.split(r"^(## `.*`)$", TEXT, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_page_has_exactly_the_commands() -> None:
    assert sorted(sections()) == sorted(heading(path, command) for path, command in COMMANDS.items())


@pytest.mark.parametrize("path", COMMANDS)
def test_a_section_has_exactly_the_options(path: str) -> None:
    command = COMMANDS[path]
    table = re.findall(r"^\| `-.*\|$", sections()[heading(path, command)], re.MULTILINE)
    assert table == rows(command)
