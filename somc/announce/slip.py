"""The layout of the slip (取号纸). Pure: everything on it is in the record of the ticket.

No phone number and no name is printed: the slip is read by whoever finds it.
"""

from __future__ import annotations

from datetime import datetime, tzinfo

from somc.domain.state import HallState
from somc.domain.values import Ticket
from somc_hal.values import Align, SlipLine, SlipPart

__all__ = ["slip"]


def slip(state: HallState, ticket: Ticket, copy: int = 0) -> list[SlipPart]:
    """The lines of `ticket`'s slip; `copy` > 0 marks the how-manieth copy it is."""
    hall = state.hall
    service = hall.services[ticket.service]
    parts: list[SlipPart] = [
        SlipLine(hall.name.zh, align=Align.CENTER),
        SlipLine(ticket.number, align=Align.CENTER, double=True, bold=True),
        SlipLine(f"{service.name.zh} {service.name.en}", align=Align.CENTER),
        SlipLine(f"您前面还有 {ticket.position - 1} 位 / {ticket.position - 1} ahead of you"),
        SlipLine(expected(ticket)),
    ]
    if service.papers:
        parts.append(SlipLine("请准备 / please prepare:"))
        parts.extend(SlipLine(f" · {paper.zh} {paper.en}") for paper in service.papers)
    parts.extend(SlipLine(line.zh) for line in ticket.slip)
    parts.append(SlipLine(clock_text(ticket.taken_at, state.zone), align=Align.CENTER))
    if copy:
        parts.append(SlipLine(f"补打 {copy} / COPY {copy}", align=Align.CENTER, bold=True))
    return parts


def expected(ticket: Ticket) -> str:
    """The wait that the customer was told, in whole minutes, rounded up."""
    if ticket.estimated_wait_s is None:
        return "预计等候：请留意叫号 / please wait for your call"
    minutes = -(-ticket.estimated_wait_s // 60)
    return f"预计等候约 {minutes} 分钟 / about {minutes} min"


def clock_text(at: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(at / 1000, zone).strftime("%Y-%m-%d %H:%M:%S")
