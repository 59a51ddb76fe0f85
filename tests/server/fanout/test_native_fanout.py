"""The send loop in C: its committed glue is fresh, and it is what setup.py builds."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

NATIVE = Path(__file__).parents[3] / "native" / "fanout"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_fanout", NATIVE / "build_fanout.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_glue_was_made_from_the_header() -> None:
    """Compared is what cffi derives from the cdef; the preamble before it changes with cffi's version."""
    own = generator().OWN
    fresh, committed = generator().generate(), (NATIVE / "_fanout.c").read_text(encoding="utf-8")
    assert own in committed
    assert fresh.partition(own)[1:] == committed.partition(own)[1:], "run build_fanout.py"
