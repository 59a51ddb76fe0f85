"""CMPP messages laid out by hand, field by field, from the tables of the published specification.

《中国移动通信互联网短信网关接口协议》 (China Mobile Peer to Peer), V2.0 of April 2002 and V3.0.0 of June
2003; the numbers of sections are those of V2.0, 8 for 7 in V3.0.0. It prints tables of fields and no message
as octets, so these are its tables filled in with literal octets. They owe nothing to our codec. What differs
in V2.0 is what the history of V3.0.0 says it changed: the reserved octets for a LinkID, longer numbers with a
type, four octets for a status. The digests were computed with `md5sum` from the rule that 7.4.1 gives in
words:

    AuthenticatorSource = MD5(Source_Addr + nine octets of 0 + shared secret + timestamp as ten digits)
    AuthenticatorISMG   = MD5(Status + AuthenticatorSource + shared secret)

`Row`: a field's name, its length in the table, its octets. `laid_out` adds the header (7.3) and checks each
length.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["MESSAGES", "Row", "laid_out"]


class Row(NamedTuple):
    field: str
    length: int
    octets: str


def laid_out(command: str, sequence: str, rows: list[Row]) -> bytes:
    """The message: Total_Length, Command_Id and Sequence_Id of four octets each (7.3), then the rows."""
    body = b""
    for row in rows:
        octets = bytes.fromhex(row.octets)
        assert len(octets) == row.length, f"{row.field}: {len(octets)} octets, the table says {row.length}"
        body += octets
    return (12 + len(body)).to_bytes(4, "big") + bytes.fromhex(command + sequence) + body


def nulls(length: int) -> str:
    return "00" * length


def padded(text: str, length: int) -> str:
    """An Octet String: on the left, zeros behind it (7.1)."""
    return text.encode("ascii").hex() + nulls(length - len(text))


PROOF = "a96746f3197173b03fd28cfa81177ee1"
"""MD5 over 901234, nine zeros, shanghai, 0708024905."""

PROOF_OF_GATEWAY = {"2.0": "a3d74d16cd37170aec1d17b881f4668e", "3.0": "ae0e5824ccd75fb9df8deb7be5c12306"}
"""MD5 over the status 0 (one octet in 2.0, four in 3.0), PROOF, shanghai."""

MESSAGE_ID = "73880d93c0010001"
"""Msg_Id (7.4.3.2), 64 bits: month 7 (4), day 7 (5), hour 2 (5), … and the sequence 1: opaque to a hall."""

HELLO = "60a8597d"
"""您好 in UCS-2 (Msg_Fmt 8)."""


def connect(version: str) -> bytes:
    """7.4.1.1"""
    return laid_out(
        "00000001",
        "00000001",
        [
            Row("Source_Addr", 6, "39 30 31 32 33 34"),  # 901234
            Row("AuthenticatorSource", 16, PROOF),
            Row("Version", 1, {"2.0": "20", "3.0": "30"}[version]),  # major and minor, four bits each
            Row("Timestamp", 4, "2a 33 9a 49"),  # 0708024905 as an integer
        ],
    )


def connect_answer(version: str) -> bytes:
    """7.4.1.2"""
    return laid_out(
        "80000001",
        "00000001",
        [
            Row("Status", 1, "00") if version == "2.0" else Row("Status", 4, "00 00 00 00"),
            Row("AuthenticatorISMG", 16, PROOF_OF_GATEWAY[version]),
            Row("Version", 1, {"2.0": "20", "3.0": "30"}[version]),
        ],
    )


def submit(version: str) -> bytes:
    """7.4.3.1. A terminal's number has 21 octets in 2.0, 32 and a type in 3.0."""
    new = version == "3.0"
    terminal = 32 if new else 21
    return laid_out(
        "00000004",
        "00000002",
        [
            Row("Msg_Id", 8, nulls(8)),  # given by the gateway, empty here
            Row("Pk_total", 1, "01"),
            Row("Pk_number", 1, "01"),
            Row("Registered_Delivery", 1, "01"),  # a report is wanted
            Row("Msg_level", 1, "00"),
            Row("Service_Id", 10, padded("HALL", 10)),
            Row("Fee_UserType", 1, "02"),  # the SP pays
            Row("Fee_terminal_Id", terminal, nulls(terminal)),
            *([Row("Fee_terminal_type", 1, "00")] if new else []),
            Row("TP_pId", 1, "00"),
            Row("TP_udhi", 1, "00"),
            Row("Msg_Fmt", 1, "08"),  # UCS-2
            Row("Msg_src", 6, "39 30 31 32 33 34"),
            Row("FeeType", 2, "30 31"),  # free
            Row("FeeCode", 6, padded("0", 6)),
            # SMPP 3.3's form: 2026-07-08 02:59:05, 32 quarters of an hour ahead of UTC
            Row("ValId_Time", 17, padded("260708025905032+", 17)),
            Row("At_Time", 17, nulls(17)),
            Row("Src_Id", 21, padded("10086", 21)),
            Row("DestUsr_tl", 1, "01"),
            Row("Dest_terminal_Id", terminal, padded("13800138000", terminal)),
            *([Row("Dest_terminal_type", 1, "00")] if new else []),
            Row("Msg_Length", 1, "04"),
            Row("Msg_Content", 4, HELLO),
            Row("LinkID", 20, nulls(20)) if new else Row("Reserve", 8, nulls(8)),
        ],
    )


def submit_answer(version: str) -> bytes:
    """7.4.3.2: flow control."""
    result = Row("Result", 1, "08") if version == "2.0" else Row("Result", 4, "00 00 00 08")
    return laid_out("80000004", "00000002", [Row("Msg_Id", 8, MESSAGE_ID), result])


def deliver(version: str) -> bytes:
    """7.4.5.1"""
    new = version == "3.0"
    terminal = 32 if new else 21
    return laid_out(
        "00000005",
        "00000007",
        [
            Row("Msg_Id", 8, MESSAGE_ID),
            Row("Dest_Id", 21, padded("10086", 21)),
            Row("Service_Id", 10, padded("HALL", 10)),
            Row("TP_pid", 1, "00"),
            Row("TP_udhi", 1, "00"),
            Row("Msg_Fmt", 1, "0f"),  # GB
            Row("Src_terminal_Id", terminal, padded("13800138000", terminal)),
            *([Row("Src_terminal_type", 1, "00")] if new else []),
            Row("Registered_Delivery", 1, "00"),  # no report
            Row("Msg_Length", 1, "04"),
            Row("Msg_Content", 4, "d4 a4 d4 bc"),  # 预约 in GB
            Row("LinkID", 20, nulls(20)) if new else Row("Reserved", 8, nulls(8)),
        ],
    )


def deliver_answer(version: str) -> bytes:
    """7.4.5.2"""
    result = Row("Result", 1, "00") if version == "2.0" else Row("Result", 4, nulls(4))
    return laid_out("80000005", "00000007", [Row("Msg_Id", 8, MESSAGE_ID), result])


def report(version: str) -> bytes:
    """7.4.5.1 with Registered_Delivery 1: Msg_Content is the report."""
    new = version == "3.0"
    terminal = 32 if new else 21
    content = [
        Row("Msg_Id", 8, MESSAGE_ID),
        Row("Stat", 7, "44 45 4c 49 56 52 44"),  # DELIVRD
        Row("Submit_time", 10, padded("2607080249", 10)),
        Row("Done_time", 10, padded("2607080250", 10)),
        Row("Dest_terminal_Id", terminal, padded("13800138000", terminal)),
        Row("SMSC_sequence", 4, "00 00 00 01"),
    ]
    length = 71 if new else 60
    return laid_out(
        "00000005",
        "00000008",
        [
            Row("Msg_Id", 8, "73880d93c0010002"),
            Row("Dest_Id", 21, padded("10086", 21)),
            Row("Service_Id", 10, padded("HALL", 10)),
            Row("TP_pid", 1, "00"),
            Row("TP_udhi", 1, "00"),
            Row("Msg_Fmt", 1, "00"),
            Row("Src_terminal_Id", terminal, padded("13800138000", terminal)),
            *([Row("Src_terminal_type", 1, "00")] if new else []),
            Row("Registered_Delivery", 1, "01"),
            Row("Msg_Length", 1, f"{length:02x}"),
            Row("Msg_Content", length, "".join(row.octets for row in content)),
            Row("LinkID", 20, nulls(20)) if new else Row("Reserved", 8, nulls(8)),
        ],
    )


def active_test(version: str) -> bytes:
    """7.4.7.1"""
    return laid_out("00000008", "00000003", [])


def active_test_answer(version: str) -> bytes:
    """7.4.7.2"""
    return laid_out("80000008", "00000003", [Row("Reserved", 1, "00")])


def terminate(version: str) -> bytes:
    """7.4.2.1"""
    return laid_out("00000002", "00000009", [])


def terminate_answer(version: str) -> bytes:
    """7.4.2.2"""
    return laid_out("80000002", "00000009", [])


MESSAGES = {
    each.__name__: each
    for each in (
        connect,
        connect_answer,
        submit,
        submit_answer,
        deliver,
        deliver_answer,
        report,
        active_test,
        active_test_answer,
        terminate,
        terminate_answer,
    )
}
