"""The pages: each is reachable from the index, every link leads somewhere, every block of Python compiles."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
INDEX = DOCS / "README.md"
READMES = (ROOT / "README.md", ROOT / "README.zh.md")
PAGES = (*sorted(DOCS.rglob("*.md")), *READMES, ROOT / "CHANGES.md")

LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
FENCED = re.compile(r"^( *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^\1```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (?P<words>.+)$", re.MULTILINE)


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """The files that the page links to, each with the anchor ('' for the top)."""
    for match in LINK.finditer(prose(page)):
        target = match["target"]
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield ((page.parent / path).resolve() if path else page), anchor


def anchors(page: Path) -> set[str]:
    """As the usual renderers make them from headings."""
    words = (re.sub(r"[^\w\- ]", "", match["words"].lower()) for match in HEADING.finditer(prose(page)))
    return {word.strip().replace(" ", "-") for word in words}


def test_every_page_is_reachable_from_the_index() -> None:
    seen, waiting = {INDEX}, [INDEX]
    while waiting:
        for target, _ in links(waiting.pop()):
            if target.suffix == ".md" and target.exists() and target not in seen:
                seen.add(target)
                waiting.append(target)
    assert sorted(map(name, set(DOCS.rglob("*.md")) - seen)) == []


def test_the_readmes_lead_to_the_index() -> None:
    for readme in READMES:
        assert INDEX in {target for target, _ in links(readme)}, name(readme)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in links(page):
        assert target.exists(), f"{name(page)} links to {target.name}, which is not there"
        if anchor:
            assert anchor in anchors(target), f"{name(page)} links to #{anchor}, no heading of {target.name}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_python_in_a_page_compiles(page: Path) -> None:
    for number, match in enumerate(FENCED.finditer(page.read_text(encoding="utf-8"))):
        if match["language"] == "python":
            where = f"{name(page)}, block {number}"
            compile(match["text"], where, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("page", READMES, ids=name)
def test_make_targets_in_the_readme_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|\$ )make (\w+)", page.read_text(encoding="utf-8")))
    assert {"run", "test"} <= named
    assert named <= set(re.findall(r"^(\w+):", makefile, re.MULTILINE))


def test_both_readmes_have_the_same_structure() -> None:
    english, chinese = (prose(readme).count("\n## ") for readme in READMES)
    assert english == chinese
