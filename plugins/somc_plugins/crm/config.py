"""The configuration of `crm`: whom to ask, what their answers are called, and who is of which class.

What must stay true: what cannot work is refused here, with the key: a rule that no customer can meet, a field
that SOMC does not know, a template with a brace that nothing fills.
"""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from somc.api import Words
from somc_plugins.json_source import Source, check_template

__all__ = ["CrmConfig", "CustomerSource", "HistorySource", "Rule"]

Token = Annotated[str, Meta(min_length=1, max_length=64)]
"""A brand, a VIP tier, a class: as the operator's systems write it."""

USUAL_FIELDS = {
    "name": "name",
    "brand": "brand.code",
    "brand_name": "brand.name",
    "vip": "vip_tier",
    "credit": "credit_level",
    "plan": "plan.name",
    "birthday": "birthday",
}
"""What SOMC wants to know of a customer, and what a CRM that was made for it calls that."""

ENTRY_FIELDS = ("at", "subject", "result", "state")
"""What SOMC wants to know of one entry of a history."""

PATH = re.compile(r"\w[\w.-]{0,99}")


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Root of the tables."""


class Rule(Model, frozen=True, kw_only=True):
    """Whoever meets all that is given is of `class`: one of `brand`, one of `vip`, a credit level of at least
    `credit_at_least`. The first rule that fits counts."""

    class_: Annotated[str, Meta(min_length=1, max_length=64)] = msgspec.field(name="class")
    brand: tuple[Token, ...] = ()
    vip: tuple[Token, ...] = ()
    credit_at_least: Annotated[int, Meta(ge=0, le=100)] | None = None

    @property
    def always(self) -> bool:
        """Whether everybody meets it."""
        return not self.brand and not self.vip and self.credit_at_least is None

    def fits(self, brand: str | None, vip: str | None, credit: int | None) -> bool:
        if self.brand and brand not in self.brand:
            return False
        if self.vip and vip not in self.vip:
            return False
        return self.credit_at_least is None or (credit is not None and credit >= self.credit_at_least)

    def covers(self, other: Rule) -> bool:
        """Whether everybody who meets `other` meets this one too."""
        return (
            (not self.brand or bool(other.brand and set(other.brand) <= set(self.brand)))
            and (not self.vip or bool(other.vip and set(other.vip) <= set(self.vip)))
            and (
                self.credit_at_least is None
                or (other.credit_at_least is not None and other.credit_at_least >= self.credit_at_least)
            )
        )


class CustomerSource(Source, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The system that knows who a number belongs to (CRM)."""

    fields: dict[str, str] = msgspec.field(default_factory=lambda: dict(USUAL_FIELDS))
    """Ours → the dotted path in its answer."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_fields(self.fields, tuple(USUAL_FIELDS))


class HistorySource(Source, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A system that knows what happened with a customer: complaints (投诉), outbound calls (外呼), the
    hotline (热线), orders (订单)."""

    title: Words
    """What its entries are called on the card."""
    items: Annotated[str, Meta(max_length=100)] = ""
    """The dotted path to the list in its answer; empty: the answer is the list."""
    fields: dict[str, str] = msgspec.field(default_factory=lambda: {name: name for name in ENTRY_FIELDS})
    open_states: tuple[Token, ...] = ()
    """An entry whose `state` is one of these still waits for somebody: it is marked, and raises a prompt."""
    at_take: bool = False
    """Asked when a ticket is taken, too, so that staff know of an open entry while the customer waits."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_fields(self.fields, ENTRY_FIELDS)
        if "at" not in self.fields:
            raise ValueError("fields: 'at' is missing: a history stands in the order of time")


class CrmConfig(Model, frozen=True, kw_only=True):
    """`[plugin.crm]`."""

    customers: CustomerSource
    history: dict[Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")], HistorySource] = {}
    """Name → a system with a history; all are asked side by side."""
    rules: tuple[Rule, ...] = ()
    """Who is of which class; whom none fits is of the hall's default class."""
    history_deadline_ms: Annotated[int, Meta(ge=10, le=5000)] = 800
    """A card waits so long for histories; the late ones are named on it."""
    entries: Annotated[int, Meta(ge=1, le=50)] = 12
    """Entries of history on a card, the newest."""
    pages: dict[str, Annotated[str, Meta(pattern=r"^https?://", max_length=1000)]] = {}
    """Service → the page of the operator's CRM for it; `default` for the others. `{phone}`, `{service}`,
    `{ticket}` and `{counter}` are filled in when the counter opens it."""

    def __post_init__(self) -> None:
        for number, rule in enumerate(self.rules):
            for earlier in self.rules[:number]:
                if earlier.covers(rule):
                    why = f"rule {number + 1} ('{rule.class_}') is never reached: an earlier one takes all"
                    raise ValueError(f"rules: {why}; put the narrower rule first")
        for service, template in self.pages.items():
            check_template(f"pages.{service}", template, PAGE_VALUES)


PAGE_VALUES = frozenset(("phone", "service", "ticket", "counter"))


def check_fields(fields: dict[str, str], known: tuple[str, ...]) -> None:
    """`ValueError` for a field that is not ours, or a path that is none."""
    if unknown := fields.keys() - set(known):
        raise ValueError(f"fields: unknown {', '.join(sorted(unknown))}; allowed: {', '.join(known)}")
    for name, path in fields.items():
        if not PATH.fullmatch(path):
            raise ValueError(f"fields.{name}: '{path}' is no path such as brand.code")
