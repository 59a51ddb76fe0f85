"""The C core by default, the reference only when asked for, and no silent fallback between them."""

import sys

import pytest

from somc import scheduler
from somc.scheduler.choose import create, factory


def test_the_core_in_c_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOMC_PURE", raising=False)
    assert create().implementation == "native"


def test_somc_pure_asks_for_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOMC_PURE", "1")
    assert create().implementation == "reference"
    monkeypatch.setenv("SOMC_PURE", "0")
    assert create().implementation == "native"


def test_without_the_core_the_error_names_both_remedies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOMC_PURE", raising=False)
    monkeypatch.setitem(sys.modules, "somc._sched", None)
    monkeypatch.delitem(sys.modules, "somc.scheduler.native", raising=False)
    with pytest.raises(ImportError, match=r"C compiler.*SOMC_PURE=1 to run"):
        factory()


def test_the_package_exports_the_interface() -> None:
    assert scheduler.__all__ == [
        "DISTRIBUTIONS",
        "GROUP_LIMIT",
        "LEVEL_LIMIT",
        "MEAN_LIMIT",
        "NEVER",
        "NEWCOMER",
        "NOBODY",
        "RATE_LIMIT",
        "RATIO_STEP",
        "RULES",
        "SCORE_LIMIT",
        "SHARE_LIMIT",
        "TIME_LIMIT",
        "TOP_LEVEL",
        "WAIT_LIMIT",
        "Choice",
        "Head",
        "Idle",
        "Lane",
        "Place",
        "Rule",
        "Runner",
        "Scheduler",
        "SchedulerFactory",
        "Server",
        "Terms",
        "restore",
    ]
    assert all(hasattr(scheduler, name) for name in scheduler.__all__)
