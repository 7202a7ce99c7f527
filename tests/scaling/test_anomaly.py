"""Scaling: anomalies in units of their spread, and back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast import schema
from forecast.errors import ForecastError
from forecast.scaling import Scaling


def series(values: list[list[float]], **names: str) -> xr.Dataset:
    """One variable, one row a series, daily from 2001."""
    table = np.array(values).T
    coords = {"time": pd.date_range("2001-01-01", periods=len(table)), "series": list("abcdef")[: table.shape[1]]}
    return xr.Dataset({"x": (("time", "series"), table, {"units": "m"})}, coords)


def maps(calendar: str, steps: int = 12, freq: str = "6h") -> xr.Dataset:
    """Two variables on a small grid, one cell of the first never observed."""
    rng = np.random.default_rng(3)
    time = xr.date_range("2001-01-01", periods=steps, freq=freq, calendar=calendar)
    first = rng.normal(1e5, 900, (steps, 2, 3)).astype("float32")
    first[:, 1, 2] = np.nan
    second = rng.normal(280, 5, (steps, 2, 3))
    dims = ("time", "lat", "lon")
    variables = {"slp": (dims, first, {"units": "Pa"}), "t2m": (dims, second, {"units": "K"})}
    return xr.Dataset(variables, {"time": time, "lat": [0.0, 60.0], "lon": [0.0, 10.0, 20.0]})


def test_each_series_is_divided_by_its_own_spread() -> None:
    data = series([[0, 2, 0, 2], [10, 30, 30, 10]])
    scaling = Scaling.fit(data, ["x"])
    assert scaling.fitted["x"]["spread"].values.tolist() == [1, 10]
    assert scaling.apply(data)["x"].values.T.tolist() == [[-1, 1, -1, 1], [-1, 1, 1, -1]]


def test_a_map_has_one_spread_the_root_of_the_area_mean_of_the_variance() -> None:
    values = np.zeros((2, 2, 1))
    values[:, 0, 0], values[:, 1, 0] = [0, 2], [0, 8]
    coords = {"time": pd.date_range("2001", periods=2), "lat": [0.0, 60.0], "lon": [0.0]}
    data = xr.Dataset({"x": (("time", "lat", "lon"), values)}, coords)
    # Variances 1 and 16, weights 1 and 1/2: (1 + 8) / 1.5 = 6.
    assert float(Scaling.fit(data, ["x"]).fitted["x"]["spread"]) == pytest.approx(np.sqrt(6))


def test_what_never_varies_is_not_divided_by_zero() -> None:
    data = series([[1e5 / 3] * 4, [1, 2, 1, 2]]).astype("float32")
    scaled = Scaling.fit(data, ["x"]).apply(data)["x"]
    np.testing.assert_allclose(scaled[:, 0], 0, atol=1e-2)
    np.testing.assert_allclose(scaled[:, 1], [-1, 1, -1, 1])


def test_only_the_training_span_is_learned_from() -> None:
    data = series([[0, 2, 0, 2, 1000, 1000]])
    scaling = Scaling.fit(data.isel(time=slice(4)), ["x"])
    assert scaling.apply(data)["x"].values[-1].tolist() == [999]


def test_missing_values_stay_missing_and_units_are_told() -> None:
    data = maps("standard")
    scaled = Scaling.fit(data, ["slp", "t2m"]).apply(data)
    np.testing.assert_array_equal(np.isnan(scaled["slp"]), np.isnan(data["slp"]))
    assert (scaled["slp"].attrs["units"], scaled["slp"].dtype) == ("1", np.dtype("float32"))
    assert float((scaled["t2m"] ** 2).weighted(schema.area_weights(data)).mean()) == pytest.approx(1)


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=5, max_size=5),
        min_size=1,
        max_size=3,
    ).filter(lambda rows: np.isfinite(rows).any())
)
def test_undo_returns_what_was_scaled(rows: list[list[float]]) -> None:
    data = series(rows)
    scaling = Scaling.fit(data, ["x"])
    back = scaling.undo(scaling.apply(data)["x"], "x")
    np.testing.assert_allclose(back, data["x"], rtol=1e-12, atol=1e-6)
    assert (back.dims, back.name, back.attrs["units"]) == (("time", "series"), "x", "m")


@pytest.mark.parametrize("calendar", ["standard", "360_day"])
def test_a_forecast_is_undone_at_its_valid_times(calendar: str) -> None:
    data = maps(calendar)
    scaling = Scaling.fit(data, ["slp", "t2m"])
    scaled, references = scaling.apply(data)["slp"].values, data["time"].values[[2, 5]]
    lead = schema.leads(3, pd.Timedelta("6h"))
    at = np.array([2, 5])[:, None] + np.arange(1, 4)
    forecast = xr.DataArray(
        scaled[at][:, :, None].repeat(4, axis=2),
        {"forecast_reference_time": references, "lead": lead, "lat": data["lat"], "lon": data["lon"]},
        ("forecast_reference_time", "lead", "member", "lat", "lon"),
    )
    back = scaling.undo(forecast, "slp")
    assert back.dims == forecast.dims
    np.testing.assert_allclose(back[:, :, 3], data["slp"].values[at], rtol=1e-6)
    valid = (("forecast_reference_time", "lead"), schema.valid_times(references, lead))
    np.testing.assert_array_equal(scaling.undo(forecast.assign_coords(valid_time=valid), "slp"), back)


@pytest.mark.parametrize("freq", ["6h", "D"])
def test_statistics_survive_a_round_trip_exactly(freq: str) -> None:
    data = maps("standard", freq=freq)
    scaling = Scaling.fit(data, ["slp", "t2m"])
    again = Scaling.from_dataset(scaling.to_dataset())
    assert list(again.fitted) == ["slp", "t2m"]
    for name in again.fitted:
        xr.testing.assert_identical(again.fitted[name], scaling.fitted[name])
    xr.testing.assert_identical(again.apply(data), scaling.apply(data))


def test_unknown_variables_are_answered_in_words() -> None:
    data = series([[0, 2]])
    with pytest.raises(ForecastError, match=r"observations of y[\s\S]+\['x'\][\s\S]+ingest it"):
        Scaling.fit(data, ["y"])
    with pytest.raises(ForecastError, match=r"at least one observed value of x[\s\S]+none in the training span"):
        Scaling.fit(data * np.nan, ["x"])
    with pytest.raises(ForecastError, match=r"a variable among x[\s\S]+'y'[\s\S]+fit the scaling with it"):
        Scaling.fit(data, ["x"]).undo(data["x"], "y")
