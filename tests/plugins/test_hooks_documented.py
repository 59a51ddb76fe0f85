"""Every hook has a section in the reference, with its contract and an example that works."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from somc import api
from somc.api import MOMENTS, HallHooks
from somc.runtime.plugins import Plugins, finding
from somc.runtime.plugins.loading import SIGHTS
from somc.scheduler.kinds import BUILT_IN
from somc.testing.hall import HALL, hall_with

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PAGE = (REFERENCE / "hooks.md").read_text(encoding="utf-8")

BROUGHT = ("somc_device_drivers", "somc_device_simulators", "somc_routing_policies")
"""Hooks whose examples are asked below for what they bring."""

HOOKS = {name: hook for name, hook in vars(HallHooks).items() if not name.startswith("__")}


def section(hook: str) -> str:
    found = re.search(rf"^## `{hook}`\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/reference/hooks.md has no section of {hook}"
    return found[1]


def test_the_page_has_the_hooks_that_there_are_and_no_others() -> None:
    assert re.findall(r"^## `(\w+)`$", PAGE, re.MULTILINE) == list(HOOKS)
    assert re.findall(r"^\| \[`(\w+)`\]", PAGE, re.MULTILINE) == list(HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hooks_contract_is_told_in_the_specification_and_on_the_page(hook: str) -> None:
    told = inspect.getdoc(HOOKS[hook])
    assert told is not None
    since = re.search(r"Since (\d+\.\d+)\.", told)
    assert since is not None, f"{hook} does not say since when it is"
    colour = "async" if inspect.iscoroutinefunction(HOOKS[hook]) else "sync"
    (moment,) = (moment for moment, hooks in MOMENTS.items() if hook in hooks)
    assert f"](#{hook}) | {moment} | {colour} | {since[1]} |" in PAGE
    for word in ("When", "Several plugins", "If it raises"):
        assert word.lower() in " ".join(told.lower().split()), (
            f"the specification of {hook} does not say: {word}"
        )
        assert f"**{word}" in section(hook), f"the page does not say of {hook}: {word}"


def test_every_hook_has_one_moment_and_the_moments_name_them_in_their_order() -> None:
    assert [hook for hooks in MOMENTS.values() for hook in hooks] == list(HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hooks_example_is_a_plugin_that_loads_and_brings_something(
    hook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", section(hook), re.DOTALL)
    module = ModuleType("example")
    exec(compile(example, "hooks.md", "exec"), vars(module))
    entry = EntryPoint("example", "example", finding.GROUP)
    monkeypatch.setattr(finding, "entry_points", lambda **_: [entry])
    monkeypatch.setattr(EntryPoint, "load", lambda self: module)
    made = Plugins(["example"])
    brought: dict[str, Callable[[], Mapping[str, object]]] = {
        "somc_device_drivers": made.drivers,
        "somc_device_simulators": made.simulators,
        "somc_routing_policies": lambda: {
            name: kind for name, kind in made.policies().items() if name not in BUILT_IN
        },
    }
    if hook in brought:
        expected = "acme-patience" if hook == "somc_routing_policies" else "acme-strip"
        assert list(brought[hook]()) == [expected]
    assert hook in made.loaded["example"].hooks


@pytest.mark.parametrize("hook", [hook for hook in HOOKS if hook not in BROUGHT])
async def test_a_hooks_example_works_in_a_hall(hook: str, tmp_path: Path) -> None:
    """Somebody comes, is called and served, and nothing is wrong with the example."""
    (example,) = re.findall(r"```python\n(.*?)```", section(hook), re.DOTALL)
    plugin = tmp_path / f"example_of_{hook}.py"
    plugin.write_text(example, encoding="utf-8")
    toml = HALL.replace("[class.gold]", "[class.gotone]")
    async with hall_with(plugin, toml=toml) as hall:
        await hall.advice("payment")
        ticket = await hall.take("payment", phone="13911112222")
        await hall.lines()
        await hall.call(1)
        await hall.card(ticket)
        await hall.second_screen(ticket)
        await hall.do("counters.no_show", counter=1)
        await hall.turn("5min")
        assert hall.faults() is None


def test_every_public_name_of_the_api_is_in_the_reference() -> None:
    others = (REFERENCE / name for name in ("plugin-context.md", "plugin-actions.md"))
    pages = PAGE + "".join(page.read_text(encoding="utf-8") for page in others)
    pages += (REFERENCE.parent / "how-to" / "write-a-policy.md").read_text(encoding="utf-8")
    beside = {"HallHooks", "MOMENTS", "PROJECT", "Behind"}  # what the host asks, not what plugins use
    assert not [name for name in api.__all__ if name not in beside and name not in pages]


def test_every_action_is_on_its_page_with_what_it_needs_and_may_have() -> None:
    page = (REFERENCE / "plugin-actions.md").read_text(encoding="utf-8")
    rows = [line.strip("|").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    listed = {
        row[0].strip(" `"): (re.findall(r"`(\w+)`", row[1]), re.findall(r"`(\w+)`", row[2])) for row in rows
    }
    offered = {
        name: (
            [field.name for field in msgspec.structs.fields(kind) if field.required],
            [field.name for field in msgspec.structs.fields(kind) if not field.required],
        )
        for name in api.__all__
        if isinstance(kind := getattr(api, name), type)
        and issubclass(kind, api.Action)
        and kind is not api.Action
    }
    assert listed == offered


def test_what_a_plugin_may_declare_to_see_opens_something_that_is_listed() -> None:
    page = (REFERENCE / "plugin-context.md").read_text(encoding="utf-8")
    rows = [line.strip("|").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    assert {sight for row in rows if len(row) == 3 for sight in re.findall(r"`(\w+)`", row[2])} == SIGHTS
