"""Phone numbers as SOMC keeps them."""

from __future__ import annotations

import re

from somc.domain.values import Words
from somc.server.problems import Problem, problem

__all__ = ["bad_phone", "normal_phone"]

PHONE = re.compile(r"\+?[0-9]{5,20}")


def normal_phone(text: str) -> str | None:
    """The phone number as SOMC keeps it: digits only, China's country code off a mobile number.

    `None` if it is not a phone number.
    """
    bare = re.sub(r"[\s()\-.]", "", text)
    if not PHONE.fullmatch(bare):
        return None
    digits = bare.removeprefix("+")
    mainland = re.fullmatch(r"(?:00)?86(1[3-9]\d{9})", digits)
    return mainland.group(1) if mainland else digits


def bad_phone() -> Problem:
    """That something given as a phone number is none."""
    why = "not a phone number; allowed: 5 to 20 digits, with an optional + in front"
    words = Words("电话号码无效：应为 5 到 20 位数字，前面可加 +。", f"This is {why}.")
    return problem(422, "bad_phone", f"phone: {why}", words=words, fields={"phone": why})
