"""A session with a gateway over TCP, for each protocol: submit, answer, break off, throttle, come back."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio

from somc.api import Inbound, Outgoing, Receipt, Refused, Sent, Store, Unsent
from somc.runtime.plugins.store import FileStore
from somc_plugins.sms import parts as parts_module
from somc_plugins.sms.channel import SmsChannel
from somc_plugins.sms.gate import Gate
from somc_plugins.sms_cmpp import channel_of as cmpp_channel
from somc_plugins.sms_cmpp.config import CmppGateway
from somc_plugins.sms_cmpp.gate import CmppSide
from somc_plugins.sms_smpp import channel_of as smpp_channel
from somc_plugins.sms_smpp.config import SmppGateway
from somc_plugins.sms_smpp.gate import SmppSide

PROTOCOLS = ("smpp", "cmpp 2.0", "cmpp 3.0")
PATIENCE_S = 20.0
QUICK = {"answer_s": 0.4, "check_s": 0.3, "reconnect_s": 0.02}


@dataclass
class Host:
    """What the hall would be: it keeps what it is told."""

    states: list[str] = field(default_factory=list)
    told: list[Receipt] = field(default_factory=list)
    written: list[Inbound] = field(default_factory=list)
    fails: bool = False
    details: list[str] = field(default_factory=list)

    async def receipts(self, receipts: Sequence[Receipt]) -> None:
        await trio.lowlevel.checkpoint()
        if self.fails:
            raise RuntimeError("the disk is full")
        self.told += receipts

    async def inbound(self, messages: Sequence[Inbound]) -> None:
        await trio.lowlevel.checkpoint()
        if self.fails:
            raise RuntimeError("the disk is full")
        self.written += messages

    def report(self, status: str, detail: str = "") -> None:
        self.states.append(status)
        self.details.append(detail)

    @property
    def up(self) -> bool:
        return bool(self.states) and self.states[-1] == "up"


@dataclass
class Line:
    gate: Gate
    channel: SmsChannel
    host: Host

    async def wait(self, holds: Callable[[], bool]) -> None:
        with trio.fail_after(PATIENCE_S):
            while not holds():  # noqa: ASYNC110 - two processes' worth of sockets: nothing says so
                await trio.sleep(0.002)

    async def send(self, *texts: str, to: str = "13800138000") -> Sequence[Any]:
        batch = [Outgoing(f"m{n}", to, text, 600) for n, text in enumerate(texts)]
        with trio.fail_after(PATIENCE_S):
            return await self.channel.send(batch)


def made(protocol: str, port: int, store: Store, **more: Any) -> SmsChannel:
    log = structlog.get_logger()
    given: dict[str, Any] = {"host": "127.0.0.1", "port": port, "password": "secret", **more}
    if protocol == "smpp":
        return smpp_channel("gw", SmppGateway(system_id="hall", source="10086", **given), store, log)
    version: Any = protocol.split()[1]
    settings = CmppGateway(version=version, sp_id="900001", source="10086", **given)
    return cmpp_channel("gw", settings, store, log)


@asynccontextmanager
async def lined(
    protocol: str,
    prepare: Callable[[Gate], None] = lambda gate: None,
    folder: Path | None = None,
    **more: Any,
) -> AsyncIterator[Line]:
    with tempfile.TemporaryDirectory() as passing:
        store = FileStore((folder or Path(passing)) / "store.sqlite3", bytes(32))
        try:
            async with opened(protocol, prepare, store, **more) as line:
                yield line
        finally:
            await store.close()


@asynccontextmanager
async def opened(
    protocol: str, prepare: Callable[[Gate], None], store: Store, **more: Any
) -> AsyncIterator[Line]:
    gate = Gate(SmppSide if protocol == "smpp" else CmppSide)
    prepare(gate)
    host = Host()
    async with trio.open_nursery() as nursery:
        port = await nursery.start(gate.run)
        channel = made(protocol, port, store, **{**QUICK, **more})
        await nursery.start(channel.run, host)
        line = Line(gate, channel, host)
        yield line
        nursery.cancel_scope.cancel()


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


async def test_a_batch_is_sent_and_its_receipts_come(protocol: str) -> None:
    async with lined(protocol) as line:
        await line.wait(lambda: line.host.up)
        texts = ["hello", "您好", "请" * 150, "😀" * 80]
        outcomes = {each.message: each for each in await line.send(*texts)}
        assert all(isinstance(each, Sent) for each in outcomes.values())
        assert [len(outcomes[f"m{n}"].refs) for n in range(4)] == [1, 1, 3, 3]
        refs = [ref for each in outcomes.values() for ref in each.refs]
        await line.wait(lambda: len(line.host.told) == len(refs))
        assert {receipt.ref for receipt in line.host.told} == set(refs)
        assert all(receipt.delivered for receipt in line.host.told)
        await line.wait(lambda: line.gate.acknowledged == len(refs))
        assert "".join(taken.text for taken in line.gate.taken) == "".join(texts)


async def test_a_window_is_never_overrun(protocol: str) -> None:
    most = 0

    def watch(gate: Gate) -> None:
        gate.delay_s = 0.01

    async with lined(protocol, watch, window=4) as line:
        await line.wait(lambda: line.host.up)

        async def look() -> None:
            nonlocal most
            while True:
                session = line.channel._session
                most = max(most, session.unanswered if session else 0)
                await trio.sleep(0.001)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(look)
            outcomes = await line.send(*["x"] * 40)
            nursery.cancel_scope.cancel()
        assert all(isinstance(each, Sent) for each in outcomes)
        assert most == 4


async def test_a_wrong_number_is_refused_for_good_and_a_system_error_is_not(protocol: str) -> None:
    def refusing(gate: Gate) -> None:
        gate.refuse = lambda to: {"1": "never", "2": "refused"}.get(to)

    async with lined(protocol, refusing) as line:
        await line.wait(lambda: line.host.up)
        batch = [Outgoing("a", "1", "x", 60), Outgoing("b", "2", "请" * 100, 60), Outgoing("c", "3", "x", 60)]
        outcomes = {each.message: each for each in await line.channel.send(batch)}
        assert isinstance(outcomes["a"], Refused)
        assert outcomes["a"].permanent
        assert isinstance(outcomes["b"], Refused)
        assert not outcomes["b"].permanent
        assert isinstance(outcomes["c"], Sent)


async def test_a_gateway_that_is_too_busy_gets_everything_in_the_end(protocol: str) -> None:
    def busy(gate: Gate) -> None:
        gate.throttle = 5

    async with lined(protocol, busy) as line:
        await line.wait(lambda: line.host.up)
        outcomes = await line.send(*[f"text {n}" for n in range(20)])
        assert all(isinstance(each, Sent) for each in outcomes)
        assert sorted(taken.text for taken in line.gate.taken) == sorted(f"text {n}" for n in range(20))
        assert line.gate.submissions > 20


async def test_what_is_never_answered_counts_as_unsent(protocol: str) -> None:
    def dropping(gate: Gate) -> None:
        gate.drop = 3

    async with lined(protocol, dropping) as line:
        await line.wait(lambda: line.host.up)
        outcomes = await line.send(*["x"] * 9)
        kinds = [type(each) for each in outcomes]
        assert (kinds.count(Unsent), kinds.count(Sent)) == (3, 6)


async def test_a_broken_connection_leaves_nobody_waiting_and_is_made_again(protocol: str) -> None:
    def slow(gate: Gate) -> None:
        gate.delay_s = 0.2

    async with lined(protocol, slow) as line:
        await line.wait(lambda: line.host.up)

        async def cut_soon() -> None:
            await line.wait(lambda: line.gate.submissions > 0)
            await line.gate.go_away()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(cut_soon)
            outcomes = await line.send(*["x"] * 10)
        assert {type(each) for each in outcomes} == {Unsent}
        await line.wait(lambda: not line.host.up)
        assert [type(each) for each in await line.send("y")] == [Unsent]
        await line.wait(lambda: "cannot connect" in line.host.details[-1])
        line.gate.delay_s = 0.0
        await line.gate.come_back()
        await line.wait(lambda: line.host.up)
        assert [type(each) for each in await line.send("z")] == [Sent]
        assert line.channel.connections == 2


async def test_who_is_not_let_in_says_why(protocol: str) -> None:
    async with lined(protocol, password="wrong") as line:
        await line.wait(lambda: len(line.host.states) > 3)
        assert "up" not in line.host.states
        assert "not let in" in line.host.details[-1]


async def test_a_silent_link_is_asked_and_then_given_up(protocol: str) -> None:
    async with lined(protocol) as line:
        await line.wait(lambda: line.host.up)
        await trio.sleep(0.8)  # time itself is what is tested: the link is asked every 0.3 s
        assert line.host.up
        deaf = line.gate._clients.copy()
        for client in deaf:
            client.side.feed = lambda data: []  # type: ignore[method-assign] # it reads, and says nothing
        await line.wait(lambda: not line.host.up)
        assert "nothing has come" in next(each for each in reversed(line.host.details) if each)
        await line.wait(lambda: line.host.up)


async def test_what_customers_write_arrives_whole_and_is_acknowledged(protocol: str) -> None:
    async with lined(protocol) as line:
        await line.wait(lambda: line.host.up)
        await line.gate.write("13800138000", "Y", ref="501")
        await line.gate.write("13800138000", "请" * 100, ref="502")
        await line.wait(lambda: len(line.host.written) == 2)
        assert [each.text for each in line.host.written] == ["Y", "请" * 100]
        assert {each.sender for each in line.host.written} == {"13800138000"}
        await line.wait(lambda: line.gate.acknowledged == 3)
        assert len({each.ref for each in line.host.written}) == 2


async def test_parts_that_were_acknowledged_outlive_the_hall(protocol: str, tmp_path: Path) -> None:
    """It dies between two parts of a message: what is acknowledged the gateway does not tell again."""
    text = "请" * 100 + "查" * 80
    async with lined(protocol, folder=tmp_path) as line:
        await line.wait(lambda: line.host.up)
        await line.gate.write("13800138000", text, parts=[0, 2])
        await line.wait(lambda: line.gate.acknowledged == 2)
        assert line.host.written == []
    async with lined(protocol, folder=tmp_path) as line:
        await line.wait(lambda: line.host.up)
        await line.gate.write("13800138000", text, parts=[1])
        await line.wait(lambda: line.gate.acknowledged == 1)
        assert [each.text for each in line.host.written] == [text]


async def test_a_part_of_what_the_hall_cannot_take_is_told_again_as_the_same_message(
    protocol: str, tmp_path: Path
) -> None:
    """The last part is not acknowledged before the whole is on disk; told twice, it has one name."""
    async with lined(protocol, folder=tmp_path) as line:
        await line.wait(lambda: line.host.up)
        line.host.fails = True
        await line.gate.write("13800138000", "请" * 100, parts=[0, 1])
        await line.wait(lambda: not any(client.unacknowledged for client in line.gate._clients))
        before = line.gate.acknowledged  # the first part may have come by itself
        assert before < 2
        assert line.host.written == []
        line.host.fails = False
        await line.gate.write("13800138000", "请" * 100, parts=[1])
        await line.wait(lambda: line.gate.acknowledged == before + 1)
        # The acknowledgement was lost: it comes once more, and is no new message.
        await line.gate.write("13800138000", "请" * 100, parts=[1])
        await line.wait(lambda: line.gate.acknowledged == before + 2)
        assert [each.text for each in line.host.written] == ["请" * 100]


async def test_what_never_becomes_whole_is_given_out_at_its_own_deadline(
    protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else comes after it."""
    async with lined(protocol) as line:
        await line.wait(lambda: line.host.up)
        await line.gate.write("13800138000", "请" * 100, parts=[0])
        await line.wait(lambda: line.gate.acknowledged == 1)
        assert line.host.written == []
        monkeypatch.setattr(parts_module, "PATIENCE_S", 0.0)
        await line.gate.write("13900139000", "查" * 100, parts=[1])
        await line.wait(lambda: len(line.host.written) == 2)
        assert sorted(each.text for each in line.host.written) == ["查" * 33, "请" * 67]


async def test_a_receipt_that_the_hall_cannot_write_down_is_not_acknowledged(protocol: str) -> None:
    async with lined(protocol) as line:
        await line.wait(lambda: line.host.up)
        line.host.fails = True
        await line.send("x")
        await line.wait(lambda: bool(line.gate._clients))
        await line.wait(lambda: not any(client.unacknowledged for client in line.gate._clients))
        assert (line.gate.acknowledged, line.host.told) == (0, [])


async def test_a_liar_is_not_believed_twice(protocol: str) -> None:
    def lying(gate: Gate) -> None:
        gate.lie = True

    async with lined(protocol, lying) as line:
        await line.wait(lambda: line.host.up)
        (sent,) = await line.send("x")
        await line.wait(lambda: len(line.host.told) == 3)
        assert [each.ref == sent.refs[0] for each in line.host.told] == [False, True, True]
        if protocol != "smpp":
            assert "authenticator" in line.host.details[line.host.states.index("up")]


async def test_a_rate_is_kept(protocol: str) -> None:
    async with lined(protocol, rate_per_s=40.0, window=100) as line:
        await line.wait(lambda: line.host.up)
        began_s = trio.current_time()
        await line.send(*["x"] * 30)
        assert trio.current_time() - began_s >= 20 / 40


async def test_cancelling_a_batch_takes_back_what_was_not_submitted(protocol: str) -> None:
    def slow(gate: Gate) -> None:
        gate.delay_s = 5.0

    async with lined(protocol, slow, window=2, answer_s=10.0) as line:
        await line.wait(lambda: line.host.up)
        with trio.move_on_after(0.2):
            await line.send(*["x"] * 10)
        assert line.gate.submissions == 2


async def test_a_gate_is_driven_by_orders(protocol: str) -> None:
    async with lined(protocol) as line:
        await line.wait(lambda: line.host.up)
        assert await line.gate.do("throttle 3") == "done"
        assert line.gate.throttle == 3
        assert await line.gate.do("write 13800138000 CX") == "done"
        await line.wait(lambda: bool(line.host.written))
        assert await line.gate.do("status") == "1 in, 0 submitted, 0 taken"
        assert "known:" in await line.gate.do("dance")
        assert (await line.gate.do("throttle x")).startswith("not done")
        assert await line.gate.do("down") == "done"
        await line.wait(lambda: not line.host.up)
        assert await line.gate.do("up") == "done"
        await line.wait(lambda: line.host.up)


def test_a_password_file_must_be_private(tmp_path: Any) -> None:
    path = tmp_path / "secret"
    path.write_text("abc\n")
    path.chmod(0o644)
    settings = SmppGateway(host="x", system_id="a", password_file=str(path))
    with pytest.raises(ValueError, match="chmod 600"):
        settings.secret()
    path.chmod(0o600)
    assert settings.secret() == "abc"
