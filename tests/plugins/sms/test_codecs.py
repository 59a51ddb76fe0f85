"""SMPP and CMPP on the wire: foreign byte vectors, what we write read back, and bytes that mean nothing."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from somc_plugins.sms.dialect import (
    Answered,
    Incoming,
    LinkAnswered,
    LinkChecked,
    LoggedIn,
    Nonsense,
    PartReceipt,
    Submission,
    TheyLeave,
)
from somc_plugins.sms.frames import Deframer
from somc_plugins.sms.gate import ClientLogin, ClientSubmit
from somc_plugins.sms.text import decoded, parts_of
from somc_plugins.sms_cmpp import pdu as cmpp
from somc_plugins.sms_cmpp.config import CmppGateway
from somc_plugins.sms_cmpp.dialect import CmppDialect
from somc_plugins.sms_cmpp.gate import CmppSide
from somc_plugins.sms_smpp import pdu as smpp
from somc_plugins.sms_smpp.config import SmppGateway
from somc_plugins.sms_smpp.dialect import SmppDialect
from somc_plugins.sms_smpp.gate import SmppSide
from tests.plugins.sms import vectors as v

CAMPAIGN = os.environ.get("SOMC_CAMPAIGN") == "1"
VERSIONS = {"2.0": cmpp.V20, "3.0": cmpp.V30}


def smpp_dialect(**more: Any) -> SmppDialect:
    return SmppDialect(SmppGateway(host="x", system_id="hall", source="10086", **more), "secret")


def cmpp_dialect(version: Any = "3.0") -> CmppDialect:
    settings = CmppGateway(host="x", version=version, sp_id="900001", source="10086")
    return CmppDialect(settings, "888888")


DIALECTS = {
    "smpp": smpp_dialect,
    "cmpp 2.0": lambda: cmpp_dialect("2.0"),
    "cmpp 3.0": lambda: cmpp_dialect("3.0"),
}
SIDES = {"smpp": SmppSide, "cmpp 2.0": CmppSide, "cmpp 3.0": CmppSide}


def side_of(name: str, password: str = "secret") -> Any:
    """The gateway's side, as it is once a client of that version has logged in."""
    side = SIDES[name]("888888" if name.startswith("cmpp") else password, lambda: False)
    (login,) = side.feed(DIALECTS[name]().login(1, 1_772_424_000))
    assert isinstance(login, ClientLogin)
    assert login.right
    return side


# -- foreign vectors ------------------------------------------------------------------------------------


def test_smpp_the_sample_of_the_specification() -> None:
    said = smpp.Bind("SMPP3TEST", "secret08", "SUBMIT1", 0x00, 1, 1, "")
    assert smpp.bind(smpp.Command.BIND_TRANSMITTER, 1, said) == v.SMPP_BIND_TRANSMITTER
    assert smpp.parse_bind(v.SMPP_BIND_TRANSMITTER[16:]) == said


def test_cmpp_connect() -> None:
    assert cmpp.connect(0x17, "900001", "888888", 1_021_080_510, 0x21) == v.CMPP_CONNECT
    found = cmpp.parse_connect(v.CMPP_CONNECT[12:])
    assert found is not None
    source, theirs, version, stamp = found
    assert (source, version, stamp) == ("900001", 0x21, 1_021_080_510)
    assert theirs == cmpp.authenticator("900001", "888888", stamp)


@pytest.mark.parametrize("version", VERSIONS)
def test_cmpp_connect_answer(version: str) -> None:
    theirs = v.CMPP_CONNECT[18:34]
    number = 0x21 if version == "2.0" else 0x30
    made = cmpp.connect_answer(0x17, VERSIONS[version], 0, theirs, "888888", number)
    assert made == v.CMPP_CONNECT_ANSWER[version]
    assert cmpp.parse_connect_answer(made[12:]) == (
        bytes(VERSIONS[version].result),
        cmpp.gateway_authenticator(bytes(VERSIONS[version].result), theirs, "888888"),
        number,
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_cmpp_submit(version: str) -> None:
    shape = VERSIONS[version]
    content = "测试gocmpp submit".encode("utf-16-be")
    made = cmpp.submit(
        0x17,
        shape,
        head=cmpp.submit_head(shape, "test", 2, "13500002696", 1),
        middle=cmpp.submit_middle("900001", "02", "10"),
        to="13500002696",
        coding=8,
        udhi=0,
        number=1,
        total=1,
        valid_until=b"151105131555101+\0",
        source=cmpp.octets("900001", 21),
        content=content,
    )
    assert made == v.CMPP_SUBMIT[version]
    assert cmpp.parse_submit(made[12:], shape) == cmpp.Submit("13500002696", "900001", 8, content, 0, 1, 1, 1)


@pytest.mark.parametrize("version", VERSIONS)
def test_cmpp_submit_answer(version: str) -> None:
    (answer,) = cmpp_dialect(version).feed(v.CMPP_SUBMIT_ANSWER[version])
    assert answer == Answered(0x17, "ok", "b2b9da8000010000")
    made = cmpp.submit_answer(0x17, VERSIONS[version], bytes.fromhex("b2b9da8000010000"), 0)
    assert made == v.CMPP_SUBMIT_ANSWER[version]


@pytest.mark.parametrize("version", VERSIONS)
def test_cmpp_deliver(version: str) -> None:
    (event,) = cmpp_dialect(version).feed(v.CMPP_DELIVER[version])
    assert isinstance(event, Incoming)
    assert (event.sender, event.receiver, event.text) == ("13412340000", "900001", "This is a test MO.")
    assert event.ack == v.CMPP_DELIVER_ANSWER[version]
    frame = v.CMPP_DELIVER[version]
    made = cmpp.deliver(
        frame[11],
        VERSIONS[version],
        message_id=frame[12:20],
        destination="900001",
        source="13412340000",
        coding=0,
        content=b"This is a test MO.",
    )
    assert made == frame


def test_cmpp_report() -> None:
    found = cmpp.parse_report(v.CMPP_REPORT)
    assert found == cmpp.Report(v.CMPP_REPORT[:8], "DELIVRD", "13412340000")


# -- what we say is understood ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("text", ["hello", "您好，A001 请到3号台席", "请" * 150, "😀" * 90])
def test_a_submission_says_at_the_gateway_what_was_written(name: str, text: str) -> None:
    dialect, side = DIALECTS[name](), side_of(name)
    for sequence, part in enumerate(parts_of(text), 5):
        dialect.login(1, 1_772_424_000)
        data = dialect.submit(sequence, Submission("13800138000", part, 3600))
        (event,) = side.feed(data)
        assert isinstance(event, ClientSubmit)
        assert (event.to, event.source, event.wants_receipt) == ("13800138000", "10086", True)
        assert (event.text, event.header) == (decoded(part.octets, part.coding), part.header)
        (answer,) = dialect.feed(event.answer("ok", "123"))
        assert isinstance(answer, Answered)
        assert (answer.sequence, answer.verdict) == (sequence, "ok")
        for verdict in ("busy", "refused", "never"):
            (answer,) = dialect.feed(event.answer(verdict, ""))
            assert (answer.sequence, answer.verdict, bool(answer.detail)) == (sequence, verdict, True)


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize(
    ("stat", "delivered"),
    [("DELIVRD", True), ("UNDELIV", False), ("EXPIRED", False), ("REJECTD", False), ("ACCEPTD", None)],
)
def test_a_receipt_names_the_submission_that_it_is_about(
    name: str, stat: str, delivered: bool | None
) -> None:
    from somc_plugins.sms.gate import Taken

    dialect, side = DIALECTS[name](), side_of(name)
    (submission,) = parts_of("x")
    (event,) = side.feed(dialect.submit(5, Submission("13800138000", submission, 60)))
    (answer,) = dialect.feed(event.answer("ok", "1099511627777"))
    taken = Taken("1099511627777", "13800138000", "10086", "x", b"", 0)
    (receipt,) = dialect.feed(side.receipt(9, taken, stat))
    assert isinstance(receipt, PartReceipt)
    assert (receipt.ref, receipt.delivered) == (answer.ref, delivered)
    assert receipt.ack != receipt.later


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("text", ["Y", "预约 缴费 明天 10:00", "请" * 100])
def test_what_a_customer_writes_is_read(name: str, text: str) -> None:
    dialect, side = DIALECTS[name](), side_of(name)
    events = [
        event for data in side.incoming(3, "13800138000", "10086", text, "77") for event in dialect.feed(data)
    ]
    assert "".join(event.text for event in events if isinstance(event, Incoming)) == text
    assert {(event.sender, event.receiver) for event in events if isinstance(event, Incoming)} == {
        ("13800138000", "10086")
    }


@pytest.mark.parametrize("name", DIALECTS)
def test_links_are_checked_and_sessions_ended(name: str) -> None:
    dialect, side = DIALECTS[name](), side_of(name)
    (asked,) = side.feed(dialect.check_link(4))
    assert dialect.feed(asked.answer) == [LinkAnswered()]
    (checked,) = dialect.feed(side.check_link(6))
    assert isinstance(checked, LinkChecked)
    (left,) = side.feed(dialect.leave(5))
    assert left.leaves
    assert dialect.feed(left.answer) == []


def test_they_may_leave_too() -> None:
    (event,) = smpp_dialect().feed(smpp.pdu(smpp.Command.UNBIND, 8))
    assert event == TheyLeave(smpp.pdu(0x8000_0006, 8))
    (event,) = cmpp_dialect().feed(cmpp.pdu(cmpp.Command.TERMINATE, 8))
    assert event == TheyLeave(cmpp.pdu(0x8000_0002, 8))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_gateway_whose_proof_does_not_fit_is_let_pass_with_a_warning(version: str) -> None:
    dialect, side = cmpp_dialect(version), CmppSide("888888", lambda: True)
    (login,) = side.feed(dialect.login(1, 1_772_424_000))
    assert isinstance(login, ClientLogin)
    (event,) = dialect.feed(login.yes)
    assert isinstance(event, LoggedIn)
    assert (event.ok, "authenticator" in event.warning) == (True, True)
    (event,) = dialect.feed(login.no)
    assert event == LoggedIn(False, "认证错 wrong secret (3)")


def test_smpp_a_refused_bind_says_why() -> None:
    answer = smpp.bind_answer(smpp.Command.BIND_TRANSCEIVER, 1, "", smpp.ESME_RINVPASWD)
    (event,) = smpp_dialect().feed(answer)
    assert event == LoggedIn(False, "invalid password (0x0000000e)")


def test_smpp_ids_that_receipts_write_in_decimal() -> None:
    dialect = smpp_dialect(receipt_ids="decimal")
    frame = smpp.pdu(smpp.Command.SUBMIT_SM | smpp.RESPONSE, 3, b"1A2B\0")
    assert dialect.feed(frame) == [Answered(3, "ok", "6699")]


@pytest.mark.parametrize(
    ("body", "tlvs", "expected"),
    [
        (b"id:77 sub:001 dlvrd:001 submit date:2603021200 done date:2603021201 stat:DELIVRD err:000 text:",
         b"", ("77", True, "DELIVRD")),
        (b"id:77 sub:001 dlvrd:000 stat:UNDELIV err:034 text:", b"", ("77", False, "UNDELIV err 034")),
        (b"ID:abc STAT:delivrd", b"", ("abc", True, "DELIVRD")),
        (b"", smpp.tlv(0x1E, b"9\0") + smpp.tlv(0x427, b"\2"), ("9", True, "DELIVRD")),
        (b"id:1 stat:DELIVRD", smpp.tlv(0x1E, b"9\0") + smpp.tlv(0x427, b"\5"), ("9", False, "UNDELIV")),
        (b"id:77 stat:ENROUTE", b"", ("77", None, "ENROUTE")),
    ],
)  # fmt: skip
def test_smpp_receipts_as_gateways_write_them(
    body: bytes, tlvs: bytes, expected: tuple[str, bool | None, str]
) -> None:
    data = smpp.delivery(
        smpp.Command.DELIVER_SM, 1, source="1", destination="2", esm_class=4, octets=body, tlvs=tlvs
    )
    (event,) = smpp_dialect().feed(data)
    assert isinstance(event, PartReceipt)
    assert (event.ref, event.delivered, event.detail) == expected


def test_smpp_parts_by_optional_parameters() -> None:
    dialect, side = smpp_dialect(long_messages="sar"), side_of("smpp")
    for part in parts_of("请" * 100, reference=9):
        (event,) = side.feed(dialect.submit(2, Submission("138", part, 60)))
        assert (event.header, event.text) == (b"", decoded(part.octets, part.coding))
    tlvs = smpp.tlv(0x20C, b"\0\7") + smpp.tlv(0x20E, b"\2") + smpp.tlv(0x20F, b"\1")
    data = smpp.delivery(smpp.Command.DELIVER_SM, 1, source="1", destination="2", octets=b"Y", tlvs=tlvs)
    (incoming,) = dialect.feed(data)
    assert isinstance(incoming, Incoming)
    assert incoming.header == bytes((6, 8, 4, 0, 7, 2, 1))


def test_smpp_a_relative_validity_is_never_absurd() -> None:
    assert smpp.validity_period(300) == b"000000000500000R\0"
    assert smpp.validity_period(0) == b"000000000100000R\0"
    assert smpp.validity_period(10**9) == b"000300000000000R\0"


# -- what means nothing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 1, 15, 2**31, 2**32 - 1])
def test_a_length_that_cannot_be_ends_the_stream_once(length: int) -> None:
    dialect = smpp_dialect()
    (event,) = dialect.feed(length.to_bytes(4, "big") + bytes(40))
    assert isinstance(event, Nonsense)
    assert event.fatal


def test_what_is_no_command_is_answered_as_the_protocol_says() -> None:
    (event,) = smpp_dialect().feed(smpp.pdu(0x77, 9))
    assert isinstance(event, Nonsense)
    assert event.answer == smpp.pdu(smpp.Command.GENERIC_NACK, 9, status=smpp.ESME_RINVCMDID)
    (event,) = cmpp_dialect().feed(cmpp.pdu(0x77, 9))
    assert isinstance(event, Nonsense)


@given(st.binary(max_size=300), st.lists(st.integers(1, 40), max_size=10))
def test_frames_come_out_the_same_however_the_stream_is_cut(body: bytes, cuts: list[int]) -> None:
    frames = [smpp.pdu(0x15, n, body[: n * 20]) for n in range(5)]
    stream = b"".join(frames)
    deframer, found, at = Deframer(16), [], 0
    for cut in [*cuts, len(stream)]:
        found += list(deframer.feed(stream[at : at + cut]))
        at += cut
    assert found == frames


@pytest.mark.parametrize("name", DIALECTS)
@given(st.binary(max_size=600))
@settings(max_examples=2000 if CAMPAIGN else 60)
def test_no_bytes_raise(name: str, data: bytes) -> None:
    DIALECTS[name]().feed(data)
    SIDES[name]("secret", lambda: False).feed(data)


@pytest.mark.parametrize("name", DIALECTS)
def test_damaged_messages_raise_nothing_and_good_ones_after_them_are_read(name: str) -> None:
    """Bits are turned in the bodies of good messages; lengths stay, so that the stream can be followed."""
    rounds = 20_000 if CAMPAIGN else 300
    chance = random.Random(7)
    dialect, side = DIALECTS[name](), side_of(name)
    (part,) = parts_of("您好")
    good = dialect.check_link(3)
    read = (DIALECTS[name]().feed(good), SIDES[name]("x", lambda: False).feed(good))
    for _ in range(rounds):
        for make in (
            lambda: side.incoming(3, "13800138000", "10086", "预约 缴费", "5")[0],
            lambda: dialect.submit(4, Submission("13800138000", part, 60)),
        ):
            damaged = bytearray(make())
            for _ in range(chance.randint(1, 6)):
                damaged[chance.randrange(4, len(damaged))] ^= 1 << chance.randrange(8)
            for each, last in zip((DIALECTS[name](), SIDES[name]("x", lambda: False)), read, strict=True):
                assert each.feed(bytes(damaged) + good)[-1:] == last
