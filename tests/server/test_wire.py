"""The encodings of the live feed: every record type, in both (DC-07)."""

from __future__ import annotations

import json
from typing import Any

import msgpack
import msgspec
import pytest

from somc.domain.events import BY_TYPE
from somc.journal.record import Record
from somc.server.wire import FORMATS
from tests.server.live_rig import JSON, MSGPACK
from tests.server.rig import ORG, Running, is_problem

both = pytest.mark.parametrize("protocol", [JSON, MSGPACK])


# -- every record type, both encodings (DC-07) -----------------------------------------------------


def sample(kind: Any) -> Any:
    """A value of a field's type, made from the type alone."""
    match kind:
        case msgspec.inspect.IntType():
            return 7
        case msgspec.inspect.BoolType():
            return True
        case msgspec.inspect.StrType():
            return "文 x"
        case msgspec.inspect.UnionType(types=types):
            return sample(types[0])
        case msgspec.inspect.StructType(fields=fields):
            return {field.encode_name: sample(field.type) for field in fields}
        case msgspec.inspect.VarTupleType(item_type=item):
            return [sample(item), sample(item)]
        case msgspec.inspect.DictType(value_type=value):
            return {"a": sample(value)}
        case msgspec.inspect.AnyType():
            return {"zh": "文", "n": [1, None, True]}
    raise AssertionError(f"no sample for {kind}")


@pytest.mark.parametrize("name", BY_TYPE)
@both
def test_every_record_type_decodes_to_its_documented_shape(name: str, protocol: str) -> None:
    kind = BY_TYPE[name]
    event = msgspec.convert(sample(msgspec.inspect.type_info(kind)), kind)
    record = Record(5, 1_700_000_000_000, name, f"{ORG}/x/1", msgspec.Raw(msgspec.json.encode(event)), 1)
    wire = FORMATS[protocol]
    frame = wire.records("e1", 5, [wire.record(record)] * 3)
    message = json.loads(frame) if protocol == JSON else msgpack.unpackb(frame)
    assert list(message) == ["op", "epoch", "through", "records"]
    assert [set(each) for each in message["records"]] == [{"seq", "at", "type", "topic", "data", "v"}] * 3
    assert msgspec.convert(message["records"][2]["data"], kind) == event


@pytest.mark.parametrize("count", [0, 1, 15, 16, 255, 256, 500])
def test_a_message_of_any_number_of_records_is_whole(count: int) -> None:
    record = Record(5, 1_700_000_000_000, "day.ended", f"{ORG}/day/x", msgspec.Raw(b'{"by":"x"}'), 1)
    for name, wire in FORMATS.items():
        frame = wire.records("e1", 5, [wire.record(record)] * count)
        message = json.loads(frame) if name == JSON else msgpack.unpackb(frame)
        assert len(message["records"]) == count
        assert message["through"] == 5


async def test_the_ws_path_without_an_upgrade_is_no_page(hall: Running) -> None:
    is_problem(await hall.as_admin.get("/api/v1/ws"), 404)
