"""`Connect a CRM` does what it says: its commands run one after the other and its `text` blocks come out."""

from __future__ import annotations

import re
import shutil
import socket
from pathlib import Path

import pytest

from tests.repository.test_tutorials import BLOCK, STRICT, run

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "how-to" / "connect-a-crm.md"
EXAMPLE = ROOT / "examples" / "hall_with_crm" / "hall.toml"


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_the_tables_of_the_page_are_those_of_the_example() -> None:
    text = PAGE.read_text(encoding="utf-8")
    tables = re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(tables) == 4
    for table in tables:
        assert table in EXAMPLE.read_text(encoding="utf-8")


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("data"))
    ports = {"8900": free_port(), "8080": free_port()}

    def on_free_ports(text: str) -> str:
        return re.sub(r"\b(8900|8080)\b", lambda found: ports[found[0]], text)

    hall = tmp_path / "examples" / "hall_with_crm" / "hall.toml"
    hall.write_text(on_free_ports(hall.read_text(encoding="utf-8")), encoding="utf-8")
    blocks = BLOCK.findall(on_free_ports(PAGE.read_text(encoding="utf-8")))
    script = STRICT + "".join(text for kind, text in blocks if kind == "sh")
    code, came, said = run(script, tmp_path)
    assert code == 0, came + said
    rest = came
    for line in "".join(text for kind, text in blocks if kind == "text").splitlines():
        pattern = ".*".join(re.escape(part) for part in line.strip().split("…"))
        found = re.search(pattern, rest)
        assert found, (
            f"'{line}' does not come out, after:\n{came[: len(came) - len(rest)]}\nin:\n{rest}\n{said}"
        )
        rest = rest[found.end() :]
