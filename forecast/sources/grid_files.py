"""Gridded files on disk: NetCDF, Zarr and GRIB, by path or pattern, joined in time into one canonical Dataset."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import Field, field_validator

from forecast.errors import ForecastError
from forecast.schema import LAT, LON, TIME, check_observations
from forecast.sources import base
from forecast.sources.axis import even, settle_duplicates
from forecast.sources.canonical import Region, canonical_map, map_times
from forecast.sources.paths import find, named

ENGINES = {
    "netcdf4": (".nc", ".nc4", ".netcdf", ".cdf", ".h5"),
    "zarr": (".zarr",),
    "cfgrib": (".grib", ".grb", ".grib2", ".grb2"),
}


def check_region(region: Region | None) -> Region | None:
    """Return a region (south, north, west, east), degrees, unchanged.

    Raises:
        ValueError: latitudes out of order or beyond the poles, or a region without width.
    """
    if region is None:
        return None
    south, north, west, east = region
    if not -90 <= south < north <= 90 or west == east or not all(-360 <= lon <= 360 for lon in (west, east)):
        raise ValueError(f"[south, north, west, east] with -90 <= south < north <= 90 and west != east, not {region}")
    return region


class GridOptions(base.Options):
    """Options of gridded files.

    Attributes:
        paths: files or patterns such as ``slp.*.nc``; a string is one.
        variables: names wanted; empty for all maps in the files.
        region: (south, north, west, east), degrees; west > east crosses the antimeridian.
        level: vertical level wanted where a variable has several, in the file's unit.
        title: what the data are called; by default the title in the first file.
        licence: the terms of the data; by default what the first file says.
    """

    paths: tuple[str, ...] = Field(min_length=1)
    variables: tuple[str, ...] = ()
    region: Region | None = None
    level: float | None = None
    title: str = ""
    licence: str = ""

    _region = field_validator("region")(check_region)

    @field_validator("paths", "variables", mode="before")
    @classmethod
    def _many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


class GridFiles(base.Source):
    """Maps from files."""

    Options: ClassVar[type[base.Options]] = GridOptions

    def fetch(self, start: Any = None, end: Any = None) -> xr.Dataset:
        """Return maps (time, lat, lon) in [start, end]; see ``base.Source.fetch``. A span without data is empty."""
        options: Any = self.options
        parts: list[xr.Dataset] = []
        attrs: dict[Any, Any] = {}
        seen: set[str] = set()
        files = find(options.paths)
        for path in files:
            with opened(path) as data:
                attrs = {**data.attrs, **attrs}
                seen |= {str(name) for name in data.data_vars}
                wanted = [name for name in options.variables if name in data.data_vars]
                if options.variables and not wanted:
                    continue
                keys = {"region": options.region, "level": options.level, "units": options.units}
                parts.append(canonical_map(data, variables=wanted, start=start, end=end, origin=str(path), **keys))
        missing = sorted(set(options.variables) - seen)
        if missing:
            raise ForecastError(
                f"the variables {', '.join(options.variables)}",
                f"{', '.join(sorted(seen))} in {len(files)} file(s), no {', '.join(missing)}",
                "mend source.variables or source.paths",
            )
        joined = join(parts, ", ".join(options.paths))
        joined.attrs = {
            "title": options.title or attrs.get("title", files[0].name),
            "source": f"grid_files: {named(files)}",
            "licence": options.licence or attrs.get("licence", attrs.get("license", "not stated")),
        }
        return check_observations(joined)

    def extent(self) -> tuple[Any, Any] | None:
        """Return the first and the last time in the files; see ``base.Source.extent``."""
        options: Any = self.options
        spans = []
        for path in find(options.paths):
            with opened(path) as data:
                times = map_times(data, str(path))
                spans += [times.min(), times.max()] if len(times) else []
        return (_stamp(min(spans)), _stamp(max(spans))) if spans else None


def _stamp(time: Any) -> Any:
    return time.to_datetime64() if isinstance(time, pd.Timestamp) else time


def opened(path: Path) -> xr.Dataset:
    """Open a gridded file lazily, packed integers unpacked and times decoded in their own calendar.

    Raises:
        ForecastError: an unknown suffix, a file that cannot be read, or GRIB without its extra.
    """
    engine = next((name for name, suffixes in ENGINES.items() if path.suffix.lower() in suffixes), None)
    if engine is None:
        known = ", ".join(suffix for suffixes in ENGINES.values() for suffix in suffixes)
        raise ForecastError(f"a file that ends in one of {known}", str(path), "convert it, or mend source.paths")
    if engine == "cfgrib" and importlib.util.find_spec("cfgrib") is None:
        raise ForecastError(
            "the GRIB reader cfgrib",
            f"it is not installed, and {path} is GRIB",
            "pip install 'forecast-pipeline[grib]'",
        )
    keys: dict[str, Any] = (
        {"backend_kwargs": {"indexpath": ""}} if engine == "cfgrib" else {}
    )  # no index file beside the user's data
    try:
        return xr.open_dataset(path, engine=engine, decode_timedelta=False, **keys)
    except Exception as error:  # each engine has its own exceptions; none may pass for data
        raise ForecastError(
            f"a readable {engine} file", f"{path}: {type(error).__name__}: {error}", "download or convert it again"
        ) from error


def join(parts: Sequence[xr.Dataset], origin: str) -> xr.Dataset:
    """Join canonical maps in time, and variables side by side, on an even axis.

    Args:
        parts: Datasets from ``canonical_map``, at least one, of the same grid, calendar and units, in any order.
        origin: where they came from, for messages.

    Returns:
        Dataset (time, lat, lon), times strictly ascending and even, NaN where nothing was observed.

    Raises:
        ForecastError: grids, calendars or units differ; two values for one time; an uneven axis.
    """
    parts = [part for part in parts if part.sizes[TIME]] or list(parts[:1])
    _same("grid", [(*part[LAT].values, *part[LON].values) for part in parts], origin)
    _same("calendar", [getattr(part[TIME].to_index(), "calendar", "standard") for part in parts], origin)
    joined = []
    for name in dict.fromkeys(str(name) for part in parts for name in part.data_vars):
        arrays = [part[name] for part in parts if name in part.data_vars]
        _same(f"unit of {name}", [array.attrs["units"] for array in arrays], origin)
        whole = xr.concat(arrays, dim=TIME, join="exact", combine_attrs="override").sortby(TIME)
        joined.append(settle_duplicates(whole.to_dataset(name=name), origin))
    return even(xr.merge(joined, join="outer", compat="equals"), origin)


def _same(what: str, values: Sequence[Any], origin: str) -> None:
    different = next((i for i, value in enumerate(values) if value != values[0]), None)
    if different is not None:
        shown = [np.array2string(np.asarray(value), threshold=6) for value in (values[0], values[different])]
        raise ForecastError(
            f"the same {what} in every file", f"{shown[0]} and {shown[1]} in {origin}", "use one source for each"
        )
