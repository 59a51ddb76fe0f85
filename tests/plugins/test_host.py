"""The plugin host: found by entry points, off unless named, and every fault said with the plugin's name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest

from somc.composition import load_config
from somc.errors import UsageError
from somc.runtime.plugins import GROUP, Plugins, finding, installed
from somc_hal.drivers.catalogue import DRIVERS
from somc_hal.simulators.catalogue import SIMULATORS

Install = Callable[..., None]

BEGIN = "from somc.api import hookimpl\n"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """`install(name, source)` makes a module and its entry point, as an installed package would."""
    entries = list(entry_points(group=GROUP))
    modules: list[str] = []

    def found(*, group: str, name: str | None = None) -> list[EntryPoint]:
        assert group == GROUP
        return [entry for entry in entries if name in (None, entry.name)]

    def install(name: str, source: str, *, module: str | None = None, attribute: str = "") -> None:
        module = module or f"plugin_of_the_test_{name}"
        modules.append(module)
        (tmp_path / f"{module}.py").write_text(BEGIN + source, encoding="utf-8")
        entries.append(EntryPoint(name, module + attribute, GROUP))

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(finding, "entry_points", found)
    yield install
    for module in modules:
        sys.modules.pop(module, None)


DRIVER = """
from somc_hal.devices import DeviceClass
from somc_hal.drivers.base import DriverSpec
from somc_hal.drivers.reference import ReferenceStripDisplay as Strip

@hookimpl
def somc_device_drivers():
    return [DriverSpec("led", DeviceClass.COUNTER_DISPLAY, Strip, Strip.OPTIONS, "")]
"""
SIMULATOR = """
from somc_hal.simulators.reference import StripDisplaySimulator

@hookimpl
def somc_device_simulators():
    return {"led": StripDisplaySimulator}
"""


def refusal(*names: str, ask: Callable[[Plugins], object] = lambda made: None) -> str:
    with pytest.raises(UsageError) as caught:
        ask(Plugins(names))
    return str(caught.value)


# -- finding ----------------------------------------------------------------------------------------


def test_the_bundled_plugin_is_found_by_its_entry_point() -> None:
    assert installed()["standard_devices"].value == "somc_plugins.standard_devices"


def test_the_bundled_plugin_is_off_unless_named() -> None:
    made = Plugins([])
    assert made.drivers() == {}
    assert made.simulators() == {}


def test_the_bundled_plugin_brings_every_driver_and_simulator_of_the_hardware_layer() -> None:
    made = Plugins(["standard_devices"])
    assert made.drivers() == {spec.name: spec for spec in DRIVERS}
    assert made.simulators() == dict(SIMULATORS)


def test_a_plugin_of_anybody_is_loaded_when_named_and_not_before(install: Install) -> None:
    install("led", DRIVER + SIMULATOR)
    assert "led" in installed()
    assert Plugins(["standard_devices"]).drivers().keys() == {spec.name for spec in DRIVERS}
    assert "plugin_of_the_test_led" not in sys.modules, "a plugin that nobody named was imported"
    made = Plugins(["led"])
    assert list(made.drivers()) == list(made.simulators()) == ["led"]
    both = Plugins(["standard_devices", "led"])
    assert list(both.drivers()) == [*(spec.name for spec in DRIVERS), "led"]


def test_a_plugin_may_be_an_object_of_a_module(install: Install) -> None:
    source = "class Led:\n    @hookimpl\n    def somc_device_drivers(self):\n        return []\nled = Led()\n"
    install("led", source, attribute=":led")
    assert Plugins(["led"]).drivers() == {}


def test_a_plugin_named_twice_is_loaded_once(install: Install) -> None:
    install("led", DRIVER)
    assert list(Plugins(["led", "led"]).drivers()) == ["led"]


# -- what does not load ------------------------------------------------------------------------------


def test_a_plugin_that_is_not_installed_is_named_with_those_that_are() -> None:
    said = refusal("standard_devices", "nobodys")
    assert said == f"the plugin 'nobodys' is not installed; installed: {', '.join(sorted(installed()))}"


def test_a_plugin_whose_import_fails_is_named_with_the_reason(install: Install) -> None:
    install("led", "import a_library_that_nobody_has\n")
    said = refusal("led")
    assert "the plugin 'led' (plugin_of_the_test_led) does not load" in said
    assert "a_library_that_nobody_has" in said


def test_a_plugin_whose_entry_point_names_nothing_is_named(install: Install) -> None:
    install("led", "", attribute=":nothing")
    assert "the plugin 'led' (plugin_of_the_test_led:nothing) does not load" in refusal("led")


def test_two_packages_that_bring_one_plugin_are_both_named(install: Install) -> None:
    install("led", DRIVER, module="plugin_of_the_test_a")
    install("led", DRIVER, module="plugin_of_the_test_b")
    said = refusal("led")
    assert "'led'" in said
    assert "plugin_of_the_test_a and plugin_of_the_test_b" in said


# -- hooks that are none -----------------------------------------------------------------------------


def test_a_hook_of_a_wrong_name_is_refused_with_the_one_that_was_meant(install: Install) -> None:
    install("led", "@hookimpl\ndef somc_device_driver():\n    return []\n")
    assert refusal("led") == (
        "the plugin 'led' implements 'somc_device_driver', which is no hook; "
        "did you mean 'somc_device_drivers'?"
    )


def test_a_hook_of_a_wrong_name_is_refused_with_the_known_ones(install: Install) -> None:
    install("led", "@hookimpl\ndef brew_tea():\n    return []\n")
    said = refusal("standard_devices", "led")
    assert "the plugin 'led' implements 'brew_tea', which is no hook; known: somc_alert_rules, " in said


def test_a_function_that_is_not_marked_is_no_hook(install: Install) -> None:
    install("led", "def somc_device_driver():\n    raise AssertionError\n")
    assert Plugins(["led"]).drivers() == {}


def test_a_hook_with_arguments_that_it_does_not_get_is_refused(install: Install) -> None:
    install("led", "@hookimpl\ndef somc_device_drivers(hall):\n    return []\n")
    said = refusal("led")
    assert "the plugin 'led'" in said
    assert "hall" in said


@pytest.mark.parametrize("body", ["return []", "yield []"])
def test_an_async_hook_where_a_sync_one_is_specified_is_refused(install: Install, body: str) -> None:
    install("led", f"@hookimpl\nasync def somc_device_drivers():\n    {body}\n")
    said = refusal("led")
    assert "the plugin 'led' implements 'somc_device_drivers' as an async function" in said


@pytest.mark.parametrize(
    ("head", "found", "write"),
    [
        ("def somc_stop(): pass", "a sync function", "`async def` instead of `def`"),
        ("async def somc_stop(): yield", "an async generator function", "`return` instead of `yield`"),
    ],
)
def test_a_hook_of_the_other_colour_is_refused_where_an_async_one_is_specified(
    install: Install, head: str, found: str, write: str
) -> None:
    install("led", f"@hookimpl\n{head}\n")
    said = refusal("led")
    assert f"implements 'somc_stop' as {found}; this hook is async: write {write}" in said


# -- hooks that fail ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("raise ZeroDivisionError('oh')", "ZeroDivisionError('oh')"),
        ("yield 1 / 0", "ZeroDivisionError"),
        ("return 5", "not iterable"),
        ("return 'led'", "not an iterable of DriverSpec"),
        ("return ['led']", "'led', which is no DriverSpec"),
    ],
)
def test_a_hook_that_fails_is_named_with_its_plugin(install: Install, body: str, why: str) -> None:
    install("led", f"@hookimpl\ndef somc_device_drivers():\n    {body}\n")
    said = refusal("standard_devices", "led", ask=lambda made: made.drivers())
    assert "the plugin 'led' failed in 'somc_device_drivers'" in said
    assert why in said


@pytest.mark.parametrize("gives", ["[]", "{'led': 5}", "{5: dict}"])
def test_simulators_that_are_none_are_named_with_their_plugin(install: Install, gives: str) -> None:
    install("led", f"@hookimpl\ndef somc_device_simulators():\n    return {gives}\n")
    said = refusal("led", ask=lambda made: made.simulators())
    assert "the plugin 'led' failed in 'somc_device_simulators'" in said


def test_a_hook_that_gives_none_brings_nothing(install: Install) -> None:
    install("led", "@hookimpl\ndef somc_device_drivers():\n    return None\n")
    assert Plugins(["led"]).drivers() == {}


def test_two_plugins_that_bring_one_driver_are_both_named(install: Install) -> None:
    install("acme", DRIVER)
    install("emca", DRIVER)
    said = refusal("acme", "emca", ask=lambda made: made.drivers())
    assert said == "two plugins bring the driver 'led', acme and emca: enable only one of them"


def test_two_plugins_that_bring_one_simulator_are_both_named(install: Install) -> None:
    install("acme", DRIVER + SIMULATOR)
    install("emca", SIMULATOR.replace("StripDisplaySimulator}", "lambda: StripDisplaySimulator()}"))
    said = refusal("acme", "emca", ask=lambda made: made.simulators())
    assert said == "two plugins bring the simulator of 'led', acme and emca: enable only one of them"


# -- a hall -------------------------------------------------------------------------------------------


def test_a_hall_reads_the_options_of_a_plugins_driver(install: Install, tmp_path: Path) -> None:
    install("led", DRIVER + SIMULATOR)
    hall = tmp_path / "hall.toml"
    hall.write_text(
        """
[hall]
org = "a/b"
name = { zh = "厅", en = "Hall" }
timezone = "Asia/Shanghai"
default_class = "plain"
[class.plain]
name = { zh = "普", en = "Plain" }
[service.payment]
name = { zh = "缴费", en = "Payment" }
prefix = "A"
[counter.1]
skills = { payment = 1 }
[plugins]
enabled = ["led"]
[device.strip]
driver = "led"
simulated = "pty"
counter = 1
options = { columns = 20 }
""",
        encoding="utf-8",
    )
    config, made = load_config(hall)
    assert config.devices[0].options["columns"] == 20
    assert list(made.drivers()) == ["led"]
