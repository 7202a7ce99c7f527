"""Past errors promise what new ones keep: coverage, structure, and the season they belong to."""

from __future__ import annotations

import cftime
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.calibration import MIN_DAYS, Calibration, _ranked, _trajectories
from forecast.errors import ForecastError
from forecast.schema import LEAD, MEMBER, QUANTILE, REFERENCE
from forecast.verification import align, coverage, rmse, within
from tests.worlds import forecasts, observations

LEVELS = [0.05, 0.5, 0.95]


def series(errors: np.ndarray, start: object = "2001-01-01") -> tuple[xr.DataArray, xr.DataArray]:
    """Return forecasts of zero (time, lead, series) and observations whose value on day t is errors[t]."""
    observed = observations(errors, start)
    return forecasts(np.zeros((len(errors) - 2, 2, errors.shape[1])), observed), observed


def fit(forecast: xr.DataArray, observed: xr.DataArray, members: int = 20, seed: int = 0) -> Calibration:
    return Calibration.fit(forecast, observed, LEVELS, members, seed)


def test_the_quantile_is_the_conformal_order_statistic():
    residual = np.arange(1.0, 40.0)[::-1, None]  # 39 residuals: (39 + 1) q = 2, 20, 38
    values, beyond = _ranked(residual, np.array(LEVELS))
    np.testing.assert_array_equal(values[:, 0], [2, 20, 38])
    assert not beyond.any()
    values, _ = _ranked(np.arange(1.0, 31.0)[:, None], np.array(LEVELS))  # 31 q = 1.55 down, 15.5 between, 29.45 up
    np.testing.assert_array_equal(values[:, 0], [1, 15.5, 30])


def test_too_few_residuals_clip_to_the_outermost_and_say_so():
    values, beyond = _ranked(np.arange(1.0, 11.0)[:, None], np.array(LEVELS))
    np.testing.assert_array_equal(values[:, 0], [1, 5.5, 10])
    np.testing.assert_array_equal(beyond, [True, False, True])
    forecast, observed = series(np.random.default_rng(0).normal(size=(10, 2)))
    assert fit(forecast, observed).fitted.attrs["clipped"] == "0.05, 0.95"


def test_missing_residuals_are_not_counted():
    residual = np.full((50, 2), np.nan)
    residual[5:44, 0] = np.arange(1.0, 40.0)
    values, _ = _ranked(residual, np.array(LEVELS))
    np.testing.assert_array_equal(values[:, 0], [2, 20, 38])
    assert np.isnan(values[:, 1]).all()


@pytest.mark.parametrize("seed", range(3))
def test_exchangeable_errors_are_covered_as_promised(seed):
    rng = np.random.default_rng(seed)
    errors = rng.gumbel(size=(1462, 60))  # skewed; 60 series, four years: 180 days a season in each half
    forecast, observed = series(errors)
    half = 730
    calibration = fit(forecast.isel({REFERENCE: slice(None, half)}), observed.isel(time=slice(None, half)))
    assert calibration.fitted.attrs["pooled"] == "none"
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
    winter = np.isin(((np.datetime64("2001-01-01") + day).astype("datetime64[M]").astype(int) % 12), (11, 0, 1))
    errors = np.random.default_rng(1).normal(size=(1461, 4)) * np.where(winter, 5.0, 1.0)[:, None]
    forecast, observed = series(errors)
    calibration = fit(forecast, observed)
    bounds = calibration.quantiles(forecast)
    width = bounds.isel({QUANTILE: -1}) - bounds.isel({QUANTILE: 0})
    month = forecast["valid_time"].dt.month
    cold = month.isin([12, 1, 2])
    assert width.where(cold).mean().item() == pytest.approx(5 * 3.29, rel=0.1)
    assert width.where(~cold).mean().item() == pytest.approx(3.29, rel=0.1)
    # the last of November, forecast for two days ahead, has December's errors on its second day only
    row = width.sel({REFERENCE: "2001-11-29"}).mean("series")
    assert float(row[1]) > 3 * float(row[0])
    spread = calibration.members(forecast).std(MEMBER)
    assert spread.sel({REFERENCE: "2002-01-10"}).mean() > 3 * spread.sel({REFERENCE: "2002-07-10"}).mean()


def test_a_season_of_few_days_takes_the_whole_span():
    forecast, observed = series(np.random.default_rng(2).normal(size=(75, 3)), "2007-07-01")  # JJA, and 14 days of SON
    calibration = fit(forecast, observed)
    assert calibration.fitted.attrs["days"] == "DJF 0, MAM 0, JJA 61, SON 13"
    assert calibration.fitted.attrs["pooled"] == "DJF, MAM, SON"
    offset = calibration.fitted["offset"]
    np.testing.assert_array_equal(offset.sel(season="DJF"), offset.sel(season="SON"))
    assert not np.array_equal(offset.sel(season="DJF"), offset.sel(season="JJA"))


def test_wider_quantiles_need_longer_seasons():
    forecast, observed = series(np.random.default_rng(2).normal(size=(92, 3)), "2007-06-01")
    assert Calibration.fit(forecast, observed, LEVELS, 5, 0).fitted.attrs["pooled"] == "DJF, MAM, SON"
    assert Calibration.fit(forecast, observed, [0.01, 0.99], 5, 0).fitted.attrs["pooled"] == "DJF, MAM, JJA, SON"
    assert MIN_DAYS == 20


def test_members_carry_the_whole_error_of_one_past_reference():
    rng = np.random.default_rng(3)
    observed = observations(rng.normal(size=(200, 3, 4)))
    forecast = forecasts(rng.normal(size=(190, 3, 3, 4)), observed)
    calibration = fit(forecast, observed)
    residual = np.stack([observed.values[at : at + 190] for at in (1, 2, 3)], axis=1) - forecast.values
    dressed = calibration.members(forecast.isel({REFERENCE: [100]})) - forecast.isel({REFERENCE: 100}, drop=True)
    for member in dressed.transpose(MEMBER, REFERENCE, LEAD, "lat", "lon").values[:, 0]:
        assert np.isclose(residual, member).all(axis=(1, 2, 3)).sum() == 1


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


def test_members_are_spread_evenly_over_the_season_and_drawn_by_the_seed():
    residual = np.arange(200.0)[:, None, None]
    season = np.zeros(200, dtype=int)

    def drawn(seed: int) -> np.ndarray:
        return _trajectories(residual, season, 20, [False] * 4, np.random.default_rng(seed))[0, :, 0, 0]

    np.testing.assert_array_equal(drawn(0) // 10, np.arange(20))  # one of each ten days
    np.testing.assert_array_equal(drawn(0), drawn(0))
    assert (drawn(0) != drawn(1)).any()
    assert len(np.unique(drawn(0) % 10)) > 3  # not always the same hour of a day


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
