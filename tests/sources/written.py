"""Files written by hand with netCDF4, as other programs write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np


def regular(path: Path, days: Any, values: np.ndarray, *, name: str = "t", units: str = "K", **more: Any) -> Path:
    """Write values (time, lat, lon): latitudes descend, longitudes run from 0 to 360."""
    _, rows, columns = values.shape
    with netCDF4.Dataset(path, "w") as file:
        axes = {
            "time": (days, f"days since 2001-01-01\ncalendar {more.get('calendar', 'standard')}"),
            "lat": (np.linspace(60, 0, rows), "degrees_north"),
            "lon": (np.arange(columns) * 360.0 / columns, "degrees_east"),
        }
        for axis, (positions, unit) in axes.items():
            file.createDimension(axis, len(positions))
            variable = file.createVariable(axis, "f8", (axis,))
            variable.units, variable[:] = unit.split("\n")[0], positions
        file["time"].calendar = more.get("calendar", "standard")
        variable = file.createVariable(name, "f4", ("time", "lat", "lon"))
        if units:
            variable.units = units
        variable[:] = values
    return path


def projected(path: Path, lat: np.ndarray, lon: np.ndarray, values: np.ndarray, axes: bool = True) -> Path:
    """Write values (time, row, column) with 2-D coordinates named by the attribute ``coordinates``, rows descending."""
    with netCDF4.Dataset(path, "w") as file:
        for dim, size in zip(("time", "yc", "xc"), values.shape, strict=True):
            file.createDimension(dim, size)
        time = file.createVariable("time", "f8", ("time",))
        time.units, time[:] = "days since 2001-01-01", np.arange(values.shape[0])
        for name, axis, size in (("yc", "y", lat.shape[0]), ("xc", "x", lat.shape[1])) if axes else ():
            variable = file.createVariable(name, "f8", (name,))
            variable.units, variable.standard_name = "km", f"projection_{axis}_coordinate"
            variable[:] = 25.0 * np.arange(size) * (-1 if axis == "y" else 1)
        for name, data, unit in (("latitude", lat, "degrees_north"), ("longitude", lon, "degrees_east")):
            variable = file.createVariable(name, "f8", ("yc", "xc"))
            variable.units, variable[:] = unit, data
        crs = file.createVariable("crs", "i4")
        crs.grid_mapping_name, crs.straight_vertical_longitude_from_pole = "polar_stereographic", -45.0
        ice = file.createVariable("ice", "f4", ("time", "yc", "xc"))
        ice.units, ice.coordinates, ice.grid_mapping = "1", "latitude longitude", "crs"
        ice[:] = values
    return path


def levels(path: Path, values: np.ndarray, pressures: Any, name: str = "hgt") -> Path:
    """Write values (time, level, lat, lon) with a pressure axis in hPa, and a surface pressure ``slp`` beside them."""
    count, _, rows, columns = values.shape
    with netCDF4.Dataset(path, "w") as file:
        axes = {"time": np.arange(count), "level": pressures, "lat": np.arange(rows), "lon": np.arange(columns)}
        for axis, positions in axes.items():
            file.createDimension(axis, len(positions))
            variable = file.createVariable(axis, "f4", (axis,))
            variable.units = {"time": "days since 2001-01-01", "level": "hPa"}.get(axis, "degrees")
            variable[:] = positions
        variable = file.createVariable(name, "f4", ("time", "level", "lat", "lon"))
        variable.units, variable[:] = "m", values
        variable = file.createVariable("slp", "f4", ("time", "lat", "lon"))
        variable.units, variable[:] = "Pa", values[:, 0]
    return path


def field(path: Path, values: np.ndarray, name: str = "orog", units: str = "m") -> Path:
    """Write values (lat, lon) on the grid of ``regular``, without a time."""
    rows, columns = values.shape
    with netCDF4.Dataset(path, "w") as file:
        axes = {"lat": np.linspace(60, 0, rows), "lon": np.arange(columns) * 360.0 / columns}
        for axis, positions in axes.items():
            file.createDimension(axis, len(positions))
            file.createVariable(axis, "f8", (axis,))[:] = positions
        variable = file.createVariable(name, "f4", ("lat", "lon"))
        variable[:] = values
        if units:
            variable.units = units
    return path
