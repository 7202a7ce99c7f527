"""Bad input ends with three parts on standard error and exit status 2, never a traceback; Ctrl-C with 130."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import tiny
from tests.cli.conftest import Call

MAIN = "import sys; from forecast.cli import main; sys.argv = ['forecast', *sys.argv[1:]]; main()"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["run", "none.toml"], r"a pipeline file\n.*none.toml\n.*forecast init"),
        (["check", "broken.toml"], r"a TOML file\n.*broken.toml: Invalid value"),
        (["check", "unknown.toml"], r"unknown or impossible keys\n.*task.horizn.*\n.*mend"),
        (["check", "nofile.toml"], r"absent.csv"),
        (["compare", "new.toml"], r"trained models|observations"),
        (["issue", "new.toml"], r"champion|observations"),
        (["train", "new.toml"], r"observations\n.*empty archive"),
        (["ingest", "tiny.toml", "--start", "soon"], r"soon"),
        (["init", "--output", "tiny.toml"], r"nothing stands yet\n.*tiny.toml\n.*another --output"),
        (["init", "--output", "x.toml", "--name", "My Pipeline"], r"name: "),
        (["init", "--output", "no/such/folder.toml"], r"read or written\n.*no/such"),
        (["init", "--output", "x.toml", "--from", "none.nc"], r"none.nc"),
        (["init", "--output", "x.toml", "--from", "none.nc", "more.csv"], r"files of one kind(.|\n)*.csv, .nc"),
        (["query", "nobody", "--at", "north"], r"a pipeline among tiny"),
        (["query", "tiny"], r"a place\n.*none\n.*--at NAME, one of north, south"),
        (["query", "tiny", "--at", "nort"], r"series among north, south\n.*'nort'\n.*did you mean 'north'"),
        (["query", "tiny", "--at", "north", "--time", "1999-01-01"], r"a time from 2022-0"),
        (["query", "tiny", "--at", "north", "--time", "soon"], r"soon"),
        (["query", "tiny", "--at", "north", "--time", "2022-03-12", "--tomorrow"], r"--tomorrow or --time"),
        (["query", "tiny", "--at", "north", "--variable", "rain"], r"parameter among temp"),
        (["query", "tiny", "--at", "north", "--format", "xml"], r"format among csv, json, netcdf"),
        (["query", "tiny", "--at", "north", "--format", "netcdf"], r"--output FILE"),
        (["query", "tiny", "--at", "north", "--output", "x.txt"], r"ending of an answer at a place among .csv"),
        (["query", "tiny", "--output", "x.png"], r"maps for a picture"),
        (["query", "tiny", "--cube"], r"--output FILE for the cube"),
        (["query", "tiny", "--at", "north", "--format", "csv", "--output", "no/x.csv"], r"read or written\n.*no/x.csv"),
        (["serve", "nobody"], r"a pipeline among tiny"),
        (["study", "cosine"], r"a study among ablation, embedded-reber"),
    ],
)
def test_bad_input_is_refused_in_three_parts(here: Path, forecast: Call, words: list[str], expected: str) -> None:
    (here / "broken.toml").write_text("name = ")
    (here / "unknown.toml").write_text(tiny.TOML.replace("horizon", "horizn"))
    (here / "nofile.toml").write_text(tiny.TOML.replace("stations", "absent"))
    (here / "new.toml").write_text(tiny.TOML.replace('"tiny"', '"new"'))
    said = forecast(*words)
    assert said.code == 2 and said.out == "" and "Traceback" not in said.err
    refusal = said.err[said.err.index("expected") :]
    assert re.search(r"^expected .+\n     got .+\n      do .+\n", refusal) and re.search(expected, refusal), refusal


@pytest.mark.parametrize("words", [["nonsense"], ["train"], ["train", "a.toml", "--fast"], ["issue", "a", "--at", "x"]])
def test_a_wrong_command_line_says_how_it_is_written(forecast: Call, words: list[str]) -> None:
    said = forecast(*words)
    assert said.code == 2 and said.out == "" and "Usage: forecast" in said.err and "--help" in said.err


def test_a_port_in_use_is_refused_with_another(here: Path, forecast: Call) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = forecast("serve", "--port", port)
    assert said.code == 2 and f"port {port}: Address already in use" in said.err and f"--port {port + 1}" in said.err


def test_a_home_without_forecasts_cannot_be_served(forecast: Call, tmp_path: Path) -> None:
    said = forecast("serve", "--home", tmp_path)
    assert said.code == 2 and "a pipeline that has issued a forecast" in said.err and "forecast demo" in said.err


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def heed() -> None:
    """Take SIGINT as a terminal sends it: a shell's background jobs, and so their children, ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def started(words: list[str], folder: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Start a command that is gone at the end, whatever happens between."""
    running = subprocess.Popen(words, cwd=folder, env=environment, stdout=-1, stderr=-1, text=True, preexec_fn=heed)
    try:
        yield running
    finally:
        if running.poll() is None:
            running.kill()
            running.communicate()


def test_an_interrupted_command_ends_without_a_traceback(here: Path, tmp_path: Path) -> None:
    (here / "long.toml").write_text(tiny.TOML.replace("epochs = 1", "epochs = 100000\npatience = 100000"))
    words = [sys.executable, "-c", MAIN, "train", "long.toml"]
    environment = {**tiny.environment(), "FORECAST_HOME": str(here / "data")}
    with started(words, here, environment) as running:
        unfinished = here / "data/tiny/models/unfinished"
        until = time.monotonic() + 120
        while not (unfinished.is_dir() and list(unfinished.glob("rnn-*"))):  # it trains
            assert running.poll() is None and time.monotonic() < until, running.communicate()
            time.sleep(0.1)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130 and "Traceback" not in out + err, err


def test_the_page_is_served_until_interrupted(here: Path) -> None:
    words = [sys.executable, "-u", "-c", MAIN, "serve", "--port", "0"]
    environment = {**tiny.environment(), "FORECAST_HOME": str(here / "data")}
    with started(words, here, environment) as running:
        assert running.stdout is not None
        first, second = running.stdout.readline(), running.stdout.readline()
        url = re.search(r"http://127.0.0.1:\d+/", second)[0]  # type: ignore[index]
        assert "serving tiny" in first
        try:
            with urllib.request.urlopen(f"{url}collections", timeout=60) as answer:
                assert b"tiny" in answer.read()
        finally:
            running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    assert running.returncode in (0, 130) and "Traceback" not in err, err
