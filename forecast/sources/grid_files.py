"""Gridded files on disk: NetCDF, Zarr and GRIB, by path or pattern, joined in time into one canonical Dataset."""

from __future__ import annotations

import operator
from collections.abc import Generator
from contextlib import closing
from functools import cached_property, reduce
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import Field, field_validator

from forecast.errors import ForecastError
from forecast.schema import TIME, check_observations
from forecast.sources import base, stations
from forecast.sources.canonical import canonical_fields, canonical_map, map_times
from forecast.sources.files import opened
from forecast.sources.grid import Region, check_same_grid, grid_of
from forecast.sources.join import check_alike, join
from forecast.sources.levels import LEVEL, is_vertical
from forecast.sources.paths import find, named


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
        level: vertical level wanted where a variable has several, in the file's unit; a list makes each level a
            variable ``NAME_LEVEL``, such as ``hgt_500``.
        stations: name -> [latitude, longitude], or a CSV file with the columns name, lat and lon: the maps become
            series at the cells nearest to these places.
        static: files of fields that do not change, on the same grid, such as the height of the ground.
        title: what the data are called; by default the title in the first file.
        licence: the terms of the data; by default what the first file says.
    """

    paths: tuple[str, ...] = Field(min_length=1)
    variables: tuple[str, ...] = ()
    region: Region | None = None
    level: float | tuple[float, ...] | None = None
    stations: dict[str, tuple[float, float]] | str | None = None
    static: tuple[str, ...] = ()
    title: str = ""
    licence: str = ""

    _region = field_validator("region")(check_region)

    @field_validator("paths", "variables", "static", mode="before")
    @classmethod
    def _many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


class GridFiles(base.Source):
    """Maps from files, or series at stations on them."""

    Options: ClassVar[type[base.Options]] = GridOptions

    def fetch(self, start: Any = None, end: Any = None) -> xr.Dataset:
        """Return maps or series in [start, end]; see ``base.Source.fetch``. A span without data is empty."""
        options: Any = self.options
        keys = {"region": options.region, "level": options.level, "units": options.units, "start": start, "end": end}
        parts: list[xr.Dataset] = []
        stamps: list[pd.Index] = []
        attrs: dict[Any, Any] = {}
        for origin, data, wanted in self._pieces():
            attrs = {**data.attrs, **attrs}
            stamps.append(map_times(data, origin))
            parts.append(canonical_map(data, variables=wanted, origin=origin, **keys))
        joined = join(parts, ", ".join(options.paths), stamps)
        self._check_levels(joined)
        if start is None and end is None:
            self._check_observed(joined)
        files = find(options.paths)
        told = {
            "title": options.title or attrs.get("title", files[0].name),
            "source": f"grid_files: {named(files)}",
            "licence": options.licence or attrs.get("licence", attrs.get("license", "not stated")),
        }
        if options.stations:
            return check_observations(self._at_stations(joined).drop_attrs(deep=False).assign_attrs(told))
        del joined.attrs["origin"]
        return check_observations(joined.assign_attrs(told))

    def extent(self) -> tuple[Any, Any] | None:
        """Return the first and the last time in the files; see ``base.Source.extent`` and ``times``."""
        times = self.times()
        return (times[0], times[-1]) if len(times) else None

    def times(self) -> np.ndarray:
        """Return all times in the files, ascending, each once (datetime64 or cftime). One map a file is read.

        Raises:
            ForecastError: grids or calendars differ among the files, or a unit does not convert.
        """
        options: Any = self.options
        keys = {"region": options.region, "level": options.level, "units": options.units}
        parts, stamps = [], [np.array([], "datetime64[ns]")]
        for origin, data, wanted in self._pieces():
            times = map_times(data, origin)
            if len(times):
                newest = {"start": times.max(), "end": times.max()}
                parts.append(canonical_map(data, variables=wanted, origin=origin, **newest, **keys))
                stamps.append(times.values)
        if not parts:
            return stamps[0]
        check_alike(parts)
        return np.asarray(np.unique(np.concatenate(stamps[1:])))

    def levels(self) -> dict[str, tuple[list[float], str]]:
        """Return the variables that have several levels: name -> the levels and their unit."""
        found: dict[str, tuple[list[float], str]] = {}
        for _, data, _ in self._pieces():
            for name, array in data.data_vars.items():
                for dim in array.dims:
                    if dim in array.coords and array.sizes[dim] > 1 and is_vertical(array, dim):
                        known = [*found.get(str(name), ([], ""))[0], *map(float, array[dim].values)]
                        found[str(name)] = (list(dict.fromkeys(known)), str(array[dim].attrs.get("units", "")))
        return found

    def static(self) -> xr.Dataset | None:
        """Return the fields in the files named in ``static``; see ``base.Source.static``."""
        options: Any = self.options
        if not options.static:
            return None
        with closing(self._pieces()) as pieces:
            origin, data, _ = next(pieces)
            maps = grid_of(data, options.region, origin).place(xr.Dataset(attrs={"origin": origin}))
        fields: dict[str, xr.DataArray] = {}
        for path in find(options.static):
            with opened(path) as datasets:
                for one in datasets:
                    part = canonical_fields(one, region=options.region, units=options.units, origin=str(path))
                    check_same_grid(maps, part)
                    twice = [str(name) for name in part.data_vars if name in fields]
                    if twice:
                        raise ForecastError(
                            "each static field once", f"{', '.join(twice)} again in {path}", "mend source.static"
                        )
                    fields |= {str(name): array.drop_vars(list(array.coords)) for name, array in part.data_vars.items()}
        result = xr.Dataset(fields, maps.coords)
        if not options.stations:
            return result
        places = stations.read(options.stations)
        return stations.pick(result, places, stations.cells(places, maps))

    def _pieces(self) -> Generator[tuple[str, xr.Dataset, list[str]]]:
        """Yield each file, lazily opened, with its name and the variables wanted of it."""
        options: Any = self.options
        seen: set[str] = set()
        files = find(options.paths)
        for path in files:
            with opened(path) as datasets:
                for data in datasets:
                    seen |= {str(name) for name in data.data_vars}
                    wanted = [name for name in options.variables if name in data.data_vars]
                    if wanted or not options.variables:
                        yield str(path), data, wanted
        missing = sorted(set(options.variables) - seen)
        if missing:
            raise ForecastError(
                f"the variables {', '.join(options.variables)}",
                f"{', '.join(sorted(seen))} in {len(files)} file(s), no {', '.join(missing)}",
                "mend source.variables or source.paths",
            )

    def _at_stations(self, maps: xr.Dataset) -> xr.Dataset:
        options: Any = self.options
        places = stations.read(options.stations)
        cells = stations.cells(places, maps)
        series = stations.pick(maps, places, cells)
        silent = ~_seen(series).values
        if maps.sizes[TIME] and silent.any():
            stations.check_seen(
                {name: place for i, (name, place) in enumerate(places.items()) if silent[i]}, cells, self._ever_seen
            )
        return series

    @cached_property
    def _ever_seen(self) -> xr.DataArray:
        """Whether each cell was observed at any time of the whole record, read file by file."""
        options: Any = self.options
        keys = {"region": options.region, "level": options.level}
        parts = (
            canonical_map(data, variables=wanted, origin=at, units=options.units, **keys)
            for at, data, wanted in self._pieces()
        )
        return reduce(operator.or_, map(_seen, parts))

    def _check_levels(self, maps: xr.Dataset) -> None:
        """Refuse a variable that has some of the levels wanted, in all files together, but not each."""
        options: Any = self.options
        if isinstance(options.level, tuple):
            cut = [str(name) for name, array in maps.data_vars.items() if LEVEL in array.attrs]
            wanted = [
                f"{base}_{level:g}" for base in {name.rpartition("_")[0] for name in cut} for level in options.level
            ]
            missing = sorted(set(wanted) - set(cut))
            if missing:
                raise ForecastError(
                    f"source.level = {list(options.level)} of every variable that has levels",
                    f"{', '.join(cut)}, no {', '.join(missing)}",
                    "take levels that all have, or name fewer in source.variables",
                )

    def _check_observed(self, maps: xr.Dataset) -> None:
        """Refuse a variable that is missing everywhere and always."""
        options: Any = self.options
        empty = [str(name) for name, array in maps.data_vars.items() if not bool(array.notnull().any())]
        if empty or not maps.sizes[TIME]:
            raise ForecastError(
                "observed values of each variable",
                f"none of {', '.join(empty) or 'any'} in {', '.join(options.paths)}",
                "look at the files, or name other variables in source.variables",
            )


def _seen(data: xr.Dataset) -> xr.DataArray:
    """Return whether anything was observed at each cell, (*space)."""
    return reduce(operator.or_, (array.notnull().any(TIME) for array in data.data_vars.values()))
