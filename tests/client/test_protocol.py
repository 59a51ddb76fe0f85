"""The Python client keeps the protocol, whatever the hall and the network do."""

from __future__ import annotations

import pytest

from somc.testing.client_cases import CASES
from somc.testing.client_protocol import ENCODINGS, run_case
from tests.client.harness import in_process

RUNS = [(name, each) for name, case in CASES.items() for each in ENCODINGS[: 1 if case.timed else None]]


@pytest.mark.parametrize(("name", "encoding"), RUNS)
async def test_the_python_client(name: str, encoding: str, seed: int) -> None:
    assert await run_case(name, in_process, encoding, seed)
