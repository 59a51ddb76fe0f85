"""A kit that finds nothing proves nothing: for each rule there is a driver that fails this rule and no
other."""

from __future__ import annotations

from typing import Any

import pytest
import trio.testing

from somc_hal.testing import Check, checks_for, simulated
from somc_hal.testing.rules import announcers, bench_rule, cameras, displays, events, every, printers

from .bad_drivers import BAD, SIMULATORS, TellsAnOutageTwice, spec_of


def _name(check: Check) -> str:
    return getattr(check, "__name__", "check")


def test_every_rule_has_its_bad_driver() -> None:
    rooms = (announcers, cameras, displays, events, every, printers)
    assert set(BAD) == {getattr(room, name) for room in rooms for name in room.__all__}


async def test_an_outage_that_is_told_twice_is_found(autojump_clock: trio.testing.MockClock) -> None:
    found = pytest.RaisesExc(AssertionError, match="told twice")
    with pytest.RaisesGroup(found, flatten_subgroups=True):
        await every.unplugging_is_reported_and_replugging_recovers(
            simulated(spec_of(TellsAnOutageTwice), "memory")
        )


@pytest.mark.parametrize("rule", BAD, ids=_name)
async def test_a_bad_driver_fails_exactly_its_rule(
    rule: Check, monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    # Nothing here leaves the loop, so that time can jump over every wait. A driver that hangs is cut off by
    # the rule's deadline; here that is waited for.
    bad, options = BAD[rule]
    spec = spec_of(bad)
    make = simulated(spec, "memory", simulator=SIMULATORS.get(spec.name))

    def bench(**more: Any) -> Any:
        return make(**{**options, **more})

    failed = set()
    for check in checks_for(spec, options):
        monkeypatch.setattr(bench_rule, "DEADLINE_S", 1.5 if check is rule else 20.0)
        try:
            await check(bench)
        except Exception:
            failed.add(_name(check))
    assert failed == {_name(rule)}
