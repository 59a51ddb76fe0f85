"""The floor staff's list (流动岗): who waits and should be cared for, the most urgent first. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from somc.api import Json, TicketView
from somc_plugins.care.config import CareConfig

__all__ = ["Cared", "to_care_for"]

URGENCY = ("complaint", "late", "near", "birthday", "vip")
"""Why somebody stands on the list, the most urgent first."""


class Cared(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list. `why` is empty for somebody who just waits."""

    ticket: str
    number: str
    service: str
    customer_class: str
    state: str
    waited_s: int
    left_s: int
    why: list[str]
    brand: str | None
    vip: str | None
    cares: int


def to_care_for(
    config: CareConfig,
    tickets: list[TicketView],
    facts: Mapping[str, Mapping[str, Json]],
    cares: Mapping[str, int],
) -> list[Cared]:
    """Everybody who waits, with why they need care; `facts` are what the CRM's plugin knows of each."""
    lines = [
        _line(config, ticket, facts.get(ticket.id, {}), cares.get(ticket.id, 0))
        for ticket in tickets
        if ticket.state in ("waiting", "held")
    ]
    return sorted(lines, key=lambda line: (_urgency(line), line.left_s))


def _urgency(line: Cared) -> int:
    return min((URGENCY.index(why) for why in line.why), default=len(URGENCY))


def _line(config: CareConfig, ticket: TicketView, facts: Mapping[str, Json], cares: int) -> Cared:
    customer = facts.get("customer", {})
    left_s = ticket.target_wait_s - ticket.waited_s
    why = {
        "complaint": bool(facts.get("open")),
        "late": left_s < 0,
        "near": 0 <= left_s <= config.near_target_s,
        "birthday": bool(facts.get("birthday")),
        "vip": bool(customer.get("vip")),
    }
    return Cared(
        ticket=ticket.id,
        number=ticket.number,
        service=ticket.service,
        customer_class=ticket.customer_class,
        state=ticket.state,
        waited_s=ticket.waited_s,
        left_s=left_s,
        why=[name for name in URGENCY if why[name]],
        brand=customer.get("brand_name") or customer.get("brand"),
        vip=customer.get("vip"),
        cares=cares,
    )
