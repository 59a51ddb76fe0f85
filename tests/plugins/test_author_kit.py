"""The author's kit: projects of every template pass their own tests; checks find what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import trio
from click.testing import CliRunner

from somc.cli import main
from somc.cli.plugin_projects import TEMPLATES
from tests.server.rig import HALL, running


def somc(*arguments: str, exit_code: int = 0) -> str:
    ran = CliRunner().invoke(main, ["plugin", *arguments])
    assert ran.exit_code == exit_code, ran.output
    return ran.stderr if exit_code == 2 else ran.stdout


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_new_project_passes_its_own_tests_and_checks(template: str, tmp_path: Path) -> None:
    name = f"acme_{template}"
    said = somc("new", name, "--template", template, "--in", str(tmp_path))
    assert f"wrote {tmp_path / name / name / '__init__.py'}" in said
    project = tmp_path / name
    script = "import sys; sys.path.insert(0, '.'); import pytest; sys.exit(pytest.main(['-q']))"
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=project, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    if template == "channel":
        assert "file" in somc("check", str(project), exit_code=1)
        somc("check", str(project), "--set", f"file={tmp_path / 'sent'}")
        assert "somc plugin check . --set file=" in (project / "README.md").read_text()
    else:
        said = somc("check", str(project))
        assert "WRONG" not in said
        assert "in-process: starts, sees a customer through, and stops" in said


def test_a_name_that_is_there_or_is_none_is_refused(tmp_path: Path) -> None:
    somc("new", "acme", "--in", str(tmp_path))
    assert "is there already" in somc("new", "acme", "--in", str(tmp_path), exit_code=2)
    assert "no name for a plugin" in somc("new", "Acme-1", "--in", str(tmp_path), exit_code=2)


WRONG = """
import time
from somc.runtime.hall import Hall
from somc.api import hookimpl

@hookimpl
async def somc_identify(context, visit):
    time.sleep(0.001)
    return 5
"""


def test_checks_name_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "acme_wrong.py"
    file.write_text(WRONG)
    found = json.loads(somc("check", str(file), "--json", exit_code=1))
    wrong = [one["text"] for one in found if one["kind"] == "wrong"]
    assert wrong[0] == "acme_wrong.py:3: imports somc.runtime.hall; allowed: somc.api and somc_hal"
    assert wrong[1].startswith("acme_wrong.py:8: time.sleep holds the loop in an async function")
    assert wrong[2] == "in-process: somc_identify: it gave a int, which is no Identity"
    assert wrong[3] == "process: somc_identify: it gave a int, which is no Identity"


DRIVER = """
from somc.api import hookimpl
from somc_hal.drivers.base import DriverSpec
from somc_hal.drivers.reference import ReferenceStripDisplay as Strip
from somc_hal.simulators.reference import StripDisplaySimulator

class Led(Strip):
    def _wire(self):
        raise LookupError("no table")

@hookimpl
def somc_device_drivers():
    return [DriverSpec("led", Strip.DEVICE_CLASS, Led, Strip.OPTIONS, "")]

@hookimpl
def somc_device_simulators():
    return {"led": StripDisplaySimulator}
"""


def test_a_driver_has_to_work_in_both_places(tmp_path: Path) -> None:
    file = tmp_path / "acme_led.py"
    file.write_text(DRIVER)
    found = json.loads(somc("check", str(file), "--json", exit_code=1))
    wrong = [one["text"] for one in found if one["kind"] == "wrong"]
    assert wrong == [
        "in-process: the driver 'led' with its simulator: LookupError('no table') (acme_led.py:9)",
        "process: the driver 'led' with its simulator: its driver failed: "
        "LookupError('no table') (acme_led.py:9)",
    ]


def test_installed_plugins_are_listed_with_their_hooks() -> None:
    listed = {each["name"]: each for each in json.loads(somc("list", "--json"))}
    assert listed["standard_devices"]["hooks"] == ["somc_device_drivers", "somc_device_simulators"]
    assert not [each for each in listed.values() if each["error"]]
    assert "standard_devices" in somc("list")


def test_a_change_needs_to_know_which_hall() -> None:
    assert "say which hall" in somc("enable", "acme", exit_code=2)
    assert "no KEY=VALUE" in somc("configure", "acme", "word", exit_code=2)


async def test_a_running_hall_is_changed_by_command(tmp_path: Path) -> None:
    name = "acme_feature"
    somc("new", name, "--in", str(tmp_path))
    toml = f'{HALL}\n[plugins]\npaths = ["{tmp_path / name}"]\n'
    async with running(tmp_path / "hall", toml) as hall:
        where = ("--hall", hall.url, "--token-file", str(tmp_path / "hall" / "admin.token"))

        async def ask(*arguments: str, exit_code: int = 0) -> str:
            return await trio.to_thread.run_sync(lambda: somc(*arguments, *where, exit_code=exit_code))

        assert await ask("enable", name) == f"{name}: on\n"
        assert (await hall.take())["slip"][-1]["en"] == "Thank you for coming"
        assert await ask("configure", name, 'thanks={"zh": "多谢", "en": "Cheers"}') == f"{name}: on\n"
        assert (await hall.take())["slip"][-1]["en"] == "Cheers"
        await ask("configure", name, "thanks=7", exit_code=1)
        assert await ask("reload", name) == f"{name}: on\n"
        assert "acme_feature         on " in await ask("list")
        assert await ask("disable", name) == f"{name}: off\n"
        await ask("enable", "nobodys", exit_code=1)
