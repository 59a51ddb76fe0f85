"""The directory of halls: read whole, or every mistake at once; its page says what is read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from somc.config.halls import Directory, directory_rows, read_halls
from somc.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/halls-file.md").read_text(encoding="utf-8")
HALL = '[hall.a]\nname = "A"\nlatitude = 39.9\nlongitude = 116.4\nurl = "https://a.example.com/"\n'


def read(folder: Path, text: str) -> Directory:
    file = folder / "halls.toml"
    file.write_text(text, encoding="utf-8")
    return read_halls(file)


def test_a_directory_gives_its_halls_in_order_with_the_datum(tmp_path: Path) -> None:
    found = read(tmp_path, HALL + HALL.replace("hall.a", "hall.b") + "[directory]\ndatum = 'GCJ-02'\n")
    assert [hall.id for hall in found.halls] == ["a", "b"]
    assert found.datum == "GCJ-02"
    assert found.halls[0].url == "https://a.example.com"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (HALL.replace("39.9", "91"), "hall.a.latitude"),
        (HALL.replace("116.4", "true"), "hall.a.longitude"),
        (HALL.replace("https:", "ftp:"), "hall.a.url"),
        (HALL.replace("name", "nmae"), "hall.a.nmae"),
        (HALL + '[directory]\ndatum = "BD-09"\n', "directory.datum"),
        (HALL + "[halls]\n", "halls"),
        ("", "hall"),
        ("hall = 3\n", "hall"),
    ],
)
def test_a_mistake_is_told_with_its_key(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, text)
    assert key in [fault.key for fault in caught.value.faults]


def test_the_page_lists_every_key_and_its_example_loads(tmp_path: Path) -> None:
    listed = [
        tuple(cell.strip() for cell in row.strip("| ").split(" | "))
        for row in PAGE.splitlines()
        if row.startswith("| `")
    ]
    assert listed == [(f"`{key}`", *cells) for key, *cells in directory_rows()]
    [example] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert len(read(tmp_path, example).halls) == 1


def test_the_example_hall_finds_itself_in_its_directory() -> None:
    halls = read_halls(ROOT / "examples/hall/halls.toml").halls
    assert sum(hall.org == "somc/shoudu/xicheng/xidan" for hall in halls) == 1
