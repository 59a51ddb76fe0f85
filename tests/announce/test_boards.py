"""What the boards show for each state, and that no width cuts a character or a number."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somc.announce.boards import BoardWords, clip, hall_footer, hall_rows, keypad_face, strip_lines, width
from somc.domain import commands as c
from somc.domain.values import Words
from somc_hal.text import fit
from somc_hal.values import HallRow
from tests.announce.standing import SERVICES, Standing

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


# -- strip ----------------------------------------------------------------------------------------


def test_a_strip_says_closed_welcome_and_paused() -> None:
    hall = Standing()
    assert strip_lines(hall.state, hall.counter(1), 2, 16) == ["停止服务", "CLOSED"]
    hall.open(1)
    assert strip_lines(hall.state, hall.counter(1), 2, 16) == ["欢迎光临", "WELCOME"]
    hall.do(c.PauseCounter(by="agent:li", counter=1, reason="lunch"))
    assert strip_lines(hall.state, hall.counter(1), 2, 16) == ["暂停服务", "PAUSED"]
    hall.do(c.ResumeCounter(by="agent:li", counter=1))
    hall.do(c.CloseCounter(by="agent:li", counter=1))
    assert strip_lines(hall.state, hall.counter(1), 2, 16) == ["停止服务", "CLOSED"]


def test_a_strip_says_whom_its_counter_calls_and_then_serves() -> None:
    hall = Standing()
    hall.open(12)
    hall.take()
    hall.call(12)
    assert strip_lines(hall.state, hall.counter(12), 2, 16) == ["请A001到12号", "A001 to No. 12"]
    hall.start(12)
    assert strip_lines(hall.state, hall.counter(12), 2, 16) == ["A001 办理中", "Serving A001"]
    hall.do(c.FinishService(by="agent:li", counter=12))
    assert strip_lines(hall.state, hall.counter(12), 2, 16) == ["欢迎光临", "WELCOME"]


def test_a_paused_counter_that_still_serves_shows_whom() -> None:
    hall = Standing()
    hall.open(1)
    hall.take()
    hall.call(1)
    hall.do(c.PauseCounter(by="agent:li", counter=1, reason="soon"))
    assert strip_lines(hall.state, hall.counter(1), 1, 16) == ["请A001到1号"]


def test_after_hold_no_show_and_transfer_a_strip_is_free_again() -> None:
    hall = Standing()
    hall.open(1, 2)
    for leave in (
        lambda ticket: c.HoldTicket(by="agent:li", ticket=ticket),
        lambda ticket: c.MarkNoShow(by="agent:li", counter=1),
        lambda ticket: c.TransferTicket(by="agent:li", ticket=ticket, counter=2),
    ):
        ticket = hall.take()
        hall.call(1)
        hall.do(leave(ticket.id))
        assert strip_lines(hall.state, hall.counter(1), 2, 16) == ["欢迎光临", "WELCOME"]


def test_a_strip_of_one_line_speaks_chinese_and_one_of_four_has_no_more_to_say() -> None:
    hall = Standing()
    assert strip_lines(hall.state, hall.counter(1), 1, 16) == ["停止服务"]
    assert strip_lines(hall.state, hall.counter(1), 4, 16) == ["停止服务", "CLOSED"]


def test_a_strip_whose_counter_is_no_longer_set_up_shows_closed() -> None:
    hall = Standing()
    assert strip_lines(hall.state, None, 2, 16) == ["停止服务", "CLOSED"]
    assert keypad_face(hall.state, None) == ("", 0)


OWN = BoardWords(
    idle=Words("请稍候叫号", "PLEASE WAIT"),
    paused=Words("午餐休息", "LUNCH"),
    closed=Words("明天见", "TOMORROW"),
    footer=Words("谢谢光临", "Thank you"),
)


def test_a_hall_has_words_of_its_own() -> None:
    hall = Standing()
    assert strip_lines(hall.state, hall.counter(1), 2, 16, OWN) == ["明天见", "TOMORROW"]
    assert strip_lines(hall.state, None, 1, 16, OWN) == ["明天见"]
    hall.open(1)
    assert strip_lines(hall.state, hall.counter(1), 2, 16, OWN) == ["请稍候叫号", "PLEASE WAIT"]
    hall.do(c.PauseCounter(by="agent:li", counter=1, reason="lunch"))
    assert strip_lines(hall.state, hall.counter(1), 2, 16, OWN) == ["午餐休息", "LUNCH"]


@pytest.mark.parametrize(
    ("columns", "line"), [(18, "谢谢光临 Thank you"), (17, "谢谢光临"), (7, "谢谢光"), (1, "")]
)
def test_a_footer_of_its_own_stands_where_nobody_is_counted(columns: int, line: str) -> None:
    assert hall_footer(Standing().state, columns, OWN) == line


def test_one_text_for_both_languages_stands_once() -> None:
    both = BoardWords(closed=Words("10086", "10086"), footer=Words("10086", "10086"))
    assert strip_lines(Standing().state, None, 2, 16, both) == ["10086"]
    assert hall_footer(Standing().state, 32, both) == "10086"


def test_a_footer_counts_who_waits_unless_the_hall_does_not_want_it() -> None:
    hall = Standing()
    hall.open(1)
    hall.take()
    assert hall_footer(hall.state, 32, OWN) == "等候 缴费 1"
    assert hall_footer(hall.state, 32, replace(OWN, waiting=False)) == "谢谢光临 Thank you"
    assert hall_footer(hall.state, 32, BoardWords(waiting=False)) == "西单营业厅"


@given(text=ANY_TEXT, columns=st.integers(0, 40))
def test_what_is_clipped_is_whole_in_gb18030(text: str, columns: int) -> None:
    """As bytes it is a beginning of the whole, decodes without half a character, and fits."""
    clipped = clip(text, columns)
    wire = clipped.encode("gb18030")
    assert text.encode("gb18030").startswith(wire)
    assert wire.decode("gb18030") == clipped
    assert width(clipped) <= columns
    # With one more character it would be too wide.
    assert clipped == text or width(text[: len(clipped) + 1]) > columns


@pytest.mark.parametrize("columns", range(4, 65))
def test_no_strip_is_so_narrow_that_a_number_is_cut(columns: int) -> None:
    # "AB001 to No. 123" on sixteen columns would end in "No. 12", which is another counter.
    hall = Standing(
        services={"payment": {**SERVICES["payment"], "prefix": "AB"}}, counters={123: {"payment": 1}}
    )
    hall.open(123)
    hall.take()
    hall.call(123)
    for state in ("called", "serving"):
        lines = strip_lines(hall.state, hall.counter(123), 2, columns)
        for line in lines:
            assert width(line) <= columns
            assert line == "" or "AB001" in line
            digits = line.replace("AB001", "")
            found = "".join(sign for sign in digits if sign.isdigit())
            assert found in ("", "123"), f"{line!r} names another counter"
        if columns >= 5:
            assert all("AB001" in line for line in lines)
        if state == "called":
            hall.start(123)


# -- widths ---------------------------------------------------------------------------------------


@given(text=ANY_TEXT, columns=st.integers(0, 40))
def test_clipping_keeps_whole_characters_within_the_columns(text: str, columns: int) -> None:
    cut = clip(text, columns)
    assert text.startswith(cut)
    assert width(cut) <= columns
    if cut != text:
        assert width(cut + text[len(cut)]) > columns, "it cut more than it must"
    assert fit(cut, columns).rstrip() == fit(text, columns)[: len(cut)].rstrip()
    assert len(fit(cut, columns)) == len(cut), "the driver cut what was clipped already"


@given(text=st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5) | st.sampled_from("AB12 ")))
def test_the_width_of_hanzi_and_ascii_is_their_length_in_gb18030(text: str) -> None:
    assert width(text) == len(text.encode("gb18030"))


def test_a_character_is_never_parted_from_its_accent() -> None:
    assert clip("e\u0301e\u0301", 1) == "e\u0301"


# -- hall display ---------------------------------------------------------------------------------


def test_the_hall_display_shows_the_newest_call_first_and_sets_off_who_is_awaited() -> None:
    hall = Standing()
    hall.open(1, 2, 12)
    for _ in range(3):
        hall.take()
    hall.call(2)
    hall.call(12)
    hall.call(1)
    assert hall_rows(hall.state, 8) == [
        HallRow("A003", "1", highlight=True),
        HallRow("A002", "12", highlight=True),
        HallRow("A001", "2", highlight=True),
    ]
    hall.start(12)
    assert [row.highlight for row in hall_rows(hall.state, 8)] == [True, False, True]
    hall.do(c.Recall(by="agent:li", counter=2))
    assert [row.number for row in hall_rows(hall.state, 8)] == ["A003", "A002", "A001"]
    assert [row.number for row in hall_rows(hall.state, 2)] == ["A003", "A002"]


def test_a_hall_display_that_cannot_highlight_is_not_asked_to() -> None:
    hall = Standing()
    hall.open(1)
    hall.take()
    hall.call(1)
    assert hall_rows(hall.state, 8, highlight=False) == [HallRow("A001", "1")]


def test_the_footer_says_how_many_wait_or_the_halls_name() -> None:
    hall = Standing()
    assert hall_footer(hall.state, 32) == "西单营业厅"
    hall.take("payment")
    hall.take("payment")
    assert hall_footer(hall.state, 32) == "等候 缴费 2"
    hall.take("business")
    assert hall_footer(hall.state, 32) == "等候 缴费 2 业务办理 1"


@pytest.mark.parametrize("columns", range(4, 40))
def test_no_footer_is_so_narrow_that_a_count_is_cut(columns: int) -> None:
    hall = Standing()
    for _ in range(12):
        hall.take("payment")
        hall.take("business")
    line = hall_footer(hall.state, columns)
    assert width(line) <= columns
    assert line in ("", "等候 24", "等候 缴费 12", "等候 缴费 12 业务办理 12")


def test_a_long_hall_name_is_cut_between_characters() -> None:
    hall = Standing(name="国际移动通信有限责任公司首都分公司西城区西单营业厅")
    assert hall_footer(hall.state, 31) == "国际移动通信有限责任公司首都分"


# -- keypad ---------------------------------------------------------------------------------------


def test_a_keypad_shows_the_number_at_its_counter_and_who_waits_for_its_skills() -> None:
    hall = Standing(counters={1: {"payment": 1}, 2: {"payment": 1, "business": 1}})
    hall.open(1, 2)
    for service in ("payment", "payment", "business"):
        hall.take(service)
    assert keypad_face(hall.state, hall.counter(1)) == ("", 2)
    assert keypad_face(hall.state, hall.counter(2)) == ("", 3)
    hall.call(1)
    assert keypad_face(hall.state, hall.counter(1)) == ("A001", 1)


def test_a_keypad_does_not_count_those_who_wait_for_another_counter() -> None:
    hall = Standing()
    hall.open(1, 2)
    ticket = hall.take()
    hall.do(c.TransferTicket(by="agent:li", ticket=ticket.id, counter=2))
    assert keypad_face(hall.state, hall.counter(1)) == ("", 0)
    assert keypad_face(hall.state, hall.counter(2)) == ("", 1)
