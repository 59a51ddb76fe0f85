"""What a customer writes (上行短信), carried out and answered.

    words ── understood ──▶ intent ── (question that is open) ──▶ message.received ──▶ command ──▶ a reply

What must stay true
- The same message told twice by a gateway is carried out once: what it leads to has its key. It is recorded
  first, and acknowledged to the gateway last; should the hall die in between, the gateway tells it again, and
  what is missing is done then.
- An order by message (a booking) takes effect only after the customer confirmed it (CH-06); no answer means
  no order.
- A no is said to the question that is open and to nothing else: it never costs an appointment of which nobody
  asked.
- A customer learns of nothing but what belongs to the number that wrote.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
import trio

from somc.api.channels import Inbound
from somc.domain import commands as c
from somc.domain import events as e
from somc.domain.booking import slot_refused
from somc.domain.outbox import Message, received_key
from somc.domain.refusals import Refusal
from somc.domain.state import HallState
from somc.errors import Overloaded
from somc.journal.entry import MessageText
from somc.messages.messenger import Messenger
from somc.messages.orders import Reply, ordered, place_reply, slots_reply, when_values
from somc.messages.replies import Intent, understood
from somc.runtime.booker import Booker
from somc.runtime.hall import Hall, Key
from somc.runtime.ids import IdSource
from somc.runtime.records import event_of

__all__ = ["Reception"]

log = structlog.get_logger(__name__)

BY = "channel:sms"

SUBSCRIBED = ("marketing", "reminder", "notice")
"""What "退订" ends and "订阅" brings back. Dunning is no offer, codes and receipts are answers."""

LONGEST_KEPT = 1000
"""Characters of an incoming message that are kept."""

CONFIRM_WITHIN_S = 600
"""So long an order waits for its yes."""

ANSWERS = ("confirm", "decline", "cancel")
"""What is said to the newest question that is open, if there is one. Whoever is asked about one thing and
writes "cancel" means that, not the appointment that happens to be the next."""


class Asked:
    """One message of a customer: who, what, and the key under which what it leads to is done once."""

    def __init__(self, persons: tuple[str, ...], intent: Intent, key: str, language: str) -> None:
        self.person = persons[0]
        self.persons = persons
        self.intent = intent
        self.key = key
        self.language = language


Handler = Callable[[Asked], Awaitable[Reply]]


class Reception:
    """Takes what customers write to one hall."""

    def __init__(self, hall: Hall, ids: IdSource, messenger: Messenger) -> None:
        self.hall = hall
        self.booker = Booker(hall, ids)
        self.ids = ids
        self.messenger = messenger
        self._doing: dict[str, Handler] = {
            "place": self._place,
            "stop": self._stop,
            "start": self._start,
            "help": self._help,
            "confirm": self._nothing_asked,
            "decline": self._nothing_asked,
            "cancel": self._cancel,
            "book": self._book,
        }

    async def receive(self, gateway: str, message: Inbound) -> None:
        """Record it, do what it says, answer. On return all of it is on disk."""
        while True:
            try:
                await self._receive(gateway, message)
            except Overloaded:
                await trio.sleep(0.1)
            else:
                return

    async def _receive(self, gateway: str, message: Inbound) -> None:
        intent = understood(message.text)
        sender = own_number(message.sender)
        person, row = await self.hall.journal.person_for(sender, self.ids.draw("p"))
        # One number may be known by several ids, if it came on several ways at once.
        persons = tuple(dict.fromkeys([person, *await self.hall.journal.persons_of(sender)]))
        key = received_key(gateway, message.ref)
        outbox, now = self.hall.state.outbox, self.hall.now()
        if f"re:{key}" in outbox.by_key:
            return  # the gateway tells it again
        if key in outbox.by_key:
            answers = await self._answers_of(outbox.by_key[key][0])
        else:
            open_ = [outbox.open_ask(each, now) for each in persons] if intent.name in ANSWERS else []
            found = max((each[0] for each in open_ if each is not None), key=_queued_at, default=None)
            answers = None if found is None else found.id
            message_id = self.ids.draw("i")
            command = c.ReceiveMessage(
                by=f"channel:{gateway}",
                message_id=message_id,
                gateway=gateway,
                ref=message.ref,
                person=person,
                intent=intent.name,
                answers=answers,
            )
            text = MessageText(message_id, person, message.text[:LONGEST_KEPT])
            await self.hall.submit(command, _no_view, person=row, text=text)
        asked = Asked(persons, intent, key, self.hall.state.hall.messages.language)
        question = None if answers is None else outbox.messages.get(answers)
        await self._send(asked, await self._answer(asked, question))

    async def _answers_of(self, message_id: str) -> str | None:
        """Which message an incoming one answered: of one whose answer a crash has swallowed."""
        topic = f"{self.hall.state.hall.org}/message/{message_id}"
        for record in await self.hall.journal.records_of(topic, 1):
            event = event_of(record)
            if isinstance(event, e.MessageReceived):
                return event.answers
        return None

    async def _send(self, asked: Asked, reply: Reply) -> None:
        if not reply.template:
            return  # what was done is told in a message of its own
        outcome = await self.messenger.send(
            reply.template,
            reply.values,
            by=BY,
            person=asked.person,
            key=f"re:{asked.key}",
            **reply.more,  # type: ignore[arg-type] # Reply's own
        )
        if isinstance(outcome, Refusal):
            log.info("a message is not answered", why=outcome.code)

    async def _answer(self, asked: Asked, question: Message | None) -> Reply:
        """Do what is asked; what to say of it."""
        if question is not None and question.ask is not None:
            answered = self._confirmed if asked.intent.name == "confirm" else self._declined
            return await answered(asked, question.ask)
        doing = self._doing.get(asked.intent.name)
        return await doing(asked) if doing is not None else Reply("reply_help")

    # -- intents ----------------------------------------------------------------------------------

    async def _help(self, asked: Asked) -> Reply:
        return Reply("reply_help")

    async def _nothing_asked(self, asked: Asked) -> Reply:
        """A yes or no, but nothing was asked, or it is too late."""
        return Reply("reply_nothing_to_confirm")

    async def _confirmed(self, asked: Asked, ask: e.AskFacts) -> Reply:
        match ask.kind:
            case "confirm_appointment":
                name = str(ask.facts["appointment"])
                outcome = await self._each(asked, ask, c.ConfirmAppointment)
                return self._said(outcome, Reply("reply_confirmed", appointment=name), asked)
            case "book":
                outcome = await self.booker.book(
                    service=str(ask.facts["service"]),
                    at=int(ask.facts["at"]),
                    person=asked.person,
                    key=_once(asked),
                )
                return self._said(outcome, Reply(""), asked)  # the booking has a receipt of its own
        return Reply("reply_nothing_to_confirm")

    async def _declined(self, asked: Asked, ask: e.AskFacts) -> Reply:
        """No to what was asked: the order is none, the appointment that was to be confirmed is given up."""
        if ask.kind == "confirm_appointment":
            # The cancellation has a message of its own.
            return self._said(await self._each(asked, ask, _given_up), Reply(""), asked)
        return Reply("reply_declined")

    async def _each(self, asked: Asked, ask: e.AskFacts, act: Callable[..., c.Command]) -> Refusal | None:
        """Do it with every appointment of which was asked: of a block all that were booked at once. Refused
        is only what was refused for all of them."""
        names = ask.facts.get("block", [ask.facts["appointment"]])
        outcomes = [
            await self._do(asked, act(by=BY, appointment=str(name)), part=str(name) if len(names) > 1 else "")
            for name in names
        ]
        return None if None in outcomes else outcomes[0]

    async def _cancel(self, asked: Asked) -> Reply:
        """The earliest appointment ahead."""
        state = self.hall.state
        theirs = [each for person in asked.persons for each in state.bookings.of_person(person)]
        for appointment in sorted(theirs, key=lambda each: each.at):
            if appointment.state.ahead:
                outcome = await self._do(asked, _given_up(by=BY, appointment=appointment.id))
                return self._said(outcome, Reply(""), asked)  # the cancellation has a message of its own
        return Reply("reply_nothing_to_cancel")

    async def _place(self, asked: Asked) -> Reply:
        return await self.hall.read(lambda state, now: place_reply(state, now, asked.persons, asked.language))

    async def _stop(self, asked: Asked) -> Reply:
        await self._consent(asked, allowed=False)
        return Reply("reply_stopped")

    async def _start(self, asked: Asked) -> Reply:
        await self._consent(asked, allowed=True)
        return Reply("reply_started")

    async def _consent(self, asked: Asked, *, allowed: bool) -> None:
        """For the number that wrote, so for every id under which it is known."""
        for person in asked.persons:
            command = c.SetConsent(
                by=BY, person=person, message_classes=SUBSCRIBED, allowed=allowed, cause="reply"
            )
            await self._do(asked, command, part=person)

    async def _book(self, asked: Asked) -> Reply:
        """CH-06: what was understood is asked back; only a yes books."""
        state, now = self.hall.state, self.hall.now()
        order = ordered(state, now, " ".join(asked.intent.rest))
        if isinstance(order, Reply):
            return order
        refused = slot_refused(state, order.service, order.at, now)
        if isinstance(refused, Refusal):
            return slots_reply(state, now, order, asked.language)
        ask = e.AskFacts(
            kind="book",
            facts={"service": order.service, "at": order.at},
            until=now + CONFIRM_WITHIN_S * 1000,
        )
        values = {**when_values(state, order.service, order.at, asked.language)}
        values["minutes"] = str(CONFIRM_WITHIN_S // 60)
        return Reply("reply_confirm_booking", values, ask=ask)

    # -- steps ------------------------------------------------------------------------------------

    async def _do(self, asked: Asked, command: c.Command, part: str = "") -> Refusal | None:
        """Once, whatever is told again after a crash; `part` tells apart what one message leads to."""
        outcome = await self.hall.submit(command, _no_view, key=_once(asked, part), encode=_done)
        return outcome if isinstance(outcome, Refusal) else None

    def _said(self, outcome: Refusal | None, done: Reply, asked: Asked) -> Reply:
        if outcome is None:
            return done
        words = outcome.words
        return Reply("reply_refused", {"why": words.en if asked.language == "en" else words.zh})


def own_number(sender: str) -> str:
    """A customer's number as the hall knows it: gateways write it with the country's prefix or without."""
    for prefix in ("+86", "0086", "86"):
        if sender.startswith(prefix) and len(sender) == len(prefix) + 11:
            return sender.removeprefix(prefix)
    return sender.removeprefix("+")


def _once(asked: Asked, part: str = "") -> Key:
    """What one incoming message leads to is done once."""
    return Key(BY, f"sms.{asked.intent.name}", f"{asked.key}{part and ':'}{part}", b"")


def _given_up(*, by: str, appointment: str) -> c.Command:
    return c.CancelAppointment(by=by, appointment=appointment, reason="by message")


def _no_view(state: HallState, events: tuple[e.Event, ...], now: int) -> None:
    return None


def _done(view: None) -> tuple[int, bytes]:
    return 200, b"{}"


def _queued_at(message: Message) -> int:
    return message.queued_at
