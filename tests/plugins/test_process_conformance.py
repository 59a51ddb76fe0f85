"""The public conformance kit, against devices whose drivers work in their plugin's own process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from somc.runtime.plugins.placed import RemoteSpec
from somc.testing.hall import hall_with
from somc_hal.devices import DeviceClass
from somc_hal.drivers.base import DriverSpec
from somc_hal.testing import QUICK, Bench, BenchFactory, checks_for, simulated

KEPT: Mapping[str, tuple[str, ...]] = {
    "standard_devices": ("escpos", "reference-announcer", "reference-camera"),
    "pager21": ("pager21",),
}
"""One driver for each way to cross: a job, speech, a picture, a content with events. The others are the same
driver classes behind the same table."""


def bench_of(spec: RemoteSpec, simulator: Any) -> BenchFactory:
    """Benches whose driver is in the plugin's process and whose simulator is here, joined by a pty."""

    @asynccontextmanager
    async def make(*, neighbour: bool = False, **more: Any) -> AsyncIterator[Bench]:
        chosen = {**QUICK, **more, **({"polled": True, "poll_s": 0.01} if neighbour else {})}
        chosen = {key: value for key, value in chosen.items() if key in spec.options_schema}
        for options in (chosen, {**chosen, "address": 2}) if neighbour else (chosen,):
            await spec.learn("device", "pty:///dev/null", options)
        async with simulated(spec, "pty", simulator=simulator)(neighbour=neighbour, **more) as bench:
            yield bench

    return make


@pytest.mark.parametrize("plugin", KEPT)
async def test_a_driver_in_a_process_of_its_own_keeps_every_rule_of_its_class(plugin: str) -> None:
    async with hall_with(plugin, isolation="process") as hall:
        plugins = hall.host.plugins
        there: dict[str, Any] = hall.host.placed(plugins, {}).drivers()
        here: dict[str, DriverSpec] = plugins.drivers()
        for name in KEPT[plugin]:
            assert isinstance(there[name], RemoteSpec)
            for check in checks_for(here[name], url="pty:///dev/null"):
                await check(bench_of(there[name], plugins.simulators()[name]))
    assert len({here[name].device_class for name in KEPT[plugin]} - {DeviceClass.HALL_DISPLAY}) > 0
