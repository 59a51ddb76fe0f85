"""Pages with the headers that keep them ours; liveness, readiness, metrics and their page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.server.rig import Running, is_problem

DOCS = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize(
    "page", ["/", "/kiosk", "/display", "/counter", "/counter/3", "/monitor", "/policy", "/promise"]
)
async def test_a_page_lets_nothing_in_from_elsewhere(hall: Running, page: str) -> None:
    answer = await hall.client().get(page)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == "'self'"
    assert policy["base-uri"] == "'none'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "http" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    inline = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", answer.text)
    assert not inline, "the policy would not run it"
    for url in re.findall(r'(?:src|href)="([^"]+)"', answer.text):
        assert url.startswith(("/", "data:")), url


async def test_assets_are_kept_for_ever_and_nothing_beside_them_is_served(hall: Running) -> None:
    page = (await hall.client().get("/")).text
    assets = re.findall(r'"(/assets/[^"]+)"', page)
    assert assets
    for url in assets:
        answer = await hall.client().get(url)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-type"].split(";")[0] in (
            "text/javascript",
            "text/css",
            "image/svg+xml",
        )
    for url in (
        "/assets/",
        "/assets/../index.html",
        "/assets/%2e%2e/manifest.json",
        "/assets/..%2f..%2f..%2fpages.py",
    ):
        assert (await hall.client().get(url)).status_code in (404, 308), url


async def test_answers_are_kept_by_nobody(hall: Running) -> None:
    for answer in (
        await hall.as_admin.get("/api/v1/hall"),
        await hall.client().get("/api/v1/hall"),
        await hall.client().get("/healthz"),
        await hall.client().get("/sign-in/none"),
    ):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_health_needs_no_token_and_readiness_ends_with_the_hall(hall: Running) -> None:
    assert (await hall.client().get("/healthz")).json() == {"status": "alive"}
    ready = (await hall.client().get("/readyz")).json()
    assert ready == {"status": "ready", "seq": hall.node.hall.journal.head}
    hall.node.app.ready = lambda: False
    answer = await hall.client().get("/readyz")
    is_problem(answer, 503, "not_ready")
    assert answer.headers["retry-after"] == "1"
    assert (await hall.client().get("/healthz")).status_code == 200


async def figures(hall: Running) -> dict[str, float]:
    text = (await hall.client().get("/metrics")).text
    return {
        sample.name + "".join(f"[{value}]" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_metrics_are_of_the_prometheus_form_and_count_what_happens(hall: Running) -> None:
    answer = await hall.client().get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    before = await figures(hall)
    await hall.take("payment")
    await hall.take("payment")
    await hall.as_admin.post("/api/v1/counters/1/call-next")
    after = await figures(hall)
    assert after["somc_commands_total"] - before["somc_commands_total"] == 2
    assert after["somc_refusals_total"] - before["somc_refusals_total"] == 1
    assert after["somc_journal_seq"] == hall.node.hall.journal.head
    assert after["somc_waiting[easyown][payment]"] == 2
    assert after["somc_counters[closed]"] == 3
    assert after["somc_clients"] == 0
    assert sum(name.startswith("somc_scheduler_info") for name in after) == 1


async def test_metrics_hold_nobody(hall: Running) -> None:
    await hall.take(phone="13800138000")
    await hall.at(1, "open", agent="wang-xiaoming")
    text = (await hall.client().get("/metrics")).text
    assert "13800138000" not in text
    # Of a part of it labels are searched, for a value may hold any three digits by chance.
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    told = [word for sample in samples for word in (sample.name, *sample.labels.values())]
    assert not [word for word in told if "138" in word or "wang" in word]


async def test_the_page_on_metrics_names_each_of_them_and_no_other(hall: Running) -> None:
    text = (await hall.client().get("/metrics")).text
    served = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in text_string_to_metric_families(text)
    }
    page = (DOCS / "metrics.md").read_text()
    elsewhere = {"somc_hall_link"}  # a process that only serves has it (tests of --serve-only)
    assert set(re.findall(r"^\| `(somc_\w+)", page, re.MULTILINE)) - elsewhere == served
