"""Keypads and scanners of the input layer: structs, texts, and a pipe that stands for the node."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from somc_hal import DeviceState, Key, KeyEvent, open_link
from somc_hal.codecs.linux_input import (
    EV_KEY,
    KEYS,
    InputDecoder,
    InputEvent,
    TextAssembler,
    encode,
    keystrokes,
    typed_codes,
)
from somc_hal.testing import decoder_is_chunk_invariant
from somc_hal.values import InputSource, Typed
from somc_plugins.hid_input import HidKeypad, HidKioskInput

SIGNS = "".join(chr(code) for code in range(0x20, 0x7F))
QUICK = {"backoff_first_s": 0.01, "backoff_cap_s": 0.05}


def assembled(data: bytes, *, limit: int = 64, clear_s: float = 10.0) -> list[tuple[str, str]]:
    assembler = TextAssembler(limit=limit, clear_s=clear_s)
    taken = (assembler.take(event) for event in InputDecoder().feed(data))
    return [entry for entry in taken if entry is not None]


def test_an_event_has_the_kernels_layout() -> None:
    event = InputEvent(EV_KEY, 28, 1, 1.5)
    assert encode(event) == struct.pack("@llHHi", 1, 500_000, 1, 28, 1)
    assert InputDecoder().feed(encode(event)) == [event]


def test_every_split_gives_the_same_events() -> None:
    data = keystrokes(typed_codes("A1"))
    decoder_is_chunk_invariant(InputDecoder, data, InputDecoder().feed(data))


@given(st.text(alphabet=SIGNS, min_size=1, max_size=64))
def test_what_a_keyboard_types_is_read(text: str) -> None:
    assert assembled(keystrokes([*typed_codes(text), KEYS["enter"]])) == [(text, "enter")]


@given(st.binary(max_size=200))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    assembled(data)


def test_corrections_repeats_and_pauses() -> None:
    one, two, enter = *typed_codes("12"), KEYS["enter"]
    assert assembled(keystrokes([one, one, KEYS["backspace"], two, enter])) == [("12", "enter")]
    assert assembled(keystrokes([one, KEYS["esc"], two, enter])) == [("2", "enter")]
    assert isinstance(one, int)
    held = encode(InputEvent(EV_KEY, one, 1)) + encode(InputEvent(EV_KEY, one, 2)) * 5
    assert assembled(held + keystrokes([enter])) == [("1", "enter")]
    assert assembled(keystrokes([one], 1.0) + keystrokes([two, enter], 12.0)) == [("2", "enter")]
    assert assembled(keystrokes([*typed_codes("123"), enter]), limit=2) == [("12", "enter")]
    pad = [79, 80, 81, 82, KEYS["kpenter"]]
    assert assembled(keystrokes(pad)) == [("1230", "kpenter")]


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A pipe that stands for a node of /dev/input."""
    path = tmp_path / "event0"
    os.mkfifo(path)
    return path


async def test_a_scanner_behind_a_node(node: Path) -> None:
    driver = HidKioskInput("s", f"device://{node}", {"source": "scanner", **QUICK})
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            await nursery.start(driver.run)
            await driver.wait_online()
            async with await open_link(f"device://{node}") as kernel:
                data = keystrokes([*typed_codes("ORDER-0042?x=1"), KEYS["enter"]])
                for at in range(0, len(data), 7):
                    await kernel.send_all(data[at : at + 7])
                assert await driver.typed.receive() == Typed(InputSource.SCANNER, "ORDER-0042?x=1")
            nursery.cancel_scope.cancel()


async def test_a_missing_node_is_no_device_and_is_found_when_it_comes(node: Path) -> None:
    away = node.rename(node.with_name("away"))  # noqa: ASYNC240 -- a rename in a test's own folder
    driver = HidKeypad("k", f"device://{node}", QUICK)
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            await nursery.start(driver.run)
            while driver.status.state is not DeviceState.NO_DEVICE:
                await driver._changed.wait()
            away.rename(node)
            await driver.wait_online()
            async with await open_link(f"device://{node}") as kernel:
                await kernel.send_all(keystrokes([*typed_codes("12"), KEYS["asterisk"], KEYS["enter"]]))
                assert [await driver.keys.receive() for _ in range(2)] == [
                    KeyEvent(1, Key.TRANSFER, "12"),
                    KeyEvent(1, Key.NEXT),
                ]
            nursery.cancel_scope.cancel()


async def test_what_cannot_be_grabbed_is_not_opened(node: Path) -> None:
    with pytest.raises(OSError, match=r"ioctl|argument"):
        await open_link(f"device://{node}?grab=1")


@pytest.mark.parametrize("entry", ["enter", "entr=next", "enter=nxt"])
def test_a_wrong_keymap_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match=f"option 'keymap': found '{entry}'; allowed: one of esc"):
        HidKeypad("k", "device:///dev/input/event0", {"keymap": [entry]})
