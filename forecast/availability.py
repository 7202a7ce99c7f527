"""What was known at an issue time, and the guard against looking ahead.

A time stamp labels the start of its interval, so a value is known when the interval has ended and its source's delay
has passed, or when it arrived, if that was recorded and is later: the mean of 1 January, stamped midnight, is not
known before 2 January.
"""

from __future__ import annotations

import math
import re
from typing import Any

import cftime
import numpy as np
import pandas as pd
import xarray as xr

from forecast import schema
from forecast.errors import ForecastError

ARRIVAL = "arrival"
ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?(?:Z|\+00:00)?")
DAY = pd.Timedelta("1D")


def known_at(
    times: np.ndarray, step: pd.Timedelta, delay: pd.Timedelta, arrival: np.ndarray | None = None
) -> np.ndarray:
    """Return when the value of each step is known, shape (time,), in the calendar of the times.

    Args:
        times: starts of the intervals, datetime64 or cftime.
        step: length of an interval.
        delay: from the end of an interval until its value is out.
        arrival: recorded arrivals, datetime64, shape (time,), NaT where none was recorded; None: none at all.
    """
    due = schema.shift_time(times, step + delay)
    return due if arrival is None else np.where(arrival > due, arrival, due)


def as_known(ds: xr.Dataset, issue_time: Any, step: pd.Timedelta, delay: pd.Timedelta) -> xr.Dataset:
    """Return observations as they were known at an issue time: cut after the last known step.

    Args:
        ds: observations, with a coordinate ``arrival`` (time,) where arrivals were recorded.
        issue_time: a time (text, datetime64, Timestamp, UTC) or a cftime of the calendar of the observations.
        step: length of an interval.
        delay: from the end of an interval until its value is out.

    Returns:
        The first steps of ``ds``; NaN in a step among them that had not arrived.

    Raises:
        ForecastError: nothing was known yet.
    """
    times = ds[schema.TIME].values
    arrival = ds[ARRIVAL].values if ARRIVAL in ds.coords else None
    known = known_at(times, step, delay, arrival) <= as_time(issue_time, times)
    if not known.any():
        out = known_at(times[:1], step, delay, None if arrival is None else arrival[:1])
        expected = f"an issue time from {out[0]} on, when the first value is known" if len(out) else "observations"
        raise ForecastError(expected, f"{issue_time}", "choose a later issue time, or ingest earlier data")
    last = len(known) - int(np.argmax(known[::-1]))
    cut = ds.isel({schema.TIME: slice(0, last)})
    return cut if known[:last].all() else cut.where(xr.DataArray(known[:last], dims=schema.TIME))


def last_known(ds: xr.Dataset, issue_time: Any, step: pd.Timedelta, delay: pd.Timedelta) -> Any:
    """Return the reference time of a forecast: the last step known at the issue time that holds an observed value.

    Args:
        ds: observations of the variables that matter (the targets), as for ``as_known``.
        issue_time: as for ``as_known``.
        step: length of an interval.
        delay: from the end of an interval until its value is out.

    Raises:
        ForecastError: nothing was known yet, or all that was is NaN.
    """
    known = as_known(ds, issue_time, step, delay)
    dims = schema.space_dims(ds)
    for at in range(known.sizes[schema.TIME] - 1, -1, -1):
        row = known.isel({schema.TIME: at})
        if any(bool(row[name].notnull().any(dims)) for name in row.data_vars):
            return known[schema.TIME].values[at]
    raise ForecastError(f"an observed value before {issue_time}", "only NaN", "ingest a span that holds observations")


def lead_count(horizon: pd.Timedelta, delay: pd.Timedelta, step: pd.Timedelta, start: Any) -> int:
    """Return how many leads a horizon needs, in steps, whenever a forecast is issued.

    Leads count from the last step known, so the delay of its source is added. A horizon of a day or more reaches at
    least to the end of tomorrow, the calendar day after that of the issue time. That takes most leads just after
    midnight: tomorrow then ends in two days, and the last known interval ended as long ago as the axis lies askew.

    Args:
        horizon: how far the forecast is wanted.
        delay: from the end of an interval until its value is out.
        step: length of an interval.
        start: the first time of the axis (datetime64, Timestamp or cftime), for its time of day.
    """
    if horizon >= DAY:
        clock = pd.Timestamp(start) if isinstance(start, np.datetime64) else start
        today = pd.Timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second)
        shared = pd.Timedelta(math.gcd(step.value, DAY.value))
        askew = step - shared + (-(today + delay)) % shared
        horizon = max(horizon, 2 * DAY + askew)
    return max(1, math.ceil((horizon + delay) / step))


def as_time(value: Any, times: np.ndarray) -> Any:
    """Return a time in the type and calendar of ``times``: datetime64[ns] or cftime.

    Args:
        value: text in ISO 8601 (UTC where no offset is given), datetime64, Timestamp, datetime or cftime.
        times: at least one time, datetime64 or cftime.

    Raises:
        ForecastError: not a time, or none of that calendar.
    """
    civil = np.issubdtype(times.dtype, np.datetime64)
    calendar = "proleptic_gregorian" if civil else times[0].calendar
    try:
        if isinstance(value, cftime.datetime) and not civil and value.calendar == calendar:
            return value
        if civil:
            time = pd.Timestamp(value)
            return (time.tz_convert(None) if time.tzinfo else time).to_datetime64().astype("datetime64[ns]")
        fields = ISO.fullmatch(value if isinstance(value, str) else pd.Timestamp(value).isoformat())
        if fields is None:
            raise ValueError("not ISO 8601 in UTC")
        names = ("year", "month", "day", "hour", "minute", "second")
        return times[0].replace(**dict(zip(names, map(int, fields.groups("0")), strict=True)), microsecond=0)
    except (ValueError, TypeError) as error:
        remedy = "write it as 2009-01-31T06:00:00, a date that this calendar has"
        raise ForecastError(f"a time of the calendar {calendar}", f"{value!r} ({error})", remedy) from error
