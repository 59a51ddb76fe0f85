"""Every driver over every link passes the conformance kit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import trio.testing

from somc_hal.drivers import DRIVERS, DriverSpec
from somc_hal.simulators.host import Where
from somc_hal.testing import Check, checks_for, simulated


def _cases(*wheres: Where) -> Iterator[Any]:
    for spec in DRIVERS:
        for where in wheres:
            for check in checks_for(spec):
                name = getattr(check, "__name__", "check")
                yield pytest.param(spec, where, check, id=f"{spec.name}-{where}-{name}")


async def passes(spec: DriverSpec, where: Where, check: Check) -> None:
    """The driver passes this rule at a bench."""
    # A simulator prints at once; a muted one is given up after this.
    more = {"print_timeout_s": 0.3} if spec.name == "escpos" else {}
    make = simulated(spec, where)

    def bench(**options: Any) -> Any:
        return make(**{**more, **options})

    await check(bench)


@pytest.mark.parametrize(("spec", "where", "check"), list(_cases("memory")))
async def test_conformance_in_virtual_time(
    spec: DriverSpec, where: Where, check: Check, autojump_clock: trio.testing.MockClock
) -> None:
    await passes(spec, where, check)


@pytest.mark.parametrize(("spec", "where", "check"), list(_cases("pty", "tcp")))
async def test_conformance(spec: DriverSpec, where: Where, check: Check) -> None:
    await passes(spec, where, check)
