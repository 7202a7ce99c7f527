"""How often: detected from stamps or stated, and the even axis that comes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast.axes import label
from forecast.errors import ForecastError
from forecast.schema import time_step
from forecast.sources.series_table import from_frame


def read(times: Any, **options: Any) -> xr.Dataset:
    return from_frame(pd.DataFrame({"time": times, "y": np.arange(len(times), dtype=float)}), **options).fetch()


def labels(data: xr.Dataset) -> list[str]:
    return [label(time, data.attrs.get("axis", "")) for time in data.time.values]


@pytest.mark.parametrize(
    ("times", "axis", "step", "found"),
    [
        (["2001-01-01", "2001-02-01", "2001-03-01"], "month", "30D", ["2001-01", "2001-02", "2001-03"]),
        (["2001-01-31", "2001-02-28", "2001-03-31"], "month", "30D", ["2001-01", "2001-02", "2001-03"]),
        (["2001-01", "2001-02", "2001-04"], "month", "30D", ["2001-01", "2001-02", "2001-03", "2001-04"]),
        (["2001-03-30", "2001-04-30", "2001-05-31"], "month", "30D", ["2001-03", "2001-04", "2001-05"]),
        (["2001M11", "2001M12", "2002M1"], "month", "30D", ["2001-11", "2001-12", "2002-01"]),
        (["Jan 2001", "Feb 2001"], "month", "30D", ["2001-01", "2001-02"]),
        ([200111, 200112, 200201], "month", "30D", ["2001-11", "2001-12", "2002-01"]),
        (["2001Q4", "2002Q1"], "quarter", "90D", ["2001-Q4", "2002-Q1"]),
        (["2001-Q4", "2002-q1"], "quarter", "90D", ["2001-Q4", "2002-Q1"]),
        (["Q4 2001", "Q1 2002"], "quarter", "90D", ["2001-Q4", "2002-Q1"]),
        (["2001-03-31", "2001-06-30", "2001-12-31"], "quarter", "90D", ["2001-Q1", "2001-Q2", "2001-Q3", "2001-Q4"]),
        (["1958-12-31", "1959-12-31"], "year", "360D", ["1958", "1959"]),
        (["1958-07-04", "1959-07-04", "1960-07-04", "1961-07-04"], "year", "360D", ["1958", "1959", "1960", "1961"]),
        (["1900-01-01", "1910-01-01", "1920-01-01"], "year", "3600D", ["1900", "1910", "1920"]),
        (["2001W01", "2001W02"], "", "7D", ["2001-01-01T00:00", "2001-01-08T00:00"]),
        (["2001-01-06", "2001-01-13", "2001-01-20"], "", "7D", [f"2001-01-{day:02}T00:00" for day in (6, 13, 20)]),
        ([20010130, 20010131, 20010201], "", "1D", ["2001-01-30T00:00", "2001-01-31T00:00", "2001-02-01T00:00"]),
        ([978307200, 978310800], "", "1h", ["2001-01-01T00:00", "2001-01-01T01:00"]),
        ([1, 2, 4], "integer", "1D", ["step 1", "step 2", "step 3", "step 4"]),
        ([1958, 1959], "integer", "1D", ["step 1958", "step 1959"]),
        (["2001-01-01 00:00", "2001-01-01 00:30"], "", "30min", ["2001-01-01T00:00", "2001-01-01T00:30"]),
    ],
)
def test_the_step_is_told_from_the_stamps(times: Any, axis: str, step: str, found: list[str]) -> None:
    data = read(times)
    assert data.attrs.get("axis", "") == axis and labels(data) == found
    assert time_step(data) == pd.Timedelta(step)


@pytest.mark.parametrize(
    ("times", "frequency", "found"),
    [
        ([1958, 1960], "year", ["1958", "1959", "1960"]),
        ([1700.5, 1701.5], "year", ["1700", "1701"]),
        ([1949.0, 1949.083, 1949.167, 1949.25], "month", ["1949-01", "1949-02", "1949-03", "1949-04"]),
        ([1958.2027, 1958.2877], "month", ["1958-03", "1958-04"]),
        ([1, 2], "quarter", ["1970-Q1", "1970-Q2"]),
        ([5, 6], "15min", ["1970-01-01T00:00", "1970-01-01T00:15"]),
        (["2001-01-07", "2001-02-28"], "month", ["2001-01", "2001-02"]),
        (["2001-01-03", "2001-01-14"], "week", ["2001-01-01T00:00", "2001-01-08T00:00"]),
        (["2001-01-01 07:00", "2001-01-02 08:00"], "day", ["2001-01-01T00:00", "2001-01-02T00:00"]),
        (["2001-01-05", "2001-01-08"], "business day", [f"2001-01-{day:02}T00:00" for day in (5, 6, 7, 8)]),
        (["2001-01-01", "2001-01-03"], "day", [f"2001-01-{day:02}T00:00" for day in (1, 2, 3)]),
    ],
)
def test_stamps_are_brought_to_a_stated_frequency(times: Any, frequency: str, found: list[str]) -> None:
    assert labels(read(times, frequency=frequency)) == found


def test_business_days_are_days_with_empty_weekends() -> None:
    data = read(pd.bdate_range("2001-01-01", periods=10))
    assert data.sizes["time"] == 12 and int(data.y.isnull().sum()) == 2 and time_step(data) == pd.Timedelta("1D")


def test_stamps_off_by_rounding_are_set_on_the_axis() -> None:
    hours = pd.date_range("2001", periods=4, freq="h") + pd.to_timedelta([0, 30, -30, 5], unit="us")
    assert (read(hours).time.to_index() == pd.date_range("2001", periods=4, freq="h")).all()


def test_steps_finer_than_a_second_are_kept() -> None:
    assert time_step(read(pd.date_range("2001", periods=4, freq="100ms"))) == pd.Timedelta("100ms")


def test_two_values_in_one_stated_month_are_refused() -> None:
    with pytest.raises(ForecastError, match=r"0 and 1 for y of the frame at 2001-01"):
        read(["2001-01-07", "2001-01-28"], frequency="month")


def test_a_stamp_between_two_steps_is_refused_and_a_month_named() -> None:
    with pytest.raises(ForecastError, match=r"2001-02 in a pandas frame(.|\n)*source.frequency"):
        read(["2001-01-01", "2001-02-01", "2001-04-01", "2001-07-01", "2001-10-01"])
    with pytest.raises(ForecastError, match=r"times 0 days 01:00:00 apart(.|\n)*2001-01-01 01:20"):
        read(["2001-01-01 00:00", "2001-01-01 01:00", "2001-01-01 01:20", "2001-01-01 02:20"], frequency="1h")


def test_a_mistyped_year_does_not_become_a_gap_of_centuries() -> None:
    with pytest.raises(ForecastError, match=r"one of 1199 steps, from 1900-01 to 2000-01(.|\n)*mistyped"):
        read([190001, 200001, 200002, 200003])


PARIS = {"time_zone": "Europe/Paris"}


def test_local_times_are_brought_to_utc_and_the_repeated_hour_is_two() -> None:
    local = [f"2001-10-28 {hour}" for hour in ("01:00", "02:00", "02:00", "03:00")]
    data = read(local, **PARIS)
    assert labels(data) == ["2001-10-27T23:00", "2001-10-28T00:00", "2001-10-28T01:00", "2001-10-28T02:00"]
    assert data.y.values.ravel().tolist() == [0, 1, 2, 3]


def test_the_repeated_hour_is_told_apart_series_by_series() -> None:
    frame = pd.DataFrame({"time": ["2001-10-28 02:00"] * 4, "id": ["a", "b", "a", "b"], "y": [1.0, 2.0, 3.0, 4.0]})
    assert from_frame(frame, id="id", **PARIS).fetch().y.values.tolist() == [[1, 2], [3, 4]]


def test_an_hour_that_spring_leaves_out_is_refused() -> None:
    with pytest.raises(ForecastError, match=r"exist in Europe/Paris(.|\n)*2001-03-25 02:30:00(.|\n)*'Etc/GMT-1'"):
        read(["2001-03-25 01:30", "2001-03-25 02:30"], **PARIS)


def test_days_stay_days_in_any_zone_and_an_offset_wins_over_the_zone() -> None:
    assert labels(read(["2001-03-25", "2001-03-26"], **PARIS)) == ["2001-03-25T00:00", "2001-03-26T00:00"]
    assert labels(read(["2001-07-01T12:00Z", "2001-07-01T13:00Z"], **PARIS))[0] == "2001-07-01T12:00"


def test_stamps_of_a_zone_are_brought_to_utc() -> None:
    assert labels(read(pd.date_range("2001-07-01", periods=2, freq="h", tz="Europe/Paris")))[0] == "2001-06-30T22:00"
