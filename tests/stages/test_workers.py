"""Workers name the case that goes wrong, and never outlive who started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from forecast.errors import ForecastError
from forecast.stages.workers import outcomes
from forecast.studies.base import Case
from tests import tiny

GUESS = "tests.stages.guessing:Guess"
CASES = [Case("guess", 0), Case("guess", 1)]
SCRIPT = """
import sys
from forecast.stages.workers import outcomes
from forecast.studies.base import Case
if __name__ == "__main__":
    cases = [Case("guess", 0), Case("guess", 1)]
    try:
        outcomes("tests.stages.guessing:Guess", (("note", sys.argv[1]),), cases, 2, print)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.parametrize(
    ("fail", "said"),
    [
        ("refuse", r"a better guess\n.*none \(case: guess, seed 1\)\n.*think"),
        ("end", r"workers that live to the end\n.*guess, seed [01]\n.*fewer workers"),
    ],
)
def test_a_case_that_is_refused_or_killed_is_named(fail: str, said: str) -> None:
    with pytest.raises(ForecastError, match=said):
        outcomes(GUESS, (("fail", fail),), CASES, 1, lambda case, outcome: None)


def test_a_case_that_breaks_is_named() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        outcomes(GUESS, (("fail", "break"),), CASES, 1, lambda case, outcome: None)
    assert caught.value.__notes__ == ["in the case: guess, seed 1"]


def heed() -> None:
    """Lead a group of processes that hears Ctrl-C, as a terminal's does."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_their_parent(tmp_path: Path, sign: signal.Signals) -> None:
    script, notes = tmp_path / "script.py", tmp_path / "notes"
    script.write_text(SCRIPT)
    notes.mkdir()
    words = [sys.executable, str(script), str(notes)]
    with subprocess.Popen(words, env=tiny.environment(), stderr=-1, text=True, preexec_fn=heed) as parent:
        until = time.monotonic() + 120
        while len(workers := [int(note.name) for note in notes.iterdir()]) < 2:
            assert parent.poll() is None and time.monotonic() < until
            time.sleep(0.05)
        if sign == signal.SIGINT:
            os.killpg(parent.pid, sign)  # all of them, as a terminal sends it
        else:
            parent.kill()
        assert parent.stderr is not None and "Traceback" not in parent.stderr.read()
    assert parent.returncode == (130 if sign == signal.SIGINT else -sign)
    until = time.monotonic() + 30
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < until, "a worker lives on"
        time.sleep(0.05)
