"""The page on the live feed is true: its bytes are the codec's, its ops and numbers those of the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgpack
import msgspec
import pytest

from somc.journal.opening import RING_RECORDS
from somc.journal.record import Record
from somc.server import conversation, live
from somc.server.connection import ServeSettings
from somc.server.conversation import Op
from somc.server.fanout import hub, listener
from somc.server.fanout.frames import BINARY, TEXT, frame
from somc.server.wire import FORMATS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "websocket.md").read_text()
FROM_THE_HALL = ("welcome", "reply", "resync", "pong")
EXAMPLES = [
    (text, bytes.fromhex("".join(hexadecimal.split())))
    for text, hexadecimal in re.findall(r"^(\{.*\})\n((?:[0-9a-f ]+\n)+)", PAGE, re.MULTILINE)
]


def test_the_page_has_its_examples() -> None:
    assert len(EXAMPLES) == 9
    ops = {json.loads(text)["op"] for text, _ in EXAMPLES}
    assert ops == {"ping", "subscribe", "command", "records", "welcome", "reply", "resync", "pong"}


@pytest.mark.parametrize(("text", "data"), EXAMPLES, ids=[text[:40] for text, _ in EXAMPLES])
def test_an_example_says_the_same_in_both_encodings(text: str, data: bytes) -> None:
    assert msgpack.unpackb(data) == json.loads(text)


@pytest.mark.parametrize(("text", "data"), EXAMPLES, ids=[text[:40] for text, _ in EXAMPLES])
def test_an_example_is_what_the_code_reads_or_writes(text: str, data: bytes) -> None:
    message = json.loads(text)
    if message["op"] in FROM_THE_HALL:
        assert FORMATS["somc.v1.json"].encode(message) == text.encode()
        assert FORMATS["somc.v1.msgpack"].encode(message) == data
        return
    if message["op"] != "records":
        assert FORMATS["somc.v1.msgpack"].decode(data, Op) == FORMATS["somc.v1.json"].decode(
            text.encode(), Op
        )
        return
    (plain,) = message["records"]
    data_json = msgspec.Raw(msgspec.json.encode(plain["data"]))
    record = Record(plain["seq"], plain["at"], plain["type"], plain["topic"], data_json, plain["v"])
    for name, expected in (("somc.v1.json", text.encode()), ("somc.v1.msgpack", data)):
        wire = FORMATS[name]
        assert wire.records(message["epoch"], message["through"], [wire.record(record)]) == expected


def test_the_example_of_a_frame_is_what_the_code_sends() -> None:
    pong = {"op": "pong", "now": 1_700_000_000_000}
    for name, first in (("somc.v1.json", TEXT), ("somc.v1.msgpack", BINARY)):
        [shown] = re.findall(rf"^{re.escape(name)} +([0-9a-f ]+)$", PAGE, re.MULTILINE)
        assert bytes.fromhex(shown.replace(" ", "")) == frame(first, FORMATS[name].encode(pong))


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    assert f"{RING_RECORDS:,}" in PAGE
    assert f"At most {conversation.MOST_TOPICS} topics" in PAGE
    assert f"At most {listener.MOST_ANSWERS} answers" in PAGE
    assert f"or {listener.MOST_ANSWER_BYTES // 1024} KB of them" in PAGE
    assert f"for {hub.CONGESTED_S:.0f} s" in PAGE
    assert f"nothing for {ServeSettings().send_s:.0f} s" in PAGE
    assert f"{hub.TELL_AFTER_RECORDS:,} records" in PAGE
    assert f"{ServeSettings().max_ws_message_bytes // 1024} KB" in PAGE
    for name in conversation.LIVE_QUERIES:
        assert f"`{name}`" in PAGE
    codes = (conversation.PROTOCOL_ERROR, conversation.POLICY_VIOLATION, conversation.ENDED)
    for code in (*codes, listener.INTERNAL_ERROR, listener.TRY_AGAIN_LATER):
        assert str(code) in PAGE


def test_every_op_of_the_code_is_on_the_page() -> None:
    sources = [*Path(hub.__file__).parent.glob("*.py")]
    sources += [Path(live.__file__).with_name(f"{name}.py") for name in ("live", "conversation", "wire")]
    source = "".join(path.read_text() for path in sources)
    ops = set(re.findall(r'"op": "(\w+)"', source)) | set(re.findall(r'case "(\w+)"', source))
    assert ops == set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
