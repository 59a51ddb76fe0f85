"""Events of the Linux input layer: what `/dev/input/event*` gives for keypads, scanners and card readers.

    struct input_event │ time: seconds, microseconds (two longs) │ type (2) │ code (2) │ value (4) │

Source: `linux/input.h` and `linux/input-event-codes.h`; the layout of a US keyboard, which scanners and
keypads of this kind speak.

What must stay true
- Decoding never raises, however the bytes are split. The kernel gives whole events: there is nothing to
  resynchronise, and a node that gave half of one would be broken.
- Time is the event's own: typing that was broken off is forgotten without a clock.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "EV_KEY",
    "EV_SYN",
    "KEYS",
    "InputDecoder",
    "InputEvent",
    "TextAssembler",
    "encode",
    "keystrokes",
    "typed_codes",
]

_EVENT = struct.Struct("@llHHi")  # native: as the kernel of this machine gives it
EV_SYN, EV_KEY = 0, 1
UP, DOWN, REPEAT = 0, 1, 2

_ROWS = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
)
_PLAIN = {start + i: sign for start, plain, _ in _ROWS for i, sign in enumerate(plain)}
_SHIFTED = {start + i: sign for start, _, shifted in _ROWS for i, sign in enumerate(shifted)}
_PAD = dict(zip((82, 79, 80, 81, 75, 76, 77, 71, 72, 73), "0123456789", strict=True))
_PLAIN[57] = _SHIFTED[57] = " "
_SHIFTS = (42, 54)

KEYS = {
    "esc": 1,
    "backspace": 14,
    "tab": 15,
    "enter": 28,
    "asterisk": 55,
    **{f"f{n}": 58 + n for n in range(1, 11)},
    "minus": 74,
    "plus": 78,
    "dot": 83,
    "kpenter": 96,
    "slash": 98,
    "delete": 111,
}
"""Names of keys that bear no sign; minus, plus, dot, slash and asterisk are those of the number pad."""

_NAMES = {code: name for name, code in KEYS.items()}


@dataclass(frozen=True, slots=True)
class InputEvent:
    """One event. `time_s` is the kernel's."""

    type: int
    code: int
    value: int
    time_s: float = 0.0


def encode(event: InputEvent) -> bytes:
    """The struct of an event, for simulated devices."""
    seconds = int(event.time_s)
    return _EVENT.pack(
        seconds, round((event.time_s - seconds) * 1_000_000), event.type, event.code, event.value
    )


def keystrokes(codes: Sequence[int | tuple[int, int]], time_s: float = 0.0) -> bytes:
    """The events of pressing and releasing keys one after the other; a pair is a key held while another is
    pressed (shift)."""
    events = []
    for code in codes:
        held, code = code if isinstance(code, tuple) else (None, code)
        if held is not None:
            events.append(InputEvent(EV_KEY, held, DOWN, time_s))
        events += [InputEvent(EV_KEY, code, DOWN, time_s), InputEvent(EV_KEY, code, UP, time_s)]
        if held is not None:
            events.append(InputEvent(EV_KEY, held, UP, time_s))
        events.append(InputEvent(EV_SYN, 0, 0, time_s))
    return b"".join(map(encode, events))


def typed_codes(text: str) -> list[int | tuple[int, int]]:
    """The keys that type `text` on a keyboard. `ValueError` for a sign that no key has."""
    plain = {sign: code for code, sign in _PLAIN.items()}
    shifted = {sign: code for code, sign in _SHIFTED.items()}
    codes: list[int | tuple[int, int]] = []
    for sign in text:
        if sign in plain:
            codes.append(plain[sign])
        elif sign in shifted:
            codes.append((_SHIFTS[0], shifted[sign]))
        else:
            raise ValueError(f"no key types {sign!r}")
    return codes


class InputDecoder:
    """Reads structs."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> list[InputEvent]:
        """The events that `data` completes. Never raises; holds less than one event."""
        held = self._held + data
        whole = len(held) - len(held) % _EVENT.size
        self._held = held[whole:]
        return [
            InputEvent(kind, code, value, seconds + micros / 1_000_000)
            for seconds, micros, kind, code, value in _EVENT.iter_unpack(held[:whole])
        ]


class TextAssembler:
    """Puts signs together until a key that bears none is pressed.

    `limit` is the longest text; what is longer is cut. Typing that rested for `clear_s` is forgotten.
    """

    def __init__(self, *, limit: int, clear_s: float) -> None:
        self._limit = limit
        self._clear_s = clear_s
        self.reset()

    def reset(self) -> None:
        """Forget what was typed."""
        self._text = ""
        self._shift: set[int] = set()
        self._at = 0.0

    def take(self, event: InputEvent) -> tuple[str, str] | None:
        """What an event completes: the text typed so far and the name of the key that ended it."""
        if event.type != EV_KEY or event.value not in (UP, DOWN):
            return None  # a key held down repeats itself; nobody meant that
        if event.code in _SHIFTS:
            (self._shift.add if event.value == DOWN else self._shift.discard)(event.code)
            return None
        if event.value == UP:
            return None
        if event.time_s - self._at > self._clear_s:
            self._text = ""
        self._at = event.time_s
        name = _NAMES.get(event.code)
        if name in ("backspace", "delete"):
            self._text = self._text[:-1]
        elif name == "esc":
            self._text = ""
        elif name is not None:
            text, self._text = self._text, ""
            return text, name
        else:
            signs = _SHIFTED if self._shift else _PLAIN
            sign = _PAD.get(event.code) or signs.get(event.code, "")
            self._text = (self._text + sign)[: self._limit]
        return None
