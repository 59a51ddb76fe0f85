"""The OpenAPI 3.1 document, read from the catalogues of acts and queries.

Request bodies and parameters are the very structs that validate; answers are described by the schemas
below, and a test holds real answers against them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

import somc
from somc.server.acts import ACTS, Act
from somc.server.admission import LinkBody, RevokeBody, TokenBody
from somc.server.answers import ANSWERS
from somc.server.plugin_routes import PluginChanges
from somc.server.problems import Problem
from somc.server.public_routes import NearParams
from somc.server.queries import QUERIES, Query
from somc.server.what_if import WhatIfBody

__all__ = ["document"]

REF = "#/components/schemas/{name}"
PROBLEMS = {
    401: "Not signed in",
    403: "No right",
    404: "Unknown",
    409: "Not possible in this state",
    413: "Body too large",
    422: "Wrong input",
    429: "Too many tries: see Retry-After",
    503: "Overloaded or stopping: see Retry-After",
}
IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same body gives the same answer and one effect, for 48 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}


def document() -> dict[str, Any]:
    """The whole document, as plain values."""
    kinds = [
        *(act.body for act in ACTS),
        *(query.params for query in QUERIES),
        *ANSWERS.values(),
        Problem,
        TokenBody,
        LinkBody,
        RevokeBody,
        WhatIfBody,
        NearParams,
        PluginChanges,
    ]
    _, components = msgspec.json.schema_components(dict.fromkeys(kinds), ref_template=REF)
    paths: dict[str, dict[str, Any]] = {}
    for act in ACTS:
        paths.setdefault(act.path, {})[act.method.lower()] = _act(act, components)
    for query in QUERIES:
        paths.setdefault(query.path, {})["get"] = _query(query, components)
    paths["/public/queue"] = {
        "get": {
            **_post(
                "public.queue", "How many wait, and for how long; to anybody (if [public] says so)", None, 200
            ),
            "security": [],
        }
    }
    paths["/public/halls"] = {
        "get": {
            **_post("public.halls", "Near and idle halls (就近空闲营业厅); to anybody", None, 200),
            "parameters": _parameters(NearParams, components),
            "security": [],
        }
    }
    paths["/ws-ticket"] = {"post": _post("ws-ticket", "A one-time ticket for the WebSocket", None, 200)}
    paths["/tokens"] = {"post": _post("tokens.issue", "A new API token (admin)", "TokenBody", 201)}
    paths["/tokens/revoke"] = {
        "post": _post("tokens.revoke", "Revoke an API token (admin)", "RevokeBody", 204)
    }
    paths["/sign-in-links"] = {
        "post": _post("links.issue", "A one-time sign-in link (admin)", "LinkBody", 201)
    }
    paths["/devices/reload"] = {
        "post": _post("devices.reload", "Read hall.toml's devices anew, as it runs (admin)", None, 200)
    }
    paths["/plugins"] = {
        "get": _post("plugins", "The plugins: state, hooks, calls, time, faults, lag", None, 200)
    }
    paths["/plugins/pages"] = {"get": _post("plugins.pages", "Pages of plugins that you may see", None, 200)}
    for what, summary, body in (
        ("enable", "Let a plugin work in this hall (admin)", None),
        ("disable", "Let a plugin work no more (admin)", None),
        ("reload", "Import a plugin anew, after its package was upgraded (admin)", None),
        ("configure", "Change a plugin's configuration (admin)", "PluginChanges"),
    ):
        paths[f"/plugins/{{name}}/{what}"] = {
            "post": _at("name", "string", _post(f"plugins.{what}", summary, body, 200))
        }
    paths["/tickets/{ticket}/card"] = {
        "get": _at("ticket", "string", _post("tickets.card", "What plugins know of its customer", None, 200))
    }
    paths["/services/{service}/advice"] = {
        "get": _at("service", "string", _post("services.advice", "What a kiosk says first", None, 200))
    }
    paths["/counters/{counter}/second"] = {
        "get": _at("counter", "integer", _post("counters.second", "What the customer sees there", None, 200))
    }
    paths["/users"] = {"get": _post("users", "Who may enter, and until when (admin)", None, 200)}
    paths["/users/{token}/revoke"] = {
        "post": {
            **_post("users.revoke", "Take a right back by its id (admin)", None, 204),
            "parameters": [
                {"name": "token", "in": "path", "required": True, "schema": {"type": "string"}},
            ],
        }
    }
    paths["/policy/what-if"] = {
        "post": _post("policy.what-if", "Try a change of the policy on simulated days", "WhatIfBody", 200)
    }
    paths["/devices/{name}/still"] = {"get": _still()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "SOMC hall",
            "version": somc.__version__,
            "description": "One service hall (营业厅): tickets, counters, queues. Times are RFC 3339.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _act(act: Act, components: Mapping[str, Any]) -> dict[str, Any]:
    schema = dict(components[act.body.__name__])
    properties = dict(schema.get("properties", {}))
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": properties.pop(name)}
        for name in act.parameters
    ]
    body = {
        "type": "object",
        "properties": properties,
        "required": [name for name in schema.get("required", []) if name in properties],
    }
    operation: dict[str, Any] = {
        "operationId": act.name,
        "summary": act.summary,
        "description": f"Allowed: admin, {', '.join(sorted(act.roles))}.",
        "parameters": [*parameters, IDEMPOTENCY],
        "responses": {str(act.status): _answer(ANSWERS[act.name]), **_problems()},
    }
    if act.name == "counters.call_next":
        operation["responses"]["204"] = {"description": "Nobody whom this counter may serve"}
    if properties:
        operation["requestBody"] = {
            "required": bool(body["required"]),
            "content": {"application/json": {"schema": body}},
        }
    return operation


def _query(query: Query, components: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "operationId": query.name,
        "summary": query.summary,
        "description": f"Allowed: admin, {', '.join(sorted(query.roles))}.",
        "parameters": _parameters(query.params, components, query.path),
        "responses": {"200": _answer(ANSWERS[query.name]), **_problems()},
    }


def _still() -> dict[str, Any]:
    return {
        "operationId": "devices.still",
        "summary": "A picture that this camera takes now",
        "description": "Allowed: admin, manager.",
        "parameters": [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}],
        "responses": {"200": {"description": "Done", "content": {"image/jpeg": {}}}, **_problems()},
    }


def _parameters(kind: type[Any], components: Mapping[str, Any], path: str = "") -> list[dict[str, Any]]:
    schema = components[kind.__name__]
    return [
        {
            "name": name,
            "in": "path" if f"{{{name}}}" in path else "query",
            "required": name in schema.get("required", []),
            "schema": each,
        }
        for name, each in schema.get("properties", {}).items()
    ]


def _post(name: str, summary: str, body: str | None, status: int) -> dict[str, Any]:
    done = _answer(ANSWERS[name]) if name in ANSWERS else {"description": "Done"}
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "responses": {str(status): done, **_problems()},
    }
    if body is not None:
        schema = {"$ref": REF.format(name=body)}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


def _at(name: str, kind: str, operation: dict[str, Any]) -> dict[str, Any]:
    """The operation at a path with one name in it."""
    return {
        **operation,
        "parameters": [{"name": name, "in": "path", "required": True, "schema": {"type": kind}}],
    }


def _answer(kind: Any) -> dict[str, Any]:
    schema, _ = msgspec.json.schema_components([kind], ref_template=REF)
    return {"description": "Done", "content": {"application/json": {"schema": schema[0]}}}


def _problems() -> dict[str, Any]:
    schema = {"$ref": REF.format(name="Problem")}
    return {
        str(status): {"description": text, "content": {"application/problem+json": {"schema": schema}}}
        for status, text in PROBLEMS.items()
    }
