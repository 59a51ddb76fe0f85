"""Every driver over every link passes the conformance kit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from somc_hal.drivers import DRIVERS, DriverSpec
from somc_hal.simulators.host import WHERES, Where
from somc_hal.testing import Check, checks_for, simulated


def _cases() -> Iterator[Any]:
    for spec in DRIVERS:
        for where in WHERES:
            for check in checks_for(spec):
                name = getattr(check, "__name__", "check")
                yield pytest.param(spec, where, check, id=f"{spec.name}-{where}-{name}")


@pytest.mark.parametrize(("spec", "where", "check"), list(_cases()))
async def test_conformance(spec: DriverSpec, where: Where, check: Check) -> None:
    # A simulator prints at once; a muted one is given up after this.
    more = {"print_timeout_s": 0.3} if spec.name == "escpos" else {}
    make = simulated(spec, where)

    def bench(**options: Any) -> Any:
        return make(**{**more, **options})

    await check(bench)
