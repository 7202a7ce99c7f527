"""Where the cells of a gridded file are: regular (lat, lon), or regular in a projection only, (y, x).

Regular grids: latitudes ascend; longitudes ascend from [-180, 180) and pass 180 only where the domain crosses the
antimeridian; a domain is cut where its widest gap in longitude is. Grids with 2-D coordinates are kept as their file
has them: y and x with their values (0, 1, ... where there are none) in the order of the file, lat(y, x) and lon(y, x)
in [-180, 180). Degrees are rounded to 1e-6 (0.1 m).
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from forecast.errors import ForecastError
from forecast.schema import LAT, LON, TIME, X, Y
from forecast.units import convert

# In order of preference: GRIB readers give `time` (the analysis or start of a run) beside `valid_time`.
NAMES = {
    TIME: ("valid_time", "time", "xtime"),
    LAT: ("lat", "latitude", "nav_lat", "xlat"),
    LON: ("lon", "longitude", "nav_lon", "xlong"),
}
STANDARD = {TIME: "time", LAT: "latitude", LON: "longitude"}
SAME = 1e-3  # grids agree within this part of their spacing: what float32 files lose, and far less than a cell
Region = tuple[float, float, float, float]


@dataclass(frozen=True)
class Grid:
    """The cells of a file that are wanted.

    Attributes:
        dims: dimension in the file -> "lat", "lon", "y" or "x".
        cells: canonical dimension -> positions in the file, in canonical order.
        coords: canonical coordinate -> (dimensions, values, attributes).
        mapping: CF's attributes of the projection as JSON, "" where the file has none.
        origin: the file, for messages.
    """

    dims: Mapping[Hashable, str]
    cells: Mapping[str, np.ndarray]
    coords: Mapping[str, tuple[Any, np.ndarray, dict[str, Any]]]
    mapping: str
    origin: str

    def place(self, data: xr.Dataset) -> xr.Dataset:
        """Return data on these dimensions with the coordinates of this grid."""
        return data.assign_coords(self.coords)


def check_same_grid(one: xr.Dataset, other: xr.Dataset) -> None:
    """Refuse data on another grid, both told with their attribute ``origin``.

    Args:
        one: canonical data.
        other: what should lie on the same cells, within a thousandth of their spacing.

    Raises:
        ForecastError: other dimensions, sizes or places.
    """
    if not all(
        name in one.coords and name in other.coords and _alike(name, one, other) for name in _places(one, other)
    ):
        raise ForecastError(
            "the same grid in every file",
            f"{_told(one)}, and {_told(other)}",
            "use one source for each grid, or cut both to one region",
        )


def _places(*data: xr.Dataset) -> list[str]:
    return [name for name in (LAT, LON, Y, X) if any(name in one.coords for one in data)]


def _alike(name: str, one: xr.Dataset, other: xr.Dataset) -> bool:
    values, others = one[name].values, other[name].values
    if values.shape != others.shape:
        return False
    apart = values - others if name != LON else (values - others + 180) % 360 - 180
    axes = [axis for axis in range(values.ndim) if values.shape[axis] > 1]
    spacing = max((float(np.median(np.abs(np.diff(values, axis=axis)))) for axis in axes), default=1.0)
    return bool((np.abs(apart) <= SAME * spacing).all())


def _told(data: xr.Dataset) -> str:
    sizes = " x ".join(f"{data.sizes[dim]} {dim}" for dim in (LAT, LON, Y, X) if dim in data.sizes)
    spans = [f"{name} {float(data[name].min()):g} to {float(data[name].max()):g}" for name in _places(data)]
    return f"{sizes}, {', '.join(spans)} in {data.attrs.get('origin', 'the data')}"


def grid_of(data: xr.Dataset, region: Region | None, origin: str) -> Grid:
    """Find the cells of a file.

    Args:
        data: a decoded Dataset.
        region: (south, north, west, east) in degrees: cells whose centre lies inside; west > east crosses 180. Of a
            projected grid, the smallest rectangle of rows and columns that holds all of them.
        origin: where the data came from, for messages.

    Raises:
        ForecastError: no latitudes or longitudes, ones that are not of a grid or not on the earth, or none in region.
    """
    lat, lon = (_degrees(data, axis, origin) for axis in (LAT, LON))
    if lat.ndim == lon.ndim == 1 and lat.dims != lon.dims:
        return _regular(lat, lon, region, origin)
    if lat.ndim == lon.ndim == 2 and set(lat.dims) == set(lon.dims):
        return _projected(data, lat, lon, region, origin)
    raise ForecastError(
        "a grid: one latitude a row and one longitude a column, or both in two dimensions",
        f"{lat.name} {lat.dims} and {lon.name} {lon.dims} in {origin}",
        "regrid it first, for example with `cdo remapbil,r360x180`, or write a table of series",
    )


def coordinate(data: xr.Dataset, axis: str, origin: str) -> str:
    """Return the name of a file's coordinate: by its standard name, else by its name.

    Args:
        data: a decoded Dataset.
        axis: "time", "lat" or "lon".
        origin: where the data came from, for messages.

    Raises:
        ForecastError: there is none.
    """
    named = sorted(
        (name for name in data.variables if str(name).lower() in NAMES[axis]),
        key=lambda name: NAMES[axis].index(str(name).lower()),
    )
    standard = [name for name in data.variables if data[name].attrs.get("standard_name") == STANDARD[axis]]
    found = list(dict.fromkeys([*standard, *named]))
    if axis != TIME:
        found.sort(key=lambda name: data[name].ndim != 1)  # where both are there, rows and columns come first
    if not found:
        raise ForecastError(
            f"a coordinate of {STANDARD[axis]} (named {', '.join(NAMES[axis])})",
            f"{sorted(map(str, data.coords))} in {origin}",
            f"name the coordinate {axis}, or give it the standard_name {STANDARD[axis]}",
        )
    return str(found[0])


def _degrees(data: xr.Dataset, axis: str, origin: str) -> xr.DataArray:
    """Return latitudes or longitudes in degrees, float64; a third dimension, over which they stay, is dropped."""
    array = data[coordinate(data, axis, origin)]
    what = f"{array.name} in {origin}"
    if array.dtype.kind not in "fiu":
        raise ForecastError(f"{STANDARD[axis]}s as numbers", f"{array.dtype} {what}", "mend the coordinate")
    if array.ndim == 3:  # WRF repeats them at every step
        first = array.isel({array.dims[0]: 0})
        if not bool((array == first).all()):
            raise ForecastError("cells that stay where they are", f"{what} moves", "regrid it to one grid first")
        array = first
    values = np.asarray(array.values, dtype="float64")
    unit = str(array.attrs.get("units", "degrees"))
    if not unit.lower().startswith("deg"):
        values = convert(values, unit, "degrees", what)
    values = np.round(values, 6)
    if axis == LAT and (np.abs(values) > 90).any():
        got = f"{np.nanmin(values):g} to {np.nanmax(values):g}, {what}"
        raise ForecastError("latitudes in [-90, 90]", got, "mend the latitudes, or what names them")
    if array.ndim == 1 and (not len(values) or not np.isfinite(values).all()):
        missing = f"{int((~np.isfinite(values)).sum())} of {len(values)} missing, {what}"
        raise ForecastError(f"a {STANDARD[axis]} for each cell", missing, "mend the coordinate")
    return array.copy(data=values)


def _regular(lat: xr.DataArray, lon: xr.DataArray, region: Region | None, origin: str) -> Grid:
    for array in (lat, lon):
        values, counts = np.unique(array.values, return_counts=True)
        if (counts > 1).any():
            got = f"{values[counts > 1][0]:g} {counts.max()} times in {array.name} of {origin}"
            raise ForecastError(f"each {array.name} once", got, "remove the rows or columns that are there twice")
    rows, lats = _latitudes(lat.values, region, origin)
    columns, lons = _longitudes(lon.values, region, origin)
    coords: dict[str, Any] = {LAT: (LAT, lats, {}), LON: (LON, lons, {})}
    return Grid({lat.dims[0]: LAT, lon.dims[0]: LON}, {LAT: rows, LON: columns}, coords, "", origin)


def _latitudes(lat: np.ndarray, region: Region | None, origin: str) -> tuple[np.ndarray, np.ndarray]:
    south, north = region[:2] if region else (-np.inf, np.inf)
    order = np.argsort(lat)
    order = order[(lat[order] >= south) & (lat[order] <= north)]
    if not len(order):
        raise _outside(origin, "latitudes", lat, region)
    return order, lat[order]


def _longitudes(lon: np.ndarray, region: Region | None, origin: str) -> tuple[np.ndarray, np.ndarray]:
    west, width = (region[2], _width(region)) if region else (_western_edge(lon), 360.0)
    offset = np.round((lon - west) % 360, 6) % 360
    _, order = np.unique(offset, return_index=True)  # a meridian written twice (0 and 360) is kept once
    order = order[offset[order] <= width]
    if not len(order):
        raise _outside(origin, "longitudes", lon, region)
    eastward = np.round(west + offset[order], 6)
    return order, eastward - 360 * np.floor((eastward[0] + 180) / 360)


def _width(region: Region) -> float:
    return (region[3] - region[2]) % 360 or 360.0


def _western_edge(lon: np.ndarray) -> float:
    """Return the longitude after the widest gap of the circle; for a closed circle the lowest in [-180, 180)."""
    circle = np.unique(np.round((lon + 180) % 360 - 180, 6))
    gaps = np.diff(circle, append=circle[0] + 360)
    cut = int(np.argmax(gaps))
    return float(circle[0] if gaps[cut] <= gaps[-1] + 1e-5 else circle[cut + 1])


def _projected(data: xr.Dataset, lat: xr.DataArray, lon: xr.DataArray, region: Region | None, origin: str) -> Grid:
    across, along = lat.dims if not _is_x(data, lat.dims[0]) else lat.dims[::-1]
    lats = lat.transpose(across, along).values
    lons = np.round((lon.transpose(across, along).values + 180) % 360 - 180, 6)
    lons = np.where(lons >= 180, lons - 360, lons)  # where rounding made it 180
    cells = {Y: np.arange(lats.shape[0]), X: np.arange(lats.shape[1])}
    if region:
        inside = (lats >= region[0]) & (lats <= region[1]) & ((lons - region[2]) % 360 <= _width(region))
        if not inside.any():
            raise _outside(origin, "cells", lats, region, lons)
        cells = {Y: _hull(inside, 0), X: _hull(inside, 1)}
    cut = np.ix_(cells[Y], cells[X])
    missing = ~np.isfinite(lats[cut] + lons[cut])
    if missing.any():
        raise ForecastError(
            "a latitude and a longitude for each cell",
            f"{int(missing.sum())} of {missing.size} cells without, in {origin}",
            "set source.region to a part that has them all, or fill the coordinates",
        )
    coords: dict[str, Any] = {name: (name, *_steps(data, dim, cells[name])) for name, dim in ((Y, across), (X, along))}
    coords |= {LAT: ((Y, X), lats[cut], {}), LON: ((Y, X), lons[cut], {})}
    return Grid({across: Y, along: X}, cells, coords, _mapping(data), origin)


def _is_x(data: xr.Dataset, dim: Hashable) -> bool:
    attrs = data[dim].attrs if dim in data.coords else {}
    if "axis" in attrs:
        return bool(attrs["axis"] == "X")
    names = ("projection_x_coordinate", "grid_longitude")
    return attrs.get("standard_name") in names or str(dim).lower() in ("x", "rlon", "xc", "i", "west_east", "easting")


def _hull(inside: np.ndarray, axis: int) -> np.ndarray:
    """Return the positions along an axis of a plane from the first to the last that is inside."""
    chosen = np.unique(np.nonzero(inside)[axis])
    first, last = chosen[0], chosen[-1]
    return np.arange(first, last + 1)


def _steps(data: xr.Dataset, dim: Hashable, cells: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the values of a projected axis with their attributes; positions in the file where it has none."""
    if dim in data.coords and data[dim].dtype.kind in "fiu":
        values = np.asarray(data[dim].values, dtype="float64")
        steps = np.diff(values)
        if (steps > 0).all() or (steps < 0).all():
            kept = {key: data[dim].attrs[key] for key in ("units", "standard_name") if key in data[dim].attrs}
            return values[cells], kept
    return cells.astype("float64"), {}


def _mapping(data: xr.Dataset) -> str:
    """Return the attributes of the file's projection (CF-1.11, section 5.6) as JSON."""
    names = [array.attrs.get("grid_mapping", array.encoding.get("grid_mapping")) for array in data.data_vars.values()]
    name = next((name for name in names if name in data.variables), None)
    if name is None:
        return ""
    return json.dumps({key: np.asarray(value).tolist() for key, value in data[name].attrs.items()}, sort_keys=True)


def _outside(
    origin: str, what: str, values: np.ndarray, region: Region | None, lons: np.ndarray | None = None
) -> ForecastError:
    beside = "" if lons is None else f", longitudes from {np.nanmin(lons)} to {np.nanmax(lons)}"
    return ForecastError(
        f"{what} inside region = [south, north, west, east] = {list(region or ())}",
        f"{'latitudes' if lons is not None else what} from {np.nanmin(values)} to {np.nanmax(values)}{beside} "
        f"in {origin}",
        "choose a region that overlaps the data",
    )
