"""Where plugins are found: entry points of installed packages, and paths of plugins under development.

What must stay true
- Finding imports nothing of a plugin.
- Of two packages that bring one name neither is taken: both are named. A path of hall.toml goes before an
  installed package, because whoever wrote it there wants that one.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from somc.errors import UsageError

__all__ = ["GROUP", "NAME", "Found", "at_path", "find", "found_at", "installed"]

GROUP = "somc.plugins"
"""The entry-point group."""

NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class Found:
    """A plugin that can be loaded: its entry point and, if it lies on a path, the folder to import from."""

    name: str
    entry: EntryPoint
    folder: Path | None = None

    @property
    def version(self) -> str | None:
        """The version of the package that brings it; `None` for one on a path, or with none."""
        dist = None if self.folder is not None else self.entry.dist
        return None if dist is None else dist.version

    @property
    def origin(self) -> str:
        """Where it comes from, in words."""
        if self.folder is not None:
            return str(self.folder)
        dist = self.entry.dist
        return "installed" if dist is None else f"{dist.name} {dist.version}"

    def load(self) -> object:
        """Import it. Whatever that raises."""
        if self.folder is not None:
            _make_way(self.entry.module.split(".")[0], self.folder)
        return self.entry.load()


_folders: dict[str, Path] = {}
"""Top package of a plugin on a path → the folder that it was imported from."""


def _make_way(top: str, folder: Path) -> None:
    """Let `top` be imported from `folder`. `ImportError` if the name is another module's.

    Another plugin of the same name that came from a path before gives way: it lay elsewhere.
    """
    before = _folders.get(top)
    if before is not None and before != folder:
        for name in [name for name in sys.modules if name == top or name.startswith(f"{top}.")]:
            del sys.modules[name]
        if str(before) in sys.path:
            sys.path.remove(str(before))
    there = getattr(sys.modules.get(top), "__file__", None)
    if there is not None and not Path(there).is_relative_to(folder):
        raise ImportError(f"the name '{top}' is taken by {there}: call the plugin's package otherwise")
    _folders[top] = folder
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def installed() -> dict[str, EntryPoint]:
    """Every installed plugin by name, loaded or not; of two that share a name, the last one found."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def find(name: str, paths: Iterable[Path] = ()) -> Found:
    """The plugin `name`. `UsageError` if there is none, or two that differ."""
    on_path = found_at(paths)
    if name in on_path:
        return on_path[name]
    found = {entry.value: entry for entry in entry_points(group=GROUP, name=name)}
    if not found:
        known = ", ".join(sorted({*installed(), *on_path})) or "none"
        raise UsageError(f"the plugin '{name}' is not installed; installed: {known}")
    if len(found) > 1:
        both = " and ".join(sorted(found))
        raise UsageError(f"two installed packages bring a plugin '{name}' ({both}): uninstall one of them")
    return Found(name, next(iter(found.values())))


def found_at(paths: Iterable[Path]) -> dict[str, Found]:
    """Every plugin that lies at these paths. `UsageError` for a path without one."""
    return {found.name: found for path in paths for found in at_path(path)}


def at_path(path: Path) -> Collection[Found]:
    """The plugins at one path: a pip project (its pyproject.toml names them), a package, or a module.

    `UsageError` if there is none.
    """
    if (path / "pyproject.toml").is_file():
        return _of_project(path)
    if path.suffix == ".py" and path.is_file():
        return [_bare(path.stem, path.parent)]
    if (path / "__init__.py").is_file():
        return [_bare(path.name, path.parent)]
    raise UsageError(
        f"there is no plugin at {path}: name a folder with a pyproject.toml, a package, or a .py file"
    )


def _of_project(path: Path) -> list[Found]:
    try:
        project = tomllib.loads((path / "pyproject.toml").read_text(encoding="utf-8"))
        entries = project["project"]["entry-points"][GROUP]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f'{path / "pyproject.toml"} names no plugin in [project.entry-points."{GROUP}"]: {error!r}'
        ) from error
    folder = path / "src" if (path / "src").is_dir() else path
    return [Found(name, EntryPoint(name, value, GROUP), folder) for name, value in entries.items()]


def _bare(name: str, folder: Path) -> Found:
    if not NAME.fullmatch(name):
        raise UsageError(f"'{name}' is no name of a plugin: small letters, digits, - and _")
    return Found(name, EntryPoint(name, name, GROUP), folder)
