"""What is known of tickets' customers: written behind, whole at the end, sealed."""

from __future__ import annotations

from pathlib import Path

import trio

from somc.runtime.plugins.facts import Known, TicketFacts
from somc.runtime.plugins.store import FileStore

KEY = b"k" * 32


async def test_at_the_end_everything_is_on_disk_and_sealed(tmp_path: Path) -> None:
    path = tmp_path / "facts.sqlite"
    tickets = [f"t{number}" for number in range(300)]
    store = FileStore(path, KEY)
    facts = TicketFacts(store)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(facts.run)
        for ticket in tickets:
            facts.put(ticket, {"crm": Known(facts={"plan": "gold"}, name="陈静")})
        await facts.finish()
        facts.put("late", {"crm": Known(name="陈静")})  # nobody writes any more, and nobody is hurt
        facts.keep([])
    await store.close()
    store = FileStore(path, KEY)
    again = TicketFacts(store)
    await again.load(tickets)
    assert [again.of(ticket)["crm"].name for ticket in tickets] == ["陈静"] * 300
    assert again.of("late") == {}
    await store.close()
    assert "陈静".encode() not in path.read_bytes()
