"""The contracts of observations and forecasts, calendar arithmetic, weights."""

from __future__ import annotations

import cftime
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import schema
from forecast.errors import ForecastError

DAYS = np.arange("2001-01-01", "2001-01-05", dtype="datetime64[D]").astype("datetime64[ns]")


def maps(**changed: object) -> xr.Dataset:
    coords = {"time": DAYS, "lat": [30.0, 32.5], "lon": [-10.0, -7.5, -5.0]} | changed
    sizes = [len(coords[dim]) for dim in ("time", "lat", "lon")]  # type: ignore[arg-type]
    return xr.Dataset({"slp": (("time", "lat", "lon"), np.zeros(sizes), {"units": "Pa"})}, coords=coords)


def forecast(**changed: object) -> xr.Dataset:
    lead = schema.leads(2, pd.Timedelta("1D"))
    valid = schema.valid_times(DAYS[:1], lead)
    data = xr.Dataset(
        {"slp": (("forecast_reference_time", "lead", "lat", "lon"), np.zeros((1, 2, 2, 2)), {"units": "Pa"})},
        coords={
            "forecast_reference_time": DAYS[:1],
            "lead": lead,
            "lat": [30.0, 32.5],
            "lon": [0.0, 2.5],
            "valid_time": (("forecast_reference_time", "lead"), valid),
        },
    )
    return data.assign_coords(changed) if changed else data


def test_canonical_observations_pass_unchanged() -> None:
    assert schema.check_observations(maps()).identical(maps())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (maps().transpose("lat", "time", "lon"), "with dimensions"),
        (maps().assign(slp=maps()["slp"].assign_attrs(units="")), "with a units attribute"),
        (maps().assign(slp=maps()["slp"].astype(int).assign_attrs(units="Pa")), "as floating-point numbers"),
        (maps(time=DAYS[::-1]), "time strictly ascending"),
        (maps(lat=[32.5, 30.0]), "lat strictly ascending"),
        (maps(lat=[80.0, 95.0]), "latitudes in"),
        (maps(lon=[200.0, 202.5, 205.0]), "longitudes that begin in"),
    ],
)
def test_observations_that_break_a_clause_are_refused(data: xr.Dataset, words: str) -> None:
    with pytest.raises(ForecastError, match=words):
        schema.check_observations(data)


def test_data_without_space_are_neither_series_nor_map() -> None:
    with pytest.raises(ForecastError, match=r"dimensions \(time, series\) or \(time, lat, lon\)"):
        schema.kind(xr.Dataset({"a": ("time", [1.0])}))


def test_one_step_has_no_length() -> None:
    with pytest.raises(ForecastError, match="at least 2 time steps"):
        schema.time_step(maps().isel(time=[0]))


def test_the_step_is_the_commonest_difference() -> None:
    assert schema.time_step(maps().isel(time=[0, 1, 3])) in (pd.Timedelta("1D"), pd.Timedelta("2D"))
    times = np.delete(np.arange("2001-01-01", "2001-01-09", dtype="datetime64[D]").astype("datetime64[ns]"), 4)
    assert schema.time_step(maps(time=times)) == pd.Timedelta("1D")


def test_a_forecast_of_the_contract_passes() -> None:
    assert schema.check_forecast(forecast()).identical(forecast())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (forecast().transpose("lead", ...), "forecast_reference_time, lead"),
        (forecast().assign(slp=forecast()["slp"].assign_attrs(units="")), "with a units attribute"),
        (forecast(lead=[1, 2]), "leads as positive, ascending timedelta64"),
        (forecast(lead=schema.leads(2, pd.Timedelta("1D"))[::-1]), "leads as positive, ascending"),
        (forecast().drop_vars("valid_time"), "valid_time = forecast_reference_time"),
        (forecast(lead=schema.leads(2, pd.Timedelta("2D"))), "valid_time = forecast_reference_time"),
    ],
)
def test_forecasts_that_break_a_clause_are_refused(data: xr.Dataset, words: str) -> None:
    with pytest.raises(ForecastError, match=words):
        schema.check_forecast(data)


def test_valid_times_keep_the_calendar() -> None:
    start = np.array([cftime.Datetime360Day(2095, 2, 30)])
    found = schema.valid_times(start, schema.leads(2, pd.Timedelta("1D")))
    assert found.tolist() == [[cftime.Datetime360Day(2095, 3, 1), cftime.Datetime360Day(2095, 3, 2)]]


def test_the_season_is_a_share_of_the_year() -> None:
    times = xr.DataArray(pd.to_datetime(["2001-01-01 00:00", "2004-12-31 12:00", "2001-07-02 12:00"]), dims="time")
    assert schema.day_of_year(times).values == pytest.approx([0, 365.5 / 366, 0.5], abs=1e-9)


def test_weights_are_cosines_over_their_mean_and_series_have_none() -> None:
    weights = schema.area_weights(maps(lat=[0.0, 60.0]))
    assert weights is not None and weights.values == pytest.approx([4 / 3, 2 / 3])
    assert schema.area_weights(xr.Dataset({"a": (("time", "series"), [[1.0]])})) is None


def test_longitudes_close_the_circle_only_when_they_do() -> None:
    assert schema.is_periodic(np.arange(-180.0, 180.0, 5.625))
    assert not schema.is_periodic(np.arange(-70.0, 10.1, 2.5))


def test_a_season_is_a_day_of_hours_or_a_year_of_days() -> None:
    assert schema.season_steps(pd.Timedelta("1h")) == 24
    assert schema.season_steps(pd.Timedelta("1D")) == 365
    assert schema.season_steps(pd.Timedelta("1D"), "360_day") == 360


def test_an_error_says_what_was_expected_what_came_and_what_to_do() -> None:
    error = ForecastError("a cat", "a dog", "bring a cat")
    assert str(error).split() == ["expected", "a", "cat", "got", "a", "dog", "do", "bring", "a", "cat"]
