"""The rogue gallery under load: in a process of its own none of the twelve costs anybody a ticket; in the
hall's own process what can be contained is, and each is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from tests.plugins.rogue_campaign import HEAD, PAGE, with_table
from tests.plugins.rogue_load import BASE, Seen, hall_with, under_load
from tests.plugins.rogues import ROGUES
from tests.server.rig import Running, running

TAKERS = 2
EACH_S = 0.6
"""A sample: the campaign (`python -m tests.plugins.rogue_campaign`) gives each longer."""

CONTAINED = (
    *("raises", "hangs", "huge", "wrong_types", "leaks_tasks"),
    *("raises_in_stop", "floods", "dies_at_one"),
)
"""What is contained in the hall's process too. `sleeps`, `busy` and `swallows` hold its loop or processor."""


BLAMELESS = {"raises_in_stop", "leaks_tasks", "floods", "dies_at_one"}
"""What does no harm in a process of its own, or none before it is stopped."""
PATIENCE_S = 30
"""A loaded machine takes longer to notice that a child says nothing."""


async def about(hall: Running, name: str) -> dict[str, Any]:
    found = (await hall.as_admin.get(f"{BASE}/plugins")).json()
    return next(each for each in found if each["name"] == name)


async def let_in(hall: Running, name: str) -> httpx.Response:
    return await hall.as_admin.post(f"{BASE}/plugins/{name}/enable")


def check_order(seen: Seen) -> None:
    """Nobody was called before somebody who had come earlier, and nobody twice."""
    assert seen.called, "nobody was called"
    assert seen.called == sorted(set(seen.called)), str(seen.called)


async def blamed(hall: Running, name: str) -> str | None:
    """What the hall says of the rogue: its last fault, or why it is off."""
    it = await about(hall, name)
    return it.get("last_fault") or it["why"]


@pytest.mark.slow
async def test_in_processes_of_their_own_the_hall_is_unaffected_by_all_twelve(tmp_path: Path) -> None:
    said: dict[str, str | None] = {}
    async with running(tmp_path, hall_with(ROGUES, "process")) as hall:
        async with under_load(hall.url, hall.admin, TAKERS) as seen:
            for name in ROGUES:
                answer = await let_in(hall, name)
                if name == "raises_in_start":
                    assert answer.status_code == 422
                    assert "the server of this plugin is not there" in answer.json()["detail"]
                    continue
                assert answer.status_code == 200, (name, answer.text)
                await trio.sleep(EACH_S)  # under load
                said[name] = await blamed(hall, name)
                if name not in BLAMELESS:
                    with trio.move_on_after(PATIENCE_S):
                        while said[name] is None:
                            await trio.sleep(0.1)  # a rogue's fault has no event outside the hall
                            said[name] = await blamed(hall, name)
                assert (await hall.as_admin.post(f"{BASE}/plugins/{name}/disable")).status_code == 200
        assert not seen.failed
        check_order(seen)
        await hall.take()
    unnamed = {name for name, why in said.items() if why is None} - BLAMELESS
    assert not unnamed, f"nobody said what {unnamed} did"


@pytest.mark.slow
async def test_in_the_hall_s_process_what_can_be_contained_is(tmp_path: Path) -> None:
    async with running(tmp_path, hall_with(CONTAINED, "in-process")) as hall:
        async with under_load(hall.url, hall.admin, TAKERS) as seen:
            for name in CONTAINED:
                assert (await let_in(hall, name)).status_code == 200, name
                await trio.sleep(EACH_S / 3)  # under load
                assert (await hall.as_admin.post(f"{BASE}/plugins/{name}/disable")).status_code == 200
        assert not seen.failed
        check_order(seen)


async def test_who_holds_the_loop_is_named_and_in_the_end_disabled(tmp_path: Path) -> None:
    async with running(tmp_path, hall_with(["sleeps"], "in-process")) as hall:
        assert (await let_in(hall, "sleeps")).status_code == 200
        for _ in range(3):
            await hall.take(phone="13911112222")
        with trio.fail_after(10):
            while (await about(hall, "sleeps"))["state"] == "on":  # noqa: ASYNC110 - asked over HTTP
                await trio.sleep(0.05)
        it = await about(hall, "sleeps")
        assert it["state"] == "quarantined"
        assert "it held the hall's loop for 1." in it["why"]
        assert "somc_identify (sleeps.py:" in it["why"]
        faulted = [record for record in await hall.records() if record["type"] == "plugin.faulted"]
        assert faulted[0]["data"]["action"] == "blocked"

        async def alerts() -> list[str]:
            return [r["data"]["name"] for r in await hall.records() if r["type"] == "alert.raised"]

        with trio.fail_after(5):
            while await alerts() != ["quarantined"]:  # noqa: ASYNC110 - asked over HTTP
                await trio.sleep(0.05)
        await hall.take(phone="13911112222")


async def test_a_follower_passes_over_the_record_that_it_dies_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("somc.runtime.plugins.followers.FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr("somc.runtime.plugins.ledger.FIRST_REST_S", 0.01)
    async with running(tmp_path, hall_with(["dies_at_one"], "in-process")) as hall:
        assert (await let_in(hall, "dies_at_one")).status_code == 200
        for _ in range(3):
            await hall.take()

        async def welcomed() -> list[str]:
            return [r["data"]["number"] for r in await hall.records() if r["type"] == "care.logged"]

        with trio.fail_after(15):
            while await welcomed() != ["A001", "A003"]:  # noqa: ASYNC110 - asked over HTTP
                await trio.sleep(0.05)
        (passed,) = [
            record["data"]
            for record in await hall.records()
            if record["type"] == "plugin.faulted" and record["data"]["action"] == "passed_over"
        ]
        assert (passed["hook"], passed["plugin"]) == ("somc_record", "dies_at_one")
        taken = [record["seq"] for record in await hall.records() if record["type"] == "ticket.taken"]
        assert passed["record"] == taken[1]


def test_the_campaign_s_table_takes_the_place_of_the_page_s_and_nothing_else() -> None:
    page = PAGE.read_text(encoding="utf-8")
    table = [HEAD, "| --- |", "| `none` | process |"]
    written = with_table(page, table, "One run:")
    assert "\n\nOne run:\n\n" + "\n".join(table) + "\n\n`python -m" in written
    assert written.partition("One run")[0] == page.partition("One run")[0]
    assert written.rpartition("`python -m")[2] == page.rpartition("`python -m")[2]
    assert with_table(written, table, "One run:") == written
