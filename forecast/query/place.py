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

from forecast.errors import ForecastError
from forecast.query.names import NotFound, choose
from forecast.schema import LAT, LON, SERIES, is_periodic, kind

EDGE = 1e-6  # degrees: a point on the outermost edge of a cell is inside it in spite of rounding


@dataclass(frozen=True)
class Place:
    """A cell or a series: what selects it (dimension -> index), and what a person calls it."""

    index: Mapping[str, int]
    name: str


def point(data: xr.Dataset, lat: float, lon: float) -> Place:
    """Find the cell of a grid that holds a point.

    Args:
        data: a Dataset with lat and lon, ascending, in degrees.
        lat: latitude, degrees north.
        lon: longitude, degrees east, of either convention.

    Raises:
        ForecastError: the point lies farther than half a cell outside the grid; the valid range is given.
    """
    if kind(data) == "series":
        raise NotFound("the name of a series", f"a point ({lat}, {lon})", "ask for a series: this pipeline has no grid")
    lats, lons = data[LAT].values.astype(float), data[LON].values.astype(float)
    south, north, west, east = bounds(data)
    inside = math.isfinite(lat + lon) and south - EDGE <= lat <= north + EDGE
    if not inside or not (is_periodic(lons) or (lon - west + EDGE) % 360 <= east - west + 2 * EDGE):
        raise ForecastError(
            f"a point between {south:g} and {north:g} degrees north, {west:g} and {east:g} degrees east",
            f"latitude {lat:g}, longitude {lon:g}",
            "choose a point inside the domain (cells reach half a step beyond their centres)",
        )
    row = int(np.abs(lats - lat).argmin())
    column = int(np.abs((lons - lon + 180) % 360 - 180).argmin())
    return Place({LAT: row, LON: column}, coordinates(lats[row], lons[column]))


def bounds(data: xr.Dataset) -> tuple[float, float, float, float]:
    """Return (south, north, west, east) of the grid's outer cell edges, degrees; the poles bound the latitudes."""
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
        data: on a map.
        south: lowest latitude, degrees.
        north: highest latitude.
        west: longitude of the left edge, either convention.
        east: longitude of the right edge.

    Returns:
        Indexers (lat, lon), and the longitudes of the columns counted eastward from ``west``, ascending, in degrees.

    Raises:
        ForecastError: the box is empty or upside down, or holds no cell; the valid range is given.
    """
    lats, lons = data[LAT].values.astype(float), data[LON].values.astype(float)
    if not (math.isfinite(west) and math.isfinite(east) and south <= north):
        raise ForecastError("south <= north, and finite edges", f"{(south, north, west, east)}", "mend the box")
    width = 360.0 if east - west >= 360 else (east - west) % 360
    eastward = (lons - west + EDGE) % 360 - EDGE
    rows, columns = np.flatnonzero((lats >= south) & (lats <= north)), np.flatnonzero(eastward <= width + EDGE)
    if not len(rows) or not len(columns):
        low, high, left, right = bounds(data)
        raise ForecastError(
            f"a box that holds a cell's centre: {low:g} to {high:g} north, {left:g} to {right:g} east",
            f"south {south:g}, north {north:g}, west {west:g}, east {east:g}",
            "widen or move the box",
        )
    columns = columns[np.argsort(eastward[columns])]
    own = lons[columns] - 360 * (lons[columns[0]] >= 180)
    return {LAT: rows, LON: columns}, own + 360 * (own < own[0])


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
