"""A serial line takes a frame at once and needs its time to send it: that is no silence of the device."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import trio
from trio.testing import MockClock

from somc_hal.conversation import Conversation
from somc_hal.exchange import Exchange
from somc_hal.links import open_link
from somc_hal.links.capture import RecordingStream
from somc_hal.simulators import StripDisplaySimulator, hosted
from somc_hal.status import Truth
from somc_hal.turn import Turn

FRAME = bytes(192)
BYTE_S = 10 / 9600


class SlowLine(trio.abc.Stream):
    """A kernel's buffer before 9600 Bd; the device answers `b"!"` when the last byte of a frame is out."""

    byte_s = BYTE_S

    def __init__(self, answers: bool = True) -> None:
        self.written = 0
        self._answers = answers
        self._out_at = 0.0
        self._due, self._said = trio.open_memory_channel[float](10)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        self.written += 1
        self._out_at = max(self._out_at, trio.current_time()) + len(data) * BYTE_S
        if self._answers:
            self._due.send_nowait(self._out_at)

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.sleep_until(await self._said.receive())
        return b"!"

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


class Show(Exchange[bytes]):
    def frames(self) -> Sequence[bytes]:
        return (FRAME,)

    def hears(self, frame: bytes) -> bool:
        self.end(Truth.YES)
        return True


async def _performed(line: SlowLine) -> tuple[bool, float]:
    talk: Conversation[bytes] = Conversation(
        line, Turn(), Turn(), feed=lambda data: [data], unasked=lambda frame: b"", frame_timeout_s=1.0
    )
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(talk.read)
        answered = await talk.perform(Show("strip", "show", timeout_s=0.1, attempts=2))
        nursery.cancel_scope.cancel()
    return answered, trio.current_time() - began


async def test_a_frame_that_needs_longer_than_the_answer_may_is_sent_once(autojump_clock: MockClock) -> None:
    line = SlowLine()
    answered, took_s = await _performed(line)
    assert answered
    assert line.written == 1
    assert took_s == pytest.approx(len(FRAME) * BYTE_S)


async def test_a_silent_device_is_waited_for_no_longer_than_its_line_needs(autojump_clock: MockClock) -> None:
    answered, took_s = await _performed(SlowLine(answers=False))
    assert not answered
    assert took_s == pytest.approx(2 * (len(FRAME) * BYTE_S + 0.1))


@pytest.mark.parametrize("scheme", ["serial", "serial+aio", "record+serial", "pty"])
async def test_a_link_knows_its_speed(scheme: str, tmp_path: object) -> None:
    async with hosted(StripDisplaySimulator(), "pty") as host:
        path = host.url.removeprefix("pty://")
        more = {"pty": "", "record+serial": f"&record={tmp_path}/wire.jsonl"}.get(scheme, "")
        baud = "" if scheme == "pty" else "?baud=9600"
        link = await open_link(f"{scheme}://{path}{baud}{more}")
        async with link:
            assert isinstance(link, RecordingStream) == scheme.startswith("record")
            assert link.byte_s == pytest.approx(0 if scheme == "pty" else BYTE_S)
