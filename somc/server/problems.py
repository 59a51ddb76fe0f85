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
from somc.server.policy_acts import field_of

__all__ = ["Problem", "of_error", "of_refusal"]

MISSING = re.compile(r"missing required field `(\w+)`")
"""How msgspec says that a field is not there: it names the object, and the field in words only."""

UNNAMED = "[...]"
"""How msgspec names the entry of a map."""

STEP = re.compile(r"\[\.\.\.\]|[^.\[\]`]+")

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
    choices: list[dict[str, Any]] | None = None
    """What to choose among, where one request fits several things."""

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
    fields = {field_of(key): refusal.words.en for key in refusal.keys} or None
    return problem(
        STATUS_OF_KIND[refusal.kind], refusal.code, refusal.words.en, words=refusal.words, fields=fields
    )


def of_validation(error: Exception, given: Any = None, kind: Any = None) -> Problem:
    """Input that is not of its form (or no JSON at all): 422, with the field that msgspec names. With what
    was `given` for which `kind`, the entry of a map is named too (msgspec says `[...]`)."""
    text = str(error) if kind is None else _located(str(error), given, kind)
    what, at, where = text.rpartition(" - at `$")
    if not at:
        what, where = text, ""
    path = [step for step in (where.rstrip("`").lstrip("."), *MISSING.findall(what)) if step]
    field = ".".join(path) or "body"
    code = "wrong_input" if isinstance(error, msgspec.ValidationError) else "not_json"
    return problem(422, code, f"{field}: {what}", fields={field: what})


def _located(text: str, given: Any, kind: Any) -> str:
    """The message with the name of the entry for each `[...]`: the first that is wrong when it is there
    alone."""
    keys: list[str] = []
    while True:
        head, _, where = text.rpartition("`$")
        parts = STEP.findall(where)
        at = next((n for n, part in enumerate(parts) if part == UNNAMED and n >= len(keys)), None)
        if at is None:
            break
        keys += parts[len(keys) : at]
        inside = _walk(given, keys)
        if not isinstance(inside, dict):  # the item of a list, which has no name
            return text
        for name in inside:
            alone = _with_only(given, keys, name)
            try:
                msgspec.convert(alone, kind)
            except msgspec.ValidationError as error:
                given, text = alone, str(error)
                keys.append(name)
                break
        else:
            return text
    return f"{head}`$.{'.'.join([*keys, *parts[len(keys) :]])}`" if keys else text


def _walk(given: Any, keys: list[str]) -> Any:
    for key in keys:
        given = given[key]
    return given


def _with_only(given: Any, keys: list[str], name: str) -> Any:
    """What was given, but of the map at `keys` only the entry `name`."""
    if not keys:
        return {name: given[name]}
    return {**given, keys[0]: _with_only(given[keys[0]], keys[1:], name)}


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
