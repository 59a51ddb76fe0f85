"""The conformance kit: one suite for every driver over every link.

    from somc_hal.testing import checks_for, simulated

    @pytest.mark.parametrize("check", checks_for(MY_DRIVER_SPEC))
    async def test_conformance(check):
        await check(simulated(MY_DRIVER_SPEC, "pty", simulator=MySimulator))

What must stay true: a check takes a factory of benches and nothing else, waits for events and never
for time to pass, and fails by an assertion or by its own deadline, never by hanging.
"""

from __future__ import annotations

from somc_hal.testing.bench import QUICK, Bench, BenchFactory, simulated
from somc_hal.testing.codec import decoder_is_chunk_invariant, decoder_survives_noise
from somc_hal.testing.conformance import CHECKS, Check, checks_for
from somc_hal.testing.on_the_bench import Finding, check_device
from somc_hal.testing.pace import PacedStream

__all__ = [
    "CHECKS",
    "QUICK",
    "Bench",
    "BenchFactory",
    "Check",
    "Finding",
    "PacedStream",
    "check_device",
    "checks_for",
    "decoder_is_chunk_invariant",
    "decoder_survives_noise",
    "simulated",
]
