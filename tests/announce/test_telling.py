"""What evaluators, people counters and hardware monitors tell becomes records, each at its time and once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from somc.announce.readings import Watch
from somc.domain import commands as c
from somc_hal.simulators.reference_events import EvaluatorSimulator, PeopleCounterSimulator
from somc_hal.status import DeviceState, DeviceStatus, Truth
from somc_hal.values import Key, Reading, ReadingKind
from tests.announce.rig import RATING_WAIT_S, Plug, Rig, rig

ASKING = Plug("evaluator", "reference-evaluator", 1)
DOORS = Plug("doors", "reference-people-counter")


def evaluator(hall: Rig) -> EvaluatorSimulator:
    return cast(EvaluatorSimulator, hall.simulators["evaluator"])


async def told(hall: Rig, kind: str) -> list[dict[str, Any]]:
    return [msgspec.json.decode(record.data) for record in await hall.records() if record.type == kind]


async def scores(hall: Rig) -> list[tuple[str, int | None]]:
    return [(one["number"], one.get("score")) for one in await told(hall, "ticket.rated")]


async def pass_time(hall: Rig, seconds: float) -> None:
    hall.clock.advance(hall.clock.now_ms() + round(seconds * 1000))
    await hall.quiet()


# -- ratings ------------------------------------------------------------------------------------------


async def test_the_customer_is_asked_after_the_service_and_not_before(tmp_path: Path) -> None:
    async with rig(tmp_path, [ASKING]) as hall:
        await hall.open(1)
        await hall.take()
        await hall.call(1)
        await hall.quiet()
        assert list(evaluator(hall).asked) == []
        await hall.serve(1)
        await hall.quiet()
        assert list(evaluator(hall).asked) == ["A001"]
        assert await scores(hall) == []
        evaluator(hall).rate(4)
        await hall.quiet()
        assert await scores(hall) == [("A001", 4)]
        await pass_time(hall, 2 * RATING_WAIT_S)
        assert await scores(hall) == [("A001", 4)]


async def test_the_rating_key_of_a_keypad_ends_the_service_and_the_customer_is_asked(tmp_path: Path) -> None:
    async with rig(tmp_path, [ASKING, Plug("keypad", "reference-keypad", 1)]) as hall:
        await hall.open(1)
        await hall.take()
        hall.keypad().press(Key.RATE)  # nobody is served: nothing but a tone
        await hall.quiet()
        await hall.call(1)
        hall.keypad().press(Key.RATE)
        hall.keypad().press(Key.START)
        await hall.quiet()
        assert list(evaluator(hall).asked) == []
        hall.keypad().press(Key.RATE)
        await hall.quiet()
        assert list(evaluator(hall).asked) == ["A001"]
        evaluator(hall).rate(5)
        await hall.quiet()
        assert await scores(hall) == [("A001", 5)]
        assert hall.keypad().beeps == 2


async def test_no_press_is_not_rated_when_the_time_is_over(tmp_path: Path) -> None:
    async with rig(tmp_path, [ASKING]) as hall:
        await hall.open(1)
        await hall.take()
        await hall.call(1)
        await hall.serve(1)
        await hall.quiet()
        await pass_time(hall, RATING_WAIT_S - 1)
        assert await scores(hall) == []
        await pass_time(hall, 1)
        assert await scores(hall) == [("A001", None)]
        evaluator(hall).rate(5)  # of a question that is over
        await hall.quiet()
        assert await scores(hall) == [("A001", None)]


async def test_the_next_service_ends_the_question(tmp_path: Path) -> None:
    async with rig(tmp_path, [ASKING]) as hall:
        await hall.open(1)
        for _ in range(2):
            await hall.take()
        await hall.call(1)
        await hall.serve(1)
        await hall.quiet()
        await hall.call(1)
        await hall.quiet()
        assert await scores(hall) == []
        await hall.do(c.StartService(by="agent:li", counter=1))
        await hall.quiet()
        assert await scores(hall) == [("A001", None)]
        evaluator(hall).rate(1)  # the second customer's finger on the first one's question
        await hall.quiet()
        assert await scores(hall) == [("A001", None)]
        await hall.do(c.FinishService(by="agent:li", counter=1))
        await hall.quiet()
        evaluator(hall).rate(3)
        await hall.quiet()
        assert await scores(hall) == [("A001", None), ("A002", 3)]


async def test_who_cannot_be_asked_is_not_written_down_as_not_rated(tmp_path: Path) -> None:
    async with rig(tmp_path, [ASKING]) as hall:
        await hall.open(1)
        evaluator(hall).power_off()
        await hall.until(lambda: not hall.devices.evaluators[0].evaluator.status.serving)
        await hall.take()
        await hall.call(1)
        await hall.serve(1)
        await hall.quiet()
        await pass_time(hall, RATING_WAIT_S + 1)
        assert await scores(hall) == []


async def test_two_evaluators_of_a_counter_make_one_rating(tmp_path: Path) -> None:
    async with rig(tmp_path, [ASKING, Plug("second", "reference-evaluator", 1)]) as hall:
        await hall.open(1)
        await hall.take()
        await hall.call(1)
        await hall.serve(1)
        await hall.quiet()
        cast(EvaluatorSimulator, hall.simulators["second"]).rate(5)
        await hall.quiet()
        await pass_time(hall, RATING_WAIT_S + 1)
        assert await scores(hall) == [("A001", 5)]


# -- people -------------------------------------------------------------------------------------------


async def test_people_are_written_down_by_door_at_the_quarter(tmp_path: Path) -> None:
    async with rig(tmp_path, [DOORS]) as hall:
        doors = cast(PeopleCounterSimulator, hall.simulators["doors"])
        began = hall.clock.now_ms()
        for _ in range(40):
            doors.walk(entered=2, left=1, door="north")
            doors.walk(left=1, door="south")
            await hall.quiet()
        await pass_time(hall, 14 * 60)
        assert await told(hall, "people.counted") == []
        await pass_time(hall, 60)
        counted = await told(hall, "people.counted")
        assert [(one["door"], one.get("entered", 0), one["left"], one["since"]) for one in counted] == [
            ("north", 80, 40, began),
            ("south", 0, 40, began),
        ]
        await pass_time(hall, 15 * 60)
        assert len(await told(hall, "people.counted")) == 2  # nobody came: no record
        doors.walk(entered=1, door="north")
        await hall.quiet()
        await pass_time(hall, 15 * 60)
        last = (await told(hall, "people.counted"))[-1]
        assert (last["entered"], last["since"]) == (1, began + 30 * 60 * 1000)


# -- readings -----------------------------------------------------------------------------------------


class Monitored:
    """A watch without a wire, and what it reported."""

    def __init__(self) -> None:
        self.said: list[tuple[DeviceState, str]] = []
        self.watch = Watch({"temperature": (5, 45)}, self.report, lambda: 7)
        self.watch.heard(DeviceStatus("cabinet", DeviceState.ONLINE, Truth.YES))

    def report(self, status: DeviceStatus) -> None:
        self.said.append((status.state, status.detail))

    def measure(self, kind: ReadingKind, value: float | Truth, place: str = "rack") -> None:
        self.watch.take(Reading(kind, place, value))


def test_a_fault_is_told_once_and_cleared_once_without_chatter() -> None:
    it = Monitored()
    for value in (20.0, 44.9, 45.1, 60.0, 45.0, 43.1, 43.0, 20.0):
        it.measure(ReadingKind.TEMPERATURE, value)
    assert it.said == [
        (DeviceState.ONLINE, ""),
        (DeviceState.HARDWARE_ERROR, "temperature rack 45.1 °C, above 45 °C"),
        (DeviceState.ONLINE, ""),
    ]


@pytest.mark.parametrize(
    ("kind", "bad", "good", "state", "words"),
    [
        (ReadingKind.POWER, Truth.NO, Truth.YES, DeviceState.HARDWARE_ERROR, "no mains rack"),
        (ReadingKind.DOOR, Truth.YES, Truth.NO, DeviceState.USER_ERROR, "door rack is open"),
    ],
)
def test_mains_and_doors_are_faults_by_themselves(
    kind: ReadingKind, bad: Truth, good: Truth, state: DeviceState, words: str
) -> None:
    it = Monitored()
    for value in (good, bad, Truth.UNKNOWN, bad, good):
        it.measure(kind, value)
    assert it.said[1:] == [(state, words), (DeviceState.ONLINE, "")]


def test_several_faults_stand_together_and_the_device_s_own_comes_first() -> None:
    it = Monitored()
    it.measure(ReadingKind.DOOR, Truth.YES)
    it.measure(ReadingKind.TEMPERATURE, 1.0)
    assert it.said[-1] == (
        DeviceState.HARDWARE_ERROR,
        "door rack is open; temperature rack 1 °C, below 5 °C",
    )
    it.watch.heard(DeviceStatus("cabinet", DeviceState.OFFLINE, Truth.NO, detail="cut"))
    assert it.said[-1] == (DeviceState.OFFLINE, "cut")
    it.measure(ReadingKind.DOOR, Truth.NO)
    assert it.said[-1] == (DeviceState.OFFLINE, "cut")
    it.watch.heard(DeviceStatus("cabinet", DeviceState.ONLINE, Truth.YES))
    assert it.said[-1] == (DeviceState.HARDWARE_ERROR, "temperature rack 1 °C, below 5 °C")


def test_of_each_place_the_newest_reading_is_kept_and_no_more_places_than_a_hall_has() -> None:
    it = Monitored()
    for value in (20.0, 21.0):
        it.measure(ReadingKind.TEMPERATURE, value)
    assert it.watch.rows == [{"kind": "temperature", "place": "rack", "value": 21.0, "at": 7}]
    for place in range(200):
        it.measure(ReadingKind.TEMPERATURE, 20.0, str(place))
    assert len(it.watch.rows) == 64
