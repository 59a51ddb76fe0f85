"""What the reference protocol's frames carry in their data, both ways.

Text is GB18030. Because printable text holds no control code, 09 separates the cells of a row, 0A
lines and rows, 1F a language from its phrase, and 1E phrases. The first byte of display content
holds flags.

What must stay true: a `read_…` never raises; it gives `None` for data that is malformed, which a
device answers with NAK. `read_x(write_x(value)) == value` for printable text; a strip's only line,
when empty, reads as no line.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from somc_hal.text import printable
from somc_hal.values import HallRow, Key, KeyEvent, Phrase

__all__ = [
    "Identity",
    "Kind",
    "Refusal",
    "Spoken",
    "StripContent",
    "encoded",
    "read_identity",
    "read_key",
    "read_number",
    "read_rows",
    "read_speech",
    "read_spoken",
    "read_strip",
    "text_of",
    "write_identity",
    "write_key",
    "write_number",
    "write_rows",
    "write_speech",
    "write_spoken",
    "write_strip",
]

CHARSET = "gb18030"
_CELL, _LINE, _PHRASE, _TAG = b"\x09", b"\x0a", b"\x1e", b"\x1f"
_BLINK = 0x01


class Kind(enum.IntEnum):
    """The class byte of an identity."""

    STRIP_DISPLAY = 0x01
    HALL_DISPLAY = 0x02
    KEYPAD = 0x03
    ANNOUNCER = 0x04
    EVALUATOR = 0x05
    KIOSK_INPUT = 0x06
    CARD_READER = 0x07
    INDICATOR = 0x08
    SECOND_SCREEN = 0x09
    PEOPLE_COUNTER = 0x0A
    CAMERA = 0x0B
    HARDWARE_MONITOR = 0x0C


class Refusal(enum.IntEnum):
    """The reason byte of a NAK."""

    UNKNOWN_OP = 0x01
    MALFORMED = 0x02
    BUSY = 0x03
    FAULT = 0x04


@dataclass(frozen=True, slots=True)
class Identity:
    """The answer to ENQ: kind, how often it was powered on (modulo 65536), and whether it is healthy.

    A changed `boot` tells the host that the device lost its content and its sequence numbers.
    """

    kind: Kind
    boot: int
    healthy: bool = True


@dataclass(frozen=True, slots=True)
class StripContent:
    """What a strip display shows."""

    lines: tuple[str, ...]
    blink: bool = False


@dataclass(frozen=True, slots=True)
class Spoken:
    """The announcement `job` (1 to 255) ended: it was spoken to its end, or stopped."""

    job: int
    whole: bool


_KEYS: dict[Key, int] = {
    Key.NEXT: 0x01,
    Key.RECALL: 0x02,
    Key.START: 0x03,
    Key.FINISH: 0x04,
    Key.NO_SHOW: 0x05,
    Key.PAUSE: 0x06,
    Key.RESUME: 0x07,
    Key.CALL: 0x08,
    Key.TRANSFER: 0x09,
    Key.HOLD: 0x0A,
    Key.SIGN_IN: 0x0B,
    Key.SIGN_OUT: 0x0C,
    Key.RATE: 0x0D,
}
_KEY_OF = {code: key for key, code in _KEYS.items()}


def encoded(text: str) -> bytes:
    """Text as it travels: printable, GB18030."""
    return printable(text).encode(CHARSET)


def text_of(data: bytes) -> str | None:
    """What `encoded` gave; `None` if it is no GB18030."""
    try:
        return data.decode(CHARSET)
    except UnicodeDecodeError:
        return None


def _texts(parts: Sequence[bytes]) -> tuple[str, ...] | None:
    texts = [text_of(part) for part in parts]
    return None if None in texts else tuple(text for text in texts if text is not None)


def write_identity(identity: Identity) -> bytes:
    """Kind, boot count high byte first, 00 when healthy and 01 when not."""
    return bytes((identity.kind,)) + identity.boot.to_bytes(2, "big") + bytes((not identity.healthy,))


def read_identity(data: bytes) -> Identity | None:
    if len(data) != 4 or data[0] not in Kind.__members__.values() or data[3] not in (0, 1):
        return None
    return Identity(Kind(data[0]), int.from_bytes(data[1:3], "big"), data[3] == 0)


def write_strip(content: StripContent) -> bytes:
    """One flag byte (01: blink), then the lines."""
    return bytes((_BLINK if content.blink else 0,)) + _LINE.join(encoded(line) for line in content.lines)


def read_strip(data: bytes) -> StripContent | None:
    if not data or data[0] & ~_BLINK:
        return None
    lines = _texts(data[1:].split(_LINE)) if data[1:] else ()
    return None if lines is None else StripContent(lines, bool(data[0] & _BLINK))


def write_rows(rows: Sequence[HallRow], footer: str) -> bytes:
    """The footer, then the rows; a row is flag byte 30 or 31 (highlight), number, counter, note."""
    parts = [encoded(footer)]
    for row in rows:
        flag = b"1" if row.highlight else b"0"
        parts.append(_CELL.join((flag, encoded(row.number), encoded(row.counter), encoded(row.note))))
    return _LINE.join(parts)


def read_rows(data: bytes) -> tuple[tuple[HallRow, ...], str] | None:
    footer, *rest = data.split(_LINE)
    said = text_of(footer)
    rows: list[HallRow] = []
    for part in rest:
        row = _texts(part.split(_CELL))
        if row is None or len(row) != 4 or row[0] not in ("0", "1"):
            return None
        rows.append(HallRow(row[1], row[2], row[3], row[0] == "1"))
    return None if said is None else (tuple(rows), said)


def write_number(number: str, waiting: int) -> bytes:
    """The number, then how many wait, in decimal."""
    return encoded(number) + _LINE + str(waiting).encode("ascii")


def read_number(data: bytes) -> tuple[str, int] | None:
    number, _, waiting = data.rpartition(_LINE)
    said = text_of(number)
    if said is None or not waiting.isdigit() or len(waiting) > 9:
        return None
    return said, int(waiting)


def write_key(key: Key, digits: str = "") -> bytes:
    """The key's code, then the digits typed before it (ASCII)."""
    return bytes((_KEYS[key],)) + digits.encode("ascii")


def read_key(address: int, data: bytes) -> KeyEvent | None:
    key = _KEY_OF.get(data[0]) if data else None
    digits = data[1:]
    if key is None or len(digits) > 8 or (digits and not digits.isdigit()):
        return None
    return KeyEvent(address, key, digits.decode("ascii"))


def write_speech(job: int, phrases: Sequence[Phrase]) -> bytes:
    """The job's number, then the phrases, each with its language before it."""
    spoken = (encoded(phrase.language) + _TAG + encoded(phrase.text) for phrase in phrases)
    return bytes((job,)) + _PHRASE.join(spoken)


def read_speech(data: bytes) -> tuple[int, tuple[Phrase, ...]] | None:
    if len(data) < 2 or not data[0]:
        return None
    phrases: list[Phrase] = []
    for part in data[1:].split(_PHRASE):
        pair = _texts(part.split(_TAG))
        if pair is None or len(pair) != 2:
            return None
        phrases.append(Phrase(pair[1], pair[0]))
    return data[0], tuple(phrases)


def write_spoken(spoken: Spoken) -> bytes:
    """The job's number, then 00 when spoken to its end and 01 when stopped."""
    return bytes((spoken.job, not spoken.whole))


def read_spoken(data: bytes) -> Spoken | None:
    if len(data) != 2 or not data[0] or data[1] not in (0, 1):
        return None
    return Spoken(data[0], data[1] == 0)
