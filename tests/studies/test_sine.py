"""The sine study: who goes on alone, who does not, and what comes back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from forecast.studies.base import Case, Outcomes, opened
from forecast.studies.sine import NETWORKS, RESET, SETTINGS, Sine, _prepared, _shown

SOME = ("MLP on time", "MLP on lags", "RNN", "LSTM")


@pytest.fixture(scope="module")
def sine() -> Sine:
    study = opened(Sine, {"epochs": 100})
    assert isinstance(study, Sine)
    return study


@pytest.fixture(scope="module")
def quick(sine: Sine) -> Outcomes:
    cases = [Case(network, 0, "25 points a period") for network in SOME]
    return {case: sine.run(case) for case in cases}


def test_networks_that_read_the_past_go_on_and_the_clock_alone_does_not(quick: Outcomes) -> None:
    for case, found in quick.items():
        assert found["rmse_10"] > 0.65 if case.network == "MLP on time" else found["rmse_10"] < 0.3, case


def test_the_error_is_that_of_the_hundred_periods_after_the_ten_that_were_shown(quick: Outcomes) -> None:
    found = quick[Case("LSTM", 0, "25 points a period")]
    truth = np.sin(2 * np.pi * np.arange(250, 2750) / 25)
    assert found["rmse_100"] == pytest.approx(np.sqrt(np.mean((found["path"] - truth) ** 2)))
    assert found["rmse_10"] == pytest.approx(np.sqrt(np.mean((found["path"][:250] - truth[:250]) ** 2)))


def test_the_curves_are_both_ends_of_every_run_over_the_sine(sine: Sine, quick: Outcomes) -> None:
    curves = sine.curves(quick)
    assert curves is not None and curves["network"].values.tolist() == list(SOME)
    path = quick[Case("RNN", 0, "25 points a period")]["path"]
    np.testing.assert_array_equal(curves["curve"].sel(network="RNN")[0], np.r_[path[:125], path[-125:]])
    assert curves["at"].values[[0, 124, 125, 249]].tolist() == [0.04, 5, 95.04, 100]


def test_every_network_meets_every_setting_and_only_some_are_trained_without_their_state(sine: Sine) -> None:
    cases = sine.cases(5)
    assert len(cases) == 5 * (2 * len(NETWORKS) + len(RESET))
    assert {case.network for case in cases if not SETTINGS[case.setting][1]} == set(RESET)


def test_without_its_state_a_network_sees_each_period_afresh(sine: Sine, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr("forecast.studies.sine.train", lambda model, streams, early, settings: seen.append(streams))
    for setting in ("25 points a period", "25 points, state not carried"):
        sine.run(Case("RNN", 0, setting))
    fresh = [[bool(chunk.fresh.all()) for chunk in streams] for streams in seen]
    assert fresh == [[True] + [False] * 9, [True] * 10]
    assert all(
        torch.equal(a.x, b.x) and torch.equal(a.y.nan_to_num(), b.y.nan_to_num()) for a, b in zip(*seen, strict=True)
    )


def test_the_network_on_time_reads_the_clock_of_the_step_that_it_forecasts_and_nothing_else() -> None:
    told = _shown(6, timed=True)
    rows = torch.tensor([0])
    x, y = told.inputs(rows, rows, 59), told.truth(rows, rows, 59, (0, 59))
    assert x.shape == (1, 59, 1) and x[0, -1, 0] == 1 and x[0, 29, 0] == pytest.approx(2 * 30 / 59 - 1, abs=1e-6)
    np.testing.assert_allclose(y[0, :3, 0, 0], np.sin(2 * np.pi * np.arange(1, 4) / 6), atol=1e-6)
    assert _prepared(NETWORKS["MLP on time"], 6, None, 0)[0]["context"] == 1
    assert _prepared(NETWORKS["MLP on lags"], 6, None, 0)[0]["context"] == 6
