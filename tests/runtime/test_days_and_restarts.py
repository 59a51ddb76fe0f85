"""The end of the business day, and what a restart finds: replay, snapshots, hall.toml's changes."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
import trio
import trio.testing
from click.testing import CliRunner
from structlog.testing import capture_logs

from somc.cli import main
from somc.composition import Options, read_overrides, start_clock
from somc.domain import commands as c
from somc.domain.state import HallState
from somc.errors import ConfigurationError, StoreCorrupt
from somc.runtime.clock import SystemClock
from somc.runtime.hall import Hall
from somc.runtime.ids import IdSource
from somc.runtime.replay import replay, save_snapshot
from somc.scheduler.choose import factory
from tests.runtime.rig import HOUR_MS, NOON, TurnedClock, do, opened, records, taking
from tests.server.rig import HALL

UNTIL_FOUR = 16 * HOUR_MS
"""From noon to 04:00, when the hall's business day ends."""


async def types(hall: Hall) -> list[str]:
    return [record.type for record in await records(hall)]


async def test_the_day_ends_at_its_time_and_not_before(tmp_path: Path) -> None:
    clock = TurnedClock()
    async with opened(tmp_path, clock) as hall:
        await do(hall, taking("waits"))
        await do(hall, taking("held"))
        await do(hall, c.HoldTicket(by="x", ticket="held"))
        await do(hall, c.OpenCounter(by="x", counter=2, agent="li"))
        await do(hall, taking("served"))
        await do(hall, c.CallTicket(by="x", counter=2, ticket="served"))
        head = hall.journal.head
        clock.turn(UNTIL_FOUR - 1)
        await hall.journal.wait_beyond(head)  # the promise to the one who waits was missed meanwhile
        assert hall.state.day == "2026-03-02"
        clock.turn(1)
        await hall.journal.wait_beyond(hall.journal.head)
        assert hall.state.day is None
        assert (await types(hall))[-4:] == ["ticket.expired", "ticket.expired", "alert.cleared", "day.ended"]
        ended = (await records(hall))[-1]
        assert (ended.at, msgspec.json.decode(ended.data)["by"]) == (NOON + UNTIL_FOUR, "deadline")
        await do(hall, c.StartService(by="x", counter=2))
        await do(hall, c.FinishService(by="x", counter=2))
        assert (await do(hall, taking("new"))).events[0].number == "A001"
        assert hall.state.day == "2026-03-03"
        hall.state.check_invariants()


async def test_a_day_that_ended_while_nobody_was_there_ends_before_any_other_command(tmp_path: Path) -> None:
    async with opened(tmp_path) as hall:
        await do(hall, taking("t1"))
    clock = TurnedClock(NOON + 3 * 24 * HOUR_MS)
    async with opened(tmp_path, clock) as hall:
        await do(hall, taking("t2"))
        assert (await types(hall))[-3:] == ["ticket.expired", "day.ended", "ticket.taken"]
        assert hall.state.tickets["t2"].number == "A001"
        assert hall.state.day == "2026-03-05"
    # And before a change of hall.toml, so that a service for which people waited yesterday may go.
    async with opened(tmp_path, TurnedClock(NOON + 9 * 24 * HOUR_MS), without_payment()) as hall:
        assert "payment" not in hall.state.hall.services
        assert (await types(hall))[-4:] == ["ticket.expired", "day.ended", "config.changed", "policy.changed"]


def without_payment() -> str:
    start = HALL.index("[service.payment]")
    rest = HALL[:start] + HALL[HALL.index("[service.business]") :]
    return rest.replace("payment = 1", "business = 1").replace("payment = 2, business = 1", "business = 1")


async def test_a_service_for_which_people_wait_cannot_go(tmp_path: Path) -> None:
    async with opened(tmp_path) as hall:
        await do(hall, taking("t1"))
    with pytest.raises(BaseExceptionGroup) as caught:
        async with opened(tmp_path, toml=without_payment()):
            pass
    (error,) = flat(caught.value)
    assert isinstance(error, ConfigurationError)
    assert "A001" in str(error)
    async with opened(tmp_path) as hall:
        assert "t1" in hall.state.tickets


def flat(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    return [
        leaf
        for error in group.exceptions
        for leaf in (flat(error) if isinstance(error, BaseExceptionGroup) else [error])
    ]


async def a_busy_morning(hall: Hall, clock: TurnedClock) -> None:
    """Something of everything."""
    for counter in (1, 2, 3):
        await do(hall, c.OpenCounter(by="x", counter=counter, agent=f"a{counter}"))
    for n in range(30):
        clock.turn(20_000)
        service = ("payment", "business", "payment")[n % 3]
        await do(hall, taking(f"t{n}", service, ("easyown", "gotone")[n % 2]))
        counter = n % 2 + 1
        here = hall.state.counters[counter]
        if here.ticket is None:
            await hall.submit(c.CallNext(by="x", counter=counter), lambda s, e, now: None)
        elif n % 5 == 0:
            await do(hall, c.HoldTicket(by="x", ticket=here.ticket))
        else:
            await do(hall, c.StartService(by="x", counter=counter))
            await do(hall, c.FinishService(by="x", counter=counter))
    await do(hall, c.PrintTicket(by="x", ticket="t3"))
    await do(hall, c.ReportDevice(by="x", device="printer", status="online"))
    await do(hall, c.ConfigureCounter(by="x", counter=1, skills={"payment": 1, "repair": 2}))


async def test_snapshot_and_replay_give_what_plain_replay_and_life_give(tmp_path: Path) -> None:
    clock = TurnedClock()
    async with opened(tmp_path, clock) as hall:
        await a_busy_morning(hall, clock)
        plain, begun = await replay(hall.journal, factory())
        assert begun == 0
        assert plain.dump() == hall.state.dump()
        await save_snapshot(hall.state, hall.journal)
        at = hall.state.seq
        clock.turn(60_000)
        await do(hall, taking("later"))
        await hall.submit(c.CallNext(by="x", counter=3), lambda s, e, now: None)
        shortened, begun = await replay(hall.journal, factory())
        assert begun == at
        assert shortened.dump() == hall.state.dump()
        shortened.check_invariants()
        life = hall.state.dump()
    async with opened(tmp_path, clock) as hall:
        assert hall.state.dump() == life


async def test_a_snapshot_of_another_versions_shape_is_passed_over(tmp_path: Path) -> None:
    async with opened(tmp_path) as hall:
        await do(hall, taking("t1"))
        dumped = hall.state.dump()
        del dumped["counters"]
        await hall.journal.save_snapshot(hall.state.seq, hall.state.at, msgspec.json.encode(dumped))
        again, begun = await replay(hall.journal, factory())
        assert begun == 0
        assert again.dump() == hall.state.dump()


async def test_a_managers_skills_for_a_service_that_leaves_the_file_make_room_for_the_files(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as hall:
        await do(hall, c.ConfigureCounter(by="x", counter=2, skills={"payment": 1}))
    async with opened(tmp_path, toml=without_payment()) as hall:
        assert "payment" not in hall.state.counters[2].skills


async def test_a_dump_survives_json(tmp_path: Path) -> None:
    clock = TurnedClock()
    async with opened(tmp_path, clock) as hall:
        await a_busy_morning(hall, clock)
        dumped = msgspec.json.decode(msgspec.json.encode(hall.state.dump()))
        assert HallState.load(dumped, factory()).dump() == hall.state.dump()


async def test_a_record_that_cannot_follow_is_named(tmp_path: Path) -> None:
    async with opened(tmp_path) as hall:
        await do(hall, taking("t1"))
        real = hall.journal.records_after

        async def without_the_ticket(seq: int, limit: int = 500) -> list[object]:
            return [record for record in await real(seq, limit) if record.type != "config.changed"]

        hall.journal.records_after = without_the_ticket  # type: ignore[assignment]  # a journal with a hole
        with pytest.raises((StoreCorrupt, RuntimeError), match=r"record 2|settings"):
            await replay(hall.journal, factory())


async def test_a_restart_writes_only_what_changed_in_the_file(tmp_path: Path) -> None:
    async with opened(tmp_path) as hall:
        first = await records(hall)
        assert [record.type for record in first] == ["config.changed", "policy.changed"]
        await do(hall, c.ChangeConfig(by="admin", changes={"hall.max_recalls": 5, "policy.kind": "fifo"}))
    async with opened(tmp_path) as hall:
        assert len(await records(hall)) == 4
        assert hall.state.hall.max_recalls == 5
    changed = HALL.replace("mean_service_s = 180", "mean_service_s = 240")
    async with opened(tmp_path, toml=changed) as hall:
        (record,) = (await records(hall))[4:]
        data = msgspec.json.decode(record.data)
        assert data == {"by": "config", "changes": {"service.payment.mean_service_s": 240}}
        assert hall.state.hall.max_recalls == 5
    again = changed.replace("max_recalls = 1", "max_recalls = 2")
    async with opened(tmp_path, toml=again) as hall:
        (record,) = (await records(hall))[5:]
        assert msgspec.json.decode(record.data)["changes"] == {"hall.max_recalls": 2}
        assert hall.state.hall.max_recalls == 2
        assert hall.state.hall.policy.kind == "fifo"


async def test_a_setting_that_leaves_the_file_leaves_the_hall(tmp_path: Path) -> None:
    async with opened(tmp_path) as hall:
        assert hall.state.hall.services["repair"].max_waiting == 2
    async with opened(tmp_path, toml=HALL.replace("max_waiting = 2\n", "")) as hall:
        assert hall.state.hall.services["repair"].max_waiting is None
        assert msgspec.json.decode((await records(hall))[-1].data)["changes"] == {
            "service.repair.max_waiting": None
        }


async def test_check_shows_what_the_journal_overrides(tmp_path: Path) -> None:
    async with opened(tmp_path) as hall:
        values = dict(hall.state.values)
        await do(hall, c.ChangeConfig(by="admin", changes={"hall.max_recalls": 5}))
        await do(hall, c.ConfigureCounter(by="x", counter=1, skills={"payment": 1, "repair": 2}))
    data = tmp_path / "data"
    assert await read_overrides(data, values) == {
        "counter.1.skills": {"payment": 1, "repair": 2},
        "hall.max_recalls": 5,
    }
    asked = ["check", str(tmp_path / "hall.toml"), "--data", str(data)]
    said = await trio.to_thread.run_sync(lambda: CliRunner().invoke(main, asked))
    assert said.exit_code == 0
    assert "overridden: hall.max_recalls: 1 in the file, 5 in force" in said.output
    told = await trio.to_thread.run_sync(lambda: CliRunner().invoke(main, [*asked, "--json"]))
    overridden = json.loads(told.stdout.splitlines()[-1])["overridden"]
    assert {one["key"]: one["in_force"] for one in overridden}["hall.max_recalls"] == 5


async def test_after_a_sped_up_day_an_example_halls_time_goes_on(tmp_path: Path) -> None:
    ahead = TurnedClock(SystemClock().now_ms() + 48 * HOUR_MS)
    async with opened(tmp_path, ahead) as hall:
        await do(hall, taking("t1"))
    options = Options(data_dir=tmp_path / "data", host="127.0.0.1", port=0, example=True)
    clock = await start_clock(options, IdSource())
    begun = clock.now_ms()
    assert begun >= ahead.now_ms()
    with trio.fail_after(5):
        await clock.sleep_until(begun + 20)
    assert clock.now_ms() > begun


async def test_a_clock_far_behind_the_journal_is_complained_of(tmp_path: Path) -> None:
    async with opened(tmp_path, TurnedClock(NOON + HOUR_MS)) as hall:
        await do(hall, taking("t1"))
    for clock, complaints in ((NOON + HOUR_MS, []), (NOON, [3600])):
        with capture_logs() as logs:
            async with opened(tmp_path, TurnedClock(clock)):
                pass
        assert [log["ahead_s"] for log in logs if log["log_level"] == "error"] == complaints


async def test_a_changed_policy_survives_a_restart_and_a_version_of_hall_toml_wins(tmp_path: Path) -> None:
    async with opened(tmp_path) as hall:
        await do(hall, c.ChangePolicy(by="manager", changes={"policy.kind": "deadline"}))
        terms = hall.state.queues.terms
    async with opened(tmp_path) as hall:
        assert hall.state.hall.policy.kind == "deadline"
        assert hall.state.queues.terms == terms
        await do(hall, c.RollbackPolicy(by="manager", version=1))
    async with opened(tmp_path) as hall:
        assert [each.cause for each in hall.state.policies.versions] == ["config", "asked", "rollback"]
        await do(hall, c.ChangePolicy(by="manager", changes={"policy.behind": 7}))
    before = HALL.index("[policy]")
    changed = HALL[:before] + "[policy]\nbehind = 4\n" + HALL[HALL.index("[", before + 1) :]
    async with opened(tmp_path, toml=changed) as hall:
        assert hall.state.hall.policy.behind == 4
        assert hall.state.policies.versions[-1].cause == "config"
