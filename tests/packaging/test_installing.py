"""SOMC installs on every Python it names, from wheel, sdist and checkout, and runs as installed."""

from __future__ import annotations

import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import somc
from tests.packaging.environment import Environment, make_environment, serve_and_stop
from tests.packaging.pythons import VERSIONS, find_python

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
DIST_INFO = f"somc-{somc.__version__}.dist-info"
OURS = {"somc", "somc_hal", "somc_plugins"}


def dependencies() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return list(project["dependencies"])


@pytest.fixture(scope="module", params=VERSIONS)
def environment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment of each supported Python with our dependencies, resolved for that Python."""
    version = request.param
    python = find_python(version)
    if python is None:
        pytest.skip(f"needs Python {version} with its headers and venv")
    made = make_environment(python, tmp_path_factory.mktemp(f"python{version}") / "venv")
    made.pip("install", "setuptools>=77", *dependencies())
    return made


def test_wheel_adds_our_three_names_and_runs(environment: Environment, wheel: Path, tmp_path: Path) -> None:
    before = environment.names()
    environment.pip("install", "--no-deps", str(wheel))
    assert environment.names() - before == OURS | {DIST_INFO}
    environment.pip("check")
    assert environment.run("somc", "--version") == f"somc {somc.__version__}\n"
    fetched = serve_and_stop(environment, tmp_path)
    assert b"<script" in fetched["/kiosk"]
    assert list(tmp_path.iterdir()) == []
    environment.pip("uninstall", "--yes", "somc")
    assert environment.names() == before


def test_editable_install_runs_the_checkout(environment: Environment, clone: Path, tmp_path: Path) -> None:
    before = environment.names()
    environment.pip("install", "--no-deps", "--no-build-isolation", "--editable", str(clone))
    added = {name for name in environment.names() - before if not name.startswith("__editable__")}
    assert added == {DIST_INFO}
    packages = ", ".join(f"{name}.__path__[0]" for name in sorted(OURS))
    question = f"import somc, somc_hal, somc_plugins; print({packages})"
    assert environment.run("python", "-c", question).split() == [
        str(clone / "somc"),
        str(clone / "hal" / "somc_hal"),
        str(clone / "plugins" / "somc_plugins"),
    ]
    assert b"<script" in serve_and_stop(environment, tmp_path)["/kiosk"]
    environment.pip("uninstall", "--yes", "somc")


def test_wheel_serves_every_supported_python(wheel: Path) -> None:
    assert "-cp311-abi3-" in wheel.name


def tracked(clone: Path) -> set[str]:
    return {path.relative_to(clone).as_posix() for path in clone.rglob("*") if path.is_file()}


def test_wheel_holds_the_pages_the_example_hall_and_nothing_foreign(wheel: Path, clone: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name.split("/")[0] for name in names} == OURS | {DIST_INFO}
    assert {
        "somc/web/dist/index.html",
        "somc/example_hall/hall.toml",
        "somc/example_hall/customers.csv",
    } <= names
    assert {name for name in tracked(clone) if name.startswith("somc/web/dist/")} <= names
    assert {"somc/py.typed", "somc_hal/py.typed", "somc_plugins/py.typed"} <= names
    assert f"{DIST_INFO}/licenses/LICENSE" in names
    foreign = {
        name for name in names if "node_modules" in name or name.endswith((".c", ".vue", ".ts", ".db"))
    }
    assert not foreign


def test_sdist_holds_what_a_build_needs(sdist: Path, clone: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        name for name in tracked(clone) if name.startswith("native/") and not name.endswith(".o")
    } <= names
    assert {
        "LICENSE",
        "README.md",
        "setup.py",
        "examples/hall/hall.toml",
        "somc/web/dist/index.html",
    } <= names


def test_without_a_compiler_the_install_fails_and_says_both_remedies(
    sdist: Path, backend: Environment
) -> None:
    answer = backend.ask(
        "python", "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", str(sdist), CC="/bin/false"
    )
    assert answer.returncode != 0
    assert "apt install gcc python3-dev" in answer.stdout
    assert "SOMC_PURE=1" in answer.stdout


def test_pure_install_runs_when_asked_for_and_only_then(
    sdist: Path, backend: Environment, tmp_path: Path
) -> None:
    variables = {"SOMC_PURE": "1", "CC": "/bin/false"}
    backend.pip("install", "--no-deps", "--no-build-isolation", str(sdist), **variables)
    try:
        refused = backend.ask("somc", "run", "--port", "0", cwd=tmp_path)
        assert refused.returncode == 1
        assert "SOMC_PURE=1" in refused.stdout
        assert "Traceback" not in refused.stdout
        assert b"<script" in serve_and_stop(backend, tmp_path, SOMC_PURE="1")["/kiosk"]
    finally:
        backend.pip("uninstall", "--yes", "somc")
