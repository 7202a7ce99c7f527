"""Each baseline against numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from forecast.baselines.climatology import Climatology
from forecast.baselines.damped import DampedPersistence
from forecast.baselines.persistence import Persistence
from forecast.baselines.seasonal_naive import SeasonalNaive

NAN = float("nan")


def series(*columns: object, freq: str = "D", calendar: str = "standard") -> xr.DataArray:
    table = np.stack([np.asarray(column, dtype=float) for column in columns], axis=1)
    time = xr.date_range("2001-01-01", periods=len(table), freq=freq, calendar=calendar)
    return xr.DataArray(table, {"time": time, "series": list("abc")[: len(columns)]}, ("time", "series"), "x")


def test_persistence_repeats_the_last_observed_value() -> None:
    data = series([1, 2, NAN, 4], [5, 6, 7, NAN])
    baseline = Persistence()
    baseline.fit(data, 2)
    found = baseline.forecast(data, data["time"].values[1:]).values
    assert found[:, 0].tolist() == [[2, 6], [2, 7], [4, 7]]
    assert found[:, 1].tolist() == found[:, 0].tolist()


def test_persistence_is_silent_when_the_last_value_is_more_than_24_steps_old() -> None:
    data = series([1, *[NAN] * 30])
    baseline = Persistence()
    baseline.fit(data, 1)
    found = baseline.forecast(data, data["time"].values).values[:, 0, 0]
    assert found[:25].tolist() == [1] * 25
    assert np.isnan(found[25:]).all()


def test_damping_is_the_regression_of_the_anomaly_on_itself_each_lead_before() -> None:
    # Anomalies of the mean 0: 2 -1 -1. Lag 1: (-2 + 1) / (4 + 1) = -0.2. Lag 2: -2 / 4 = -0.5.
    data = series([2, -1, -1])
    baseline = DampedPersistence()
    baseline.fit(data, 2)
    np.testing.assert_allclose(baseline.forecast(data, data["time"].values[:1]).values[0, :, 0], [2 * -0.2, 2 * -0.5])


def test_an_anomaly_that_is_one_step_old_is_damped_as_one_lead_more() -> None:
    train, data = series([2, -1, -1]), series([2, NAN, NAN])
    baseline = DampedPersistence()
    baseline.fit(train, 1)
    assert float(baseline.forecast(data, data["time"].values[1])[0, 0, 0]) == pytest.approx(2 * -0.5)


def test_damping_leaves_a_constant_series_alone() -> None:
    data = series([7.0] * 10)
    baseline = DampedPersistence()
    baseline.fit(data, 3)
    np.testing.assert_allclose(baseline.forecast(data + 1, data["time"].values[-1:]), 7)


def test_climatology_tells_the_hour_of_the_valid_time() -> None:
    data = series(np.tile(np.arange(24.0), 3), freq="h")
    baseline = Climatology()
    baseline.fit(data, 3)
    assert baseline.forecast(data, data["time"].values[22]).values[0, :, 0].tolist() == [23, 0, 1]


def test_seasonal_naive_takes_the_newest_day_that_the_reference_has_seen() -> None:
    data = series(np.arange(72.0), freq="h")
    baseline = SeasonalNaive()
    baseline.fit(data, 26)
    found = baseline.forecast(data, data["time"].values[50]).values[0, :, 0]
    assert found[[0, 23, 24, 25]].tolist() == [27, 50, 27, 28]


def test_seasonal_naive_goes_one_season_further_back_over_a_gap_and_is_silent_without_history() -> None:
    values = np.arange(72.0)
    values[28] = NAN
    data = series(values, freq="h")
    baseline = SeasonalNaive()
    baseline.fit(data, 2)
    assert baseline.forecast(data, data["time"].values[50]).values[0, :, 0].tolist() == [27, 4]
    early = baseline.forecast(data, data["time"].values[22]).values[0, :, 0]
    assert np.isnan(early[0])
    assert early[1] == 0


@pytest.mark.parametrize(("calendar", "year"), [("standard", 365), ("360_day", 360)])
def test_the_season_of_daily_data_is_the_year_of_their_calendar(calendar: str, year: int) -> None:
    data = series(np.arange(800.0), calendar=calendar)
    baseline = SeasonalNaive()
    baseline.fit(data, 1)
    assert float(baseline.forecast(data, data["time"].values[500])[0, 0, 0]) == 501 - year
    assert np.isnan(baseline.forecast(data, data["time"].values[100])).all()
