"""The sine study: who goes on alone, who does not, and what comes back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

from forecast.errors import ForecastError
from forecast.models.base import create
from forecast.models.bilstm import BiLSTM
from forecast.models.lstm import LSTM
from forecast.studies import sine


@pytest.fixture(scope="module")
def quick() -> tuple[xr.Dataset, list[str]]:
    lines: list[str] = []
    return sine.run(seeds=1, period=12, report=lines.append, epochs=80), lines


def test_networks_that_read_the_past_go_on_and_the_clock_alone_does_not(quick: tuple[xr.Dataset, list[str]]) -> None:
    error = quick[0]["rmse"].sel(seed=0, horizon=10)
    assert error.sel(model="mlp on time") > 0.65
    for name in ("mlp on lags", "rnn", "lstm", "gru"):
        assert error.sel(model=name) < 0.15, name
    assert error.sel(model="bilstm") < 0.4


def test_every_model_seed_and_horizon_has_its_error_and_its_trajectory(quick: tuple[xr.Dataset, list[str]]) -> None:
    result, lines = quick
    assert result["rmse"].dims == ("model", "seed", "horizon") and result["rmse"].shape == (6, 1, 2)
    assert result["trajectory"].shape == (6, 1, 1200) and result["phase"][-1] == 100
    by_hand = np.sqrt(np.mean((result["trajectory"][3, 0] - result["truth"]) ** 2))
    assert result["rmse"].sel(model="lstm", seed=0, horizon=100) == pytest.approx(float(by_hand))
    assert len(lines) == 6 and lines[3].startswith("lstm, seed 0: RMSE 0.")


def test_the_truth_goes_on_where_the_observations_end(quick: tuple[xr.Dataset, list[str]]) -> None:
    np.testing.assert_allclose(quick[0]["truth"][:3], np.sin(2 * np.pi * np.arange(120, 123) / 12), atol=1e-12)


def test_the_table_names_every_network_and_the_explanation_says_what_is_not_shown(
    quick: tuple[xr.Dataset, list[str]],
) -> None:
    result, _ = quick
    assert all(str(name) in result.attrs["table"] for name in result["model"].values)
    assert "What it does not show" in result.attrs["explanation"]


@pytest.mark.parametrize("kind", [LSTM, BiLSTM])
def test_running_free_reads_its_own_forecasts(kind: type) -> None:
    model = create(kind, sine.ONE_STEP, {"hidden": 4, "residual": "none"}).eval()
    seen = torch.sin(torch.arange(20.0)).unsqueeze(0)
    said = sine._free_running(model, seen, steps=3, window=5)
    values = seen[0].tolist()
    with torch.no_grad():
        for value in said:
            x = torch.tensor(values).reshape(1, -1, 1)
            if model.aligned:
                y, _ = model(x)
            else:
                _, before = model(x[:, :-5])
                y, _ = model(x[:, -5:], None, before)
            assert y[0, -1, 0, 0].item() == pytest.approx(value, abs=1e-6)
            values.append(float(value))


def test_too_few_points_a_period_are_refused() -> None:
    with pytest.raises(ForecastError, match="at least 1 seed and 6 points a period"):
        sine.run(seeds=1, period=5)
