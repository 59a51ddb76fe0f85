"""One open socket of the live feed: what it is owed, and how far it is.

    level ──the socket takes no more──▶ behind ──caught up──▶ level
      ▲                                   │ not within CONGESTED_S: 1013 · takes nothing for send_s: reset
      └──────── subscribe, snapshot ──────┘

What must stay true
- Level, it is in a group's table and costs no task: what is published is written for it. Behind, it is in no
  table, and one task of its own writes what it is owed.
- It has a place in the journal, not a queue of records: however slowly it reads, it holds the rest of one
  frame and a bounded number of answers. What it is owed is decided when its socket has room, so that it gets
  the newest figures only, and a snapshot in the place of records that are no longer at hand.
- Its frames are never mixed: nothing is written past a frame that was begun, nothing after a close frame.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import structlog
import trio

from somc.server.access import Principal
from somc.server.audience import is_public
from somc.server.connection import Connection
from somc.server.fanout.frames import BINARY, TEXT, frame
from somc.server.fanout.groups import Form, Group
from somc.server.handlers import PeerGone, PeerStalled
from somc.server.topics import Interest
from somc.server.wire import Wire

if TYPE_CHECKING:
    from somc.server.fanout.hub import Hub

__all__ = ["FIRST_SNAPSHOT", "MOST_ANSWERS", "MOST_ANSWER_BYTES", "Listener"]

log = structlog.get_logger(__name__)

FIRST_SNAPSHOT = ""
"""Why a snapshot is owed that the client expects: no `resync` announces it."""

MOST_ANSWERS = 32
MOST_ANSWER_BYTES = 256 * 1024
"""Answers that may wait for a client; its further commands wait with them."""

INTERNAL_ERROR = 1011
TRY_AGAIN_LATER = 1013


class Listener:
    """One client: who it is, what it subscribed to, and what it has yet to be told."""

    def __init__(
        self, hub: Hub, principal: Principal, admission: bytes, wire: Wire, link: Connection
    ) -> None:
        self.hub = hub
        self.principal = principal
        self.admission = admission
        """The digest of the token by which it came; without it, it may not stay."""
        self.form = Form(wire, is_public(principal))
        self.interest = Interest()
        self.link = link
        self.fd = link.socket.fileno()
        self.place = -1
        self.group: Group[Listener] | None = None
        """Where it is level; `None` while it is behind or has not subscribed."""
        self.position: int | None = None
        """While it is behind: the last `seq` looked at. `None` before the first subscription."""
        self.resync_why: str | None = None
        """Why a snapshot is owed: a reason to tell, `FIRST_SNAPSHOT`, or `None` if none is."""
        self.figures_seen = max(0, hub.figures_version - 1)
        self.left = link.over
        """Nothing may be written any more."""
        self.reading = trio.CancelScope()
        """Cancelled when the hall ends the connection; `end_code` says why."""
        self.end_code: int | None = None
        self.end_reason = ""
        self._answers: deque[bytes] = deque()
        self._answer_bytes = 0
        self._room = trio.Event()
        """Set, and replaced, when an answer has left."""
        self._catching_up = False
        link.leaving = self._leave
        link.congested = self._congested

    # -- answers ----------------------------------------------------------------------------------

    async def answer(self, message: dict[str, Any]) -> None:
        """Have `message` sent, after those before it; waits while too many wait. Raises `PeerGone`."""
        data = self.framed(self.form.wire.encode(message))
        while len(self._answers) >= MOST_ANSWERS or self._answer_bytes > MOST_ANSWER_BYTES:
            await self._room.wait()
        if self.left:
            await trio.lowlevel.checkpoint()
            raise PeerGone("the websocket is closed")
        if self._catching_up or self.link.busy_writing:
            self._answers.append(data)
            self._answer_bytes += len(data)
            self.catch_up_soon()
        else:
            self._write(data)

    async def wait_answered(self) -> None:
        """Return when every answer is with the kernel, or cannot be any more."""
        while self._answers and not self.left:
            await self._room.wait()

    def framed(self, payload: bytes) -> bytes:
        """The payload as a frame of this client's format."""
        return frame(BINARY if self.form.wire.binary else TEXT, payload)

    @property
    def buffered_bytes(self) -> int:
        """What is held in memory for this client."""
        return self._answer_bytes + self.link.unwritten_bytes

    # -- catching up ------------------------------------------------------------------------------

    @property
    def behind(self) -> bool:
        return self._catching_up

    def catch_up_soon(self) -> None:
        """It is owed something: take it out of its group and see to it in a task, unless one does."""
        self.hub.take_out(self)
        if not self._catching_up and not self.left:
            self._catching_up = True
            self.hub.start_soon(self._catch_up)

    async def _catch_up(self) -> None:
        counts = self.hub.counts
        try:
            with trio.CancelScope(deadline=trio.current_time() + self.hub.congested_s) as patience:
                await self._write_owed()
            if patience.cancelled_caught:
                counts.shed_slow += 1
                self.end(TRY_AGAIN_LATER, "too slow: come back, and resume")
        except PeerStalled:
            counts.shed_slow += 1
        except PeerGone:
            pass
        except Exception:
            # One client's messages could not be made: that must not end the hall.
            log.exception("a live feed was closed for a fault of ours", subject=self.principal.subject)
            self.end(INTERNAL_ERROR, "a fault of ours")
        finally:
            self._catching_up = False

    async def _write_owed(self) -> None:
        """Write until nothing is owed; then, in the same step, it is level."""
        while not self.left:
            if self.link.busy_writing:
                await self.link.flush()
                continue
            data = self._answered() or await self._owed()
            if data:
                self._write(data)
            elif data is None and self.hub.join(self):
                return

    def _write(self, data: bytes) -> None:
        """Give the socket, which is free, a frame; what it does not take has to wait."""
        sent = self.link.write_nowait(data)
        self.hub.counts.sent(1, len(data))
        if sent < len(data):
            self.link.keep_rest(memoryview(data)[sent:])
            self.catch_up_soon()

    def _answered(self) -> bytes | None:
        if not self._answers:
            return None
        data = self._answers.popleft()
        self._answer_bytes -= len(data)
        self._make_room()
        return data

    async def _owed(self) -> bytes | None:
        """The next message of the feed; nothing in it if there is none just now, `None` if none is owed."""
        hub = self.hub
        if self.resync_why is not None:
            return await self._snapshot()
        if self.position is None:
            return None
        hub.advance()
        if self.position != hub.position:
            return hub.missed(self)
        if self.figures_seen != hub.figures_version:
            hub.counts.conflated += hub.figures_version - self.figures_seen - 1
            self.figures_seen = hub.figures_version
            return hub.figures(self.form)
        return None

    async def _snapshot(self) -> bytes:
        seq, snapshot = await self.hub.snapshots.take(self.form)
        why, self.resync_why = self.resync_why, None
        if why is None:
            return b""  # meanwhile it has asked to resume
        self.position = seq
        if why == FIRST_SNAPSHOT:
            return snapshot
        self.hub.counts.resyncs += 1
        return self.framed(self.form.wire.encode({"op": "resync", "reason": why})) + snapshot

    # -- the end ----------------------------------------------------------------------------------

    def end(self, code: int, reason: str) -> None:
        """Have the connection closed with `code`."""
        if self.end_code is None:
            self.end_code, self.end_reason = code, reason
            self.reading.cancel()

    def _congested(self) -> None:
        self.catch_up_soon()

    def _leave(self) -> None:
        """The socket is about to be closed."""
        self.left = True
        self.hub.take_out(self)
        self._answers.clear()
        self._answer_bytes = 0
        self._make_room()

    def _make_room(self) -> None:
        room, self._room = self._room, trio.Event()
        room.set()
