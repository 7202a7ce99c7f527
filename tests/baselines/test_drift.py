"""Drift: a line from the first value through the last, by hand; and what tables of series ask of the naive ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast.baselines.base import MAX_AGE
from forecast.baselines.drift import Drift
from forecast.baselines.persistence import Persistence
from forecast.baselines.seasonal_naive import SeasonalNaive

NAN = float("nan")


def table(*columns: object, season: int | None = None) -> xr.DataArray:
    values = np.stack([np.asarray(column, dtype=float) for column in columns], axis=1)
    coords = {"time": pd.date_range("2001-01-01", periods=len(values)), "series": list("abcdefgh")[: len(columns)]}
    attrs = {} if season is None else {"season": season}
    return xr.DataArray(values, coords, ("time", "series"), "x", attrs)


def test_drift_goes_on_by_the_mean_change_since_the_first_value() -> None:
    data = table([1, 9, 4], [NAN, 2, 5])
    baseline = Drift()
    baseline.fit(data, 2)
    found = baseline.forecast(data, data["time"].values[1:]).values
    assert found[1].tolist() == [[5.5, 8], [7, 11]]
    assert found[0].tolist() == [[17, 2], [25, 2]]  # one value alone has no change


def test_drift_begins_at_the_last_value_over_a_gap_and_is_silent_when_that_is_too_old() -> None:
    data = table([1, NAN, 3, NAN, *[NAN] * MAX_AGE])
    baseline = Drift()
    baseline.fit(data, 2)
    found = baseline.forecast(data, data["time"].values[[3, -2, -1]]).values[..., 0]
    assert found[0].tolist() == [5, 6]
    assert found[1].tolist() == [3 + 25, 3 + 26]
    assert np.isnan(found[2]).all()


def test_the_season_is_what_the_data_say() -> None:
    data = table(np.arange(10), season=4)
    baseline = SeasonalNaive()
    baseline.fit(data, 5)
    assert baseline.forecast(data, data["time"].values[-1:]).values[0, :, 0].tolist() == [6, 7, 8, 9, 6]


def test_without_a_season_seasonal_naive_repeats_the_last_value() -> None:
    data = table([3, 1, 2], [NAN, 7, NAN], season=1)
    baseline = SeasonalNaive()
    baseline.fit(data, 2)
    assert baseline.forecast(data, data["time"].values[-1:]).values[0].tolist() == [[2, 7], [2, 7]]


def test_in_a_series_shorter_than_the_season_the_last_value_stands_in() -> None:
    data = table(np.arange(8), [*[NAN] * 6, 5, 6], [NAN] * 8, season=4)
    baseline = SeasonalNaive()
    baseline.fit(data, 4)
    found = baseline.forecast(data, data["time"].values[-1:]).values[0]
    assert found[:, 0].tolist() == [4, 5, 6, 7]
    assert found[:, 1].tolist() == [6, 6, 5, 6]
    assert np.isnan(found[:, 2]).all()


@pytest.mark.parametrize("kind", [Persistence, SeasonalNaive, Drift])
def test_blocks_of_series_change_nothing(kind: type[Drift], monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(size=(8, 30))
    values[:, ::3] = NAN
    data = table(*values, season=7)
    baseline = kind()
    baseline.fit(data, 9)
    whole = baseline.forecast(data, data["time"].values[-4:])
    monkeypatch.setattr("forecast.blocks.BYTES", 100)
    xr.testing.assert_identical(baseline.forecast(data, data["time"].values[-4:]), whole)
