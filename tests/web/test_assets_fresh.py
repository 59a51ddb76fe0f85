"""The committed pages are what their sources build, as far as that can be told without Node.

`somc/web/dist/manifest.json` holds a hash over everything the pages are built from and one per built
file. The other half of the guard, a rebuild that must change nothing, is `somc/web/check-build.sh`.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[2] / "somc" / "web"
DIST = WEB / "dist"
REMEDY = "run `make ui` and commit somc/web/dist"

SOURCES = (
    "index.html",
    "package-lock.json",
    "package.json",
    "src",
    "tools",
    "tsconfig.json",
    "vite.config.ts",
)
"""What a build depends on; the same list as `SOURCES` in somc/web/tools/manifest.mjs."""


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def files_below(path: Path) -> list[Path]:
    return [path] if path.is_file() else [found for found in path.rglob("*") if found.is_file()]


def sources_sha256(web: Path) -> str:
    """As somc/web/tools/manifest.mjs computes it: the hash of the sorted lines `<sha256>  <path>`."""
    named = {
        found.relative_to(web).as_posix(): found for name in SOURCES for found in files_below(web / name)
    }
    lines = [f"{sha256(named[path])}  {path}\n" for path in sorted(named, key=lambda path: path.encode())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@pytest.fixture(scope="module")
def manifest() -> dict[str, object]:
    loaded = json.loads((DIST / "manifest.json").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def test_assets_were_built_from_these_sources(manifest: dict[str, object]) -> None:
    assert manifest["sources_sha256"] == sources_sha256(WEB), f"the pages' sources changed: {REMEDY}"


def test_assets_are_the_built_files_untouched(manifest: dict[str, object]) -> None:
    found = {path.relative_to(DIST).as_posix(): sha256(path) for path in files_below(DIST)}
    found.pop("manifest.json")
    assert found == manifest["files"], f"somc/web/dist was changed by hand or is incomplete: {REMEDY}"


def test_hash_changes_with_any_source(tmp_path: Path) -> None:
    for name in SOURCES:
        target = tmp_path / name
        if "." in name:
            target.write_text("a")
        else:
            target.mkdir()
            (target / "one.ts").write_text("a")
    before = sources_sha256(tmp_path)
    (tmp_path / "src" / "one.ts").write_text("b")
    changed = sources_sha256(tmp_path)
    (tmp_path / "src" / "one.ts").rename(tmp_path / "src" / "two.ts")
    assert len({before, changed, sources_sha256(tmp_path)}) == 3


def test_both_guards_hash_the_same_list() -> None:
    text = (WEB / "tools" / "manifest.mjs").read_text(encoding="utf-8")
    listed = re.search(r"SOURCES = \[(.*?)\]", text, re.DOTALL)
    assert listed is not None
    assert tuple(re.findall(r'"([^"]+)"', listed[1])) == SOURCES


def test_pages_hold_nothing_that_the_content_security_policy_forbids() -> None:
    page = (DIST / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?![^>]*\ssrc=)", page)
    for script in DIST.rglob("*.js"):
        assert not re.search(r"\beval\(|\bnew Function\(", script.read_text(encoding="utf-8")), script.name


def test_pages_load_nothing_from_other_hosts() -> None:
    namespaces = {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1998/Math/MathML",
        "http://www.w3.org/1999/xlink",
        "http://www.w3.org/2000/xmlns/",
        "http://www.w3.org/XML/1998/namespace",
    }
    for built in files_below(DIST):
        found = set(re.findall(r"https?://[^\s\"'`)<>\\]+", built.read_text(encoding="utf-8")))
        foreign = {url for url in found - namespaces if not url.startswith("https://vuejs.org/")}
        assert not foreign, f"{built.name} names {foreign}"
