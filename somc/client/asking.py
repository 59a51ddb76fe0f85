"""Commands on their way: each waits for its reply and goes out again on the next line, with the same key.

What must stay true
- A command keeps its idempotency key until it is answered or given up, so that it has one effect.
- After a new line everything unanswered goes out in the order in which it was asked.
- An overloaded hall (503) is asked again later, not at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import trio

from somc.client.messages import Problem, Reply
from somc.errors import ClientError, HallRefused, NotAdmitted

__all__ = ["Command", "Commands", "refusal"]

OVERLOAD_WAIT_S = 2.0
"""An overloaded hall that does not say when is asked again any time up to so long after."""

UNAVAILABLE = 503


def refusal(problem: Problem) -> ClientError:
    """The exception that a problem document is."""
    detail = problem.detail or problem.title or "the hall gave no reason"
    if problem.status in (401, 403):
        return NotAdmitted(problem.status, detail)
    return HallRefused(
        problem.status,
        problem.code,
        detail,
        words=problem.words,
        fields=problem.fields,
        retry_after_s=problem.retry_after_s,
    )


class Command:
    """One command that somebody waits for."""

    def __init__(self, id: str, message: bytes) -> None:
        self.id = id
        self.message = message
        self.done = trio.Event()
        self.result: Any = None
        self.error: ClientError | None = None
        self.sent = False
        self.not_before = -float("inf")
        """Trio's time before which it is not sent (again)."""

    def fail(self, error: ClientError) -> None:
        self.error = error
        self.done.set()


class Commands:
    """Everything that is unanswered. `random` answers in [0, 1)."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._open: dict[str, Command] = {}
        self._count = 0

    def new_id(self) -> str:
        self._count += 1
        return f"c{self._count}"

    def add(self, command: Command) -> None:
        self._open[command.id] = command

    def drop(self, command: Command) -> None:
        """Nobody waits for it any more."""
        self._open.pop(command.id, None)

    def begin_line(self) -> None:
        """A new connection knows of none of them."""
        for command in self._open.values():
            command.sent = False

    def due(self, now: float) -> Iterator[Command]:
        """Those to send, in the order in which they were asked; each counts as sent when it is given out."""
        for command in list(self._open.values()):
            if not command.sent and command.not_before <= now and command.id in self._open:
                command.sent = True
                yield command

    def next_due(self, now: float) -> float:
        """The next instant at which one is due that is not yet; infinity if none is."""
        waiting = [c.not_before for c in self._open.values() if not c.sent and c.not_before > now]
        return min(waiting, default=float("inf"))

    def answered(self, reply: Reply, now: float) -> None:
        command = self._open.get(str(reply.id))
        if command is None:
            return
        if reply.ok:
            command.result = reply.result
            command.done.set()
        else:
            problem = reply.error or Problem()
            if problem.status == UNAVAILABLE:
                told_s = problem.retry_after_s
                command.not_before = now + (told_s or OVERLOAD_WAIT_S) * (0.5 + self._random() / 2)
                command.sent = False
                return
            command.fail(refusal(problem))
        self.drop(command)

    def fail(self, error: ClientError) -> None:
        """Nothing of this will be answered."""
        for command in self._open.values():
            command.fail(error)
        self._open.clear()
