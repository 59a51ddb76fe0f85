"""The SYN6288 announcer: its bytes, long texts in pieces, and what a name cannot do."""

from __future__ import annotations

import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from somc_hal import Phrase, Truth
from somc_hal.codecs.frames import Frame
from somc_hal.profiles import load
from somc_hal.testing import simulated
from somc_plugins.syn6288 import DRIVERS
from somc_plugins.syn6288.drivers import TEXT_LIMIT_BYTES, Said, SaidDecoder, pieces
from somc_plugins.syn6288.simulators import Syn6288Simulator

(SPEC,) = DRIVERS


async def test_the_bytes_of_an_announcement() -> None:
    async with simulated(SPEC, "memory", simulator=Syn6288Simulator)(volume=7) as bench:
        await bench.start()
        await bench.driver.wait_online()
        bench.simulator.s_per_cell = 0
        assert await bench.driver.announce([Phrase("请 A001 号"), Phrase("到 3 号窗口")]) is Truth.YES
        body = b"\x01[v7]" + "请 A001 号。到 3 号窗口".encode("gbk")
        assert load("syn6288").codec().encode(Frame((0x01,), body)) in bench.simulator.raw
        assert bench.simulator.volume == 7
        assert bytes.fromhex("fd 00 02 21 de") in bench.simulator.raw


async def test_a_name_cannot_command_the_chip() -> None:
    async with simulated(SPEC, "memory", simulator=Syn6288Simulator)() as bench:
        await bench.start()
        await bench.driver.wait_online()
        bench.simulator.s_per_cell = 0
        await bench.driver.announce([Phrase("[v0]王\x1b[m9]\n五")])
        assert bench.simulator.volume == 10
        assert [said.phrases[0].text for said in bench.simulator.spoken] == ["v0 王  m9  五"]


async def test_a_long_text_is_spoken_in_pieces_and_whole(autojump_clock: MockClock) -> None:
    async with simulated(SPEC, "memory", simulator=Syn6288Simulator)(answer_timeout_s=0.5) as bench:
        await bench.start()
        await bench.driver.wait_online()
        bench.simulator.s_per_cell = 0.01
        text = "，".join(f"请第{number}位客户到窗口办理业务" for number in range(20))
        assert await bench.driver.announce([Phrase(text)]) is Truth.YES
        said = [spoken.phrases[0].text for spoken in bench.simulator.spoken]
        assert len(said) >= 3
        assert "".join(said) == text
        assert all(spoken.whole for spoken in bench.simulator.spoken)


async def test_a_lost_end_is_found_out_by_asking(autojump_clock: MockClock) -> None:
    async with simulated(SPEC, "memory", simulator=Syn6288Simulator)() as bench:
        await bench.start()
        await bench.driver.wait_online()
        bench.simulator.s_per_cell = 0.001

        async def lose_the_end() -> None:
            await bench.until(lambda: bench.simulator.speaking)
            await bench.driver.wait_idle()
            bench.simulator.mute()
            await bench.until(lambda: bool(bench.simulator.spoken))
            await trio.sleep(0.001)
            bench.simulator.unmute()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(lose_the_end)
            assert await bench.driver.announce([Phrase("请A1")]) is Truth.YES


@given(st.text(max_size=300), st.integers(4, TEXT_LIMIT_BYTES))
def test_pieces_fit_and_lose_no_sign(text: str, limit: int) -> None:
    cut = pieces(text, limit)
    assert all(0 < len(piece.encode("gbk", errors="replace")) <= limit for piece in cut)
    assert "[" not in "".join(cut)


@given(st.text(alphabet="请到号窗口，。A1", max_size=200))
def test_pieces_together_are_the_text(text: str) -> None:
    assert "".join(pieces(text, 20)) == text


def test_only_the_chips_answers_are_read() -> None:
    assert SaidDecoder().feed(bytes(range(256))) == [
        Said.UNDERSTOOD,
        Said.NOT_UNDERSTOOD,
        Said.STARTED,
        Said.SPEAKING,
        Said.SILENT,
    ]
