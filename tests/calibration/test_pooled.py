"""Tables of series are calibrated as one group: many series with one origin, or one series with many."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.calibration import ABOVE, BELOW, Calibration
from forecast.calibration.pooled import growth
from forecast.errors import ForecastError
from forecast.schema import LEAD, MEMBER, QUANTILE, REFERENCE
from forecast.verification import coverage

LEVELS = [0.05, 0.1, 0.5, 0.9, 0.95]
DAY = np.timedelta64(86400 * 10**9, "ns")


def world(rng: np.random.Generator, origins: int, series: int, leads: int = 4) -> tuple[xr.DataArray, ...]:
    """Return forecasts from every ``leads``-th step, what was observed, and the size of each series' errors.

    The errors of a series are of one skewed distribution, larger with the lead, times the series' size.
    """
    time = pd.date_range("2001-01-01", periods=origins * leads + 1)
    size = xr.DataArray(np.exp(rng.normal(size=series)), {"series": [f"s{at}" for at in range(series)]}, ("series",))
    shape = (origins, leads, series)
    errors = rng.gumbel(size=shape) * np.sqrt(np.arange(1, leads + 1))[:, None] * size.values
    coords = {REFERENCE: time[:-1:leads], LEAD: np.arange(1, leads + 1) * DAY, "series": size["series"]}
    forecast = xr.DataArray(rng.normal(size=shape), coords, (REFERENCE, LEAD, "series"), name="y")
    truth = np.concatenate([np.zeros((1, series)), (forecast.values + errors).reshape(-1, series)])
    return forecast, xr.DataArray(truth, {"time": time, "series": size["series"]}, ("time", "series")), size


def fit(past: tuple[xr.DataArray, ...], members: int = 20, seed: int = 0) -> Calibration:
    forecast, observed, size = past
    return Calibration.fit(forecast, observed, LEVELS, members, seed, size=size)


@pytest.mark.parametrize(("origins", "series"), [(1, 3000), (3000, 1), (60, 50)])
def test_intervals_cover_what_they_promise(origins: int, series: int) -> None:
    rng = np.random.default_rng(1)
    calibration = fit(world(rng, origins, series))
    forecast, observed, size = world(rng, max(60, 5000 // series), series)
    known = Calibration.from_dataset(calibration.to_dataset().assign(size=size.astype("float32")))
    bounds = known.quantiles(forecast)
    for low, high in ((0.05, 0.95), (0.1, 0.9)):
        share = coverage(bounds.sel({QUANTILE: [low, high]}), observed, over=forecast.dims)
        np.testing.assert_allclose(share, high - low, atol=0.02)


def test_few_errors_of_a_lead_are_pooled_with_those_of_others() -> None:
    rng = np.random.default_rng(2)
    shares = []
    for _ in range(15):
        calibration = fit(world(rng, 2, 6))  # twelve errors a lead reach no further than 85 %
        forecast, observed, size = world(rng, 50, 6)
        known = Calibration.from_dataset(calibration.to_dataset().assign(size=size.astype("float32")))
        shares.append(coverage(known.quantiles(forecast).sel({QUANTILE: [0.05, 0.95]}), observed, over=forecast.dims))
    assert np.mean(shares) == pytest.approx(0.9, abs=0.04)


def test_usual_errors_grow_with_a_power_of_the_lead() -> None:
    lead = np.arange(1, 9)
    np.testing.assert_allclose(growth(3 * np.sqrt(lead) * np.array([[1], [-1]])), 3 * np.sqrt(lead))
    np.testing.assert_allclose(growth(np.array([[4.0, 2.0, np.nan]])), np.full(3, np.sqrt(10)))  # never fall
    np.testing.assert_array_equal(growth(np.zeros((2, 3))), np.ones(3))


def test_a_quantile_is_the_order_statistic_of_all_errors_over_their_sizes() -> None:
    errors = np.arange(1.0, 100.0)[None, None]  # of 99 series, 1 to 99 times their size
    size = xr.DataArray(np.tile([1.0, 10.0, 100.0], 33), {"series": np.arange(99)}, ("series",))
    time = pd.date_range("2001-01-01", periods=2)
    coords = {REFERENCE: time[:1], LEAD: [DAY], "series": size["series"]}
    forecast = xr.DataArray(np.zeros((1, 1, 99)), coords, (REFERENCE, LEAD, "series"))
    truth = xr.DataArray(np.concatenate([errors[0] * 0, errors[0] * size.values]), {"time": time}, ("time", "series"))
    bounds = fit((forecast, truth.assign_coords(series=size["series"]), size)).quantiles(forecast)
    expected = np.array([5, 10, 50, 90, 95])[:, None] * size.values
    np.testing.assert_allclose(bounds[0, 0], expected, rtol=1e-6)


def test_the_networks_own_spread_goes_before_the_size_of_the_series() -> None:
    rng = np.random.default_rng(3)
    forecast, observed, size = world(rng, 1, 2000, 1)
    wide = forecast * 0 + np.where(np.arange(2000) % 2, 1.0, 5.0)
    observed = observed.copy(data=np.concatenate([observed[:1], forecast[0] + rng.normal(size=(1, 2000)) * wide[0]]))
    dressed = forecast.assign_coords(dict.fromkeys((BELOW, ABOVE), (forecast.dims, wide.values)))
    bounds = fit((dressed, observed, size)).quantiles(dressed)
    assert BELOW not in bounds.coords
    for half in (slice(0, None, 2), slice(1, None, 2)):
        part = bounds.isel(series=half).sel({QUANTILE: [0.05, 0.95]})
        assert coverage(part, observed.isel(series=half), over=forecast.dims).item() == pytest.approx(0.9, abs=0.02)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 30))
def test_quantiles_never_cross(seed: int, origins: int, series: int) -> None:
    rng = np.random.default_rng(seed)
    forecast, observed, size = world(rng, origins, series)
    spread = {side: (forecast.dims, rng.exponential(size=forecast.shape)) for side in (BELOW, ABOVE)}
    for one in (forecast, forecast.assign_coords(spread)):
        assert (fit((one, observed, size)).quantiles(one).diff(QUANTILE) >= 0).all()


def test_members_have_the_distribution_and_each_series_its_own_order() -> None:
    past = world(np.random.default_rng(4), 1, 500)
    calibration = fit(past)
    assert calibration.fitted["error"].dims == (MEMBER, LEAD)  # a table of many series keeps one set of trajectories
    forecast, size = past[0], past[2]
    over = (calibration.members(forecast) - forecast) / size
    ordered = np.sort(over.transpose(LEAD, "series", MEMBER, REFERENCE).values[..., 0], axis=-1)
    np.testing.assert_allclose(ordered, np.broadcast_to(ordered[:, :1], ordered.shape), atol=1e-5)
    first, second = over.isel(series=0).squeeze(), over.isel(series=1).squeeze()
    assert not np.allclose(first, second)
    xr.testing.assert_identical(calibration.members(forecast)[..., 3:5], calibration.members(forecast[..., 3:5]))


def test_members_of_small_tables_follow_one_origin_in_all_series() -> None:
    forecast, observed, size = world(np.random.default_rng(5), 60, 2)
    truth = observed.copy(data=observed)
    truth[{"time": slice(1, None), "series": 1}] = (  # the second series' errors are the first one's, over their sizes
        (observed[1:, 0] - forecast[:, :, 0].values.ravel()) / size.values[0] * size.values[1]
        + forecast[:, :, 1].values.ravel()
    )
    over = (fit((forecast, truth, size)).members(forecast) - forecast) / size
    np.testing.assert_allclose(over.isel(series=0), over.isel(series=1), atol=1e-5)


def test_a_series_that_is_new_or_has_no_size_takes_the_median_size() -> None:
    forecast, observed, size = world(np.random.default_rng(6), 1, 101)
    size = size.where(size["series"] != "s7")
    calibration = fit((forecast, observed, size))
    known = calibration.fitted["size"]
    assert known.sel(series="s7").item() == pytest.approx(size.median().item())
    new = forecast.isel(series=[0]).assign_coords(series=["new"])
    width = calibration.quantiles(new).diff(QUANTILE).sum(QUANTILE)[0, 0, 0]
    alike = calibration.quantiles(forecast.sel(series=["s7"])).diff(QUANTILE).sum(QUANTILE)[0, 0, 0]
    assert width.item() == pytest.approx(alike.item(), rel=0.01)
    assert calibration.members(new).notnull().all()


def test_what_was_fitted_is_restored() -> None:
    past = world(np.random.default_rng(7), 3, 20)
    calibration = fit(past)
    again = Calibration.from_dataset(calibration.to_dataset())
    xr.testing.assert_identical(again.members(past[0]), calibration.members(past[0]))


def test_too_few_errors_or_no_size_are_refused() -> None:
    forecast, observed, size = world(np.random.default_rng(8), 1, 1, 1)
    with pytest.raises(ForecastError, match=r"(?s)2 errors or more.*1.*lengthen the validation span"):
        fit((forecast, observed, size))
    with pytest.raises(ForecastError, match=r"(?s)a size above 0 of one series.*none.*fit the scaling"):
        fit((forecast, observed, size * 0))
