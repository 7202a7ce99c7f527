"""Past errors promise what new ones keep: coverage, structure, and the season they belong to."""

from __future__ import annotations

import cftime
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.calibration import ABOVE, BELOW, Calibration
from forecast.errors import ForecastError
from forecast.schema import LEAD, MEMBER, QUANTILE, REFERENCE
from forecast.verification import align, coverage, crps, rmse, within
from tests.worlds import forecasts, observations

LEVELS = [0.05, 0.5, 0.95]


def series(errors: np.ndarray, start: object = "2001-01-01") -> tuple[xr.DataArray, xr.DataArray]:
    """Return forecasts of zero (time, lead, series) and observations whose value on day t is errors[t]."""
    observed = observations(errors, start)
    return forecasts(np.zeros((len(errors) - 2, 2, errors.shape[1])), observed), observed


def fit(forecast: xr.DataArray, observed: xr.DataArray, members: int = 20, seed: int = 0) -> Calibration:
    return Calibration.fit(forecast, observed, LEVELS, members, seed)


@pytest.mark.parametrize("seed", range(3))
def test_exchangeable_errors_are_covered_as_promised(seed):
    rng = np.random.default_rng(seed)
    errors = rng.gumbel(size=(1462, 60))  # skewed; 60 series, four years: 180 days a season in each half
    forecast, observed = series(errors)
    half = 730
    calibration = fit(forecast.isel({REFERENCE: slice(None, half)}), observed.isel(time=slice(None, half)))
    bounds = calibration.quantiles(forecast.isel({REFERENCE: slice(half, None)}))
    share = coverage(bounds, observed, over=(REFERENCE, LEAD, "series")).item()
    assert 0.90 - 0.006 < share < 0.91 + 0.006  # conformal: at least 0.90, at most 0.90 + 2 / (n + 1)
    middle = bounds.sel({QUANTILE: 0.5})
    below = (align(middle, observed) < middle).mean().item()
    assert below == pytest.approx(0.5, abs=0.02)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.floats(0.001, 0.999), min_size=2, max_size=7, unique=True))
def test_quantiles_never_cross(seed, levels):
    rng = np.random.default_rng(seed)
    errors = rng.standard_t(2, size=(int(rng.integers(5, 120)), 3))
    errors[rng.random(errors.shape) < 0.2] = np.nan
    forecast, observed = series(errors)
    bounds = Calibration.fit(forecast, observed, sorted(levels), 5, 0).quantiles(forecast)
    steps = bounds.diff(QUANTILE)
    assert ((steps >= 0) | steps.isnull()).all()


def test_each_season_has_its_own_errors():
    day = np.arange(1461)
    size = np.exp(np.cos(2 * np.pi * (day - 10) / 365.25))  # seven times as large in January as in July
    forecast, observed = series(np.random.default_rng(1).normal(size=(1461, 4)) * size[:, None])
    calibration = fit(forecast, observed)
    bounds = calibration.quantiles(forecast)
    width = bounds.isel({QUANTILE: -1}) - bounds.isel({QUANTILE: 0})
    expected = 3.29 * size[1:-1]
    np.testing.assert_allclose(width.isel({LEAD: 0}).mean("series"), expected, rtol=0.12)
    np.testing.assert_allclose(width.isel({LEAD: 1}).mean("series")[:-1], expected[1:], rtol=0.12)
    spread = calibration.members(forecast).std(MEMBER)
    assert spread.sel({REFERENCE: "2002-01-10"}).mean() > 5 * spread.sel({REFERENCE: "2002-07-10"}).mean()


def test_each_hour_has_its_own_errors():
    hour = np.arange(24 * 60)
    size = np.exp(np.sin(2 * np.pi * hour / 24))
    time = xr.date_range("2007-06-01", periods=len(hour), freq="h")
    values = np.random.default_rng(1).normal(size=(len(hour), 3)) * size[:, None]
    observed = xr.DataArray(values, {"time": time, "series": list("abc")}, ("time", "series"))
    lead = np.array([1], "timedelta64[h]").astype("timedelta64[ns]")
    forecast = xr.zeros_like(observed[:-1]).rename(time=REFERENCE).expand_dims({LEAD: lead}, axis=1)
    calibration = fit(forecast, observed)
    assert calibration.fitted.attrs["waves"] == "day"
    bounds = calibration.quantiles(forecast).mean("series")[:, 0]
    np.testing.assert_allclose(bounds[:, 2] - bounds[:, 0], 3.29 * size[1:], rtol=0.2)


def test_a_season_hardly_seen_takes_the_size_of_the_whole_span():
    forecast, observed = series(np.random.default_rng(2).normal(size=(75, 3)), "2007-07-01")  # JJA, and 14 days of SON
    calibration = fit(forecast, observed)
    assert calibration.fitted.attrs["days"] == "DJF 0, MAM 0, JJA 61, SON 13"
    assert calibration.fitted.attrs["pooled"] == "DJF, MAM, SON" and calibration.fitted.attrs["waves"] == "none"
    width = np.ptp(calibration.quantiles(forecast).values, axis=2)
    np.testing.assert_allclose(width, np.broadcast_to(width[:1], width.shape), rtol=1e-5)


def test_too_few_errors_clip_to_the_outermost_and_say_so():
    forecast, observed = series(np.random.default_rng(0).normal(size=(10, 2)))
    assert fit(forecast, observed).fitted.attrs["clipped"] == "0.05, 0.95"
    forecast, observed = series(np.random.default_rng(0).normal(size=(60, 2)))
    assert fit(forecast, observed).fitted.attrs["clipped"] == "none"


def test_quantiles_of_a_single_series_are_its_conformal_order_statistics():
    errors = np.random.default_rng(0).permutation(np.arange(1.0, 42.0))[:, None]  # lead 1 meets all but the first
    forecast, observed = series(errors, "2007-06-01")
    bounds = fit(forecast.isel({LEAD: [0]}), observed).quantiles(forecast.isel({LEAD: [0], REFERENCE: [0]}))
    met = np.sort(errors[1:-1, 0])  # 39 errors: (39 + 1) q = 2, 20, 38
    np.testing.assert_allclose(bounds.values.ravel(), met[[1, 19, 37]], rtol=1e-5)


def test_members_and_quantiles_tell_one_story_in_every_cell():
    forecast, observed = series(np.random.default_rng(3).gumbel(size=(800, 3)))
    calibration = Calibration.fit(forecast, observed, [0.05, 0.25, 0.75, 0.95], 50, 0)
    members, bounds = calibration.members(forecast), calibration.quantiles(forecast)
    counted = members.quantile(bounds[QUANTILE], dim=MEMBER, method="hazen").transpose(*bounds.dims)
    np.testing.assert_allclose(counted, bounds, atol=0.1 * float(members.std()))


def test_a_member_follows_the_error_field_of_one_past_day_over_all_leads():
    rng = np.random.default_rng(3)
    wave = np.where(np.arange(12) % 5 < 2, -1.0, 1.0)
    errors = rng.normal(size=(200, 1)) * wave + 1e-3 * rng.normal(size=(200, 12))  # one pattern, up or down
    observed = observations(errors.reshape(200, 3, 4))
    forecast = forecasts(np.zeros((190, 1, 3, 4)), observed)
    drawn = fit(forecast, observed).members(forecast.isel({REFERENCE: [100]})).values[0, 0].reshape(20, 12)
    for member in drawn[np.abs(drawn[:, 1]) > 0.3]:
        assert abs(np.corrcoef(member, wave)[0, 1]) > 0.95


def test_a_forecast_that_knows_its_own_spread_is_believed_up_to_a_factor():
    """Half of the days err three times as much, and upwards twice as much as downwards: the forecast says so."""
    rng = np.random.default_rng(5)
    loud = np.where(rng.random((800, 2)) < 0.5, 3.0, 1.0)
    error = rng.normal(size=(802, 2))
    error[1:-1] *= loud * np.where(error[1:-1] > 0, 2.0, 1.0)
    observed = observations(error, "2001-01-01")
    forecast = forecasts(np.zeros((800, 1, 2)), observed)
    dims = (REFERENCE, LEAD, "series")
    own = forecast.assign_coords({BELOW: (dims, 0.7 * loud[:, None]), ABOVE: (dims, 1.4 * loud[:, None])})
    bounds = fit(own, observed).quantiles(own).isel(series=0)[:, 0]
    np.testing.assert_allclose(bounds[:, 0], -1.645 * loud[:, 0], rtol=0.15)
    np.testing.assert_allclose(bounds[:, 2], 3.29 * loud[:, 0], rtol=0.15)
    members = fit(own, observed).members(own)
    assert not {BELOW, ABOVE} & {*bounds.coords, *members.coords}
    assert crps(members, observed, over=dims) < 0.95 * crps(
        fit(forecast, observed).members(forecast), observed, over=dims
    )


def test_members_keep_the_correlation_of_neighbours_and_the_size_of_errors():
    rng = np.random.default_rng(4)
    shared = rng.normal(size=(800, 1))
    errors = 3 * np.concatenate([0.9 * shared + np.sqrt(0.19) * rng.normal(size=(800, 1)), shared], axis=1)
    forecast, observed = series(errors)
    members = fit(forecast, observed, members=100).members(forecast.isel({REFERENCE: slice(0, 400, 50)}))
    assert members.dims == (REFERENCE, LEAD, MEMBER, "series")
    values = members.isel({LEAD: 0}).values.reshape(-1, 2)
    assert np.corrcoef(values.T)[0, 1] == pytest.approx(0.9, abs=0.05)
    np.testing.assert_allclose(values.std(axis=0), 3, rtol=0.12)
    assert np.abs(values.mean(axis=0)).max() < 0.5


def test_more_members_than_days_repeat_days():
    forecast, observed = series(np.random.default_rng(5).normal(size=(12, 1)))
    members = fit(forecast, observed, members=50).members(forecast.isel({REFERENCE: [0]}))
    assert members.sizes[MEMBER] == 50 and members.notnull().all()


def test_gaps_in_the_truth_leave_no_gap_in_members():
    rng = np.random.default_rng(6)
    errors = rng.normal(size=(400, 8))
    errors[rng.random(errors.shape) < 0.3] = np.nan  # hardly any trajectory is whole
    errors[:, 5] = np.nan  # never observed
    forecast, observed = series(errors)
    calibration = fit(forecast, observed)
    members, bounds = calibration.members(forecast), calibration.quantiles(forecast)
    for dressed in (members, bounds):
        assert dressed.isel(series=5).isnull().all()
        assert dressed.drop_isel(series=5).notnull().all()
    np.testing.assert_allclose(members.drop_isel(series=5).std(MEMBER).mean(), 1, rtol=0.15)


def test_a_missing_forecast_has_no_members_and_no_interval():
    forecast, observed = series(np.random.default_rng(7).normal(size=(100, 2)))
    calibration = fit(forecast, observed)
    holed = forecast.copy()
    holed[3, 1, 0] = np.nan
    assert int(calibration.quantiles(holed).isnull().sum()) == len(LEVELS)
    assert int(calibration.members(holed).isnull().sum()) == 20


def test_the_median_need_not_be_the_central_forecast():
    forecast, observed = series(np.random.default_rng(8).normal(2.0, 1.0, size=(400, 1)))
    middle = fit(forecast, observed).quantiles(forecast).sel({QUANTILE: 0.5})
    assert middle.mean().item() == pytest.approx(2, abs=0.2)


def test_only_scored_forecasts_teach():
    forecast, observed = series(np.random.default_rng(9).normal(size=(800, 2)))
    part = within(forecast, ("2001-01-01", "2001-12-31"))
    loud = observed.where(observed["time"].dt.year == 2001, 1e6)
    xr.testing.assert_identical(fit(part, observed).fitted, fit(part, loud).fitted)


@pytest.mark.parametrize("start", [cftime.Datetime360Day(2095, 1, 1), cftime.DatetimeNoLeap(2095, 1, 1)])
def test_any_calendar(start):
    forecast, observed = series(np.random.default_rng(10).normal(size=(360, 2)), start)
    calibration = fit(forecast, observed)
    assert calibration.fitted.attrs["pooled"] == "none"
    assert calibration.quantiles(forecast).notnull().all()


def test_it_survives_a_dataset_and_is_decided_by_its_seed():
    forecast, observed = series(np.random.default_rng(11).normal(size=(300, 2)))
    calibration = fit(forecast, observed, seed=5)
    again = Calibration.from_dataset(calibration.to_dataset().copy(deep=True))
    xr.testing.assert_identical(again.members(forecast), fit(forecast, observed, seed=5).members(forecast))
    xr.testing.assert_identical(again.quantiles(forecast), calibration.quantiles(forecast))
    assert not again.members(forecast).equals(fit(forecast, observed, seed=6).members(forecast))


def test_a_forecast_keeps_its_dtype_units_and_valid_time():
    forecast, observed = series(np.random.default_rng(12).normal(size=(100, 2)).astype("float32"))
    small = forecast.astype("float32").rename("slp")
    calibration = fit(small, observed)
    for dressed in (calibration.members(small), calibration.quantiles(small)):
        assert dressed.dtype == "float32" and dressed.attrs == small.attrs and dressed.name == "slp"
        assert "valid_time" in dressed.coords and "season" not in dressed.coords


def test_a_lead_that_was_not_calibrated_is_refused():
    forecast, observed = series(np.random.default_rng(13).normal(size=(100, 2)))
    calibration = fit(forecast.isel({LEAD: [0]}), observed)
    with pytest.raises(ForecastError, match="leads among the 1 calibrated, up to 24 hours") as caught:
        calibration.members(forecast)
    assert caught.value.got == "48 hours"


@pytest.mark.parametrize("levels", [[], [0.5, 0.5], [0.0, 0.5], [0.5, 1.0]])
def test_impossible_quantiles_are_refused(levels):
    forecast, observed = series(np.zeros((50, 1)))
    with pytest.raises(ForecastError, match=r"ascending quantiles in \(0, 1\) and one member or more"):
        Calibration.fit(forecast, observed, levels, 5, 0)


def test_a_span_without_truth_is_refused():
    forecast, observed = series(np.full((50, 1), np.nan))
    with pytest.raises(ForecastError, match="2 days or more with residuals"):
        fit(forecast, observed)


def test_pressure_persistence_keeps_its_promise_by_season(real_data):
    """Persistence calibrated on 2007 covers 2008 about as promised in each season."""
    slp = xr.open_dataset(real_data / "ncep_slp_natl_2001_2008.nc")["slp"].sel(time=slice("2006-12-20", "2008-12-31"))
    slp = (slp.transpose("time", "lat", "lon") / 100).assign_attrs(units="hPa")
    still = forecasts(np.repeat(slp.values[:, None], 3, axis=1), slp)
    calibration = fit(within(still, ("2007-01-01", "2007-12-31")), slp)
    test = within(still, ("2008-01-01", "2008-12-31"))
    bounds = calibration.quantiles(test)
    season = test["valid_time"].dt.season
    for name in ("DJF", "MAM", "JJA", "SON"):
        share = coverage(bounds.where(season == name), slp, over=(REFERENCE, LEAD, "lat", "lon")).item()
        assert 0.82 < share < 0.95, name
    spread = calibration.members(test).std(MEMBER)
    error = rmse(test, slp, over=(REFERENCE, "lat", "lon"))
    ratio = np.sqrt((spread**2).mean((REFERENCE, "lat", "lon"))) / error
    assert ((ratio > 0.8) & (ratio < 1.2)).all()
