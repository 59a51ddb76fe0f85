"""The page of each feature plugin lists every key of its configuration, every route, and what it may see."""

from __future__ import annotations

import re
from importlib import import_module
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest

from somc.api import PUBLIC, About, Route, SocketRoute
from somc.runtime.plugins.finding import find
from somc.testing.plugin_checks import check_plugin
from tests.plugins.features.models import tables

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs" / "reference" / "plugins"
NAMES = ("crm", "marketing", "care", "scripts", "evaluation", "handover", "web_booking")

ROW = re.compile(r"^\| `(?P<key>[^`]+)` \| (?P<default>[^|]*) \| (?P<meaning>[^|].*) \|$", re.MULTILINE)
ROUTE = re.compile(
    r"^\| `(?P<method>[A-Z]+) (?P<path>/[^`]*)` \| [^|]+ \| (?P<roles>[^|]*) \|$", re.MULTILINE
)

each = pytest.mark.parametrize("name", NAMES)


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def about(name: str) -> About:
    made: About = import_module(f"somc_plugins.{name}").somc_plugin()
    return made


@each
def test_every_key_of_its_configuration_is_listed_with_its_default(name: str) -> None:
    model = about(name).config
    assert model is not None
    parts = re.split(r"^### `(.*)`$", page(name), flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    expected = dict(tables(model, f"plugin.{name}"))
    assert list(sections) == list(expected)
    for heading, rows in expected.items():
        body = re.split(r"^##? ", sections[heading], flags=re.MULTILINE)[0]
        listed = [(row["key"], row["default"]) for row in ROW.finditer(body)]
        assert listed == rows, heading


@each
def test_every_route_is_listed_with_its_roles(name: str) -> None:
    module = import_module(f"somc_plugins.{name}")
    routes = module.somc_routes(context=SimpleNamespace(store=None))
    expected = [(method_of(route), f"/plugins/{name}{route.path}", roles_of(route)) for route in routes]
    found = [(row["method"], row["path"], row["roles"]) for row in ROUTE.finditer(page(name))]
    assert sorted(found) == sorted(expected)


def method_of(route: Route | SocketRoute) -> str:
    return route.method if isinstance(route, Route) else "WEBSOCKET"


def roles_of(route: Route | SocketRoute) -> str:
    return "everybody" if route.roles == PUBLIC else ", ".join(sorted(route.roles - {"admin"})) or "admin"


@each
def test_what_it_may_see_and_what_it_follows_stand_on_its_page(name: str) -> None:
    text = page(name)
    for sight in about(name).sees:
        assert f"`{sight}`" in text, sight
    for record in about(name).follows:
        assert f"`{record}`" in text, record


@each
def test_the_author_s_checks_find_nothing_wrong_with_its_sources(name: str) -> None:
    found = list(islice(check_plugin(find(name), {}), 2))  # what comes after lets a whole hall run
    assert [finding.kind for finding in found] == ["ok", "ok"], found


@each
def test_it_is_installed_with_somc_and_named_among_the_bundled(name: str) -> None:
    assert f'{name} = "somc_plugins.{name}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f"docs/reference/plugins/{name}.md" in (ROOT / "plugins" / "README.md").read_text(encoding="utf-8")
