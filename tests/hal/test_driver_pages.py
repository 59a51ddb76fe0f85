"""Each vendor plugin has a page that says what was verified, and whose hall.toml is one."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from somc.composition import load_config
from somc_hal.drivers import PORT_OPTIONS, DriverSpec
from somc_hal.drivers.base import BUS_OPTIONS
from somc_hal.profiles import load
from tests.hal.test_vendor_conformance import PLUGINS

ROOT = Path(__file__).resolve().parents[2]
DEVICES = (ROOT / "docs" / "reference" / "devices.md").read_text(encoding="utf-8")
DRIVERS = ROOT / "docs" / "reference" / "drivers"
README = (ROOT / "plugins" / "README.md").read_text(encoding="utf-8")

HALL = """\
[hall]
org = "demo/city/north/first"
name = { zh = "样板营业厅", en = "Sample hall" }
timezone = "Asia/Shanghai"
default_class = "normal"

[class.normal]
name = { zh = "普通", en = "Ordinary" }
priority = 1
target_wait_s = 900

[service.general]
name = { zh = "综合业务", en = "General" }
prefix = "A"
mean_service_s = 240

[counter.1]
skills = { general = 1 }

[counter.2]
skills = { general = 1 }

"""

EVERYWHERE = {*PORT_OPTIONS, *BUS_OPTIONS, "polled"}
"""Options that stand once on the page of all devices."""

SPECS = [
    pytest.param(name, spec, id=spec.name) for name, plugin in PLUGINS.items() for spec in plugin.DRIVERS
]


def page(plugin: str) -> str:
    return (DRIVERS / f"{plugin}.md").read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    found = re.search(rf"^(#+) {re.escape(heading)}.*?(?=^#{{1,3}} |\Z)", text, re.M | re.S)
    assert found, f"no section {heading!r}"
    return found.group()


def default(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{item}"' for item in value) + "]`"
    return f"`{value}`" if isinstance(value, str) else str(value)


@pytest.mark.parametrize("plugin", [*PLUGINS, "escpos"])
def test_a_page_says_what_was_verified_and_shows_a_hall(plugin: str, tmp_path: Path) -> None:
    text = page(plugin)
    assert "SOMC has not been" in text
    section(text, "What was verified, and what not")
    section(text, "Wiring and serial settings")
    block = re.search(r"^## hall.toml\n.*?```toml\n(.*?)```", text, re.M | re.S)
    assert block, "no hall.toml"
    file = tmp_path / "hall.toml"
    file.write_text(HALL + block[1], encoding="utf-8")
    config, plugins = load_config(file)
    plugins.drivers()
    named = {device.driver for device in config.devices}
    expected = {spec.name for spec in PLUGINS[plugin].DRIVERS} if plugin in PLUGINS else {plugin}
    assert expected <= named, "a driver is not in the example"
    makes = {name: spec.make for name, spec in plugins.drivers().items()}
    for device in config.devices:
        makes[device.driver](device.name, device.url or "memory://x", device.options)


@pytest.mark.parametrize("plugin", PLUGINS)
def test_the_readme_of_the_plugins_names_each(plugin: str) -> None:
    assert f"| `{plugin}` |" in README
    assert "SOMC has not been tested against Pingan or Zhaowei hardware" in README
    assert f"drivers/{plugin}.md" in DEVICES


@pytest.mark.parametrize(("plugin", "spec"), SPECS)
def test_every_option_and_capability_is_on_the_page(plugin: str, spec: DriverSpec) -> None:
    text = page(plugin)
    own = section(text.partition("\n## Drivers\n")[2], f"`{spec.name}`")
    if shared := re.search(r"As \[`([\w-]+)`\]", own):
        own += section(DEVICES, f"`{shared[1]}`")
    for name, option in spec.options_schema.items():
        where = DEVICES if name in EVERYWHERE else own if f"`{name}`" in own else text
        assert f"| `{name}` | {default(option.default)} |" in where, f"{spec.name}: {name}"
    device = spec.make("d", "memory://d", {})
    for field in fields(device.capabilities):  # type: ignore[attr-defined]  # each class has its own kind
        assert f"`{field.name}`" in own, f"{spec.name}: capability {field.name}"


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_page_gives_each_profile_its_status(plugin: str) -> None:
    text = page(plugin)
    for name in re.findall(r"^\| wire profiles? \| (.*) \|$", text, re.M):
        for profile in re.findall(r"`([\w]+)`, status", name):
            assert f"`{profile}`, status `{load(profile).status}`" in name
