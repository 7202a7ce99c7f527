"""The linear baseline of tables of many series: one regression on lags for all."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast.baselines.linear import Linear
from forecast.baselines.seasonal_naive import SeasonalNaive

SEASON = 7


def table(series: int = 20, steps: int = 140, seed: int = 0) -> xr.DataArray:
    """Seasons under random walks, each series of its own size, some negative; unequal begins, gaps."""
    rng = np.random.default_rng(seed)
    shape = np.resize(np.sin(2 * np.pi * np.arange(SEASON) / SEASON), steps)[:, None]
    values = (
        10 + 2 * shape + 0.3 * rng.normal(size=(steps, series)).cumsum(axis=0) + 0.3 * rng.normal(size=(steps, series))
    )
    values *= 10.0 ** rng.integers(-3, 4, series) * np.where(np.arange(series) % 5, 1, -1)
    values[rng.random(values.shape) < 0.03] = np.nan
    for column in range(0, series, 3):
        values[: rng.integers(20, 80), column] = np.nan
    coords = {"time": pd.date_range("2001-01-01", periods=steps), "series": [f"s{i}" for i in range(series)]}
    return xr.DataArray(values, coords, ("time", "series"), "x", {"units": "1", "season": SEASON})


def fitted(data: xr.DataArray, leads: int = SEASON) -> Linear:
    baseline = Linear()
    baseline.fit(data[:100], leads, data[100:120])
    return baseline


def error(forecast: xr.DataArray, data: xr.DataArray) -> np.ndarray:
    truth = data.sel(time=forecast["valid_time"].values[0]).values
    return np.nanmean(np.abs(forecast.values[0] - truth), axis=0)


def test_it_beats_seasonal_naive_on_series_of_all_sizes() -> None:
    data = table()
    naive = SeasonalNaive()
    naive.fit(data[:100], SEASON)
    reference = data["time"].values[[125]]
    ratio = error(fitted(data).forecast(data, reference), data) / error(naive.forecast(data, reference), data)
    assert np.exp(np.log(ratio).mean()) < 0.85


def test_the_unit_of_a_series_changes_its_forecast_by_that_factor_only() -> None:
    data = table()
    other = data * xr.DataArray(np.where(np.arange(20) == 4, 1000.0, 1.0), dims="series")
    other.attrs = data.attrs
    reference = data["time"].values[[125]]
    there, here = (fitted(one).forecast(one, reference).values for one in (other, data))
    np.testing.assert_allclose(there[..., 4], 1000 * here[..., 4], rtol=1e-6)
    np.testing.assert_allclose(there[..., 5], here[..., 5], rtol=1e-6)


def test_a_series_that_was_not_there_is_forecast_too() -> None:
    data = table()
    late = data.assign_coords(series=[f"n{i}" for i in range(20)]).isel(series=[1, 2])
    forecast = fitted(data).forecast(late, data["time"].values[[125]])
    assert np.isfinite(forecast).all()


def test_a_random_walk_is_forecast_by_about_its_last_value() -> None:
    walks = table().copy(data=np.random.default_rng(1).normal(size=(140, 20)).cumsum(axis=0) + 100)
    walks.attrs["season"] = 1
    forecast = fitted(walks, 3).forecast(walks, walks["time"].values[[125]]).values[0]
    assert np.abs(forecast - walks.values[125]).mean() < 0.5


def test_a_sample_of_the_series_is_enough_where_there_are_very_many(monkeypatch: pytest.MonkeyPatch) -> None:
    data = table()
    reference = data["time"].values[[125]]
    whole = fitted(data).forecast(data, reference)
    monkeypatch.setattr("forecast.baselines.panel_ridge.EFFORT", 3e5)
    some = fitted(data)
    assert not np.array_equal(some.forecast(data, reference), whole, equal_nan=True)
    assert np.nanmean(error(some.forecast(data, reference), data) / error(whole, data)) < 1.3


@pytest.mark.parametrize("size", [1, 5000])
def test_blocks_of_series_change_nothing(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = table()
    reference = data["time"].values[[110, 125]]
    whole = fitted(data).forecast(data, reference)
    monkeypatch.setattr("forecast.blocks.BYTES", size)
    xr.testing.assert_allclose(fitted(data).forecast(data, reference), whole, rtol=1e-8)


def test_very_short_series_are_learned_from_without_a_season() -> None:
    data = table(steps=140).isel(time=slice(0, 9))
    data = data.fillna(1.0).assign_attrs(data.attrs)
    baseline = Linear()
    baseline.fit(data[:6], 2)
    assert np.isfinite(baseline.forecast(data, data["time"].values[[5]])).all()
