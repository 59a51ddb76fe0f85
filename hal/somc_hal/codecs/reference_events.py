"""What the reference protocol carries for evaluators, inputs, readers, lamps, second screens, counters,
cameras and monitors. Conventions as in `codecs.reference`.

What must stay true: a `read_…` never raises and gives `None` for data that is malformed;
`read_x(write_x(value)) == value` for printable text within the lengths of the protocol.
"""

from __future__ import annotations

from somc_hal.codecs.reference import encoded, text_of
from somc_hal.status import Truth
from somc_hal.values import (
    CardKind,
    CardRead,
    Colour,
    InputSource,
    Passage,
    Rating,
    Reading,
    ReadingKind,
    ScreenContent,
    Typed,
)

__all__ = [
    "PIECE_BYTES",
    "STILL_LIMIT_BYTES",
    "read_card",
    "read_light",
    "read_offset",
    "read_passage",
    "read_piece",
    "read_rating",
    "read_reading",
    "read_screen",
    "read_typed",
    "write_card",
    "write_light",
    "write_offset",
    "write_passage",
    "write_piece",
    "write_rating",
    "write_reading",
    "write_screen",
    "write_typed",
]

_LINE = b"\x0a"
_BLINK = 0x01

PIECE_BYTES = 1000
"""A picture travels in pieces of at most this length."""

STILL_LIMIT_BYTES = 4_000_000
"""Longest picture: more than an hour at 9600 Bd, so only for quick lines."""

_SOURCES = {InputSource.KEYPAD: 1, InputSource.SCANNER: 2}
_CARDS = {CardKind.ID_CARD: 1, CardKind.SIM: 2, CardKind.IC: 3, CardKind.MAGNETIC: 4}
_COLOURS = {None: 0, Colour.RED: 1, Colour.YELLOW: 2, Colour.GREEN: 3, Colour.BLUE: 4, Colour.WHITE: 5}
_KINDS = {
    ReadingKind.TEMPERATURE: 1,
    ReadingKind.VOLTAGE: 2,
    ReadingKind.POWER: 3,
    ReadingKind.DOOR: 4,
}
_TRUTHS = {Truth.NO: 0, Truth.YES: 1, Truth.UNKNOWN: 2}

_SOURCE_OF = {code: source for source, code in _SOURCES.items()}
_CARD_OF = {code: kind for kind, code in _CARDS.items()}
_COLOUR_OF = {code: colour for colour, code in _COLOURS.items()}
_KIND_OF = {code: kind for kind, code in _KINDS.items()}
_TRUTH_OF = {code: truth for truth, code in _TRUTHS.items()}


def write_rating(rating: Rating) -> bytes:
    """The value, then the ticket it was asked about."""
    return bytes((rating.value,)) + encoded(rating.ticket)


def read_rating(address: int, data: bytes, levels: int) -> Rating | None:
    ticket = text_of(data[1:])
    if not data or not 1 <= data[0] <= levels or ticket is None:
        return None
    return Rating(address, data[0], ticket)


def write_typed(typed: Typed) -> bytes:
    """01 keypad or 02 scanner, then the text."""
    return bytes((_SOURCES[typed.source],)) + encoded(typed.text)


def read_typed(data: bytes) -> Typed | None:
    source = _SOURCE_OF.get(data[0]) if data else None
    text = text_of(data[1:])
    return Typed(source, text) if source is not None and text else None


def write_card(card: CardRead) -> bytes:
    """01 identity card, 02 SIM, 03 IC, 04 magnetic, then the number."""
    return bytes((_CARDS[card.kind],)) + encoded(card.number)


def read_card(data: bytes) -> CardRead | None:
    kind = _CARD_OF.get(data[0]) if data else None
    number = text_of(data[1:])
    return CardRead(kind, number) if kind is not None and number else None


def write_passage(passage: Passage) -> bytes:
    """Entered and left, two bytes each, high byte first, then the door."""
    return passage.entered.to_bytes(2, "big") + passage.left.to_bytes(2, "big") + encoded(passage.door)


def read_passage(data: bytes) -> Passage | None:
    door = text_of(data[4:])
    if len(data) < 4 or door is None:
        return None
    return Passage(door, int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big"))


def write_reading(reading: Reading) -> bytes:
    """The kind; thousandths in four signed bytes, high byte first, or 0 no, 1 yes, 2 unknown; the place."""
    value = reading.value
    number = _TRUTHS[value] if isinstance(value, Truth) else round(value * 1000)
    return bytes((_KINDS[reading.kind],)) + number.to_bytes(4, "big", signed=True) + encoded(reading.place)


def read_reading(data: bytes) -> Reading | None:
    kind = _KIND_OF.get(data[0]) if data else None
    place = text_of(data[5:])
    if kind is None or len(data) < 5 or place is None:
        return None
    number = int.from_bytes(data[1:5], "big", signed=True)
    if kind in (ReadingKind.TEMPERATURE, ReadingKind.VOLTAGE):
        return Reading(kind, place, number / 1000)
    told = _TRUTH_OF.get(number)
    return None if told is None else Reading(kind, place, told)


def write_light(colour: Colour | None, blink: bool) -> bytes:
    """One flag byte (01: blink), then 00 dark, 01 red, 02 yellow, 03 green, 04 blue, 05 white."""
    return bytes((_BLINK if blink else 0, _COLOURS[colour]))


def read_light(data: bytes) -> tuple[Colour | None, bool] | None:
    if len(data) != 2 or data[0] & ~_BLINK or data[1] not in _COLOUR_OF:
        return None
    return _COLOUR_OF[data[1]], bool(data[0] & _BLINK)


def write_screen(content: ScreenContent) -> bytes:
    """The picture's name, then the lines."""
    return _LINE.join(encoded(part) for part in (content.image, *content.lines))


def read_screen(data: bytes) -> ScreenContent | None:
    image, *lines = [text_of(part) for part in data.split(_LINE)]
    if image is None or None in lines:
        return None
    return ScreenContent(tuple(line for line in lines if line is not None), image)


def write_offset(offset: int) -> bytes:
    """From which byte on; 0 takes a new picture."""
    return offset.to_bytes(4, "big")


def read_offset(data: bytes) -> int | None:
    return int.from_bytes(data, "big") if len(data) == 4 else None


def write_piece(total: int, piece: bytes) -> bytes:
    """How long the whole picture is, four bytes, then this piece."""
    return total.to_bytes(4, "big") + piece


def read_piece(data: bytes) -> tuple[int, bytes] | None:
    if len(data) < 4:
        return None
    total = int.from_bytes(data[:4], "big")
    return (total, data[4:]) if total <= STILL_LIMIT_BYTES and len(data) - 4 <= total else None
