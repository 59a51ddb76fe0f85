"""Books appointments for whoever has no route of their own: codes are drawn, hashed and kept sealed here.

What must stay true: a code stands in no record and in no remembered answer. Records have its keyed hash,
`Entry.texts` the code sealed; `Journal.code_of` gives it to whoever tells it to its holder.
"""

from __future__ import annotations

import msgspec

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.refusals import Refusal
from somc.domain.state import HallState
from somc.journal.entry import MessageText, code_id
from somc.journal.journal import Journal
from somc.runtime.hall import Hall, Key
from somc.runtime.ids import IdSource

__all__ = ["Booker", "Drawn", "code_hash", "draw_places"]

HASH_CHARACTERS = 32
"""128 bits of the keyed hash: two codes of one hall never share them."""


class Drawn(msgspec.Struct, frozen=True):
    """Places to be booked, and their codes as they are kept."""

    places: tuple[c.Place, ...]
    codes: tuple[MessageText, ...]


def code_hash(journal: Journal, code: str) -> str:
    """What the records know of a code."""
    return journal.digest(b"appointment-code:" + code.encode()).hex()[:HASH_CHARACTERS]


def draw_places(journal: Journal, ids: IdSource, count: int, person: str | None) -> Drawn:
    """So many places with an id and a code each, for `person`."""
    drawn = [(ids.draw("a"), ids.draw_code()) for _ in range(count)]
    return Drawn(
        places=tuple(c.Place(name, code_hash(journal, code)) for name, code in drawn),
        codes=tuple(MessageText(code_id(name), person or "", code) for name, code in drawn),
    )


class Booker:
    """Books one place for a person who is known by id."""

    def __init__(self, hall: Hall, ids: IdSource) -> None:
        self.hall = hall
        self.ids = ids

    async def book(
        self, *, service: str, at: int, person: str, key: Key, channel: str = "sms", confirmed: bool = True
    ) -> Refusal | None:
        """Book the slot of `service` at `at`; the same `key` books once. None: it is booked, and the records
        tell whoever sends receipts. Raises what `Hall.submit` raises."""
        drawn = draw_places(self.hall.journal, self.ids, 1, person)
        command = c.BookAppointment(
            by=key.principal,
            places=drawn.places,
            service=service,
            at=at,
            channel=channel,
            person=person,
            confirmed=confirmed,
        )
        outcome = await self.hall.submit(command, _id_of, key=key, encode=_remembered, codes=drawn.codes)
        return outcome if isinstance(outcome, Refusal) else None


def _id_of(state: HallState, events: tuple[e.Event, ...], now: int) -> str:
    [booked] = [event.appointment for event in events if isinstance(event, e.AppointmentBooked)]
    return booked


def _remembered(appointment: str) -> tuple[int, bytes]:
    return 201, msgspec.json.encode({"id": appointment})
