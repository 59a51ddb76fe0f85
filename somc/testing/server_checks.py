"""What a server of the live feed must do, one rule a check; `protocol` runs them against any URL.

What must stay true
- A check knows nothing of the server but its URL and a token, and says which rule was broken.
- It leaves the hall as others can live with: it takes tickets and cancels them, and opens no counter.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from itertools import pairwise

import msgspec
import trio
from wsproto.events import BytesMessage, TextMessage

from somc.client.http import HallHttp, open_http
from somc.client.websocket import HandshakeRejected, WebSocketClosed
from somc.errors import NotAdmitted
from somc.testing.speaker import SUBPROTOCOL, Plain, Speaker, knock, speaking

__all__ = ["CHECKS", "Check", "Target"]

QUIET_S = 0.3
"""What has not come after so long on an open line will not come."""

LARGEST_MESSAGE_BYTES = 256 * 1024
MOST_TOPICS = 64
PROTOCOL_ERROR, POLICY_VIOLATION, TOO_LARGE, TOKEN_ENDED = 1002, 1008, 1009, 4001


@dataclass(slots=True)
class Target:
    """The hall under test, with an admin's token."""

    url: str
    token: str
    encoding: str
    http: HallHttp
    service: str
    """A service for which tickets can be taken."""
    seed: int = 1

    def line(
        self, token: str | None = None, encoding: str | None = None
    ) -> AbstractAsyncContextManager[Speaker]:
        """A line that has heard `welcome`, the admin's if no token is given."""
        return speaking(self.url, token or self.token, encoding or self.encoding)

    async def take(self, count: int = 1) -> list[Plain]:
        """So many tickets, given up again at once: two records each."""
        taken = []
        for _ in range(count):
            ticket = await self.http.post("/tickets", {"service": self.service, "channel": "kiosk"})
            await self.http.post(f"/tickets/{ticket['id']}/cancel", {})
            taken.append(ticket)
        return taken

    async def head(self) -> tuple[str, int]:
        """Epoch and last record of the journal."""
        hall = await self.http.get("/hall")
        return str(hall["epoch"]), int(hall["seq"])

    async def journal(self, after: int) -> list[Plain]:
        """The journal's records after `after`, as HTTP has them, without what the feed leaves out."""
        found: list[Plain] = []
        while True:
            last = found[-1]["seq"] if found else after
            page = await self.http.get("/records", {"after": last, "limit": 1000})
            if not page["records"]:
                return found
            found += page["records"]


Act = Callable[[Target], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Check:
    """One rule."""

    name: str
    act: Act
    writes: bool
    """Whether it takes tickets."""


CHECKS: dict[str, Check] = {}


def reads(act: Act) -> Act:
    CHECKS[act.__name__] = Check(act.__name__, act, writes=False)
    return act


def writes(act: Act) -> Act:
    CHECKS[act.__name__] = Check(act.__name__, act, writes=True)
    return act


def same(found: object, wanted: object, rule: str) -> None:
    assert found == wanted, f"{rule}: expected {wanted!r}, got {found!r}"


# -- coming in -------------------------------------------------------------------------------------------


async def refused(target: Target, status: int, code: str | None = None, **more: object) -> None:
    """The handshake is answered with a problem document, and there is no socket."""
    try:
        socket = await knock(target.url, **more)  # type: ignore[arg-type] # as the checks below give them
    except HandshakeRejected as rejected:
        same(rejected.status, status, "the answer to the handshake")
        kind = rejected.headers.get("content-type")
        same(kind, "application/problem+json", "its content type")
        document = msgspec.json.decode(rejected.body)
        same(document["status"], status, "the status in the problem document")
        assert document.get("code"), "a problem document has a code"
        if code is not None:
            same(document["code"], code, "its code")
    else:
        await socket.drop()
        raise AssertionError(f"it was let in, and must be refused with {status}")


@reads
async def nobody_comes_in_without_a_token(target: Target) -> None:
    """401 before the upgrade."""
    await refused(target, 401)


@reads
async def an_unknown_token_is_refused(target: Target) -> None:
    await refused(target, 401, token="nobody-has-this-token")


@reads
async def an_unknown_ticket_is_refused(target: Target) -> None:
    await refused(target, 401, query="?ticket=nobody-has-this-ticket")


@reads
async def a_ticket_is_good_once(target: Target) -> None:
    """`POST /ws-ticket`, then `?ticket=` without a token; the second use is 401."""
    ticket = (await target.http.post("/ws-ticket"))["ticket"]
    socket = await knock(target.url, query=f"?ticket={ticket}")
    await socket.close()
    await refused(target, 401, query=f"?ticket={ticket}")


@reads
async def another_path_is_no_feed(target: Target) -> None:
    await refused(target, 404, token=target.token, path="/api/v1/ws/elsewhere")


@reads
async def an_unknown_subprotocol_is_refused(target: Target) -> None:
    await refused(target, 400, token=target.token, subprotocols=("mqtt",))


@reads
async def who_offers_both_gets_msgpack(target: Target) -> None:
    """In whatever order they are offered."""
    for offered in (tuple(SUBPROTOCOL.values()), tuple(reversed(SUBPROTOCOL.values()))):
        socket = await knock(target.url, token=target.token, subprotocols=offered)
        same(socket.subprotocol, SUBPROTOCOL["msgpack"], "the chosen subprotocol")
        await socket.drop()


@reads
async def who_offers_none_gets_json(target: Target) -> None:
    socket = await knock(target.url, token=target.token, subprotocols=())
    same(socket.subprotocol, None, "the chosen subprotocol")
    same(msgspec.json.decode(await socket.receive())["op"], "welcome", "the first message")
    await socket.drop()


@reads
async def no_compression_is_agreed(target: Target) -> None:
    """An extension that was accepted would end the handshake here."""
    offer = ("sec-websocket-extensions", "permessage-deflate; client_max_window_bits")
    socket = await knock(target.url, token=target.token, headers=(offer,))
    await socket.drop()


@reads
async def a_role_sees_no_other_hall(target: Target) -> None:
    """403 for a scope that does not cover this hall."""
    body = {"subject": "protocol-check", "roles": ["display"], "scope": "another/company"}
    token = (await target.http.post("/tokens", body))["token"]
    await refused(target, 403, token=token)


@reads
async def a_revoked_token_is_refused(target: Target) -> None:
    token = (await target.http.post("/tokens", {"subject": "protocol-check", "roles": ["display"]}))["token"]
    async with target.line(token):
        pass
    await target.http.post("/tokens/revoke", {"token": token})
    await refused(target, 401, token=token)


@reads
async def a_line_ends_with_its_token(target: Target) -> None:
    """What came by a token that is revoked is closed with 4001; what came by a ticket got with it, too."""
    token = (await target.http.post("/tokens", {"subject": "protocol-check", "roles": ["display"]}))["token"]
    async with open_http(target.url, token=token) as http:
        ticket = (await http.post("/ws-ticket"))["ticket"]
    by_ticket = Speaker(await knock(target.url, query=f"?ticket={ticket}"))
    async with target.line(token) as line:
        await target.http.post("/tokens/revoke", {"token": token})
        same(await line.closed(), TOKEN_ENDED, "the close code")
        same(await by_ticket.closed(), TOKEN_ENDED, "the close code of the line that came by ticket")
    await by_ticket.socket.drop()


# -- following -------------------------------------------------------------------------------------------


@reads
async def welcome_comes_first(target: Target) -> None:
    async with target.line() as line:
        welcome = line.told[0]
        same(welcome["op"], "welcome", "the first message")
        for name, kind in (("role", str), ("subject", str), ("org", str), ("now", int)):
            assert isinstance(welcome.get(name), kind), f"welcome lacks {name}: {welcome}"
        assert welcome["speed"] > 0


@reads
async def nothing_is_told_to_who_asked_for_nothing(target: Target) -> None:
    async with target.line() as line:
        with trio.move_on_after(QUIET_S):
            await line.hear()
        same([said["op"] for said in line.told], ["welcome"], "what comes without a subscription")


@reads
async def the_first_subscription_brings_a_snapshot(target: Target) -> None:
    """A reply with the topics, no resync, and the hall as `GET /hall` shows it."""
    async with target.line() as line:
        reply = await line.subscribe("#")
        same(reply["result"], {"topics": ["#"]}, "the reply to subscribe")
        snapshot = await line.op("snapshot")
        state = snapshot["state"]
        same((state["epoch"], state["seq"]), (snapshot["epoch"], snapshot["seq"]), "the state's position")
        hall = await target.http.get("/hall")
        same(snapshot["epoch"], hall["epoch"], "the epoch")
        same(sorted(state), sorted(hall), "the fields of the state")
        same([s["id"] for s in state["services"]], [s["id"] for s in hall["services"]], "the services")
        assert isinstance(state["now"], int), "instants of the feed are integer milliseconds"
        assert "resync" not in [said["op"] for said in line.told], "the first snapshot is no resync"


@writes
async def records_follow_once_and_in_order(target: Target) -> None:
    """Exactly the journal's records after the snapshot, as `GET /records` gives them."""
    async with target.line() as line:
        await line.subscribe()
        seq = (await line.op("snapshot"))["seq"]
        await target.take(3)
        _, head = await target.head()
        told = await line.through(head)
        same(told, _as_told(await target.journal(seq), head), "the records told")


def _as_told(records: list[Plain], head: int) -> list[Plain]:
    """Who the customer is does not travel by the feed."""
    return [
        {**record, "data": {name: value for name, value in record["data"].items() if name != "person"}}
        for record in records
        if record["seq"] <= head
    ]


@writes
async def through_covers_and_never_falls(target: Target) -> None:
    async with target.line() as line:
        await line.subscribe()
        await line.op("snapshot")
        await target.take(3)
        _, head = await target.head()
        await line.through(head)
        said = [m for m in line.told if m["op"] == "records"]
        assert all(a["through"] <= b["through"] for a, b in pairwise(said)), "'through' fell"
        for message in said:
            numbers = [record["seq"] for record in message["records"]]
            assert not numbers or numbers[-1] <= message["through"], "a record beyond 'through'"


@writes
async def a_resumption_brings_exactly_what_was_missed(target: Target) -> None:
    epoch, seq = await target.head()
    await target.take(3)
    _, head = await target.head()
    async with target.line() as line:
        await line.subscribe(after={"epoch": epoch, "seq": seq})
        told = await line.through(head)
        same([record["seq"] for record in told], list(range(seq + 1, head + 1)), "the records told")
        await target.take(1)
        _, further = await target.head()
        told = await line.through(further)
        same([record["seq"] for record in told], list(range(seq + 1, further + 1)), "the records told")
        assert not {"snapshot", "resync"} & {said["op"] for said in line.told}, (
            "nothing was lost: no snapshot"
        )


@writes
async def who_missed_nothing_is_told_nothing(target: Target) -> None:
    async with target.line() as line:
        epoch, seq = await target.head()
        await line.subscribe(after={"epoch": epoch, "seq": seq})
        with trio.move_on_after(QUIET_S):
            await line.hear()
        extra = [
            said["op"] for said in line.told if said["op"] not in ("welcome", "reply", "figures", "records")
        ]
        same(extra, [], "what comes besides")
        same(line.records(), [], "the records told")
        await target.take(1)
        _, head = await target.head()
        same([r["seq"] for r in await line.through(head)], list(range(seq + 1, head + 1)), "the records told")


@reads
async def a_position_that_cannot_be_served_is_a_resync(target: Target) -> None:
    """Another epoch, beyond the end, nonsense: a reason and a new snapshot, and the line stays."""
    epoch, seq = await target.head()
    positions: list[Plain] = [
        {"epoch": "another", "seq": 1},
        {"epoch": epoch, "seq": seq + 1_000_000},
        {"epoch": epoch, "seq": -1},
        {"epoch": epoch},
        {"epoch": epoch, "seq": "1"},
        {"epoch": 7, "seq": None},
        {},
    ]
    for after in positions:
        async with target.line() as line:
            reply = await line.subscribe(after=after)
            assert reply["ok"], f"after={after}: {reply}"
            assert (await line.op("resync"))["reason"], "a resync has a reason"
            same((await line.op("snapshot"))["epoch"], epoch, f"the snapshot for after={after}")
            same(line.records(), [], f"records between resync and snapshot for after={after}")


@writes
async def both_encodings_say_the_same(target: Target) -> None:
    async with target.line(encoding="json") as one, target.line(encoding="msgpack") as other:
        epoch, seq = await target.head()
        for line in (one, other):
            await line.subscribe(after={"epoch": epoch, "seq": seq})
        await target.take(2)
        _, head = await target.head()
        same(await one.through(head), await other.through(head), "the records in both encodings")


# -- topics ----------------------------------------------------------------------------------------------


@writes
async def topics_choose(target: Target) -> None:
    """`+` is one level, `#` the rest; what was not asked for is not told."""
    org = (await target.http.get("/hall"))["org"]
    levels = "/".join("+" for _ in org.split("/"))
    ticket = (await target.take(1))[0]
    epoch, head = await target.head()
    after = {"epoch": epoch, "seq": head - 2}
    for topics, count in (
        (["#"], 2),
        ([f"{org}/#"], 2),
        ([f"{org}/ticket/+"], 2),
        ([f"{levels}/ticket/#"], 2),
        ([f"{org}/ticket/{ticket['id']}"], 2),
        ([f"{org}/ticket/{ticket['id']}", "#"], 2),
        ([f"{org}/counter/#"], 0),
        ([f"{levels}/+"], 0),
        (["another/#"], 0),
    ):
        async with target.line() as line:
            await line.subscribe(*topics, after=after)
            with trio.move_on_after(QUIET_S if count == 0 else 10 * QUIET_S):
                while len(line.records()) < max(count, 1):
                    await line.hear()
            same(len(line.records()), count, f"records for the topics {topics}")


@reads
async def what_is_no_topic_is_told_and_the_line_stays(target: Target) -> None:
    async with target.line() as line:
        for topic in ("", "a//b", "#/a", "a#", "+a", "x" * 600):
            reply = await line.subscribe(topic)
            same((reply["ok"], reply["error"]["status"]), (False, 422), f"the topic {topic!r}")
        assert (await line.subscribe("#"))["ok"]


@reads
async def too_many_topics_end_the_line(target: Target) -> None:
    async with target.line() as line:
        await line.say("subscribe", id=1, topics=[f"a/{n}" for n in range(MOST_TOPICS + 1)])
        same(await line.closed(), POLICY_VIOLATION, "the close code")


@writes
async def unsubscribed_topics_are_told_no_more(target: Target) -> None:
    org = (await target.http.get("/hall"))["org"]
    async with target.line() as line:
        await line.subscribe(f"{org}/ticket/#", f"{org}/counter/#")
        await line.op("snapshot")
        reply = await line.ask("unsubscribe", topics=[f"{org}/ticket/#", "never/there"])
        same(reply["result"], {"topics": [f"{org}/counter/#"]}, "the reply to unsubscribe")
        await target.take(1)
        with trio.move_on_after(QUIET_S):
            while True:
                await line.hear()
        same(line.records(), [], "the records told")


@writes
async def further_topics_count_from_there_on(target: Target) -> None:
    """Without a new snapshot; what several topics match is told once."""
    org = (await target.http.get("/hall"))["org"]
    async with target.line() as line:
        await line.subscribe(f"{org}/counter/#")
        await line.op("snapshot")
        _, head = await target.head()
        for topics in ((f"{org}/ticket/#",), (f"{org}/+/#", "#")):
            assert (await line.subscribe(*topics))["ok"]
            await target.take(2)
        _, last = await target.head()
        told = [record["seq"] for record in await line.through(last)]
        same(told, list(range(head + 1, last + 1)), "the records told")
        again = [said["op"] for said in line.told if said["op"] in ("snapshot", "resync")]
        same(again, ["snapshot"], "snapshots and resyncs")


# -- commands --------------------------------------------------------------------------------------------


@reads
async def a_reply_has_the_id_of_its_question(target: Target) -> None:
    """Strings and integers, also before any subscription, and in the order of the questions."""
    async with target.line() as line:
        ids = ["a", 7, "7", 0, "", 2**40]
        for id in ids:
            await line.say("command", id=id, name="hall", args={})
        for id in ids:
            reply = await line.op("reply")
            same((reply["id"], reply["ok"]), (id, True), "the next reply")


@writes
async def a_command_is_the_act_of_http(target: Target) -> None:
    async with target.line() as line:
        reply = await line.command("tickets.take", {"service": target.service, "channel": "kiosk"})
        assert reply["ok"], reply
        ticket = await target.http.get(f"/tickets/{reply['result']['id']}")
        same(ticket["number"], reply["result"]["number"], "the ticket's number")
        assert isinstance(reply["result"]["taken_at"], int), "instants are integer milliseconds"
        done = await line.command("tickets.cancel", {"ticket": ticket["id"]})
        assert done["ok"], done


@reads
async def an_error_is_a_problem_document(target: Target) -> None:
    cases: list[tuple[str, Plain, int]] = [
        ("no.such.command", {}, 404),
        ("tickets.take", {"service": "no-such-service", "channel": "kiosk"}, 422),
        ("tickets.take", {"service": 7}, 422),
        ("tickets.take", {}, 422),
        ("tickets.cancel", {"ticket": "no-such-ticket"}, 404),
    ]
    async with target.line() as line:
        for name, args, status in cases:
            reply = await line.command(name, args)
            same((reply["ok"], reply["error"]["status"]), (False, status), f"{name} {args}")
            for field in ("type", "title", "detail", "code"):
                assert reply["error"].get(field), f"{name} {args}: the problem lacks {field}"


@writes
async def one_key_has_one_effect(target: Target) -> None:
    """Also on another line, and by HTTP; with another body it is a conflict."""
    key = secrets.token_hex(8)
    args = {"service": target.service, "channel": "kiosk"}
    async with target.line() as line:
        first = (await line.command("tickets.take", args, key))["result"]
        same((await line.command("tickets.take", args, key))["result"], first, "the second answer")
    async with target.line() as line:
        same((await line.command("tickets.take", args, key))["result"], first, "the answer on another line")
        other = await line.command("tickets.take", {**args, "channel": "web"}, key)
        same(other["error"]["code"], "idempotency_conflict", "the same key with another body")
    by_http = await target.http.post("/tickets", args, key=key)
    same(by_http["id"], first["id"], "the answer by HTTP")
    await target.http.post(f"/tickets/{first['id']}/cancel", {})


@reads
async def a_display_cannot_command(target: Target) -> None:
    token = (await target.http.post("/tokens", {"subject": "protocol-check", "roles": ["display"]}))["token"]
    async with target.line(token) as line:
        reply = await line.command("tickets.take", {"service": target.service, "channel": "kiosk"})
        same((reply["ok"], reply["error"]["status"]), (False, 403), "a display that takes a ticket")
        assert (await line.command("hall"))["ok"], "it may look"


# -- the wire --------------------------------------------------------------------------------------------


@reads
async def ping_is_answered(target: Target) -> None:
    async with target.line() as line:
        await line.say("ping")
        assert isinstance((await line.op("pong"))["now"], int), "pong says what time it is"


@reads
async def unknown_fields_are_ignored(target: Target) -> None:
    async with target.line() as line:
        await line.say("ping", later={"version": [1]})
        await line.op("pong")
        reply = await line.ask("subscribe", topics=["#"], mood="good")
        assert reply["ok"], reply


@reads
async def an_unknown_op_ends_the_line(target: Target) -> None:
    """Answered, then closed with 1002."""
    async with target.line() as line:
        reply = await line.ask("celebrate")
        same((reply["ok"], reply["error"]["status"]), (False, 422), "the reply")
        same(await line.closed(), PROTOCOL_ERROR, "the close code")


@reads
async def what_is_no_message_ends_the_line(target: Target) -> None:
    for garbage in (b"", b"{", b"null", b"[]", b"7", b'{"id":1}', b'{"op":7}', b'{"op":"command","args":7}'):
        async with target.line() as line:
            await line.say_bytes(garbage)
            same(await line.closed(), PROTOCOL_ERROR, f"the close code for {garbage!r}")


@reads
async def a_message_too_large_ends_the_line(target: Target) -> None:
    async with target.line() as line:
        with suppress(WebSocketClosed):
            await line.say("ping", padding="x" * LARGEST_MESSAGE_BYTES)
        same(await line.closed(), TOO_LARGE, "the close code")


@reads
async def a_message_may_come_in_fragments(target: Target) -> None:
    async with target.line() as line:
        data = line.encoded({"op": "ping", "padding": "x" * 100})
        for start in range(0, len(data), 10):
            part, last = data[start : start + 10], start + 10 >= len(data)
            await line.socket.send_event(
                BytesMessage(data=part, message_finished=last)
                if line.binary
                else TextMessage(data=part.decode(), message_finished=last)
            )
        await line.op("pong")


@reads
async def a_ping_frame_is_answered(target: Target) -> None:
    async with target.line() as line:
        before = line.socket.pongs
        await line.socket.ping()
        await line.say("ping")
        await line.op("pong")
        same(line.socket.pongs, before + 1, "pong frames")


@reads
async def who_leaves_is_let_go(target: Target) -> None:
    """A close frame is answered with one."""
    async with target.line() as line:
        await line.socket.close()
        same(line.socket.closed_with, 1000, "the answer to our close")


@writes
async def a_client_that_breaks_off_harms_nobody(target: Target) -> None:
    """Half a frame, a frame without a mask, and a cut: others go on."""
    async with target.line() as good:
        await good.subscribe()
        seq = (await good.op("snapshot"))["seq"]
        for rubbish in (b"\x82", b"\x82\x05hello", b"\xff" * 50, b"\x81\xfe\xff\xff\x00\x00\x00\x00"):
            async with target.line() as bad:
                await bad.socket.send_raw(rubbish)
        await target.take(1)
        _, head = await target.head()
        told = await good.through(head)
        same([record["seq"] for record in told], list(range(seq + 1, head + 1)), "the records told")


# -- many times ------------------------------------------------------------------------------------------

RECONNECTS = 25


@writes
async def every_record_once_over_reconnects(target: Target) -> None:
    """A client that leaves at random moments and comes back with `after` misses nothing and hears nothing
    twice, while the hall goes on."""
    chance = random.Random(target.seed)
    epoch, first = await target.head()
    position = first
    seen: list[int] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_busy, target)
        for _ in range(RECONNECTS):
            async with target.line() as line:
                await line.subscribe(after={"epoch": epoch, "seq": position})
                with trio.move_on_after(chance.random() * 0.06):
                    while True:
                        await line.hear()
                position = _follow(line, position, seen)
        nursery.cancel_scope.cancel()
    _, head = await target.head()
    async with target.line() as line:
        await line.subscribe(after={"epoch": epoch, "seq": position})
        if position < head:
            await line.through(head)
        _follow(line, position, seen)
    same(seen, list(range(first + 1, seen[-1] + 1 if seen else first + 1)), "the records over all lines")
    assert not seen or seen[-1] >= head, f"the records up to {head} were not all told: {seen[-3:]}"


def _follow(line: Speaker, position: int, seen: list[int]) -> int:
    for said in line.told:
        assert said["op"] not in ("snapshot", "resync"), f"nothing was lost, and it said {said['op']}"
        if said["op"] == "records":
            seen += [record["seq"] for record in said["records"]]
            position = max(position, said["through"])
    return position


async def _busy(target: Target) -> None:
    async with open_http(target.url, token=target.token) as http:
        mine = Target(target.url, target.token, target.encoding, http, target.service)
        with suppress(NotAdmitted):
            while True:
                await mine.take(1)


@writes
async def who_does_not_read_is_not_felt(target: Target) -> None:
    """A line on which nobody reads holds up neither commands nor other lines."""
    async with target.line() as idle, target.line() as good:
        for line in (idle, good):
            await line.say("subscribe", id=0, topics=["#"])
        seq = (await good.op("snapshot"))["seq"]
        for _ in range(200):
            await idle.say("command", id=1, name="hall", args={})
            with trio.move_on_after(0.001):
                await trio.sleep_forever()
        await target.take(5)
        _, head = await target.head()
        told = await good.through(head)
        same([record["seq"] for record in told], list(range(seq + 1, head + 1)), "the records told")
