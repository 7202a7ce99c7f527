"""Which cells lie in a region: a box of latitudes and longitudes that may cross the antimeridian."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from forecast import schema
from forecast.errors import ForecastError
from forecast.schema import LAT, LON

ALL = "all"
Box = Sequence[float]
"""(south, north, west, east), degrees, borders included."""


def cells_of(data: xr.DataArray | xr.Dataset, regions: Mapping[str, Box]) -> dict[str, np.ndarray]:
    """Return which cells (of space, row by row) lie in each region; the whole domain comes first.

    Args:
        data: with the dimensions of space and coordinates lat and lon (1-D, 2-D, or of each series).
        regions: name -> box.

    Raises:
        ForecastError: a region without a cell, or series of unknown places.
    """
    space = schema.space_dims(data)
    whole = {ALL: np.ones(int(np.prod([data.sizes[dim] for dim in space])), dtype=bool)}
    if not regions:
        return whole
    if LAT not in data.coords or LON not in data.coords:
        remedy = "leave out [verification] regions"
        raise ForecastError("coordinates lat and lon for regions", "series of unknown places", remedy)
    shape = tuple(data.sizes[dim] for dim in space)
    lat, lon = (_spread(data[name], space, shape) for name in (LAT, LON))
    for name, (south, north, west, east) in regions.items():
        width = 360.0 if east - west >= 360 else (east - west) % 360
        inside = (lat >= south) & (lat <= north) & ((lon - west) % 360 <= width)
        if not inside.any():
            domain = f"{lat.min():g} to {lat.max():g} N, {lon.min():g} to {lon.max():g} E"
            got = f"none in {list(regions[name])}; the domain is {domain}"
            remedy = "mend [verification] regions: [south, north, west, east]"
            raise ForecastError(f"a cell in region {name!r}", got, remedy)
        whole[name] = inside
    return whole


def _spread(coordinate: xr.DataArray, space: tuple[str, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Return a coordinate of every cell, row by row."""
    values = coordinate.values
    if values.shape != shape:
        values = np.broadcast_to(values[:, None] if coordinate.dims == space[:1] else values, shape)
    return values.astype("float64").ravel()
