"""Canonical maps: whatever a file calls its axes, out come (time, lat, lon), float32, one order and one convention.

Latitudes ascend; longitudes ascend from [-180, 180) and pass 180 only where the domain crosses the antimeridian; a
domain is cut where its widest gap in longitude is. Coordinates are rounded to 1e-6 degrees (0.1 m), so that float32
and float64 files of one grid agree. Times label the start of their interval: where a file has CF time bounds, the
lower bound replaces the stamp. The calendar is kept, and units are kept but for their spelling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast.errors import ForecastError
from forecast.schema import LAT, LON, TIME, VARIABLES
from forecast.sources.axis import positions

# In order of preference: GRIB readers give `time` (the analysis or start of a run) beside `valid_time`.
NAMES = {
    TIME: ("valid_time", "time"),
    LAT: ("lat", "latitude", "nav_lat", "xlat"),
    LON: ("lon", "longitude", "nav_lon", "xlong"),
}
STANDARD = {TIME: "time", LAT: "latitude", LON: "longitude"}
LEVELS = ("level", "lev", "plev", "pressure_level", "isobaricinhpa", "height", "depth", "heightaboveground")
SPELLINGS = {
    "Pascals": "Pa", "Pascal": "Pa", "pascal": "Pa", "degK": "K", "deg_K": "K", "Kelvin": "K", "kelvin": "K",
    "Celsius": "degC", "celsius": "degC", "degrees_C": "degC", "deg_C": "degC", "millibars": "hPa", "mbar": "hPa",
}  # fmt: skip
Region = tuple[float, float, float, float]


def canonical_map(
    data: xr.Dataset,
    *,
    variables: Sequence[str] = (),
    region: Region | None = None,
    level: float | None = None,
    units: Mapping[str, str] | None = None,
    start: Any = None,
    end: Any = None,
    origin: str = "data",
) -> xr.Dataset:
    """Bring gridded data of any naming into canonical form; only what is asked for is read.

    Args:
        data: a decoded Dataset (packed integers already unpacked by xarray), possibly lazy.
        variables: names wanted; empty for every variable that is a map.
        region: (south, north, west, east) in degrees, cells whose centre lies inside; west > east crosses 180.
        level: the vertical level wanted, in the unit of the file, where a variable has several.
        units: unit of a variable whose file does not say.
        start: first time wanted, or None.
        end: last time wanted, or None.
        origin: where the data came from, for messages.

    Returns:
        Dataset (time, lat, lon) of float32 in memory, times ascending (duplicates and gaps are left to ``axis``).

    Raises:
        ForecastError: no time, latitude or longitude; a grid with 2-D coordinates; several levels and none chosen; an
            unknown variable; no unit; nothing in the region.
    """
    names = {axis: _coordinate(data, axis, origin) for axis in (TIME, LAT, LON)}
    dims = {data[name].dims[0]: axis for axis, name in names.items() if data[name].ndim == 1}
    times = _times(data, names[TIME], origin)
    rows = positions(times, start, end)
    lat_order, lat = _latitudes(data[names[LAT]].values, region, origin)
    lon_order, lon = _longitudes(data[names[LON]].values, region, origin)
    maps = {}
    for name in _chosen(data, variables, dims, level, origin):
        array = _flat(data[name], dims, level, origin).reset_coords(drop=True)
        array = array.drop_vars(list(array.coords)).rename({dim: dims[dim] for dim in array.dims})
        if TIME not in array.dims:
            array = array.expand_dims(TIME)
        array = array.isel({TIME: rows, LAT: lat_order, LON: lon_order}).transpose(TIME, LAT, LON)
        array = array.astype("float32").load()
        array.attrs = _attributes(data[name], units or {}, origin)
        maps[name] = array.assign_coords({TIME: times[rows], LAT: lat, LON: lon})
    return xr.Dataset(maps)


def map_times(data: xr.Dataset, origin: str) -> pd.Index:
    """Return the time each map of a file stands for, in the order of the file; no value is read.

    Args:
        data: a decoded Dataset.
        origin: where the data came from, for messages.

    Raises:
        ForecastError: no coordinate of time, or times without CF units.
    """
    return _times(data, _coordinate(data, TIME, origin), origin)


def _coordinate(data: xr.Dataset, axis: str, origin: str) -> str:
    named = sorted(
        (name for name in data.variables if str(name).lower() in NAMES[axis]),
        key=lambda name: NAMES[axis].index(str(name).lower()),
    )
    standard = [name for name in data.coords if data[name].attrs.get("standard_name") == STANDARD[axis]]
    found = list(dict.fromkeys([*standard, *named]))
    usable = [name for name in found if data[name].ndim == 1 or (axis == TIME and data[name].ndim == 0)]
    tangled = bool(found) and data[found[0]].ndim > 1  # GRIB of several runs and steps has a 2-D valid_time
    if usable and not (axis == TIME and tangled):
        return str(usable[0])
    if tangled:
        where = f"{found[0]} with dimensions {data[found[0]].dims} in {origin}"
        if axis == TIME:
            raise ForecastError("one valid time for each map", where, "keep one lead time (step) of each run")
        raise ForecastError(
            "a regular grid, with one latitude a row and one longitude a column",
            where,
            "regrid it to a regular latitude-longitude grid first, for example with `cdo remapbil`",
        )
    raise ForecastError(
        f"a coordinate of {STANDARD[axis]} (named {', '.join(NAMES[axis])})",
        f"{sorted(map(str, data.coords))} in {origin}",
        f"name the coordinate {axis}, or give it the standard_name {STANDARD[axis]}",
    )


def _times(data: xr.Dataset, name: str, origin: str) -> pd.Index:
    """Return the time each map's interval begins: the lower CF bound where it is sound, else the stamp."""
    time = data[name]
    values = np.atleast_1d(time.values)
    bounds = data.get(time.attrs.get("bounds", ""))
    if bounds is not None and bounds.shape == (*time.shape, 2) and bounds.dtype == time.dtype:
        lower, upper = bounds.values[..., 0], bounds.values[..., 1]
        if (lower <= values).all() and (values <= upper).all() and (lower < upper).all():
            values = np.atleast_1d(lower)
    if np.issubdtype(values.dtype, np.datetime64):
        values = values.astype("datetime64[ns]")
    index = xr.DataArray(values, dims=TIME, coords={TIME: values}).to_index()
    if not isinstance(index, (pd.DatetimeIndex, xr.CFTimeIndex)):
        raise ForecastError(
            "times with CF units, such as 'days since 1900-01-01'",
            f"{name} as {values.dtype} in {origin}",
            f"give {name} its units attribute",
        )
    return index


def _latitudes(values: np.ndarray, region: Region | None, origin: str) -> tuple[np.ndarray, np.ndarray]:
    lat = np.round(np.asarray(values, dtype="float64"), 6)
    south, north = region[:2] if region else (-np.inf, np.inf)
    order = np.argsort(lat)
    order = order[(lat[order] >= south) & (lat[order] <= north)]
    if not len(order):
        raise _outside(origin, "latitudes", lat, region)
    return order, lat[order]


def _longitudes(values: np.ndarray, region: Region | None, origin: str) -> tuple[np.ndarray, np.ndarray]:
    lon = np.round(np.asarray(values, dtype="float64"), 6)
    if region:
        west, width = region[2], (region[3] - region[2]) % 360 or 360.0
    else:
        west, width = _western_edge(lon), 360.0
    offset = np.round((lon - west) % 360, 6) % 360
    _, order = np.unique(offset, return_index=True)  # a meridian written twice (0 and 360) is kept once
    order = order[offset[order] <= width]
    if not len(order):
        raise _outside(origin, "longitudes", lon, region)
    eastward = np.round(west + offset[order], 6)
    return order, eastward - 360 * np.floor((eastward[0] + 180) / 360)


def _western_edge(lon: np.ndarray) -> float:
    """Return the longitude after the widest gap of the circle; for a closed circle the lowest in [-180, 180)."""
    circle = np.unique(np.round((lon + 180) % 360 - 180, 6))
    gaps = np.diff(circle, append=circle[0] + 360)
    cut = int(np.argmax(gaps))
    return float(circle[0] if gaps[cut] <= gaps[-1] + 1e-5 else circle[cut + 1])


def _outside(origin: str, what: str, values: np.ndarray, region: Region | None) -> ForecastError:
    return ForecastError(
        f"{what} inside region = [south, north, west, east] = {list(region or ())}",
        f"{what} from {values.min()} to {values.max()} in {origin}",
        "choose a region that overlaps the data",
    )


def _vertical(array: xr.DataArray, dim: Any) -> bool:
    attrs = array[dim].attrs if dim in array.coords else {}
    return str(dim).lower() in LEVELS or attrs.get("axis") == "Z" or "positive" in attrs


def _chosen(
    data: xr.Dataset, variables: Sequence[str], dims: Mapping[Any, str], level: float | None, origin: str
) -> list[str]:
    numbers = [str(name) for name, array in data.data_vars.items() if array.dtype.kind in "fiu"]
    maps = [name for name in numbers if set(dims) <= set(data[name].dims)]
    listed = ", ".join(f"{name} {array.dims}" for name, array in data.data_vars.items())
    missing = [name for name in variables if name not in maps]
    if missing or not maps:
        raise ForecastError(
            f"{', '.join(variables) or 'a variable'} on (time, lat, lon)",
            f"{listed or 'no variable'} in {origin}",
            "name the variables wanted in source.variables",
        )
    if variables:
        return list(variables)
    flat = []
    for name in maps:
        extra = [dim for dim in data[name].dims if dim not in dims and data.sizes[dim] > 1]
        if all(level is not None and _vertical(data[name], dim) for dim in extra):
            flat.append(name)
    return flat or maps


def _flat(array: xr.DataArray, dims: Mapping[Any, str], level: float | None, origin: str) -> xr.DataArray:
    """Drop every dimension beside time, lat and lon: those of length 1, and the vertical one where a level is given."""
    for dim in [dim for dim in array.dims if dim not in dims]:
        known = array[dim].values if dim in array.coords else np.array([])
        wanted = np.arange(array.sizes[dim])
        if level is not None and _vertical(array, dim):
            wanted = np.flatnonzero(known == level)
        if len(wanted) != 1:
            shown = ", ".join(str(value) for value in known[:20]) or "no coordinate"
            raise ForecastError(
                f"{array.name} on (time, lat, lon), or source.level = one of its levels",
                f"dimension {dim} of length {array.sizes[dim]} ({shown}) and level = {level} in {origin}",
                f"set level, or select one {dim} in the file",
            )
        array = array.isel({dim: int(wanted[0])})
    return array


def _attributes(array: xr.DataArray, units: Mapping[str, str], origin: str) -> dict[str, str]:
    name, given = str(array.name), array.attrs
    stated = SPELLINGS.get(str(given.get("units", "")).strip(), str(given.get("units", "")).strip())
    asked = units.get(name, "")
    if (stated and asked and stated != asked) or not (stated or asked):
        raise ForecastError(
            f"one unit for {name}",
            f"{stated or 'none'} in {origin}, {asked or 'none'} in source.units",
            "mend source.units: it is for variables whose file gives no unit",
        )
    known = VARIABLES.get(name)
    standard, long = given.get("standard_name", ""), given.get("long_name", "")
    attrs = {
        "units": stated or asked,
        "standard_name": standard if standard not in ("", "unknown") else (known.standard_name if known else ""),
        "long_name": long or (known.long_name if known else ""),
        "cell_methods": given.get("cell_methods", ""),
    }
    return {key: value for key, value in attrs.items() if value}
