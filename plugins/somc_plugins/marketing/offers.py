"""Which offers a customer gets: validity, consent and frequency. Pure.

What must stay true
- An offer that this person refused or accepted is never given again.
- Scripts speak with what is known; what is not known is said in general words, never as an empty brace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from string import Formatter

import msgspec

from somc.api import Json, Offer, Words
from somc_plugins.json_source import at_path
from somc_plugins.marketing.config import Caps

__all__ = ["GENERAL", "Past", "chosen", "offers_of", "spoken"]

DAY_MS = 24 * 3600 * 1000

GENERAL = {"plan": Words("现有套餐", "the present plan"), "brand": Words("我们的", "our")}
"""What a script says where the customer's own value is not known."""

FINAL = ("refused", "accepted")


class Past(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened between one person and one offer before."""

    shown: list[int] = []
    """When it was shown (Unix ms)."""
    outcome: str | None = None
    at: int = 0
    """When that was said."""


def offers_of(answer: Json, path: str) -> list[Offer]:
    """The offers in the answer of a source; what is no offer is left out."""
    items = at_path(answer, path)
    found = []
    for item in items[:50] if isinstance(items, list) else ():
        try:
            plain = {**item, "valid_until": _instant(item.get("valid_until"))}
            found.append(msgspec.convert(plain, Offer))
        except (msgspec.ValidationError, TypeError, ValueError, AttributeError):
            continue
    return found


def chosen(offers: Iterable[Offer], past: Mapping[str, Past], caps: Caps, now: int) -> list[Offer]:
    """Those that may be made now, in their order, at most `caps.at_once`."""
    since = now - caps.within_days * DAY_MS
    lately = sum(at > since for each in past.values() for at in each.shown)
    room = min(caps.at_once, max(0, caps.most - lately))
    found: list[Offer] = []
    for offer in offers:
        if len(found) == room:
            break
        if offer.valid_until is not None and offer.valid_until <= now:
            continue
        before = past.get(offer.id, Past())
        again_at = max((*before.shown, before.at), default=0) + caps.again_after_days * DAY_MS
        if before.outcome in FINAL or (again_at > now and (before.shown or before.at)):
            continue
        if all(offer.id != other.id for other in found):
            found.append(offer)
    return found


def spoken(steps: Sequence[Words], values: Mapping[str, str]) -> list[Words]:
    """The steps of a script with the customer's own plan and brand in them (MK-05)."""
    zh = {name: values.get(name) or words.zh for name, words in GENERAL.items()}
    en = {name: values.get(name) or words.en for name, words in GENERAL.items()}
    return [Words(_filled(step.zh, zh), _filled(step.en, en)) for step in steps]


def _filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its braces filled in; one that is written wrongly stays as it is."""
    try:
        names = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
    except ValueError:
        return text
    return text.format(**values) if names <= values.keys() else text


def _instant(value: Json) -> int | None:
    return None if value is None else round(datetime.fromisoformat(value).timestamp() * 1000)
