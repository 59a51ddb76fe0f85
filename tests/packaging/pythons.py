"""Which Pythons of the supported versions this machine has, wherever they are."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

VERSIONS = ("3.11", "3.12", "3.13")


@functools.cache
def find_python(version: str) -> str | None:
    """A Python of this version that can make virtual environments and compile: an absolute path."""
    return next((path for path in _candidates(version) if _fits(path, version)), None)


def _candidates(version: str) -> Iterator[str]:
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        yield str(Path(sys.base_prefix, "bin", f"python{version}"))
    if (pyenv := shutil.which("pyenv")) is not None:
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False).stdout.strip()
        for found in sorted(Path(root, "versions").glob(f"{version}.*/bin/python{version}"), reverse=True):
            yield str(found)
    if (found_on_path := shutil.which(f"python{version}")) is not None:
        yield found_on_path


QUESTION = """
import ensurepip, os, sys, sysconfig
header = os.path.join(sysconfig.get_path("include"), "Python.h")
print("%d.%d" % sys.version_info[:2] if os.path.exists(header) else "no Python.h")
"""


def _fits(path: str, version: str) -> bool:
    try:
        asked = subprocess.run([path, "-c", QUESTION], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return asked.stdout.strip() == version
