"""Every `data-test` name of the pages stands in docs/explanations/pages.md, and none that is gone."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "somc" / "web" / "src"
DOCS = ROOT / "docs" / "explanations" / "pages.md"

PLACEHOLDER = "*"


def one_of_many(name: str) -> str:
    """Names that a template fills in, or the docs spell out, one by one."""
    return re.sub(r"^(language|home|kiosk-digit)-\w+$", rf"\1-{PLACEHOLDER}", name)


def hooks_in_pages() -> set[str]:
    """The names in templates; what a template fills in is `*`."""
    found: set[str] = set()
    for source in PAGES.rglob("*.vue"):
        text = source.read_text(encoding="utf-8")
        for plain, filled in re.findall(r'(?<!:)data-test="([^"]+)"|:data-test="`([^`]+)`"', text):
            found.add(one_of_many(plain or re.sub(r"\$\{[^}]*\}", PLACEHOLDER, filled)))
        found.update(re.findall(r'\btest: "([^"]+)"', text))
    return found


def hooks_in_docs() -> set[str]:
    table = DOCS.read_text(encoding="utf-8").split("## Hooks for tests")[1]
    names = set()
    for name in re.findall(
        r"`((?:language|line|home|kiosk|display|counter|compact|card|second|media|transfer|monitor|acknowledge|policy|promise|admin)-[^`]*)`",
        table,
    ):
        names.add(one_of_many(re.sub(r"<[^>]*>", PLACEHOLDER, name)))
    return names


def test_hooks_of_the_pages_are_those_of_the_docs() -> None:
    assert hooks_in_pages() == hooks_in_docs()


def test_hooks_are_found_in_templates() -> None:
    assert {"kiosk-next", "kiosk-service-*", "counter-no-show", "monitor-counter-*"} <= hooks_in_pages()
