"""Theta, ETS and ARIMA through their library: each series anew at each reference, on what was observed up to it."""

from __future__ import annotations

import importlib.util

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import schema
from forecast.baselines import BASELINES, STATISTICS, classical
from forecast.baselines.base import MAX_AGE, Baseline
from forecast.errors import ForecastError
from forecast.registry import member

NAN = float("nan")
EVERY = pytest.mark.parametrize("name", STATISTICS)
needed = pytest.mark.skipif(not classical.available(), reason="needs the extra statistics")


def table(season: int = 4) -> xr.DataArray:
    """A trend under a season; the second series begins late, the third has a gap, the fourth is never observed."""
    rng = np.random.default_rng(0)
    steps = np.arange(48)
    values = 50 + steps[:, None] + 8 * np.sin(np.pi * steps / 2)[:, None] + rng.normal(size=(48, 4))
    values[:20, 1], values[30:33, 2], values[:, 3] = NAN, NAN, NAN
    coords = {"time": pd.date_range("1970-01-01", periods=48), "series": list("abcd")}
    return xr.DataArray(values, coords, ("time", "series"), "x", {"units": "1", "season": season})


def fitted(name: str, data: xr.DataArray, leads: int = 4) -> Baseline:
    baseline: Baseline = member("baseline", BASELINES, name)()
    baseline.fit(data, leads)
    return baseline


@needed
@EVERY
def test_a_trend_and_a_season_go_on(name: str) -> None:
    data = table()
    data = data[:, [0, 1, 3]]
    forecast = fitted(name, data[:40]).forecast(data, data["time"].values[[43]])
    schema.check_forecast(forecast.to_dataset())
    error = forecast.values[0, :, :2] - data.values[44:48, :2]
    assert np.abs(error).mean() < 3
    assert np.isnan(forecast.values[..., 2]).all()


@needed
@EVERY
def test_what_comes_after_a_reference_never_changes_its_forecast(name: str) -> None:
    data, later = table(1)[:, :1], table(1)[:, :1].copy(deep=True)
    later[41:] = -1e4
    baseline, reference = fitted(name, data[:40]), data["time"].values[[40]]
    xr.testing.assert_identical(baseline.forecast(later, reference), baseline.forecast(data, reference))


@needed
def test_a_gap_is_filled_by_a_straight_line_and_an_old_value_is_forecast_from_where_it_was() -> None:
    data = table()
    straight = data.copy(deep=True)
    straight[30:33, 2] = np.interp([30, 31, 32], [29, 33], data.values[[29, 33], 2])
    baseline, reference = fitted("theta", data[:40]), data["time"].values[[40]]
    xr.testing.assert_allclose(baseline.forecast(straight, reference), baseline.forecast(data, reference))
    gone = data.copy(deep=True)
    gone[39:] = NAN
    there = baseline.forecast(data, data["time"].values[[38]]).values[0, 2:, :3]
    np.testing.assert_allclose(baseline.forecast(gone, reference).values[0, :2, :3], there)
    gone[40 - MAX_AGE : 41] = NAN
    assert np.isnan(baseline.forecast(gone, reference)).all()


@needed
@EVERY
def test_a_series_too_short_for_its_model_is_forecast_by_its_last_value_and_counted(name: str) -> None:
    data = table(1)[:, :2].copy(deep=True)
    data[:40, 1] = NAN
    baseline = fitted(name, data)
    forecast = baseline.forecast(data, data["time"].values[[40]]).values[0]
    assert forecast[:, 1].tolist() == [data.values[40, 1]] * 4
    assert isinstance(baseline, classical.Classical) and baseline.fell_back <= 1
    assert np.isfinite(forecast).all()


@needed
def test_a_model_that_fails_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    data = table()
    baseline = fitted("ets", data)
    monkeypatch.setattr("statsforecast.models.AutoETS.forecast", lambda self, y, h: {"mean": np.full(h, NAN)})
    forecast = baseline.forecast(data, data["time"].values[[40, 41]])
    assert isinstance(baseline, classical.Classical) and baseline.fell_back == 6
    np.testing.assert_array_equal(forecast.values[0, :, :3], np.repeat(data.values[40:41, :3], 4, axis=0))


@EVERY
def test_without_the_extra_it_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        ForecastError,
        match=r"the library statsforecast for \w+[\s\S]+not installed[\s\S]+forecast-pipeline\[statistics\]",
    ):
        fitted(name, table())
