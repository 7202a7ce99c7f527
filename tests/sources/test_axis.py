"""The time axis: spans, duplicates and gaps, in any calendar."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.errors import ForecastError
from forecast.sources.axis import clip, even, settle_duplicates


def series(times: object, values: object = None) -> xr.Dataset:
    values = np.arange(len(times), dtype=float) if values is None else np.asarray(values, dtype=float)  # type: ignore[arg-type]
    return xr.Dataset({"y": ("time", values)}, coords={"time": times})


DAYS = pd.date_range("2001-01-30", periods=5)
DAYS_360 = xr.date_range("2001-02-28", periods=5, calendar="360_day", use_cftime=True)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2001-01-31", "2001-02-01"),
        (datetime.date(2001, 1, 31), datetime.date(2001, 2, 1)),
        (pd.Timestamp("2001-01-31"), np.datetime64("2001-02-01")),
        (pd.Timestamp("2001-01-31", tz="UTC"), "2001-02-01T00:00Z"),
    ],
)
def test_a_span_includes_both_ends_however_it_is_written(start: object, end: object) -> None:
    assert clip(series(DAYS), start, end).y.values.tolist() == [1, 2]


def test_a_bare_last_date_means_its_whole_day() -> None:
    hours = pd.date_range("2001-01-01", periods=30, freq="h")
    assert clip(series(hours), None, "2001-01-01").sizes["time"] == 24
    assert clip(series(hours), None, datetime.date(2001, 1, 1)).sizes["time"] == 24


def test_a_span_is_in_the_calendar_of_the_data() -> None:
    assert clip(series(DAYS_360), "2001-02-29", "2001-03-01").y.values.tolist() == [1, 2, 3]
    assert clip(series(DAYS_360), DAYS_360[1], pd.Timestamp("2001-03-01")).y.values.tolist() == [1, 2, 3]


def test_a_span_without_data_is_empty() -> None:
    assert clip(series(DAYS), "2010-01-01").sizes["time"] == 0
    assert even(clip(series(DAYS), "2010-01-01"), "here").sizes["time"] == 0


def test_a_bound_that_is_no_date_is_refused() -> None:
    with pytest.raises(ForecastError, match=r"times of the standard calendar.*\n.*'soon' and None"):
        clip(series(DAYS), "soon")


def test_clip_sorts_the_steps() -> None:
    assert clip(series(DAYS[::-1])).y.values.tolist() == [4, 3, 2, 1, 0]


@pytest.mark.parametrize("days", [DAYS, DAYS_360], ids=["standard", "360_day"])
def test_missing_steps_become_nan_rows(days: pd.Index) -> None:
    result = even(series(days[[0, 1, 2, 4]]), "here")
    assert np.array_equal(result.y.values, [0, 1, 2, np.nan, 3], equal_nan=True)
    assert (result.time.to_index() == days).all()


def test_stamps_off_by_rounding_are_set_on_the_axis() -> None:
    times = DAYS + pd.to_timedelta([0, 30, -30, 0, 5], unit="us")
    assert (even(series(times), "here").time.to_index() == DAYS).all()


def test_a_time_between_the_steps_is_refused_and_named() -> None:
    times = [*DAYS[:3], DAYS[3] + pd.Timedelta("6h")]
    with pytest.raises(
        ForecastError, match=r"times 1 days 00:00:00 apart(.|\n)*2001-02-02 06:00:00 in here(.|\n)*resample"
    ):
        even(series(pd.DatetimeIndex(times)), "here")


def test_a_mistyped_date_does_not_become_a_gap_of_centuries() -> None:
    times = pd.DatetimeIndex(["1901-01-01", *DAYS])
    with pytest.raises(
        ForecastError, match=r"10 times the 6 steps obs(.|\n)*one of 36553 steps, from 1901(.|\n)*mistyped"
    ):
        even(series(times), "here")


def test_a_season_a_year_keeps_its_gaps_and_a_given_step() -> None:
    january = pd.DatetimeIndex(
        [day for year in (2001, 2002, 2003) for day in pd.date_range(f"{year}-01-01", periods=31)]
    )
    data = even(series(january), "here")
    assert data.sizes["time"] == 365 * 2 + 31 and int(data.y.notnull().sum()) == 93
    assert even(series(DAYS[[0, 2, 4]]), "here", pd.Timedelta("1D")).sizes["time"] == 5


def test_duplicates_that_agree_are_merged_and_a_missing_value_gives_way() -> None:
    times = DAYS[[0, 0, 1, 1, 1]]
    result = settle_duplicates(series(times, [3, 3, np.nan, 7, np.nan]), "here")
    assert result.y.values.tolist() == [3, 7]


def test_duplicates_that_differ_are_refused() -> None:
    with pytest.raises(ForecastError, match=r"two different values of y at 2001-01-30 00:00:00 in here(.|\n)*remove"):
        settle_duplicates(series(DAYS[[0, 0, 1]]), "here")


@settings(max_examples=50, deadline=None)
@given(st.sets(st.integers(0, 40), min_size=10), st.booleans())
def test_even_keeps_every_observation_and_adds_nothing(kept: set[int], standard: bool) -> None:
    days = (
        pd.date_range("2001-01-01", periods=41)
        if standard
        else xr.date_range("2001-01-01", periods=41, calendar="noleap", use_cftime=True)
    )
    rows = sorted(kept)
    if np.bincount(np.diff(rows)).argmax() != 1:
        return  # the commonest step is not a day: another axis
    data = series(days[rows], rows)
    result = even(data, "here")
    assert result.sizes["time"] == rows[-1] - rows[0] + 1
    assert result.y.dropna("time").values.tolist() == rows
    xr.testing.assert_identical(result.dropna("time"), data)
