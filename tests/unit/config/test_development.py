"""The development file helps on a developer's machine, and nowhere else."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from config.development import apply_development_file, write_development_file
from config.settings import SettingsInvalid

VALUES = {"SECRET_KEYS": "demo:abc=", "DATABASE_URL": "sqlite:////somewhere/x.db", "APP_URL": "http://localhost:9000"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is."""
    path = tmp_path / "var" / "development.env"
    write_development_file(VALUES, path)
    return path


def test_what_is_written_is_read(path: Path) -> None:
    """Base64's equals signs included."""
    environment: dict[str, str] = {}
    assert apply_development_file(environment, path) is True
    assert environment == VALUES


def test_only_this_user_can_read_it(path: Path) -> None:
    """It holds the key of every secret, whatever the umask says."""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_deployment_is_not_touched(path: Path) -> None:
    """Where SECRET_KEYS is set, a forgotten file must not choose the database."""
    environment = {"SECRET_KEYS": "k1:xyz="}
    assert apply_development_file(environment, path) is False
    assert environment == {"SECRET_KEYS": "k1:xyz="}


def test_what_is_set_wins(path: Path) -> None:
    """Variable by variable; an empty one is as good as none."""
    environment = {"DATABASE_URL": "postgresql://db/x", "SECRET_KEYS": "", "APP_URL": ""}
    assert apply_development_file(environment, path) is True
    assert environment == VALUES | {"DATABASE_URL": "postgresql://db/x"}


def test_no_file_is_no_error(tmp_path: Path) -> None:
    """Most machines have none."""
    assert apply_development_file({}, tmp_path / "none") is False


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602, 0o660])
def test_a_file_that_others_can_open_is_refused(path: Path, mode: int) -> None:
    """Read by others it is no secret, written by others it is not ours."""
    path.chmod(mode)
    with pytest.raises(SettingsInvalid, match="chmod 600"):
        apply_development_file({}, path)


@pytest.mark.parametrize("line", ["PATH=/tmp/evil", "LD_PRELOAD=x", "nonsense", "export SECRET_KEYS=x"])
def test_only_known_variables_are_taken(path: Path, line: str) -> None:
    """The file sets settings, and not what programs are found by."""
    path.write_text(line + "\n")
    environment: dict[str, str] = {}
    with pytest.raises(SettingsInvalid):
        apply_development_file(environment, path)
    assert environment == {}
