"""A display's content goes out at once if the line is free; what is left of it is the supervisor's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from somc_hal.exchange import Exchange
from somc_hal.outbox import Slot
from somc_hal.port import LinkReport, Port, Timing
from somc_hal.status import Truth

TIMING = Timing(answer_timeout_s=0.5, attempts=2, heartbeat_s=5.0, backoff_first_s=1.0, jitter=0.0)


class Line(trio.abc.Stream):
    """A line that takes `takes` bytes at once. What was written is in `written`; the test answers."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.takes = 1000
        self.broken = False
        self._answer, self._answers = trio.open_memory_channel[bytes](10)

    def says(self, data: bytes) -> None:
        self._answer.send_nowait(data)

    def send_nowait(self, data: bytes) -> int:
        if self.broken:
            raise trio.BrokenResourceError("pulled")
        if taken := data[: self.takes]:
            self.written.append(taken)
        return len(taken)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        self.written.append(bytes(data))

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return await self._answers.receive()

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


class Show(Exchange[bytes]):
    """`text` is written; `text!` answers it. Without `wanted` it is one-way."""

    def __init__(self, text: bytes, *, wanted: bool = True, attempts: int = 2) -> None:
        super().__init__("board", "show", timeout_s=TIMING.answer_timeout_s, attempts=attempts)
        self._text = text
        self._wanted = wanted

    def frames(self) -> Sequence[bytes]:
        return (self._text,)

    @property
    def answers(self) -> bool:
        return self._wanted

    def hears(self, frame: bytes) -> bool:
        if frame != self._text + b"!":
            return False
        self.end(Truth.YES)
        return True


class Echo:
    """The dialect: an enquiry `?`; an event `key` is acknowledged with `ok`."""

    def opened(self) -> None:
        pass

    def feed(self, data: bytes) -> Sequence[bytes]:
        return (data,)

    def polls(self) -> Sequence[Exchange[bytes]]:
        return (Show(b"?"),)

    def settled(self) -> bool:
        return True

    def unasked(self, frame: bytes) -> bytes:
        return b"ok" if frame == b"key" else b""


@dataclass
class Bench:
    line: Line
    port: Port[bytes]
    slot: Slot[bytes]
    told: list[LinkReport] = field(default_factory=list)

    def put(self, text: bytes, *, wanted: bool = True) -> int:
        def make() -> Exchange[bytes]:
            return Show(text, wanted=wanted)

        return self.slot.put(make)


Opened = Callable[[], AbstractAsyncContextManager[Bench]]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    @asynccontextmanager
    async def bench() -> AsyncIterator[Bench]:
        line = Line()

        async def link(url: str, timeout_s: float) -> trio.abc.Stream:
            await trio.lowlevel.checkpoint()
            return line

        monkeypatch.setattr("somc_hal.port.opened_link", link)
        told: list[LinkReport] = []
        port: Port[bytes] = Port(
            "board", "memory://board", Echo(), TIMING, queue_limit=4, on_link=told.append
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(port.run)
            line.says(b"?!")
            await port.wait_online()
            await wait_all_tasks_blocked()
            line.written.clear()
            yield Bench(line, port, port.slot(), told)
            nursery.cancel_scope.cancel()

    return bench


async def test_a_content_is_written_before_anybody_else_runs(
    opened: Opened, autojump_clock: MockClock
) -> None:
    async with opened() as bench:
        version = bench.put(b"A1")
        assert bench.line.written == [b"A1"]
        assert bench.port.busy
        bench.line.says(b"A1!")
        assert await bench.slot.wait(version, 60) is Truth.YES
        assert not bench.port.busy


async def test_of_what_comes_meanwhile_the_newest_follows_the_answer(
    opened: Opened, autojump_clock: MockClock
) -> None:
    async with opened() as bench:
        for text in (b"A1", b"A2", b"A3"):
            bench.put(text)
        await wait_all_tasks_blocked()
        assert bench.line.written == [b"A1"]
        bench.line.says(b"A1!")
        await wait_all_tasks_blocked()
        assert bench.line.written == [b"A1", b"A3"]
        bench.line.says(b"A3!")
        await bench.port.wait_idle()


@pytest.mark.parametrize("wanted", [True, False], ids=["answered", "one-way"])
async def test_showing_without_end_lets_others_run(
    opened: Opened, autojump_clock: MockClock, wanted: bool
) -> None:
    turns = 0

    async def somebody_else() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with opened() as bench, trio.open_nursery() as nursery:
        nursery.start_soon(somebody_else)
        for number in range(100):
            await bench.slot.wait(bench.put(b"A%d" % number, wanted=wanted), 0)
        assert turns >= 50
        nursery.cancel_scope.cancel()


async def test_a_content_that_went_out_at_once_costs_no_turn_of_the_loop_but_can_be_cancelled(
    opened: Opened, autojump_clock: MockClock
) -> None:
    async with opened() as bench:
        ran = False

        async def somebody_else() -> None:
            nonlocal ran
            ran = True

        async with trio.open_nursery() as nursery:
            nursery.start_soon(somebody_else)
            assert await bench.slot.wait(bench.put(b"A1"), 0) is Truth.UNKNOWN
            assert not ran
        bench.line.says(b"A1!")
        await bench.port.wait_idle()
        with trio.CancelScope() as scope:
            scope.cancel()
            await bench.slot.wait(bench.put(b"A2"), 0)
        assert scope.cancelled_caught


async def test_silence_is_noticed_in_the_answers_time(opened: Opened, autojump_clock: MockClock) -> None:
    async with opened() as bench:
        version = bench.put(b"A1")
        assert await bench.slot.wait(version, 2 * TIMING.answer_timeout_s + 0.1) is Truth.UNKNOWN
        assert bench.line.written[:2] == [b"A1", b"A1"]
        assert not bench.told[-1].up


async def test_an_answer_that_lies_unread_while_the_process_stands_still_counts(
    opened: Opened, mock_clock: MockClock
) -> None:
    async with opened() as bench:
        version = bench.put(b"A1")
        mock_clock.jump(TIMING.answer_timeout_s + 0.3)
        await wait_all_tasks_blocked()
        assert bench.line.written == [b"A1"], "sent again before it was looked whether the answer is there"
        bench.line.says(b"A1!")
        assert await bench.slot.wait(version, 60) is Truth.YES
        assert bench.port.online


async def test_a_process_that_is_always_late_still_notices_silence(
    opened: Opened, mock_clock: MockClock
) -> None:
    async with opened() as bench:
        bench.put(b"A1")
        for _ in range(2 * 2):  # two attempts, each with its time twice
            assert bench.port.online
            mock_clock.jump(TIMING.answer_timeout_s + 0.3)
            await wait_all_tasks_blocked()
        assert not bench.port.online


async def test_a_command_takes_its_turn_before_the_next_content(
    opened: Opened, autojump_clock: MockClock
) -> None:
    async with opened() as bench:
        bench.put(b"A1")
        bench.put(b"A2")
        bench.port.submit(Show(b"print"))
        bench.line.says(b"A1!")
        await wait_all_tasks_blocked()
        assert bench.line.written == [b"A1", b"print"]
        bench.line.says(b"print!")
        await wait_all_tasks_blocked()
        assert bench.line.written == [b"A1", b"print", b"A2"]


@pytest.mark.parametrize("wanted", [True, False])
async def test_what_the_line_does_not_take_follows_whole(
    opened: Opened, wanted: bool, autojump_clock: MockClock
) -> None:
    async with opened() as bench:
        bench.line.takes = 1
        version = bench.put(b"A1", wanted=wanted)
        bench.line.says(b"key")
        bench.put(b"B2", wanted=wanted)
        assert bench.line.written == [b"A"]
        if wanted:
            await wait_all_tasks_blocked()
            bench.line.says(b"A1!")
        await bench.slot.wait(version, 60)
        await wait_all_tasks_blocked()
        sent = b"".join(bench.line.written)
        assert sent in (b"A1okB2", b"A1B2ok")


async def test_one_way_contents_go_out_one_after_the_other(opened: Opened, autojump_clock: MockClock) -> None:
    async with opened() as bench:
        assert await bench.slot.wait(bench.put(b"A1", wanted=False), 60) is Truth.UNKNOWN
        bench.put(b"A2", wanted=False)
        assert bench.line.written == [b"A1", b"A2"]
        await bench.port.wait_idle()


async def test_a_line_that_breaks_under_a_content_is_reported_and_the_content_kept(
    opened: Opened, autojump_clock: MockClock
) -> None:
    async with opened() as bench:
        bench.line.broken = True
        bench.put(b"A1")
        await wait_all_tasks_blocked()
        assert not bench.port.online
        assert not bench.told[-1].up
        bench.line.broken = False
        bench.line.says(b"?!")
        await bench.port.wait_online()
        await wait_all_tasks_blocked()
        assert bench.line.written[-1] == b"A1"
