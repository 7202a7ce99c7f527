"""The command line as a user calls it, in this process; and one tiny pipeline that has run, for all tests to ask."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from forecast.cli import main, show
from tests import tiny


@dataclass(frozen=True)
class Said:
    """What a command left: its exit status, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Call = Callable[..., Said]


@pytest.fixture
def forecast(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call the command with words, on a terminal ``width`` columns wide."""

    def call(*words: object, width: int = 80) -> Said:
        monkeypatch.setattr(sys, "argv", ["forecast", *map(str, words)])
        monkeypatch.setattr(show.console, "width", width)
        monkeypatch.setattr(show.errors, "width", width)
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        return Said(int(end.value.code or 0), *capfd.readouterr())

    return call


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tiny.toml, its data and, under ``data``, all that one run made."""
    folder = tmp_path_factory.mktemp("cli")
    file = tiny.write(folder)
    code = "import sys; from forecast.cli import main; sys.argv = ['forecast', *sys.argv[1:]]; main()"
    done = tiny.python("-c", code, "run", str(file), "--home", str(folder / "data"), cwd=folder)
    assert done.returncode == 0, done.stderr
    (folder / "said.txt").write_text(done.stdout)
    (folder / "told.txt").write_text(done.stderr)
    return folder


@pytest.fixture
def here(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same folder as the current one, with its data as $FORECAST_HOME."""
    monkeypatch.chdir(home)
    monkeypatch.setenv("FORECAST_HOME", str(home / "data"))
    return home
