"""The library of service wording: four levels, inheritance, versions, approval. Pure.

    company/branch/district/hall      a level is a path: the hall's own, or the beginning of it
    moment × service × class          what a text is for; none of service or class: for all

What must stay true
- The text in force is the approved one of the nearest level; of one level the narrowest (its service and
  class before its service, before its class, before all). Withdrawing it brings the inherited one back.
- A version is never changed: another is added, and which was in force on a day can be told for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from hashlib import sha256
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from somc.api import Words

__all__ = ["MOMENTS", "Entry", "InForce", "Place", "Version", "in_force", "levels_of", "name_of"]

MOMENTS = {
    "call": Words("叫号用语", "At the call"),
    "greet": Words("迎接用语", "Greeting"),
    "service": Words("办理步骤", "While serving"),
    "end": Words("送别用语", "At the end"),
    "rule": Words("服务规范", "Rule of conduct"),
}
"""When a text is for, in the order of a service."""

Moment = Literal["call", "greet", "service", "end", "rule"]
Scope = Annotated[str, Meta(max_length=64)]
MOST_VERSIONS = 50


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One wording. It counts from the day `approved_on`, which may lie ahead."""

    number: int
    steps: Annotated[list[Words], Meta(min_length=1, max_length=20)]
    approved_on: date
    approved_by: Annotated[str, Meta(min_length=1, max_length=64)]
    published_at: int
    published_by: str


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What a text is for, and at which level."""

    level: Annotated[str, Meta(min_length=1, max_length=200)]
    moment: Moment
    service: Scope | None = None
    customer_class: Scope | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A place in the library with all its versions, oldest first. A withdrawn one inherits again."""

    place: Place
    versions: list[Version]
    withdrawn: bool = False

    def on(self, day: date) -> Version | None:
        """The version that counts on a day."""
        if self.withdrawn:
            return None
        approved = [version for version in self.versions if version.approved_on <= day]
        return max(approved, key=lambda version: (version.approved_on, version.number), default=None)

    def ends_with(self, steps: list[Words], approved_on: date, approved_by: str) -> bool:
        """Whether its newest version, not withdrawn, says just this."""
        if self.withdrawn or not self.versions:
            return False
        last = self.versions[-1]
        return (last.steps, last.approved_on, last.approved_by) == (steps, approved_on, approved_by)

    def with_(self, version: Version) -> Entry:
        """With one version more; the oldest of too many goes."""
        return Entry(place=self.place, versions=[*self.versions, version][-MOST_VERSIONS:])


class InForce(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be said, from where."""

    id: str
    place: Place
    version: Version


def name_of(place: Place) -> str:
    """The id of a place: short, the same for ever, good in a URL."""
    parts = (place.level, place.moment, place.service or "", place.customer_class or "")
    return sha256("\0".join(parts).encode()).hexdigest()[:16]


def levels_of(org: str) -> list[str]:
    """The levels of a hall, the widest first."""
    parts = org.split("/")
    return ["/".join(parts[: number + 1]) for number in range(len(parts))]


def in_force(
    entries: Mapping[str, Entry], org: str, service: str, customer_class: str, day: date
) -> list[InForce]:
    """What counts in this hall for a ticket, one text for each moment; rules of conduct all."""
    found: list[InForce] = []
    for moment in MOMENTS:
        fitting = list(_fitting(entries, org, moment, service, customer_class, day))
        fitting.sort(key=_rank, reverse=True)
        found += fitting if moment == "rule" else fitting[:1]
    return found


def _fitting(
    entries: Mapping[str, Entry], org: str, moment: str, service: str, customer_class: str, day: date
) -> Iterable[InForce]:
    levels = set(levels_of(org))
    for name, entry in entries.items():
        place = entry.place
        if (
            place.moment == moment
            and place.level in levels
            and place.service in (None, service)
            and place.customer_class in (None, customer_class)
            and (version := entry.on(day)) is not None
        ):
            yield InForce(id=name, place=place, version=version)


def _rank(text: InForce) -> tuple[int, int]:
    """The nearer level first, then the narrower text."""
    place = text.place
    return len(place.level.split("/")), 2 * (place.service is not None) + (place.customer_class is not None)
