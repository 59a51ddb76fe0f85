"""Syntax mistakes: line and column, several at once, and no false alarm in their wake."""

from collections.abc import Callable

import pytest

from somc.config.toml_text import SYNTAX_FAULTS_LIMIT, parse
from somc.errors import Fault


def places(text: str) -> list[tuple[int, str]]:
    return [(fault.line, fault.found) for fault in parse(text, "f").faults]


def test_syntax_fault_names_line_column_and_text() -> None:
    (fault,) = parse('a = 1\nname "x"\nb = 2', "hall.toml").faults
    assert (fault.file, fault.line, fault.key) == ("hall.toml", 2, "syntax")
    assert "column 6" in fault.found
    assert 'name "x"' in fault.found
    assert "key = value" in fault.allowed


def test_full_width_signs_are_named_as_the_likely_cause() -> None:
    (fault,) = parse("name = “西单”", "f").faults
    assert "“ ” ， ＝" in fault.allowed


def test_each_broken_line_is_told_and_the_others_are_read() -> None:
    text = parse('a = 1\na = 2\nb = "x\nc = 3 4\nd = 5\n', "f")
    assert [fault.line for fault in text.faults] == [2, 3, 4]
    assert text.values == {"a": 1, "d": 5}
    assert text.partial


def test_key_given_twice_is_told_at_the_key_of_a_long_value() -> None:
    assert places("q = [1,\n2]\nq = [\n3,\n4]\nr = 1") == [
        (3, "a key that was given before (column 1) in: q = [")
    ]


def test_second_heading_of_a_table_takes_only_its_own_keys_with_it() -> None:
    text = parse("[counter.1]\na = 1\n[counter.1]\na = 2\n[counter.2]\na = 3", "f")
    assert [fault.line for fault in text.faults] == [3]
    assert "a second heading for the table 'counter'.'1'" in text.faults[0].found
    assert text.values == {"counter": {"1": {"a": 1}, "2": {"a": 3}}}


def test_unclosed_list_is_told_where_it_opens_and_once() -> None:
    text = parse("a = [1,\n2\nb = 3\n[c]\nd = 4", "f")
    assert [fault.line for fault in text.faults] == [1]
    assert text.values == {"b": 3, "c": {"d": 4}}


def test_inline_table_over_several_lines_is_one_mistake_that_says_so() -> None:
    text = parse("a = 1\nskills = { # all\n  pay = 1, # }\n  '}' = 2,\n}\nb = 2", "f")
    assert [fault.line for fault in text.faults] == [2]
    assert "must stand on one" in text.faults[0].found
    assert text.values == {"a": 1, "b": 2}


def test_rest_of_an_unclosed_inline_table_is_no_second_mistake() -> None:
    text = parse("a = { b = 1\n  , 'x'\nd = 1 2", "f")
    assert [fault.line for fault in text.faults] == [1, 3]


def test_unclosed_long_string_is_told_where_it_opens() -> None:
    text = parse('a = 1\nx = """abc\nd = 1\ne = 2\n', "f")
    assert [fault.line for fault in text.faults] == [2]
    assert text.values is None


@pytest.mark.parametrize(
    ("text", "found"),
    [("a = " + "[" * 5000, "nested too deeply"), ("a = " + "9" * 5000, "thousands of digits")],
)
def test_what_python_cannot_hold_is_one_fault(text: str, found: str) -> None:
    (fault,) = parse(text, "f").faults
    assert found in fault.found


def test_a_file_of_something_else_ends_after_a_few_faults() -> None:
    faults = parse("\n".join(f"<p>line {n}</p>" for n in range(500)), "f").faults
    assert len(faults) == SYNTAX_FAULTS_LIMIT


def test_line_that_was_left_out_makes_nothing_missing(
    smallest: str, faults_of: Callable[..., list[Fault]]
) -> None:
    broken = smallest.replace("[class.plain]", "[class.plain").replace('prefix = "A"', 'prefix = "A')
    faults = faults_of(broken + "[server]\nport = 'x'\n[device.d]\ndriver = 'x'\n")
    assert [(fault.line, fault.key) for fault in faults] == [
        (7, "syntax"),
        (12, "syntax"),
        (17, "server.port"),
    ]
