"""What holds for every test: seeds are printed and can be set, nothing is left behind, CI skips nothing.

- `SOMC_SEED=N` sets the seed that the header prints, and Hypothesis begins from it too. Without it Hypothesis
  draws its own, remembers what failed, and prints how to repeat it.
- `SOMC_CAMPAIGN=1` searches far longer (`make campaign`).
- Under `CI=true` a skipped test is a failed one, unless `SKIPS_THAT_CI_CANNOT_CURE` says why.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.chromium import find_chromium

IN_CI = os.environ.get("CI") == "true"

SKIPS_THAT_CI_CANNOT_CURE = {
    "needs the right to mount": "a container may refuse mounts to root; RLIMIT_FSIZE tests the same fault",
    "needs systemd-analyze": "containers have no systemd; the unit's text is tested beside it",
}
"""Beginnings of reasons, and why nothing that CI could install would help."""

hypothesis.settings.register_profile("usual", deadline=None, print_blob=True)
hypothesis.settings.register_profile("campaign", deadline=None, print_blob=True, max_examples=5_000)
hypothesis.settings.load_profile("campaign" if os.environ.get("SOMC_CAMPAIGN") == "1" else "usual")


@pytest.hookimpl(tryfirst=True)  # before Hypothesis reads its option
def pytest_configure(config: pytest.Config) -> None:
    # A shell without job control starts what runs behind (`make test &`) with it ignored, and so would be
    # every program that a test starts and interrupts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if "SOMC_SEED" in os.environ:
        config.option.hypothesis_seed = os.environ["SOMC_SEED"]
    # In the environment, so that the worker processes of pytest-xdist draw the same.
    elif not hasattr(config, "workerinput"):
        os.environ["SOMC_SEED"] = str(random.SystemRandom().randrange(2**32))


def pytest_report_header() -> str:
    return f"SOMC_SEED={os.environ['SOMC_SEED']}"


@pytest.fixture(scope="session")
def seed() -> int:
    """The run's seed, as the header prints it."""
    return int(os.environ["SOMC_SEED"])


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium that starts."""
    path = find_chromium()
    if path is None:
        pytest.skip("needs Chromium: make test brings one, or apt-get install chromium")
    return path


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        curable = not any(
            reason.removeprefix("Skipped: ").startswith(known) for known in SKIPS_THAT_CI_CANNOT_CURE
        )
        if curable:
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid}: skipped under CI=true, where nothing is: {reason}"
    return report


@pytest.fixture(scope="session", autouse=True)
def _no_process_left_behind() -> Iterator[None]:
    yield
    left = children()
    assert not left, f"tests left processes running: {left}"


def children() -> dict[int, str]:
    """The living children of this process by their id, with their command lines (Linux; else none)."""
    found = {}
    for task in Path("/proc/self/task").glob("*/children"):
        for child in task.read_text(encoding="ascii").split():
            try:
                line = (
                    Path("/proc", child, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
            except OSError:
                continue
            if line.strip():  # a zombie has none: it ended, and only its parent has yet to ask
                found[int(child)] = line.strip()
    return found
