"""A smallest hall, and what `load` says about a changed one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from somc.config import HallConfig, load
from somc.errors import ConfigurationError, Fault

SMALLEST = """\
[hall]
org = "a/b/c/d"
name = { zh = "厅", en = "Hall" }
timezone = "Asia/Shanghai"
default_class = "plain"

[class.plain]
name = "普通"

[service.pay]
name = { zh = "缴费", en = "Payment" }
prefix = "A"

[counter.1]
skills = { pay = 1 }
"""

Loading = Callable[..., HallConfig]
Faulting = Callable[..., list[Fault]]


@pytest.fixture
def smallest() -> str:
    return SMALLEST


@pytest.fixture
def loaded(tmp_path: Path) -> Loading:
    """Load a text as hall.toml (`customers`: as customers.csv beside it)."""

    def load_text(text: str | bytes, customers: str | bytes | None = None, **known: Any) -> HallConfig:
        file = tmp_path / "hall.toml"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        if customers is not None:
            table = tmp_path / "customers.csv"
            table.write_bytes(customers.encode() if isinstance(customers, str) else customers)
        return load(file, **known)

    return load_text


@pytest.fixture
def faults_of(loaded: Loading) -> Faulting:
    """The faults of a text that must have some."""

    def faults(text: str | bytes, customers: str | bytes | None = None, **known: Any) -> list[Fault]:
        with pytest.raises(ConfigurationError) as caught:
            loaded(text, customers, **known)
        return list(caught.value.faults)

    return faults
