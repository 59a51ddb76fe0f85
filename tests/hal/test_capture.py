"""A wire recorded, read, and played: the same keys, the same display, without the device."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from somc_hal import Key, Truth, driver_spec
from somc_hal.links import check_url, open_link
from somc_hal.links.capture import Passed, ReplayStream, read_capture
from somc_hal.simulators import KeypadSimulator, hosted

LONG = {"heartbeat_s": 3600.0}


async def _recorded(path: Path) -> None:
    async with hosted(KeypadSimulator(), "pty") as host, trio.open_nursery() as nursery:
        keypad: Any = driver_spec("reference-keypad").make("keypad", f"record+{host.url}?record={path}", LONG)
        await nursery.start(keypad.run)
        await keypad.wait_online()
        assert await keypad.show("A001", 7, wait_s=5.0) is Truth.YES
        for key in (Key.NEXT, Key.RECALL):
            host.simulator.press(key)  # type: ignore[attr-defined]  # a keypad
            assert (await keypad.keys.receive()).key is key
        nursery.cancel_scope.cancel()


async def test_a_recorded_keypad_is_played_back(tmp_path: Path) -> None:
    path = tmp_path / "keypad.jsonl"
    with trio.fail_after(20):
        await _recorded(path)
        capture = read_capture(path)
        assert path.stat().st_mode & 0o777 == 0o600
        assert capture.url.startswith("pty://")
        assert capture.bytes_to("device").startswith(b"\x02\x05")
        assert [one.at for one in capture.passed] == sorted(one.at for one in capture.passed)
        keypad: Any = driver_spec("reference-keypad").make("keypad", f"replay://{path}", LONG)
        async with trio.open_nursery() as nursery:
            await nursery.start(keypad.run)
            await keypad.wait_online()
            assert await keypad.show("A001", 7, wait_s=5.0) is Truth.YES
            assert [(await keypad.keys.receive()).key for _ in range(2)] == [Key.NEXT, Key.RECALL]
            nursery.cancel_scope.cancel()


async def test_a_second_connection_goes_on_in_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "twice.jsonl"
    await _recorded(path)
    once = len(read_capture(path).passed)
    await _recorded(path)
    assert len(read_capture(path).passed) >= 2 * once - 1
    assert sum("somc_capture" in line for line in path.read_text().splitlines()) == 2


async def test_a_replay_with_pace_keeps_the_times(autojump_clock: MockClock) -> None:
    passed = [Passed(0.5, "host", b"a"), Passed(1.0, "device", b"x"), Passed(4.0, "host", b"b")]
    began = trio.current_time()
    stream = ReplayStream(passed, pace=True)
    assert await stream.receive_some() == b"a"
    assert trio.current_time() - began == pytest.approx(0.5)
    await stream.send_all(b"x")
    assert await stream.receive_some() == b"b"
    assert trio.current_time() - began == pytest.approx(4.0)
    with trio.move_on_after(60) as silence:
        await stream.receive_some()
    assert silence.cancelled_caught


async def test_a_replay_says_where_the_host_differs(autojump_clock: MockClock) -> None:
    stream = ReplayStream([Passed(0, "device", b"abc"), Passed(1, "host", b"ok")])
    await stream.send_all(b"ab")
    assert stream.differs_at is None
    await stream.send_all(b"X")
    assert stream.differs_at == 2
    assert await stream.receive_some() == b"ok"
    await stream.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await stream.receive_some()


async def test_a_full_disk_ends_the_recording_and_not_the_device(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with hosted(KeypadSimulator(), "memory") as host, trio.open_nursery() as nursery:
        keypad: Any = driver_spec("reference-keypad").make(
            "keypad", f"record+{host.url}?record=/dev/full", LONG
        )
        await nursery.start(keypad.run)
        with trio.fail_after(10):
            await keypad.wait_online()
        nursery.cancel_scope.cancel()
    assert "/dev/full: recording has ended" in caplog.text


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"at": -1, "to": "host", "hex": ""}', ":2: 'at' is seconds from 0, found -1"),
        ('{"at": 1, "to": "me", "hex": ""}', ":2: 'to' is \"device\" or \"host\", found 'me'"),
        ('{"at": 1, "to": "host", "hex": "0g"}', ":2: 'hex' is bytes in hexadecimal, found '0g'"),
        ("[]", ":2: found '\\[\\]'; a line is an object"),
        ("{", ":2: no JSON"),
    ],
)
async def test_a_broken_capture_names_file_and_line(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text(json.dumps({"somc_capture": 1}) + "\n" + line + "\n")
    with pytest.raises(ValueError, match="c.jsonl" + words):
        read_capture(path)
    with pytest.raises(OSError, match="c.jsonl" + words):
        await open_link(f"replay://{path}")


def test_another_file_is_no_capture(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    for text in ("", "hello", '{"a": 1}'):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"c\.jsonl:1"):
            read_capture(path)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("record+pty:///dev/pts/1", r"needs one parameter record=FILE"),
        ("record+bus:///x?record=y", "found scheme 'bus'"),
        ("replay://x", "three slashes"),
        ("usb://04b8", "write usb://VID:PID"),
        ("usb://04b8:020", "write usb://VID:PID"),
        ("usb://04b8:0202/a/b", "write usb://VID:PID"),
    ],
)
def test_wrong_urls_say_what_is_allowed(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_url(url)
