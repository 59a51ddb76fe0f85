"""`somc plugin`: what is installed, a new project, the author's checks, and a running hall's composition."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import trio

from somc.cli.failures import failing_clearly
from somc.cli.plugin_projects import TEMPLATES, project
from somc.client import open_http
from somc.errors import UsageError
from somc.runtime.plugins.finding import NAME, Found, at_path, find, installed
from somc.runtime.plugins.loading import load
from somc.testing.plugin_checks import Finding, check_plugin

__all__ = ["command"]

SIGNS = {"ok": "ok", "advice": "advice", "wrong": "WRONG"}


@click.group("plugin", help="Plugins: installed, new, checked, and at work in a running hall.")
def command() -> None:
    """The group."""


def in_a_hall(function: Callable[..., None]) -> Callable[..., None]:
    """The options of a command that asks a running hall."""
    function = click.option(
        "--token-file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="Holds an API token; changes need an admin's.",
    )(function)
    return click.option("--hall", help="Where the hall is, such as http://127.0.0.1:8080.")(function)


@command.command("list")
@in_a_hall
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_plugins(hall: str | None, token_file: Path | None, as_json: bool) -> None:
    """Installed plugins with the hooks of each; with --hall, how they do there."""
    with failing_clearly():
        found = _installed() if hall is None else _ask(hall, token_file, "GET", "/api/v1/plugins")
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for each in found:
        if hall is None:
            said = each["error"] or ", ".join(each["hooks"])
            click.echo(f"{each['name']:<20} {each['version'] or '-':<8} {said}")
        else:
            said = each["why"] or each.get("last_fault") or ""
            lag = "" if each.get("lag") is None else f"lag {each['lag']}"
            about = f"{each.get('isolation') or '':<10} faults {each.get('faults', 0)} {lag}"
            click.echo(
                f"{each['name']:<20} {each['state']:<11} {each['version'] or '-':<8} {about} {said}".rstrip()
            )


def _installed() -> list[dict[str, Any]]:
    listed = []
    for name in sorted(installed()):
        found = find(name)
        try:
            hooks, error = sorted(load(found).hooks), None
        except UsageError as wrong:
            hooks, error = [], str(wrong)
        listed.append(
            {"name": name, "version": found.version, "origin": found.origin, "hooks": hooks, "error": error}
        )
    return listed


@command.command("new")
@click.argument("name", metavar="NAME")
@click.option(
    "--template",
    type=click.Choice(sorted(TEMPLATES)),
    default="feature",
    show_default=True,
    help="What it begins with.",
)
@click.option(
    "--in", "folder", type=click.Path(path_type=Path, file_okay=False), help="The folder to make it in."
)
def new(name: str, template: str, folder: Path | None) -> None:
    """A new project: a plugin that works, with tests."""
    with failing_clearly():
        if not NAME.fullmatch(name) or "-" in name:
            raise UsageError(f"'{name}' is no name for a plugin: small letters, digits and _")
        home = (folder or Path()) / name
        if home.exists():
            raise UsageError(f"{home} is there already: choose another name, or another folder with --in")
        for path, text in project(name, template).items():
            file = home / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            click.echo(f"wrote {file}")


@command.command("check")
@click.argument("plugin", metavar="PATH|NAME")
@click.option(
    "--set", "given", multiple=True, help="KEY=VALUE of its configuration (JSON or text); may be repeated."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def check(context: click.Context, plugin: str, given: tuple[str, ...], as_json: bool) -> None:
    """The author's checks: it loads, keeps to the API, and sees a customer through a hall."""
    with failing_clearly():
        settings = _values(given)
        findings = [
            (found.name, finding) for found in _at(plugin) for finding in check_plugin(found, settings)
        ]
    if as_json:
        plain = [{"plugin": name, "kind": one.kind, "text": one.text} for name, one in findings]
        click.echo(json.dumps(plain, ensure_ascii=False))
    else:
        for name, finding in findings:
            click.echo(f"{SIGNS[finding.kind]:<7}{name}: {finding.text}")
    if any(_is_wrong(finding) for _, finding in findings):
        context.exit(1)


def _is_wrong(finding: Finding) -> bool:
    return finding.kind == "wrong"


def _at(plugin: str) -> list[Found]:
    path = Path(plugin)
    return list(at_path(path.resolve())) if path.exists() else [find(plugin)]


def _values(given: tuple[str, ...]) -> dict[str, Any]:
    """KEY=VALUE pairs; a value that is JSON is read as such."""
    values = {}
    for pair in given:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"'{pair}' is no KEY=VALUE")
        try:
            values[key] = json.loads(value)
        except ValueError:
            values[key] = value
    return values


@command.command("enable")
@click.argument("name", metavar="NAME")
@in_a_hall
def enable(name: str, hall: str | None, token_file: Path | None) -> None:
    """Let a plugin work in a running hall from now on."""
    _change(name, "enable", hall, token_file, None)


@command.command("disable")
@click.argument("name", metavar="NAME")
@in_a_hall
def disable(name: str, hall: str | None, token_file: Path | None) -> None:
    """Let a plugin work no more."""
    _change(name, "disable", hall, token_file, None)


@command.command("reload")
@click.argument("name", metavar="NAME")
@in_a_hall
def reload(name: str, hall: str | None, token_file: Path | None) -> None:
    """Let a running hall import a plugin anew, after its package was upgraded."""
    _change(name, "reload", hall, token_file, None)


@command.command("configure")
@click.argument("name", metavar="NAME")
@click.argument("changes", metavar="KEY=VALUE...", nargs=-1, required=True)
@in_a_hall
def configure(name: str, changes: tuple[str, ...], hall: str | None, token_file: Path | None) -> None:
    """Change a plugin's configuration in a running hall; a value of null brings hall.toml's back."""
    with failing_clearly():
        values = _values(changes)
    _change(name, "configure", hall, token_file, {"changes": values})


def _change(name: str, what: str, hall: str | None, token_file: Path | None, body: Any) -> None:
    with failing_clearly():
        about = _ask(hall, token_file, "POST", f"/api/v1/plugins/{name}/{what}", body)
    version = f" {about['version']}" if about.get("version") else ""
    click.echo(f"{name}{version}: {about['state']}")


def _ask(hall: str | None, token_file: Path | None, method: str, path: str, body: Any = None) -> Any:
    if hall is None:
        raise UsageError("say which hall: --hall http://127.0.0.1:8080 (its `ready` line has it)")
    token = None if token_file is None else token_file.read_text(encoding="utf-8").strip()

    async def ask() -> Any:
        async with open_http(hall, token=token) as client:
            return await client.request(method, path, body)

    return trio.run(ask)
