"""Check values of wire protocols: sums, XOR, LRC and three CRCs, by the name a wire profile uses.

    name          bytes  order   what it is
    sum8          1      -       sum of the bytes, modulo 256
    xor           1      -       XOR of the bytes (BCC)
    lrc           1      -       two's complement of sum8 (Modbus ASCII)
    pan           1      -       sum of the bytes, modulo 255, then modulo 100 (0 to 99)
    crc16-modbus  2      little  polynomial 8005 reflected, initial value FFFF
    crc16-arc     2      little  polynomial 8005 reflected, initial value 0000
    crc16-xmodem  2      big     polynomial 1021, initial value 0000

What must stay true: a check is a function of its bytes alone; its width and usual byte order belong to
its name. The CRCs' values of `123456789` are those of the CRC catalogue (tested).
"""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Literal

__all__ = [
    "CHECKS",
    "CheckKind",
    "Order",
    "crc16_arc",
    "crc16_modbus",
    "crc16_xmodem",
    "lrc",
    "pan",
    "sum8",
    "xor8",
]

Order = Literal["big", "little"]

Data = bytes | bytearray | memoryview


def sum8(data: Data) -> int:
    """Sum of the bytes, modulo 256."""
    return sum(data) & 0xFF


def xor8(data: Data) -> int:
    """XOR of the bytes; 0 of none."""
    return reduce(xor, data, 0)


def lrc(data: Data) -> int:
    """Two's complement of the sum: sum and LRC together are 0 modulo 256."""
    return -sum(data) & 0xFF


def pan(data: Data) -> int:
    """Sum modulo 255, then modulo 100: at most 99, so it never looks like the tail FF."""
    return sum(data) % 255 % 100


def _reflected_table(polynomial: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
        table.append(value)
    return tuple(table)


_TABLE_8005 = _reflected_table(0xA001)  # 8005 with its bits in reverse


def _crc16_8005(data: Data, value: int) -> int:
    table = _TABLE_8005
    for byte in data:
        value = value >> 8 ^ table[(value ^ byte) & 0xFF]
    return value


def crc16_modbus(data: Data) -> int:
    """CRC-16/MODBUS."""
    return _crc16_8005(data, 0xFFFF)


def crc16_arc(data: Data) -> int:
    """CRC-16/ARC."""
    return _crc16_8005(data, 0)


def crc16_xmodem(data: Data) -> int:
    """CRC-16/XMODEM, which the standard library knows as `crc_hqx`."""
    return crc_hqx(data, 0)


@dataclass(frozen=True, slots=True)
class CheckKind:
    """One kind of check: `of(data)` is its value, `size_bytes` and `order` how it usually travels."""

    of: Callable[[Data], int]
    size_bytes: int
    order: Order = "big"


CHECKS: Mapping[str, CheckKind] = {
    "sum8": CheckKind(sum8, 1),
    "xor": CheckKind(xor8, 1),
    "lrc": CheckKind(lrc, 1),
    "pan": CheckKind(pan, 1),
    "crc16-modbus": CheckKind(crc16_modbus, 2, "little"),
    "crc16-arc": CheckKind(crc16_arc, 2, "little"),
    "crc16-xmodem": CheckKind(crc16_xmodem, 2, "big"),
}
"""Every kind, by its name in wire profiles."""
