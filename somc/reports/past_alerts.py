"""Alerts of any period, from the journal: each with what became of it.

A pure fold. Whatever becomes of an alert comes before its day ends, so a page reads on to there.
"""

from __future__ import annotations

import msgspec

from somc.domain.events import AlertAcknowledged, AlertCleared, AlertRaised
from somc.domain.values import Acknowledgement, Alert
from somc.journal.record import Record

__all__ = ["PastAlerts"]

_raised = msgspec.json.Decoder(AlertRaised)
_cleared = msgspec.json.Decoder(AlertCleared)
_acknowledged = msgspec.json.Decoder(AlertAcknowledged)

replace = msgspec.structs.replace


class PastAlerts:
    """The first `limit` alerts raised before `to` (Unix ms), of `kind` if given, among the records fed."""

    def __init__(self, to: int, limit: int, kind: str | None = None) -> None:
        self.to = to
        self.limit = limit
        self.kind = kind
        self.found: dict[str, Alert] = {}
        self.last = 0
        """The `seq` of the last alert found: the next page begins after it."""
        self.more = False
        """Whether there is another alert after these."""
        self._unsettled: set[str] = set()

    def take(self, record: Record) -> bool:
        """One more record; False when nothing that follows can matter."""
        match record.type:
            case "alert.raised":
                self._raise(record)
            case "alert.cleared":
                self._clear(record)
            case "alert.acknowledged":
                self._acknowledge(record)
            case "day.ended":
                self._unsettled.clear()
        full = self.more or record.at >= self.to
        return not full or bool(self._unsettled)

    def _raise(self, record: Record) -> None:
        if record.at >= self.to:
            return
        event = _raised.decode(record.data)
        if self.kind is not None and event.kind != self.kind:
            return
        if len(self.found) == self.limit:
            self.more = True
            return
        self.found[event.alert] = Alert(
            id=event.alert,
            kind=event.kind,
            raised_at=record.at,
            ticket=event.ticket,
            number=event.number,
            service=event.service,
            customer_class=event.customer_class,
            target_wait_s=event.target_wait_s,
            waited_s=event.waited_s,
            left_s=event.left_s,
            value=event.value,
            limit=event.limit,
            plugin=event.plugin,
            name=event.name,
            about=event.about,
            words=event.words,
        )
        self._unsettled.add(event.alert)
        self.last = record.seq

    def _clear(self, record: Record) -> None:
        event = _cleared.decode(record.data)
        if event.alert in self.found:
            alert = replace(self.found[event.alert], cleared_at=record.at, cause=event.cause)
            self.found[event.alert] = alert

    def _acknowledge(self, record: Record) -> None:
        event = _acknowledged.decode(record.data)
        if event.alert in self.found:
            done = Acknowledgement(done=event.done, note=event.note, by=event.by, at=record.at)
            self.found[event.alert] = replace(self.found[event.alert], acknowledged=done)
