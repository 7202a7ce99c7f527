"""Searches: proposals that follow from the trials before, trials that outlive their process, hopeless ones given up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from forecast.errors import ForecastError
from forecast.tuning import Choice, Pruned, Range, Search, Space

AXES: Space = {"rate": Range(1e-3, 1e-1, log=True), "width, depth": Choice(((8, 1), (8, 2), (16, 1), (16, 2)))}
FIRST = {"rate": 0.01, "width, depth": (8, 2)}
EPOCHS = 4
WORKER = """
import sys, time
from pathlib import Path
from tests.tuning.test_search import trial, search
mine = search(Path(sys.argv[1]))
while (attempt := mine.next(int(sys.argv[2]))) is not None:
    trial(attempt, pause=0.03)
"""


def search(folder: Path, **more: Any) -> Search:
    return Search(folder, AXES, FIRST, warmup=more.pop("warmup", 1), **more)


def trial(attempt: Any, pause: float = 0.0) -> None:
    """Learn for a few epochs: the better the values, the lower the loss, by however much an epoch."""
    try:
        for epoch in range(1, EPOCHS + 1):
            time.sleep(pause)
            attempt.tell(epoch, abs(attempt.values["rate"] - 0.02) + 1 / epoch)
    except Pruned:
        attempt.end(pruned=True)
    else:
        attempt.end(attempt.curve[EPOCHS], seconds=1.5)


def all_of(one: Search, most: int) -> Search:
    while (attempt := one.next(most)) is not None:
        trial(attempt)
    return one


def test_the_first_trial_is_the_pipeline_and_there_are_no_more_than_asked(tmp_path: Path) -> None:
    tried = all_of(search(tmp_path / "s"), 6).tried()
    assert [one.number for one in tried] == list(range(6))
    assert tried[0].values == FIRST and tried[0].loss == pytest.approx(0.01 + 1 / EPOCHS)
    assert tried[0].curve == pytest.approx({epoch: 0.01 + 1 / epoch for epoch in range(1, EPOCHS + 1)})
    assert tried[0].notes == {"seconds": 1.5}
    assert len({str(one.values) for one in tried}) == 6


def test_a_search_that_is_begun_again_proposes_what_it_would_have_in_one_go(tmp_path: Path) -> None:
    whole = all_of(search(tmp_path / "whole"), 7).tried()
    for most in (3, 5, 7):
        parts = all_of(search(tmp_path / "parts"), most).tried()
    assert parts == whole
    assert all_of(search(tmp_path / "other", seed=1), 7).tried()[1].values != whole[1].values


def test_a_hopeless_trial_is_given_up_once_some_have_ended_and_the_warmup_is_over(tmp_path: Path) -> None:
    one = search(tmp_path / "s", warmup=2)
    for number in range(4):
        attempt = one.next(9)
        assert attempt is not None
        for epoch in range(1, EPOCHS + 1):
            attempt.tell(epoch, 1.0 + number)  # the fourth is the worst, but there is nothing yet to judge it by
        attempt.end(1.0 + number)
    attempt = one.next(9)
    assert attempt is not None
    attempt.tell(1, 9.0)
    attempt.tell(2, 9.0)
    with pytest.raises(Pruned):
        attempt.tell(3, 2.6)  # the median of 1, 2, 3, 4 is 2.5
    attempt.end(pruned=True)
    assert [tried.state for tried in one.tried()] == ["complete"] * 4 + ["pruned"]
    assert one.tried()[4].loss == 2.6 and one.best().number == 0


def test_a_trial_that_was_left_is_taken_up_again_with_its_values_and_its_curve(tmp_path: Path) -> None:
    one = search(tmp_path / "s")
    left = one.next(2)
    assert left is not None and not left.again
    left.tell(1, 0.5)
    other = search(tmp_path / "s").next(2)
    assert other is not None and other.number == 1  # another process leaves alone what is being worked at
    assert search(tmp_path / "s").next(2) is None
    left.leave()
    again = search(tmp_path / "s").next(2)
    assert again is not None and again.again
    assert (again.number, again.values, again.curve) == (0, left.values, {1: 0.5})
    again.tell(1, 0.7)  # told before: the journal keeps what it has
    assert again.curve == {1: 0.5}


def test_failed_trials_are_counted_and_never_best(tmp_path: Path) -> None:
    one = search(tmp_path / "s")
    for _ in range(2):
        attempt = one.next(2)
        assert attempt is not None
        attempt.end(note="refused")
    assert [(tried.state, tried.loss, tried.notes) for tried in one.tried()] == [
        ("failed", None, {"note": "refused"})
    ] * 2
    assert one.next(2) is None
    with pytest.raises(
        ForecastError, match=r"a trial that came to its end\n.*none in the time\n?.*[\s\S]+more --minutes"
    ):
        one.best()


def test_a_journal_whose_last_line_was_cut_short_goes_on(tmp_path: Path) -> None:
    all_of(search(tmp_path / "s"), 2)
    with (tmp_path / "s" / "journal.log").open("ab") as file:
        file.write(b'{"op_code": 4, "wor')
    assert len(all_of(search(tmp_path / "s"), 3).tried()) == 3


def worker(folder: Path, most: int) -> subprocess.Popen[bytes]:
    command, root = [sys.executable, "-c", WORKER, str(folder), str(most)], Path(__file__).parents[2]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(root)}, cwd=root)


def test_a_search_that_is_killed_again_and_again_loses_no_trial_and_does_none_twice(tmp_path: Path) -> None:
    most, folder = 12, tmp_path / "s"
    one = search(folder)
    for wanted in (2, 6):  # kill it in the middle of a trial, once so many have begun
        process = worker(folder, most)
        while len(one.tried()) < wanted and process.poll() is None:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert sum(tried.state == "running" for tried in one.tried()) <= 1
    process = worker(folder, most)  # then two share what is left
    while (attempt := one.next(most)) is not None:
        trial(attempt, pause=0.1)
    assert process.wait() == 0
    tried = one.tried()
    assert [trial.number for trial in tried] == list(range(most))
    assert {trial.state for trial in tried} <= {"complete", "pruned"}
    assert len({str(trial.values) for trial in tried}) == most
    assert all(sorted(trial.curve) == list(range(1, len(trial.curve) + 1)) for trial in tried)
