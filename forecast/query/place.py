"""Where: a point on the grid, a box of cells, a named series. Wrong places are refused, never answered from afar.

Longitudes of both conventions (-180 to 180, 0 to 360) mean the same place; the answer is in the grid's own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from forecast import sphere
from forecast.errors import ForecastError
from forecast.query.names import NotFound, choose
from forecast.schema import LAT, LON, SERIES, X, Y, is_periodic, kind

EDGE = 1e-6  # degrees: a point on the outermost edge of a cell is inside it in spite of rounding


@dataclass(frozen=True)
class Place:
    """A cell or a series: what selects it (dimension -> index), and what a person calls it."""

    index: Mapping[str, int]
    name: str


def point(data: xr.Dataset, lat: float, lon: float) -> Place:
    """Find the cell of a grid that holds a point.

    Args:
        data: a Dataset on a map; on a projected grid the cell is that of the nearest centre.
        lat: latitude, degrees north.
        lon: longitude, degrees east, of either convention.

    Raises:
        ForecastError: the point lies farther than half a cell outside the grid; the valid range is given.
    """
    if kind(data) == "series":
        raise NotFound("the name of a series", f"a point ({lat}, {lon})", "ask for a series: this pipeline has no grid")
    lats, lons = data[LAT].values.astype(float), data[LON].values.astype(float)
    if not (math.isfinite(lat + lon) and -90 <= lat <= 90):
        raise _outside(data, lat, lon)
    if Y in data.dims:
        there = sphere.position(lats, lons, lat, lon)
        if any(not -0.5 - EDGE <= at <= size - 0.5 + EDGE for at, size in zip(there, lats.shape, strict=True)):
            raise _outside(data, lat, lon)
        nearest = int(sphere.distance(lats, lons, lat, lon).argmin())
        row, column = divmod(nearest, lats.shape[1])
        return Place({Y: row, X: column}, coordinates(lats[row, column], lons[row, column]))
    south, north, west, east = bounds(data)
    inside = south - EDGE <= lat <= north + EDGE
    if not inside or not (is_periodic(lons) or (lon - west + EDGE) % 360 <= east - west + 2 * EDGE):
        raise _outside(data, lat, lon)
    row = int(np.abs(lats - lat).argmin())
    column = int(np.abs((lons - lon + 180) % 360 - 180).argmin())
    return Place({LAT: row, LON: column}, coordinates(lats[row], lons[column]))


def _outside(data: xr.Dataset, lat: float, lon: float) -> ForecastError:
    south, north, west, east = bounds(data)
    return ForecastError(
        f"a point between {south:g} and {north:g} degrees north, {west:g} and {east:g} degrees east"
        + (", on the projected grid within" if Y in data.dims else ""),
        f"latitude {lat:g}, longitude {lon:g}",
        "choose a point inside the domain (cells reach half a step beyond their centres)",
    )


def bounds(data: xr.Dataset) -> tuple[float, float, float, float]:
    """Return (south, north, west, east) of the grid's outer cell edges, degrees; the poles bound the latitudes."""
    if Y in data.dims:
        return sphere.box(data[LAT].values, data[LON].values)
    (south, north), (west, east) = _edges(data[LAT].values), _edges(data[LON].values)
    return max(south, -90.0), min(north, 90.0), west, east


def _edges(centres: np.ndarray) -> tuple[float, float]:
    centres = centres.astype(float)
    if len(centres) == 1:  # one cell tells no size: a degree is taken
        return centres[0] - 0.5, centres[0] + 0.5
    return (
        centres[0] - (centres[1] - centres[0]) / 2,
        centres[-1] + (centres[-1] - centres[-2]) / 2,
    )


def box(data: xr.Dataset, south: float, north: float, west: float, east: float) -> tuple[dict[str, Any], np.ndarray]:
    """Find the cells whose centres lie in a box; ``west`` may exceed ``east`` across the seam of the circle.

    Args:
        data: on a regular grid.
        south: lowest latitude, degrees.
        north: highest latitude.
        west: longitude of the left edge, either convention.
        east: longitude of the right edge.

    Returns:
        Indexers (lat, lon), and the longitudes of the columns counted eastward from ``west``, ascending, in degrees.

    Raises:
        ForecastError: the box is empty or upside down, or holds no cell; the valid range is given.
    """
    lons = data[LON].values.astype(float)
    in_rows, eastward, width = _within(data, south, north, west, east)
    rows, columns = np.flatnonzero(in_rows), np.flatnonzero(eastward <= width)
    if not len(rows) or not len(columns):
        raise _empty(data, south, north, west, east)
    columns = columns[np.argsort(eastward[columns])]
    own = lons[columns] - 360 * (lons[columns[0]] >= 180)
    return {LAT: rows, LON: columns}, own + 360 * (own < own[0])


def window(data: xr.Dataset, south: float, north: float, west: float, east: float) -> tuple[dict[str, Any], Any]:
    """Find the cells of a projected grid whose centres lie in a box of latitudes and longitudes.

    Args:
        data: on a projected grid.
        south: lowest latitude, degrees.
        north: highest latitude.
        west: longitude of the left edge, either convention; it may exceed ``east`` across the seam of the circle.
        east: longitude of the right edge.

    Returns:
        Indexers (y, x) of the smallest window that holds them, and which of its cells are meant, a DataArray (y, x).

    Raises:
        ForecastError: the box is empty or upside down, or holds no cell; the valid range is given.
    """
    in_rows, eastward, width = _within(data, south, north, west, east)
    meant = data[LAT].copy(data=in_rows & (eastward <= width))
    if not meant.any():
        raise _empty(data, south, north, west, east)
    rows, columns = (np.flatnonzero(meant.any(other)) for other in (X, Y))
    index = {Y: slice(rows[0], rows[-1] + 1), X: slice(columns[0], columns[-1] + 1)}
    return index, meant.isel(index)


def _within(
    data: xr.Dataset, south: float, north: float, west: float, east: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return which latitudes lie between, the longitudes counted eastward from ``west``, and how far they may go."""
    if not (math.isfinite(west) and math.isfinite(east) and south <= north):
        raise ForecastError("south <= north, and finite edges", f"{(south, north, west, east)}", "mend the box")
    lats, lons = data[LAT].values.astype(float), data[LON].values.astype(float)
    width = 360.0 if east - west >= 360 else (east - west) % 360
    return (lats >= south) & (lats <= north), (lons - west + EDGE) % 360 - EDGE, width + EDGE


def _empty(data: xr.Dataset, south: float, north: float, west: float, east: float) -> ForecastError:
    low, high, left, right = bounds(data)
    return ForecastError(
        f"a box that holds a cell's centre: {low:g} to {high:g} north, {left:g} to {right:g} east",
        f"south {south:g}, north {north:g}, west {west:g}, east {east:g}",
        "widen or move the box",
    )


def named(data: xr.Dataset, name: str) -> Place:
    """Find a series by its name.

    Raises:
        NotFound: no such series; the known ones are listed and the nearest suggested.
    """
    if kind(data) == "map":
        raise NotFound(
            "a point (latitude, longitude)", f"the series {name!r}", "ask for a point: this pipeline is a map"
        )
    known = [str(value) for value in data[SERIES].values]
    return Place({SERIES: known.index(choose("series", known, name))}, name)


def coordinates(lat: float, lon: float) -> str:
    """Write a position for people, such as 60.00°N 5.00°E."""
    lon = (lon + 180) % 360 - 180
    return f"{abs(lat):.2f}°{'N' if lat >= 0 else 'S'} {abs(lon):.2f}°{'E' if lon >= 0 else 'W'}"
