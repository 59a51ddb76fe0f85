"""Asking other systems: within the time whatever they do, passed over while they are down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import trio

from somc_plugins.json_source import (
    Breaker,
    JsonSource,
    Kept,
    Source,
    SourceFailed,
    at_path,
    filled,
    open_client,
)
from tests.plugins.features.crm_rig import GOLD, Crm, crm_server


@asynccontextmanager
async def source(**settings: Any) -> AsyncIterator[tuple[Crm, JsonSource]]:
    async with crm_server() as crm:
        client = await open_client(verify=False)
        async with client:
            table = {"timeout_ms": 200, "failures": 2, "pause_s": 1, "keep_s": 0, **settings}
            made = msgspec.convert(crm.customers(**table), Source)
            yield crm, JsonSource("crm", made, client)


async def failure(asked: JsonSource) -> str:
    with trio.fail_after(2), pytest.raises(SourceFailed) as caught:
        await asked.get(phone=GOLD)
    assert GOLD not in str(caught.value)
    return caught.value.why


async def test_an_answer_is_plain_json_and_a_404_is_nobody() -> None:
    async with source() as (_, asked):
        assert (await asked.get(phone=GOLD))["brand"]["code"] == "gotone"
        assert await asked.get(phone="13900000000") is None
        assert await asked.get(phone="../_knobs") is None, "a value stays one part of the URL"


async def test_what_is_told_where_nobody_listens_was_not_heard() -> None:
    async with source() as (crm, asked):
        with pytest.raises(SourceFailed) as caught:
            await asked.post(f"{crm.url}/nowhere", {"outcome": "shown"})
        assert caught.value.why == "wrong"


@pytest.mark.parametrize(
    ("mode", "why"),
    [("slow", "slow"), ("hang", "slow"), ("dead", "down"), ("error", "down"), ("wrong", "wrong")],
)
async def test_whatever_it_does_there_is_an_answer_in_time(mode: str, why: str) -> None:
    async with source() as (crm, asked):
        crm.turn(mode)
        started = trio.current_time()
        assert await failure(asked) == why
        assert trio.current_time() - started < 1.0


async def test_nobody_listens_there() -> None:
    async with source() as (_, asked):
        settings = msgspec.structs.replace(asked.settings, url="http://127.0.0.1:1/{phone}")
        assert await failure(JsonSource("crm", settings, asked._client)) == "down"


async def test_a_refused_token_is_wrong_and_not_down() -> None:
    async with source(token="stolen") as (_, asked):
        assert await failure(asked) == "wrong"


async def test_after_failures_in_a_row_it_is_not_asked_for_a_while_then_tried_once() -> None:
    async with source() as (crm, asked):
        crm.turn("error")
        assert [await failure(asked) for _ in range(4)] == ["down", "down", "paused", "paused"]
        path = f"/customers/{GOLD}"
        assert crm.asked(path) == 2, "whoever is paused is not asked"
        asked.breaker._open_until = trio.current_time()  # its pause is over
        assert [await failure(asked) for _ in range(2)] == ["down", "paused"]
        assert crm.asked(path) == 3
        crm.turn("ok")
        asked.breaker._open_until = trio.current_time()
        assert (await asked.get(phone=GOLD))["name"] == "陈静"
        assert not asked.breaker.open


async def test_being_cancelled_at_the_hall_s_deadline_is_a_failure_too() -> None:
    async with source(timeout_ms=5000) as (crm, asked):
        crm.turn("hang")
        for _ in range(2):
            with trio.move_on_after(0.05):
                await asked.get(phone=GOLD)
        assert await failure(asked) == "paused"


async def test_an_answer_is_good_for_its_time() -> None:
    async with source(keep_s=60) as (crm, asked):
        first = await asked.get(phone=GOLD)
        crm.turn("dead")
        assert await asked.get(phone=GOLD) == first
        assert crm.asked(f"/customers/{GOLD}") == 1


async def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("somc_plugins.json_source.LARGEST_ANSWER_BYTES", 40)
    async with source() as (_, asked):
        assert await failure(asked) == "wrong"
        monkeypatch.undo()
        assert (await asked.get(phone=GOLD))["name"] == "陈静"


async def test_an_endless_answer_is_wrong_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time a connection is given back, or the pool would run dry."""
    monkeypatch.setattr("somc_plugins.json_source.LARGEST_ANSWER_BYTES", 40)
    async with source(failures=100) as (_, asked):
        for _ in range(40):
            assert await failure(asked) == "wrong"
        monkeypatch.undo()
        assert (await asked.get(phone=GOLD))["name"] == "陈静"


def test_a_breaker_lets_one_try_at_a_time() -> None:
    now = [0.0]
    breaker = Breaker(2, 10, lambda: now[0])
    breaker.failed()
    assert breaker.enter()
    breaker.failed()
    assert not breaker.enter()
    now[0] = 10.0
    assert breaker.enter()
    assert not breaker.enter(), "one tries, the others wait"
    breaker.failed()
    now[0] = 19.9
    assert not breaker.enter()
    now[0] = 20.0
    assert breaker.enter()
    breaker.succeeded()
    assert breaker.enter()
    assert breaker.failed_in_a_row == 0


def test_kept_answers_are_bounded_in_number_and_age() -> None:
    now = [0.0]
    kept = Kept(2, 10, lambda: now[0])
    for key in ("a", "b"):
        kept.put(key, key.upper())
    assert kept.get("a") == ("A",)
    kept.put("c", None)
    assert kept.get("b") is None, "the one used longest ago went"
    assert kept.get("c") == (None,)
    now[0] = 10.0
    assert kept.get("a") is None
    assert len(kept) == 1


def test_a_path_leads_to_what_stands_there_or_to_nothing() -> None:
    answer = {"a": {"b": [{"c": 1}]}, "x": None}
    found = [at_path(answer, path) for path in ("", "a.b.0.c", "a.b.7", "a.z", "a.b.c", "x.y")]
    assert found == [answer, 1, None, None, None, None]
    assert filled("http://crm/{phone}?x={phone}", phone="1/2?&") == "http://crm/1%2F2%3F%26?x=1%2F2%3F%26"


@pytest.mark.parametrize("url", ["ftp://crm/{phone}", "http://crm/{number}", "http://crm/{phone", "crm"])
def test_a_url_that_cannot_work_is_refused(url: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"url": url}, Source)
