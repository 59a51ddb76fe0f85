"""What the operator's answers mean: a customer, a customer's class, entries of a history. Pure.

What must stay true: an answer of any shape gives a customer or entries with what could be read, never an
exception: what another system answers is not ours to trust.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from typing import Any

import msgspec

from somc.api import Json
from somc_plugins.crm.config import HistorySource, Rule
from somc_plugins.json_source import at_path

__all__ = ["Customer", "Entry", "class_of", "customer_of", "entries_of"]

LONGEST_TEXT = 120


class Customer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who a number belongs to. Kept as the ticket's facts, so plain values only; `name` is not among them."""

    brand: str | None = None
    brand_name: str | None = None
    vip: str | None = None
    credit: int | None = None
    plan: str | None = None
    birthday: str | None = None
    """`MM-DD`: the year is nobody's business here."""

    def has_birthday(self, day: date) -> bool:
        return self.birthday == f"{day:%m-%d}"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened with a customer, at `at` (Unix ms)."""

    at: int
    source: str
    subject: str
    result: str | None = None
    open: bool = False


def customer_of(answer: Json, fields: dict[str, str]) -> tuple[Customer, str | None]:
    """The customer and their name, out of the answer of a CRM."""
    found = {name: at_path(answer, path) for name, path in fields.items()}
    credit = found.get("credit")
    customer = Customer(
        brand=_text(found.get("brand")),
        brand_name=_text(found.get("brand_name")),
        vip=_text(found.get("vip")),
        credit=credit if type(credit) is int and 0 <= credit <= 100 else None,
        plan=_text(found.get("plan")),
        birthday=_month_and_day(found.get("birthday")),
    )
    name = _text(found.get("name"))
    return customer, None if name is None else name[:64]


def class_of(customer: Customer, rules: Sequence[Rule]) -> str | None:
    """The customer class by the first rule that fits; None: the hall's default."""
    for rule in rules:
        if rule.fits(customer.brand, customer.vip, customer.credit):
            return rule.class_
    return None


def entries_of(answer: Json, source: str, settings: HistorySource, zone: tzinfo) -> list[Entry] | None:
    """The entries of a history, newest first; None if the answer is none. Entries without a time go."""
    if answer is None:
        return []
    items = at_path(answer, settings.items)
    if not isinstance(items, list):
        return None
    entries = []
    for item in items[:500]:
        found = {name: at_path(item, path) for name, path in settings.fields.items()}
        at = _instant(found.get("at"), zone)
        if at is None:
            continue
        state = _text(found.get("state"))
        entries.append(
            Entry(
                at=at,
                source=source,
                subject=_text(found.get("subject")) or "—",
                result=_text(found.get("result")) or state,
                open=state is not None and state in settings.open_states,
            )
        )
    return sorted(entries, key=lambda entry: -entry.at)


def _text(value: Any) -> str | None:
    """A short text of what should be one."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = "".join(character for character in str(value) if character.isprintable()).strip()
    return text[:LONGEST_TEXT] or None


def _instant(value: Any, zone: tzinfo) -> int | None:
    """Unix ms of an RFC 3339 text (without an offset: of the hall's zone) or of a number of seconds or ms."""
    if type(value) is int and 0 < value < 10**14:
        return value if value > 10**11 else value * 1000
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
        return round((at if at.tzinfo is not None else at.replace(tzinfo=zone)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _month_and_day(value: Any) -> str | None:
    try:
        return f"{date.fromisoformat(value):%m-%d}" if isinstance(value, str) else None
    except ValueError:
        return None
