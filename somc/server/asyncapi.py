"""The AsyncAPI 3.0 document of the live feed, read from the catalogues: messages, acts, reads, records.

What must stay true: it says what the feed does. Structures are those that validate or that tests hold real
messages against; instants of answers are integers here, where HTTP says RFC 3339.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import inspect

import somc
from somc.domain.events import BY_TYPE, VERSIONS
from somc.server.acts import ACTS
from somc.server.answers import ANSWERS
from somc.server.audience import PRIVATE
from somc.server.conversation import LIVE_QUERIES
from somc.server.feed_messages import FROM_CLIENT, FROM_HALL
from somc.server.wire import FORMATS

__all__ = ["asyncapi_document"]

Plain = dict[str, Any]

REF = "#/components/schemas/{name}"
CHANNEL = {"$ref": "#/channels/feed"}


def asyncapi_document() -> Plain:
    """The whole document, as plain values."""
    schemas = _schemas()
    commands, results, records = _commands(schemas), _results(schemas), _records(schemas)
    schemas["Command"]["oneOf"] = commands
    schemas["Reply"]["properties"]["result"] = {"anyOf": [*results, {}]}
    schemas["Records"]["properties"]["records"]["items"] = {"oneOf": records}
    messages = {kind.__name__: _message(kind) for kind in (*FROM_CLIENT, *FROM_HALL)}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "SOMC hall: the live feed",
            "version": somc.__version__,
            "description": "Snapshots, records and figures of one service hall (营业厅), and commands to it. "
            "Instants are integer Unix milliseconds.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "hall": {
                "host": "127.0.0.1:8080",
                "pathname": "/api/v1",
                "protocol": "ws",
                "description": "Subprotocols, with the same messages: " + ", ".join(FORMATS),
                "security": [{"$ref": "#/components/securitySchemes/bearer"}],
            }
        },
        "channels": {
            "feed": {
                "address": "/ws",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
                "bindings": {"ws": {"method": "GET", "query": _handshake_query()}},
            }
        },
        "operations": {
            **{kind.__name__.lower(): _operation("receive", kind) for kind in FROM_CLIENT},
            **{kind.__name__.lower(): _operation("send", kind) for kind in FROM_HALL},
        },
        "components": {
            "messages": messages,
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _handshake_query() -> Plain:
    ticket = {"type": "string", "description": "A one-time ticket, in the place of a token"}
    return {"type": "object", "properties": {"ticket": ticket}}


def _operation(action: str, kind: type[msgspec.Struct]) -> Plain:
    name = kind.__name__
    operation: Plain = {
        "action": action,
        "channel": CHANNEL,
        "messages": [{"$ref": f"#/channels/feed/messages/{name}"}],
    }
    if action == "receive":
        answer = "Pong" if name == "Ping" else "Reply"
        operation["reply"] = {
            "channel": CHANNEL,
            "messages": [{"$ref": f"#/channels/feed/messages/{answer}"}],
        }
    return operation


def _message(kind: type[msgspec.Struct]) -> Plain:
    name = kind.__name__
    return {
        "name": name.lower(),
        "summary": (kind.__doc__ or "").strip().partition("\n")[0],
        "payload": {"$ref": REF.format(name=name)},
    }


# -- schemas ------------------------------------------------------------------------------------------


def _schemas() -> Plain:
    """The components: what is sent in as it is, what is sent out with its instants as integers."""
    sent_in = [*FROM_CLIENT, *(act.body for act in ACTS), *(q.params for q in LIVE_QUERIES.values())]
    sent_out = [*FROM_HALL, *ANSWERS.values()]
    _, plain = msgspec.json.schema_components([*sent_in, *BY_TYPE.values()], ref_template=REF)
    _, answers = msgspec.json.schema_components(dict.fromkeys(sent_out), ref_template=REF)
    for kind in _structs([inspect.type_info(each) for each in sent_out], {}).values():
        for field in kind.fields:
            if _holds_instants(field.type):
                properties = answers[kind.cls.__name__]["properties"]
                properties[field.encode_name] = _as_integer(properties[field.encode_name])
    differing = [name for name in plain.keys() & answers.keys() if plain[name] != answers[name]]
    assert not differing, f"of another shape in questions and in answers: {differing}"
    return {**plain, **answers}


def _structs(types: Iterable[inspect.Type], found: dict[Any, inspect.StructType]) -> dict[Any, Any]:
    """Every structure that these types lead to."""
    for each in types:
        match each:
            case inspect.StructType() if each.cls not in found:
                found[each.cls] = each
                _structs([field.type for field in each.fields], found)
            case inspect.UnionType(types=inner):
                _structs(inner, found)
            case inspect.CollectionType(item_type=item):
                _structs([item], found)
            case inspect.TupleType(item_types=items):
                _structs(items, found)
            case inspect.DictType(value_type=value):
                _structs([value], found)
    return found


def _holds_instants(kind: inspect.Type) -> bool:
    match kind:
        case inspect.DateTimeType():
            return True
        case inspect.UnionType(types=types):
            return any(map(_holds_instants, types))
        case inspect.CollectionType(item_type=item):
            return _holds_instants(item)
    return False


def _as_integer(schema: Plain) -> Plain:
    """The schema of an instant, or of a list of them, as the feed has it."""
    changed = dict(schema)
    if "anyOf" in schema:
        changed["anyOf"] = [_as_integer(each) for each in schema["anyOf"]]
    elif schema.get("type") == "array":
        changed["items"] = _as_integer(schema["items"])
    elif schema.get("type") == "string":
        changed = {"type": "integer", "description": "Unix milliseconds"}
    return changed


def _commands(schemas: Plain) -> list[Plain]:
    """`name` and `args` of each command."""
    kinds = {act.name: act.body for act in ACTS} | {name: q.params for name, q in LIVE_QUERIES.items()}
    return [
        {
            "title": name,
            "type": "object",
            "properties": {"name": {"const": name}, "args": {"$ref": REF.format(name=kind.__name__)}},
        }
        for name, kind in kinds.items()
    ]


def _results(schemas: Plain) -> list[Plain]:
    """What commands answer with, each once."""
    names = dict.fromkeys(
        kind.__name__
        for name in (*(act.name for act in ACTS), *LIVE_QUERIES)
        if isinstance(kind := ANSWERS.get(name), type) and kind.__name__ in schemas
    )
    return [{"$ref": REF.format(name=name)} for name in names]


def _records(schemas: Plain) -> list[Plain]:
    """Each type of record; for the public's screens `data` lacks what is private."""
    found = []
    for name, kind in BY_TYPE.items():
        data = dict(schemas[kind.__name__])
        required = [field for field in data.get("required", []) if field not in PRIVATE]
        schemas[kind.__name__] = {**data, "required": required}
        found.append(
            {
                "title": name,
                "type": "object",
                "required": ["seq", "at", "type", "topic", "data", "v"],
                "properties": {
                    "seq": {"type": "integer", "minimum": 1},
                    "at": {"type": "integer"},
                    "type": {"const": name},
                    "topic": {"type": "string"},
                    "data": {"$ref": REF.format(name=kind.__name__)},
                    "v": {"const": VERSIONS[name]},
                },
                "additionalProperties": False,
            }
        )
    return found
