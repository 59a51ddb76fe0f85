"""What happened on a day that care is about, as one small document per day. Pure.

What must stay true
- A record that comes again changes nothing; each document carries the last `seq` in it.
- However many customers come, a day's document stays small: what is kept by ticket is not in it, and of the
  names that staff and machines give it has `MOST_NAMES`.
"""

from __future__ import annotations

import msgspec

from somc.api import Record

__all__ = ["Cares", "Day", "Told", "cared", "counted", "summed"]

Counts = dict[str, int]

MOST_NAMES = 100
OTHER_NAMES = "…"
"""Where the customers of further names are counted."""


class Day(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One day of the hall's clock."""

    seq: int = 0
    taken: Counts = {}
    """Hour → tickets."""
    diverted: Counts = {}
    """Kind → customers."""
    to: Counts = {}
    """Where to → customers."""
    cares: Counts = {}
    """Kind → how often."""
    told_online: Counts = {}
    """Service → customers whose slip said how to do it online."""
    returned: Counts = {}
    """Service → those of them who came back for the same."""


class Cares(msgspec.Struct, kw_only=True):
    """Some of a day's tickets."""

    seq: int = 0
    tickets: Counts = {}
    """Ticket → how often its customer was cared for."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's slip said how to do a service online."""

    seq: int
    at: int
    last: int | None = None
    """When it did before."""


def cared(cares: Cares, record: Record) -> bool:
    """Count a `care.logged`; whether it was not in it already."""
    if record.seq <= cares.seq:
        return False
    cares.seq = record.seq
    ticket = str(record.data["ticket"])
    cares.tickets[ticket] = cares.tickets.get(ticket, 0) + 1
    return True


def counted(day: Day, record: Record, hour: int, *, told: bool = False, returned: bool = False) -> bool:
    """Count the record into its day; whether it was not in it already. `told`: the ticket's slip says how to
    do it online; `returned`: its customer had been told so before."""
    if record.seq <= day.seq:
        return False
    day.seq = record.seq
    match record.type:
        case "ticket.taken":
            service = str(record.data["service"])
            _add(day.taken, str(hour))
            if told:
                _add(day.told_online, service)
            if returned:
                _add(day.returned, service)
        case "ticket.diverted":
            _add(day.diverted, str(record.data["kind"]))
            _add(day.to, str(record.data["to"]))
        case "care.logged":
            _add(day.cares, str(record.data["kind"]))
    return True


def summed(days: list[Day]) -> dict[str, Counts]:
    """The sums over days."""
    total: dict[str, Counts] = {}
    for name in ("diverted", "to", "cares", "told_online", "returned"):
        of = total.setdefault(name, {})
        for day in days:
            for key, count in getattr(day, name).items():
                of[key] = of.get(key, 0) + count
    total["taken"] = {"all": sum(sum(day.taken.values()) for day in days)}
    return total


def _add(counts: Counts, key: str) -> None:
    if key not in counts and len(counts) >= MOST_NAMES:
        key = OTHER_NAMES
    counts[key] = counts.get(key, 0) + 1
