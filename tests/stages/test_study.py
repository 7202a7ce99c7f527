"""What a study leaves: rows, text, figures, and a run of every case; nothing runs where the request is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecast.errors import ForecastError
from forecast.stages.study import Studied, study
from forecast.studies import STUDIES
from forecast.tracking import Tracker

Run = Callable[..., Studied]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run the study of guesses in one home."""
    home = tmp_path_factory.mktemp("studies")

    def call(**given: Any) -> Studied:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(STUDIES, "guess", "tests.stages.guessing:Guess")
            return study(home, "guess", **given)

    return call


@pytest.fixture(scope="module")
def found(run: Run) -> Studied:
    return run(seeds=3, workers=2, options={"scale": "2"})


def test_rows_are_the_median_and_the_worst_over_the_seeds_of_each_setting_and_then_the_references(
    found: Studied,
) -> None:
    keys = ("network", "setting", "source", "seeds", "wrong_median", "wrong_worst", "rmse_median")
    rows = [tuple(row[key] for key in keys) for row in found.rows]
    assert rows[0] == pytest.approx(("guess", "", "", 3, 2, 8, np.nan), nan_ok=True)
    assert rows[1] == pytest.approx(("worse", "", "", 3, 20, 80, np.nan), nan_ok=True)
    assert rows[2] == pytest.approx(("oracle", "", "Delphi", 0, 0, np.nan, np.nan), nan_ok=True)
    assert rows[3] == pytest.approx(("guess", "real", "", 3, np.nan, np.nan, 2.5), nan_ok=True)
    assert len(rows) == 4 and found.rows[0]["cpu_seconds"] >= 0


def test_each_worker_has_one_thread(found: Studied) -> None:
    assert {case["threads"] for case in found.cases} == {1}


def test_cases_keep_their_order_though_the_first_to_begin_is_the_last_to_end(found: Studied) -> None:
    order = [(row["network"], row["seed"]) for row in found.cases]
    assert order == [(network, seed) for network in ("guess", "worse", "guess") for seed in range(3)]


def test_text_and_figures_are_those_of_the_study(found: Studied) -> None:
    assert found.text == "What it shows: nothing.\n9 guesses." and found.title == "Guesses"
    assert [path.name for path in (found.figure, *found.more)] == ["guess.png", "guess_curves.png"]
    assert all(path.stat().st_size > 10_000 for path in (found.figure, *found.more))


def test_each_case_is_a_run_under_one_parent(found: Studied) -> None:
    runs = Tracker(found.tracking_uri, "study_guess").runs(study="guess").dropna(subset="params.scale", how="all")
    parent = runs[runs["params.scale"] == "2.0"].iloc[-1]
    children = Tracker(found.tracking_uri, "study_guess").runs(study="guess", network="worse")
    own = children[children["parent"] == parent["run_id"]].sort_values("params.seed")
    assert own["metrics.wrong"].tolist() == [0, 20, 80] and "metrics.cpu_seconds" in own
    assert parent["status"] == "FINISHED" and parent["params.seeds"] == "3"


def test_what_is_wrong_with_the_request_is_said_before_anything_runs(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match=r"a study among .*sine"):
        study(tmp_path / "none", "cosine")
    with pytest.raises(ForecastError, match=r"options of this study among scale, fail, note\n.*size: Extra inputs"):
        run(options={"size": 3})
    with pytest.raises(ForecastError, match=r"scale: Input should be greater than 0"):
        run(options={"scale": "-1"})
    with pytest.raises(ForecastError, match="at least 1 seed and 1 worker\n.*1 and 0"):
        run(seeds=1, workers=0)
    assert not (tmp_path / "none").exists()
