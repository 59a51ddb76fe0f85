"""Personal data: a plugin sees what it declares and nothing else, in either place."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from somc.testing.hall import hall_with

PHONE = "13911112222"

NOSY = """
from somc.api import About, Identity, PermissionRefused, Response, Route, hookimpl
SEEN = []

@hookimpl
def somc_plugin():
    return About(sees=frozenset({sees}), follows=("ticket.taken",))

async def tried(ask):
    try:
        return repr(await ask)
    except PermissionRefused as error:
        return f"refused: {{error}}"

@hookimpl
async def somc_identify(context, visit):
    SEEN.append(["visit", visit.phone, visit.person is not None])
    return Identity(facts={{"mine": 1}})

@hookimpl
async def somc_card(context, ticket, visit):
    SEEN.append(["card", visit.phone, ticket.person is not None])
    return []

@hookimpl
async def somc_record(context, record):
    SEEN.append(["record", None, "person" in record.data])

@hookimpl
def somc_routes(context):
    async def look(request):
        person = request.query["person"]
        return Response(body={{
            "seen": SEEN,
            "phone": await tried(context.phone_of(person)),
            "person": await tried(context.person_of("13911112222")),
            "visits": await tried(context.visits(person)),
            "mine": await tried(context.facts(request.query["ticket"])),
            "others": await tried(context.facts(request.query["ticket"], of="other")),
        }})
    return [Route("GET", "/look", look)]
"""


@pytest.mark.parametrize("isolation", ["in-process", "process"])
@pytest.mark.parametrize("sees", ["nothing", "phone", "history"])
async def test_a_plugin_sees_what_it_declares(
    sees: str, isolation: Literal["in-process", "process"], tmp_path: Path
) -> None:
    name = f"acme_nosy_{sees}_{isolation[0]}"
    plugin = tmp_path / f"{name}.py"
    plugin.write_text(NOSY.format(sees=f'("{sees}",)' if sees != "nothing" else "()"))
    async with hall_with(plugin, isolation=isolation) as hall:
        ticket = await hall.take("payment", phone=PHONE)
        await hall.card(ticket)
        person = hall.hall.state.tickets[ticket].person
        assert person is not None
        found = (await hall.request("GET", "/look", query={"person": person, "ticket": ticket})).body
        told = {what: rest for what, *rest in found["seen"]}
        shown, knows = (PHONE if sees == "phone" else None), sees != "nothing"
        assert told == {"visit": [shown, knows], "card": [shown, knows], "record": [None, knows]}
        assert found["phone"] == (
            repr(PHONE) if sees == "phone" else refused(name, "a phone number", "phone")
        )
        assert ("refused" in found["person"]) == (sees != "phone")
        assert ("refused" in found["visits"]) == (sees != "history")
        assert found["mine"] == "{'mine': 1}"
        assert ("refused" in found["others"]) == (sees != "history")
        assert hall.faults() is None


def refused(name: str, what: str, sight: str) -> str:
    return f"refused: the plugin '{name}' may not see {what}: declare sees={{'{sight}'}} in its About"
