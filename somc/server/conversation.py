"""What a client of the live feed says, and what comes of it: subscriptions, commands, pings.

What must stay true
- Everything that has an `id` is answered, in the order it came. What breaks the protocol is answered too, and
  then ends the connection with a code.
- Nothing is done for somebody whose token is no longer good.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from somc.errors import SomcError
from somc.server.access import may, still_good
from somc.server.acts import BY_NAME
from somc.server.desk import Acting
from somc.server.fanout.listener import FIRST_SNAPSHOT, Listener
from somc.server.problems import Problem, of_error, of_validation, problem
from somc.server.queries import QUERIES, Floor
from somc.server.topics import outside

__all__ = ["ENDED", "LIVE_QUERIES", "MOST_TOPICS", "POLICY_VIOLATION", "PROTOCOL_ERROR", "Conversation", "Op"]

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

MOST_TOPICS = 64
PROTOCOL_ERROR = 1002
POLICY_VIOLATION = 1008
ENDED = 4001
"""The right by which the client came has ended."""

LIVE_QUERIES = {query.name: query for query in QUERIES if query.live}


class Op(msgspec.Struct, frozen=True):
    """Any message from a client; each op reads the fields that it needs, unknown ones are ignored."""

    op: str
    id: str | int | None = None
    topics: list[str] = []
    after: dict[str, Any] | None = None
    name: str = ""
    args: dict[str, Any] = {}
    key: str | None = None


class Conversation:
    """One client's side of the feed."""

    def __init__(self, floor: Floor, desk: Acting, listener: Listener) -> None:
        self.floor = floor
        self.hall = floor.hall
        self.desk = desk
        self.listener = listener

    async def listen(self, receive: Receive) -> int | None:
        """Take the client's messages until it leaves (`None`) or breaks the protocol (a close code)."""
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return None
            if message["type"] != "websocket.receive":
                continue
            data = message.get("bytes")
            data = (message.get("text") or "").encode() if data is None else data
            try:
                op = self.listener.form.wire.decode(data, Op)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                await self._reply(None, of_validation(error))
                return PROTOCOL_ERROR
            if not still_good(self.hall.journal, self.listener.admission, self.hall.now()):
                await self._reply(op.id, problem(401, "bad_token", "your token has ended: get a new one"))
                return ENDED
            code = await self._obey(op)
            if code is not None:
                return code

    async def _obey(self, op: Op) -> int | None:
        match op.op:
            case "ping":
                await self.listener.answer({"op": "pong", "now": self.hall.now()})
            case "subscribe":
                return await self._subscribe(op)
            case "unsubscribe":
                # Out of its group first: a group's members want the same.
                self.listener.hub.take_out(self.listener)
                self.listener.interest.remove(op.topics)
                self.listener.catch_up_soon()
                await self._reply(op.id, {"topics": self.listener.interest.topics})
            case "command":
                await self._reply(op.id, await self._command(op))
            case _:
                why = f"there is no op '{op.op}'; allowed: subscribe, unsubscribe, command, ping"
                await self._reply(op.id, problem(422, "unknown_op", why))
                return PROTOCOL_ERROR
        return None

    async def _subscribe(self, op: Op) -> int | None:
        listener = self.listener
        if len(listener.interest.topics) + len(op.topics) > MOST_TOPICS:
            await self._reply(op.id, problem(422, "too_many_topics", f"at most {MOST_TOPICS} topics"))
            return POLICY_VIOLATION
        scope = listener.principal.scope
        for topic in op.topics:
            if outside(topic, scope):
                why = f"{listener.principal.by} has rights in {scope} only: '{topic[:80]}' is elsewhere"
                await self._reply(op.id, problem(403, "other_hall", why))
                return None
        listener.hub.take_out(listener)
        try:
            listener.interest.add(op.topics)
        except ValueError as error:
            wrong = problem(422, "wrong_input", str(error), fields={"topics": str(error)})
            await self._reply(op.id, wrong)
        else:
            # Without a wait from here on: what is owed is settled before anything more is written.
            self._settle_place(op.after)
            await self._reply(op.id, {"topics": listener.interest.topics})
        listener.catch_up_soon()
        return None

    def _settle_place(self, after: dict[str, Any] | None) -> None:
        """Where the client goes on: after what it has seen, or from a snapshot."""
        listener, journal = self.listener, self.hall.journal
        if after is None:
            if listener.position is None and listener.resync_why is None:
                listener.resync_why = FIRST_SNAPSHOT
            return
        seq = after.get("seq")
        if (
            after.get("epoch") == journal.epoch
            and isinstance(seq, int)
            and 0 <= seq <= journal.head
            and journal.recent_after(seq, 1) is not None
        ):
            listener.position, listener.resync_why = seq, None
            return
        listener.position = None
        if after.get("epoch") != journal.epoch:
            listener.resync_why = "another epoch"
        elif isinstance(seq, int) and seq > journal.head:
            listener.resync_why = "beyond this journal's end"
        else:
            listener.resync_why = "too far back"

    async def _command(self, op: Op) -> Any:
        query = LIVE_QUERIES.get(op.name)
        act = BY_NAME.get(op.name)
        if act is None and query is None:
            return problem(404, "unknown_command", f"there is no command '{op.name}'")
        principal = self.listener.principal
        form: Any = act.body if act is not None else query.params if query is not None else None
        try:
            if query is not None:
                if not may(principal, query.roles):
                    return problem(403, "no_right", f"{principal.by} may not ask {query.name}")
                return await query.ask(self.floor, msgspec.convert(op.args, query.params), principal)
            assert act is not None
            body = msgspec.convert(op.args, act.body)
            answer = await self.desk.do(act, body, principal, op.key)
        except msgspec.ValidationError as error:
            return of_validation(error, op.args, form)
        except SomcError as error:
            return of_error(error)
        if isinstance(answer, Problem):
            return answer
        return answer.view

    async def _reply(self, id: Any, result: Any) -> None:
        reply: dict[str, Any] = {"op": "reply", "id": id, "ok": not isinstance(result, Problem)}
        reply["error" if isinstance(result, Problem) else "result"] = result
        await self.listener.answer(reply)
