"""How wide a text is on a display, where it is cut, and what of it may reach the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somc.announce.boards import width
from somc_hal.text import cells, fit, printable

RARE = "𠮷"
"""A Hanzi beyond the first plane: four bytes in GB18030, and as wide as any other."""


@pytest.mark.parametrize(
    ("text", "wide"),
    [("A016", 4), ("请A016", 6), (RARE, 2), ("“号”…①", 10), ("Жα", 4), ("ｱ", 1), ("e\u0301", 1), ("，", 2)],
)
def test_a_sign_that_a_display_has_from_gb18030_is_as_wide_as_a_hanzi(text: str, wide: int) -> None:
    assert cells(text) == wide


@pytest.mark.parametrize(("columns", "shown"), [(0, ""), (1, ""), (2, RARE), (3, RARE), (4, RARE + "一")])
def test_nothing_is_cut_inside_a_sign(columns: int, shown: str) -> None:
    assert fit(RARE + "一号", columns) == shown


@given(st.text(max_size=40), st.integers(0, 20))
def test_what_fits_has_no_control_code_and_a_board_leaves_nothing_to_cut(text: str, columns: int) -> None:
    shown = fit(text, columns)
    assert cells(shown) <= columns
    assert printable(shown) == shown
    assert printable(text).startswith(shown)
    shown.encode("gb18030")
    assert cells(printable(text)) <= width(printable(text))
