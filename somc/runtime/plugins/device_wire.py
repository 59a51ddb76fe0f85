"""What crosses the pipe between a hall's device and its driver in a plugin's own process: typed, bounded.

    hall                                          child
    open: driver, url, options, newest content ─▶ the driver is made and run
    call: method, arguments ────────────────────▶ its method; an outcome comes back
    more: so many events were taken ────────────▶ so many more may be handed over
                     ◀── opened (what it can), status, event, idle, refused, failed

What must stay true
- Both ends read this one table; what does not fit it is `WrongAnswer` where it is encoded, and a
  `msgspec.MsgspecError` or `ValueError` where it is decoded.
- Nothing from a driver is longer than its limit here, whatever it gave.
- A `DeviceError` crosses as itself: whether bytes went out decides whether the caller may try again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from somc.runtime.plugins.answers import WrongAnswer
from somc.runtime.plugins.tasks import said
from somc_hal import errors
from somc_hal.capabilities import (
    AnnouncerCapabilities,
    CameraCapabilities,
    CardReaderCapabilities,
    CounterCallerCapabilities,
    CounterDisplayCapabilities,
    EvaluatorCapabilities,
    HallDisplayCapabilities,
    HardwareMonitorCapabilities,
    IndicatorCapabilities,
    KioskInputCapabilities,
    PeopleCounterCapabilities,
    SecondScreenCapabilities,
    TicketPrinterCapabilities,
)
from somc_hal.devices import DeviceClass
from somc_hal.errors import DeviceError
from somc_hal.status import DeviceStatus, Truth
from somc_hal.values import (
    CardRead,
    Colour,
    HallRow,
    KeyEvent,
    Passage,
    Phrase,
    Rating,
    Reading,
    ScreenContent,
    SlipCode,
    SlipImage,
    SlipLine,
    SlipPart,
    Typed,
)

__all__ = [
    "CAPABILITIES",
    "EVENTS",
    "METHODS",
    "Asked",
    "DriverFailed",
    "Method",
    "Opening",
    "Outcome",
    "Part",
    "Terms",
    "Tried",
    "arguments_of",
    "bounded",
    "encoded",
    "method_of",
    "parts_of",
    "read_event",
    "read_outcome",
    "read_status",
    "read_terms",
    "slip_of",
    "within",
    "write_event",
    "write_outcome",
    "write_status",
    "write_terms",
]

MOST_WORDS = 500
"""Characters of what a driver says in its own words: a status's detail, an error."""

MOST_STATUS_BYTES = 4_000
MOST_TERMS_BYTES = 4_000
MOST_EVENT_BYTES = 16_000
"""No card, code or key needs more."""

MOST_PICTURE_BYTES = 6 * 2**20
"""A still, with room for the rest of a frame."""

_encode = msgspec.msgpack.Encoder().encode


class DriverFailed(Exception):
    """A driver in its plugin's process raised something that is no `DeviceError`, or gave what it should not;
    the text says what."""


class Part(msgspec.Struct, array_like=True, frozen=True):
    """A `SlipPart`: one of them."""

    line: SlipLine | None = None
    code: SlipCode | None = None
    image: SlipImage | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """One method of a device: its arguments by place and by name, as types, and whether it gives a picture or
    a `Truth` (`None`: nothing)."""

    places: tuple[Any, ...] = ()
    names: Mapping[str, Any] = field(default_factory=dict)
    gives: type | None = None


_SHOWN = {"wait_s": float}

METHODS: Mapping[DeviceClass, Mapping[str, Method]] = {
    DeviceClass.TICKET_PRINTER: {"print": Method((str, list[Part]), {"timeout_s": float}, Truth)},
    DeviceClass.COUNTER_DISPLAY: {"show": Method((list[str],), {"blink": bool, **_SHOWN}, Truth)},
    DeviceClass.HALL_DISPLAY: {"show": Method((list[HallRow],), {"footer": str, **_SHOWN}, Truth)},
    DeviceClass.ANNOUNCER: {
        "announce": Method((list[Phrase],), {"timeout_s": float}, Truth),
        "interrupt": Method(),
    },
    DeviceClass.COUNTER_CALLER: {"show": Method((str, int), _SHOWN, Truth), "beep": Method()},
    DeviceClass.EVALUATOR: {"ask": Method((str,))},
    DeviceClass.KIOSK_INPUT: {},
    DeviceClass.CARD_READER: {},
    DeviceClass.INDICATOR: {"set": Method((Colour | None,), {"blink": bool, **_SHOWN}, Truth)},
    DeviceClass.SECOND_SCREEN: {"show": Method((ScreenContent,), _SHOWN, Truth)},
    DeviceClass.PEOPLE_COUNTER: {},
    DeviceClass.CAMERA: {"still": Method((), {"timeout_s": float}, bytes)},
    DeviceClass.HARDWARE_MONITOR: {},
}
"""What the hall may ask of a device beside what all have."""

WAIT_IDLE = Method()

EVENTS: Mapping[DeviceClass, tuple[str, type]] = {
    DeviceClass.COUNTER_CALLER: ("keys", KeyEvent),
    DeviceClass.EVALUATOR: ("ratings", Rating),
    DeviceClass.KIOSK_INPUT: ("typed", Typed),
    DeviceClass.CARD_READER: ("cards", CardRead),
    DeviceClass.PEOPLE_COUNTER: ("passages", Passage),
    DeviceClass.HARDWARE_MONITOR: ("readings", Reading),
}
"""The channel of what a device tells, and what is in it."""

CAPABILITIES: Mapping[DeviceClass, type] = {
    DeviceClass.TICKET_PRINTER: TicketPrinterCapabilities,
    DeviceClass.COUNTER_DISPLAY: CounterDisplayCapabilities,
    DeviceClass.HALL_DISPLAY: HallDisplayCapabilities,
    DeviceClass.ANNOUNCER: AnnouncerCapabilities,
    DeviceClass.COUNTER_CALLER: CounterCallerCapabilities,
    DeviceClass.EVALUATOR: EvaluatorCapabilities,
    DeviceClass.KIOSK_INPUT: KioskInputCapabilities,
    DeviceClass.CARD_READER: CardReaderCapabilities,
    DeviceClass.INDICATOR: IndicatorCapabilities,
    DeviceClass.SECOND_SCREEN: SecondScreenCapabilities,
    DeviceClass.PEOPLE_COUNTER: PeopleCounterCapabilities,
    DeviceClass.CAMERA: CameraCapabilities,
    DeviceClass.HARDWARE_MONITOR: HardwareMonitorCapabilities,
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What a device says of itself once it is made: its capabilities, its bus address if it has one, whether
    it keeps its events and tells of a restart."""

    capabilities: Any
    address: int = 0
    keeps_events: bool = True
    tells_restart: bool = True


class Asked(msgspec.Struct, array_like=True, frozen=True):
    """One call: the method, its arguments as bytes of the table's types."""

    method: str
    places: Sequence[msgspec.Raw]
    names: dict[str, msgspec.Raw]


class Opening(msgspec.Struct, frozen=True):
    """A device to be made and run; `room` is how many events may be handed over, `content` what it should
    show."""

    driver: str
    device_class: DeviceClass
    name: str
    url: str
    options: dict[str, Any]
    room: int = 0
    content: Asked | None = None


class Outcome(msgspec.Struct, array_like=True, frozen=True):
    """How a call ended: with a truth, a picture or nothing, or with an error's kind, device and words."""

    truth: Truth | None = None
    picture: bytes | None = None
    error: tuple[str, str] | None = None


class Tried(msgspec.Struct, array_like=True, frozen=True):
    """How making a device went: its terms as bytes, or why it cannot be."""

    terms: bytes = b""
    refused: str = ""


ERRORS: Mapping[str, type[Exception]] = {
    **{name: getattr(errors, name) for name in errors.__all__},
    "ValueError": ValueError,
}

_outcomes = msgspec.msgpack.Decoder(Outcome)
_statuses = msgspec.msgpack.Decoder(DeviceStatus)
_events: Mapping[DeviceClass, msgspec.msgpack.Decoder[Any]] = {
    kind: msgspec.msgpack.Decoder(of) for kind, (_, of) in EVENTS.items()
}
_terms = {
    kind: msgspec.msgpack.Decoder(tuple[can, int, bool, bool])  # type: ignore[valid-type] # of a table
    for kind, can in CAPABILITIES.items()
}


def method_of(device_class: DeviceClass, name: str) -> Method:
    """`LookupError` for what is no method of that class."""
    return WAIT_IDLE if name == "wait_idle" else METHODS[device_class][name]


def encoded(method: str, places: Sequence[Any], names: Mapping[str, Any]) -> Asked:
    """A call as it crosses."""
    return Asked(
        method,
        [msgspec.Raw(_encode(value)) for value in places],
        {name: msgspec.Raw(_encode(value)) for name, value in names.items()},
    )


def arguments_of(device_class: DeviceClass, asked: Asked) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a call, of the table's types. `ValueError` for what is none."""
    method = method_of(device_class, asked.method)
    read = msgspec.msgpack.decode
    try:
        places = [read(raw, type=of) for raw, of in zip(asked.places, method.places, strict=True)]
        names = {name: read(raw, type=method.names[name]) for name, raw in asked.names.items()}
    except msgspec.MsgspecError as error:
        raise ValueError(f"{asked.method}: {error}") from error
    if asked.method == "print":
        places[1] = slip_of(places[1])
    return places, names


def parts_of(lines: Sequence[SlipPart]) -> list[Part]:
    """A slip as it crosses. `TypeError` for what is no part of one."""
    parts = []
    for line in lines:
        match line:
            case SlipLine():
                parts.append(Part(line=line))
            case SlipCode():
                parts.append(Part(code=line))
            case SlipImage():
                parts.append(Part(image=line))
            case _:
                raise TypeError(f"{line!r} is no part of a slip")
    return parts


def slip_of(parts: Sequence[Part]) -> list[SlipPart]:
    """The slip again. `ValueError` for a part that is none."""
    lines = []
    for part in parts:
        line = part.line or part.code or part.image
        if line is None:
            raise ValueError("a part of a slip that is none")
        lines.append(line)
    return lines


# -- from the driver ----------------------------------------------------------------------------------


def _checked(what: str, value: Any, kind: type, most_bytes: int) -> bytes:
    if not isinstance(value, kind):
        raise WrongAnswer(f"{what} is a {type(value).__name__}, which is no {kind.__name__}")
    return bounded(what, value, most_bytes)


def bounded(what: str, value: Any, most_bytes: int) -> bytes:
    """The value's bytes. `WrongAnswer` for what has none, or too many."""
    try:
        data = _encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise WrongAnswer(f"{what} cannot be kept: {error}") from error
    if len(data) > most_bytes:
        raise WrongAnswer(f"{what} has {len(data)} bytes; allowed: {most_bytes}")
    return data


def within(data: bytes, most_bytes: int) -> bytes:
    """The same bytes. `ValueError` for more than may be."""
    if len(data) > most_bytes:
        raise ValueError(f"{len(data)} bytes; allowed: {most_bytes}")
    return data


def write_status(status: DeviceStatus) -> bytes:
    """A status within bounds. `WrongAnswer`."""
    if isinstance(status, DeviceStatus):
        status = replace(status, detail=str(status.detail)[:MOST_WORDS])
    return _checked("its status", status, DeviceStatus, MOST_STATUS_BYTES)


def read_status(name: str, data: bytes) -> DeviceStatus:
    """The status of device `name`, whatever the driver calls it."""
    return replace(_statuses.decode(within(data, MOST_STATUS_BYTES)), device=name)


def write_event(device_class: DeviceClass, event: Any) -> bytes:
    """One event within bounds. `WrongAnswer`."""
    channel, kind = EVENTS[device_class]
    return _checked(f"what its '{channel}' tell", event, kind, MOST_EVENT_BYTES)


def read_event(device_class: DeviceClass, data: bytes) -> Any:
    """The event of these bytes."""
    return _events[device_class].decode(within(data, MOST_EVENT_BYTES))


def write_terms(device_class: DeviceClass, device: Any) -> bytes:
    """What `device`, just made, says of itself. `WrongAnswer`; whatever asking it raises."""
    if device.device_class is not device_class:
        raise WrongAnswer(f"its driver is of {device_class.value}, and what it made of {device.device_class}")
    can = device.capabilities
    kind = CAPABILITIES[device_class]
    if not isinstance(can, kind):
        raise WrongAnswer(f"its capabilities are a {type(can).__name__}, which is no {kind.__name__}")
    told = (
        can,
        getattr(device, "address", 0),
        bool(getattr(device, "keeps_events", True)),
        bool(getattr(device, "tells_restart", True)),
    )
    return bounded("what it says of itself", told, MOST_TERMS_BYTES)


def read_terms(device_class: DeviceClass, data: bytes) -> Terms:
    """What a device says of itself."""
    return Terms(*_terms[device_class].decode(within(data, MOST_TERMS_BYTES)))


def write_outcome(method: Method, given: Any, error: Exception | None) -> bytes:
    """How a call ended. `WrongAnswer` if it gave something else than it should."""
    if error is not None:
        return _encode(Outcome(error=_error_of(error)))
    if method.gives is None:
        return _encode(Outcome())
    match given:
        case bytes() if method.gives is bytes:
            if len(given) > MOST_PICTURE_BYTES:
                raise WrongAnswer(f"it gave {len(given)} bytes; allowed: {MOST_PICTURE_BYTES}")
            return _encode(Outcome(picture=given))
        case Truth() if method.gives is Truth:
            return _encode(Outcome(truth=given))
    raise WrongAnswer(f"it gave a {type(given).__name__}, which is no {method.gives.__name__}")


def _error_of(error: Exception) -> tuple[str, str]:
    if isinstance(error, DeviceError):
        kind = next(kind.__name__ for kind in type(error).__mro__ if kind.__name__ in ERRORS)
        return kind, str(error.what)[:MOST_WORDS]
    if isinstance(error, ValueError):
        return "ValueError", str(error)[:MOST_WORDS]
    return "", said(error)[:MOST_WORDS]


def read_outcome(device: str, method: Method, data: bytes) -> Any:
    """What a call of `device` gave. Raises the error that it ended with, `DriverFailed` for one that is no
    error of a device."""
    outcome = _outcomes.decode(data)
    if outcome.error is not None:
        kind, words = outcome.error
        words, error = words[:MOST_WORDS], ERRORS.get(kind)
        if error is None:
            raise DriverFailed(f"{device}: its driver failed: {words}")
        raise error(device, words) if issubclass(error, DeviceError) else error(words)
    if method.gives is None:
        return None
    given = outcome.picture if method.gives is bytes else outcome.truth
    if given is None:
        raise DriverFailed(f"{device}: its driver gave nothing")
    return given
