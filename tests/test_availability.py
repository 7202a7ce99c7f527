"""What was known when: interval ends, delays, arrivals, calendars, and the guard against looking ahead."""

from __future__ import annotations

import cftime
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.availability import as_known, as_time, known_at, last_known, lead_count
from forecast.errors import ForecastError

DAY, HOUR = pd.Timedelta("1D"), pd.Timedelta("1h")


def series(times: object, values: object = None, arrival: object = None) -> xr.Dataset:
    index = np.asarray(times)
    x = np.arange(len(index), dtype=float) if values is None else np.asarray(values, float)
    ds = xr.Dataset({"power": (("time", "series"), x[:, None], {"units": "kW"})}, {"time": index, "series": ["a"]})
    return ds if arrival is None else ds.assign_coords(arrival=("time", pd.DatetimeIndex(arrival)))


def days(count: int) -> np.ndarray:
    return pd.date_range("2001-01-01", periods=count, freq="D").to_numpy()


def test_a_daily_mean_stamped_midnight_is_not_known_before_the_next_day() -> None:
    ds = series(days(5))
    at_dawn = as_known(ds, "2001-01-03T06:00", DAY, pd.Timedelta(0))
    assert list(at_dawn.time.values) == list(days(2))
    assert as_known(ds, "2001-01-02T23:59", DAY, pd.Timedelta(0)).sizes["time"] == 1
    assert as_known(ds, "2001-01-04T00:00", DAY, pd.Timedelta(0)).sizes["time"] == 3


def test_a_value_is_known_at_the_end_of_its_interval_plus_the_delay() -> None:
    known = known_at(days(2), DAY, pd.Timedelta("6h"))
    assert list(known) == [np.datetime64("2001-01-02T06:00"), np.datetime64("2001-01-03T06:00")]


def test_a_later_arrival_counts_and_an_earlier_one_does_not() -> None:
    arrival = np.array(["2001-01-05T12:00", "2001-01-02T12:00", "NaT"], "datetime64[ns]")
    known = known_at(days(3), DAY, pd.Timedelta(0), arrival)
    assert list(known) == [np.datetime64(t) for t in ("2001-01-05T12:00", "2001-01-03", "2001-01-04")]


def test_a_step_that_had_not_arrived_is_missing_among_known_ones() -> None:
    ds = series(days(3), [1, 2, 3], ["2001-01-09", "NaT", "NaT"])
    known = as_known(ds, "2001-01-04", DAY, pd.Timedelta(0))
    np.testing.assert_array_equal(known.power.values[:, 0], [np.nan, 2, 3])


def test_the_reference_time_is_the_last_known_step_that_holds_a_value() -> None:
    ds = series(days(5), [1, 2, 3, np.nan, 5])
    assert last_known(ds, "2001-01-05T03:00", DAY, pd.Timedelta(0)) == np.datetime64("2001-01-03")
    assert last_known(ds, "2001-01-06", DAY, pd.Timedelta(0)) == np.datetime64("2001-01-05")


def test_before_anything_is_known_the_guard_says_from_when_on() -> None:
    with pytest.raises(ForecastError, match=r"from 2001-01-02T06:00.* on(.|\n)*got 2001-01-02(.|\n)*later issue time"):
        as_known(series(days(3)), "2001-01-02", DAY, pd.Timedelta("6h"))
    with pytest.raises(ForecastError, match="only NaN"):
        last_known(series(days(1), [np.nan]), "2001-01-09", DAY, pd.Timedelta(0))


@settings(max_examples=60, deadline=None)
@given(
    step=st.sampled_from([HOUR, pd.Timedelta("6h"), DAY]),
    delay=st.integers(0, 100).map(lambda hours: hours * HOUR),
    issue=st.integers(-10_000, 10_000),
    arrivals=st.lists(st.one_of(st.none(), st.integers(-5000, 9000)), min_size=6, max_size=40),
)
def test_no_value_known_later_than_the_issue_time_is_ever_returned(
    step: pd.Timedelta, delay: pd.Timedelta, issue: int, arrivals: list[int | None]
) -> None:
    origin = pd.Timestamp("2001-01-01")
    times = pd.date_range(origin, periods=len(arrivals), freq=step)
    recorded = [pd.NaT if late is None else origin + pd.Timedelta(late, "min") for late in arrivals]
    issue_time = origin + pd.Timedelta(issue, "min")
    expected = [
        time
        for time, arrival in zip(times, recorded, strict=True)
        if time + step + delay <= issue_time and not arrival > issue_time
    ]
    try:
        known = as_known(series(times, arrival=recorded), issue_time, step, delay)
    except ForecastError:
        assert not expected
        return
    held = known.time.values[known.power.notnull().values[:, 0]]
    assert list(held) == expected


def test_a_calendar_of_360_days_has_its_30_february() -> None:
    times = xr.date_range("2095-02-28", periods=4, freq="D", calendar="360_day", use_cftime=True).values
    known = as_known(series(times), "2095-03-01T00:00:00", DAY, pd.Timedelta(0))
    assert known.time.values[-1] == cftime.Datetime360Day(2095, 2, 30)
    with pytest.raises(ForecastError, match=r"time of the calendar 360_day(.|\n)*2095-01-31"):
        as_time("2095-01-31", times)


def test_times_may_be_text_or_carry_an_offset() -> None:
    assert as_time("2001-01-02T03:00+02:00", days(1)) == np.datetime64("2001-01-02T01:00")
    assert as_time(pd.Timestamp("2001-01-02"), days(1)) == np.datetime64("2001-01-02")
    with pytest.raises(ForecastError, match=r"proleptic_gregorian(.|\n)*'soon'(.|\n)*2009-01-31T06:00:00"):
        as_time("soon", days(1))


@pytest.mark.parametrize(
    ("horizon", "delay", "step", "start", "steps"),
    [
        ("1D", "0h", "1D", "2001-01-01", 2),  # issued on the 2nd: the 2nd and the 3rd
        ("5D", "0h", "1D", "2001-01-01", 5),  # the horizon covers tomorrow
        ("1D", "1D", "1D", "2001-01-01", 3),  # a day late: yesterday has to be forecast as well
        ("5D", "2D", "1D", "2001-01-01", 7),  # five days from the last that could be known
        ("24h", "0h", "1h", "2001-01-01", 48),  # issued at midnight: today and tomorrow
        ("24h", "30min", "1h", "2001-01-01", 49),
        ("1D", "0h", "1D", "2001-01-01T12:00", 3),  # from noon to noon: tomorrow touches the third
        ("5D", "0h", "5D", "2001-01-01", 2),  # the last pentad may have ended four days ago
        ("6h", "0h", "1h", "2001-01-01", 6),  # hours were asked for, not tomorrow
        ("6h", "3h", "1h", "2001-01-01", 9),
        ("1h", "0h", "6h", "2001-01-01", 1),
    ],
)
def test_leads_are_those_of_the_horizon_or_reach_to_the_end_of_tomorrow(
    horizon: str, delay: str, step: str, start: str, steps: int
) -> None:
    spans = [pd.Timedelta(text) for text in (horizon, delay, step)]
    assert lead_count(*spans, np.datetime64(start, "ns")) == lead_count(*spans, pd.Timestamp(start)) == steps
    assert lead_count(*spans, cftime.Datetime360Day(2001, 1, 1, hour=pd.Timestamp(start).hour)) == steps


@settings(max_examples=200, deadline=None)
@given(
    step=st.sampled_from(["10min", "1h", "3h", "7h", "12h", "1D", "36h", "5D", "7D"]).map(pd.Timedelta),
    delay=st.integers(0, 9000).map(lambda minutes: pd.Timedelta(minutes, "min")),
    start=st.integers(0, 20_000).map(lambda minutes: pd.Timestamp("2001-01-01") + pd.Timedelta(minutes, "min")),
    later=st.integers(0, 30_000),
)
def test_tomorrow_is_covered_whatever_hour_it_is_issued_and_no_lead_is_idle(
    step: pd.Timedelta, delay: pd.Timedelta, start: pd.Timestamp, later: int
) -> None:
    leads = lead_count(DAY, delay, step, start)

    def missing(issue: pd.Timestamp) -> int:
        """Leads needed from the last known step to the end of the day after the issue."""
        last = start + (issue - delay - step - start) // step * step
        return -(-(issue.normalize() + 2 * DAY - last) // step) - 1

    assert missing(start + delay + step + pd.Timedelta(later, "min")) <= leads
    midnight = (start + delay + step).normalize() + DAY
    assert max(missing(midnight + day * DAY) for day in range(36)) == leads
