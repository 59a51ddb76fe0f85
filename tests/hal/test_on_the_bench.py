"""The kit against a device on the bench; here a simulator plays it, seen only through its wire."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from somc_hal import DRIVERS, DriverSpec, Key, driver_spec
from somc_hal.simulators import SimulatorHost, hosted, make_simulator
from somc_hal.testing import QUICK, check_device

from .bad_drivers import PrintsAgain, PromisesTooMuch, spec_of


def _options(spec: DriverSpec) -> dict[str, Any]:
    return {key: value for key, value in QUICK.items() if key in spec.options_schema}


@pytest.mark.parametrize("spec", DRIVERS, ids=lambda spec: spec.name)
async def test_every_driver_passes_without_a_person(spec: DriverSpec) -> None:
    simulator: Any = make_simulator(spec.name)
    if hasattr(simulator, "s_per_cell"):
        simulator.s_per_cell = 0
    async with hosted(simulator, "pty") as host:
        findings = await check_device(spec, host.url, _options(spec))
    assert {finding.outcome for finding in findings} <= {"passed", "skipped"}, findings
    assert findings[0].step == "goes online"
    assert findings[0].outcome == "passed"


class _Person:
    """Does what the bench asks for, at a simulated keypad."""

    def __init__(self, host: SimulatorHost, presses: int = 3) -> None:
        self.host = host
        self.presses = presses
        self.asked: list[str] = []

    async def __call__(self, words: str) -> bool:
        self.asked.append(words)
        simulator: Any = self.host.simulator
        if words.startswith("Use the device"):
            for _ in range(self.presses):
                simulator.press(Key.NEXT)
        elif words.startswith("Pull"):
            await self.host.unplug()
        elif words.startswith("Put"):
            await self.host.replug()
        return True


async def test_a_person_presses_and_pulls() -> None:
    spec = driver_spec("reference-keypad")
    async with hosted(make_simulator("reference-keypad"), "pty") as host:
        findings = await check_device(spec, host.url, _options(spec), ask=_Person(host))
        assert {finding.outcome for finding in findings} == {"passed"} or all(
            finding.outcome == "passed" or "declares everything" in finding.words for finding in findings
        ), findings
        findings = await check_device(spec, host.url, _options(spec), ask=_Person(host, presses=4))
    failed = [finding for finding in findings if finding.outcome == "failed"]
    assert [(one.step, one.words) for one in failed] == [
        ("tells what happens to it", "4 events came instead of 3")
    ]


@pytest.mark.parametrize(
    ("bad", "options", "step"),
    [
        (PromisesTooMuch, {}, "refuses what it does not declare"),
        (PrintsAgain, {}, "prints a job once"),
    ],
)
async def test_a_bad_driver_is_found_out(bad: type[Any], options: dict[str, Any], step: str) -> None:
    spec = spec_of(bad)
    async with hosted(make_simulator(spec.name), "pty") as host:
        findings = await check_device(spec, host.url, {**_options(spec), **options})
    assert [finding.step for finding in findings if finding.outcome == "failed"] == [step]


async def test_a_device_that_does_not_answer_fails_the_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    from somc_hal.testing import on_the_bench

    monkeypatch.setattr(on_the_bench, "ONLINE_S", 0.5)
    simulator = make_simulator("reference-strip")
    simulator.mute()
    async with hosted(simulator, "pty") as host:
        with trio.fail_after(20):
            findings = await check_device(
                driver_spec("reference-strip"), host.url, _options(driver_spec("reference-strip"))
            )
    assert [finding.outcome for finding in findings] == ["failed"]
    assert "the device is offline" in findings[0].words
