"""What stands on the slip, and that it fits every paper."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somc.announce.boards import width
from somc.announce.slip import expected, slip, wrapped
from somc.domain.values import Words
from somc_hal.values import Align, SlipLine
from tests.announce.standing import SERVICES, Standing

PAPERS = [
    {"zh": "机主有效身份证件原件", "en": "The subscriber's identity card (original)"},
    {"zh": "代办人证件", "en": "Proxy's card"},
]
WITH_PAPERS = {**SERVICES, "business": {**SERVICES["business"], "papers": PAPERS}}


def lines(hall: Standing, ticket_id: str, copy: int = 0, columns: int = 32, double: bool = True) -> list[str]:
    parts = slip(hall.state, hall.state.tickets[ticket_id], copy, columns=columns, double=double)
    assert all(isinstance(part, SlipLine) for part in parts)
    return [part.text for part in parts if isinstance(part, SlipLine)]


def test_a_slip_says_number_place_wait_and_when() -> None:
    hall = Standing()
    hall.open(1)
    hall.take()
    hall.call(1)
    ticket = hall.take()
    assert ticket.position == 1
    assert ticket.estimated_wait_s == 180
    ticket = hall.take()
    assert ticket.estimated_wait_s == 360
    assert lines(hall, ticket.id) == [
        "西单营业厅",
        "A003",
        "缴费 Payment",
        "您前面还有 1 位 / 1 ahead of you",
        "预计等候约 6 分钟 / about 6 min",
        "2026-03-02 09:00:06",
    ]


def test_the_number_is_large_and_bold() -> None:
    hall = Standing()
    ticket = hall.take()
    assert SlipLine("A001", Align.CENTER, double=True, bold=True) in slip(hall.state, ticket)


def test_a_printer_without_double_size_is_not_asked_for_it() -> None:
    hall = Standing()
    parts = slip(hall.state, hall.take(), double=False)
    assert not any(part.double for part in parts if isinstance(part, SlipLine))


def test_with_no_counter_open_no_wait_is_promised() -> None:
    hall = Standing()
    ticket = hall.take()
    assert ticket.estimated_wait_s is None
    assert "预计等候：请留意叫号" in lines(hall, ticket.id)
    assert "please wait for your call" in lines(hall, ticket.id)


@pytest.mark.parametrize(
    ("wait_s", "zh", "en"),
    [
        (7200, "预计等候约 120 分钟", "about 120 min"),
        (7201, "预计等候超过 2 小时", "over 2 hours"),
        (86_400, "预计等候超过 2 小时", "over 2 hours"),
    ],
)
def test_beyond_two_hours_no_minutes_are_told(wait_s: int, zh: str, en: str) -> None:
    ticket = msgspec.structs.replace(Standing().take(), estimated_wait_s=wait_s)
    assert expected(ticket) == (zh, en)


def test_papers_are_listed_and_broken_between_words() -> None:
    hall = Standing(services=WITH_PAPERS)
    ticket = hall.take("business")
    found = lines(hall, ticket.id)
    begin = found.index("请准备 / please prepare:")
    assert found[begin + 1 : begin + 5] == [
        " · 机主有效身份证件原件 The",
        "   subscriber's identity card",
        "   (original)",
        " · 代办人证件 Proxy's card",
    ]


def test_contributed_lines_are_printed_in_chinese() -> None:
    hall = Standing()
    ticket = hall.take(slip=(Words("本月话费优惠", "An offer"),))
    assert "本月话费优惠" in lines(hall, ticket.id)


def test_a_copy_is_marked_with_its_number_and_an_original_is_not() -> None:
    hall = Standing()
    ticket = hall.take()
    assert lines(hall, ticket.id, copy=2)[-1] == "补打 2 / COPY 2"
    assert not any("COPY" in line for line in lines(hall, ticket.id))


def test_a_slip_knows_nobody() -> None:
    hall = Standing()
    ticket = hall.take(person="p-secret", customer_class="gold")
    text = "\n".join(lines(hall, ticket.id))
    assert "p-secret" not in text
    assert "gold" not in text


@pytest.mark.parametrize("columns", [16, 24, 32, 42, 48, 96])
def test_no_line_is_wider_than_the_paper(columns: int) -> None:
    hall = Standing(services=WITH_PAPERS, name="国际移动通信有限责任公司首都分公司西城区西单营业厅")
    hall.open(1)
    for _ in range(12):
        ticket = hall.take("business", slip=(Words("一二三四五六七八九十" * 3, ""),))
    for part in slip(hall.state, ticket, 1, columns=columns):
        assert isinstance(part, SlipLine)
        assert width(part.text) * (2 if part.double else 1) <= columns, part
    assert any("业务办理" in line for line in lines(hall, ticket.id, columns=columns))


def test_a_number_too_wide_for_double_size_is_printed_single() -> None:
    wide = {"payment": {**SERVICES["payment"], "prefix": "缴费缴费"}}
    hall = Standing(services=wide, counters={1: {"payment": 1}})
    number = slip(hall.state, hall.take(), columns=16)[1]
    assert number == SlipLine("缴费缴费001", Align.CENTER, double=False, bold=True)


@given(text=st.text(st.sampled_from("abc 证件，。é\u0301"), max_size=60), columns=st.integers(2, 20))
def test_wrapping_loses_nothing_but_spaces_and_keeps_to_the_columns(text: str, columns: int) -> None:
    found = wrapped(text, columns)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(width(line) <= columns for line in found)
    assert all(line.strip() for line in found)


@given(words=st.lists(st.text(st.sampled_from("abc"), min_size=1, max_size=8), max_size=12))
def test_a_word_that_fits_a_line_is_never_broken(words: list[str]) -> None:
    assert " ".join(wrapped(" ".join(words), 8)).split() == words


def test_no_line_begins_with_closing_punctuation() -> None:
    assert wrapped("请准备身份证件，并稍候。", 14) == ["请准备身份证", "件，并稍候。"]
