"""What one command hands to the journal: values, and nothing that acts.

What must stay true: an `Entry` is written whole or not at all, and of everything in it only
`people` and `texts` may hold a phone, a name or a message's words. Records and answers carry the person's
random id.
"""

from __future__ import annotations

import msgspec

from somc.journal.record import Record

__all__ = ["Entry", "MessageText", "Person", "StoredAnswer", "Token", "code_id"]


class Person(msgspec.Struct, frozen=True):
    """Who a person id is (客户). Stored sealed, outside the chain; never part of a record.

    `phone` is taken as it is written: whoever calls has brought it to one form before.
    """

    id: str
    phone: str
    name: str | None = None


def code_id(appointment: str) -> str:
    """Under which id the code of an appointment is kept among the sealed texts."""
    return f"code:{appointment}"


class MessageText(msgspec.Struct, frozen=True):
    """The words of message `id` to or from `person`. Stored sealed, outside the chain, as people are."""

    id: str
    person: str
    text: str


class StoredAnswer(msgspec.Struct, frozen=True):
    """The answer that an idempotency key got, so that the same key gets it again.

    A key belongs to `principal` and `route`. `body_digest` tells the same request from another one
    under the same key; `status` is the HTTP status, `answer` the body's bytes, `at` Unix milliseconds.
    """

    principal: str
    route: str
    key: str
    body_digest: bytes
    status: int
    answer: bytes
    at: int


class Token(msgspec.Struct, frozen=True):
    """An access token or a browser's sign-in, known only by the SHA-256 of its secret.

    `scope` is a path of the organisation, `expires_at` Unix milliseconds or None for never, `kind`
    one of `api`, `file` (the admin token of the command line), `link` (a one-time sign-in link) and
    `cookie`.
    """

    digest: bytes
    subject: str
    roles: tuple[str, ...]
    scope: str
    expires_at: int | None
    kind: str


class Entry(msgspec.Struct, frozen=True):
    """Everything that one command writes, all or nothing."""

    records: tuple[Record, ...]
    people: tuple[Person, ...] = ()
    answer: StoredAnswer | None = None
    texts: tuple[MessageText, ...] = ()
