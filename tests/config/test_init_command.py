"""`somc init`: a folder that loads at once; nothing is overwritten."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from somc.cli.init import command
from somc.config import load
from somc.config.new_hall import HALL, systemd_unit
from somc.config.schema import TABLES

WRITTEN = ["customers.csv", "data", "hall.toml", "somc.service"]


def run(folder: Path) -> Result:
    return CliRunner().invoke(command, [str(folder)])


def test_new_folder_holds_a_hall_that_loads(tmp_path: Path) -> None:
    folder = tmp_path / "halls" / "new"
    result = run(folder)
    assert result.exit_code == 0
    assert sorted(path.name for path in folder.iterdir()) == WRITTEN
    config = load(folder / "hall.toml")
    assert config.data_dir == folder / "data"
    assert stat.S_IMODE((folder / "data").stat().st_mode) == 0o700
    assert set(config.settings.services) == {"payment", "general"}


def test_unit_names_the_folder_and_an_executable_by_absolute_paths(tmp_path: Path) -> None:
    run(tmp_path / "new")
    rows = (tmp_path / "new" / "somc.service").read_text(encoding="utf-8").splitlines()
    settings = dict(row.split("=", 1) for row in rows if "=" in row and not row.startswith("#"))
    assert settings["WorkingDirectory"] == str(tmp_path / "new")
    executable, run_word, hall = settings["ExecStart"].split(" ")
    assert Path(executable.strip('"')).is_absolute()
    assert Path(executable.strip('"')).name == "somc"
    assert (run_word, hall) == ("run", f'"{tmp_path}/new/hall.toml"')


def test_relative_folder_is_written_as_an_absolute_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run(Path("here"))
    assert f"WorkingDirectory={tmp_path}/here\n" in (tmp_path / "here" / "somc.service").read_text("utf-8")


def test_signs_that_systemd_reads_are_escaped() -> None:
    unit = systemd_unit(Path('/srv/100% "a" $HOME/it\'s'), Path("/opt/my somc/somc"))
    assert 'ExecStart="/opt/my somc/somc" run "/srv/100%% \\"a\\" $$HOME/it\'s/hall.toml"' in unit
    assert 'WorkingDirectory=/srv/100%% "a" $HOME/it\'s\n' in unit
    assert "systemctl link '/srv/100% \"a\" $HOME/it'\\''s/somc.service'" in unit


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "somc.service"
    unit.write_text(systemd_unit(tmp_path, Path("/bin/true")), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert "somc.service:" not in done.stderr


@pytest.mark.parametrize("name", WRITTEN)
def test_nothing_is_overwritten_and_a_refusal_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine", encoding="utf-8")
    result = run(tmp_path)
    assert result.exit_code == 2
    assert name in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text(encoding="utf-8") == "mine"


def test_dangling_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "hall.toml").symlink_to(tmp_path / "elsewhere")
    assert run(tmp_path).exit_code == 2
    assert not (tmp_path / "elsewhere").exists()


def test_folder_with_other_files_is_used(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    assert run(tmp_path).exit_code == 0


def test_file_in_the_way_and_a_line_break_in_the_name_are_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert run(tmp_path / "file").exit_code == 2
    assert run(tmp_path / "a\nb").exit_code == 2
    assert not (tmp_path / "a\nb").exists()


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    result = run(tmp_path / "file" / "new")
    assert result.exit_code == 1
    assert "Not a directory" in result.stderr


def test_commented_keys_of_a_new_hall_exist() -> None:
    """What a comment offers is no trap: every commented key and table is one of the schema."""
    keys = {key.name for table in TABLES for key in table.keys}
    tables = {table.name for table in TABLES}
    commented = [row[2:] for row in HALL.splitlines() if row.startswith("# ")]
    for row in commented:
        name, equals, _ = row.partition(" = ")
        if equals and " " not in name:
            assert name in keys
        elif row.startswith("["):
            assert row.strip("[]").split(".")[0] in tables


def test_new_hall_with_all_comments_taken_away_loads(tmp_path: Path) -> None:
    rows = []
    for row in HALL.splitlines():
        bare = row.removeprefix("# ")
        is_setting = bare.startswith("[") or (" = " in bare and " " not in bare.split(" = ")[0])
        rows.append(bare if row.startswith("# ") and is_setting else row)
    (tmp_path / "hall.toml").write_text("\n".join(rows), encoding="utf-8")
    (tmp_path / "customers.csv").write_text("phone,class\n13800138000,vip\n", encoding="utf-8")
    config = load(tmp_path / "hall.toml")
    assert [device.name for device in config.devices] == ["printer", "strip-1"]
    assert config.settings.services["payment"].daily_limit == 200
