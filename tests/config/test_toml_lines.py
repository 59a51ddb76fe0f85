"""The line index against `tomllib`: every key it knows has a line, and that line holds the key."""

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from somc.config.toml_lines import KeyPath, lines_of

BARE = re.compile(r"[A-Za-z0-9_-]+")

KEYS = st.one_of(
    st.sampled_from(["a", "b", "c", "name", "x-1", "7"]),
    st.sampled_from(["", "a.b", "#no", "]", "[", '"', "'", "=", "台席", "new\nline", "{ x }", "\\", "\t"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x7f"), max_size=4),
)


def rendered(key: str) -> str:
    return key if BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)


SCALARS = st.sampled_from(
    [
        "1", "-2.5", "true", "inf", "0x1F", "1979-05-27 07:32:00Z", "07:32:00", "1979-05-27",
        '"plain"', '"# no comment ] } ="', r'"quote \" and \\"', "'literal \\'", "''", '""',
        '"""\nthree\n lines # ] """', '"""ends in two"""""', "'''\nraw ' '' \\ lines\n'''",
        '"""\\\n   joined"""',
        r'"""a \""" b"""',
    ]
)  # fmt: skip
GAPS = st.sampled_from(["", " ", "\n", "\n  # a comment, with ] and }\n", "  \n\n"])


@st.composite
def arrays(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    text = "["
    items = draw(st.lists(values, max_size=3))
    for number, item in enumerate(items):
        text += draw(GAPS) + item + draw(GAPS)
        if number < len(items) - 1 or draw(st.booleans()):
            text += ","
    return text + draw(GAPS) + "]"


@st.composite
def inline_tables(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    pairs = draw(st.lists(st.tuples(dotted_keys(), values), max_size=3))
    return "{ " + ", ".join(f"{key} = {value}" for key, value in pairs) + " }"


@st.composite
def dotted_keys(draw: st.DrawFn) -> str:
    parts = draw(st.lists(KEYS, min_size=1, max_size=3))
    return draw(st.sampled_from([".", " . ", " .", "\t."])).join(map(rendered, parts))


VALUES = st.recursive(SCALARS, lambda inner: arrays(inner) | inline_tables(inner), max_leaves=6)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A document of statements that mostly fit together; one that repeats itself is drawn again."""
    text = ""
    for _ in range(draw(st.integers(1, 8))):
        statement = draw(st.sampled_from(["pair", "pair", "pair", "table", "list"]))
        key = draw(dotted_keys())
        indent = draw(st.sampled_from(["", "  "]))
        comment = draw(st.sampled_from(["", "  # a = [1", "\n", "\n# [b]\n"]))
        if statement == "pair":
            line = f"{key} = {draw(VALUES)}"
        elif statement == "table":
            line = f"[{key}]"
        else:
            line = f"[[ {key} ]]"
        if is_valid(text + line):
            text += f"{indent}{line}{comment}\n"
    assume(text)
    return text.replace("\n", "\r\n") if draw(st.booleans()) and "'''" not in text else text


def is_valid(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def paths(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Every key and list item of a TOML value."""
    children: Iterator[tuple[str | int, Any]] = iter(())
    if isinstance(value, dict):
        children = iter(value.items())
    elif isinstance(value, list):
        children = iter(enumerate(value))
    for part, child in children:
        yield (*path, part)
        yield from paths(child, (*path, part))


@given(documents())
@example("[[a]]\nb = 1\n[[a.c]]\nd = 2\n[[a]]\n[[a.c]]\n[a.c.e]\nf = 3\n")
@example("a.b.c = 1\na.b.d = { e = [\n{ f = 1 },\n{ f = 2 } ] }\n")
@example('"a\\"b" = """\n]\n"""\nc = 1\n')
def test_every_key_has_a_line_that_holds_it(text: str) -> None:
    lines = lines_of(text)
    rows = text.replace("\r\n", "\n").split("\n")
    known = set(paths(tomllib.loads(text)))
    assert set(lines) == known
    for path in known:
        if isinstance(path[-1], str):
            assert rendered(path[-1]) in rows[lines[path] - 1]


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("a = 1\n\nb = 2", ("b",), 3),
        ("[t]\n# c\nk = 1", ("t", "k"), 3),
        ("[a.b]\nk = 1\n[a]\nj = 2", ("a",), 3),
        ("[a.b]\nk = 1", ("a",), 1),
        ('s = """\n[no]\nkey = 1\n"""\nend = 1', ("end",), 5),
        ("l = [\n  1,\n\n  2,\n]\n", ("l", 1), 4),
        ("l = [\n  { k = 1 },\n  { k = 2 },\n]\n", ("l", 1, "k"), 3),
        ("t = { a = 1, b = { c = 2 } }", ("t", "b", "c"), 1),
        ("[[d]]\nk = 1\n[[d]]\nk = 2", ("d", 1, "k"), 4),
        ("[[d]]\n[d.e]\nk = 1\n[[d]]\n[d.e]\nk = 2", ("d", 1, "e", "k"), 6),
        ("a.b = 1\na.c = 2", ("a", "c"), 2),
        ("a = 1\r\nb = 2\r\n", ("b",), 2),
    ],
)
def test_line_of(text: str, path: KeyPath, line: int) -> None:
    assert lines_of(text)[path] == line
