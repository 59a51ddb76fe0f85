"""The layout of the slip (取号纸). Pure: everything on it is in the record of the ticket.

What must stay true
- No phone number and no name is printed: the slip is read by whoever finds it.
- No line is wider than the paper. A printer breaks a long line wherever its head happens to be, in the
  middle of a word or of a number; here it is broken between words.
- Every ticket has a slip, also one whose service hall.toml no longer has: its number still counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo

from somc.announce.boards import clip, width
from somc.domain.state import HallState
from somc.domain.values import Ticket
from somc_hal.values import Align, SlipLine, SlipPart

__all__ = ["slip", "wrapped"]

INDENT = "   "
BULLET = " · "
CLOSING = frozenset("，。；：！？、）》】”’")
"""What begins no line in Chinese typesetting."""

MOST_MINUTES = 120
"""A longer wait is not told in minutes: so far ahead the estimate is no promise, and reads like one."""


def slip(
    state: HallState, ticket: Ticket, copy: int = 0, *, columns: int = 32, double: bool = True
) -> list[SlipPart]:
    """The lines of `ticket`'s slip on paper of so many half-width columns.

    `copy` > 0 marks the how-manieth copy it is; `double` says whether the printer has double size.
    """
    hall = state.hall
    # A copy can be asked for after a restart in which the service of an ended ticket has gone.
    service = hall.services.get(ticket.service)
    ahead = ticket.position - 1
    # Double width takes two columns a cell; a number that would not fit so is printed single.
    big = double and 2 * width(ticket.number) <= columns
    parts = [
        *_lines(wrapped(hall.name.zh, columns), Align.CENTER),
        SlipLine(ticket.number, align=Align.CENTER, double=big, bold=True),
    ]
    if service is not None:
        parts += _lines(_both(service.name.zh, service.name.en, columns, " "), Align.CENTER)
    parts += _lines(_both(f"您前面还有 {ahead} 位", f"{ahead} ahead of you", columns))
    parts += _lines(_both(*expected(ticket), columns))
    if service is not None and service.papers:
        parts += _lines(_both("请准备", "please prepare:", columns))
        for paper in service.papers:
            parts += _lines(_item(f"{paper.zh} {paper.en}", columns))
    for line in ticket.slip:
        parts += _lines(wrapped(line.zh, columns))
    parts += _lines(wrapped(clock_text(ticket.taken_at, state.zone), columns), Align.CENTER)
    if copy:
        marked = _both(f"补打 {copy}", f"COPY {copy}", columns)
        parts += _lines(marked, Align.CENTER, bold=True)
    return list(parts)


def expected(ticket: Ticket) -> tuple[str, str]:
    """The wait that the customer was told, in whole minutes, rounded up; beyond two hours only that."""
    if ticket.estimated_wait_s is None:
        return "预计等候：请留意叫号", "please wait for your call"
    minutes = -(-ticket.estimated_wait_s // 60)
    if minutes > MOST_MINUTES:
        return "预计等候超过 2 小时", "over 2 hours"
    return f"预计等候约 {minutes} 分钟", f"about {minutes} min"


def clock_text(at: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(at / 1000, zone).strftime("%Y-%m-%d %H:%M:%S")


def wrapped(text: str, columns: int) -> list[str]:
    """`text` in lines of at most `columns` cells, broken at spaces and around characters of full width.

    A word that is wider than a line is broken where the line ends. Nothing but spaces is lost.
    """
    lines: list[str] = []
    line = ""
    for piece in _pieces(text):
        if width(line + piece.rstrip()) <= columns:
            line += piece
            continue
        if line.strip():
            lines.append(line.rstrip())
        line = piece.lstrip()
        while width(line.rstrip()) > columns:
            # A character wider than the paper would never fit: it is let through whole.
            head = clip(line, columns) or line[0]
            lines.append(head.rstrip())
            line = line[len(head) :].lstrip()
    if line.strip():
        lines.append(line.rstrip())
    return lines


def _pieces(text: str) -> Iterator[str]:
    """What must stay together: an ASCII word, or one other character; with the spaces and the closing
    punctuation behind it."""
    piece = ""
    for sign in text:
        word = sign.isascii() and piece.isascii() and not piece.endswith(" ")
        if piece and not (word or sign == " " or sign in CLOSING or width(sign) == 0):
            yield piece
            piece = ""
        piece += sign
    if piece:
        yield piece


def _both(zh: str, en: str, columns: int, between: str = " / ") -> list[str]:
    """Both languages on one line if they fit, else under each other."""
    if width(zh + between + en) <= columns:
        return [zh + between + en]
    return [*wrapped(zh, columns), *wrapped(en, columns)]


def _item(text: str, columns: int) -> list[str]:
    first, *rest = wrapped(text, columns - width(BULLET)) or [""]
    return [BULLET + first, *(INDENT + line for line in rest)]


def _lines(texts: Iterable[str], align: Align = Align.LEFT, *, bold: bool = False) -> list[SlipLine]:
    return [SlipLine(text, align=align, bold=bold) for text in texts]
