"""Node for the tests that need it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.node import WITHOUT, bring_packages, bundled, find_node


@pytest.fixture(scope="session")
def node() -> str:
    """The path of Node, with the pages' packages installed."""
    path = find_node()
    if path is None or not bring_packages():
        pytest.skip(WITHOUT)
    return path


@pytest.fixture(scope="session")
def pages_client(node: str, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that runs the pages' client as a program under test."""
    made: Path = bundled("tests/node/underTest.ts", tmp_path_factory.mktemp("bundle"))
    return [node, str(made)]
