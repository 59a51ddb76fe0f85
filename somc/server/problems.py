"""Problem documents (RFC 9457): every error that leaves the server has this form.

`type` is a URN of the code, `code` is stable for programs, `detail` is for people, `words` says it in
both languages where the domain refused, `fields` names wrong input.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import msgspec

from somc.domain.refusals import Refusal
from somc.domain.values import Words
from somc.errors import (
    IdempotencyConflict,
    Overloaded,
    RuleFailed,
    ShuttingDown,
    SomcError,
    StoreError,
    UsageError,
)

__all__ = ["Problem", "of_error", "of_refusal"]

MISSING = re.compile(r"missing required field `(\w+)`")
"""How msgspec says that a field is not there: it names the object, and the field in words only."""

STATUS_OF_KIND = {"conflict": 409, "not_found": 404, "invalid": 422}


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One problem document."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    words: Words | None = None
    fields: dict[str, str] | None = None
    retry_after_s: int | None = None

    def headers(self) -> dict[str, str]:
        headers = {"content-type": "application/problem+json"}
        if self.retry_after_s is not None:
            headers["retry-after"] = str(self.retry_after_s)
        if self.status == 401:
            headers["www-authenticate"] = "Bearer"
        return headers


def problem(status: int, code: str, detail: str, **more: Any) -> Problem:
    """A problem by its parts; the title is the status's own."""
    return Problem(f"urn:somc:problem:{code}", HTTPStatus(status).phrase, status, detail, code, **more)


def of_refusal(refusal: Refusal) -> Problem:
    """The domain's no."""
    return problem(STATUS_OF_KIND[refusal.kind], refusal.code, refusal.words.en, words=refusal.words)


def of_validation(error: Exception) -> Problem:
    """Input that is not of its form (or no JSON at all): 422, with the field that msgspec names."""
    text = str(error)
    what, at, where = text.rpartition(" - at `$")
    if not at:
        what, where = text, ""
    path = [step for step in (where.rstrip("`").lstrip("."), *MISSING.findall(what)) if step]
    field = ".".join(path) or "body"
    code = "wrong_input" if isinstance(error, msgspec.ValidationError) else "not_json"
    return problem(422, code, f"{field}: {what}", fields={field: what})


def of_error(error: SomcError) -> Problem:
    """An exception of ours that reached the edge."""
    match error:
        case Overloaded():
            return problem(503, "overloaded", str(error), retry_after_s=error.retry_after_s)
        case ShuttingDown():
            return problem(503, "shutting_down", str(error), retry_after_s=5)
        case IdempotencyConflict():
            return problem(422, "idempotency_conflict", str(error))
        case StoreError():
            return problem(
                503, "store_failed", "the journal cannot be written: the hall stops", retry_after_s=30
            )
        case RuleFailed():
            return problem(500, "rule_failed", str(error))
        case UsageError():
            return problem(422, "usage", str(error))
        case _:
            return problem(500, "internal", "an error of ours; the log has it")
