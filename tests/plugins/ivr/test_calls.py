"""Calls by key presses: book, hear the code, change, cancel, ask for the place, be put through."""

from __future__ import annotations

import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

import pytest
import trio

from somc.errors import SomcError
from somc.testing.channel import MemoryChannel
from tests.plugins.ivr.caller import call
from tests.server.rig import GOTONE_PHONE, HALL, UNKNOWN_PHONE, Running, running

IVR = """
[appointments]
capacity = 1
slot_s = 1800
lead_s = 600
[plugins]
enabled = ["ivr_fastagi"]
[plugin.ivr_fastagi]
port = {port}
{more}
"""
CODE = re.compile(r"预约码是([0-9 ]+)。")


@dataclass
class Line:
    hall: Running
    port: int

    async def call(self, script: str, **more: Any) -> Any:
        return await call(self.port, script, **more)

    @property
    def bookings(self) -> list[Any]:
        return list(self.hall.node.hall.state.bookings.all.values())


@asynccontextmanager
async def lined(folder: Path, more: str = "", port: int = 0) -> AsyncIterator[Line]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = port or free.getsockname()[1]
    async with running(folder, HALL + IVR.format(port=port, more=more)) as hall:
        yield Line(hall, port)


async def test_a_caller_books_with_key_presses_only_and_hears_the_confirmation(tmp_path: Path) -> None:
    """AP-04; and the receipt arrives by message."""
    async with lined(tmp_path) as line:
        gateway = MemoryChannel()
        line.hall.node.office.add_channels("test", [gateway])
        # Book; the first service, the second date, the first time; yes; then the line is left.
        heard = await line.call("11211!")
        assert heard.said[0].startswith("欢迎致电西单营业厅")
        assert "缴费请按1。" in heard.said
        confirmed = heard.heard("预约成功")
        (booking,) = line.bookings
        assert (booking.service, booking.channel, booking.state) == ("payment", "ivr", "booked")
        code = CODE.search(confirmed)
        assert code is not None
        assert await line.hall.node.hall.journal.code_of(booking.id) == code[1].replace(" ", "")
        with trio.fail_after(20):
            while not gateway.taken:  # noqa: ASYNC110 - the receipt follows in its own time
                await trio.sleep(0.01)
        assert gateway.taken[0].to == GOTONE_PHONE
        assert code[1].replace(" ", "") in gateway.taken[0].text.replace(" ", "")


async def booked(line: Line) -> str:
    heard = await line.call("11211!", name="first")
    code = CODE.search(heard.heard("预约成功"))
    assert code is not None
    return code[1].replace(" ", "")


async def test_an_appointment_is_changed_and_cancelled_by_its_code(tmp_path: Path) -> None:
    async with lined(tmp_path) as line:
        code = await booked(line)
        before = line.bookings[0].at
        heard = await line.call(f"2{code}32!", number="13911112222")
        assert "您预约了" in heard.heard("您预约了")
        assert "已改到" in heard.heard("已改到")
        assert line.bookings[0].at > before
        heard = await line.call(f"3{code}1!")
        assert "已取消" in heard.heard("已取消")
        assert line.bookings[0].state == "cancelled"
        heard = await line.call(f"3{code}!")
        assert line.bookings[0].state == "cancelled"


async def test_a_code_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    async with lined(tmp_path) as line:
        heard = await line.call("312345678901234!")
        assert not any("您预约了" in text for text in heard.said)
        assert any("返回主菜单" in text for text in heard.said)


async def test_place_in_line_by_telephone(tmp_path: Path) -> None:
    async with lined(tmp_path) as line:
        # Of one class: between two the policy decides, and so does the time that they have waited.
        await line.hall.take()
        await line.hall.take(phone=UNKNOWN_PHONE)
        heard = await line.call("4!", number=UNKNOWN_PHONE)
        assert "您的号码是A002，前面还有1人。" in heard.said
        heard = await line.call("4!", number="13922223333")
        assert "现在有2人等候。" in heard.said


async def test_a_caller_who_says_nothing_is_asked_again_for_a_minute_each_and_put_through(
    tmp_path: Path,
) -> None:
    async with lined(tmp_path) as line:
        heard = await line.call("----")
        assert heard.asked_s == [60, 60, 60, 60]
        assert heard.said.count("没有收到您的输入。") == 3
        assert heard.transferred == "agents,s,1"
        heard = await line.call("980")
        assert heard.said.count("输入有误，请重新输入。") == 2
        assert heard.transferred == "agents,s,1"


async def test_a_key_interrupts_what_is_said_and_a_withheld_number_is_asked_for(tmp_path: Path) -> None:
    async with lined(tmp_path) as line:
        heard = await line.call("~113911112222#1111!", number="unknown")
        assert "请输入您的手机号码，按井号键结束。" in heard.said
        (booking,) = line.bookings
        person = await line.hall.node.hall.journal.person(booking.person)
        assert person is not None
        assert person.phone == "13911112222"


async def test_a_repeated_booking_of_one_call_is_one(tmp_path: Path) -> None:
    async with lined(tmp_path) as line:
        await line.call("11211!", name="1.1")
        taken = line.bookings[0].at
        # The line broke before the caller heard it: the same call, the same keys, and what was free is taken.
        await line.call("11211!", name="1.1")
        assert sorted(each.at for each in line.bookings)[0] == taken
        assert len({each.at for each in line.bookings}) == len(line.bookings)


async def test_nonsense_on_the_line_harms_nobody(tmp_path: Path) -> None:
    async with lined(tmp_path) as line:
        for noise in (b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 10_000, b"agi_x: y\n\n200 result=x\nnonsense\n"):
            stream = await trio.open_tcp_stream("127.0.0.1", line.port)
            async with stream:
                await stream.send_all(noise)
        heard = await line.call("4!")
        assert "现在有0人等候。" in heard.said


async def test_the_same_dialogue_as_voicexml(tmp_path: Path) -> None:
    async with lined(tmp_path, 'vxml_key = "k&#"\nvxml_agent = "tel:+8610086"') as line:
        client = line.hall.client()
        base = "/plugins/ivr_fastagi/vxml"
        assert (await client.get(base, params={"call": "a"})).status_code == 403
        texts = []
        told = {"key": "k&#", "call": "a b&c", "from": f"+86{GOTONE_PHONE}"}

        async def step(**query: str) -> ElementTree.Element:
            answer = await client.get(base, params={**told, **query})
            assert answer.status_code == 200, answer.text
            assert answer.headers["content-type"].startswith("application/voicexml+xml")
            document = ElementTree.fromstring(answer.text)
            assert answer.headers["cache-control"] == "no-store"
            texts.append("".join(document.itertext()))
            nexts = {each.get("next") for each in document.iter()} - {None}
            for following in nexts:
                asked = dict(parse_qsl(urlsplit(str(following)).query))
                assert (asked["key"], asked["call"]) == (told["key"], told["call"])
                told.update(asked)
            return document

        document = await step()
        names = {element.tag.rpartition("}")[2] for element in document.iter()}
        assert {"vxml", "form", "field", "prompt", "noinput", "nomatch", "filled", "submit"} <= names
        timeout = next(each for each in document.iter() if each.get("name") == "timeout")
        assert timeout.get("value") == "60s"
        for digits in ("1", "1", "2", "1"):
            await step(digits=digits)
        turn = told["turn"]

        async def again() -> None:
            await step(digits="1", turn=turn)

        async with trio.open_nursery() as nursery:  # a browser that asks three times, at once
            for _ in range(3):
                nursery.start_soon(again)
        await again()
        assert all("预约成功" in text for text in texts[-4:])
        assert [each.channel for each in line.bookings] == ["ivr"]
        document = await step(digits="")
        assert any(each.tag.endswith("exit") for each in document.iter())


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('vxml_key = "k"', "vxml_agent"),
        ('pack = "/nowhere"', "sounds"),
        ('menus = "/nowhere.toml"', "nowhere"),
        ('agent = "x"', "agent"),
    ],
)
async def test_what_is_wrong_with_it_stops_the_start_and_says_so(
    tmp_path: Path, more: str, said: str
) -> None:
    with pytest.raises((ExceptionGroup, SomcError)) as caught:
        async with lined(tmp_path, more):
            pass
    error: BaseException = caught.value
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert said in str(error)
