"""A day with too few counters through the real runtime: every alert at its moment, once, and cleared; the
report on the promise is what the records say, ticket by ticket."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from somc.composition import load_config
from somc.journal.record import Record
from somc.reports.promise import PromiseFold
from somc.simulate.arrivals import Arrival
from somc.testing.day import Day, midnight, play_day, replayed
from tests.server.rig import HALL, write_hall

DATE = "2026-03-02"
TARGET_S, LEAD_S = 600, 120


async def play(folder: Path, seed: int) -> Day:
    """Eighty payments, one a minute, at one counter that takes a minute and a half for each."""
    toml = f"{HALL}\n[alerts]\nlong_wait_s = 500\npeak_per_hour = 50\nwindow_s = 600\n"
    config, _ = load_config(write_hall(folder, toml))
    visits = [Arrival(60 * n, "easyown", "payment", 90) for n in range(80)]
    begin_ms = midnight(DATE, "Asia/Shanghai") + 9 * 3_600_000
    return await play_day(config, folder / "data", visits, begin_ms=begin_ms, counters={1: "li"}, seed=seed)


def data(record: Record) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(record.data)
    return found


def of(day: Day, *types: str) -> list[tuple[Record, dict[str, Any]]]:
    return [(record, data(record)) for record in day.records if record.type in types]


async def test_every_alert_comes_at_its_moment_once_and_is_cleared(tmp_path: Path) -> None:
    day = await play(tmp_path, 1)
    taken = {fields["ticket"]: record.at for record, fields in of(day, "ticket.taken")}
    called = {fields["ticket"]: record.at for record, fields in of(day, "ticket.called")}
    assert len(taken) == len(called) == 80
    raised = of(day, "alert.raised")
    assert max(Counter(fields["alert"] for _, fields in raised).values()) == 1
    for kind, after_s in (("warning", TARGET_S - LEAD_S), ("breach", TARGET_S)):
        moments = {f["ticket"]: record.at - taken[f["ticket"]] for record, f in raised if f["kind"] == kind}
        assert set(moments.values()) == {after_s * 1000}
        waited = {ticket for ticket, at in taken.items() if called[ticket] - at > after_s * 1000}
        assert waited <= moments.keys()
        assert all(called[ticket] - taken[ticket] >= after_s * 1000 for ticket in moments)
    cleared = of(day, "alert.cleared")
    assert {f["alert"] for _, f in cleared} == {f["alert"] for _, f in raised}
    for record, fields in cleared:
        if "ticket" in fields:
            assert (fields["cause"], record.at) == ("called", called[fields["ticket"]])
    causes = {f["alert"].partition(":")[0]: f["cause"] for _, f in cleared if "ticket" not in f}
    assert causes == {"peak": "fell_back", "long_wait": "fell_back"}
    assert (await replayed(tmp_path / "data")).dump() == day.dump


async def test_the_report_on_the_promise_is_what_the_records_say(tmp_path: Path) -> None:
    day = await play(tmp_path, 1)
    begin = midnight(DATE, "Asia/Shanghai")
    fold = PromiseFold(begin, begin + 86_400_000)
    for record in day.records:
        fold.take(record)
    fold.finish(day.records[-1].at)
    taken = {fields["ticket"]: record.at for record, fields in of(day, "ticket.taken")}
    waits = {f["ticket"]: (record.at - taken[f["ticket"]]) // 1000 for record, f in of(day, "ticket.called")}
    late = [ticket for ticket, waited_s in waits.items() if waited_s > TARGET_S]
    assert 10 < len(late) < 79
    assert [each.ticket for each in fold.late] == late
    assert (fold.all.called, fold.all.kept, fold.all.within) == (80, 80 - len(late), 80 - len(late))
    assert fold.all.waited_s == sum(waits.values())


async def test_the_same_day_twice_gives_the_same_alerts(tmp_path: Path) -> None:
    first, second = await play(tmp_path / "first", 5), await play(tmp_path / "second", 5)
    assert first.chain == second.chain
