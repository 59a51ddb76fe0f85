"""Keypads: their keys do exactly what the acts over HTTP do, and nothing that was not meant."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
import trio
from structlog.testing import capture_logs

from somc.announce import keypads
from somc.announce.keypads import Line, command_of, numbered
from somc.config import CustomerTable
from somc.domain import commands as c
from somc.domain.decide import decide
from somc.domain.values import CounterState, TicketState
from somc.errors import Overloaded
from somc.journal.record import Record
from somc.runtime.ids import IdSource
from somc.server.access import Principal, issue
from somc.server.app import Application
from somc.server.desk import Desk
from somc.server.queries import Floor
from somc_hal.devices import CounterCaller
from somc_hal.simulators.host import WHERES, Where
from somc_hal.simulators.reference import KeypadSimulator
from somc_hal.values import Key, KeyEvent
from tests.announce.rig import Plug, Rig, rig
from tests.announce.standing import Standing

KEYPAD = Plug("keypad", "reference-keypad", 1)
STRIP = Plug("strip", "reference-strip", 1)


async def press(hall: Rig, key: Key, digits: str = "") -> None:
    """Press a key and wait until all that follows from it has happened."""
    hall.keypad().press(key, digits)
    await hall.quiet()


def told(records: list[Record]) -> list[tuple[str, dict[str, Any]]]:
    """Records by what they say, but for who asked and under which id."""
    found = []
    for record in records:
        data = msgspec.json.decode(record.data)
        data.pop("by")
        data.pop("ticket", None)
        found.append((record.type, data))
    return found


# -- the same as HTTP -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One key, and the request that says the same. `{ticket}` is the id of the ticket at counter 1."""

    key: Key
    digits: str
    path: str
    body: dict[str, Any]


def at_counter(key: Key, act: str, digits: str = "", **body: Any) -> Step:
    return Step(key, digits, f"/api/v1/counters/1/{act}", body)


SIGN_IN = at_counter(Key.SIGN_IN, "open", "8001", agent="8001")
NEXT = at_counter(Key.NEXT, "call-next")
START = at_counter(Key.START, "start")
FINISH = at_counter(Key.FINISH, "finish")
RECALL = at_counter(Key.RECALL, "recall")
NO_SHOW = at_counter(Key.NO_SHOW, "no-show")
PAUSE = at_counter(Key.PAUSE, "pause", reason="keypad")
UNPAUSE = at_counter(Key.PAUSE, "resume")
RESUME = at_counter(Key.RESUME, "resume")
SIGN_OUT = at_counter(Key.SIGN_OUT, "close")
HOLD = Step(Key.HOLD, "", "/api/v1/tickets/{ticket}/hold", {})
TRANSFER = Step(Key.TRANSFER, "2", "/api/v1/tickets/{ticket}/transfer", {"counter": 2})
CALL = at_counter(Key.CALL, "call", "3", ticket="A003")

DAYS = {
    "a customer": [SIGN_IN, NEXT, START, FINISH, SIGN_OUT],
    "recalled until a no-show": [SIGN_IN, NEXT, RECALL, RECALL, RECALL, NEXT],
    "no-show": [SIGN_IN, NEXT, NO_SHOW, NEXT],
    "held": [SIGN_IN, NEXT, HOLD, NEXT, START, HOLD],
    "transferred": [SIGN_IN, NEXT, TRANSFER, NEXT, START, TRANSFER],
    "paused and resumed": [SIGN_IN, PAUSE, NEXT, UNPAUSE, NEXT, PAUSE, RESUME, RESUME],
    "called by number": [SIGN_IN, CALL, START, FINISH, NEXT],
    "everything at the wrong time": [
        *(NEXT, START, FINISH, RECALL, NO_SHOW, PAUSE, RESUME, SIGN_OUT, CALL, SIGN_IN, SIGN_IN),
        *(START, FINISH, RECALL, NO_SHOW, NEXT, NEXT, CALL, FINISH, START, START, RECALL, NO_SHOW, SIGN_OUT),
        *(PAUSE, FINISH, NEXT, SIGN_OUT, SIGN_OUT),
    ],
}


async def prepare(hall: Rig) -> None:
    await hall.open(2)
    for _ in range(4):
        await hall.take()
    await hall.quiet()


@pytest.mark.parametrize("day", DAYS)
async def test_keys_leave_the_same_records_as_the_requests_of_a_page(tmp_path: Path, day: str) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "page").mkdir()
    beeps: list[bool] = []
    async with rig(tmp_path / "keys", [KEYPAD]) as hall:
        await prepare(hall)
        for step in DAYS[day]:
            before = hall.keypad().beeps
            await press(hall, step.key, step.digits)
            beeps.append(hall.keypad().beeps > before)
        by_keys = await hall.records()
    refusals: list[bool] = []
    async with rig(tmp_path / "page") as hall:
        await prepare(hall)
        ask = await asker(hall)
        for step in DAYS[day]:
            ticket = hall.counter(1).ticket or "nobody"
            body = dict(step.body)
            if step is CALL:
                body["ticket"] = next(t.id for t in hall.hall.state.tickets.values() if t.number == "A003")
            answer = await ask(step.path.format(ticket=ticket), body)
            assert answer in (200, 204, 404, 409), (step, answer)
            refusals.append(answer >= 400)
        by_page = await hall.records()
    assert told(by_keys) == told(by_page)
    assert beeps == refusals, "a key beeps exactly when the page's button is refused"
    keys = [msgspec.json.decode(record.data)["by"] for record in by_keys]
    assert set(keys) <= {"config", "kiosk:1", "agent:li", "keypad:1"}


async def asker(hall: Rig) -> Callable[[str, dict[str, Any]], Awaitable[int]]:
    """Requests of an administrator to the real application, without a socket between."""
    table = CustomerTable()
    app = Application(Floor(hall.hall, {}), Desk(hall.hall, IdSource(2), lambda: table), ready=lambda: True)
    secret = await issue(hall.hall.journal, Principal("boss", ("admin",)), "api", hall.hall.now() + 10**9)
    headers = [(b"authorization", f"Bearer {secret}".encode()), (b"content-type", b"application/json")]

    async def ask(path: str, body: dict[str, Any]) -> int:
        """One request as the server gives it to the application (ASGI); the status of its answer."""
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": headers,
            "client": ("127.0.0.1", 9),
            "server": ("hall", 80),
        }
        content = [msgspec.json.encode(body)]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            await trio.lowlevel.checkpoint()
            if content:
                return {"type": "http.request", "body": content.pop(), "more_body": False}
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            await trio.lowlevel.checkpoint()
            sent.append(message)

        await app(scope, receive, send)
        return int(sent[0]["status"])

    return ask


# -- in step --------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", WHERES)
async def test_screen_and_keypad_stay_in_step(tmp_path: Path, where: Where) -> None:
    plugs = [Plug("keypad", "reference-keypad", 1, where), Plug("strip", "reference-strip", 1, where)]
    async with rig(tmp_path, plugs) as hall:
        for _ in range(3):
            await hall.take()
        await press(hall, Key.SIGN_IN, "8001")
        assert hall.counter(1).agent == "8001"
        await press(hall, Key.NEXT)
        assert hall.keypad().shown == ("A001", 2)
        assert hall.strip_display().shown.lines[0] == "请A001到1号"
        await hall.serve(1)  # on the page
        await hall.call(1)
        await hall.quiet()
        assert hall.keypad().shown == ("A002", 1)
        await press(hall, Key.START)
        assert hall.strip_display().shown.lines[0] == "A002 办理中"
        await press(hall, Key.FINISH)
        assert hall.keypad().shown == ("", 1)
        await press(hall, Key.PAUSE)
        assert hall.strip_display().shown.lines[0] == "暂停服务"
        assert hall.counter(1).reason == "keypad"
        await press(hall, Key.PAUSE)
        assert hall.counter(1).state is CounterState.OPEN
        await press(hall, Key.SIGN_OUT)
        assert hall.strip_display().shown.lines[0] == "停止服务"
        assert hall.keypad().beeps == 0


async def test_two_keypads_that_press_next_at_once_get_two_customers(tmp_path: Path) -> None:
    plugs = [KEYPAD, Plug("keypad-2", "reference-keypad", 2)]
    async with rig(tmp_path, plugs) as hall:
        await hall.open(1, 2)
        await hall.take()
        await hall.take()
        hall.keypad().press(Key.NEXT)
        hall.keypad("keypad-2").press(Key.NEXT)
        await hall.until(lambda: hall.counter(1).ticket is not None and hall.counter(2).ticket is not None)
        assert {hall.at(1).number, hall.at(2).number} == {"A001", "A002"}


async def test_next_with_nobody_waiting_does_nothing_and_does_not_beep(tmp_path: Path) -> None:
    async with rig(tmp_path, [KEYPAD]) as hall:
        await hall.open(1)
        head = hall.hall.journal.head
        await press(hall, Key.NEXT)
        assert hall.hall.journal.head == head
        assert hall.keypad().beeps == 0


async def test_a_keypad_that_cannot_beep_is_not_asked_to(tmp_path: Path) -> None:
    async with rig(tmp_path, [Plug("keypad", "reference-keypad", 1, options={"beep": False})]) as hall:
        await press(hall, Key.FINISH)
        await hall.open(1)
        await hall.take()
        await press(hall, Key.NEXT)
        assert hall.at(1).number == "A001"
        assert hall.keypad().beeps == 0


# -- typed numbers --------------------------------------------------------------------------------


def pressed(key: Key, digits: str = "") -> KeyEvent:
    return KeyEvent(1, key, digits)


def test_a_typed_number_finds_the_one_ticket_that_can_be_called() -> None:
    hall = Standing()
    hall.open(1, 2)
    first = hall.take("payment")
    assert (
        numbered(hall.state, "1") == numbered(hall.state, "001") == numbered(hall.state, "A001") == first.id
    )
    assert numbered(hall.state, "0001") == first.id
    for nothing in ("", "2", "11", "A", "A1", "١", "1" * 5000):
        assert numbered(hall.state, nothing) is None


def test_digits_that_two_waiting_tickets_share_call_neither() -> None:
    hall = Standing()
    hall.open(1, 2)
    payment, business = hall.take("payment"), hall.take("business")
    assert (payment.number, business.number) == ("A001", "B001")
    assert numbered(hall.state, "1") is None
    assert numbered(hall.state, "B001") == business.id
    # Once one of them is being served there is no doubt whom the agent means.
    hall.call(1)
    assert hall.state.tickets[payment.id].state is TicketState.CALLED
    assert numbered(hall.state, "1") == business.id


def test_a_held_ticket_is_called_by_its_number_and_an_ended_one_is_not() -> None:
    hall = Standing()
    hall.open(1)
    ticket = hall.take()
    hall.do(c.HoldTicket(by="agent:li", ticket=ticket.id))
    assert numbered(hall.state, "1") == ticket.id
    hall.do(c.CancelTicket(by="agent:li", ticket=ticket.id))
    assert numbered(hall.state, "1") is None


async def test_an_ambiguous_number_beeps_and_calls_nobody(tmp_path: Path) -> None:
    async with rig(tmp_path, [KEYPAD]) as hall:
        await hall.open(1)
        await hall.take("payment")
        await hall.take("business")
        await press(hall, Key.CALL, "1")
        assert hall.counter(1).ticket is None
        assert hall.keypad().beeps == 1
        await hall.take("payment")
        await press(hall, Key.CALL, "2")
        assert hall.at(1).number == "A002"


@pytest.mark.parametrize("digits", ["", "0", "9", "99999999"])
async def test_a_transfer_to_no_counter_beeps_and_moves_nobody(tmp_path: Path, digits: str) -> None:
    async with rig(tmp_path, [KEYPAD]) as hall:
        await hall.open(1)
        ticket = await hall.take()
        await hall.call(1)
        await press(hall, Key.TRANSFER, digits)
        assert hall.keypad().beeps == 1
        assert hall.at(1).id == ticket.id


@pytest.mark.parametrize("key", list(Key))
def test_every_key_means_something_or_nothing_whatever_was_typed_before(key: Key) -> None:
    hall = Standing()
    hall.open(1, 2)
    hall.take()
    hall.call(1)
    for digits in ("", "1", "0", "99999999", "x", "²", "١", "9" * 5000):
        for counter in (1, 2, 12, 77):  # called at, free, closed, none
            command = command_of(hall.state, counter, pressed(key, digits))
            if command is not None:
                decide(hall.state, command, hall.now)  # a refusal at worst


def test_keys_ask_in_the_name_of_their_keypad() -> None:
    hall = Standing()
    for key in Key:
        command = command_of(hall.state, 2, pressed(key, "1"))
        assert command is None or command.by == "keypad:2"


# -- storms and broken lines ----------------------------------------------------------------------


async def test_a_storm_of_keys_is_taken_bit_by_bit_and_each_key_once(tmp_path: Path) -> None:
    plug = Plug("keypad", "reference-keypad", 1, options={"key_buffer": 4})
    async with rig(tmp_path, [plug]) as hall:
        await hall.open(1)
        for _ in range(64):
            hall.keypad().press(Key.PAUSE)
        with pytest.raises(OverflowError):
            hall.keypad().press(Key.PAUSE)
        await hall.quiet()
        kinds = [record.type for record in await hall.records()]
        assert kinds.count("counter.paused") == kinds.count("counter.resumed") == 32
        assert hall.keypad().beeps == 0


async def test_a_key_that_finds_the_door_full_beeps_and_the_next_one_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object, **__: object) -> None:
        raise Overloaded(retry_after_s=1)

    async with rig(tmp_path, [KEYPAD]) as hall:
        await hall.open(1)
        await hall.take()
        with monkeypatch.context() as patch, capture_logs() as logs:
            patch.setattr(hall.hall, "submit", full)
            await press(hall, Key.NEXT)
            assert hall.keypad().beeps == 1
        assert [entry["event"] for entry in logs] == ["key not carried out"]
        await press(hall, Key.NEXT)
        assert hall.at(1).number == "A001"


class KeptLine(Line):
    """A line that the test can look at."""

    made: ClassVar[list[Line]] = []

    def __init__(self, keypad: CounterCaller) -> None:
        super().__init__(keypad)
        self.made.append(self)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[Line]:
    """The lines of all keypads, with short times."""
    monkeypatch.setattr(keypads, "LOOKED_EVERY_S", 0.01)
    monkeypatch.setattr(keypads, "LATE_S", 0.3)
    monkeypatch.setattr(keypads, "TONES_EVERY_S", 0.2)
    monkeypatch.setattr(KeptLine, "made", [])
    monkeypatch.setattr(keypads, "Line", KeptLine)
    return KeptLine.made


async def test_keys_pressed_while_the_line_was_down_are_dropped_with_one_beep(
    tmp_path: Path, lines: list[Line]
) -> None:
    with capture_logs() as logs:
        async with rig(tmp_path, [KEYPAD]) as hall:
            await hall.open(1)
            await hall.take()
            await hall.take()
            await hall.call(1)
            await hall.do(c.StartService(by="agent:li", counter=1))
            for _ in range(2):
                await hall.until(lambda: not lines[0].late)
                await hall.hosts["keypad"].unplug()
                await hall.until(lambda: lines[0].late)
                hall.keypad().press(Key.FINISH)
                hall.keypad().press(Key.NEXT)
                await hall.hosts["keypad"].replug()
                await hall.until(lambda: bool(hall.keypad().beeps))
                await hall.quiet()
                assert hall.at(1).number == "A001", "an old FINISH ended a service"
                assert hall.keypad().beeps == 1
                hall.keypad().beeps = 0
            # What is pressed after that is meant.
            await hall.until(lambda: not lines[0].late)
            await press(hall, Key.FINISH)
            assert hall.counter(1).ticket is None
            assert hall.keypad().beeps == 0
    old = [entry["key"] for entry in logs if entry["event"] == "old key not carried out"]
    assert old == ["finish", "next"] * 2


async def test_a_key_pressed_before_the_first_connection_is_meant(tmp_path: Path, lines: list[Line]) -> None:
    def pressed_already() -> KeypadSimulator:
        keypad = KeypadSimulator()
        keypad.press(Key.SIGN_IN, "8001")
        return keypad

    plug = Plug("keypad", "reference-keypad", 1, simulator=pressed_already)
    async with rig(tmp_path, [plug]) as hall:
        await hall.quiet()
        assert hall.counter(1).agent == "8001"
        assert not lines[0].late
