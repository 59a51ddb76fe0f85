"""Writes `_fanout.c`, the cffi glue (API mode) between Python and `fanout.h`.

    python native/fanout/build_fanout.py          writes native/fanout/_fanout.c
    python native/fanout/build_fanout.py --check  exits 1 if the committed file is stale

As for the scheduler (`native/build_sched.py`): the header is the cdef, the result is committed.
"""

import re
import sys
import tempfile
from pathlib import Path

import cffi

HERE = Path(__file__).resolve().parent
GENERATED = HERE / "_fanout.c"
OWN = '#include "fanout.h"\n'


def generate() -> str:
    """The text of `_fanout.c` as the installed cffi writes it."""
    header = (HERE / "fanout.h").read_text(encoding="utf-8")
    without_comments = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    lines = [line for line in without_comments.splitlines() if not line.startswith("#")]
    ffi = cffi.FFI()
    ffi.cdef("\n".join(lines))
    ffi.set_source("somc._fanout", OWN)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "_fanout.c")
        ffi.emit_c_code(str(path))
        return path.read_text(encoding="utf-8")


def main(arguments: list[str]) -> int:
    text = generate()
    if arguments == ["--check"]:
        fresh = GENERATED.read_text(encoding="utf-8") == text
        if not fresh:
            print("native/fanout/_fanout.c is stale: run python native/fanout/build_fanout.py")
        return 0 if fresh else 1
    GENERATED.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
