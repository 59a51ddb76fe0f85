"""The screen pop (弹屏): what a counter reads before the customer sits down, and the hints to staff. Pure.

What must stay true: a source that did not answer is named; whatever else is known is shown all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo

from somc.api import CardRow, CardSection, Prompt, TicketView, Tone, Words
from somc_plugins.crm.config import CrmConfig
from somc_plugins.crm.front import NOTES, Facts, Told
from somc_plugins.crm.people import Entry

__all__ = ["card", "prompts", "visit_entries"]

HALL = "hall"
"""Where a history's own entries of this hall come from."""

STATES = {
    "waiting": "等候 waiting",
    "called": "已叫号 called",
    "serving": "办理中 being served",
    "held": "挂起 on hold",
    "finished": "已办结 finished",
    "no_show": "过号 no-show",
    "cancelled": "已取消 cancelled",
    "expired": "已过期 expired",
}
"""What became of a visit: a card's values are read by either, so both languages stand in them."""

STARS = 10
"""Credit levels up to here are drawn as stars."""


def card(
    config: CrmConfig,
    ticket: TicketView,
    facts: Facts,
    name: str | None,
    told: Told,
    visits: Sequence[Entry],
    zone: tzinfo,
) -> list[CardSection]:
    """Who it is and how long they waited, what happened in the order of time, and who did not answer."""
    entries = sorted([*told.entries, *visits], key=lambda entry: -entry.at)[: config.entries]
    titles = {HALL: Words("来访", "Visit"), **{key: source.title for key, source in config.history.items()}}
    sections = [_who(config, ticket, facts, name)]
    if entries:
        rows = [_row(entry, titles[entry.source], zone) for entry in entries]
        title = Words("接触历史", "Contact history")
        sections.append(CardSection(id="history", title=title, rows=rows, source="crm"))
    sections += [
        CardSection(id=f"late_{late}", title=titles[late], source=late, late=True) for late in told.late
    ]
    return sections


def prompts(config: CrmConfig, facts: Facts) -> Iterable[Prompt]:
    """What to say or to mind: open complaints, a birthday."""
    for source, count in facts.open.items():
        title = config.history[source].title if source in config.history else Words(source, source)
        yield Prompt(
            id=f"open_{source}",
            kind="care",
            tone="bad",
            words=Words(
                f"{title.zh}：{count} 件未结，请先致歉并说明进展",
                f"{title.en}: {count} open. Speak of it first.",
            ),
        )
    if facts.birthday:
        yield Prompt(
            id="birthday",
            kind="care",
            tone="good",
            words=Words("今天是客户生日，请祝贺", "It is the customer's birthday: congratulate."),
        )


def visit_entries(tickets: Iterable[TicketView], but: str) -> list[Entry]:
    """The person's earlier tickets in this hall as entries of a history."""
    return [
        Entry(
            at=ticket.taken_at,
            source=HALL,
            subject=f"{ticket.number} {ticket.service}",
            result=f"{STATES.get(ticket.state, ticket.state)}, {_minutes(ticket.waited_s)}",
        )
        for ticket in tickets
        if ticket.id != but
    ]


def _who(config: CrmConfig, ticket: TicketView, facts: Facts, name: str | None) -> CardSection:
    rows: list[CardRow] = []

    def add(zh: str, en: str, value: str | None, tone: Tone = "plain") -> None:
        if value:
            rows.append(CardRow(label=Words(zh, en), value=value, tone=tone))

    late = ticket.waited_s > ticket.target_wait_s
    add("已等候", "Waited", _minutes(ticket.waited_s), "bad" if late else "plain")

    customer = facts.customer
    add("姓名", "Name", name)
    add("品牌", "Brand", customer.brand_name or customer.brand)
    add("VIP 等级", "VIP tier", customer.vip, "good")
    if customer.credit is not None:
        add("信用等级", "Credit", "★" * customer.credit if customer.credit <= STARS else str(customer.credit))
    add("套餐", "Plan", customer.plan)
    if facts.birthday:
        add("生日", "Birthday", "今天 · today", "good")
    if facts.state in NOTES:
        add("说明", "Note", NOTES[facts.state], "warn")
    elif facts.state == "unknown":
        add("说明", "Note", "CRM 无此号码 · not in the CRM")
    link = f"/plugins/crm/open/{ticket.id}" if page_for(config, ticket.service) else None
    return CardSection(id="customer", title=Words("客户", "Customer"), rows=rows, link=link, source="crm")


def page_for(config: CrmConfig, service: str) -> str | None:
    """The template of the CRM's page for a service."""
    return config.pages.get(service) or config.pages.get("default")


def _row(entry: Entry, title: Words, zone: tzinfo) -> CardRow:
    at = f"{datetime.fromtimestamp(entry.at / 1000, zone):%Y-%m-%d %H:%M}"
    value = entry.subject if entry.result is None else f"{entry.subject} · {entry.result}"
    return CardRow(
        label=Words(f"{at} {title.zh}", f"{at} {title.en}"),
        value=value,
        tone="bad" if entry.open else "plain",
    )


def _minutes(seconds: int) -> str:
    return f"{seconds // 60} 分钟 min"
