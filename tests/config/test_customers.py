"""The customer table: who is of which class, and what is wrong with a row."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somc.config import CustomerTable
from somc.config.customers import read_customers
from somc.errors import Fault

CLASSES = ("gotone", "mzone")
NAMED_AT = ("hall.toml", 7, "hall.customer_table")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "customers.csv"


def read(table: Path, text: str | bytes) -> tuple[CustomerTable, list[Fault]]:
    table.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_customers(table, CLASSES, NAMED_AT)


def test_exact_number_goes_before_a_prefix_and_a_longer_prefix_before_a_shorter(table: Path) -> None:
    customers, faults = read(table, "phone,class\n139*,mzone\n13900*,gotone\n13900000001,mzone\n")
    assert not faults
    assert customers.class_of("13900000001") == "mzone"
    assert customers.class_of("13900000002") == "gotone"
    assert customers.class_of("13910000000") == "mzone"
    assert customers.class_of("13800000000") is None
    assert customers.class_of("") is None
    assert len(customers) == 3


@given(
    st.dictionaries(st.text("12", min_size=1, max_size=4), st.sampled_from(CLASSES)),
    st.dictionaries(st.text("12", min_size=1, max_size=3), st.sampled_from(CLASSES)),
    st.text("12", max_size=5),
)
def test_class_of_agrees_with_trying_every_prefix(
    exact: dict[str, str], prefixes: dict[str, str], phone: str
) -> None:
    fitting = sorted((prefix for prefix in prefixes if phone.startswith(prefix)), key=len)
    expected = exact.get(phone) or (prefixes[fitting[-1]] if fitting else None)
    assert CustomerTable(exact, prefixes).class_of(phone) == expected


def test_spaces_and_hyphens_mean_nothing(table: Path) -> None:
    customers, faults = read(table, "phone,class\n138 0013-8000,gotone\n+44 20*,mzone\n")
    assert not faults
    assert customers.class_of("13800138000") == "gotone"
    assert customers.class_of("138-0013 8000") == "gotone"
    assert customers.class_of("+44 2070000000") == "mzone"


def test_comments_blank_lines_quotes_and_a_byte_order_mark_are_no_mistake(table: Path) -> None:
    text = '\ufeff# list\n\nPhone, Class\r\n"13800138000","gotone"\r\n  # end\n'
    customers, faults = read(table, text)
    assert not faults
    assert customers.class_of("13800138000") == "gotone"


@pytest.mark.parametrize(
    ("row", "key", "found", "allowed"),
    [
        ("1380013800x,gotone", "phone", "1380013800x", "3 to 20 digits"),
        ("１３８００１３８０００,gotone", "phone", "１３８", "3 to 20 digits"),
        ("*,gotone", "phone", "*", "a star"),
        ("13*00,gotone", "phone", "13*00", "a star"),
        (",gotone", "phone", "nothing", "3 to 20 digits"),
        ("12,gotone", "phone", "12", "3 to 20 digits"),
        ("13800138000,gotne", "class", "the class 'gotne'", "did you mean 'gotone'?"),
        ("13800138000,", "class", "nothing", "one of gotone, mzone"),
        ("13800138000", "row", "1 value", "phone,class"),
        ("13800138000,gotone,x", "row", "3 values", "phone,class"),
        ('"13800138000,gotone', "row", "unexpected end of data", "comma"),
        ("13900000000,mzone", "phone", "the same as in line 2", "once"),
        ("139 0000 0000,gotone", "phone", "the same as in line 2", "once"),
    ],
)
def test_wrong_row_is_told_with_its_line(table: Path, row: str, key: str, found: str, allowed: str) -> None:
    _, faults = read(table, f"phone,class\n13900000000,mzone\n{row}\n13700000000,mzone\n")
    assert [(fault.file, fault.line, fault.key) for fault in faults] == [(str(table), 3, key)]
    assert found in faults[0].found
    assert allowed in faults[0].allowed


def test_all_wrong_rows_are_told(table: Path) -> None:
    _, faults = read(table, "phone,class\nx,y\n13800138000\n139*,mzone\n139*,mzone\n")
    assert [(fault.line, fault.key) for fault in faults] == [
        (2, "phone"),
        (2, "class"),
        (3, "row"),
        (5, "phone"),
    ]


def test_number_given_twice_is_not_repeated_in_the_message(table: Path) -> None:
    _, (fault,) = read(table, "phone,class\n13900000000,mzone\n13900000000,mzone\n")
    assert "13900000000" not in str(fault)


def test_missing_heading_is_told_and_the_first_row_is_read(table: Path) -> None:
    customers, faults = read(table, "13800138000,gotone\n")
    assert [(fault.line, fault.key) for fault in faults] == [(1, "heading")]
    assert customers.class_of("13800138000") == "gotone"


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n"])
def test_empty_table_is_told(table: Path, text: str) -> None:
    _, faults = read(table, text)
    assert [fault.key for fault in faults] == ["heading"]


def test_table_saved_as_gbk_is_told_with_its_line(table: Path) -> None:
    _, faults = read(table, "phone,class\n# 号码\n".encode("gbk"))
    assert [(fault.line, fault.key) for fault in faults] == [(2, "encoding")]
    assert "GBK" in faults[0].allowed


def test_table_that_is_missing_is_told_at_the_key_that_names_it(table: Path) -> None:
    _, faults = read_customers(table, CLASSES, NAMED_AT)
    assert [(fault.file, fault.line, fault.key) for fault in faults] == [NAMED_AT]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_or_faults(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    table = tmp_path_factory.getbasetemp() / "any.csv"
    customers, faults = read(table, b"phone,class\n" + raw)
    assert all("\n" not in str(fault) for fault in faults)
    assert faults or all(name in CLASSES for name in customers.exact.values())
