"""What is said and written when somebody is called. Pure.

Numbers are read digit by digit, as in every Chinese hall: 1 as 幺 (yāo), which a loudspeaker does not
blur with 七 (qī), and 0 as 零. Letters are read as letters. Whatever else a prefix may hold stands as it
is: a number is read in some way or other, never refused.
"""

from __future__ import annotations

from somc.domain.values import Words

__all__ = ["CLOSED", "IDLE", "PAUSED", "call_text", "cardinal_zh", "spoken_en", "spoken_zh"]

DIGITS = "0123456789"
DIGITS_ZH = dict(zip(DIGITS, "零幺二三四五六七八九", strict=True))
COUNTER_ZH = ("零", "一", "二", "三", "四", "五", "六", "七", "八", "九")


def spoken_zh(number: str) -> str:
    """A ticket number as it is read aloud: `A016` → `A零幺六`."""
    return "".join(DIGITS_ZH.get(sign, sign) for sign in number)


def cardinal_zh(number: int) -> str:
    """A counter's number as it is read: 3 → 三, 12 → 十二, 120 → 一百二十, 105 → 一百零五.

    Beyond 999, which no hall.toml allows, it is read digit by digit.
    """
    if number > 999:
        return spoken_zh(str(number))
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    text = f"{COUNTER_ZH[hundreds]}百" if hundreds else ""
    if tens:
        text += ("" if tens == 1 and not hundreds else COUNTER_ZH[tens]) + "十"
    elif hundreds and ones:
        text += "零"
    return text + (COUNTER_ZH[ones] if ones or not text else "")


def spoken_en(number: str) -> str:
    """`A016` → `A 0 1 6`."""
    return " ".join(number)


def call_text(number: str, counter: int, language: str) -> str:
    """The sentence that calls `number` to `counter`, in `zh` or `en`."""
    if language == "zh":
        return f"请{spoken_zh(number)}号到{cardinal_zh(counter)}号台席办理业务。"
    return f"Ticket {spoken_en(number)}, please go to counter {counter}."


PAUSED = Words("暂停服务", "PAUSED")
CLOSED = Words("停止服务", "CLOSED")
IDLE = Words("欢迎光临", "WELCOME")
