"""What stands beside the values of a map or a series: the calendar of each step, fields that do not change, the grid.

Letters of shapes: T steps, L leads, F features of the calendar, P fields, H W the grid.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
import xarray as xr
from torch import Tensor

from forecast import schema
from forecast.errors import ForecastError
from forecast.scaling import Scaling
from forecast.schema import LAT, LON, TIME

DAY = pd.Timedelta("1D")
BUILT_IN = ("position", "spread")
# In distances between rows: a row as near to a pole as the first lies on it; one as near as the second has it as its
# edge (half a row on even rows, 0.77 on Gaussian ones).
ON_POLE, AT_POLE = 0.25, 0.8


def season(observed: xr.Dataset, leads: int, step: pd.Timedelta) -> Tensor:
    """Return the season as sine and cosine, for steps below a day the hour as well: (T + leads, 2 or 4).

    Args:
        observed: whose time axis it is; the ``leads`` steps after the last are added.
        leads: how many.
        step: of the axis.
    """
    times = observed[TIME].values
    ahead = [schema.shift_time(times[-1:], step * lead) for lead in range(1, leads + 1)]
    axis = xr.DataArray(np.concatenate([times, *ahead]), dims=TIME)
    turns = [schema.day_of_year(axis).values]
    if step < DAY:
        turns.append(((axis.dt.hour + axis.dt.minute / 60) / 24).values)
    waves = [wave(2 * np.pi * turn) for turn in turns for wave in (np.sin, np.cos)]
    return torch.from_numpy(np.stack(waves, axis=1).astype("float32"))


def counting(scaling: Scaling) -> np.ndarray:
    """Return where anything was ever observed in the training span, bool (*space): other cells are masked."""
    seen = [usual["coefficient"].isel(harmonic=0).notnull().values for usual in scaling.fitted.values()]
    return np.asarray(np.logical_or.reduce(seen))


def constants(
    observed: xr.Dataset, scaling: Scaling, targets: Sequence[str], names: Sequence[str], static: xr.Dataset | None
) -> Tensor | None:
    """Return what a network is told of each cell, (P, H, W); None where ``names`` are none.

    ``position`` is the sine of latitude and the column: a longitude that closes the circle as sine and cosine, else -1
    to 1. ``spread`` is the standard deviation of the anomalies of each target there, over that of all. The latter and
    the given fields are shifted and scaled to a mean of 0 and a standard deviation of 1 over the cells that count.

    Args:
        observed: maps.
        scaling: fitted on the training span.
        targets: variables whose spread is meant.
        names: built-in ones, or of ``static``.
        static: given fields, on the grid of ``observed``, in any unit; NaN stands for their mean.

    Raises:
        ForecastError: a name that is not there.
    """
    found, counts = list[np.ndarray](), counting(scaling)
    for name in names:
        if name == "position":
            found += _position(observed)
        elif name == "spread":
            found += [_standard(scaling.fitted[target]["variability"].values, counts) for target in targets]
        elif static is not None and name in static:
            found.append(_standard(static[name].transpose(*schema.space_dims(observed)).values, counts))
        else:
            given = ", ".join([*BUILT_IN, *(() if static is None else map(str, static.data_vars))])
            raise ForecastError(f"static fields among {given}", repr(name), "mend [task] static, or [source] static")
    return torch.from_numpy(np.stack(found).astype("float32")) if found else None


def _standard(field: np.ndarray, counts: np.ndarray) -> np.ndarray:
    values = np.where(counts, field.astype("float64"), np.nan)
    if not np.isfinite(values).any():
        return np.zeros(field.shape)
    return np.asarray(np.nan_to_num((values - np.nanmean(values)) / (np.nanstd(values) or 1.0)))


def _position(observed: xr.Dataset) -> list[np.ndarray]:
    lat, lon = np.deg2rad(observed[LAT].values), observed[LON].values
    rows = (
        [np.sin(np.deg2rad(lon)), np.cos(np.deg2rad(lon))]
        if schema.is_periodic(lon)
        else [np.linspace(-1, 1, lon.shape[-1])]
    )
    shape = (len(lat), lon.shape[-1])
    return [np.broadcast_to(one, shape) for one in (np.sin(lat).reshape(len(lat), -1), *rows)]


def poles(observed: xr.Dataset) -> tuple[int | None, int | None]:
    """Say what lies beyond the first and the last row of a map: 0 or 1 where a pole is, else None (``Shape.poles``).

    A pole is seen across where longitudes close the circle in an even number of columns, so that each has one opposite.

    >>> lat, lon = np.arange(-75.0, 76.0, 30), np.arange(-180.0, 180.0, 30)
    >>> poles(xr.Dataset(coords={"lat": lat, "lon": lon})), poles(xr.Dataset(coords={"lat": lat + 15, "lon": lon}))
    ((0, 0), (None, 1))
    """
    lat, lon = observed[LAT].values, observed[LON].values
    if not schema.is_periodic(lon) or len(lon) % 2 or len(lat) < 2:
        return None, None
    first = (90 + lat[0]) / (lat[1] - lat[0])
    last = (90 - lat[-1]) / (lat[-1] - lat[-2])
    return _across(first), _across(last)


def _across(distance: float) -> int | None:
    if distance < ON_POLE:
        return 1
    return 0 if distance < AT_POLE else None
