"""Wire profiles: a device's protocol as data, with the provenance of every fact.

    [profile]     name, title, status (reference | observed | verified), base
    [[provenance]] fact, source, confidence (high | medium | low | own)
    [verified]    by, on, capture: who compared it with a device, when, and the recording
    [frame]       layout, limit, length, check, escapes: see `somc_hal.codecs.frames`
    [serial]      baud, format, gap_ms
    [ops]         what a command is called and its code
    [keys]        what a key is called and its code
    [[vector]]    name, source, fields, body, wire: bytes that must come out, both ways

What must stay true
- A fact without provenance is not in a bundled profile; `verified` is said by an installer's recording
  only, never by us.
- Whoever edits a profile is told of a mistake with file, line, key, what was found and what is allowed.
- A profile may build on another (`base`): its tables replace single keys, its frame the whole frame.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn

from somc_hal.codecs.checks import CHECKS
from somc_hal.codecs.frames import CheckRule, Frame, FrameCodec, FrameFormat, LengthRule, Part

__all__ = [
    "CONFIDENCES",
    "STATUSES",
    "TABLES",
    "Fact",
    "Profile",
    "ProfileError",
    "SerialSettings",
    "Vector",
    "bundled",
    "load",
]

TABLES = ("profile", "provenance", "verified", "frame", "serial", "ops", "keys", "vector")
"""The tables a profile may have."""

STATUSES = ("reference", "observed", "verified")
"""`reference`: ours. `observed`: published by others. `verified`: compared with a recording of a device."""

CONFIDENCES = ("high", "medium", "low", "own")
"""How sure a fact is; `own`: nothing is published, SOMC chose it."""


class ProfileError(ValueError):
    """A profile that cannot be used: file, line, key, what was found, what is allowed."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of a protocol and where it is from."""

    fact: str
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class SerialSettings:
    """`gap_ms`: how long the line rests between two frames."""

    baud: int = 9600
    format: str = "8N1"
    gap_ms: int = 0


@dataclass(frozen=True, slots=True)
class Vector:
    """A frame and its bytes; `source` says who published them (`own`: computed here)."""

    name: str
    source: str
    frame: Frame
    wire: bytes


@dataclass(frozen=True)
class Profile:
    """One device's protocol. `path` is where it was read."""

    name: str
    title: str
    status: str
    path: str
    provenance: tuple[Fact, ...]
    frame: FrameFormat | None = None
    serial: SerialSettings = SerialSettings()
    ops: Mapping[str, int] = field(default_factory=dict)
    keys: Mapping[str, int] = field(default_factory=dict)
    vectors: tuple[Vector, ...] = ()

    def codec(self) -> FrameCodec:
        """A codec of its frame. `ValueError` if it describes none."""
        if self.frame is None:
            raise ProfileError(f"{self.path}: the profile {self.name!r} describes no frame")
        return FrameCodec(self.frame)


def bundled() -> tuple[str, ...]:
    """The names of the profiles that come with SOMC."""
    return tuple(
        sorted(p.name.removesuffix(".toml") for p in files(__name__).iterdir() if p.name.endswith(".toml"))
    )


def load(source: str | Path) -> Profile:
    """The bundled profile of that name, or the one in that file (`…/name.toml`). Raises `ProfileError`."""
    return _Reading(source, ()).profile()


class _Reading:
    """One file on its way to a profile."""

    def __init__(self, source: str | Path, seen: tuple[str, ...]) -> None:
        self.path, self.text = _text(source)
        if self.path in seen:
            raise ProfileError(f"{self.path}: the profile builds on itself")
        self._seen = (*seen, self.path)
        try:
            self.data: dict[str, Any] = tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            raise ProfileError(f"{self.path}: {error}") from None
        base = (
            self.data.get("profile", {}).get("base") if isinstance(self.data.get("profile"), dict) else None
        )
        if base is not None:
            self._build_on(self._str(("profile", "base"), base))

    def _build_on(self, base: str) -> None:
        # A base that is a file is looked for beside the one that names it.
        source = Path(self.path).parent / base if base.endswith(".toml") else base
        old, own = _Reading(source, self._seen).data, self.data
        for table in ("serial", "ops", "keys"):
            if isinstance(own.get(table, {}), dict):
                own[table] = {**old.get(table, {}), **own.get(table, {})}
        if "frame" not in own:
            own["frame"] = old.get("frame")
            own["vector"] = [*own.get("vector", []), *old.get("vector", [])]
        own["provenance"] = [*own.get("provenance", []), *old.get("provenance", [])]
        if own["frame"] is None:
            del own["frame"]

    # --- the parts -----------------------------------------------------------------------------

    def profile(self) -> Profile:
        self._known((), self.data, *TABLES)
        head = self._table(("profile",), self.data.get("profile"))
        self._known(("profile",), head, "name", "title", "status", "base")
        status = self._str(("profile", "status"), head.get("status"))
        if status not in STATUSES:
            self._wrong(("profile", "status"), status, ", ".join(STATUSES))
        if status == "verified":
            self._verified()
        elif "verified" in self.data:
            self._wrong(
                ("verified",), f"a table, with the status {status!r}", "it goes with the status 'verified'"
            )
        frame = self._frame() if "frame" in self.data else None
        return Profile(
            name=self._str(("profile", "name"), head.get("name")),
            title=self._str(("profile", "title"), head.get("title")),
            status=status,
            path=self.path,
            provenance=self._provenance(),
            frame=frame,
            serial=self._serial(),
            ops=self._codes("ops"),
            keys=self._codes("keys"),
            vectors=self._vectors(frame),
        )

    def _verified(self) -> None:
        table = self._table(("verified",), self.data.get("verified"))
        self._known(("verified",), table, "by", "on", "capture")
        for key in ("by", "capture"):
            self._str(("verified", key), table.get(key))
        if table.get("on") is None:
            self._wrong(("verified", "on"), None, "the day of the recording, as 2026-11-26")

    def _provenance(self) -> tuple[Fact, ...]:
        facts = []
        for index, entry in enumerate(self._list("provenance")):
            at = ("provenance", index)
            self._known(at, entry, "fact", "source", "confidence")
            fact = Fact(*(self._str((*at, key), entry.get(key)) for key in ("fact", "source", "confidence")))
            if fact.confidence not in CONFIDENCES:
                self._wrong((*at, "confidence"), fact.confidence, ", ".join(CONFIDENCES))
            facts.append(fact)
        if not facts:
            self._wrong(("provenance",), None, "at least one [[provenance]] with fact, source and confidence")
        return tuple(facts)

    def _serial(self) -> SerialSettings:
        table = self._table(("serial",), self.data.get("serial", {}))
        self._known(("serial",), table, "baud", "format", "gap_ms")
        usual = SerialSettings()
        line = self._str(("serial", "format"), table.get("format", usual.format))
        if not re.fullmatch(r"[78][NEO][12]", line):
            self._wrong(("serial", "format"), line, "8N1, 7E1 and the like")
        return SerialSettings(
            self._int(("serial", "baud"), table.get("baud", usual.baud), 50, 4_000_000),
            line,
            self._int(("serial", "gap_ms"), table.get("gap_ms", usual.gap_ms), 0, 60_000),
        )

    def _codes(self, name: str) -> dict[str, int]:
        table = self._table((name,), self.data.get(name, {}))
        return {key: self._int((name, key), value, 0, 0xFFFF) for key, value in table.items()}

    def _frame(self) -> FrameFormat:
        table = self._table(("frame",), self.data["frame"])
        self._known(("frame",), table, "layout", "limit", "length", "check", "escapes")
        entries = table.get("layout")
        if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
            self._wrong(
                ("frame", "layout"), entries, 'a list of hex bytes and names, as ["A0", "length", "body"]'
            )
        try:
            return FrameFormat(
                layout=tuple(_part(entry) for entry in entries),
                length=self._length(table.get("length")),
                check=self._check(table.get("check")),
                escapes=self._escapes(table.get("escapes", {})),
                limit_bytes=self._int(("frame", "limit"), table.get("limit", 200), 0, 65535),
            )
        except ProfileError:
            raise
        except ValueError as error:
            key = str(error).partition(":")[0].split(".")
            raise ProfileError(f"{self._place(('frame', *key))}: frame.{error}") from None

    def _length(self, value: Any) -> LengthRule | None:
        if value is None:
            return None
        at = ("frame", "length")
        table = self._table(at, value)
        self._known(at, table, "bytes", "order", "counts", "plus")
        first, last = self._span((*at, "counts"), table.get("counts"))
        order = table.get("order", "big")
        if order not in ("big", "little"):
            self._wrong((*at, "order"), order, "big, little")
        size = self._int((*at, "bytes"), table.get("bytes", 1), 1, 4)
        return LengthRule(first, last, size, order, self._int((*at, "plus"), table.get("plus", 0), -255, 255))

    def _check(self, value: Any) -> CheckRule | None:
        if value is None:
            return None
        at = ("frame", "check")
        table = self._table(at, value)
        self._known(at, table, "kind", "covers", "order")
        kind = self._str((*at, "kind"), table.get("kind"))
        if kind not in CHECKS:
            self._wrong((*at, "kind"), kind, ", ".join(CHECKS))
        order = table.get("order")
        if order not in (None, "big", "little"):
            self._wrong((*at, "order"), order, "big, little")
        return CheckRule(kind, *self._span((*at, "covers"), table.get("covers")), order)

    def _escapes(self, value: Any) -> dict[int, bytes]:
        at = ("frame", "escapes")
        table = self._table(at, value)
        escapes = {}
        for key, sent in table.items():
            byte = self._hex((*at, key), key)
            if len(byte) != 1:
                self._wrong((*at, key), key, "one byte in hex as the key")
            escapes[byte[0]] = self._hex((*at, key), sent)
        return escapes

    def _vectors(self, frame: FrameFormat | None) -> tuple[Vector, ...]:
        entries = self._list("vector")
        if entries and frame is None:
            self._wrong(("vector",), "vectors without a [frame]", "none")
        vectors = []
        for index, entry in enumerate(entries):
            at = ("vector", index)
            self._known(at, entry, "name", "source", "fields", "body", "wire")
            assert frame is not None
            fields = self._table((*at, "fields"), entry.get("fields", {}))
            self._known((*at, "fields"), fields, *frame.fields)
            vectors.append(
                Vector(
                    self._str((*at, "name"), entry.get("name")),
                    self._str((*at, "source"), entry.get("source")),
                    Frame(
                        tuple(self._int((*at, "fields", f), fields.get(f), 0, 255) for f in frame.fields),
                        self._hex((*at, "body"), entry.get("body", "")),
                    ),
                    self._hex((*at, "wire"), entry.get("wire")),
                )
            )
        return tuple(vectors)

    # --- the values ----------------------------------------------------------------------------

    def _list(self, name: str) -> list[dict[str, Any]]:
        entries = self.data.get(name, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            self._wrong((name,), entries, f"tables, each headed [[{name}]]")
        return entries

    def _table(self, at: tuple[str | int, ...], value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._wrong(at, value, "a table")
        table: dict[str, Any] = value
        return table

    def _known(self, at: tuple[str | int, ...], table: Mapping[str, Any], *allowed: str) -> None:
        for key in table:
            if key not in allowed:
                self._wrong((*at, key), key, ", ".join(allowed) or "none")

    def _str(self, at: tuple[str | int, ...], value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            self._wrong(at, value, "a string")
        text: str = value
        return text

    def _int(self, at: tuple[str | int, ...], value: Any, low: int, high: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self._wrong(at, value, f"a whole number from {low} to {high}")
        number: int = value
        return number

    def _hex(self, at: tuple[str | int, ...], value: Any) -> bytes:
        try:
            return bytes.fromhex(value)
        except (TypeError, ValueError):
            self._wrong(at, value, 'bytes in hex, as "FF 68"')

    def _span(self, at: tuple[str | int, ...], value: Any) -> tuple[Part, Part]:
        if isinstance(value, str):
            value = [value, value]
        if not isinstance(value, list) or len(value) != 2 or not all(isinstance(part, str) for part in value):
            self._wrong(at, value, 'the first and the last part, as ["address", "body"]')
        return _part(value[0]), _part(value[1])

    def _wrong(self, at: tuple[str | int, ...], found: object, allowed: str) -> NoReturn:
        said = "nothing" if found is None else repr(found)
        key = ".".join(str(part) for part in at)
        raise ProfileError(f"{self._place(at)}: {key}: found {said}; allowed: {allowed}")

    def _place(self, at: tuple[str | int, ...]) -> str:
        return f"{self.path}, line {_line_of(self.text, at)}"


def _text(source: str | Path) -> tuple[str, str]:
    """Where a profile stands, and what stands there."""
    if isinstance(source, Path) or source.endswith(".toml") or "/" in source:
        path = Path(source)
        try:
            return str(path), path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ProfileError(f"{path}: the profile cannot be read: {error}") from None
    names = bundled()
    if source not in names:
        raise ProfileError(
            f"found profile {source!r}; allowed: {', '.join(names)}, or the path of a .toml file"
        )
    return f"{source}.toml", files(__name__).joinpath(f"{source}.toml").read_text(encoding="utf-8")


def _part(text: str) -> Part:
    """Hex bytes are a constant, anything else is a name."""
    return bytes.fromhex(text) if re.fullmatch(r"([0-9A-Fa-f]{2} ?)+", text) else text


def _line_of(text: str, at: tuple[str | int, ...]) -> int:
    """The line of a key in a TOML text; of the nearest table around it if the key has no line of its own."""
    counts: dict[str, int] = {}
    path: tuple[str | int, ...] = ()
    best, depth = 1, 0
    for number, line in enumerate(text.splitlines(), 1):
        here = path
        if found := re.match(r"\s*\[\[([\w.]+)\]\]", line):
            name = found[1]
            counts[name] = counts.get(name, -1) + 1
            here = path = (*name.split("."), counts[name])
        elif found := re.match(r"\s*\[([\w.]+)\]", line):
            here = path = tuple(found[1].split("."))
        elif found := re.match(r"\s*[\"']?([\w-]+)[\"']?\s*=", line):
            here = (*path, found[1])
        else:
            continue
        if at[: len(here)] == here and len(here) > depth:
            best, depth = number, len(here)
    return best
