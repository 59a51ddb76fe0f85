"""The public conformance kit, against devices whose drivers work in their plugin's own process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from somc.runtime.plugins.placed import RemoteSpec
from somc.testing.hall import hall_with
from somc_hal import devices
from somc_hal.devices import DeviceClass
from somc_hal.testing import QUICK, Bench, BenchFactory, checks_for, simulated
from somc_hal.testing.rules import every

KEPT = {
    "escpos": "standard_devices",
    "reference-keypad": "standard_devices",
    "reference-announcer": "standard_devices",
    "pager21": "pager21",
}
"""Driver → its plugin: one for each way to cross, a job, a content with events, speech, and a vendor's. These
keep every rule; the drivers of the other classes, which cross by the same table, are used."""

PRINTING = {"print_timeout_s": 0.3}


def bench_of(spec: RemoteSpec, simulator: Any) -> BenchFactory:
    """Benches whose driver is in the plugin's process and whose simulator is here, joined by a pty."""

    @asynccontextmanager
    async def make(*, neighbour: bool = False, **more: Any) -> AsyncIterator[Bench]:
        more = {**PRINTING, **more}
        chosen = {**QUICK, **more, **({"polled": True, "poll_s": 0.01} if neighbour else {})}
        chosen = {key: value for key, value in chosen.items() if key in spec.options_schema}
        for options in (chosen, {**chosen, "address": 2}) if neighbour else (chosen,):
            await spec.learn("device", "pty:///dev/null", options)
        async with simulated(spec, "pty", simulator=simulator)(neighbour=neighbour, **more) as bench:
            yield bench

    return make


@pytest.mark.parametrize("name", KEPT)
async def test_a_driver_in_a_process_of_its_own_keeps_every_rule_of_its_class(name: str) -> None:
    async with hall_with(KEPT[name], isolation="process") as hall:
        plugins = hall.host.plugins
        spec: Any = hall.host.placed(plugins, {}).drivers()[name]
        assert isinstance(spec, RemoteSpec)
        for check in checks_for(plugins.drivers()[name], url="pty:///dev/null"):
            await check(bench_of(spec, plugins.simulators()[name]))
        assert hall.faults(KEPT[name]) is None


async def test_every_class_of_device_is_used_in_a_process_of_its_own() -> None:
    async with hall_with("standard_devices", isolation="process") as hall:
        plugins = hall.host.plugins
        there: dict[str, Any] = hall.host.placed(plugins, {}).drivers()
        used = {spec.device_class: name for name, spec in there.items() if name in plugins.simulators()}
        assert used.keys() == set(DeviceClass)
        for kind, name in used.items():
            await there[name].learn("device", "pty:///dev/null", {})
            interface = getattr(devices, kind.value.title().replace("_", ""))
            assert isinstance(there[name].make("device", "pty:///dev/null", {}), interface)
            bench = bench_of(there[name], plugins.simulators()[name])
            await every.what_is_used_reaches_the_device_once_and_in_order(bench)
