"""What may be done about messages: send one, try one again, take one back, say what a customer wants."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from somc.domain import commands as c
from somc.domain.templates import Template
from somc.errors import UsageError
from somc.journal.entry import MessageText
from somc.messages.messenger import Messenger
from somc.runtime.hall import Hall
from somc.runtime.ids import IdSource
from somc.server.access import Principal
from somc.server.phones import bad_phone, normal_phone
from somc.server.prepared import Prepared
from somc.server.problems import Problem, problem

__all__ = ["CancelBody", "ConsentBody", "MessageBody", "MessageDesk", "SendBody"]

MessageId = Annotated[str, Meta(min_length=1, max_length=64)]
Phone = Annotated[str, Meta(max_length=32)]
Wanted = Literal["notice", "reminder", "dunning", "marketing"]


class MessageBody(msgspec.Struct, frozen=True, kw_only=True):
    message: MessageId


class CancelBody(MessageBody, frozen=True, kw_only=True):
    reason: Annotated[str, Meta(min_length=1, max_length=120)] | None = None


class SendBody(msgspec.Struct, frozen=True, kw_only=True, rename={"class_": "class"}):
    """A message of a template: `values` are what stands in its braces."""

    phone: Phone
    template: Annotated[str, Meta(min_length=1, max_length=40)]
    values: Annotated[
        dict[Annotated[str, Meta(max_length=40)], Annotated[str, Meta(max_length=200)]], Meta(max_length=30)
    ] = {}
    class_: Literal["code", "receipt", "alarm", "notice", "reminder", "dunning", "marketing"] | None = None
    language: Literal["zh", "en"] | None = None
    ticket: MessageId | None = None
    appointment: MessageId | None = None
    not_before: Annotated[datetime, Meta(tz=True)] | None = None
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class ConsentBody(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a customer wants messages of these classes."""

    phone: Phone
    classes: Annotated[list[Wanted], Meta(min_length=1, max_length=4)]
    allowed: bool


class MessageDesk:
    """Prepares the acts of `messages.…` for `Desk`."""

    def __init__(self, hall: Hall, ids: IdSource, templates: Mapping[str, Template]) -> None:
        self.hall = hall
        self.ids = ids
        self._messenger = Messenger(hall, ids, templates)

    async def prepare(self, body: Any, principal: Principal) -> Prepared | Problem:
        phone = normal_phone(body.phone)
        if phone is None:
            return bad_phone()
        person, row = await self.hall.journal.person_for(phone, self.ids.draw("p"))
        if isinstance(body, ConsentBody):
            command: c.Command = c.SetConsent(
                by=principal.by,
                person=person,
                message_classes=tuple(dict.fromkeys(body.classes)),
                allowed=body.allowed,
            )
            return Prepared(command=command, body=body, person=row)
        assert isinstance(body, SendBody)
        try:
            language, found, text = self._messenger.worded(body.template, body.language, body.values)
        except UsageError as error:
            return problem(422, "bad_template", str(error), fields={"template": str(error)})
        message_id = self.ids.draw("m")
        command = c.QueueMessage(
            by=principal.by,
            message_id=message_id,
            message_class=body.class_ or found.message_class,
            template=body.template,
            person=person,
            language=language,
            ticket=body.ticket,
            appointment=body.appointment,
            not_before=_ms(body.not_before),
            expires_at=_ms(body.expires_at),
        )
        text_row = MessageText(message_id, person, text)
        return Prepared(command=command, body=body, person=row, codes=(text_row,))


def _ms(at: datetime | None) -> int | None:
    return None if at is None else round(at.timestamp() * 1000)
