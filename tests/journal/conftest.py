"""A folder that no journal was opened in yet, and a clock to turn."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journal.samples import TurnedClock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()
