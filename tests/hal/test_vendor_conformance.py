"""Every driver of every bundled vendor plugin over every link passes the conformance kit."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Any

import pytest
import trio.testing

from somc_hal.devices import DeviceClass
from somc_hal.drivers import DriverSpec
from somc_hal.simulators import Simulator, Where
from somc_hal.testing import Check, checks_for, simulated

VENDORS = ("hid_input", "onbon_bx5", "pager21", "pingan", "pj06", "syn6288", "zhaowei")
"""The plugins that bring drivers of their own; `standard_devices` is under test in `test_conformance.py`."""

PLUGINS: dict[str, Any] = {
    entry.name: entry.load() for entry in entry_points(group="somc.plugins") if entry.name in VENDORS
}


def _cases(*wheres: Where) -> Iterator[Any]:
    for plugin in PLUGINS.values():
        for spec in plugin.DRIVERS:
            for where in wheres:
                for check in checks_for(spec):
                    name = getattr(check, "__name__", "check")
                    simulator = plugin.SIMULATORS[spec.name]
                    yield pytest.param(spec, simulator, where, check, id=f"{spec.name}-{where}-{name}")


async def passes(spec: DriverSpec, simulator: type[Simulator], where: Where, check: Check) -> None:
    """The driver passes this rule at a bench."""
    # A simulator prints at once; a muted one is given up after this.
    more = {"print_timeout_s": 0.3} if spec.device_class is DeviceClass.TICKET_PRINTER else {}
    make = simulated(spec, where, simulator=simulator)

    def bench(**options: Any) -> Any:
        return make(**{**more, **options})

    await check(bench)


@pytest.mark.parametrize(("spec", "simulator", "where", "check"), list(_cases("memory")))
async def test_conformance_in_virtual_time(
    spec: DriverSpec,
    simulator: type[Simulator],
    where: Where,
    check: Check,
    autojump_clock: trio.testing.MockClock,
) -> None:
    await passes(spec, simulator, where, check)


@pytest.mark.parametrize(("spec", "simulator", "where", "check"), list(_cases("pty", "tcp")))
async def test_conformance(spec: DriverSpec, simulator: type[Simulator], where: Where, check: Check) -> None:
    await passes(spec, simulator, where, check)


def test_every_vendor_plugin_is_installed_and_brings_simulators() -> None:
    assert set(PLUGINS) == set(VENDORS)
    for plugin in PLUGINS.values():
        assert {spec.name for spec in plugin.DRIVERS} == set(plugin.SIMULATORS)
        assert tuple(plugin.somc_device_drivers()) == tuple(plugin.DRIVERS)
        assert plugin.somc_device_simulators() is plugin.SIMULATORS


@pytest.mark.parametrize("vendor", ["pingan", "zhaowei"])
def test_a_vendors_hall_can_print_call_display_speak_and_key(vendor: str) -> None:
    classes = {spec.device_class for spec in PLUGINS[vendor].DRIVERS}
    assert classes >= {
        DeviceClass.TICKET_PRINTER,
        DeviceClass.COUNTER_DISPLAY,
        DeviceClass.HALL_DISPLAY,
        DeviceClass.ANNOUNCER,
        DeviceClass.COUNTER_CALLER,
    }
