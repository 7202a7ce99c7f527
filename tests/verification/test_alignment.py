"""Forecasts meet the right observations: by valid time, in any calendar, on the same days and cells."""

from __future__ import annotations

import cftime
import numpy as np
import pytest
import xarray as xr

from forecast.errors import ForecastError
from forecast.schema import LEAD, REFERENCE, shift_time, valid_times
from forecast.verification import align, common, rmse, within
from tests.worlds import forecasts, observations, random_maps


def numbered(times: int = 40, start: object = "2007-12-20") -> xr.DataArray:
    return observations(np.arange(float(times))[:, None], start)


def test_observed_at_valid_time():
    observed = numbered()
    met = align(forecasts(np.zeros((5, 3, 1)), observed, first=2), observed)
    np.testing.assert_array_equal(met[:, :, 0], np.arange(5)[:, None] + np.array([3, 4, 5]))
    assert met.dims == (REFERENCE, LEAD, "series")


def test_missing_and_future_valid_times_are_nan_and_order_does_not_matter():
    observed = numbered(8)
    forecast = forecasts(np.zeros((4, 2, 1)), observed, first=4)
    holed = observed.isel(time=[0, 1, 2, 3, 4, 6, 7])
    np.testing.assert_array_equal(align(forecast, holed)[:, :, 0], [[np.nan, 6], [6, 7], [7, np.nan], [np.nan] * 2])
    turned = align(forecast.isel({REFERENCE: [2, 0]}), holed)
    np.testing.assert_array_equal(turned[:, :, 0], [[7, np.nan], [np.nan, 6]])


def test_a_360_day_calendar_passes_the_30th_of_february():
    observed = numbered(60, cftime.Datetime360Day(2095, 2, 1))
    forecast = forecasts(np.zeros((50, 3, 1)), observed)
    np.testing.assert_array_equal(align(forecast, observed)[:, :, 0], np.arange(50)[:, None] + np.array([1, 2, 3]))
    inside = within(forecast, ("2095-02-29", "2095-03-02"))
    days = {(time.month, time.day) for time in valid_times(inside[REFERENCE].values, inside[LEAD].values)[
        inside[:, :, 0].notnull().values]}  # fmt: skip
    assert days == {(2, 29), (2, 30), (3, 1), (3, 2)}


def test_another_calendar_is_refused():
    observed = numbered()
    forecast = forecasts(np.zeros((5, 3, 1)), numbered(40, cftime.DatetimeNoLeap(2007, 12, 20)))
    with pytest.raises(ForecastError, match=r"one calendar \(proleptic_gregorian, as observed\)") as caught:
        align(forecast, observed)
    assert caught.value.got == "noleap"


def test_within_keeps_the_same_valid_times_for_all_leads():
    observed = numbered()
    forecast = forecasts(np.ones((30, 3, 1)), observed, first=1)
    span = (np.datetime64("2008-01-01", "ns"), np.datetime64("2008-01-05", "ns"))
    inside = within(forecast, span)
    times = valid_times(inside[REFERENCE].values, inside[LEAD].values)
    for lead in range(3):
        kept = times[:, lead][inside[:, lead, 0].notnull().values]
        assert [str(time)[:10] for time in kept] == [f"2008-01-0{day}" for day in range(1, 6)]
    assert inside.sizes[REFERENCE] == 7  # 2007-12-29, three days before, to 2008-01-04


def test_a_date_as_the_last_time_includes_the_whole_day():
    observed = numbered(6)
    hours = np.array([np.timedelta64(hour, "h") for hour in (12, 24, 36)], "timedelta64[ns]")
    forecast = forecasts(np.ones((5, 3, 1)), observed).assign_coords({LEAD: hours})
    inside = within(forecast, ("2007-12-22", "2007-12-22"))
    times = valid_times(inside[REFERENCE].values, inside[LEAD].values)[inside[:, :, 0].notnull().values]
    assert {str(time)[:13] for time in times} == {"2007-12-22T00", "2007-12-22T12"}


def test_of_several_spans_all_valid_times_are_kept_and_none_between():
    observed = numbered(6)
    forecast = forecasts(np.ones((5, 3, 1)), observed)
    inside = within(forecast, ("2007-12-22", "2007-12-22"), ("2007-12-24", "2007-12-24"))
    times = valid_times(inside[REFERENCE].values, inside[LEAD].values)[inside[:, :, 0].notnull().values]
    assert {str(time)[:10] for time in times} == {"2007-12-22", "2007-12-24"}


def test_a_span_without_forecasts_leaves_none():
    observed = numbered()
    assert within(forecasts(np.ones((3, 2, 1)), observed), ("2010-01-01", "2010-12-31")).sizes[REFERENCE] == 0


def test_common_gives_one_mask_and_one_set_of_references():
    observed = observations(np.zeros((9, 2)))
    a, b = forecasts(np.ones((5, 2, 2)), observed), forecasts(np.full((5, 2, 2), 2.0), observed, first=2)
    b[0, 1, 0] = np.nan
    same = common({"a": a, "b": b})
    assert same["a"].sizes[REFERENCE] == same["b"].sizes[REFERENCE] == 3
    np.testing.assert_array_equal(same["a"].isnull(), same["b"].isnull())
    assert int(same["a"].isnull().sum()) == 1


def test_common_counts_a_cell_with_a_missing_member_as_missing():
    observed = observations(np.zeros((9, 2)))
    members = forecasts(np.ones((5, 2, 3, 2)), observed, extra="member")
    members[1, 0, 2, 1] = np.nan
    same = common({"a": forecasts(np.ones((5, 2, 2)), observed), "members": members})
    assert same["a"].isnull().values.nonzero() == (1, 0, 1)
    assert same["members"][1, 0, :, 1].isnull().all()


def test_common_does_not_copy_what_is_whole():
    observed = observations(np.zeros((9, 2)))
    a = forecasts(np.ones((5, 2, 2)), observed)
    assert np.shares_memory(common({"a": a, "b": a + 1})["a"].values, a.values)


def test_nothing_in_common_is_refused():
    observed = observations(np.zeros((9, 2)))
    a, b = forecasts(np.ones((2, 2, 2)), observed), forecasts(np.ones((2, 2, 2)), observed, first=5)
    with pytest.raises(ForecastError, match="reference times and leads that all forecasters share"):
        common({"a": a, "b": b})


def test_aligned_observations_score_like_a_time_series():
    forecast, observed, _ = random_maps()
    given = {"over": (REFERENCE, "lat", "lon")}
    np.testing.assert_array_equal(rmse(forecast, observed, **given), rmse(forecast, align(forecast, observed), **given))


def test_a_shift_of_all_times_changes_no_score():
    forecast, observed, _ = random_maps()
    later = np.timedelta64(31, "D")
    moved = forecast.assign_coords({REFERENCE: shift_time(forecast[REFERENCE].values, later)})
    shifted = observed.assign_coords(time=shift_time(observed["time"].values, later))
    given = {"over": (REFERENCE, "lat", "lon")}
    np.testing.assert_array_equal(rmse(forecast, observed, **given), rmse(moved, shifted, **given))
