"""What `somc plugin check` looks at: whether a plugin loads, keeps to its side, and works in a hall.

What must stay true: everything is run as a hall would run it; what is only advice is marked as such and fails
nothing.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import trio

from somc.errors import SomcError, UsageError
from somc.runtime.plugins import Plugins
from somc.runtime.plugins.finding import Found
from somc.runtime.plugins.loading import Loaded, load
from somc.runtime.plugins.placed import RemoteSpec
from somc.runtime.plugins.process import NOT_HERE
from somc.runtime.plugins.tasks import said
from somc.testing.hall import FakeHall, hall_with
from somc_hal.drivers.base import DriverSpec
from somc_hal.ports import Ports
from somc_hal.simulators.base import Simulator
from somc_hal.simulators.host import SimulatorHost

__all__ = ["Finding", "check_plugin"]

ALLOWED = ("somc.api", "somc_hal")
BLOCKING = {
    ("time", "sleep"): "trio.sleep",
    ("requests", "get"): "httpx.AsyncClient",
    ("requests", "post"): "httpx.AsyncClient",
    ("subprocess", "run"): "trio.run_process",
    ("subprocess", "check_output"): "trio.run_process",
    ("socket", "create_connection"): "trio.open_tcp_stream",
    ("urllib.request", "urlopen"): "httpx.AsyncClient",
}
"""What holds the loop → what does not."""

PHONE = "13911112222"
PATIENCE_S = 60.0

ONLINE_S = 10.0
"""A driver finds its simulator, which is there, within a second."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `advice` fails nothing."""

    kind: Literal["ok", "advice", "wrong"]
    text: str


def check_plugin(found: Found, settings: Mapping[str, Any]) -> Iterator[Finding]:
    """Look at the plugin, one finding after the other; the first that is wrong about loading is the last."""
    try:
        loaded = load(found)
    except UsageError as error:
        yield Finding("wrong", str(error))
        return
    yield Finding("ok", f"loads; made for API {loaded.about.api}; hooks: {', '.join(sorted(loaded.hooks))}")
    title = loaded.about.title
    if not (title.zh and title.en):
        yield Finding("advice", "its About has no title in both languages: pages will show its name")
    yield from _look_at_sources(loaded)
    yield from _let_work(loaded, settings)


def _look_at_sources(loaded: Loaded) -> Iterator[Finding]:
    files = _files(loaded)
    own = loaded.module.split(".")[0]  # a plugin may be of several files
    wrong = False
    for file in files:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for line, module in _imports(tree):
            top = module.split(".")[0]
            if top in ("somc", "somc_plugins") and top != own and not module.startswith(ALLOWED):
                wrong = True
                yield Finding(
                    "wrong", f"{file.name}:{line}: imports {module}; allowed: {' and '.join(ALLOWED)}"
                )
        for line, call, instead in _blocking(tree):
            wrong = True
            yield Finding(
                "wrong", f"{file.name}:{line}: {call} holds the loop in an async function: use {instead}"
            )
    if files and not wrong:
        yield Finding(
            "ok", f"{len(files)} files import of SOMC only its API, and hold no loop that was looked for"
        )


def _files(loaded: Loaded) -> list[Path]:
    spec = importlib.util.find_spec(loaded.module)
    if spec is None or spec.origin is None:
        return []
    origin = Path(spec.origin)
    return sorted(origin.parent.rglob("*.py")) if origin.name == "__init__.py" else [origin]


def _imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.lineno, node.module or ""


def _blocking(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    for function in ast.walk(tree):
        if not isinstance(function, ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                of = ast.unparse(node.func.value)
                instead = BLOCKING.get((of, node.func.attr))
                if instead is not None:
                    yield node.lineno, f"{of}.{node.func.attr}", instead
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
                yield node.lineno, "open", "trio.open_file"


def _let_work(loaded: Loaded, settings: Mapping[str, Any]) -> Iterator[Finding]:
    """A customer comes, is called and served, with the plugin at work: in each of its two places."""
    for isolation in ("in-process", "process"):
        if isolation == "process" and loaded.hooks & set(NOT_HERE):
            yield Finding("ok", "works in the hall's process only: it brings policies")
            continue
        try:
            fault = trio.run(_customer, loaded, dict(settings), isolation)
        except (SomcError, trio.TooSlowError) as error:
            yield Finding("wrong", f"{isolation}: {error or 'it takes too long'}")
        except BaseExceptionGroup as group:
            inner = group.exceptions[0]
            yield Finding("wrong", f"{isolation}: {inner}")
        else:
            if fault is not None:
                yield Finding("wrong", f"{isolation}: {fault}")
            else:
                yield Finding("ok", f"{isolation}: starts, sees a customer through, and stops")


async def _customer(loaded: Loaded, settings: dict[str, Any], isolation: Any) -> str | None:
    source = loaded.name if loaded.found.folder is None else _project_of(loaded)
    with trio.fail_after(PATIENCE_S):
        async with hall_with(source, settings=settings, isolation=isolation) as hall:
            entry = hall.host.entries[loaded.name]
            await hall.advice("payment")
            ticket = await hall.take("payment", phone=PHONE)
            await hall.lines()
            await hall.call(1)
            await hall.card(ticket)
            await hall.second_screen(ticket)
            await hall.do("counters.start", counter=1)
            await hall.do("counters.finish", counter=1)
            await hall.turn("1h")
            wrong = await _devices_come_online(hall, loaded)
        return wrong or entry.ledger.last_fault


async def _devices_come_online(hall: FakeHall, loaded: Loaded) -> str | None:
    """Run each driver that has a simulator with it, over a pty, where the plugin works; what is wrong."""
    placed = hall.host.placed(Plugins.of([loaded]), {})
    simulators = placed.simulators()
    for name, spec in placed.drivers().items():
        if name in simulators and (why := await _comes_online(spec, simulators[name]())):
            return f"the driver '{name}' with its simulator: {why}"
    return None


async def _comes_online(spec: DriverSpec, simulator: Simulator) -> str | None:
    device: Any = None
    try:
        with trio.fail_after(ONLINE_S):
            async with trio.open_nursery() as nursery:
                url = await nursery.start(SimulatorHost(simulator, "pty").run)
                if isinstance(spec, RemoteSpec):
                    await spec.learn("check", url, {})
                device = spec.make("check", url, {}, ports=Ports())
                await nursery.start(device.run)
                await device.wait_online()
                nursery.cancel_scope.cancel()
    except trio.TooSlowError:
        return "does not come online: " + ("it is not made" if device is None else device.status.detail)
    except Exception as error:
        inner: BaseException = error
        while isinstance(inner, BaseExceptionGroup):
            inner = inner.exceptions[0]
        return str(inner) if isinstance(inner, ValueError) else said(inner)
    return None


def _project_of(loaded: Loaded) -> Path:
    folder = loaded.found.folder
    assert folder is not None
    if (folder / "pyproject.toml").is_file():
        return folder
    if folder.name == "src" and (folder.parent / "pyproject.toml").is_file():
        return folder.parent
    module = folder / loaded.module.replace(".", "/")
    return module if module.is_dir() else module.with_suffix(".py")
