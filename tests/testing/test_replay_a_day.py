"""docs/how-to/replay-a-day.md: its commands run, and its table is what they measure."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from somc.config.policy_file import read_policy_file
from tests.testing.test_day import ARRIVALS, ROOT, needs_arrivals

PAGE = (ROOT / "docs" / "how-to" / "replay-a-day.md").read_text(encoding="utf-8")
POLICIES = ROOT / "examples" / "real_day" / "policies"

ROW = re.compile(
    r"^\| (?P<policy>[^|]*)\| (?P<name>\w+) \| (?P<called>\d+) \| (?P<mean>\d+) s \| (?P<p90>\d+) s "
    r"\| (?P<longest>\d+) s \| (?P<kept>[\d.]+)% \|$",
    re.MULTILINE,
)


def run(script: str, folder: Path) -> str:
    """The script's stdout; its failure is the test's."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", f"set -euo pipefail\n{script}"],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_arrivals
@pytest.mark.slow
def test_the_commands_of_the_page_give_its_table(tmp_path: Path) -> None:
    (tmp_path / "arrivals.csv").symlink_to(ARRIVALS)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (script,) = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert "happened under 'fifo', what if under 'gcmu'" in run(script, tmp_path)

    measured: list[tuple[str, ...]] = []
    for policy in ("fifo", "accumulating", "strict", "gcmu"):
        file = POLICIES / f"{policy}.toml"
        told = json.loads(run(f"somc replay recorded/19990203 --policy {file} --json", tmp_path))
        assert told["policy"]["what_if"] == [policy]
        groups = {**told["classes"], "all": told["all"]}
        assert list(groups) == ["premium", "medium", "ordinary", "all"]
        for name, sides in groups.items():
            would = sides["what_if"]
            times = (f"{would[key]:.0f}" for key in ("mean_s", "p90_s", "longest_s"))
            kept = f"{would['within_target'] * 100:.1f}"
            measured.append((name, str(would["called"]), *times, kept))
        if policy == "fifo":
            assert told["calls"]["the_same"] == told["calls"]["happened"]
    assert [
        row.group("name", "called", "mean", "p90", "longest", "kept") for row in ROW.finditer(PAGE)
    ] == measured


def test_the_policy_files_of_the_example_are_those_of_the_page() -> None:
    assert sorted(file.stem for file in POLICIES.glob("*.toml")) == ["accumulating", "fifo", "gcmu", "strict"]


def test_the_policy_file_on_the_page_can_be_read(tmp_path: Path) -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    file = tmp_path / "strict.toml"
    file.write_text(text, encoding="utf-8")
    assert read_policy_file(file).changes == {
        "policy.kind": "strict",
        "policy.max_wait_s": 600,
        "class.premium.priority": 1,
    }
