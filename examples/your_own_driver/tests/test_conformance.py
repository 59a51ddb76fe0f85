"""The rules every driver has to pass, over memory, a pseudo-terminal and TCP."""

from __future__ import annotations

from typing import Any

import pytest
from marquee_strip.driver import SPEC
from marquee_strip.simulator import MarqueeSimulator

from somc_hal.testing import checks_for, simulated


@pytest.mark.parametrize("where", ["memory", "pty", "tcp"])
@pytest.mark.parametrize("check", checks_for(SPEC), ids=lambda check: check.__name__)
async def test_conformance(check: Any, where: Any) -> None:
    await check(simulated(SPEC, where, simulator=MarqueeSimulator))
