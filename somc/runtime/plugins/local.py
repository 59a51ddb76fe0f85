"""One plugin at work inside the hall's process: its hooks called, bounded and watched.

What must stay true
- An async hook runs in a task of the plugin's own and is waited for until its deadline, no longer: one that
  does not end when it is cancelled is left behind, counted and named, and nobody waits for it.
- A sync hook runs in a thread of the plugin's few; one that does not return keeps its thread and no other's.
- Nothing that a plugin raises leaves here but as `HookFailed`.
- The plugin's tasks hang below a system task of Trio's and not below the hall's nursery, so that one that
  cannot be ended does not keep the hall from ending in order.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import trio

from somc.api import (
    AlertRule,
    Page,
    PluginContext,
    Request,
    Response,
    Route,
    Socket,
    SocketRoute,
)
from somc.api.context import Behind, Store
from somc.runtime.plugins.answers import WrongAnswer, checked
from somc.runtime.plugins.ledger import HookFailed, Ledger, late
from somc.runtime.plugins.loading import Loaded
from somc.runtime.plugins.routing import check_routes, handled
from somc.runtime.plugins.tasks import Tasks, harmless, said

__all__ = ["ENDING_S", "LocalPlugin"]

ENDING_S = 3.0
"""How long the tasks of a plugin may take to end when it is disabled."""

MOST_UNENDED = 16
"""Cancelled calls that have not ended: beyond so many no further hook of the plugin is asked."""

THREADS = 2
"""Threads of one plugin for its sync hooks."""

STUBBORN_S = 1.0
"""A call that has not ended so long after its cancellation does not want to."""


class LocalPlugin:
    """An enabled plugin in this process. `open` before anything else, `close` at the end."""

    isolation = "in-process"
    outlasts = False
    board = None

    def __init__(
        self, loaded: Loaded, config: Any, data_dir: Path, store: Store, behind: Behind, ledger: Ledger
    ) -> None:
        self.loaded = loaded
        self.ledger = ledger
        self.routes: list[Route | SocketRoute] = []
        self.pages: list[Page] = []
        self.rules: list[AlertRule] = []
        self.channels: list[Any] = []
        self._make_context = partial(
            PluginContext,
            loaded.name,
            config,
            data_dir,
            structlog.get_logger("plugin").bind(plugin=loaded.name),
        )
        self._store = store
        self._behind = behind
        self._threads = trio.CapacityLimiter(THREADS)
        self._unended: dict[object, tuple[str, float]] = {}
        self._told: set[object] = set()
        self._scope = trio.CancelScope()
        self._ended = trio.Event()
        self.context: PluginContext
        self._nursery: trio.Nursery

    @property
    def name(self) -> str:
        return self.loaded.name

    @property
    def hooks(self) -> frozenset[str]:
        return self.loaded.hooks

    # -- life -------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Make its home, and ask what it brings. `HookFailed` names the hook."""
        opened = trio.Event()

        async def home() -> None:
            try:
                with self._scope:
                    async with trio.open_nursery() as nursery:
                        self._nursery = nursery
                        opened.set()
                        await trio.sleep_forever()
            finally:
                self._ended.set()

        trio.lowlevel.spawn_system_task(home, name=f"plugin {self.name}")
        await opened.wait()
        tasks = Tasks(self._nursery, self.ledger)
        self.context = self._make_context(tasks, self._store, self._behind)
        self.routes = self._brought("somc_routes", Route, SocketRoute)
        check_routes(self.routes)
        self.pages = self._brought("somc_pages", Page)
        self.rules = self._brought("somc_alert_rules", AlertRule)
        self.channels = self._brought("somc_channels")

    def _brought(self, hook: str, *kinds: type) -> list[Any]:
        """What a starting hook gives, each of one of these kinds."""
        if hook not in self.hooks:
            return []
        try:
            answer: Iterable[Any] | None = self.loaded.ask(hook, context=self.context)
            things = list(answer or ())
        except Exception as error:
            raise HookFailed("raised", f"'{hook}' raised {error!r}") from error
        for thing in things:
            if kinds and not isinstance(thing, kinds):
                allowed = " or ".join(kind.__name__ for kind in kinds)
                raise HookFailed("wrong", f"'{hook}' gave {thing!r}, which is no {allowed}")
        return things

    async def close(self) -> bool:
        """End all its tasks; False if some of them do not."""
        self._scope.cancel()
        with trio.CancelScope(shield=True), trio.move_on_after(ENDING_S):
            await self._ended.wait()
        return self._ended.is_set()

    # -- hooks ------------------------------------------------------------------------------------

    async def call(self, hook: str, deadline_s: float, **arguments: Any) -> Any:
        """What an async hook gives, checked. `HookFailed`."""
        return await self._run(
            hook, deadline_s, lambda: self.loaded.ask(hook, context=self.context, **arguments)
        )

    async def contribute(self, hook: str, deadline_s: float, **arguments: Any) -> Any:
        """What a sync hook gives, checked. `HookFailed`."""
        return await self._in_thread(
            hook, deadline_s, lambda: self.loaded.ask(hook, context=self.context, **arguments)
        )

    async def check_rule(self, number: int, deadline_s: float, hall: Any) -> int | None:
        """The value of its `number`-th alert rule. `HookFailed`."""
        rule = self.rules[number]
        value: int | None = await self._in_thread("check", deadline_s, partial(rule.check, hall))
        return value

    async def serve(self, number: int, deadline_s: float, request: Request) -> Response:
        """The answer of its `number`-th route. `HookFailed`."""
        route = self.routes[number]
        assert isinstance(route, Route)
        response: Response = await self._run("route", deadline_s, partial(handled, route, request))
        return response

    async def serve_socket(self, number: int, socket: Socket) -> None:
        """Let its `number`-th route have the socket until it returns. `HookFailed` if it raises."""
        route = self.routes[number]
        assert isinstance(route, SocketRoute)
        await self._run("route", float("inf"), partial(self._socket, route.handler, socket), checks=False)

    async def _socket(self, handler: Callable[[Socket], Awaitable[None]], socket: Socket) -> None:
        await handler(socket)

    def stubborn(self) -> list[str]:
        """Hooks whose calls do not end though cancelled a while ago; each is told once."""
        now = trio.current_time()
        found = [
            (call, hook)
            for call, (hook, since) in self._unended.items()
            if now - since > STUBBORN_S and call not in self._told
        ]
        self._told.update(call for call, _ in found)
        return [hook for _, hook in found]

    # -- running ----------------------------------------------------------------------------------

    async def _run(
        self, hook: str, deadline_s: float, make: Callable[[], Any], *, checks: bool = True
    ) -> Any:
        self.ledger.check(hook)
        if len(self._unended) >= MOST_UNENDED:
            raise HookFailed("down", f"{len(self._unended)} of its calls have not ended")
        if self._ended.is_set() or self._scope.cancel_called:
            raise HookFailed("down", "it is being disabled")
        begun = trio.current_time()
        call = _Call()
        self._nursery.start_soon(self._work, call, hook, make, checks)
        try:
            with trio.move_on_after(deadline_s):
                await call.done.wait()
        finally:
            if not call.done.is_set():
                call.scope.cancel()
                self._unended[call] = (hook, trio.current_time())
        took_s = trio.current_time() - begun
        failure = call.failure
        if not call.done.is_set():
            failure = late(deadline_s, took_s)
        if failure is not None:
            self.ledger.failed(hook, failure, took_s)
            raise failure
        self.ledger.worked(hook, took_s)
        return call.answer

    async def _work(self, call: _Call, hook: str, make: Callable[[], Any], checks: bool) -> None:
        try:
            with call.scope:
                awaitable = make()
                answer = await awaitable if inspect.isawaitable(awaitable) else awaitable
                call.answer = checked(hook, answer) if checks else None
        except WrongAnswer as error:
            call.failure = HookFailed("wrong", str(error))
        except BaseException as error:
            call.failure = HookFailed("raised", said(harmless(error)))
        finally:
            if call.scope.cancelled_caught and call.failure is None:
                call.failure = HookFailed("down", "it was cancelled")
            call.done.set()
            self._unended.pop(call, None)
            self._told.discard(call)

    async def _in_thread(self, hook: str, deadline_s: float, ask: Callable[[], Any]) -> Any:
        self.ledger.check(hook)

        def work() -> Any:
            return checked(hook, ask())

        begun = trio.current_time()
        try:
            with trio.fail_after(deadline_s):
                answer = await trio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._threads)
        except trio.TooSlowError:
            failure = late(deadline_s, trio.current_time() - begun)
        except WrongAnswer as error:
            failure = HookFailed("wrong", str(error))
        except BaseException as error:
            failure = HookFailed("raised", said(harmless(error)))
        else:
            self.ledger.worked(hook, trio.current_time() - begun)
            return answer
        self.ledger.failed(hook, failure, trio.current_time() - begun)
        raise failure


class _Call:
    """One call under way."""

    __slots__ = ("answer", "done", "failure", "scope")

    def __init__(self) -> None:
        self.done = trio.Event()
        self.scope = trio.CancelScope()
        self.answer: Any = None
        self.failure: HookFailed | None = None
