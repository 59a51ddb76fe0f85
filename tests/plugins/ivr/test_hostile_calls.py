"""Calls in which something is not as it should be: the line, the caller, Asterisk, the hall itself."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio

from somc.errors import SomcError
from somc_plugins.ivr_fastagi import calls as calls_module
from somc_plugins.ivr_fastagi.acts import Acts
from tests.plugins.ivr.test_calls import CODE, booked, lined
from tests.plugins.ivr.test_dialogue import pack_of
from tests.server.rig import GOTONE_PHONE, PATIENCE_S


@pytest.mark.parametrize(
    "answer",
    [
        "HANGUP\n511 Command Not Permitted on a dead channel or intercept routine",
        "511 Command Not Permitted on a dead channel",
        "200 result=-1\nHANGUP",
        "",
    ],
)
async def test_a_caller_who_hangs_up_ends_the_dialogue_wherever_it_is(tmp_path: Path, answer: str) -> None:
    async with lined(tmp_path) as line:
        heard = await line.call("1", odd={"WAIT FOR DIGIT": answer})
        assert [each.partition(" ")[0] for each in heard.commands] == ["ANSWER", "EXEC", "WAIT"]
        assert heard.transferred is None
        assert line.bookings == []


async def test_a_file_that_asterisk_has_not_is_spoken(tmp_path: Path) -> None:
    """Older Asterisks say result 0, newer -1, neither of which is a caller who has left."""
    pack = pack_of(tmp_path / "pack", said=("X",))
    more = f'pack = "{pack}"\nsounds = "{tmp_path / "sounds"}"\nmenus = "{tmp_path / "menus.toml"}"'
    words = '[prompt.main]\nzh = "X"\nen = "X"\n'
    (tmp_path / "menus.toml").write_text(words, encoding="utf-8")
    async with lined(tmp_path, more) as line:
        for answer in ("200 result=0 endpos=0", "200 result=-1 endpos=0"):
            heard = await line.call("!", odd={"STREAM FILE": answer})
            assert [each.split(" ")[0] for each in heard.commands] == ["ANSWER", "STREAM", "EXEC", "WAIT"]
        heard = await line.call("!")
        assert [each.split(" ")[0] for each in heard.commands] == ["ANSWER", "STREAM", "WAIT"]


@pytest.mark.parametrize(
    "answer",
    [
        "200 result=-2",
        "510 Invalid or unknown command",
        "520-Invalid command syntax.  Proper usage follows:\nUsage: EXEC\n520 End of proper usage.",
    ],
)
async def test_an_asterisk_that_cannot_speak_puts_the_caller_through(tmp_path: Path, answer: str) -> None:
    async with lined(tmp_path) as line:
        heard = await line.call("1", odd={"EXEC": answer})
        assert heard.transferred == "agents,s,1"


async def test_a_fault_of_ours_puts_the_caller_through_and_harms_no_other_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: Acts, facts: Any) -> None:
        raise RuntimeError("a fault")

    async with lined(tmp_path) as line:
        with monkeypatch.context() as patch:
            patch.setattr(Acts, "_queue", broken)
            heard = await line.call("4")
            assert heard.transferred == "agents,s,1"
        assert "现在有0人等候。" in (await line.call("4!")).said


async def test_a_hash_after_the_last_digit_belongs_to_the_digits(tmp_path: Path) -> None:
    """Callers are told to end with it. It interrupts what is said next, which is then said again."""
    async with lined(tmp_path) as line:
        code = await booked(line)
        for hash_ in ("#", "~#"):
            heard = await line.call(f"3{code}{hash_}2!")
            assert "没有收到您的输入。" not in heard.said
            assert "输入有误，请重新输入。" not in heard.said
            assert heard.said.count("取消请按1，保留请按2。") == 1
        assert line.bookings[0].state == "booked"


async def test_nobody_hears_of_a_number_that_he_only_keyed_in(tmp_path: Path) -> None:
    async with lined(tmp_path) as line:
        await line.hall.take(phone=GOTONE_PHONE)
        withheld = {"agi_callingpres": "35"}
        # He books for that number (which gets the receipt), then asks for the place in line.
        heard = await line.call(f"1{GOTONE_PHONE}#111114!", number="13911112222", more=withheld)
        assert "预约成功" in heard.heard("预约成功")
        assert "现在有1人等候。" in heard.said


async def test_what_was_cancelled_can_be_booked_again_in_the_same_call(tmp_path: Path) -> None:
    async with lined(tmp_path) as line:
        first = await line.call("11211!", name="9.9")
        code = CODE.search(first.heard("预约成功"))
        assert code is not None
        plain = code[1].replace(" ", "")
        # The same name of a call, so the same key if it were made of the call and the slot alone.
        again = await line.call(f"3{plain}1111211!", name="9.9")
        other = CODE.search(again.heard("预约成功"))
        assert other is not None
        assert other[1] != code[1]
        assert sorted(each.state for each in line.bookings) == ["booked", "cancelled"]


async def test_late_slots_of_a_day_can_be_reached(tmp_path: Path) -> None:
    async with lined(tmp_path) as line:
        heard = await line.call("11299911!")
        assert heard.said.count("更多选择请按9。") >= 3
        (booking,) = line.bookings
        first = await line.call("11211!", name="2.2", number="13911112222")
        assert "预约成功" in first.heard("预约成功")
        assert booking.at != line.bookings[1].at


async def test_the_dialplan_chooses_the_language(tmp_path: Path) -> None:
    async with lined(tmp_path) as line:
        heard = await line.call("11211!", more={"agi_network_script": "en"})
        assert heard.said[0].startswith("Welcome to ")
        assert any(text.startswith("Booked") for text in heard.said)
        assert all(text.isascii() for text in heard.said), heard.said


async def test_a_silent_asterisk_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "SLACK_S", 0.05)
    async with lined(tmp_path) as line:
        for said in (b"", b"agi_callerid: 1\n", b"\n"):
            stream = await trio.open_tcp_stream("127.0.0.1", line.port)
            async with stream:
                await stream.send_all(said)
                with trio.fail_after(PATIENCE_S):
                    while await stream.receive_some(4096):
                        pass


async def test_a_line_without_an_end_is_given_up(tmp_path: Path) -> None:
    async with lined(tmp_path) as line:
        stream = await trio.open_tcp_stream("127.0.0.1", line.port)
        async with stream:
            with trio.fail_after(PATIENCE_S), suppress(trio.BrokenResourceError):
                await stream.send_all(b"a" * 5000)
                assert await stream.receive_some(4096) == b""


async def test_more_calls_than_allowed_are_turned_away_and_the_others_go_on(tmp_path: Path) -> None:
    async with lined(tmp_path, "most_calls = 2") as line:
        held = [await trio.open_tcp_stream("127.0.0.1", line.port) for _ in range(2)]
        for stream in held:
            await stream.send_all(b"\n")
            assert await stream.receive_some(100) == b"ANSWER\n"
        third = await trio.open_tcp_stream("127.0.0.1", line.port)
        with trio.fail_after(PATIENCE_S):
            assert await third.receive_some(100) == b""
        await held[0].send_all(b"200 result=0\n")
        with trio.fail_after(PATIENCE_S):
            assert (await held[0].receive_some(4096)).startswith(b"EXEC ")
        await _closed(*held, third)
        with trio.fail_after(PATIENCE_S):
            while True:
                heard = await line.call("4!")
                if heard.said:
                    break
        assert "现在有0人等候。" in heard.said


async def test_a_hall_that_stops_gives_its_callers_back_to_the_dialplan(tmp_path: Path) -> None:
    async with lined(tmp_path) as line:
        stream = await trio.open_tcp_stream("127.0.0.1", line.port)
        await stream.send_all(b"\n")
        assert await stream.receive_some(100) == b"ANSWER\n"
    with trio.fail_after(PATIENCE_S):
        assert await stream.receive_some(100) == b""
    await stream.aclose()


async def test_a_port_that_is_taken_stops_the_start_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    async with lined(tmp_path / "one") as line:
        with pytest.raises((ExceptionGroup, SomcError)) as caught:
            async with lined(tmp_path / "two", port=line.port):
                pass
        error: BaseException = caught.value
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        assert "in use" in str(error)


async def _closed(*streams: trio.SocketStream) -> None:
    for stream in streams:
        await stream.aclose()
