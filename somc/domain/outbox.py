"""The outbox (待发消息): every message that a hall sent or will send, without its words and its numbers.

    queued ──▶ sent ──▶ delivered
      │ ▲        │
      │ └─ retry │
      ▼          ▼
    failed · cancelled                 a failed one may be queued again by hand

What must stay true
- No text, no name, no number: `person` is a random id, the words lie sealed beside the journal.
- A message is sent once by our record: a second `message.sent` of one id is never written.
- One key, one message, for as long as it is remembered (`REMEMBERED_MS` at least).
- Bounded: what is done with is forgotten at the day's end, what was given up after `REMEMBERED_MS`.
- Quiet hours are instants: they begin and end when the hall's clocks show so, whatever summer time does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from somc.domain.business_day import local
from somc.domain.events import AskFacts
from somc.domain.values import MESSAGE_CLASSES, MessageRules, Words, to_plain

if TYPE_CHECKING:
    from somc.domain.state import HallState

__all__ = [
    "CLASS_WORDS",
    "FORGET_EVERY",
    "LIFE_MS",
    "REMEMBERED_MS",
    "STATE_WORDS",
    "Message",
    "MessageState",
    "Outbox",
    "next_gateway_alert",
    "quiet_until",
    "received_key",
]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
REMEMBERED_MS = 3 * DAY_MS
"""So long a key is known, and so long a receipt finds its message: gateways give up within it."""

FORGET_EVERY = 4096
"""Records; a message that is queued as such a multiple-th record has the outbox tidied."""

MOST_ASKS = 5
"""Questions that one customer may have open; the oldest goes."""

LIFE_MS = {
    "code": 10 * 60_000,
    "receipt": DAY_MS,
    "alarm": 2 * HOUR_MS,
    "notice": 2 * HOUR_MS,
    "reminder": DAY_MS,
    "dunning": 3 * DAY_MS,
    "marketing": 2 * DAY_MS,
}
"""After so long a message of a class is of no use to anybody, unless it says so itself."""

CLASS_WORDS = {
    "code": Words("验证码", "verification code"),
    "receipt": Words("回执", "receipt"),
    "alarm": Words("员工预警", "staff alarm"),
    "notice": Words("通知", "notice"),
    "reminder": Words("提醒", "reminder"),
    "dunning": Words("催缴", "dunning"),
    "marketing": Words("营销", "marketing"),
}
assert LIFE_MS.keys() == CLASS_WORDS.keys() == set(MESSAGE_CLASSES), "a class without its words"


class MessageState(StrEnum):
    """Where a message is. The last three end it."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self not in (MessageState.QUEUED, MessageState.SENT)


STATE_WORDS: dict[MessageState, Words] = {
    MessageState.QUEUED: Words("待发", "queued"),
    MessageState.SENT: Words("已发送", "sent"),
    MessageState.DELIVERED: Words("已送达", "delivered"),
    MessageState.FAILED: Words("失败", "failed"),
    MessageState.CANCELLED: Words("已撤回", "cancelled"),
}


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message (消息). `queued_at` is when it was generated; `ready_at` when it may leave next."""

    id: str
    message_class: str
    template: str
    person: str
    state: MessageState
    queued_at: int
    ready_at: int
    expires_at: int
    changed_at: int
    language: str
    key: str | None = None
    ticket: str | None = None
    appointment: str | None = None
    held: bool = False
    """Whether quiet hours kept it from leaving at once: its text then says when it was generated."""
    ask: AskFacts | None = None
    attempts: int = 0
    gateway: str | None = None
    refs: tuple[str, ...] = ()
    """The gateway's own ids of its parts, whose receipts are still out."""
    cause: str | None = None
    """Why it failed last."""


class Outbox:
    """The messages of one hall. Written by `evolve` only."""

    def __init__(self) -> None:
        self.messages: dict[str, Message] = {}
        self.by_key: dict[str, tuple[str, int]] = {}
        """Key → message and when it was queued; also of messages that are forgotten."""
        self.by_ref: dict[tuple[str, str], str] = {}
        """Gateway and its id of a part → message, while receipts are out. Derived."""
        self.recent: dict[str, list[tuple[int, str]]] = {}
        """Person → when (Unix ms) messages of which class were queued within the last day."""
        self.consents: dict[str, dict[str, bool]] = {}
        """Person → class → whether it was asked for (true) or refused (false)."""
        self.asks: dict[str, list[tuple[str, AskFacts]]] = {}
        """Person → messages with open questions, the newest last."""
        self.waiting = 0
        """How many are queued."""

    # -- reading ----------------------------------------------------------------------------------

    def queued(self) -> Iterator[Message]:
        return (message for message in self.messages.values() if message.state is MessageState.QUEUED)

    def counts(self) -> dict[str, int]:
        """State → how many of those that are remembered."""
        counts = dict.fromkeys(map(str, MessageState), 0)
        for message in self.messages.values():
            counts[message.state] += 1
        return counts

    def about(self, *, ticket: str | None = None, appointment: str | None = None) -> list[Message]:
        """The messages about one ticket or appointment, the oldest first."""
        return [
            message
            for message in self.messages.values()
            if (ticket is not None and message.ticket == ticket)
            or (appointment is not None and message.appointment == appointment)
        ]

    def refused(self, person: str, message_class: str) -> bool:
        """Whether the customer does not want messages of this class."""
        return self.consents.get(person, {}).get(message_class) is False

    def asked_for(self, person: str, message_class: str) -> bool:
        return self.consents.get(person, {}).get(message_class) is True

    def sent_to(self, person: str, since: int, message_class: str | None = None) -> int:
        """How many messages (of one class) were queued for somebody after `since`."""
        return sum(at > since and message_class in (None, its) for at, its in self.recent.get(person, ()))

    def open_ask(self, person: str, now: int) -> tuple[Message, AskFacts] | None:
        """The newest question that somebody may still answer."""
        for message_id, ask in reversed(self.asks.get(person, [])):
            message = self.messages.get(message_id)
            if message is not None and now <= ask.until:
                return message, ask
        return None

    # -- writing ----------------------------------------------------------------------------------

    def put(self, message: Message) -> None:
        """Keep the message as it is now."""
        before = self.messages.get(message.id)
        if before is not None:
            self._drop_refs(before)
            self.waiting -= before.state is MessageState.QUEUED
        self.messages[message.id] = message
        self.waiting += message.state is MessageState.QUEUED
        if message.state is MessageState.SENT and message.gateway is not None:
            for ref in message.refs:
                self.by_ref[message.gateway, ref] = message.id

    def count(self, person: str, message_class: str, at: int) -> None:
        """A message was queued for somebody."""
        recent = [one for one in self.recent.get(person, ()) if one[0] > at - DAY_MS]
        self.recent[person] = [*recent, (at, message_class)]

    def add_ask(self, message: Message, ask: AskFacts) -> None:
        self.asks[message.person] = [*self.asks.get(message.person, []), (message.id, ask)][-MOST_ASKS:]

    def close_ask(self, person: str, message_id: str) -> None:
        left = [one for one in self.asks.get(person, []) if one[0] != message_id]
        if left:
            self.asks[person] = left
        else:
            self.asks.pop(person, None)

    def forget(self, at: int) -> None:
        """What is done with goes, and what no receipt will come for any more: at the day's end, and now and
        then in a hall whose days do not begin because nobody takes a ticket."""
        for message in list(self.messages.values()):
            old = message.changed_at <= at - REMEMBERED_MS
            # What was given up stays for a while: a manager may have it tried again.
            done = message.state in (MessageState.DELIVERED, MessageState.CANCELLED)
            if done or (old and message.state is not MessageState.QUEUED):
                self._drop_refs(message)
                del self.messages[message.id]
        self.by_key = {
            key: (message, queued_at)
            for key, (message, queued_at) in self.by_key.items()
            if queued_at > at - REMEMBERED_MS or message in self.messages
        }
        self.recent = {
            person: kept
            for person, times in self.recent.items()
            if (kept := [one for one in times if one[0] > at - DAY_MS])
        }
        self.asks = {
            person: still
            for person, asks in self.asks.items()
            if (still := [one for one in asks if one[1].until > at and one[0] in self.messages])
        }

    def _drop_refs(self, message: Message) -> None:
        for ref in message.refs:
            if self.by_ref.get((message.gateway or "", ref)) == message.id:
                del self.by_ref[message.gateway or "", ref]

    # -- dumping ----------------------------------------------------------------------------------

    def dump(self) -> dict[str, Any]:
        return {
            "messages": [to_plain(message) for message in self.messages.values()],
            "keys": {key: list(value) for key, value in sorted(self.by_key.items())},
            "recent": {person: [list(one) for one in self.recent[person]] for person in sorted(self.recent)},
            "consents": {
                person: dict(sorted(self.consents[person].items())) for person in sorted(self.consents)
            },
            "asks": {
                person: [[message, to_plain(ask)] for message, ask in self.asks[person]]
                for person in sorted(self.asks)
            },
        }

    def load(self, dumped: Mapping[str, Any]) -> None:
        for plain in dumped["messages"]:
            self.put(msgspec.convert(plain, Message))
        self.by_key = {key: (message, at) for key, (message, at) in dumped["keys"].items()}
        self.recent = {
            person: [(at, kind) for at, kind in times] for person, times in dumped["recent"].items()
        }
        self.consents = {person: dict(said) for person, said in dumped["consents"].items()}
        self.asks = {
            person: [(message, msgspec.convert(ask, AskFacts)) for message, ask in asks]
            for person, asks in dumped["asks"].items()
        }

    def check_invariants(self) -> None:
        """`AssertionError` naming the rule if the outbox is not one that a hall can have."""
        assert self.waiting == sum(1 for _ in self.queued()), "queued messages are miscounted"
        refs = {
            (message.gateway, ref): message.id
            for message in self.messages.values()
            if message.state is MessageState.SENT
            for ref in message.refs
        }
        assert refs == self.by_ref, "by_ref is not the parts whose receipts are out"
        for message in self.messages.values():
            if message.key is not None:
                assert self.by_key[message.key][0] == message.id, "two messages have one key"


def received_key(gateway: str, ref: str) -> str:
    """Under what an incoming message is remembered beside the keys of the outgoing ones."""
    return f"in:{gateway}:{ref}"


def next_gateway_alert(state: HallState) -> int | None:
    """When a gateway will have been down for too long."""
    limit_s = state.hall.messages.gateway_down_s
    if not limit_s:
        return None
    told = {alert.subject for alert in state.alerts.values() if alert.kind == "gateway_down"}
    return min(
        (
            channel.since + limit_s * 1000
            for channel in state.channels.values()
            if channel.status == "down" and channel.name not in told
        ),
        default=None,
    )


# -- quiet hours ------------------------------------------------------------------------------------


def quiet_until(rules: MessageRules, zone: tzinfo, message_class: str, at: int) -> int | None:
    """When the quiet hours end in which `at` (Unix ms) lies for this class; `None` if it lies in none."""
    if message_class not in rules.quiet_classes or rules.quiet_from_s == rules.quiet_until_s:
        return None
    today = local(at, zone).date()
    for begun in (today - timedelta(days=1), today):
        start = _instant(begun, rules.quiet_from_s, zone)
        ends_on = begun + timedelta(days=rules.quiet_until_s <= rules.quiet_from_s)
        end = _instant(ends_on, rules.quiet_until_s, zone)
        if start <= at < end:
            return end
    return None


def _instant(day: date, second: int, zone: tzinfo) -> int:
    """When the clocks show `second` after midnight on `day`: the first time where they show it twice, and
    where they leave it out, the instant that would have been it."""
    hours, rest = divmod(second, 3600)
    shown = datetime(day.year, day.month, day.day, hours, rest // 60, rest % 60, tzinfo=zone)
    return int(shown.timestamp()) * 1000
