"""SMPP 3.4 on the wire: the messages that a transceiver and its gateway need. No I/O.

Numbers are those of the specification (SMPP Protocol Specification v3.4, 12 October 1999, issue 1.2), whose
sections are named where a choice was made.

What must stay true: reading never raises; what is read wrongly is `None`, and the session says so.
"""

from __future__ import annotations

import re
from struct import Struct
from typing import NamedTuple

__all__ = [
    "COMMANDS",
    "ESME_ROK",
    "HEADER",
    "RESPONSE",
    "Bind",
    "Command",
    "Delivery",
    "Pdu",
    "bind",
    "bind_answer",
    "delivery",
    "parse_bind",
    "parse_message",
    "parse_text",
    "pdu",
    "receipt_text",
    "status_words",
    "submit",
]

HEADER = Struct(">IIII")
"""command_length, command_id, command_status, sequence_number (3.2)."""

RESPONSE = 0x8000_0000


class Command:
    """command_id (5.1.2.1)."""

    GENERIC_NACK = 0x8000_0000
    BIND_RECEIVER = 0x0000_0001
    BIND_TRANSMITTER = 0x0000_0002
    SUBMIT_SM = 0x0000_0004
    DELIVER_SM = 0x0000_0005
    UNBIND = 0x0000_0006
    BIND_TRANSCEIVER = 0x0000_0009
    ENQUIRE_LINK = 0x0000_0015
    ALERT_NOTIFICATION = 0x0000_0102
    DATA_SM = 0x0000_0103


COMMANDS = {value: name.lower() for name, value in vars(Command).items() if not name.startswith("_")}

ESME_ROK = 0x00
ESME_RINVMSGLEN = 0x01
ESME_RINVCMDLEN = 0x02
ESME_RINVCMDID = 0x03
ESME_RALYBND = 0x05
ESME_RSYSERR = 0x08
ESME_RINVSRCADR = 0x0A
ESME_RINVDSTADR = 0x0B
ESME_RBINDFAIL = 0x0D
ESME_RINVPASWD = 0x0E
ESME_RINVSYSID = 0x0F
ESME_RMSGQFUL = 0x14
ESME_RSUBMITFAIL = 0x45
ESME_RTHROTTLED = 0x58
ESME_RX_T_APPN = 0x64

STATUS_WORDS = {
    0x01: "message length is invalid",
    0x02: "command length is invalid",
    0x03: "command id is invalid",
    0x04: "incorrect bind status for this command",
    0x05: "already bound",
    0x08: "system error",
    0x0A: "invalid source address",
    0x0B: "invalid destination address",
    0x0C: "message id is invalid",
    0x0D: "bind failed",
    0x0E: "invalid password",
    0x0F: "invalid system id",
    0x11: "cancel failed",
    0x14: "message queue full",
    0x15: "invalid service type",
    0x33: "invalid number of destinations",
    0x42: "esm_class is not allowed",
    0x43: "cannot submit to a distribution list",
    0x45: "submit failed",
    0x48: "invalid source TON",
    0x49: "invalid source NPI",
    0x50: "invalid destination TON",
    0x51: "invalid destination NPI",
    0x53: "invalid system type",
    0x58: "throttled: too fast for the allowed rate",
    0x61: "invalid scheduled delivery time",
    0x62: "invalid validity period",
    0x64: "temporary error of the receiving application",
    0x65: "permanent error of the receiving application",
    0x66: "receiving application refuses",
    0xC0: "error in the optional part",
    0xC1: "optional parameter is not allowed",
    0xFE: "delivery failure",
    0xFF: "unknown error",
}

BUSY = frozenset((ESME_RMSGQFUL, ESME_RTHROTTLED, ESME_RX_T_APPN))
"""Not now: the same message will pass later."""

NEVER = frozenset(
    (ESME_RINVDSTADR, ESME_RINVMSGLEN, ESME_RINVSRCADR, 0x42, 0x43, 0x48, 0x49, 0x50, 0x51, 0x61, 0x62, 0x65)
)
"""The same message will never pass."""

ESM_UDHI = 0x40
ESM_TYPE = 0x3C
ESM_RECEIPTS = (0x04, 0x08)
"""Message type bits of esm_class: delivery receipt, and delivery acknowledgement (5.2.12)."""

TAG_RECEIPTED_ID = 0x001E
TAG_SAR_REF, TAG_SAR_TOTAL, TAG_SAR_NUMBER = 0x020C, 0x020E, 0x020F
TAG_PAYLOAD = 0x0424
TAG_STATE = 0x0427


class Pdu(NamedTuple):
    """One message as it came."""

    command: int
    status: int
    sequence: int
    body: bytes


def status_words(status: int) -> str:
    return f"{STATUS_WORDS.get(status, 'error')} (0x{status:08x})"


def pdu(command: int, sequence: int, body: bytes = b"", status: int = ESME_ROK) -> bytes:
    """One message."""
    return HEADER.pack(HEADER.size + len(body), command, status, sequence) + body


def cstring(text: str, most: int) -> bytes:
    """A C-octet string of at most `most` octets, the null included."""
    return text.encode("ascii", "replace")[: most - 1].replace(b"\0", b"?") + b"\0"


# -- binding (4.1) -------------------------------------------------------------------------------------


class Bind(NamedTuple):
    """What a bind says."""

    system_id: str
    password: str
    system_type: str = ""
    version: int = 0x34
    ton: int = 0
    npi: int = 0
    address_range: str = ""


def bind(command: int, sequence: int, said: Bind) -> bytes:
    body = (
        cstring(said.system_id, 16)
        + cstring(said.password, 9)
        + cstring(said.system_type, 13)
        + bytes((said.version, said.ton, said.npi))
        + cstring(said.address_range, 41)
    )
    return pdu(command, sequence, body)


def parse_bind(body: bytes) -> Bind | None:
    parts = body.split(b"\0", 3)
    if len(parts) != 4 or len(parts[3]) < 4:
        return None
    version, ton, npi = parts[3][:3]
    rest = parts[3][3:]
    if b"\0" not in rest:
        return None
    system_id, password, system_type = (part.decode("ascii", "replace") for part in parts[:3])
    address_range = rest.split(b"\0", 1)[0].decode("ascii", "replace")
    return Bind(system_id, password, system_type, version, ton, npi, address_range)


def bind_answer(command: int, sequence: int, system_id: str, status: int = ESME_ROK) -> bytes:
    return pdu(command | RESPONSE, sequence, cstring(system_id, 16) if not status else b"", status)


# -- messages (4.4, 4.6) -------------------------------------------------------------------------------


def submit(
    sequence: int,
    *,
    source: bytes,
    to: str,
    to_ton: int,
    to_npi: int,
    esm_class: int,
    coding: int,
    octets: bytes,
    validity: bytes,
    registered: int = 1,
    service_type: bytes = b"\0",
    tlvs: bytes = b"",
) -> bytes:
    """A submit_sm. `source` is TON, NPI and address, made once for a session; `validity` a C string."""
    body = b"".join(
        (
            service_type,
            source,
            bytes((to_ton, to_npi)),
            to.encode("ascii", "replace")[:20],
            b"\0",
            bytes((esm_class, 0, 0)),
            b"\0",
            validity,
            bytes((registered, 0, coding, 0, len(octets))),
            octets,
            tlvs,
        )
    )
    return HEADER.pack(16 + len(body), Command.SUBMIT_SM, 0, sequence) + body


def validity_period(life_s: int) -> bytes:
    """How long to try, as a relative time (7.1.1.2): `YYMMDDhhmmss000R`; at most about three months."""
    life_s = max(60, min(life_s, 90 * 86_400))
    days, rest = divmod(life_s, 86_400)
    months, days = divmod(days, 30)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"00{months:02}{days:02}{hours:02}{minutes:02}{seconds:02}000R\0".encode()


class Delivery(NamedTuple):
    """A submit_sm or deliver_sm as it came."""

    source: str
    destination: str
    esm_class: int
    registered: int
    coding: int
    octets: bytes
    tlvs: dict[int, bytes]
    source_ton: int = 0
    validity: str = ""


def delivery(
    command: int,
    sequence: int,
    *,
    source: str,
    destination: str,
    esm_class: int = 0,
    coding: int = 0,
    octets: bytes = b"",
    tlvs: bytes = b"",
    source_ton: int = 0,
    registered: int = 0,
) -> bytes:
    """A deliver_sm (or a submit_sm with its plainest fields)."""
    body = b"".join(
        (
            b"\0",
            bytes((source_ton, 1)),
            cstring(source, 21),
            b"\1\1",
            cstring(destination, 21),
            bytes((esm_class, 0, 0)),
            b"\0\0",
            bytes((registered, 0, coding, 0, len(octets))),
            octets,
            tlvs,
        )
    )
    return pdu(command, sequence, body)


def parse_message(body: bytes) -> Delivery | None:
    """The fields of a submit_sm or deliver_sm; None if it is none."""
    try:
        end = body.index(0)  # service_type
        source_ton, at = body[end + 1], end + 3
        end = body.index(0, at)
        source, at = body[at:end], end + 3
        end = body.index(0, at)
        destination, at = body[at:end], end + 1
        esm_class, at = body[at], at + 3
        at = body.index(0, at) + 1  # schedule_delivery_time
        end = body.index(0, at)
        validity, at = body[at:end], end + 1
        registered, coding, length = body[at], body[at + 2], body[at + 4]
    except (ValueError, IndexError):
        return None
    octets = body[at + 5 : at + 5 + length]
    if len(octets) != length:
        return None
    tlvs = parse_tlvs(body, at + 5 + length)
    if not octets and TAG_PAYLOAD in tlvs:
        octets = tlvs[TAG_PAYLOAD]
    return Delivery(
        source.decode("latin-1"),
        destination.decode("latin-1"),
        esm_class,
        registered,
        coding,
        octets,
        tlvs,
        source_ton,
        validity.decode("latin-1"),
    )


def tlv(tag: int, value: bytes) -> bytes:
    return tag.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value


def parse_tlvs(body: bytes, at: int) -> dict[int, bytes]:
    """Optional parameters from `at` on; one that is cut off ends them."""
    found: dict[int, bytes] = {}
    while at + 4 <= len(body):
        tag = int.from_bytes(body[at : at + 2], "big")
        length = int.from_bytes(body[at + 2 : at + 4], "big")
        if at + 4 + length > len(body):
            break
        found[tag] = body[at + 4 : at + 4 + length]
        at += 4 + length
    return found


# -- receipts (appendix B) -----------------------------------------------------------------------------

_ID = re.compile(rb"id:\s*([^\s]+)", re.IGNORECASE)
_STAT = re.compile(rb"stat:\s*([A-Za-z]{1,10})", re.IGNORECASE)
_ERR = re.compile(rb"err:\s*([^\s]{1,8})", re.IGNORECASE)

STATES = {1: "ENROUTE", 2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 6: "ACCEPTD", 7: "UNKNOWN",
          8: "REJECTD"}  # fmt: skip
"""message_state (5.2.28)."""


def receipt_text(ref: str, stat: str, stamp: str, err: str = "000") -> bytes:
    """A receipt's text as most gateways write it; `stamp` is YYMMDDhhmm."""
    delivered = "001" if stat == "DELIVRD" else "000"
    return (
        f"id:{ref} sub:001 dlvrd:{delivered} submit date:{stamp} done date:{stamp} "
        f"stat:{stat} err:{err} text:"
    ).encode("ascii", "replace")


def parse_text(octets: bytes, tlvs: dict[int, bytes]) -> tuple[str, str, str] | None:
    """The id, the state and the error of a receipt, from its optional parameters or its text; None if it
    names nobody."""
    ref = tlvs.get(TAG_RECEIPTED_ID, b"").rstrip(b"\0")
    if not ref:
        found = _ID.search(octets)
        if found is None:
            return None
        ref = found[1]
    state = tlvs.get(TAG_STATE, b"")
    if len(state) == 1 and state[0] in STATES:
        stat = STATES[state[0]]
    else:
        said = _STAT.search(octets)
        stat = "UNKNOWN" if said is None else said[1].decode("ascii", "replace").upper()
    err = _ERR.search(octets)
    return ref.decode("latin-1"), stat, "" if err is None else err[1].decode("latin-1")
