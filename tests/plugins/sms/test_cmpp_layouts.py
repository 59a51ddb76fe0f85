"""The dialect against the specification's tables: a hall says these octets, and reads those."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from somc_plugins.sms.dialect import (
    Answered,
    Incoming,
    LinkAnswered,
    LinkChecked,
    LoggedIn,
    PartReceipt,
    Submission,
    TheyLeave,
)
from somc_plugins.sms.text import parts_of
from somc_plugins.sms_cmpp.config import CmppGateway
from somc_plugins.sms_cmpp.dialect import CmppDialect
from tests.plugins.sms import cmpp_layouts as t

CHINA = timezone(timedelta(hours=8))
NOW = int(datetime(2026, 7, 8, 2, 49, 5, tzinfo=CHINA).astimezone(UTC).timestamp())


@pytest.fixture(params=("2.0", "3.0"))
def version(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def dialect_of(version: Any) -> CmppDialect:
    settings = CmppGateway(host="x", version=version, sp_id="901234", source="10086", service="HALL")
    return CmppDialect(settings, "shanghai")


def logged_in(version: str) -> CmppDialect:
    dialect = dialect_of(version)
    dialect.login(1, NOW)
    assert dialect.feed(t.connect_answer(version)) == [LoggedIn(True)]
    return dialect


def test_a_hall_says_what_the_tables_say(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dialect = dialect_of(version)
    # The validity counts from the login on the machine's own clock.
    monkeypatch.setattr("somc_plugins.sms_cmpp.dialect.time.monotonic", lambda: 5.0)
    assert dialect.login(1, NOW) == t.connect(version)
    (part,) = parts_of("您好")
    assert dialect.submit(2, Submission("13800138000", part, 600)) == t.submit(version)
    assert dialect.check_link(3) == t.active_test(version)
    assert dialect.leave(9) == t.terminate(version)


def test_a_hall_reads_what_the_tables_say(version: str) -> None:
    dialect = logged_in(version)
    (busy,) = dialect.feed(t.submit_answer(version))
    assert isinstance(busy, Answered)
    assert (busy.sequence, busy.verdict) == (2, "busy")
    (written,) = dialect.feed(t.deliver(version))
    assert isinstance(written, Incoming)
    assert (written.sender, written.receiver, written.text) == ("13800138000", "10086", "预约")
    assert written.ref == t.MESSAGE_ID
    assert written.ack == t.deliver_answer(version)
    (receipt,) = dialect.feed(t.report(version))
    assert isinstance(receipt, PartReceipt)
    assert (receipt.ref, receipt.delivered, receipt.detail) == (t.MESSAGE_ID, True, "DELIVRD")
    assert dialect.feed(t.active_test(version)) == [LinkChecked(t.active_test_answer(version))]
    assert dialect.feed(t.active_test_answer(version)) == [LinkAnswered()]
    assert dialect.feed(t.terminate(version)) == [TheyLeave(t.terminate_answer(version))]
    assert dialect.feed(t.terminate_answer(version)) == []


def test_a_proof_that_the_rule_does_not_give_is_told(version: str) -> None:
    dialect = dialect_of(version)
    dialect.login(1, NOW)
    answer = bytearray(t.connect_answer(version))
    answer[-2] ^= 1
    (login,) = dialect.feed(bytes(answer))
    assert isinstance(login, LoggedIn)
    assert "authenticator" in login.warning


@pytest.mark.parametrize(
    ("message", "old", "new"),
    [
        ("connect", 39, 39),
        ("connect_answer", 30, 33),
        ("submit", 12 + 8 + 4 + 10 + 1 + 21 + 3 + 14 + 34 + 21 + 1 + 21 + 1 + 4 + 8, 199),
        ("submit_answer", 21, 24),
        ("deliver", 12 + 8 + 21 + 10 + 3 + 21 + 2 + 4 + 8, 113),
        ("deliver_answer", 21, 24),
        ("report", 145, 180),
        ("active_test", 12, 12),
        ("active_test_answer", 13, 13),
        ("terminate", 12, 12),
        ("terminate_answer", 12, 12),
    ],
)
def test_the_tables_add_up(message: str, old: int, new: int) -> None:
    assert (len(t.MESSAGES[message]("2.0")), len(t.MESSAGES[message]("3.0"))) == (old, new)
