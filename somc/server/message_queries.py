"""Reads about messages: the log with masked numbers, one message with its words, the channels."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from somc.domain.refusals import refuse
from somc.domain.state import HallState
from somc.journal.messages import LogQuery, LogRow
from somc.server import views
from somc.server.access import Principal
from somc.server.message_views import channels_view, log_view
from somc.server.phones import bad_phone, normal_phone
from somc.server.problems import of_refusal
from somc.server.query import STAFF, Floor, NoParams, Query

__all__ = ["MESSAGE_QUERIES"]

Plain = dict[str, Any]
Word = Annotated[str, Meta(min_length=1, max_length=64)]
MANAGERS = frozenset(("manager",))


class MessagesParams(msgspec.Struct, frozen=True, rename={"class_": "class", "from_": "from"}):
    state: Literal["queued", "sent", "delivered", "failed", "cancelled", "received"] | None = None
    direction: Literal["out", "in"] | None = None
    class_: Word | None = None
    template: Word | None = None
    gateway: Word | None = None
    ticket: Word | None = None
    appointment: Word | None = None
    phone: Annotated[str, Meta(max_length=32)] | None = None
    from_: Annotated[datetime, Meta(tz=True)] | None = None
    to: Annotated[datetime, Meta(tz=True)] | None = None
    before: Annotated[int, Meta(ge=1, le=2**53)] | None = None
    """The `seq` of the last message of the page before."""
    limit: Annotated[int, Meta(ge=1, le=500)] = 100


class MessageParams(msgspec.Struct, frozen=True):
    message: Word


async def _messages(floor: Floor, params: MessagesParams, principal: Principal) -> Any:
    journal = floor.hall.journal
    persons = None
    if params.phone is not None:
        phone = normal_phone(params.phone)
        if phone is None:
            return bad_phone()
        persons = tuple(await journal.persons_of(phone))
    rows = await journal.message_log(
        LogQuery(
            state=params.state,
            direction=params.direction,
            message_class=params.class_,
            template=params.template,
            gateway=params.gateway,
            ticket=params.ticket,
            appointment=params.appointment,
            persons=persons,
            since=_ms(params.from_),
            until=_ms(params.to),
            before=params.before,
            limit=params.limit,
        )
    )
    found = await _masked(floor, rows)
    more = rows[-1].seq if len(rows) == params.limit else None
    return {"messages": [log_view(row, found.get(row.id)) for row in rows], "next": more}


async def _message(floor: Floor, params: MessageParams, principal: Principal) -> Any:
    journal = floor.hall.journal
    rows = await journal.message_log(LogQuery(id=params.message))
    if not rows:
        return of_refusal(refuse("unknown_message", message=params.message))
    found = await _masked(floor, rows)
    view = log_view(rows[0], found.get(params.message))
    return {**view, "text": await journal.message_text(params.message)}


async def _masked(floor: Floor, rows: list[LogRow]) -> dict[str, str]:
    """Message → masked number, of those whose person is known still."""
    wanted = [(row.id, row.person) for row in rows if row.person is not None]
    letters = await floor.hall.journal.letters(wanted)
    return {name: views.mask(letter.phone) for name, letter in letters.items() if letter.phone is not None}


def _ms(at: datetime | None) -> int | None:
    return None if at is None else round(at.timestamp() * 1000)


async def _channels(floor: Floor, params: NoParams, principal: Principal) -> Any:
    def view(state: HallState, now: int) -> Plain:
        return channels_view(state, floor.channels())

    return await floor.hall.read(view)


MESSAGE_QUERIES: tuple[Query, ...] = (
    Query("messages", "/messages", MessagesParams, MANAGERS, _messages, "The log of messages, newest first"),
    Query("message", "/messages/{message}", MessageParams, MANAGERS, _message, "One message with its words"),
    Query("channels", "/channels", NoParams, STAFF, _channels, "The channels for messages and their state"),
)
