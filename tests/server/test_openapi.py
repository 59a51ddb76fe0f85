"""The OpenAPI document: valid, complete, and what the running hall does whatever schemathesis asks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
import trio
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from somc.server.acts import ACTS
from somc.server.openapi import document
from somc.server.queries import QUERIES
from tests.server.rig import Running, running

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "http.md"
EXAMPLES = 15
"""Requests per operation: the whole takes some twenty seconds."""

BESIDE_THE_DOCUMENT = {"/api/v1/openapi.json", "/api/v1/asyncapi.json"}


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_reference_in_the_document_leads_somewhere() -> None:
    found = document()
    names = set(found["components"]["schemas"])
    used = set(re.findall(r"#/components/schemas/([^'\"]+)", str(found)))
    assert used <= names
    assert used


def test_every_schema_of_the_document_is_a_json_schema() -> None:
    found = document()
    assert found["openapi"] == "3.1.0"
    for name, schema in found["components"]["schemas"].items():
        jsonschema_rs.meta.validate(schema)
        whole = {**schema, "components": found["components"]}
        jsonschema_rs.validator_for(whole)
        assert name[0].isupper()
    for path, method, operation in operations():
        for parameter in operation.get("parameters", ()):
            jsonschema_rs.meta.validate(parameter["schema"])
            assert parameter["in"] in ("path", "query", "header")
            assert (parameter["in"] == "path") == (f"{{{parameter['name']}}}" in path), (path, method)
        for status, answer in operation["responses"].items():
            assert re.fullmatch(r"[2-5]\d\d", status)
            assert answer["description"]


def test_every_operation_has_its_own_id_a_summary_and_the_problems_it_may_have() -> None:
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(ids)) == len(ids)
    assert {act.name for act in ACTS} | {query.name for query in QUERIES} <= set(ids)
    for path, method, operation in operations():
        assert operation["summary"]
        assert {"401", "403", "422", "503"} <= set(operation["responses"]), (path, method)


async def test_every_route_that_is_served_is_in_the_document(hall: Running) -> None:
    served = set()
    for rule in hall.node.app.quart.url_map.iter_rules():
        if rule.rule.startswith("/api/v1/") and rule.rule not in BESIDE_THE_DOCUMENT:
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule.removeprefix("/api/v1"))
            served |= {(path, method.lower()) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    assert served == {(path, method) for path, method, _ in operations()}


async def test_the_document_is_served_to_anybody(hall: Running) -> None:
    answer = await hall.client().get("/api/v1/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == document()


def test_the_reference_page_names_every_operation_and_no_other() -> None:
    page = REFERENCE.read_text()
    named = set(re.findall(r"^\| `(GET|POST|PUT|PATCH|DELETE) (/[^`?]*)`", page, re.MULTILINE))
    assert named == {(method.upper(), path) for path, method, _ in operations()}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of schemathesis's own dependencies
def test_whatever_is_asked_the_answer_is_the_documented_one(tmp_path: Path) -> None:
    """Schemathesis, as an admin, with data from the schemas: no 5xx, and every answer conforms."""
    checks = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_schema_conformance,
    ]

    def ask_everything(url: str, token: str) -> int:
        schema = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json")
        schema.config.update(base_url=f"{url}/api/v1")
        asked = 0
        for result in schema.get_all_operations():
            operation = result.ok()

            @settings(
                max_examples=EXAMPLES,
                database=None,
                deadline=None,
                derandomize=True,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy())
            def ask(case: Any) -> None:
                nonlocal asked
                asked += 1
                case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=checks)

            ask()
        return asked

    async def main() -> None:
        async with running(tmp_path, patience_s=400) as hall:  # on a loaded machine
            for counter in (1, 2):
                await hall.open_counter(counter)
            for _ in range(5):
                await hall.take()
            asked = await trio.to_thread.run_sync(ask_everything, hall.url, hall.admin)
            assert asked > 3 * len(operations())
            hall.node.hall.state.check_invariants()
            await hall.take()

    trio.run(main)
