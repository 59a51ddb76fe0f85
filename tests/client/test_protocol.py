"""Both clients keep the protocol, whatever the hall and the network do: one list of cases."""

from __future__ import annotations

import pytest

from somc.testing.client_cases import CASES
from somc.testing.client_protocol import ENCODINGS, run_case, starting
from tests.client.harness import in_process

RUNS = [(name, each) for name, case in CASES.items() for each in ENCODINGS[: 1 if case.timed else None]]
PAGES_CANNOT = {"pause"}
"""A page takes in what comes as it comes: it has nothing to be full."""


@pytest.mark.parametrize(("name", "encoding"), RUNS)
async def test_the_python_client(name: str, encoding: str, seed: int) -> None:
    assert await run_case(name, in_process, encoding, seed)


@pytest.mark.parametrize(
    ("name", "encoding"), [(name, each) for name, each in RUNS if CASES[name].needs not in PAGES_CANNOT]
)
async def test_the_client_of_the_pages(name: str, encoding: str, seed: int, pages_client: list[str]) -> None:
    assert await run_case(name, starting(pages_client), encoding, seed)
