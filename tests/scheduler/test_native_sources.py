"""The C sources: the committed glue is fresh, and their own test programs find nothing under sanitizers."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

NATIVE = Path(__file__).parents[2] / "native"
SOURCES = sorted(path for path in NATIVE.glob("*.c") if path.name != "_sched.c")
COMPILER = os.environ.get("CC", "cc")
WARNINGS = ["-std=c11", "-g", "-O1", "-Wall", "-Wextra", "-Wshadow", "-Werror"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


@pytest.fixture(scope="module")
def sanitizers(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The flags, if compiler and runtime of the sanitizers are here."""
    if shutil.which(COMPILER) is None:
        pytest.skip(f"needs a C compiler ({COMPILER})")
    folder = tmp_path_factory.mktemp("probe")
    (folder / "empty.c").write_text("int main(void) { return 0; }\n", encoding="ascii")
    command = [COMPILER, *SANITIZERS, "empty.c", "-o", "empty"]
    built = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    if built.returncode or subprocess.run([folder / "empty"], capture_output=True, check=False).returncode:
        pytest.skip("needs the runtime of the address and undefined-behaviour sanitizers (libasan, libubsan)")
    return SANITIZERS


def build(program: str, folder: Path, *flags: str) -> Path:
    """Compiles a program of native/tests with the scheduler's sources; warnings are errors."""
    target = folder / program
    subprocess.run(
        [COMPILER, *WARNINGS, *flags, NATIVE / "tests" / f"{program}.c", *SOURCES, "-lm", "-o", target],
        check=True,
    )
    return target


def test_every_source_is_built_and_tested() -> None:
    setup = (NATIVE.parent / "setup.py").read_text(encoding="utf-8")
    assert all(f'"{path.stem}"' in setup for path in NATIVE.glob("*.c"))


def test_the_oracle_in_c_agrees_under_the_sanitizers(sanitizers: list[str], tmp_path: Path) -> None:
    program = build("fuzz_scheduler", tmp_path, *sanitizers)
    ran = subprocess.run([program, "80", "20100601"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_call_refused_for_want_of_memory_changes_nothing(sanitizers: list[str], tmp_path: Path) -> None:
    program = build("starve_scheduler", tmp_path, "-DSCHED_TEST_ALLOCATION", *sanitizers)
    ran = subprocess.run([program], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_simulated_halls_come_through_under_the_sanitizers(sanitizers: list[str], tmp_path: Path) -> None:
    program = build("fuzz_simulate", tmp_path, "-DSCHED_TEST_ALLOCATION", *sanitizers)
    ran = subprocess.run([program, "150", "20100601"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_sched", NATIVE / "build_sched.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_glue_was_made_from_these_headers() -> None:
    """Compared is what cffi derives from the cdef; the preamble before it changes with cffi's version."""
    fresh, committed = generator().generate(), (NATIVE / "_sched.c").read_text(encoding="utf-8")
    own = '#include "scheduler.h"\n#include "simulate.h"\n'
    assert fresh.partition(own)[1:] == committed.partition(own)[1:], "run python native/build_sched.py"
    assert own in committed
