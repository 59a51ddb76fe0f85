"""What stands in a BX-5 frame: header, ping, dynamic area, answers. Bytes only.

    header 16 bytes │ return? group command …          low byte first everywhere

Source: the maker's manual, 5th动态区域用户手册 1.5 (sections 4 and 5, appendix 2). The manual does not say
what `PageDataLen` counts; here it is what follows it.

What must stay true: reading never raises; a screen's answer is told from another's by its address.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ANY", "Answer", "Area", "answer", "area", "ping", "read_answer", "read_request"]

ANY = 0xFFFE
"""Any screen, any device type."""

HOST = 0x8000
VERSION = 0xF0
STATIC, BLINK = 0x01, 0x07
BUSY = 3
ERRORS = (
    "no error",
    "unknown command group",
    "unknown command",
    "busy",
    "out of memory",
    "checksum",
    "no such file",
    "flash",
    "download",
    "file name",
    "file type",
    "file checksum",
    "no such font",
    "firmware and controller differ",
    "date or time",
    "file exists",
    "block number",
    "controller type",
    "parameters of the screen",
    "controller id",
)


@dataclass(frozen=True, slots=True)
class Area:
    """A dynamic area of one page: rows of dots, 1 is lit, eight a byte."""

    x: int
    y: int
    rows: tuple[bytes, ...]
    blink: bool = False
    number: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """`done` or refused with `error`; `screen` is who says so."""

    screen: int
    done: bool
    error: int = 0

    @property
    def words(self) -> str:
        """The error in words."""
        return ERRORS[self.error] if self.error < len(ERRORS) else f"error {self.error}"


def _u(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")


def _headed(data: bytes, screen: int, source: int, device_type: int) -> bytes:
    return (
        _u(screen, 2)
        + _u(source, 2)
        + bytes((VERSION, 0))
        + _u(device_type, 2)
        + bytes(4)
        + _u(len(data), 4)
        + data
    )


def ping(op: int, screen: int = ANY, device_type: int = ANY) -> bytes:
    """Are you there?"""
    return _headed(bytes((1, op >> 8, op & 0xFF, 0, 0)), screen, HOST, device_type)


def area(op: int, what: Area, screen: int = ANY, device_type: int = ANY) -> bytes:
    """Show this in a dynamic area, instead of programmes."""
    width = len(what.rows[0])
    # 0 is lit on the wire.
    dots = b"".join(bytes(byte ^ 0xFF for byte in row) for row in what.rows)
    mode = BLINK if what.blink else STATIC
    page = bytes((0, mode, 0, 1)) + _u(0, 2) + bytes((0,)) + _u(width * 8, 2) + bytes(4) + dots
    body = (
        bytes((what.number, 0))  # shown in a loop
        + _u(0, 2)  # for ever
        + bytes((1,))
        + _u(0, 2)
        + bytes((1,))  # at once, and alone
        + bytes(4)
        + bytes((0x10,))
        + _u(what.x, 2)
        + _u(what.y, 2)
        + _u(width * 8, 2)
        + _u(len(what.rows), 2)
        + bytes((0,))  # no frame round it
        + _u(1, 2)
        + _u(len(page), 4)
        + page
    )
    data = bytes((1, op >> 8, op & 0xFF, 0, 0)) + _u(len(body), 4) + body
    return _headed(data, screen, HOST, device_type)


def answer(op: int, screen: int, error: int = 0) -> bytes:
    """What a screen says (for simulated ones)."""
    data = bytes((0, op >> 8, op & 0xFF)) + _u(error != 0, 2) + _u(error, 2) + _u(0, 2)
    return _headed(data, HOST, screen, ANY)


def read_answer(body: bytes) -> Answer | None:
    """An answer to the host; `None` for anything else."""
    if len(body) < 25 or int.from_bytes(body[0:2], "little") != HOST:
        return None
    status, error = int.from_bytes(body[19:21], "little"), int.from_bytes(body[21:23], "little")
    return Answer(int.from_bytes(body[2:4], "little"), not status & 1, error)


def read_request(body: bytes) -> tuple[int, int, Area | None] | None:
    """Screen, op and area of a request (for simulated screens); `None` for what is malformed."""
    if len(body) < 21 or int.from_bytes(body[12:16], "little") != len(body) - 16:
        return None
    screen, op = int.from_bytes(body[0:2], "little"), body[17] << 8 | body[18]
    data = body[21:]
    if len(data) < 4:
        return screen, op, None
    data = data[4:]
    if len(data) < 44 or int.from_bytes(body[21:25], "little") != len(data):
        return screen, op, None
    x, y, wide, high = (int.from_bytes(data[at : at + 2], "little") for at in (13, 15, 17, 19))
    page = data[28:]
    if int.from_bytes(data[24:28], "little") != len(page) or len(page) < 13:
        return screen, op, None
    width, dots = wide // 8, page[13:]
    if not width or len(dots) != width * high:
        return screen, op, None
    rows = tuple(bytes(byte ^ 0xFF for byte in dots[at : at + width]) for at in range(0, len(dots), width))
    return screen, op, Area(x, y, rows, page[1] == BLINK, data[0])
