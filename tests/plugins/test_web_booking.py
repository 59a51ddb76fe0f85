"""Booking on the web against a running hall: proof of the number, booking, the code, the place in line."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
import trio
import trio.testing

from somc.api import Done, PluginContext, Refusal, Request, Response, SendMessage, Socket, SocketClosed
from somc.domain.events import MessageQueued
from somc.domain.templates import BUILT_IN
from somc.messages.messenger import Messenger
from somc.runtime.hall import Decided
from somc.runtime.plugins.acting import Actions
from somc.runtime.plugins.routing import check_routes, match
from somc.runtime.plugins.store import FileStore
from somc.server.appointment_actions import add_appointment_actions
from somc_plugins import web_booking
from somc_plugins.web_booking import WebBookingConfig
from somc_plugins.web_booking.proof import Bucket
from tests.server.booking import day_of_appointments
from tests.server.rig import Running, running

PHONE = "13911112222"


class Behind:
    """The hall behind the plugin's context: the actions of a running one."""

    def __init__(self, hall: Running) -> None:
        self.hall = hall.node.hall
        self.actions = Actions(self.hall)
        add_appointment_actions(self.actions, hall.node.app.desk, hall.node.app.floor)
        messenger = Messenger(self.hall, hall.node.app.desk.ids, BUILT_IN)
        self.sent: list[str] = []
        self.late_ms = 0

        async def send(plugin: str, sees: frozenset[str], action: SendMessage) -> Done | Refusal:
            assert "phone" in sees
            outcome = await messenger.send(
                action.template, action.values, by=f"plugin:{plugin}", phone=action.phone
            )
            if isinstance(outcome, Refusal):
                return outcome
            assert isinstance(outcome, Decided)
            [queued] = [event for event in outcome.events if isinstance(event, MessageQueued)]
            words = await self.hall.journal.message_text(queued.message)
            assert words is not None
            self.sent.append(words)
            return Done(seq=outcome.seq)

        self.actions.add(SendMessage, send)

    def now(self) -> int:
        return self.hall.now() + self.late_ms

    async def do(self, action: Any) -> Any:
        # As from a process of its own: an action is read there, with every limit of its fields.
        action = msgspec.convert(msgspec.to_builtins(action), type(action))
        return await self.actions.do("web_booking", web_booking.somc_plugin().sees, action)


class Site:
    """The plugin's routes, asked as the host asks them."""

    def __init__(self, context: PluginContext, behind: Behind) -> None:
        self.routes = list(web_booking.somc_routes(context))
        check_routes(self.routes)
        self.behind = behind
        self.context = context

    async def ask(self, method: str, path: str, body: Any = None, address: str = "203.0.113.5") -> Response:
        where, _, query = path.partition("?")
        found, _ = match(self.routes, method, where)
        assert found is not None, path
        request = Request(
            method=method,
            path=where,
            params=found.params,
            query=dict(pair.split("=") for pair in query.split("&")) if query else {},
            headers={} if method == "GET" else {"content-type": "application/json"},
            body=b"" if body is None else msgspec.json.encode(body),
            address=address,
        )
        answer: Response = await self.routes[found.number].handler(request)  # type: ignore[arg-type] # a Route's, not a SocketRoute's
        return answer

    async def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = await self.ask(method, path, body, **more)
        assert answer.status in (200, 201), answer.body
        return answer.body

    async def no(self, status: int, code: str, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = await self.ask(method, path, body, **more)
        said: Any = answer.body
        assert (answer.status, said["code"]) == (status, code), said
        assert re.search(r"[\u4e00-\u9fff]", said["words"]["zh"])
        return said

    async def proved(self, phone: str = PHONE) -> str:
        proof: str = (await self.ok("POST", "/proofs", {"phone": phone}))["proof"]
        [code] = re.findall(r"(?<!\d)\d{6}(?!\d)", self.behind.sent[-1])
        await self.ok("POST", f"/proofs/{proof}", {"code": code})
        return proof

    async def slots(self) -> list[int]:
        services = await self.ok("GET", "/services")
        last = services["services"][0]["last_date"]
        found = await self.ok("GET", f"/slots?service=payment&date={last}")
        today = await self.ok("GET", "/slots?service=payment")
        return [slot["at"] for slot in (*today["slots"], *found["slots"]) if slot["free"]]


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path, day_of_appointments(capacity=1)) as found:
        yield found


@pytest.fixture
async def site(hall: Running, tmp_path: Path, nursery: trio.Nursery) -> AsyncIterator[Site]:
    store = FileStore(tmp_path / "web_booking.sqlite", b"k" * 32)
    behind = Behind(hall)
    context = PluginContext(
        "web_booking",
        WebBookingConfig(),
        tmp_path,
        structlog.get_logger(),
        nursery,
        store,
        behind,  # type: ignore[arg-type] # stands in for the host
    )
    made = Site(context, behind)
    await web_booking.somc_start(context)
    yield made
    nursery.cancel_scope.cancel()


async def test_a_customer_books_with_a_number_that_is_proved_and_gives_it_up(
    hall: Running, site: Site
) -> None:
    """AP-03, AP-05."""
    at = (await site.slots())[0]
    wish = {"service": "payment", "at": at}
    await site.no(403, "not_proved", "POST", "/appointments", {**wish, "proof": "made-up-proof"})
    proof = await site.proved()
    made = await site.ok("POST", "/appointments", {**wish, "proof": proof})
    again = await site.ok("POST", "/appointments", {**wish, "proof": proof})
    assert made["code"] == again["code"], "a second press books once"
    assert (made["state"], made["channel"], made["answer_by"]) == ("booked", "web", None)
    listed = (await hall.as_admin.get("/api/v1/appointments")).json()
    assert listed[0]["phone"] == "139****2222"
    full = await site.no(
        409, "slot_full", "POST", "/appointments", {**wish, "proof": await site.proved("13800000000")}
    )
    assert "约满" in full["words"]["zh"]
    gone = await site.ok("DELETE", f"/appointments/{made['code']}")
    assert gone["state"] == "cancelled"


async def test_the_code_opens_the_appointment_and_shows_the_place_in_line(hall: Running, site: Site) -> None:
    at = (await site.slots())[0]
    made = await site.ok(
        "POST", "/appointments", {"service": "payment", "at": at, "proof": await site.proved()}
    )
    path = f"/appointments/{made['code']}"
    assert (await site.ok("GET", path))["ticket_state"] is None
    await hall.open_counter(1)
    checked_in = await hall.as_admin.post(f"/api/v1/appointments/{made['code']}/check-in")
    assert checked_in.status_code == 201
    line = await site.ok("GET", path)
    assert (line["ticket_state"], line["position_now"], line["number"]) == ("waiting", 1, "A001")
    assert PHONE not in str(line)


async def test_the_page_follows_its_place_live_until_it_leaves(hall: Running, site: Site) -> None:
    at = (await site.slots())[0]
    made = await site.ok(
        "POST", "/appointments", {"service": "payment", "at": at, "proof": await site.proved()}
    )
    await hall.open_counter(1)
    told: list[Any] = []
    heard = trio.Event()

    class Page:
        request = Request(method="GET", path="/live", params={"code": made["code"]}, address="203.0.113.5")

        async def receive(self) -> str | bytes:
            raise SocketClosed

        async def send(self, message: str | bytes) -> None:
            told.append(msgspec.json.decode(message))
            heard.set()
            if told[-1]["ticket_state"] == "called":
                raise SocketClosed

        async def close(self, code: int = 1000, reason: str = "") -> None:
            raise AssertionError("closed by us")

    page: Socket = Page()
    live = site.routes[-1].handler
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(live, page)
            await heard.wait()
            ticket = (await hall.as_admin.post(f"/api/v1/appointments/{made['code']}/check-in")).json()
            await hall.at(1, "call", ticket=ticket["id"])
    assert [view["state"] for view in (told[0], told[-1])] == ["booked", "checked_in"]
    assert told[-1]["counter"] == 1


async def test_a_code_of_proof_is_good_for_five_tries_and_five_minutes(site: Site) -> None:
    proof = (await site.ok("POST", "/proofs", {"phone": PHONE}))["proof"]
    [code] = re.findall(r"(?<!\d)\d{6}(?!\d)", site.behind.sent[-1])
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    for _ in range(5):
        await site.no(422, "wrong_code", "POST", f"/proofs/{proof}", {"code": wrong})
    await site.no(422, "too_late", "POST", f"/proofs/{proof}", {"code": code})
    proof = (await site.ok("POST", "/proofs", {"phone": PHONE}))["proof"]
    site.behind.late_ms = 5 * 60_000 + 1000
    [code] = re.findall(r"(?<!\d)\d{6}(?!\d)", site.behind.sent[-1])
    await site.no(422, "too_late", "POST", f"/proofs/{proof}", {"code": code})
    await site.no(422, "no_proof", "POST", "/proofs/made-up-proof", {"code": code})


async def test_nobody_floods_a_stranger_s_telephone(site: Site) -> None:
    for phone in ("12345", "13911112222x", "+44 20 7946 0000", ""):
        await site.no(422, "bad_phone", "POST", "/proofs", {"phone": phone})
    for _ in range(5):
        await site.ok("POST", "/proofs", {"phone": "+86 139-1111-2222"})
    await site.no(429, "too_often", "POST", "/proofs", {"phone": PHONE}, address="198.51.100.1")
    for n in range(15):
        await site.ok("POST", "/proofs", {"phone": f"138000000{n:02d}"})
    await site.no(429, "too_often", "POST", "/proofs", {"phone": "13700000000"})
    await site.ok("POST", "/proofs", {"phone": "13700000000"}, address="198.51.100.1")


async def test_what_is_asked_at_once_is_counted_each(site: Site) -> None:
    proof = (await site.ok("POST", "/proofs", {"phone": PHONE}))["proof"]
    [code] = re.findall(r"(?<!\d)\d{6}(?!\d)", site.behind.sent[-1])
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    said: list[Any] = []

    async def ask(path: str, body: dict[str, str]) -> None:
        said.append((await site.ask("POST", path, body)).body)

    async with trio.open_nursery() as at_once:
        for _ in range(12):
            at_once.start_soon(ask, f"/proofs/{proof}", {"code": wrong})
    assert sum(body["code"] == "wrong_code" for body in said) == 5
    said.clear()
    async with trio.open_nursery() as at_once:
        for _ in range(12):
            at_once.start_soon(ask, "/proofs", {"phone": PHONE})
    assert sum("proof" in body for body in said) == 4, "five a day, and one was sent"


async def test_what_was_given_up_can_be_booked_again_at_once(site: Site) -> None:
    wish = {"service": "payment", "at": (await site.slots())[0], "proof": await site.proved()}
    first = await site.ok("POST", "/appointments", {**wish, "key": "wish-1"})
    assert (await site.ok("POST", "/appointments", {**wish, "key": "wish-1"}))["code"] == first["code"]
    await site.ok("DELETE", f"/appointments/{first['code']}")
    second = await site.ok("POST", "/appointments", {**wish, "key": "wish-2"})
    assert (second["state"], second["code"] != first["code"]) == ("booked", True)


async def test_one_address_does_not_take_every_live_place(site: Site) -> None:
    closed: list[int] = []

    class Page:
        def __init__(self, address: str) -> None:
            self.request = Request(method="GET", path="/live", params={"code": "1" * 14}, address=address)

        async def receive(self) -> str | bytes:
            raise SocketClosed

        async def send(self, message: str | bytes) -> None:
            return

        async def close(self, code: int = 1000, reason: str = "") -> None:
            closed.append(code)

    here = site.context.state
    here.following["203.0.113.5"] = 50
    await site.routes[-1].handler(Page("203.0.113.5"))  # type: ignore[arg-type] # a page stands in
    assert closed == [1013]
    await site.routes[-1].handler(Page("198.51.100.1"))  # type: ignore[arg-type] # a page stands in
    assert closed == [1013]
    assert here.following == {"203.0.113.5": 50}


async def test_no_date_or_instant_of_a_stranger_is_a_fault_of_the_plugin(site: Site) -> None:
    """A plugin that fails again and again is disabled: nobody from outside may bring that about."""
    proof = await site.proved()
    for at in (0, 253_402_300_799_999, 2**53):
        answer = await site.ask("POST", "/appointments", {"service": "payment", "at": at, "proof": proof})
        assert answer.status in (409, 422), at
    for date in ("9999-12-31", "0001-01-01", "2026-02-30", "x", "1" * 400):
        assert (await site.ask("GET", f"/slots?service=payment&date={date}")).status == 422, date
    long = "1" * 300
    assert (await site.ask("GET", f"/slots?service={long}")).status == 422
    for method, body in (("GET", None), ("DELETE", None), ("PATCH", {"at": 0})):
        answer = await site.ask(method, f"/appointments/{long}", body, address="198.51.100.9")
        assert answer.status in (404, 422), method
    assert (await site.ask("POST", f"/proofs/{long}", {"code": "1"})).status == 422


async def test_numbers_and_codes_lie_sealed_on_disk(site: Site, tmp_path: Path) -> None:
    await site.proved()
    [code] = re.findall(r"(?<!\d)\d{6}(?!\d)", site.behind.sent[-1])
    for name in ("web_booking.sqlite", "web_booking.sqlite-wal"):
        file = trio.Path(tmp_path / name)
        kept = await file.read_bytes() if await file.exists() else b""
        assert PHONE.encode() not in kept
        assert f'"{code}"'.encode() not in kept


async def test_whoever_guesses_codes_is_slowed_down_and_nobody_else(site: Site, hall: Running) -> None:
    at = (await site.slots())[0]
    made = await site.ok(
        "POST", "/appointments", {"service": "payment", "at": at, "proof": await site.proved()}
    )
    for _ in range(20):
        guess = hall.node.app.desk.ids.draw_code()
        await site.no(404, "unknown_appointment", "GET", f"/appointments/{guess}")
    await site.no(429, "too_many_tries", "GET", f"/appointments/{made['code']}")
    await site.ok("GET", f"/appointments/{made['code']}", address="198.51.100.7")


async def test_another_site_s_form_changes_nothing(site: Site) -> None:
    found, _ = match(site.routes, "POST", "/proofs")
    assert found is not None
    request = Request(
        method="POST", path="/proofs", headers={"content-type": "text/plain"}, body=b'{"phone":"13911112222"}'
    )
    answer: Any = await site.routes[found.number].handler(request)  # type: ignore[arg-type] # a Route's, not a SocketRoute's
    assert answer.status == 415
    assert site.behind.sent == []


async def test_the_qr_code_is_a_drawing_of_the_digits_alone(site: Site) -> None:
    answer = await site.ask("GET", "/qr/12345678901234")
    assert answer.content_type == "image/svg+xml"
    assert isinstance(answer.body, bytes)
    assert answer.body.startswith(b"<svg")
    assert b"script" not in answer.body
    assert (await site.ask("GET", "/qr/" + "1" * 40)).status == 404


async def test_the_page_brings_nothing_from_elsewhere(site: Site) -> None:
    for path in ("/", "/page.js", "/page.css"):
        answer = await site.ask("GET", path)
        assert isinstance(answer.body, bytes)
        assert not re.findall(rb"(?:src|href)=.?https?:|url\(|@import|//cdn", answer.body)
        assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_an_address_asks_so_often_and_no_oftener(autojump_clock: trio.testing.MockClock) -> None:
    bucket = Bucket(3, 20)
    assert [bucket.spend("a") for _ in range(4)] == [True, True, True, False]
    assert bucket.spend("b")
    await trio.sleep(20)
    assert [bucket.spend("a") for _ in range(2)] == [True, False]


async def test_what_is_over_is_deleted(site: Site) -> None:
    await site.proved()
    store = site.context.store
    assert len(await store.scan("proof/")) == 1
    site.behind.late_ms = 2 * 86_400_000
    await site.context.state.proofs.tidy_once()
    assert await store.scan("proof/") == []
    assert await store.scan("sent/") == []
