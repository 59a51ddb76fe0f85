"""`somc check`: each fault on a line and exit 2, or one line and exit 0; `--json` is one document."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from somc.cli.check import command, command_with
from somc.config import DriverTerms
from somc.errors import StoreCorrupt


@pytest.fixture
def hall(tmp_path: Path, smallest: str) -> Path:
    file = tmp_path / "hall.toml"
    file.write_text(smallest, encoding="utf-8")
    return file


def run(*arguments: object, using: Any = command) -> Result:
    return CliRunner().invoke(using, [str(argument) for argument in arguments])


def test_valid_file_is_one_line_and_exit_0(hall: Path) -> None:
    result = run(hall)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{hall}: valid: a/b/c/d: services 1, classes 1, counters 1, devices 0, customers 0, plugins 0"
    ]


def test_check_creates_nothing(hall: Path) -> None:
    run(hall)
    assert list(hall.parent.iterdir()) == [hall]


def test_every_fault_is_a_line_and_exit_2(hall: Path, smallest: str) -> None:
    hall.write_text(smallest.replace('"A"', '"a"') + "[sever]\n[policy]\nkind = 1\n", encoding="utf-8")
    result = run(hall)
    assert result.exit_code == 2
    lines = result.stdout.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        [f"{hall}:12", "service.pay.prefix"],
        [f"{hall}:16", "sever"],
        [f"{hall}:18", "policy.kind"],
    ]
    assert all("found " in line and "; allowed: " in line for line in lines)


def test_faults_as_json_are_one_document(hall: Path) -> None:
    hall.write_text("[hall]\norg = 1\n", encoding="utf-8")
    result = run(hall, "--json")
    assert result.exit_code == 2
    answer = json.loads(result.stdout)
    assert (answer["valid"], answer["file"]) == (False, str(hall))
    assert answer["faults"][-1] == {
        "file": str(hall),
        "line": 2,
        "key": "hall.org",
        "found": "the number 1",
        "allowed": 'a path of small letters, digits and - such as "company/branch/district/hall"',
    }


def test_valid_file_as_json(hall: Path) -> None:
    answer = json.loads(run(hall, "--json").stdout)
    assert answer["valid"]
    assert answer["org"] == "a/b/c/d"
    assert (answer["counters"], answer["faults"], answer["overridden"]) == (1, [], [])


def test_missing_file_is_a_fault_and_not_a_traceback(tmp_path: Path) -> None:
    result = run(tmp_path / "none.toml")
    assert result.exit_code == 2
    assert "where there is no file" in result.stdout


def test_installed_drivers_and_plugins_are_checked(hall: Path, smallest: str) -> None:
    device = "[device.d]\ndriver = 'strip'\nsimulated = 'pty'\n[plugins]\nenabled = ['care']\n"
    hall.write_text(smallest + device, encoding="utf-8")
    informed = command_with(drivers={"escpos": DriverTerms()}, plugins=lambda: ["crm"])
    assert run(hall).exit_code == 0
    lines = run(hall, using=informed).stdout.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["device.d.driver", "plugins.enabled[0]"]


def test_data_shows_what_the_journal_overrides(hall: Path, tmp_path: Path) -> None:
    seen: list[tuple[Path, Any]] = []

    def overrides(data: Path, values: Mapping[str, Any]) -> Mapping[str, Any]:
        seen.append((data, values["hall.max_recalls"]))
        same = {"hall.timezone": values["hall.timezone"]}
        return {"hall.max_recalls": 5, "policy.max_wait_s": 60, "service.pay.papers": None, **same}

    using = command_with(overrides=overrides)
    result = run(hall, "--data", tmp_path, using=using)
    assert result.exit_code == 0
    assert seen == [(tmp_path, 3)]
    assert result.stdout.splitlines()[1:] == [
        "overridden: hall.max_recalls: 3 in the file, 5 in force",
        "overridden: policy.max_wait_s: 2100 in the file, 60 in force",
        "overridden: service.pay.papers: [] in the file, nothing in force",
    ]
    answer = json.loads(run(hall, "--data", tmp_path, "--json", using=using).stdout)
    assert answer["overridden"][0] == {"key": "hall.max_recalls", "written": 3, "in_force": 5}


def test_journal_that_cannot_be_read_is_told_with_exit_1(hall: Path, tmp_path: Path) -> None:
    def overrides(data: Path, values: Mapping[str, Any]) -> Mapping[str, Any]:
        raise StoreCorrupt("record 7 does not hold")

    result = run(hall, "--data", tmp_path, using=command_with(overrides=overrides))
    assert result.exit_code == 1
    assert "record 7 does not hold" in result.stderr


def test_data_folder_that_is_missing_is_wrong_usage(hall: Path, tmp_path: Path) -> None:
    using = command_with(overrides=lambda data, values: {})
    assert run(hall, "--data", tmp_path / "none", using=using).exit_code == 2
