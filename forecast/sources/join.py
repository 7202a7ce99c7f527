"""Canonical parts become one whole: joined in time, variables side by side, in one unit, on one even axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from forecast.errors import ForecastError
from forecast.schema import TIME, time_step
from forecast.sources.axis import even, settle_duplicates
from forecast.sources.grid import check_same_grid
from forecast.units import convert


def join(parts: Sequence[xr.Dataset], origin: str, stamps: Sequence[pd.Index] = ()) -> xr.Dataset:
    """Join canonical maps in time, and variables side by side, on an even axis.

    Args:
        parts: Datasets from ``canonical_map``, at least one, of the same grid and calendar, in any order; values in
            another unit than the first part's of their variable are converted to it.
        origin: where they came from, for messages.
        stamps: all times of the files the parts were cut from: the step of the axis is the commonest difference
            between them, whatever span is read; without them, between the times of the parts.

    Returns:
        Dataset (time, *space), times strictly ascending and even, NaN where nothing was observed, with the attributes
        of the first part.

    Raises:
        ForecastError: grids or calendars differ; a unit does not convert; two values for one time; an uneven axis.
    """
    check_alike(parts)
    first = parts[0]
    parts = [part.assign_coords({name: first[name] for name in part.coords if name != TIME}) for part in parts]
    joined = []
    for name in dict.fromkeys(str(name) for part in parts for name in part.data_vars):
        arrays = _in_one_unit([part[name].assign_attrs(of=_origin(part)) for part in parts if name in part.data_vars])
        arrays = [array for array in arrays if array.sizes[TIME]] or arrays[:1]
        whole = xr.concat(arrays, dim=TIME, join="exact", combine_attrs="override").sortby(TIME)
        joined.append(settle_duplicates(whole.to_dataset(name=name), origin))
    return even(xr.merge(joined, join="outer", compat="equals").assign_attrs(first.attrs), origin, _step(stamps))


def check_alike(parts: Sequence[xr.Dataset]) -> None:
    """Refuse maps that cannot be joined, whatever their values.

    Args:
        parts: Datasets from ``canonical_map``, at least one.

    Raises:
        ForecastError: grids or calendars differ, or a unit does not convert.
    """
    for part in parts:
        check_same_grid(parts[0], part)
    _same_calendar(parts)
    for name in dict.fromkeys(str(name) for part in parts for name in part.data_vars):
        first = next(part[name] for part in parts if name in part)
        for part in (part for part in parts if name in part):
            what = f"{name} in {_origin(part)}"
            convert(np.zeros(0, "float32"), part[name].attrs["units"], first.attrs["units"], what)


def _in_one_unit(arrays: Sequence[xr.DataArray]) -> list[xr.DataArray]:
    wanted = arrays[0].attrs["units"]
    result = []
    for array in arrays:
        attrs = {key: value for key, value in array.attrs.items() if key != "of"}
        values = convert(array.values, attrs["units"], wanted, f"{array.name} in {array.attrs['of']}")
        result.append(array.copy(data=values).drop_attrs(deep=False).assign_attrs({**attrs, "units": wanted}))
    return result


def _same_calendar(parts: Sequence[xr.Dataset]) -> None:
    kinds = [_calendar(part) for part in parts]
    for part, kind in zip(parts, kinds, strict=True):
        if kind != kinds[0]:
            raise ForecastError(
                "the same calendar in every file",
                f"{kinds[0]} in {_origin(parts[0])}, {kind} in {_origin(part)}",
                "use one source for each",
            )


def _calendar(data: xr.Dataset) -> str:
    return str(getattr(data[TIME].to_index(), "calendar", "standard"))


def _origin(data: xr.Dataset) -> str:
    return str(data.attrs.get("origin", "the data"))


def _step(stamps: Sequence[pd.Index]) -> pd.Timedelta | None:
    """Return the commonest difference between neighbours of all times together; None where there are none."""
    if not stamps:
        return None
    times = np.unique(np.concatenate([index.round("s").values for index in stamps]))
    return time_step(xr.Dataset(coords={TIME: times})) if len(times) > 1 else None
