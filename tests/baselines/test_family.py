"""What every registered baseline keeps: shapes, units, calendars, missing values, saving, and never looking ahead."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast import schema
from forecast.baselines import BASELINES, STATISTICS
from forecast.baselines.base import MAX_AGE, Baseline
from forecast.errors import ForecastError
from forecast.registry import member

LEADS = 3
CASES = ("daily series", "hourly series", "ragged table", "daily maps", "360-day maps")
OWN = [name for name in BASELINES if name not in STATISTICS]  # the others have test_classical.py
EVERY = pytest.mark.parametrize("name", OWN)
ON_MAPS_ONLY = ("local_linear",)
EVERY_CASE = pytest.mark.parametrize(
    ("name", "case"), [(n, c) for n in OWN for c in CASES if n not in ON_MAPS_ONLY or c.endswith("maps")]
)


@cache
def observations(case: str) -> xr.DataArray:
    """Waves and noise with scattered gaps, and a series or a cell that is never observed."""
    rng = np.random.default_rng(7)
    steps = 220 if case == "hourly series" else 800
    calendar = "360_day" if case == "360-day maps" else "standard"
    time = xr.date_range("2001-01-01", periods=steps, freq="h" if case == "hourly series" else "D", calendar=calendar)
    shape, dims = ((4, 5), ("lat", "lon")) if case.endswith("maps") else ((4,), ("series",))
    season = 24 if case == "hourly series" else 365
    wave = np.sin(2 * np.pi * np.arange(steps) / season).reshape(-1, *[1] * len(shape))
    values = 280 + 5 * wave + rng.normal(size=(steps, *shape))
    values[rng.random(values.shape) < 0.05] = np.nan
    values.reshape(steps, -1)[:, 1] = np.nan
    space = {"series": list("abcd")} if dims == ("series",) else {"lat": [40.0, 45, 50, 55], "lon": np.arange(5.0)}
    coords = {"time": time, **space}
    attrs: dict[str, object] = {"units": "K"}
    if case == "ragged table":
        values[:100, 0], values[:300, 3], attrs = np.nan, np.nan, attrs | {"season": 7}
    return xr.DataArray(values.astype("float32"), coords=coords, dims=("time", *dims), name="t2m", attrs=attrs)


@cache
def fitted(name: str, case: str) -> Baseline:
    data = observations(case)
    count = len(data)
    baseline: Baseline = member("baseline", BASELINES, name)()
    baseline.fit(data[: count * 6 // 10], LEADS, data[count * 6 // 10 + LEADS : count * 8 // 10])
    return baseline


@EVERY_CASE
def test_a_forecast_has_the_contract_of_forecasts(name: str, case: str) -> None:
    data = observations(case)
    forecast = fitted(name, case).forecast(data, data["time"].values[[200, 210, 219]])
    schema.check_forecast(forecast.to_dataset())
    assert forecast.shape == (3, LEADS, *data.shape[1:])
    assert (forecast.name, forecast.attrs["units"], forecast.dtype) == ("t2m", "K", np.dtype("float32"))
    assert forecast["valid_time"].values[0, 0] == data["time"].values[201]


@EVERY_CASE
@settings(max_examples=15, deadline=None)
@given(reference=st.integers(0, 218), seed=st.integers(0, 2**16), gone=st.booleans())
def test_what_comes_after_a_reference_never_changes_its_forecast(
    name: str, case: str, reference: int, seed: int, gone: bool
) -> None:
    data, baseline = observations(case), fitted(name, case)
    other = data.copy(deep=True)
    later = np.random.default_rng(seed).normal(0, 1e4, other[reference + 1 :].shape)
    other[reference + 1 :] = np.nan if gone else later
    both = data["time"].values[[reference, 219]]
    kept = baseline.forecast(data, both)[0]
    np.testing.assert_array_equal(baseline.forecast(other, both)[0], kept)
    alone = baseline.forecast(data[: reference + 1], both[:1])[0]
    np.testing.assert_allclose(alone, kept, rtol=1e-6)


@EVERY_CASE
def test_nothing_before_the_context_is_read(name: str, case: str) -> None:
    data, baseline = observations(case), fitted(name, case)
    reference = data["time"].values[-1:]
    short = data[max(0, len(data) - 1 - baseline.context) :]
    np.testing.assert_allclose(baseline.forecast(short, reference), baseline.forecast(data, reference), rtol=1e-6)


@EVERY_CASE
def test_restored_from_what_it_learned_it_forecasts_the_same(name: str, case: str) -> None:
    data, baseline = observations(case), fitted(name, case)
    again = type(baseline).restore(baseline.fitted.copy(deep=True))
    at = data["time"].values[[150, 219]]
    xr.testing.assert_identical(again.forecast(data, at), baseline.forecast(data, at))


@EVERY_CASE
def test_a_cell_never_observed_stays_missing_and_the_others_are_forecast(name: str, case: str) -> None:
    data = observations(case)
    values = fitted(name, case).forecast(data, data["time"].values[-5:]).values.reshape(5, LEADS, -1)
    assert np.isnan(values[..., 1]).all()
    spoken = np.isfinite(np.delete(values, 1, axis=-1))
    assert spoken.mean() > 0.9 if name == "seasonal_naive" else spoken.all()


@EVERY
def test_with_nothing_observed_for_long_only_those_that_know_the_season_speak(name: str) -> None:
    data = observations("daily maps").copy(deep=True)
    data[700:] = np.nan
    values = fitted(name, "daily maps").forecast(data, data["time"].values[[700 + MAX_AGE + 60]]).values[0]
    speaks = name not in ("persistence", "drift")
    assert (np.isfinite(np.delete(values.reshape(LEADS, -1), 1, axis=1)) == speaks).all()


@EVERY
def test_without_a_validation_span_it_learns_all_the_same(name: str) -> None:
    data = observations("daily maps")
    baseline: Baseline = member("baseline", BASELINES, name)()
    baseline.fit(data[:740], LEADS)
    error = baseline.forecast(data, data["time"].values[740:790]).isel(lead=0).values - data.values[741:791]
    assert 1 < np.sqrt(np.nanmean(error**2)) < 2


@EVERY
def test_a_single_reference_may_come_without_a_list(name: str) -> None:
    data = observations("360-day maps")
    assert fitted(name, "360-day maps").forecast(data, data["time"].values[300]).sizes["forecast_reference_time"] == 1


@pytest.mark.parametrize("name", ON_MAPS_ONLY)
def test_a_baseline_for_maps_refuses_series(name: str) -> None:
    with pytest.raises(ForecastError, match=r"map data for LocalLinear[\s\S]+series data[\s\S]+leave it out of"):
        fitted(name, "daily series")


def test_bad_input_is_answered_in_words() -> None:
    data = observations("daily series")
    baseline = fitted("climatology", "daily series")
    fresh = type(baseline)
    reference = data["time"].values[[300]]
    off = reference + np.timedelta64(1, "h")
    with pytest.raises(ForecastError, match=r"expected at least 1 lead\n +got 0"):
        fresh().fit(data, 0)
    with pytest.raises(ForecastError, match="at least one observed value of t2m"):
        fresh().fit(data * np.nan, 1)
    with pytest.raises(ForecastError, match=r"an even time axis with a step of 1 days[\s\S]+2001-01-05[\s\S]+reindex"):
        fresh().fit(data.isel(time=[0, 1, 2, 3, 4, 6, 7]), 1)
    with pytest.raises(ForecastError, match=r"dimensions \('time', 'series'\)[\s\S]+transpose"):
        fresh().fit(data.T, 1)
    with pytest.raises(ForecastError, match=r"a fitted baseline[\s\S]+call fit or restore"):
        fresh().forecast(data, reference)
    with pytest.raises(ForecastError, match=r"reference times on the axis[\s\S]+2001-10-28T01[\s\S]+choose observed"):
        baseline.forecast(data, off)
    with pytest.raises(ForecastError, match=r"reference times on the axis[\s\S]+no reference"):
        baseline.forecast(data, reference[:0])
    with pytest.raises(ForecastError, match=r"the 4 values of series in training[\s\S]+3 others[\s\S]+fit again"):
        baseline.forecast(data[:, :3], reference)
    with pytest.raises(ForecastError, match="a step of 1 days"):
        baseline.forecast(data.assign_coords(time=pd.date_range("2001", periods=len(data), freq="h")), reference)
