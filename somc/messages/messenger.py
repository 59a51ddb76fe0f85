"""The one way in which anything in a hall sends somebody a message (消息).

    send(template, values, to) ──▶ words, sealed ──▶ QueueMessage ──▶ outbox ──▶ dispatcher ──▶ a channel

What must stay true: words and numbers are sealed in the transaction of `message.queued`, and stand in no
command, record or log line; a template that is not there, or a value that it lacks, is the caller's mistake
and is said before anything is queued.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.refusals import Refusal
from somc.domain.state import HallState
from somc.domain.templates import Template, render
from somc.errors import UsageError
from somc.journal.entry import MessageText
from somc.runtime.hall import Decided, Hall, Key, Replayed
from somc.runtime.ids import IdSource

__all__ = ["Messenger"]

View = Callable[[HallState, "tuple[e.Event, ...]", int, str], Any]


class Messenger:
    """Queues messages of one hall."""

    def __init__(self, hall: Hall, ids: IdSource, templates: Mapping[str, Template]) -> None:
        self.hall = hall
        self.ids = ids
        self.templates = templates

    async def send(
        self,
        template: str,
        values: Mapping[str, str],
        *,
        by: str,
        person: str | None = None,
        phone: str | None = None,
        message_class: str | None = None,
        language: str | None = None,
        key: str | None = None,
        ticket: str | None = None,
        appointment: str | None = None,
        not_before: int | None = None,
        expires_at: int | None = None,
        ask: e.AskFacts | None = None,
        view: View | None = None,
        idempotency: Key | None = None,
        encode: Callable[[Any], tuple[int, bytes]] | None = None,
    ) -> Decided[Any] | Replayed | Refusal:
        """Queue a message to `person` (an id) or `phone` (a number in its one form), durably.

        Without events in the answer there was a message of the same `key` before. `view` makes the answer's
        view and is given the message's id. Raises `UsageError` for a template that is not there or a value
        that it lacks, and what `Hall.submit` raises.
        """
        if (person is None) == (phone is None):
            raise UsageError("a message goes to a person or to a phone: give one of them")
        said, found, text = self.worded(template, language, values)
        row = None
        if phone is not None:
            person, row = await self.hall.journal.person_for(phone, self.ids.draw("p"))
        assert person is not None
        message_id = self.ids.draw("m")
        command = c.QueueMessage(
            by=by,
            message_id=message_id,
            message_class=message_class or found.message_class,
            template=template,
            person=person,
            language=said,
            key=key,
            ticket=ticket,
            appointment=appointment,
            not_before=not_before,
            expires_at=expires_at,
            ask=ask,
        )

        def make_view(state: HallState, events: tuple[e.Event, ...], now: int) -> Any:
            return None if view is None else view(state, events, now, message_id)

        return await self.hall.submit(
            command,
            make_view,
            person=row,
            text=MessageText(message_id, person, text),
            key=idempotency,
            encode=encode,
        )

    def worded(self, name: str, language: str | None, values: Mapping[str, str]) -> tuple[str, Template, str]:
        """The language, the template and the words of a message. `UsageError` for a template that is not
        there or a value that it lacks."""
        state = self.hall.state.hall
        said = language or state.messages.language
        template = self.templates.get(name)
        if template is None:
            raise UsageError(f"there is no message template '{name}'; known: {', '.join(self.templates)}")
        filled = {"hall": state.name.en if said == "en" else state.name.zh, **values}
        try:
            return said, template, render(template, said, filled)
        except KeyError as error:
            raise UsageError(f"the message template '{name}' needs a value for {error}") from None
