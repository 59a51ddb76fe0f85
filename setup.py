"""Builds the C core (`somc._sched`, the queue scheduler, and `somc._fanout`, the live feed's send loop) and
lists the packages of the three source roots.

What must stay true
- Without a compiler the install fails loudly and names both remedies. It never falls back by itself:
  the Python scheduler is many times slower, and a wheel without the core must not be tagged as native.
- `SOMC_PURE=1` builds a pure wheel, which runs only under `SOMC_PURE=1` (`somc/scheduler/choose.py`).
- The extensions are compiled from committed glue, `native/_sched.c` and `native/fanout/_fanout.c`; the build
  scripts beside them write it.
"""

import os
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError, CCompilerError, ExecError, PlatformError

REMEDIES = """
The C queue scheduler of SOMC could not be built (the compiler's own message stands above).
Either install a C compiler and Python's headers (Debian: apt install gcc python3-dev)
or ask for the slower scheduler in pure Python: set SOMC_PURE=1 for this install and for every run.
"""

# `_sched` is the generated glue. `check` is for tests and costs nothing where it is not called.
SOURCES = (
    "_sched",
    "scheduler",
    "memory",
    "index",
    "queue",
    "alerts",
    "ratio",
    "pick",
    "idle",
    "ahead",
    "forward",
    "batch",
    "check",
    "chance",
    "tally",
    "hall",
    "arrive",
    "simulate",
)

FANOUT_SOURCES = ("_fanout", "fanout")

HEADERS = ("scheduler", "internal", "simulate", "hall", "heap", "chance", "tally")


class BuildCore(build_ext):
    """`build_ext` whose failure says what to do."""

    def build_extension(self, ext):
        try:
            super().build_extension(ext)
        except (CCompilerError, ExecError, PlatformError, OSError) as error:
            raise BaseError(f"{error}\n{REMEDIES}") from error


def packages():
    """Our packages in each source root; only these three names reach site-packages."""
    roots = {".": "somc", "hal": "somc_hal", "plugins": "somc_plugins"}
    found = []
    for root, package in roots.items():
        if Path(root, package).is_dir():
            found += [package, *find_packages(root, include=[f"{package}.*"])]
    # The example hall is data of ours without Python in it: pyproject.toml says where it stands.
    return [*found, "somc.example_hall"]


if os.environ.get("SOMC_PURE") == "1":
    native = {}
else:
    posix = os.name == "posix"
    for_every_python = {
        "extra_compile_args": ["-std=c11", "-O2"] if posix else [],
        "define_macros": [("Py_LIMITED_API", "0x030B0000")],
        "py_limited_api": True,
    }
    native = {
        "ext_modules": [
            Extension(
                "somc._sched",
                sources=[f"native/{name}.c" for name in SOURCES],
                depends=[f"native/{name}.h" for name in HEADERS],
                include_dirs=["native"],
                libraries=["m"] if posix else [],
                **for_every_python,
            ),
            Extension(
                "somc._fanout",
                sources=[f"native/fanout/{name}.c" for name in FANOUT_SOURCES],
                depends=["native/fanout/fanout.h"],
                include_dirs=["native/fanout"],
                **for_every_python,
            ),
        ],
        # One wheel serves every CPython from 3.11 on.
        "options": {"bdist_wheel": {"py_limited_api": "cp311"}},
    }

setup(packages=packages(), cmdclass={"build_ext": BuildCore}, **native)
