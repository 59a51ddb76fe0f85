"""What a customer's words mean (上行短信): pure, from a text to an intent.

    Y · 是 · 确认           confirm        QX · 取消        cancel
    N · 否                  decline        YY 业务 日期 时间  book
    CX · 查询               place
    TD · 退订               stop           DY · 订阅        start
    ? · 帮助                help           anything else    unknown

What must stay true: the words are read as people type them (full-width letters, small letters, blanks, a full
stop at the end); what is not surely an intent is `unknown`, never a guess that cancels something.
"""

from __future__ import annotations

import re
import unicodedata

import msgspec

__all__ = ["Intent", "understood"]

WORDS = {
    "confirm": ("y", "yes", "ok", "是", "好", "好的", "确认", "同意", "确定"),
    "decline": ("n", "no", "否", "不", "不同意"),
    "cancel": ("qx", "cancel", "取消", "取消预约", "不去了"),
    "place": ("cx", "place", "queue", "查询", "排队", "查排队", "查询排队"),
    "book": ("yy", "book", "预约"),
    "stop": ("td", "t", "stop", "unsubscribe", "退订"),
    "start": ("dy", "start", "subscribe", "订阅"),
    "help": ("bz", "help", "?", "h", "帮助"),
}
"""Intent → the words for it, folded."""

_INTENT = {word: intent for intent, words in WORDS.items() for word in words}
_BLANKS = re.compile(r"\s+")
_ENDS = re.compile(r"^[\s。.!！,，、\"'“”‘’【】]+|[\s。.!！,，、\"'“”‘’【】]+$")

LONGEST = 200
"""Whoever writes more than this does not give an order."""

DATE = re.compile(r"(?:(\d{4})[-/.年])?(\d{1,2})[-/.月](\d{1,2})日?号?")
TIME = re.compile(r"(\d{1,2})[:：点时](\d{1,2})?分?")


class Intent(msgspec.Struct, frozen=True):
    """What is wanted. `rest` is what stands behind the word: for `book` a service, a date, a time."""

    name: str
    rest: tuple[str, ...] = ()


class When(msgspec.Struct, frozen=True):
    """A date and a time of day as they were written; what was left out is None."""

    year: int | None
    month: int | None
    day: int | None
    hour: int | None
    minute: int | None
    word: str | None = None
    """`today`, `tomorrow` or `after_tomorrow`."""


def understood(text: str) -> Intent:
    """The intent of a message."""
    if len(text) > LONGEST:
        return Intent("unknown")
    folded = unicodedata.normalize("NFKC", text).casefold()
    folded = _ENDS.sub("", folded)
    words = [word for word in _BLANKS.split(folded) if word]
    if not words:
        return Intent("unknown")
    name = _INTENT.get(words[0])
    if name is not None and (len(words) == 1 or name == "book"):
        return Intent(name, tuple(words[1:]))
    return _glued(folded)


def _glued(folded: str) -> Intent:
    """Chinese is written without blanks: 预约缴费明天10点."""
    for word in ("预约", "yy"):
        if folded.startswith(word) and len(folded) > len(word):
            rest = folded.removeprefix(word)
            if word == "yy" and rest[0].isascii():
                break  # yyabc is no order
            return Intent("book", tuple(part for part in _BLANKS.split(rest) if part))
    return Intent("unknown")


DAY_WORDS = {
    "今天": "today",
    "today": "today",
    "明天": "tomorrow",
    "tomorrow": "tomorrow",
    "后天": "after_tomorrow",
}


def when(words: str) -> tuple[When | None, str]:
    """The date and time in `words`, and what is left of them: the service. None if there is neither."""
    word = None
    for written, meant in DAY_WORDS.items():
        if written in words:
            word, words = meant, words.replace(written, " ", 1)
            break
    date = DATE.search(words)
    if date is not None:
        words = words[: date.start()] + " " + words[date.end() :]
    time = TIME.search(words)
    if time is not None:
        words = words[: time.start()] + " " + words[time.end() :]
    rest = _BLANKS.sub(" ", words).strip()
    if word is None and date is None and time is None:
        return None, rest
    parts = date.groups() if date is not None else (None, None, None)
    year, month, day = (None if part is None else int(part) for part in parts)
    hour = int(time[1]) if time is not None else None
    minute = int(time[2] or 0) if time is not None else None
    return When(year, month, day, hour, minute, word), rest
