"""An act is answered the same by its own raw ASGI route and by the web framework's."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import trio

from somc.server.act_routes import BASE, LARGEST_BODY_BYTES
from somc.server.acts import ACTS, Act
from somc.server.serve import PeerGone
from tests.server.rig import Running

acts = pytest.mark.parametrize("act", ACTS, ids=[act.name for act in ACTS])
BODIES: dict[str, dict[str, Any]] = {
    "tickets.take": {"service": "payment"},
    "tickets.transfer": {"service": "business"},
    "tickets.rate": {"score": 5, "source": "sms"},
    "tickets.offer": {"outcome": "accepted"},
    "tickets.care": {"kind": "water"},
    "tickets.divert": {"to": "pay-1", "kind": "self_service"},
    "services.divert": {"to": "pay-1", "kind": "self_service"},
    "counters.call": {"ticket": "t0000000000000000"},
    "counters.pause": {"reason": "tea"},
    "counters.open": {"agent": "li"},
    "counters.configure": {"skills": {"payment": 2}},
    "counters.mode": {"mode": "auto"},
    "alerts.acknowledge": {"as": "served"},
    "policy.change": {"kind": "fifo", "classes": {"gotone": {"rate": 2}}},
    "policy.rollback": {"version": 1},
    "appointments.book": {"service": "payment", "at": "2026-12-24T10:00:00+08:00"},
    "appointments.change": {"at": "2026-12-24T10:00:00+08:00"},
    "appointments.check_in_by_phone": {"phone": "13800138000"},
    "calendar.change": {"hours": ["09:00-17:00"]},
    "messages.send": {"phone": "13800138000", "template": "reply_help"},
    "consents.set": {"phone": "13800138000", "classes": ["reminder"], "allowed": False},
    "settings.change": {"changes": {"display.picture_s": 20}},
}
ALWAYS_POSSIBLE = (
    *("tickets.take", "counters.open", "counters.configure", "counters.mode"),
    *("policy.change", "policy.rollback", "services.divert", "settings.change"),
    *("calendar.change", "calendar.reset", "messages.send", "consents.set"),
)

CHANCE = ("id", "number", "taken_at", "position", "estimated_wait_s", "free_since", "since")
"""Fields that differ between two requests however they are served."""


def url_of(act: Act, ticket: str = "t0000000000000000", counter: object = 1) -> str:
    return BASE + act.path.format(
        ticket=ticket,
        counter=counter,
        alert="peak:1",
        offer="o1",
        service="payment",
        appointment="a0000000000000000",
        date="2026-12-25",
        message="m0000000000000000",
    )


async def ask(app: Any, method: str, path: str, body: bytes, headers: dict[str, str]) -> Any:
    """One request as ASGI: status, headers, document."""
    scope = {
        "type": "http",
        "http_version": "1.1",
        "asgi": {"version": "3.0"},
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "state": {},
        "extensions": {},
    }
    pieces = [
        {"type": "http.request", "body": body[:10], "more_body": True},
        {"type": "http.request", "body": body[10:], "more_body": False},
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        if not pieces:
            await trio.sleep_forever()
        return pieces.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    text = b"".join(message.get("body", b"") for message in sent[1:])
    names = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    if sent[0]["status"] == 204:
        names.pop("content-length", None)
    return sent[0]["status"], names, msgspec.json.decode(text) if text else None


async def both(hall: Running, act: Act, body: bytes, path: str | None = None, **headers: str) -> Any:
    """The answer of the raw route and of the framework's."""
    app = hall.node.app
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    assert app.acts.find(act.method, path or url_of(act)) is not None
    raw = await ask(app, act.method, path or url_of(act), body, named)
    framework = await ask(app.quart, act.method, path or url_of(act), body, named)
    return raw, framework


def good(act: Act) -> bytes:
    return msgspec.json.encode(BODIES.get(act.name, {}))


@acts
async def test_what_is_refused_is_refused_in_the_same_words(hall: Running, act: Act) -> None:
    admin = f"Bearer {hall.admin}"
    kiosk = f"Bearer {await hall.token('display')}"
    long_key = "k" * 201
    for body, headers in (
        (good(act), {}),
        (good(act), {"authorization": "Bearer nobody"}),
        (good(act), {"authorization": "Basic YTpi"}),
        (good(act), {"authorization": kiosk}),
        (good(act), {"cookie": "somc-kiosk=nobody; broken"}),
        (good(act), {"authorization": admin, "idempotency_key": long_key}),
        (b"{", {"authorization": admin}),
        (b"[]", {"authorization": admin}),
        (b"\xff", {"authorization": admin}),
        (b" " * LARGEST_BODY_BYTES + b"{}", {"authorization": admin}),
        (b"", {"authorization": admin, "content_length": str(LARGEST_BODY_BYTES + 1)}),
    ):
        raw, framework = await both(hall, act, body, **headers)
        assert raw == framework, (body[:20], headers)
        assert raw[0] >= 400, raw


@pytest.mark.parametrize(
    "act", [act for act in ACTS if act.name not in ALWAYS_POSSIBLE], ids=lambda a: a.name
)
async def test_a_conflict_reads_the_same(hall: Running, act: Act) -> None:
    raw, framework = await both(hall, act, good(act), authorization=f"Bearer {hall.admin}")
    assert raw == framework
    assert raw[0] in (404, 409)


async def test_what_is_carried_out_looks_the_same(hall: Running) -> None:
    by_name = {act.name: act for act in ACTS}
    headers = {"authorization": f"Bearer {hall.admin}"}

    async def same(name: str, path: str | None = None) -> Any:
        raw, framework = await both(hall, by_name[name], good(by_name[name]), path, **headers)
        assert raw[0] == framework[0] < 300, (raw, framework)
        length = raw[1].pop("content-length", ""), framework[1].pop("content-length", "")
        assert len(length[0]) == len(length[1])
        assert raw[1] == framework[1]
        for document in (raw[2], framework[2]):
            for field in CHANCE if document is not None else ():
                document.pop(field, None)
        assert raw[2] == framework[2]
        return raw

    await same("counters.configure")
    await hall.open_counter(1)
    assert (await same("counters.call_next"))[0] == 204
    await same("tickets.take")
    await hall.at(1, "call-next")
    await hall.at(1, "start")
    await same("tickets.print", url_of(by_name["tickets.print"], ticket=(await hall.take())["id"]))


@pytest.mark.parametrize("number", ["0001", "1000", "", "x", "1 ", "１"])
async def test_an_odd_spelling_of_a_counter_is_left_to_the_framework(hall: Running, number: str) -> None:
    assert hall.node.app.acts.find("POST", f"{BASE}/counters/{number}/start") is None
    assert hall.node.app.acts.find("GET", f"{BASE}/counters/1/start") is None
    assert hall.node.app.acts.find("POST", f"{BASE}/tickets/") is None


async def test_a_client_that_leaves_within_its_body_changes_nothing(hall: Running) -> None:
    before = hall.node.hall.journal.head

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        raise AssertionError(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": f"{BASE}/tickets",
        "headers": [(b"authorization", f"Bearer {hall.admin}".encode())],
    }
    with pytest.raises(PeerGone):
        await hall.node.app(scope, receive, send)
    assert hall.node.hall.journal.head == before
