"""CMPP 2.0 and 3.0 on the wire (中国移动通信互联网短信网关接口协议, China Mobile Peer to Peer). No I/O.

Fields are those of the specifications (QB-002-2002 V2.0 and V3.0); where the versions differ, `Version` says
how. `tests/plugins/sms` holds both against the tables, filled in by hand, and an independent implementation.

What must stay true: reading never raises; what cannot be read is `None`.
"""

from __future__ import annotations

import hashlib
import time
from struct import Struct
from typing import NamedTuple

__all__ = [
    "HEADER",
    "RESPONSE",
    "V20",
    "V30",
    "Command",
    "Deliver",
    "Report",
    "Submit",
    "Version",
    "connect",
    "connect_answer",
    "deliver",
    "parse_connect",
    "parse_connect_answer",
    "parse_deliver",
    "parse_report",
    "parse_submit",
    "pdu",
    "report",
    "result_words",
    "submit",
    "timestamp",
]

HEADER = Struct(">III")
"""Total_Length, Command_Id, Sequence_Id."""

RESPONSE = 0x8000_0000


class Command:
    """Command_Id."""

    CONNECT = 0x0000_0001
    TERMINATE = 0x0000_0002
    SUBMIT = 0x0000_0004
    DELIVER = 0x0000_0005
    ACTIVE_TEST = 0x0000_0008


class Version(NamedTuple):
    """What differs between the versions: the number in CONNECT, the length of results, of terminals' numbers,
    and of the field at the end."""

    number: int
    result: int
    terminal: int
    tail: int
    typed: bool
    """Whether a terminal's number is followed by its type (3.0: it may be a pseudonym)."""


V20 = Version(0x20, 1, 21, 8, False)
V30 = Version(0x30, 4, 32, 20, True)

RESULTS = {
    1: "消息结构错 message structure",
    2: "命令字错 command",
    3: "消息序号重复 sequence repeated",
    4: "消息长度错 message length",
    5: "资费代码错 fee code",
    6: "超过最大信息长 message too long",
    7: "业务代码错 service code",
    8: "流量控制错 flow control",
    9: "本网关不负责此计费号码 not this gateway's number",
    10: "Src_Id 错误 source",
    11: "Msg_src 错误 sender",
    12: "Fee_terminal_Id 错误 charged number",
    13: "Dest_terminal_Id 错误 destination number",
}

STATUSES = {
    1: "消息结构错 message structure",
    2: "非法源地址 unknown source address",
    3: "认证错 wrong secret",
    4: "版本太高 version too high",
    5: "其他错误 other error",
}
"""Of CONNECT_RESP."""

BUSY = frozenset((8,))
NEVER = frozenset((1, 4, 5, 6, 7, 9, 10, 11, 12, 13))


def result_words(result: int) -> str:
    return f"{RESULTS.get(result, '错误 error')} ({result})"


def status_words(status: int) -> str:
    return f"{STATUSES.get(status, '错误 error')} ({status})"


def pdu(command: int, sequence: int, body: bytes = b"") -> bytes:
    """One message."""
    return HEADER.pack(HEADER.size + len(body), command, sequence) + body


def octets(text: str, length: int) -> bytes:
    """An Octet String of exactly `length`: filled with nulls on the right."""
    return text.encode("ascii", "replace")[:length].ljust(length, b"\0")


def text_of(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("latin-1").strip()


def timestamp(now: int) -> int:
    """The instant as MMDDHHMMSS on China's clocks, which is where these gateways are."""
    return int(time.strftime("%m%d%H%M%S", time.gmtime(now + 8 * 3600)))


# -- connect -------------------------------------------------------------------------------------------


def authenticator(source: str, secret: str, stamp: int) -> bytes:
    """AuthenticatorSource: MD5 over the address, nine nulls, the secret and the time stamp (ten digits)."""
    said = source.encode() + b"\0" * 9 + secret.encode() + f"{stamp:010}".encode()
    return hashlib.md5(said, usedforsecurity=False).digest()


def gateway_authenticator(status: bytes, theirs: bytes, secret: str) -> bytes:
    """AuthenticatorISMG: MD5 over the status as sent, AuthenticatorSource and the secret."""
    return hashlib.md5(status + theirs + secret.encode(), usedforsecurity=False).digest()


def connect(sequence: int, source: str, secret: str, stamp: int, version: int) -> bytes:
    proof = authenticator(source, secret, stamp)
    body = octets(source, 6) + proof + bytes((version,)) + stamp.to_bytes(4, "big")
    return pdu(Command.CONNECT, sequence, body)


def parse_connect(body: bytes) -> tuple[str, bytes, int, int] | None:
    """Source address, authenticator, version, time stamp."""
    if len(body) != 27:
        return None
    return text_of(body[:6]), body[6:22], body[22], int.from_bytes(body[23:27], "big")


def connect_answer(
    sequence: int, version: Version, status: int, theirs: bytes, secret: str, number: int | None = None
) -> bytes:
    said = status.to_bytes(version.result, "big")
    shown = version.number if number is None else number
    body = said + gateway_authenticator(said, theirs, secret) + bytes((shown,))
    return pdu(Command.CONNECT | RESPONSE, sequence, body)


def parse_connect_answer(body: bytes) -> tuple[bytes, bytes, int] | None:
    """The status as sent, the gateway's authenticator, its version: by its length, of either version."""
    if len(body) not in (18, 21):
        return None
    cut = len(body) - 17
    return body[:cut], body[cut:-1], body[-1]


# -- submit --------------------------------------------------------------------------------------------


class Submit(NamedTuple):
    """What a SUBMIT says, of the fields that a hall uses."""

    to: str
    source: str
    coding: int
    content: bytes
    udhi: int
    number: int
    total: int
    registered: int


def submit(
    sequence: int,
    version: Version,
    *,
    head: bytes,
    middle: bytes,
    to: str,
    coding: int,
    udhi: int,
    number: int,
    total: int,
    valid_until: bytes,
    source: bytes,
    content: bytes,
    registered: int = 1,
) -> bytes:
    """A SUBMIT. `head` is what stands between Registered_Delivery and TP_udhi, `middle` what stands between
    Msg_Fmt and ValId_Time: both the same for every message of a session (`submit_head`, `submit_middle`)."""
    body = b"".join(
        (
            bytes(8),
            bytes((total, number, registered)),
            head,
            bytes((udhi, coding)),
            middle,
            valid_until,
            bytes(17),
            source,
            b"\1",
            octets(to, version.terminal),
            b"\0" if version.typed else b"",
            bytes((len(content),)),
            content,
            bytes(version.tail),
        )
    )
    return HEADER.pack(12 + len(body), Command.SUBMIT, sequence) + body


def submit_head(version: Version, service: str, fee_user_type: int, fee_terminal: str, level: int) -> bytes:
    """Msg_level, Service_Id, Fee_UserType, Fee_terminal_Id (with its type), TP_pId."""
    typed = b"\0" if version.typed else b""
    return (
        bytes((level,))
        + octets(service, 10)
        + bytes((fee_user_type,))
        + octets(fee_terminal, version.terminal)
        + typed
        + b"\0"
    )


def submit_middle(source: str, fee_type: str, fee_code: str) -> bytes:
    """Msg_src, FeeType, FeeCode."""
    return octets(source, 6) + octets(fee_type, 2) + octets(fee_code, 6)


def valid_until(now: int, life_s: int) -> bytes:
    """ValId_Time in the form of SMPP 3.3: absolute, with eight hours as its zone."""
    at = time.gmtime(now + life_s + 8 * 3600)
    return time.strftime("%y%m%d%H%M%S", at).encode() + b"032+\0"


def parse_submit(body: bytes, version: Version) -> Submit | None:
    """A SUBMIT to one number; None if it is none."""
    terminal = version.terminal
    at = 8 + 4 + 10 + 1 + terminal + version.typed
    if len(body) < at + 3:
        return None
    total, number, registered = body[8], body[9], body[10]
    udhi, coding = body[at + 1], body[at + 2]
    at += 3 + 6 + 2 + 6 + 17 + 17
    source = body[at : at + 21]
    at += 21
    if len(body) < at + 1:
        return None
    count = body[at]
    to = body[at + 1 : at + 1 + terminal]
    at += 1 + count * terminal + version.typed
    if not count or len(body) < at + 1:
        return None
    length = body[at]
    content = body[at + 1 : at + 1 + length]
    if len(body) != at + 1 + length + version.tail:
        return None
    return Submit(text_of(to), text_of(source), coding, content, udhi, number, total, registered)


def submit_answer(sequence: int, version: Version, message_id: bytes, result: int) -> bytes:
    body = message_id + result.to_bytes(version.result, "big")
    return pdu(Command.SUBMIT | RESPONSE, sequence, body)


# -- deliver -------------------------------------------------------------------------------------------


class Deliver(NamedTuple):
    """A message of a customer, or (`report`) one about a message of ours."""

    message_id: bytes
    destination: str
    source: str
    coding: int
    udhi: int
    report: bool
    content: bytes


class Report(NamedTuple):
    """What became of a message: its id, the state (`DELIVRD`, `UNDELIV`, `MA:0001`, …)."""

    message_id: bytes
    stat: str
    to: str


def deliver(
    sequence: int,
    version: Version,
    *,
    message_id: bytes,
    destination: str,
    source: str,
    coding: int,
    content: bytes,
    udhi: int = 0,
    report: bool = False,
    service: str = "",
) -> bytes:
    body = b"".join(
        (
            message_id,
            octets(destination, 21),
            octets(service, 10),
            bytes((0, udhi, coding)),
            octets(source, version.terminal),
            b"\0" if version.typed else b"",
            bytes((report, len(content))),
            content,
            bytes(version.tail),
        )
    )
    return pdu(Command.DELIVER, sequence, body)


def parse_deliver(body: bytes, version: Version) -> Deliver | None:
    terminal = version.terminal
    at = 8 + 21 + 10 + 3 + terminal + version.typed
    if len(body) < at + 2:
        return None
    length = body[at + 1]
    content = body[at + 2 : at + 2 + length]
    if len(body) != at + 2 + length + version.tail:
        return None
    return Deliver(
        body[:8],
        text_of(body[8:29]),
        text_of(body[42 : 42 + terminal]),
        body[41],
        body[40],
        bool(body[at]),
        content,
    )


def deliver_answer(sequence: int, version: Version, message_id: bytes, result: int = 0) -> bytes:
    return pdu(Command.DELIVER | RESPONSE, sequence, message_id + result.to_bytes(version.result, "big"))


def report(version: Version, message_id: bytes, stat: str, stamp: str, to: str, sequence: int) -> bytes:
    """The content of a report; `stamp` is YYMMDDhhmm."""
    return b"".join(
        (
            message_id,
            octets(stat, 7),
            octets(stamp, 10),
            octets(stamp, 10),
            octets(to, version.terminal),
            sequence.to_bytes(4, "big"),
        )
    )


def parse_report(content: bytes) -> Report | None:
    """A report of either version: both are met under both, so the length decides."""
    if len(content) not in (60, 71):
        return None
    return Report(content[:8], text_of(content[8:15]), text_of(content[35:-4]))
