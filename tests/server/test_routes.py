"""Every route of the catalogues against every way of being refused."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from somc.journal.record import Record
from somc.server.access import ROLES, Principal, may
from somc.server.acts import ACTS, Act
from somc.server.queries import QUERIES, Query
from tests.server.rig import Running, is_problem

BASE = "/api/v1"
BODIES: dict[str, dict[str, Any]] = {
    "tickets.take": {"service": "payment", "channel": "kiosk"},
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
    "appointments.book": {"service": "payment", "at": "2026-03-02T10:00:00+08:00"},
    "appointments.check_in_by_phone": {"phone": "13800138000"},
    "calendar.change": {"hours": ["09:00-12:00"]},
    "messages.send": {"phone": "13800138000", "template": "reply_help"},
    "consents.set": {"phone": "13800138000", "classes": ["reminder"], "allowed": False},
    "policy.rollback": {"version": 1},
    "settings.change": {"changes": {"display.picture_s": 20}},
}
"""A good body of each act that needs one."""

acts = pytest.mark.parametrize("act", ACTS, ids=[act.name for act in ACTS])
queries = pytest.mark.parametrize("query", QUERIES, ids=[query.name for query in QUERIES])


def url_of(path: str, ticket: str = "t0000000000000000", counter: object = 1) -> str:
    names = {"alert": "peak:1", "offer": "o1", "service": "nails", "message": "m0000000000000000"}
    return BASE + path.format(
        ticket=ticket, counter=counter, appointment="a0000000000000000", date="2026-10-01", **names
    )


def asked(query: Query) -> str:
    needed = {"queue.preview": "?counter=1", "appointments.slots": "?service=payment"}
    return url_of(query.path) + needed.get(query.name, "")


def unserved(path: str) -> str:
    """A method that nothing at this path has."""
    served = {act.method for act in ACTS if act.path == path}
    return next(method for method in ("PUT", "DELETE", "PATCH") if method not in served)


async def send(client: httpx.AsyncClient, act: Act, url: str | None = None, **more: Any) -> httpx.Response:
    if not {"content", "json"} & more.keys():
        more["json"] = BODIES.get(act.name, {})
    return await client.request(act.method, url or url_of(act.path), **more)


@acts
async def test_an_act_is_refused_without_a_token_with_a_wrong_role_and_from_elsewhere(
    hall: Running, act: Act
) -> None:
    before = await hall.acts_on_record()
    nobody = is_problem(await send(hall.client(), act), 401, "not_signed_in")
    assert "Bearer" in nobody["detail"]
    answer = await send(hall.client("not-a-token"), act)
    is_problem(answer, 401, "bad_token")
    assert answer.headers["www-authenticate"] == "Bearer"
    basic = httpx.BasicAuth("admin", hall.admin)
    is_problem(await send(hall.client(), act, auth=basic), 401, "bad_token")

    for role in ROLES:
        if not may(Principal("x", (role,)), act.roles):
            problem = is_problem(await send(await hall.as_role(role), act), 403, "no_right")
            assert act.name in problem["detail"]
    elsewhere = await hall.as_role("admin", scope="somc/shoudu/haidian")
    is_problem(await send(elsewhere, act), 403, "other_hall")
    namesake = await hall.as_role("admin", scope="somc/shoudu/xi")
    is_problem(await send(namesake, act), 403, "other_hall")
    assert await hall.acts_on_record() == before


@queries
async def test_a_query_is_refused_without_a_token_with_a_wrong_role_and_from_elsewhere(
    hall: Running, query: Query
) -> None:
    is_problem(await hall.client().get(asked(query)), 401, "not_signed_in")
    is_problem(await hall.client("not-a-token").get(asked(query)), 401, "bad_token")
    for role in ROLES:
        answer = await (await hall.as_role(role)).get(asked(query))
        if may(Principal("x", (role,)), query.roles):
            assert answer.status_code in (200, 404), answer.text
        else:
            is_problem(answer, 403, "no_right")
    is_problem(await (await hall.as_role("admin", scope="other")).get(asked(query)), 403, "other_hall")


@acts
async def test_an_act_on_what_is_not_there_is_404(hall: Running, act: Act) -> None:
    if act.name == "tickets.take":
        problem = is_problem(await send(hall.as_admin, act, json={"service": "nails"}), 422)
        assert problem["code"] == "unknown_service"
        assert "payment" in problem["words"]["en"]
        return
    elsewhere = {
        "appointments.book": ({**BODIES["appointments.book"], "service": "nails"}, 422, "unknown_service"),
        "appointments.check_in_by_phone": ({"phone": "13899999999"}, 404, "unknown_appointment"),
        "services.divert": (BODIES["services.divert"], 422, "unknown_service"),
        "policy.change": ({"classes": {"nobody": {"rate": 2}}}, 422, "unknown_class"),
        "policy.rollback": ({"version": 99}, 404, "unknown_policy_version"),
        "settings.change": ({"changes": {"counter.1.skills": {"nails": 1}}}, 422, "bad_config"),
    }
    if act.name in elsewhere:
        body, status, code = elsewhere[act.name]
        problem = is_problem(await send(hall.as_admin, act, json=body), status, code)
        assert problem["words"]["zh"]
        return
    if act.name == "messages.send":
        body = {**BODIES["messages.send"], "template": "nothing"}
        is_problem(await send(hall.as_admin, act, json=body), 422, "bad_template")
        return
    if act.name == "consents.set":  # whoever was never here may say so, too
        assert (await send(hall.as_admin, act)).status_code == 200
        return
    if act.parameters == ("date",):
        url = BASE + act.path.format(date="2026-02-30")
        assert is_problem(await send(hall.as_admin, act, url), 422, "bad_date")["words"]["zh"]
        return
    codes = {"ticket": "unknown_ticket", "counter": "unknown_counter", "alert": "unknown_alert"}
    codes |= {"appointment": "unknown_appointment", "message": "unknown_message"}
    code = codes[act.parameters[0]]
    problem = is_problem(await send(hall.as_admin, act, url_of(act.path, counter=99)), 404, code)
    assert problem["words"]["zh"]


@acts
async def test_an_act_takes_nothing_but_an_object_of_json_of_its_form(hall: Running, act: Act) -> None:
    admin = hall.as_admin
    for junk in (b"{", b"\xff\xfe", b'{"reason": "\xff"}', b'{"a":' * 5000, b"\x00", b'"\\ud800"'):
        is_problem(await send(admin, act, content=junk), 422)
    for other in (b"[]", b'"text"', b"17", b"null"):
        is_problem(await send(admin, act, content=other), 422, "wrong_input")
    is_problem(await send(admin, act, content=b"{"), 422, "not_json")
    for field in msgspec.structs.fields(act.body):
        name = field.encode_name
        if name in act.parameters or field.type is Any:  # what a GET says besides is passed over
            continue
        problem = is_problem(await send(admin, act, json={**BODIES.get(act.name, {}), name: [[]]}), 422)
        assert list(problem["fields"]) in ([name], [f"{name}[0]"]), problem


@acts
async def test_what_an_act_needs_and_lacks_is_named(hall: Running, act: Act) -> None:
    for field in msgspec.structs.fields(act.body):
        name = field.encode_name
        if name in act.parameters or not field.required:
            continue
        body = {key: value for key, value in BODIES[act.name].items() if key != name}
        problem = is_problem(await send(hall.as_admin, act, json=body), 422, "wrong_input")
        assert name in problem["fields"], problem


@acts
async def test_an_unknown_method_is_405_and_says_what_is_allowed(hall: Running, act: Act) -> None:
    answer = await hall.as_admin.request(unserved(act.path), url_of(act.path))
    is_problem(answer, 405, "method_not_allowed")
    assert act.method in answer.headers["allow"]


@queries
async def test_a_query_has_no_method_beside_those_of_its_path(hall: Running, query: Query) -> None:
    answer = await hall.as_admin.request(unserved(query.path), asked(query))
    is_problem(answer, 405, "method_not_allowed")
    assert "GET" in answer.headers["allow"]


@acts
async def test_a_body_that_is_too_large_is_413_declared_or_not(hall: Running, act: Act) -> None:
    big = b'{"service": "payment", "x": "' + b"x" * 70_000 + b'"}'

    async def pieces() -> Any:
        for start in range(0, len(big), 8192):
            yield big[start : start + 8192]

    is_problem(await send(hall.as_admin, act, content=big), 413)
    is_problem(await send(hall.as_admin, act, content=pieces()), 413)
    assert (await hall.as_admin.get("/healthz")).status_code == 200


@pytest.mark.parametrize("number", ["0", "1000", "99999999999999999999999", "-1", "one", "1.5", "%00", "%ff"])
async def test_a_counter_number_that_is_none_is_a_clear_no(hall: Running, number: str) -> None:
    answer = await hall.as_admin.post(f"{BASE}/counters/{number}/call-next")
    is_problem(answer, 422 if number.isdigit() else 404)


@pytest.mark.parametrize("ticket", ["%ff", "%00", "x" * 65, "..%2f..%2fetc", "%F0%9F%98%80", "' or 1=1--"])
async def test_a_ticket_id_that_is_none_is_a_clear_no(hall: Running, ticket: str) -> None:
    assert (await hall.as_admin.get(f"{BASE}/tickets/{ticket}")).status_code in (404, 422)
    assert (await hall.as_admin.post(f"{BASE}/tickets/{ticket}/print")).status_code in (404, 422)


@pytest.mark.parametrize(
    ("url", "field"),
    [
        ("/tickets?state=asleep", "state"),
        ("/tickets?counter=x", "counter"),
        ("/tickets?counter=0", "counter"),
        ("/tickets?limit=0", "limit"),
        ("/tickets?limit=1001", "limit"),
        ("/queue/preview", "counter"),
        ("/queue/preview?counter=1&limit=9999", "limit"),
        ("/records?after=-1", "after"),
        ("/records?after=x", "after"),
        ("/records?after=99999999999999999999999999", "after"),
        ("/records?limit=99999999999999999999999999", "limit"),
    ],
)
async def test_a_wrong_parameter_is_422_and_named(hall: Running, url: str, field: str) -> None:
    problem = is_problem(await hall.as_admin.get(BASE + url), 422, "wrong_input")
    assert list(problem["fields"]) == [field]


async def test_what_was_never_a_route_is_404_in_the_same_form(hall: Running) -> None:
    for path in ("/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v2/hall", "/wp-admin", "/assets/none.js"):
        is_problem(await hall.client().get(path), 404)


async def test_a_path_with_two_slashes_is_led_to_the_right_one_or_nowhere(hall: Running) -> None:
    answer = await hall.as_admin.get("/api/v1//hall")
    if answer.is_redirect:
        assert answer.headers["location"].endswith("/api/v1/hall")
    else:
        is_problem(answer, 404)


async def test_records_are_paged_without_a_gap_and_never_led_past_the_head(hall: Running) -> None:
    for _ in range(5):
        await hall.take()
    pages, after = [], 0
    while True:
        answer = await hall.as_admin.get(f"{BASE}/records", params={"after": after, "limit": 2})
        page = answer.json()
        if not page["records"]:
            break
        assert len(page["records"]) <= 2
        pages += [record["seq"] for record in page["records"]]
        after = page["through"]
        assert after == pages[-1]
    head = hall.node.hall.journal.head
    assert pages == list(range(1, head + 1))
    beyond = (await hall.as_admin.get(f"{BASE}/records?after={head + 1000}")).json()
    assert beyond == {"epoch": hall.node.hall.journal.epoch, "through": head, "records": []}
    is_problem(await hall.as_admin.get(f"{BASE}/records?epoch=e-other"), 409, "other_epoch")
    same = await hall.as_admin.get(f"{BASE}/records?epoch={hall.node.hall.journal.epoch}")
    assert same.status_code == 200


async def test_a_record_that_comes_while_a_page_is_read_is_on_the_next(hall: Running) -> None:
    await hall.take()
    journal = hall.node.hall.journal
    head, real = journal.head, journal.records_after

    async def meanwhile(seq: int, limit: int = 500) -> list[Record]:
        found = await real(seq, limit)
        if not found and limit == 7:  # the request's own read, not that of the hall's followers
            await hall.take()
        return found

    journal.records_after = meanwhile  # type: ignore[method-assign]  # a disk that takes its time
    empty = (await hall.as_admin.get(f"{BASE}/records?after={head}&limit=7")).json()
    assert (empty["records"], empty["through"]) == ([], head)
    journal.records_after = real  # type: ignore[method-assign]  # and one that does not
    following = (await hall.as_admin.get(f"{BASE}/records?after={empty['through']}")).json()
    assert [record["seq"] for record in following["records"]] == [head + 1]


async def test_tickets_are_paged_and_filtered(hall: Running) -> None:
    taken = [(await hall.take(service))["id"] for service in ("payment", "business", "payment", "repair")]
    first = (await hall.as_admin.get(f"{BASE}/tickets?limit=3")).json()
    rest = (await hall.as_admin.get(f"{BASE}/tickets?limit=3&after={first[-1]['id']}")).json()
    assert [ticket["id"] for ticket in (*first, *rest)] == taken
    await hall.open_counter(1)
    called = (await hall.at(1, "call-next"))["ticket"]["id"]
    assert called == taken[0]

    async def found(query: str) -> list[str]:
        return [ticket["id"] for ticket in (await hall.as_admin.get(f"{BASE}/tickets?{query}")).json()]

    assert await found("state=called") == [called]
    assert await found("counter=1") == [called]
    assert await found("service=payment") == [taken[0], taken[2]]
    assert await found("service=payment&state=waiting") == [taken[2]]
    assert await found("service=nothing") == []
    is_problem(await hall.as_admin.get(f"{BASE}/tickets?after=tnever"), 404, "unknown_ticket")
