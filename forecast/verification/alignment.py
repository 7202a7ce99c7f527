"""Forecasts meet observations: the truth at each valid time, the valid times that count, the cells that all share."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import reduce
from operator import and_, or_
from typing import Any, TypeVar

import numpy as np
import xarray as xr

from forecast.errors import ForecastError
from forecast.schema import LEAD, REFERENCE, TIME, valid_times

Name = TypeVar("Name", bound=Hashable)


def align(forecast: xr.DataArray, observed: xr.DataArray) -> xr.DataArray:
    """Return the observations at the forecast's valid times.

    Args:
        forecast: (forecast_reference_time, lead, ...), any calendar.
        observed: (time, *space), the same calendar; times need be neither even nor complete.

    Returns:
        (forecast_reference_time, lead, *space), NaN where nothing was observed, the dtype of ``observed``.

    Raises:
        ForecastError: the calendars differ.
    """
    ours, theirs = forecast[REFERENCE].dt.calendar, observed[TIME].dt.calendar
    if ours != theirs:
        expected = f"forecasts and observations in one calendar ({theirs}, as observed)"
        raise ForecastError(expected, ours, "forecast from observations of that calendar")
    wanted, index = _valid(forecast)
    rows = observed.reindex({TIME: wanted}) if not np.array_equal(wanted, observed[TIME].values) else observed
    return rows.isel({TIME: index}).drop_vars(TIME)


def within(forecast: xr.DataArray, *spans: tuple[Any, Any]) -> xr.DataArray:
    """Keep the forecasts for valid times in some spans: the same valid times for all leads.

    Args:
        forecast: (forecast_reference_time, lead, ...); references should reach back from a span's first time by the
            longest lead.
        spans: of each, first and last valid time, both included: times of the forecast's calendar, or dates as text
            ("2008-12-31" as the last time includes that whole day).

    Returns:
        The forecast with NaN outside the spans, references without any valid time in one of them left out.
    """
    times, place = _valid(forecast)
    index = xr.DataArray(times, dims=TIME, coords={TIME: times}).get_index(TIME)
    parts = [index.slice_indexer(*span) for span in spans]
    inside = reduce(or_, ((place >= part.start) & (place < part.stop) for part in parts))
    rows = inside.any(LEAD).values
    kept = forecast if rows.all() else forecast.isel({REFERENCE: rows})
    return kept if inside.values[rows].all() else kept.where(inside.isel({REFERENCE: rows}))


def common(forecasts: Mapping[Name, xr.DataArray]) -> dict[Name, xr.DataArray]:
    """Give all forecasters the same references, leads and cells: what one has not forecast, none is scored on.

    Args:
        forecasts: name -> (forecast_reference_time, lead, [member | quantile], *space). A cell counts as forecast when
            all its members or quantiles are. Aligned observations may be among them.

    Returns:
        The same names with one mask: NaN wherever any of them is NaN. Nothing is copied when nothing is missing.

    Raises:
        ForecastError: no reference time or no lead is shared.
    """
    names = list(forecasts)
    arrays = xr.align(*forecasts.values(), join="inner", copy=False)
    if not all(array.sizes[dim] for array in arrays for dim in (REFERENCE, LEAD)):
        got = f"none shared among {', '.join(map(str, names))}"
        raise ForecastError("reference times and leads that all forecasters share", got, "forecast from the same times")
    shared = set.intersection(*(set(array.dims) for array in arrays))
    mask = reduce(and_, (array.notnull().all([dim for dim in array.dims if dim not in shared]) for array in arrays))
    if mask.all():
        return dict(zip(names, arrays, strict=True))
    return {name: array.where(mask).transpose(*array.dims) for name, array in zip(names, arrays, strict=True)}


def _valid(forecast: xr.DataArray) -> tuple[np.ndarray, xr.DataArray]:
    """Return the distinct valid times, ascending, and the place of each in them (forecast_reference_time, lead)."""
    values = valid_times(forecast[REFERENCE].values, forecast[LEAD].values)
    times, place = np.unique(values, return_inverse=True)
    coords = {dim: forecast[dim] for dim in (REFERENCE, LEAD)}
    return times, xr.DataArray(place.reshape(values.shape), coords=coords, dims=(REFERENCE, LEAD))
