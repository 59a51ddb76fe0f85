"""Who may stay on the live feed, and how many come in at once."""

from __future__ import annotations

import json

import pytest
import trio
import trio.testing
from websockets.exceptions import InvalidStatus

from somc.server.conversation import ENDED
from somc.server.turnstile import Turnstile
from tests.server.live_rig import closed_with, live
from tests.server.rig import Running


async def test_a_revoked_token_ends_its_open_feed(hall: Running) -> None:
    token = await hall.token("agent")
    async with live(hall, token) as client, live(hall, hall.admin) as other:
        await client.subscribe()
        await other.subscribe()
        await hall.as_admin.post("/api/v1/tokens/revoke", json={"token": token})
        with trio.fail_after(5):
            assert await closed_with(client) == ENDED
        await other.say("ping")
        await other.op("pong")
    assert hall.node.app.feed.hub.counts.ended == 1


async def test_nothing_is_done_for_a_revoked_token_before_its_feed_is_closed(hall: Running) -> None:
    token = await hall.token("kiosk")
    async with live(hall, token) as client:
        assert (await client.command("tickets.take", service="payment"))["ok"]
        await hall.as_admin.post("/api/v1/tokens/revoke", json={"token": token})
        reply = await client.command("tickets.take", service="payment")
        assert (reply["ok"], reply["error"]["status"]) == (False, 401)
        assert await closed_with(client) == ENDED
    taken = [record for record in await hall.records() if record["type"] == "ticket.taken"]
    assert len(taken) == 1


async def test_a_token_that_expires_ends_its_open_feed(hall: Running) -> None:
    async with live(hall, await hall.token("display", expires_in_s=1)) as client:
        with trio.fail_after(10):
            assert await closed_with(client) == ENDED


async def test_signing_out_ends_the_pages_feed_that_came_by_a_ticket(hall: Running) -> None:
    answer = await hall.as_admin.post("/api/v1/sign-in-links", json={"subject": "x", "role": "agent"})
    browser = hall.client()
    await browser.get(answer.json()["path"])
    page = {"X-SOMC": "counter"}
    ticket = (await browser.post("/api/v1/ws-ticket", headers=page)).json()["ticket"]
    unused = (await browser.post("/api/v1/ws-ticket", headers=page)).json()["ticket"]
    async with live(hall, query=f"?ticket={ticket}") as client:
        await browser.post("/sign-out", headers=page)
        with trio.fail_after(5):
            assert await closed_with(client) == ENDED
    with pytest.raises(InvalidStatus) as caught:
        async with live(hall, query=f"?ticket={unused}"):
            pass
    assert caught.value.response.status_code == 401


async def test_a_topic_outside_the_scope_of_the_token_is_refused(hall: Running) -> None:
    token = await hall.token("manager", scope="somc/shoudu")
    async with live(hall, token) as client:
        for topic in ("somc/other/#", "elsewhere/+/x", "+/other/#"):
            reply = await client.subscribe(topic)
            assert (reply["ok"], reply["error"]["code"]) == (False, "other_hall"), topic
        for topic in ("#", "somc/#", "+/shoudu/xicheng/#", "somc/shoudu/xicheng/xidan/ticket/+"):
            assert (await client.subscribe(topic))["ok"], topic


async def test_handshakes_beyond_what_can_be_served_soon_are_told_to_come_back(hall: Running) -> None:
    hall.node.app.feed.turnstile = Turnstile(rate_per_s=0.1, burst=1, patience_s=1.0)
    async with live(hall, hall.admin):
        with pytest.raises(InvalidStatus) as caught:
            async with live(hall, hall.admin):
                pass
    response = caught.value.response
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert json.loads(response.body or b"")["code"] == "busy"
    assert hall.node.app.feed.hub.counts.shed_busy == 1


async def test_the_turnstile_lets_a_burst_through_and_then_a_steady_stream(
    autojump_clock: trio.testing.MockClock,
) -> None:
    turnstile = Turnstile(rate_per_s=10, burst=5, patience_s=2.0)
    came: list[float] = []
    refused = 0

    async def come() -> None:
        nonlocal refused
        if await turnstile.pass_through():
            came.append(trio.current_time())
        else:
            refused += 1

    async with trio.open_nursery() as nursery:
        for _ in range(100):
            nursery.start_soon(come)
    begun = min(came)
    assert sum(at == begun for at in came) == 5
    assert max(came) - begun <= 2.0
    assert len(came) + refused == 100
    assert len(came) in (24, 25)
    await trio.sleep(60)
    assert await turnstile.pass_through()
