"""A kit that finds nothing proves nothing: for each rule there is a driver that fails this rule and no
other."""

from __future__ import annotations

from typing import Any

import pytest

from somc_hal.testing import CHECKS, Check, checks_for, simulated
from somc_hal.testing.rules import bench_rule, every

from .bad_drivers import BAD, spec_of


def _name(check: Check) -> str:
    return getattr(check, "__name__", "check")


def test_every_rule_has_its_bad_driver() -> None:
    rules = {check for checks in CHECKS.values() for check in checks}
    rules |= {every.a_silent_address_holds_up_no_other, every.a_one_way_device_is_never_said_to_confirm}
    assert set(BAD) == rules


@pytest.mark.parametrize("rule", BAD, ids=_name)
async def test_a_bad_driver_fails_exactly_its_rule(rule: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    # A driver that hangs is cut off by the rule's deadline; here that is waited for.
    bad, options = BAD[rule]
    spec = spec_of(bad)
    make = simulated(spec, "memory")

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
