"""The pages about configuration say what the schema says, and their examples load."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from somc.cli.check import command
from somc.config import load
from somc.config.schema import TABLES, reference_rows

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = DOCS / "reference" / "configuration.md"
HOW_TO = DOCS / "how-to" / "configure-a-hall.md"

ROW = re.compile(r"^\| `(?P<key>[a-zA-Z_.]+)` \| (.*) \|$", re.MULTILINE)
TOML_BLOCK = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[str]:
    return TOML_BLOCK.findall(page.read_text(encoding="utf-8"))


def test_reference_has_exactly_the_keys_of_the_schema_in_their_order() -> None:
    documented = [match["key"] for match in ROW.finditer(REFERENCE.read_text(encoding="utf-8"))]
    assert documented == [row[0] for row in reference_rows()]


@pytest.mark.parametrize("row", list(reference_rows()), ids=lambda row: row[0])
def test_reference_row_says_type_default_allowed_and_meaning(row: tuple[str, ...]) -> None:
    cells = [cell.replace("|", "\\|") for cell in row]
    line = f"| `{cells[0]}` | {' | '.join(cells[1:])} |"
    assert line in REFERENCE.read_text(encoding="utf-8").splitlines()


def test_every_table_of_the_schema_has_a_heading() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    assert re.findall(r"^## `(\[.*\])`$", text, re.MULTILINE) == [table.heading for table in TABLES]


def test_every_key_is_used_in_an_example() -> None:
    text = "\n".join(blocks(REFERENCE) + blocks(HOW_TO)) + (
        DOCS.parent / "examples/hall/hall.toml"
    ).read_text("utf-8")
    for key, *_ in reference_rows():
        if not re.fullmatch(r"hours\.(mon|tue|wed|thu|fri)", key):
            assert re.search(rf"\b{key.rsplit('.', 1)[1]} = ", text), key


@pytest.mark.parametrize("page", [REFERENCE, HOW_TO], ids=lambda page: page.stem)
def test_toml_blocks_load(page: Path, tmp_path: Path) -> None:
    """A block with [hall] is a whole file; any other is added to the page's first whole one, in which it
    replaces a table of the same heading."""
    (tmp_path / "customers.csv").write_text("phone,class\n13800138000,standard\n", encoding="utf-8")
    whole = next(block for block in blocks(page) if "[hall]" in block)
    assert len(blocks(page)) > 1
    for block in blocks(page):
        headings = re.findall(r"^\[.*\]$", block, re.MULTILINE)
        kept = [
            table
            for table in re.split(r"^(?=\[)", whole, flags=re.MULTILINE)
            if table.split("\n")[0] not in headings
        ]
        text = block if "[hall]" in block else "".join(kept) + block
        (tmp_path / "hall.toml").write_text(text, encoding="utf-8")
        load(tmp_path / "hall.toml")


def test_how_to_shows_what_somc_check_prints(tmp_path: Path) -> None:
    page = HOW_TO.read_text(encoding="utf-8")
    hall, devices = blocks(HOW_TO)
    (tmp_path / "customers.csv").write_text("phone,class\n13800138000,vip\n1390*,vip\n", encoding="utf-8")
    file = tmp_path / "hall.toml"
    for text in (
        hall.replace('prefix = "A"', 'prefx = "A"').replace("{ payment = 1 }", "{ paymnet = 1 }"),
        hall,
    ):
        file.write_text(text + devices, encoding="utf-8")
        printed = CliRunner().invoke(command, [str(file)]).stdout
        assert printed.replace(str(tmp_path), "/srv/hall") in page
