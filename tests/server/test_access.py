"""Tokens, sign-in links, pages side by side, tickets for the WebSocket."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
import trio.testing

from somc.errors import UsageError
from somc.runtime.clock import SystemClock
from somc.server.access import (
    PAGES,
    ROLES,
    WS_TICKET_LIFE_S,
    Admission,
    Principal,
    WsTickets,
    admin_token,
    until,
)
from somc.server.admission import Page, Role
from somc.server.identity import Caller, asker_of
from tests.server.rig import HALL, ORG, Running, is_problem, running

BASE = "/api/v1"
NEW = {"subject": "li", "roles": ["agent"]}


async def link(hall: Running, role: str, subject: str = "page", **more: str) -> str:
    body = {"subject": subject, "role": role, **more}
    answer = await hall.as_admin.post(f"{BASE}/sign-in-links", json=body)
    assert answer.status_code == 201
    path: str = answer.json()["path"]
    return path


# -- API tokens ---------------------------------------------------------------------------------------


async def test_a_token_is_shown_once_and_known_by_its_hash_only(tmp_path: Path) -> None:
    async with running(tmp_path) as hall:
        token = await hall.token("agent")
        assert (await hall.client(token).get(f"{BASE}/hall")).status_code == 200
    files = (path for path in (tmp_path / "data").rglob("*") if path.is_file())
    stored = b"".join(path.read_bytes() for path in files)
    assert token.encode() not in stored
    assert hall.admin.encode() not in stored
    async with running(tmp_path) as hall:
        assert (await hall.client(token).get(f"{BASE}/hall")).status_code == 200


async def test_only_an_admin_gives_rights_away(hall: Running) -> None:
    for role in ROLES:
        if role != "admin":
            client = await hall.as_role(role)
            for path in ("tokens", "sign-in-links", "tokens/revoke", "devices/reload"):
                is_problem(await client.post(f"{BASE}/{path}", json=NEW), 403, "no_right")
    for path in ("tokens", "sign-in-links", "tokens/revoke", "ws-ticket", "devices/reload"):
        is_problem(await hall.client().post(f"{BASE}/{path}", json=NEW), 401)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"roles": ["agent"]}, "subject"),
        ({"subject": "li"}, "roles"),
        ({**NEW, "subject": ""}, "subject"),
        ({**NEW, "subject": "li\n"}, "subject"),
        ({**NEW, "subject": "a b"}, "subject"),
        ({**NEW, "subject": "x" * 65}, "subject"),
        ({**NEW, "roles": []}, "roles"),
        ({**NEW, "roles": ["king"]}, "roles[0]"),
        ({**NEW, "roles": "agent"}, "roles"),
        ({**NEW, "scope": "x" * 201}, "scope"),
        ({**NEW, "expires_in_s": 0}, "expires_in_s"),
        ({**NEW, "expires_in_s": 10**17}, "expires_in_s"),
        ({**NEW, "expires_in_s": 10**30}, "expires_in_s"),
    ],
)
async def test_a_token_that_cannot_be_is_422_and_the_hall_goes_on(
    hall: Running, body: dict[str, Any], field: str
) -> None:
    problem = is_problem(await hall.as_admin.post(f"{BASE}/tokens", json=body), 422, "wrong_input")
    assert list(problem["fields"]) == [field]
    await hall.take()


@pytest.mark.parametrize("junk", [b"", b"[]", b"{", b"\xff", b'{"subject":"\xff"}', b'{"token":' * 3000])
@pytest.mark.parametrize("path", ["tokens", "sign-in-links", "tokens/revoke"])
async def test_what_is_no_request_is_422(hall: Running, path: str, junk: bytes) -> None:
    is_problem(await hall.as_admin.post(f"{BASE}/{path}", content=junk), 422)


async def test_a_token_ends_at_its_time(hall: Running) -> None:
    token = await hall.token("agent", expires_in_s=3600)
    client = hall.client(token)
    assert (await client.get(f"{BASE}/hall")).status_code == 200
    hall.node.hall.state.at += 3_660_000  # time never runs behind the last record
    is_problem(await client.get(f"{BASE}/hall"), 401, "bad_token")


async def test_a_revoked_token_is_refused_at_once_and_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as hall:
        token = await hall.token("agent")
        client = hall.client(token)
        assert (await client.get(f"{BASE}/hall")).status_code == 200
        for _ in range(2):
            answer = await hall.as_admin.post(f"{BASE}/tokens/revoke", json={"token": token})
            assert answer.status_code == 204
        is_problem(await client.get(f"{BASE}/hall"), 401, "bad_token")
    async with running(tmp_path) as hall:
        is_problem(await hall.client(token).get(f"{BASE}/hall"), 401, "bad_token")


async def test_a_scope_covers_what_lies_under_it_level_by_level(hall: Running) -> None:
    for scope, status in (
        ("", 200),
        ("somc", 200),
        ("somc/shoudu", 200),
        (ORG, 200),
        ("som", 403),
        (f"{ORG}/counter", 403),
        ("somc/shoudu/", 403),
        ("SOMC", 403),
    ):
        client = await hall.as_role("manager", scope=scope)
        assert (await client.get(f"{BASE}/hall")).status_code == status, scope


async def test_who_did_it_is_in_the_record(hall: Running) -> None:
    kiosk = await hall.as_role("kiosk", subject="door-left")
    await kiosk.post(f"{BASE}/tickets", json={"service": "payment"})
    assert (await hall.records())[-1]["data"]["by"] == "kiosk:door-left"


def test_the_roles_that_validate_are_the_roles_that_exist() -> None:
    assert Role.__args__ == ROLES  # type: ignore[attr-defined]  # what a Literal allows
    assert Page.__args__ == PAGES  # type: ignore[attr-defined]  # likewise


# -- sign-in links and pages --------------------------------------------------------------------------


async def test_a_link_signs_one_browser_in_once(hall: Running) -> None:
    path = await link(hall, "kiosk")
    browser = hall.client()
    answer = await browser.get(path)
    assert answer.status_code == 302
    assert answer.headers["location"] == "/kiosk"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("somc-kiosk=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert (await browser.get(f"{BASE}/hall")).status_code == 200
    is_problem(await hall.client().get(path), 401, "bad_link")


async def test_two_browsers_that_open_one_link_at_once_do_not_both_get_in(hall: Running) -> None:
    path = await link(hall, "kiosk")
    statuses: list[int] = []

    async def open_it() -> None:
        statuses.append((await hall.client().get(path)).status_code)

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(open_it)
    assert sorted(statuses) == [302] + [401] * 7


async def test_looking_at_a_link_without_opening_it_does_not_use_it_up(hall: Running) -> None:
    path = await link(hall, "kiosk")
    assert (await hall.client().head(path)).status_code == 204
    assert (await hall.client().get(path)).status_code == 302


async def test_a_link_is_no_token_and_a_token_no_link(hall: Running) -> None:
    secret = (await link(hall, "admin")).removeprefix("/sign-in/")
    is_problem(await hall.client(secret).get(f"{BASE}/hall"), 401, "bad_token")
    is_problem(await hall.client().get(f"/sign-in/{hall.admin}"), 401, "bad_link")
    is_problem(await hall.client().get(f"{BASE}/hall", headers={"cookie": f"somc-admin={hall.admin}"}), 401)


async def test_trying_a_token_as_a_link_does_not_use_the_token_up(hall: Running) -> None:
    token = await hall.token("agent")
    await hall.client().get(f"/sign-in/{token}")
    assert (await hall.client(token).get(f"{BASE}/hall")).status_code == 200


@pytest.mark.parametrize("secret", ["none", "%ff", "%00", "x" * 3000, "%F0%9F%98%80"])
async def test_a_link_that_is_none_is_401(hall: Running, secret: str) -> None:
    is_problem(await hall.client().get(f"/sign-in/{secret}"), 401, "bad_link")


async def test_a_link_ends_after_a_day(hall: Running) -> None:
    path = await link(hall, "kiosk")
    hall.node.hall.state.at += 25 * 3_600_000
    is_problem(await hall.client().get(path), 401, "bad_link")


async def test_pages_in_one_browser_keep_their_own_rights(hall: Running) -> None:
    browser = hall.client()
    for role in ("kiosk", "agent", "display"):
        assert (await browser.get(await link(hall, role, subject=f"p-{role}"))).status_code == 302
    assert set(browser.cookies) == {"somc-kiosk", "somc-counter", "somc-display"}
    await hall.open_counter(1)

    async def call(page: str) -> httpx.Response:
        return await browser.post(f"{BASE}/counters/1/call-next", headers={"X-SOMC": page})

    assert (await call("counter")).status_code == 204
    is_problem(await call("kiosk"), 403, "no_right")
    is_problem(await call("display"), 403, "no_right")
    is_problem(await call("monitor"), 401, "not_signed_in")
    out = await browser.post("/sign-out", headers={"X-SOMC": "kiosk"})
    assert out.status_code == 204
    is_problem(await call("kiosk"), 401)
    assert (await call("counter")).status_code == 204


async def test_a_page_that_is_none_of_ours_is_whose_session_has_the_right(hall: Running) -> None:
    browser = hall.client()
    for role in ("kiosk", "manager"):
        await browser.get(await link(hall, role, subject=f"p-{role}"))
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())

    def asked(roles: frozenset[str], page: str | None = None) -> str:
        caller = asker_of(hall.node.hall, {"cookie": cookies, "x-somc": page}, roles)
        assert isinstance(caller, Caller)
        return caller.principal.subject

    assert asked(frozenset()) == "p-kiosk"
    assert asked(frozenset(("floor", "manager"))) == "p-manager"
    assert asked(frozenset(("manager",)), "1") == "p-manager"
    assert asked(frozenset(("manager",)), "kiosk") == "p-kiosk", "a page of ours keeps to its own"
    assert asked(frozenset(("agent",))) == "p-kiosk", "nobody has it: as without"


async def test_a_link_may_lead_to_another_page_of_the_same_person(hall: Running) -> None:
    browser = hall.client()
    body = {"subject": "lin", "role": "manager", "page": "policy"}
    made = (await hall.as_admin.post(f"{BASE}/sign-in-links", json=body)).json()
    assert made["page"] == "/policy"
    assert (await browser.get(made["path"])).headers["location"] == "/policy"
    assert set(browser.cookies) == {"somc-policy"}
    wrong = {**body, "page": "https://evil.example"}
    is_problem(await hall.as_admin.post(f"{BASE}/sign-in-links", json=wrong), 422, "wrong_input")
    tampered = (await link(hall, "kiosk")) + "?page=//evil.example"
    assert (await hall.client().get(tampered)).headers["location"] == "/kiosk"


async def test_whoever_is_signed_in_at_the_monitor_opens_its_reports_without_a_further_link(
    hall: Running,
) -> None:
    browser = hall.client()
    await browser.get(await link(hall, "kiosk"))

    async def ticket(page: str) -> int:
        return (await browser.post(f"{BASE}/ws-ticket", headers={"X-SOMC": page})).status_code

    assert [await ticket("policy"), await ticket("promise")] == [401, 401]
    await browser.get(await link(hall, "floor"))
    assert [await ticket("policy"), await ticket("promise")] == [200, 200]
    await browser.post("/sign-out", headers={"X-SOMC": "monitor"})
    assert [await ticket("policy"), await ticket("promise")] == [401, 401]


async def test_a_change_by_cookie_needs_a_header_that_no_foreign_site_can_send(hall: Running) -> None:
    browser = hall.client()
    await browser.get(await link(hall, "admin"))
    for path in (
        *("tickets", "counters/1/call-next", "ws-ticket"),
        *("tokens", "sign-in-links", "tokens/revoke", "devices/reload"),
    ):
        is_problem(await browser.post(f"{BASE}/{path}", json=NEW), 403, "no_x_somc")
    is_problem(await browser.post("/sign-out"), 403, "no_x_somc")
    is_problem(await browser.patch(f"{BASE}/counters/1", json={"skills": None}), 403, "no_x_somc")
    assert (await browser.get(f"{BASE}/hall")).status_code == 200
    answer = await browser.post(f"{BASE}/tickets", json={"service": "payment"}, headers={"X-SOMC": "1"})
    assert answer.status_code == 201
    preflight = await browser.options(f"{BASE}/tickets", headers={"origin": "https://evil.example"})
    assert not [name for name in preflight.headers if name.startswith("access-control")]


async def test_a_session_survives_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as hall:
        browser = hall.client()
        await browser.get(await link(hall, "display"))
        cookies = dict(browser.cookies)
    async with running(tmp_path) as hall:
        again = hall.client()
        again.cookies.update(cookies)
        assert (await again.get(f"{BASE}/hall")).status_code == 200


@pytest.mark.parametrize("cookie", ["somc-kiosk=", "somc-kiosk=x; =;;", "\xff=\xfe", 'somc-kiosk="\\377"'])
async def test_a_broken_cookie_is_nobody(hall: Running, cookie: str) -> None:
    headers = [(b"cookie", cookie.encode("latin-1"))]
    is_problem(await hall.client().get(f"{BASE}/hall", headers=headers), 401, "not_signed_in")


# -- WebSocket tickets (their use: test_live.py) --------------------------------------------------------


async def test_a_ws_ticket_names_its_end(hall: Running) -> None:
    answer = await (await hall.as_role("display")).post(f"{BASE}/ws-ticket")
    assert answer.status_code == 200
    assert answer.json()["expires_in_s"] == WS_TICKET_LIFE_S
    assert len(answer.json()["ticket"]) > 40


async def test_a_ws_ticket_is_good_once_and_not_after_its_end(autojump_clock: trio.testing.MockClock) -> None:
    tickets, who = WsTickets(), Admission(Principal("x", ("display",)), b"digest")
    first, late = tickets.issue(who), tickets.issue(who)
    assert tickets.redeem(first) == who
    assert tickets.redeem(first) is None
    await trio.sleep(WS_TICKET_LIFE_S)
    assert tickets.redeem(late) is None
    assert tickets.redeem("") is None


async def test_a_flood_of_ws_tickets_takes_bounded_memory() -> None:
    tickets, who = WsTickets(), Admission(Principal("x", ("display",)), b"digest")
    tickets.MOST = 10
    issued = [tickets.issue(who) for _ in range(25)]
    assert [tickets.redeem(ticket) is not None for ticket in issued] == [False] * 15 + [True] * 10


# -- the admin's token file -----------------------------------------------------------------------------


def test_the_admin_token_file_is_made_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "admin.token"
    token = admin_token(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert admin_token(path) == token
    assert token.roles == ("admin",)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602, 0o601])
def test_an_admin_token_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "admin.token"
    admin_token(path)
    path.chmod(mode)
    with pytest.raises(UsageError, match="chmod 600"):
        admin_token(path)


@pytest.mark.parametrize("content", ["", "\n", "short"])
def test_an_admin_token_file_without_a_token_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "admin.token"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(UsageError, match="remove it"):
        admin_token(path)


async def test_another_admin_token_file_ends_the_rights_of_the_one_before(tmp_path: Path) -> None:
    async with running(tmp_path) as hall:
        before = hall.admin
        assert (await hall.as_admin.get("/api/v1/tickets")).status_code == 200
    (tmp_path / "admin.token").unlink()
    async with running(tmp_path) as hall:
        assert hall.admin != before
        assert (await hall.as_admin.get("/api/v1/tickets")).status_code == 200
        is_problem(await hall.client(before).get("/api/v1/tickets"), 401, "bad_token")


async def test_a_refusal_before_the_body_was_sent_says_that_the_line_ends(hall: Running) -> None:
    stream = await trio.open_tcp_stream("127.0.0.1", int(hall.url.rpartition(":")[2]))
    async with stream:
        head = "POST /api/v1/tickets HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n"
        await stream.send_all(head.encode() + b"{")
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += await stream.receive_some()
    assert answer.startswith(b"HTTP/1.1 401")
    assert b"connection: close" in answer.lower()


async def test_a_life_is_real_time_where_the_halls_time_runs_faster(hall: Running) -> None:
    class Fast(SystemClock):
        speed = 60.0

    now = hall.node.hall.now()
    hall.node.hall.clock = Fast()
    assert until(hall.node.hall, 1000) >= now + 60_000


async def test_behind_a_proxy_with_https_a_session_never_travels_in_clear(tmp_path: Path) -> None:
    public = HALL + '\n[server]\npublic_url = "https://hall.example.com"\n'
    for toml, secure in ((HALL, False), (public, True)):
        async with running(tmp_path / str(secure), toml) as hall:
            body = {"subject": "k1", "role": "kiosk"}
            link = (await hall.as_admin.post("/api/v1/sign-in-links", json=body)).json()["path"]
            signed_in = await hall.client().get(link)
            assert ("Secure" in signed_in.headers["set-cookie"]) is secure
