"""Canonical maps: whatever a file calls its axes, out come (time, lat, lon) or (time, y, x), float32 (grid: grid.py).

Times label the start of their interval: where a file has CF time bounds, the lower bound replaces the stamp. The
calendar is kept. Units are kept but for their spelling, unless others are asked for. Where levels are asked for as a
list, each is a variable of its own, ``NAME_LEVEL``.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast.errors import ForecastError
from forecast.schema import TIME, VARIABLES
from forecast.sources.axis import positions
from forecast.sources.grid import Region, coordinate, grid_of
from forecast.sources.levels import LEVEL, LEVEL_UNITS, Levels, flat, is_vertical
from forecast.units import convert, spelled

UNWRITTEN = np.float32(9.969209968386869e36)  # netCDF's fill for what no one wrote, where the file names no other


def canonical_map(
    data: xr.Dataset,
    *,
    variables: Sequence[str] = (),
    region: Region | None = None,
    level: Levels = None,
    units: Mapping[str, str] | None = None,
    start: Any = None,
    end: Any = None,
    origin: str = "data",
) -> xr.Dataset:
    """Bring gridded data of any naming into canonical form; only what is asked for is read.

    Args:
        data: a decoded Dataset (packed integers already unpacked by xarray), possibly lazy.
        variables: names wanted; empty for every variable that is a map.
        region: (south, north, west, east) in degrees, cells whose centre lies inside; west > east crosses 180; of a
            projected grid the smallest rectangle that holds these cells.
        level: the vertical level wanted, in the unit of the file, where a variable has several; of a list, those that
            are there each become a variable ``NAME_LEVEL``.
        units: name -> the unit wanted where the file says one, the unit it has where the file says none.
        start: first time wanted, or None.
        end: last time wanted, or None.
        origin: where the data came from, for messages.

    Returns:
        Dataset (time, lat, lon) or (time, y, x) of float32 in memory, times ascending (duplicates and gaps are left to
        ``axis``), with the attributes ``origin`` and, where a projection is known, ``grid_mapping``.

    Raises:
        ForecastError: no time, latitude or longitude; several levels and none chosen; an unknown variable; no unit, or
            one that does not convert; nothing in the region; values that cannot be read.
    """
    grid, times = grid_of(data, region, origin), map_times(data, origin)
    time = data[coordinate(data, TIME, origin)]
    axes = {**({time.dims[0]: TIME} if time.ndim else {}), **grid.dims}
    rows = positions(times, start, end)
    maps = {}
    for base in _chosen(data, variables, axes, level, origin):
        for name, chosen in flat(data[base], axes, level, origin):
            array = _cut(chosen, axes, {TIME: rows, **grid.cells}, origin)
            maps[name] = _in_units(array, name, base, units or {}, origin)
    attrs = {"origin": origin, **({"grid_mapping": grid.mapping} if grid.mapping else {})}
    return grid.place(xr.Dataset(maps, {TIME: times[rows]}, attrs))


def canonical_fields(
    data: xr.Dataset, *, region: Region | None = None, units: Mapping[str, str] | None = None, origin: str = "data"
) -> xr.Dataset:
    """Bring fields without time into canonical form; without a unit they count as pure numbers, as CF says.

    Args:
        data: a decoded Dataset; a time or level of length 1 is dropped.
        region: as for ``canonical_map``.
        units: as for ``canonical_map``.
        origin: where the data came from, for messages.

    Returns:
        Dataset (lat, lon) or (y, x) of float32 in memory, with the attribute ``origin``.

    Raises:
        ForecastError: no grid, no field on it, a field at several times or levels, or a unit that does not convert.
    """
    grid = grid_of(data, region, origin)
    numbers = [name for name, array in data.data_vars.items() if array.dtype.kind in "fiub"]
    found = {}
    for name in [name for name in numbers if set(grid.dims) <= set(data[name].dims)]:
        extra = [dim for dim in data[name].dims if dim not in grid.dims]
        if any(data.sizes[dim] != 1 for dim in extra):
            got = f"{name} {data[name].dims} in {origin}"
            raise ForecastError("a field that does not change, of one time and level", got, "cut it out of the file")
        array = _cut(data[name].isel(dict.fromkeys(extra, 0)), grid.dims, grid.cells, origin)
        array.attrs.setdefault("units", "1")
        found[str(name)] = _in_units(array, str(name), str(name), units or {}, origin)
    if not found:
        listed = ", ".join(f"{name} {array.dims}" for name, array in data.data_vars.items())
        raise ForecastError("a field on the grid", f"{listed or 'no variable'} in {origin}", "mend source.static")
    return grid.place(xr.Dataset(found, attrs={"origin": origin}))


def map_times(data: xr.Dataset, origin: str) -> pd.Index:
    """Return the time each map stands for, in the order of the file: the lower CF bound where it is sound.

    Args:
        data: a decoded Dataset; no value of a map is read.
        origin: where the data came from, for messages.

    Raises:
        ForecastError: no coordinate of time, times without CF units, or maps of several valid times.
    """
    time = data[coordinate(data, TIME, origin)]
    if time.ndim > 1:  # GRIB of several runs and steps
        where = f"{time.name} with dimensions {time.dims} in {origin}"
        raise ForecastError("one valid time for each map", where, "keep one lead time (step) of each run")
    values = np.atleast_1d(time.values)
    bounds = data.get(time.attrs.get("bounds", ""))
    if bounds is not None and bounds.shape == (*time.shape, 2) and bounds.dtype == time.dtype:
        lower, upper = bounds.values[..., 0], bounds.values[..., 1]
        if (lower <= values).all() and (values <= upper).all() and (lower < upper).all():
            values = np.atleast_1d(lower)
    if np.issubdtype(values.dtype, np.datetime64):
        values = values.astype("datetime64[ns]")
    index = xr.DataArray(values, dims=TIME, coords={TIME: values}).to_index()
    if not isinstance(index, (pd.DatetimeIndex, xr.CFTimeIndex)) or index.hasnans:
        raise ForecastError(
            "times with CF units, such as 'days since 1900-01-01', none missing",
            f"{time.name} as {values.dtype}, {int(pd.isna(values).sum())} missing, in {origin}",
            f"give {time.name} its units attribute and a value for each map",
        )
    return index


def _chosen(
    data: xr.Dataset, variables: Sequence[str], axes: Mapping[Hashable, str], level: Levels, origin: str
) -> list[str]:
    places = {coordinate(data, axis, origin) for axis in ("lat", "lon")}
    numbers = [str(name) for name, array in data.data_vars.items() if array.dtype.kind in "fiu"]
    maps = [name for name in numbers if set(axes) <= set(data[name].dims) and name not in places]
    listed = ", ".join(f"{name} {array.dims} of {array.dtype}" for name, array in data.data_vars.items())
    missing = [name for name in variables if name not in maps]
    if missing or not maps:
        dims = ", ".join(dict.fromkeys([TIME, *axes.values()]))
        raise ForecastError(
            f"{', '.join(variables) or 'a variable'} on ({dims}), as numbers",
            f"{listed or 'no variable'} in {origin}",
            "name the variables wanted in source.variables",
        )
    if variables:
        return list(variables)
    plain = []
    for name in maps:
        extra = [dim for dim in data[name].dims if dim not in axes and data.sizes[dim] > 1]
        if all(level is not None and is_vertical(data[name], dim) for dim in extra):
            plain.append(name)
    return plain or maps


def _cut(
    array: xr.DataArray, axes: Mapping[Hashable, str], cells: Mapping[str, np.ndarray], origin: str
) -> xr.DataArray:
    """Read the cells wanted, as float32 in canonical order, without coordinates."""
    array = array.reset_coords(drop=True)
    array = array.drop_vars(list(array.coords)).rename({dim: axes[dim] for dim in array.dims})
    array = array.expand_dims([dim for dim in cells if dim not in array.dims])
    array = array.isel({dim: _even(positions) for dim, positions in cells.items()}).transpose(*cells)
    try:
        values = array.values
    except Exception as error:  # each engine has its own exceptions; none may pass for data
        problem = f"{array.name} in {origin}: {type(error).__name__}: {error}"
        raise ForecastError("values that can be read", problem, "download or convert the file again") from error
    with np.errstate(over="ignore"):
        values = np.array(values, dtype="float32")
    values[values == UNWRITTEN] = np.nan
    return array.copy(data=values)


def _even(positions: np.ndarray) -> Any:
    """Return positions as a slice where they are evenly spaced: files are read ten times faster so."""
    step = int(positions[1] - positions[0]) if len(positions) > 1 else 1
    if not len(positions) or step == 0 or (np.diff(positions) != step).any():
        return positions
    stop = int(positions[-1]) + step
    return slice(int(positions[0]), None if stop < 0 else stop, step)


def _in_units(array: xr.DataArray, name: str, base: str, units: Mapping[str, str], origin: str) -> xr.DataArray:
    """Bring an array to the unit asked for under its name or its variable's, and say all that is known about it."""
    given = array.attrs
    stated, asked = spelled(str(given.get("units", ""))), spelled(units.get(name, units.get(base, "")))
    if not (stated or asked):
        raise ForecastError(
            f"one unit for {base}",
            f"none in {origin}, none in source.units",
            f'set units = {{ {base} = "..." }} in [source]: it is the unit of a variable whose file gives none',
        )
    if stated and asked:
        array = array.copy(data=convert(array.values, stated, asked, f"{base} in {origin}"))
    known = VARIABLES.get(name) or VARIABLES.get(base)
    standard, long = given.get("standard_name", ""), given.get("long_name", "")
    attrs = {
        "units": asked or stated,
        "standard_name": standard if standard not in ("", "unknown") else (known.standard_name if known else ""),
        "long_name": long or (known.long_name if known else ""),
        "cell_methods": given.get("cell_methods", ""),
        **{key: given[key] for key in (LEVEL, LEVEL_UNITS) if LEVEL in given},
    }
    return array.drop_attrs().assign_attrs({key: value for key, value in attrs.items() if value != ""})
