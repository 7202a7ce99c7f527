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


def projected(lat: np.ndarray, lon: np.ndarray, **changed: object) -> xr.Dataset:
    """Two days on a projected grid."""
    rows, columns = np.broadcast_shapes(lat.shape, lon.shape)
    coords = {"time": DAYS[:2], "y": np.arange(rows), "x": np.arange(columns)}
    coords |= {"lat": (("y", "x"), lat), "lon": (("y", "x"), lon)} | changed
    values = np.zeros((2, rows, columns))
    return xr.Dataset({"slp": (("time", "y", "x"), values, {"units": "Pa"})}, coords=coords)


LON_YX, LAT_YX = np.meshgrid(np.linspace(-10.0, 10, 5), np.linspace(30.0, 60, 4))


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
        (projected(LAT_YX[:1], LON_YX[:1]), "a projected grid of at least 2 rows and columns"),
        (projected(LAT_YX, LON_YX, y=[0, 1, 1, 2]), "a strictly monotonic coordinate y"),
        (projected(LAT_YX, LON_YX).drop_vars("x"), "a strictly monotonic coordinate x"),
        (projected(LAT_YX, LON_YX).drop_vars("lat"), r"a coordinate lat of shape \(y, x\)"),
        (projected(LAT_YX, LON_YX).assign_coords(lon=("x", LON_YX[0])), r"a coordinate lon of shape \(y, x\)"),
        (projected(LAT_YX + 40, LON_YX), r"latitudes in \[-90, 90\] in every cell"),
        (projected(LAT_YX, LON_YX + 180), r"longitudes in \[-180, 180\) in every cell"),
        (projected(LAT_YX, LON_YX * np.nan), r"longitudes in \[-180, 180\) in every cell"),
    ],
)
def test_observations_that_break_a_clause_are_refused(data: xr.Dataset, words: str) -> None:
    with pytest.raises(ForecastError, match=words):
        schema.check_observations(data)


def test_a_projected_grid_is_a_map_with_rows_and_columns_in_either_order() -> None:
    data = projected(LAT_YX, LON_YX, y=[3.0, 2.0, 1.0, 0.0])
    assert schema.check_observations(data) is data
    assert (schema.kind(data), schema.space_dims(data)) == ("map", ("y", "x"))


def test_where_values_are_is_told_by_rows_columns_and_their_2d_coordinates() -> None:
    data = projected(LAT_YX, LON_YX)
    assert list(schema.space_coords(data)) == ["y", "x", "lat", "lon"]
    assert list(schema.space_coords(maps())) == ["lat", "lon"]
    again = xr.DataArray(np.zeros(LAT_YX.shape), dims=("y", "x"), coords=schema.space_coords(data["slp"]))
    assert again["lon"].equals(data["lon"])


def test_data_without_space_are_neither_series_nor_map() -> None:
    with pytest.raises(ForecastError, match=r"dimensions \(time, series\), \(time, lat, lon\) or \(time, y, x\)"):
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


def test_weights_on_a_regional_grid_do_not_reach_to_the_pole() -> None:
    lat = np.float32([30.0, 30.1, 30.2, 30.3])  # 30.1 and 30.2 are not float32 numbers
    weights = schema.area_weights(maps(lat=lat, lon=[0.0]))
    cosine = np.cos(np.deg2rad(lat.astype("float64")))
    assert weights is not None and weights.values == pytest.approx(cosine / cosine.mean(), abs=1e-12)


def test_a_regular_grid_written_with_2d_coordinates_has_the_same_weights() -> None:
    lon, lat = np.meshgrid(np.arange(-10.0, 10, 2.5), np.arange(40.0, 70, 2.5))
    weights = schema.area_weights(projected(lat, lon))
    cosine = np.cos(np.deg2rad(lat))
    assert weights is not None and weights.dims == ("y", "x")
    assert weights.values == pytest.approx(cosine / cosine.mean(), abs=1e-12)


def test_longitudes_close_the_circle_only_when_they_do() -> None:
    assert not schema.is_periodic(np.zeros((3, 4)))
    assert schema.is_periodic(np.arange(-180.0, 180.0, 5.625))
    assert not schema.is_periodic(np.arange(-70.0, 10.1, 2.5))


def test_a_season_is_a_day_of_hours_or_a_year_of_days() -> None:
    assert schema.season_steps(pd.Timedelta("1h")) == 24
    assert schema.season_steps(pd.Timedelta("1D")) == 365
    assert schema.season_steps(pd.Timedelta("1D"), "360_day") == 360


def test_an_error_says_what_was_expected_what_came_and_what_to_do() -> None:
    error = ForecastError("a cat", "a dog", "bring a cat")
    assert str(error).split() == ["expected", "a", "cat", "got", "a", "dog", "do", "bring", "a", "cat"]
