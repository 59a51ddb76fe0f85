"""Writes `_sched.c`, the cffi glue (API mode) between Python and `scheduler.h` and `simulate.h`.

    python native/build_sched.py          writes native/_sched.c
    python native/build_sched.py --check  exits 1 if the committed file is stale

The headers are the only description of the C interface: stripped of comments and preprocessor lines they are
the cdef. The result is committed, so that an install needs no generator; a test compares it with a fresh one.
"""

import re
import sys
import tempfile
from pathlib import Path

import cffi

HERE = Path(__file__).resolve().parent
GENERATED = HERE / "_sched.c"
HEADERS = ("scheduler.h", "simulate.h")
"""In this order: the second uses types of the first."""


def cdef(header: str) -> str:
    """The declarations of `header` without comments and preprocessor lines."""
    without_comments = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    lines = [line for line in without_comments.splitlines() if not line.lstrip().startswith("#")]
    return re.sub(r"\n{2,}", "\n", "\n".join(lines))


def generate() -> str:
    """The text of `_sched.c` as the installed cffi writes it."""
    ffi = cffi.FFI()
    for header in HEADERS:
        ffi.cdef(cdef((HERE / header).read_text(encoding="utf-8")))
    ffi.set_source("somc._sched", "".join(f'#include "{header}"\n' for header in HEADERS))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "_sched.c")
        ffi.emit_c_code(str(path))
        return path.read_text(encoding="utf-8")


def main(arguments: list[str]) -> int:
    text = generate()
    if arguments == ["--check"]:
        fresh = GENERATED.read_text(encoding="utf-8") == text
        if not fresh:
            print("native/_sched.c is stale: run python native/build_sched.py")
        return 0 if fresh else 1
    GENERATED.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
