"""The time axis of observations, in any calendar: cut to a span, duplicates settled, gaps made explicit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast.errors import ForecastError
from forecast.schema import TIME, time_step

SNAP = "s"  # stamps are rounded to the second: float-encoded times are off by microseconds
SPARSE = 10  # a gap this many times longer than all that was observed is a mistyped date


def positions(index: pd.Index, start: Any = None, end: Any = None) -> np.ndarray:
    """Return the positions of times in [start, end], in ascending order of time.

    Args:
        index: a DatetimeIndex or CFTimeIndex, in any order, duplicates allowed.
        start: first time, a string, date, datetime, numpy or cftime time; None for no bound.
        end: last time; a bare date means its whole day.

    Raises:
        ForecastError: a bound that is no time in this calendar.
    """
    order = np.argsort(np.asarray(index), kind="stable")
    if len(index) == 0:
        return order
    try:
        return order[index[order].slice_indexer(_bound(start, index), _bound(end, index))]
    except (ValueError, TypeError, KeyError) as error:
        calendar = getattr(index, "calendar", "standard")
        raise ForecastError(
            f"start and end as times of the {calendar} calendar", f"{start!r} and {end!r}", "write them as 2001-01-31"
        ) from error


def _bound(value: Any, index: pd.Index) -> Any:
    if value is None or (isinstance(value, str) and not value.endswith("Z")):
        return value
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if not isinstance(index, pd.DatetimeIndex):
        return value if hasattr(value, "calendar") else pd.Timestamp(value).strftime("%Y-%m-%dT%H:%M:%S")
    stamp = pd.Timestamp(value.isoformat() if hasattr(value, "calendar") else value)
    return stamp.tz_convert(None) if stamp.tzinfo else stamp


def clip(data: xr.Dataset, start: Any = None, end: Any = None) -> xr.Dataset:
    """Return the steps of ``data`` in [start, end], both included, ascending; possibly none."""
    return data.isel({TIME: positions(data[TIME].to_index(), start, end)})


def settle_duplicates(data: xr.Dataset, origin: str) -> xr.Dataset:
    """Keep one row of each time: rows that agree are merged, a missing value gives way to one that is there.

    Args:
        data: variables (time, ...), times ascending with duplicates.
        origin: where the data came from, for the message.

    Raises:
        ForecastError: two rows of the same time hold different values.
    """
    index = data[TIME].to_index()
    if index.is_unique:
        return data
    codes, _ = pd.factorize(index)
    first = np.flatnonzero(~index.duplicated())
    merged = data.isel({TIME: first}).copy(deep=True)
    for row in np.flatnonzero(index.duplicated()):
        for name, array in data.data_vars.items():
            new, kept = array.values[row], merged[name].values[codes[row]]
            if ((new != kept) & np.isfinite(new) & np.isfinite(kept)).any():
                raise ForecastError(
                    "one value for each time",
                    f"two different values of {name} at {index[row]} in {origin}",
                    "remove the file or the rows that are wrong",
                )
            merged[name].values[codes[row]] = np.where(np.isfinite(kept), kept, new)
    return merged


def even(data: xr.Dataset, origin: str, step: pd.Timedelta | None = None) -> xr.Dataset:
    """Return ``data`` on an even time axis, NaN where a step is missing, whole summers where only winters are there.

    Args:
        data: variables (time, ...), times strictly ascending.
        origin: where the data came from, for the message.
        step: of the axis; None for the commonest difference between neighbours.

    Raises:
        ForecastError: times between the steps of the axis, or an axis almost without observations.
    """
    if data.sizes[TIME] < 2:
        return data
    index = data[TIME].to_index().round(SNAP)
    step = step or time_step(data.assign_coords({TIME: index}))
    offsets = np.asarray(pd.to_timedelta(np.asarray(index - index[0])) / step, dtype="float64")
    whole = whole_steps(offsets, lambda at: str(index[at]), origin, str(step))
    axis = _axis(index, step, int(whole[-1]) + 1)
    return data.assign_coords({TIME: axis[whole]}).reindex({TIME: axis})


def whole_steps(offsets: np.ndarray, label: Callable[[int], str], origin: str, step: str = "whole steps") -> np.ndarray:
    """Return offsets from the first time as whole numbers of steps, same shape.

    Args:
        offsets: in steps, ascending, the first 0.
        label: the time at a position, as a person reads it.
        origin: where the data came from, for messages.
        step: what a step is, for messages.

    Raises:
        ForecastError: an offset between two steps, or a gap far longer than all that was observed.
    """
    whole = np.rint(offsets).astype("int64")
    off = offsets != whole
    if off.any():
        raise ForecastError(
            f"times {step} apart (the commonest step), or whole multiples of it",
            f"{label(int(np.argmax(off)))} in {origin}",
            "resample the data to an even axis; of a table, state source.frequency: stamps are then brought to it",
        )
    gap = int(np.diff(whole).max(initial=1)) - 1
    if gap > SPARSE * len(whole):
        at = int(np.argmax(np.diff(whole)))
        raise ForecastError(
            f"no gap longer than {SPARSE} times the {len(whole)} steps observed",
            f"one of {gap} steps, from {label(at)} to {label(at + 1)} in {origin}",
            "look for a mistyped date, or fetch a shorter span",
        )
    return whole


def _axis(index: pd.Index, step: pd.Timedelta, count: int) -> pd.Index:
    if isinstance(index, pd.DatetimeIndex):
        return pd.DatetimeIndex(index.values[0] + np.arange(count) * step.to_timedelta64())
    return xr.CFTimeIndex([index[0] + i * step.to_pytimedelta() for i in range(count)])
