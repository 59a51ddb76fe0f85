"""What hooks give, held against their shapes, in-process and across a pipe alike.

What must stay true: what passes here is a copy of its own, of the right types and within bounds; what does
not is `WrongAnswer`, which says what is wrong. An answer without end is cut off before it is read to its end.
Nothing that the public sees holds a mobile number: on a screen it is masked, and a slip, which is kept in a
record, takes no such line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec

from somc.api import (
    Advice,
    CardSection,
    DeviceLine,
    HallView,
    Identity,
    Json,
    Panel,
    Prompt,
    Record,
    Response,
    TicketView,
    Visit,
    Words,
)
from somc.domain.guards import MOBILE, plain_text

__all__ = ["ARGUMENTS", "SHAPES", "Shape", "WrongAnswer", "checked", "decode_answer", "encode_answer"]


class WrongAnswer(Exception):
    """A plugin gave something else than it should."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Type of an answer; the class of each thing in it; of a list, how many at most; how many bytes of
    msgpack."""

    type: Any
    each: type
    most: int
    most_bytes: int
    many: bool = True


NOTHING = Shape(None, type(None), 1, 16, many=False)

SHAPES: Mapping[str, Shape] = {
    "somc_start": NOTHING,
    "somc_stop": NOTHING,
    "somc_record": NOTHING,
    "somc_identify": Shape(Identity | None, Identity, 1, 20_000, many=False),
    "somc_card": Shape(list[CardSection], CardSection, 20, 128_000),
    "somc_slip_lines": Shape(list[Words], Words, 8, 4_000),
    "somc_counter_prompts": Shape(list[Prompt], Prompt, 20, 64_000),
    "somc_second_screen": Shape(list[Panel], Panel, 10, 32_000),
    "somc_display_lines": Shape(list[Words], Words, 8, 4_000),
    "somc_kiosk_advice": Shape(list[Advice], Advice, 10, 16_000),
    "somc_devices": Shape(list[DeviceLine], DeviceLine, 200, 64_000),
    "check": Shape(int | None, int, 1, 16, many=False),
    "route": Shape(Response, Response, 1, 4_000_000, many=False),
}
"""Hook (or `route`, a request, and `check`, an alert rule) → what it gives."""

ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "somc_start": {},
    "somc_stop": {},
    "somc_record": {"record": Record},
    "somc_identify": {"visit": Visit},
    "somc_card": {"ticket": TicketView, "visit": Visit},
    "somc_slip_lines": {"ticket": TicketView, "facts": dict[str, Json]},
    "somc_counter_prompts": {"ticket": TicketView, "facts": dict[str, Json]},
    "somc_second_screen": {"ticket": TicketView, "facts": dict[str, Json]},
    "somc_display_lines": {"hall": HallView},
    "somc_kiosk_advice": {"service": str, "hall": HallView},
    "somc_devices": {"hall": HallView},
}
"""Hook → what it is given beside its context."""

SHOWN_TO_ALL = frozenset(("somc_second_screen", "somc_display_lines", "somc_kiosk_advice"))

_decoders = {hook: msgspec.msgpack.Decoder(shape.type) for hook, shape in SHAPES.items()}
_encode = msgspec.msgpack.Encoder().encode


def encode_answer(hook: str, answer: Any) -> bytes:
    """The answer as bytes, within bounds. `WrongAnswer`; whatever reading a generator raises."""
    shape = SHAPES[hook]
    if shape.many:
        answer = _listed(answer, shape.most)
    for thing in answer if shape.many else () if answer is None else (answer,):
        if not isinstance(thing, shape.each):
            raise WrongAnswer(f"it gave a {type(thing).__name__}, which is no {shape.each.__name__}")
    try:
        encoded = _encode(answer)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise WrongAnswer(f"it gave what cannot be kept: {error}") from error
    if len(encoded) > shape.most_bytes:
        raise WrongAnswer(f"it gave {len(encoded)} bytes; allowed: {shape.most_bytes}")
    return encoded


def decode_answer(hook: str, encoded: bytes) -> Any:
    """The answer of these bytes. `WrongAnswer` if it is of another shape."""
    try:
        answer = _decoders[hook].decode(encoded)
        if hook in SHOWN_TO_ALL:
            answer = _masked(hook, answer)
    except msgspec.MsgspecError as error:
        raise WrongAnswer(f"it gave something else than it should: {error}") from error
    if hook == "somc_slip_lines":
        for text in (text for line in answer for text in (line.zh, line.en)):
            if refused := plain_text("slip", text):
                raise WrongAnswer(f"its line cannot be kept: {refused.words.en}")
    return answer


def _masked(hook: str, answer: Any) -> Any:
    """The answer with every mobile number in it masked: 138****8000."""
    text = msgspec.json.encode(answer).decode()
    if not MOBILE.search(text):
        return answer
    hidden = MOBILE.sub(lambda found: f"{(digits := _digits(found[0]))[:3]}****{digits[-4:]}", text)
    return msgspec.json.decode(hidden, type=SHAPES[hook].type)


def _digits(number: str) -> str:
    return "".join(sign for sign in number if sign.isdigit())[-11:]


def checked(hook: str, answer: Any) -> Any:
    """A copy of the answer, of the right shape. `WrongAnswer`."""
    if answer is None and not SHAPES[hook].many:
        if hook == "route":
            raise WrongAnswer("its handler gave None, not a Response")
        return None
    return decode_answer(hook, encode_answer(hook, answer))


def _listed(answer: Any, most: int) -> list[Any]:
    if answer is None:
        return []
    if isinstance(answer, str | bytes | Mapping):
        raise WrongAnswer(f"it gave a {type(answer).__name__}, not a list")
    try:
        things = list(islice(answer, most + 1))
    except TypeError as error:
        if not hasattr(answer, "__iter__"):
            raise WrongAnswer(f"it gave a {type(answer).__name__}, not a list") from error
        raise
    if len(things) > most:
        raise WrongAnswer(f"it gave more than {most}")
    return things
