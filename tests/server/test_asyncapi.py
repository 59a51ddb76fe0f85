"""The AsyncAPI document: valid by the official schema, complete, and what the feed really says."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from somc.domain.events import BY_TYPE
from somc.server.acts import ACTS
from somc.server.asyncapi import asyncapi_document
from somc.server.conversation import LIVE_QUERIES, Op
from somc.server.feed_messages import FROM_CLIENT, FROM_HALL
from tests.asyncapi_schema import WITHOUT, official_schema
from tests.server.live_rig import live
from tests.server.rig import Running

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "websocket.md"
DOCUMENT = msgspec.json.decode(msgspec.json.encode(asyncapi_document()))


def faults(validator: Any, value: Any) -> list[str]:
    return [f"{list(error.instance_path)}: {error.message}" for error in validator.iter_errors(value)]


def test_the_document_is_valid_by_the_official_schema() -> None:
    schema = official_schema()
    if schema is None and os.environ.get("CI") != "true":
        pytest.skip(WITHOUT)
    assert schema is not None, WITHOUT
    validator = jsonschema_rs.Draft7Validator(schema)
    assert faults(validator, DOCUMENT) == []
    broken = {**DOCUMENT, "operations": {"x": {"action": "shout"}}}
    assert not validator.is_valid(broken), "the schema takes anything: this test shows nothing"


def test_every_reference_leads_somewhere() -> None:
    for pointer in set(re.findall(r"'\$ref': '#/([^']+)'", str(DOCUMENT))):
        found: Any = DOCUMENT
        for step in pointer.split("/"):
            assert step in found, pointer
            found = found[step]


def test_it_has_every_op_field_command_and_record() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    fields = {field.name for kind in FROM_CLIENT for field in msgspec.structs.fields(kind)}
    assert fields == {field.name for field in msgspec.structs.fields(Op)}
    ops = {schemas[kind.__name__]["properties"]["op"]["enum"][0] for kind in (*FROM_CLIENT, *FROM_HALL)}
    assert ops == set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE))
    assert {each["title"] for each in schemas["Command"]["oneOf"]} == {
        *(act.name for act in ACTS),
        *LIVE_QUERIES,
    }
    records = schemas["Records"]["properties"]["records"]["items"]["oneOf"]
    assert {each["title"] for each in records} == set(BY_TYPE)


def validators() -> dict[str, Any]:
    """By op: what a message must be."""
    made = {}
    for kind in (*FROM_CLIENT, *FROM_HALL):
        schema = DOCUMENT["components"]["schemas"][kind.__name__]
        whole = {**schema, "components": DOCUMENT["components"]}
        made[schema["properties"]["op"]["enum"][0]] = jsonschema_rs.Draft202012Validator(whole)
    return made


@pytest.mark.parametrize("role", ["admin", "agent", "display"])
async def test_what_the_feed_says_is_what_the_document_says(hall: Running, role: str) -> None:
    await hall.take(phone="13800138000")
    await hall.open_counter(2)
    async with live(hall, await hall.token(role)) as client:
        await client.subscribe()
        await client.op("snapshot")
        await hall.take("business")
        await hall.at(2, "call-next")
        await hall.at(2, "pause", reason="tea")
        await hall.at(2, "resume")
        await hall.as_admin.put("/api/v1/policy", json={"kind": "fifo"})
        await client.command("hall")
        await client.command("tickets.take", service="nothing")
        await client.command("queue.preview", counter=2)
        await client.say("ping")
        await client.op("pong")
        await client.op("figures")
        await client.say("subscribe", id="back", topics=["#"], after={"epoch": "e-other", "seq": 5})
        await client.op("resync")
        await client.op("snapshot")
    checks = validators()
    assert {message["op"] for message in client.told} == {
        *("welcome", "snapshot", "records", "figures", "reply", "resync", "pong"),
    }
    for message in client.told:
        assert faults(checks[message["op"]], message) == [], message["op"]


async def test_the_document_is_served_to_anybody(hall: Running) -> None:
    answer = await hall.client().get("/api/v1/asyncapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == DOCUMENT
