"""Tutorials do what they say: their `sh` blocks run one after the other, their `text` blocks come out.

A block under a line "`name`:" is written to the file of that name before.
In a `text` block `…` stands for anything; its lines must come out in that order, others may come between.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from somc.cli.plugin_projects import project

TUTORIALS = Path(__file__).parents[2] / "docs" / "tutorials"
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
YOUR_OWN_DRIVER = TUTORIALS.parents[1] / "examples" / "your_own_driver"
LIMIT_S = 120
STRICT = "set -euo pipefail\n"


def run(script: str, folder: Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr; the script's process group is ended with it."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with subprocess.Popen(
        ["bash", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as bash:
        try:
            came, said = bash.communicate(timeout=LIMIT_S)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(bash.pid, signal.SIGKILL)
    return bash.returncode, came, said


@pytest.mark.parametrize("page", sorted(TUTORIALS.glob("*.md")), ids=lambda page: page.stem)
def test_a_tutorial_does_what_it_says(page: Path, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    text = page.read_text(encoding="utf-8")
    for name, content in FILE.findall(text):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    blocks = BLOCK.findall(text)
    script = STRICT + "".join(text for kind, text in blocks if kind == "sh")
    code, came, said = run(script, tmp_path)
    assert code == 0, came + said
    promised = [line for kind, text in blocks if kind == "text" for line in text.splitlines()]
    assert promised
    came = came.replace(f"{tmp_path}/", "")
    for line in promised:
        pattern = ".*".join(map(re.escape, line.split("…")))
        found = re.search(f"^{pattern}$", came, re.MULTILINE)
        assert found, f"{page.name} promises {line!r} next; what came was:\n{came}"
        came = came[found.end() :]


def test_the_driver_tutorial_is_the_example() -> None:
    """Every file of the example stands on the page, as it is."""
    written = dict(FILE.findall((TUTORIALS / "write-a-driver.md").read_text(encoding="utf-8")))
    files = [path for path in YOUR_OWN_DRIVER.rglob("*") if path.suffix in {".py", ".toml"}]
    assert written == {
        path.relative_to(YOUR_OWN_DRIVER).as_posix(): path.read_text(encoding="utf-8") for path in files
    }


def test_the_plugin_tutorial_is_the_example() -> None:
    """The example is the project that `somc plugin new` makes, with what the page writes into it."""
    example = TUTORIALS.parents[1] / "examples" / "your_own_plugin"
    page = (TUTORIALS / "your-first-plugin.md").read_text(encoding="utf-8")
    written = dict(re.findall(r"cat > acme_greeting/(\S+) <<'PYTHON'\n(.*?)^PYTHON$", page, re.M | re.S))
    files = {**project("acme_greeting", "feature"), **written}
    del files["README.md"]
    assert {
        path.relative_to(example).as_posix(): path.read_text(encoding="utf-8")
        for path in example.rglob("*")
        if path.suffix in {".py", ".toml"}
    } == files
