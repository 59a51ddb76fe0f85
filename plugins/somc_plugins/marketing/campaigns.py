"""A campaign file: offers to whole classes, and to single customers by lists of numbers.

    [[offer]]
    id = "gotone-128"
    title = { zh = "升级128元套餐", en = "Move to the 128 plan" }
    text = { zh = "首月半价", en = "The first month at half price" }
    classes = ["gotone"]              # to everybody of these classes; none: to all
    phones = "gotone-128.csv"         # only to these: a column `phone`, and `plan`, `brand` for the script

What must stay true: a mistake is named with file and offer, and then nothing of the file counts.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from somc.api import Offer, Words

__all__ = ["Campaigns", "read_campaigns"]

MOST_PHONES = 500_000
"""Of one file: about 100 MB. Larger campaigns belong in a system that is asked (`source`)."""

Step = Annotated[list[Words], Meta(max_length=12)]


class CampaignOffer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[offer]]`."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]
    title: Words
    text: Words
    script: Step = []
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    services: tuple[str, ...] = ()
    """Only to those who come for one of these; none: for anything."""
    classes: tuple[str, ...] = ()
    phones: str | None = None


class CampaignFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    offer: list[CampaignOffer]


class Campaigns:
    """The file as it was read."""

    def __init__(self, offers: list[CampaignOffer], lists: dict[str, dict[str, dict[str, str]]]) -> None:
        self._offers = offers
        self._lists = lists
        """Offer → number → the values beside it."""

    def for_(
        self, phone: str | None, service: str, customer_class: str | None, now: int
    ) -> Iterator[tuple[Offer, dict[str, str]]]:
        """The offers for this customer, in the order of the file, with what the script may say."""
        for each in self._offers:
            listed = self._lists.get(each.id)
            if listed is not None and phone not in listed:
                continue
            if each.services and service not in each.services:
                continue
            if each.classes and customer_class not in each.classes:
                continue
            if each.valid_from is not None and now < _ms(each.valid_from):
                continue
            until = None if each.valid_until is None else _ms(each.valid_until)
            offer = Offer(id=each.id, title=each.title, text=each.text, script=each.script, valid_until=until)
            yield offer, listed[phone] if listed is not None and phone is not None else {}


def read_campaigns(path: Path) -> Campaigns:
    """Read the file and its lists. `ValueError` names file, offer and what is wrong."""
    try:
        offers = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), CampaignFile).offer
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as why:
        raise ValueError(f"campaigns: {path}: {why}") from None
    ids = [offer.id for offer in offers]
    if twice := {id for id in ids if ids.count(id) > 1}:
        raise ValueError(f"campaigns: {path}: the id '{min(twice)}' stands twice")
    for offer in offers:
        for moment in (offer.valid_from, offer.valid_until):
            if moment is not None and moment.tzinfo is None:
                raise ValueError(f"campaigns: {path}: offer '{offer.id}': a time needs its offset: …+08:00")
    lists = {offer.id: _read_list(path.parent / offer.phones) for offer in offers if offer.phones is not None}
    return Campaigns(offers, lists)


def _read_list(path: Path) -> dict[str, dict[str, str]]:
    listed: dict[str, dict[str, str]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(line for line in file if not line.startswith("#"))
            if "phone" not in (rows.fieldnames or ()):
                raise ValueError(f"campaigns: {path}: there is no column 'phone'")
            for row in rows:
                if len(listed) == MOST_PHONES:
                    raise ValueError(f"campaigns: {path}: more than {MOST_PHONES} numbers")
                phone = (row.pop("phone") or "").strip()
                listed[phone] = {key: row[key] for key in ("plan", "brand") if row.get(key)}
    except (OSError, UnicodeDecodeError, csv.Error) as why:
        raise ValueError(f"campaigns: {path}: {why}") from None
    return listed


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
