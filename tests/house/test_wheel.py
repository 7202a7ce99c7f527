"""The wheel holds everything: installed elsewhere, the command works and the page's files are there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.reading import PACKAGES, ROOT, none

PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


def run(*command: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build from a copy, so that leftovers of an earlier build can't slip in; without the network."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    run(*PIP, "wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", str(out), ".", cwd=copy)
    (built,) = out.glob("*.whl")
    return built


def test_every_file_of_the_packages_is_in_the_wheel(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    files = [path for name in PACKAGES for path in (ROOT / name).rglob("*") if path.is_file()]
    wanted = [path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts]
    none(sorted(set(wanted) - inside))
    none(name for name in inside if name.startswith("tests"))


def test_the_installed_command_answers_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    run(*PIP, "install", "--no-deps", "--no-index", "--target", str(site), str(wheel), cwd=tmp_path)
    where = run(sys.executable, "-c", "import forecast; print(forecast.__file__)", cwd=tmp_path, PYTHONPATH=str(site))
    assert Path(where.strip()).is_relative_to(site)
    for arguments in (["--help"], ["demo", "--help"]):
        said = run(sys.executable, str(site / "bin/forecast"), *arguments, cwd=tmp_path, PYTHONPATH=str(site))
        assert "Usage: forecast" in said
