"""What happened on a day that care is about, as one small document per day. Pure.

What must stay true: a record that comes again changes nothing; each document carries the last `seq` in it.
"""

from __future__ import annotations

import msgspec

from somc.api import Record

__all__ = ["Day", "counted", "summed"]

Counts = dict[str, int]


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
    cared: Counts = {}
    """Ticket → how often its customer was cared for."""
    told_online: Counts = {}
    """Service → customers whose slip said how to do it online."""
    returned: Counts = {}
    """Service → those of them who came back for the same."""


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
            _add(day.cared, str(record.data["ticket"]))
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
    counts[key] = counts.get(key, 0) + 1
