"""NCEP/NCAR Reanalysis 1 from NOAA PSL: daily means by year over HTTP, kept in a folder with their checksums.

The files are whole years of the globe (2.5 degrees; 5 to 20 MB a surface variable, 130 MB a pressure one): the region
is cut when they are read. Files of the current year grow, about two days behind the day. A kept file is checked
against its SHA-256 at each use; one that ends before the days asked for is downloaded anew.
"""

from __future__ import annotations

import itertools
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import xarray as xr
from pydantic import Field, field_validator, model_validator

from forecast.errors import ForecastError
from forecast.schema import TIME, check_observations
from forecast.sources import base
from forecast.sources.axis import clip
from forecast.sources.canonical import canonical_map
from forecast.sources.download import download, verified
from forecast.sources.files import opened
from forecast.sources.grid import Region
from forecast.sources.grid_files import check_region
from forecast.sources.join import join

URL = "https://downloads.psl.noaa.gov/Datasets/ncep.reanalysis/Dailies"
SURFACE = {"slp": "slp", "pres": "pres.sfc", **{name: f"{name}.sig995" for name in ("air", "rhum", "uwnd", "vwnd")}}
PRESSURE = ("air", "hgt", "omega", "rhum", "shum", "uwnd", "vwnd")
FIRST_YEAR = 1948


class PslOptions(base.Options):
    """Options of the reanalysis.

    Attributes:
        variables: names as in the files (slp, pres, air, rhum, uwnd, vwnd; with a level also hgt, omega, shum).
        level: pressure level, hPa; None for surface variables (air, rhum and wind at sigma 0.995).
        region: (south, north, west, east), degrees; west > east crosses the antimeridian; None for the globe.
        start: first day of the record.
        end: last day; None for the newest there is.
        cache: folder where downloaded files are kept.
        url: where the layout ``surface/slp.2001.nc`` begins.
        timeout: seconds without an answer before a try is given up.
        retries: tries after the first.
        pause: seconds before the first retry, doubled before each further one.
    """

    delay: str = "3D"
    variables: tuple[str, ...] = Field(("slp",), min_length=1)
    level: float | None = None
    region: Region | None = None
    start: date
    end: date | None = None
    cache: str = "data/cache/noaa_psl"
    url: str = Field(URL, pattern=r"^https?://")
    timeout: float = Field(60.0, gt=0)
    retries: int = Field(3, ge=0, le=10)
    pause: float = Field(2.0, ge=0)

    _region = field_validator("region")(check_region)

    @model_validator(mode="after")
    def _sound(self) -> PslOptions:
        known = SURFACE if self.level is None else PRESSURE
        unknown = sorted(set(self.variables) - set(known))
        if unknown:
            where = "at the surface" if self.level is None else f"at {self.level:g} hPa"
            raise ValueError(f"no {', '.join(unknown)} {where}: known there are {', '.join(known)}")
        if self.start.year < FIRST_YEAR or (self.end and self.end < self.start):
            raise ValueError(f"start {self.start} and end {self.end}: days in order, from {FIRST_YEAR} on")
        return self


class NoaaPsl(base.Source):
    """Daily maps of the NCEP/NCAR reanalysis."""

    Options: ClassVar[type[base.Options]] = PslOptions

    def fetch(self, start: Any = None, end: Any = None) -> xr.Dataset:
        """Return daily maps (time, lat, lon) in [start, end] within the record; see ``base.Source.fetch``.

        Raises:
            ForecastError: the server cannot be reached, has no such year, or a kept file is not what was downloaded.
        """
        options: Any = self.options
        first = max(_day(options.start), _day(start or options.start))
        last = min((_day(day) for day in (options.end, end) if day is not None), default=None)
        if last is not None and last < first:
            raise ForecastError("an end after the start", f"{first.date()} to {last.date()}", "mend start or end")
        parts = [part for name in options.variables for part in self._years(name, first, last)]
        data = clip(join(parts, options.url), start, end)
        data.attrs = {
            "title": "NCEP/NCAR Reanalysis 1, daily means",
            "source": f"NOAA PSL, Boulder, Colorado, USA: {options.url}",
            "licence": "public domain; cite Kalnay et al. 1996, Bull. Am. Met. Soc. 77, 437-470",
        }
        return check_observations(data)

    def _years(self, name: str, first: pd.Timestamp, last: pd.Timestamp | None) -> list[xr.Dataset]:
        """Return a variable's maps year by year, up to the last day wanted or the last year there is."""
        options: Any = self.options
        parts: list[xr.Dataset] = []
        for year in itertools.count(first.year) if last is None else range(first.year, last.year + 1):
            path, url = self._file(name, year)
            kept = verified(path)
            if not kept and not self._download(url, path, name):
                break
            part = self._read(path, name, first, last)
            until = min(filter(None, (last, pd.Timestamp(year, 12, 31))))
            ends_early = part.sizes[TIME] == 0 or part[TIME].values[-1] < until.to_datetime64()
            if kept and ends_early and self._download(url, path, name):
                part = self._read(path, name, first, last)
            parts.append(part)
        if not parts:
            remedy = "look at source.url in a browser; a new year's file appears some days after New Year"
            raise ForecastError(f"a file of {name} for {first.year}", f"none at {options.url}", remedy)
        return parts

    def _file(self, name: str, year: int) -> tuple[Path, str]:
        """Return where a variable's year is kept, and where it comes from."""
        options: Any = self.options
        folder, stem = ("surface", SURFACE[name]) if options.level is None else ("pressure", name)
        tail = f"{folder}/{stem}.{year}.nc"
        return Path(options.cache).expanduser() / tail, f"{options.url.rstrip('/')}/{tail}"

    def _download(self, url: str, path: Path, name: str) -> bool:
        options: Any = self.options

        def check(part: Path) -> None:
            with opened(part) as (data,):
                if name not in data.data_vars:
                    raise ForecastError(
                        f"the variable {name}", f"{sorted(map(str, data.data_vars))}", "mend source.url"
                    )

        limits = {"timeout": options.timeout, "retries": options.retries, "pause": options.pause}
        return download(url, path, check=check, **limits)

    def _read(self, path: Path, name: str, first: pd.Timestamp, last: pd.Timestamp | None) -> xr.Dataset:
        options: Any = self.options
        keys = {"region": options.region, "level": options.level, "units": options.units}
        end = last.date() if last is not None else None
        with opened(path) as (data,):
            return canonical_map(data, variables=(name,), start=first, end=end, origin=str(path), **keys)


def _day(value: Any) -> pd.Timestamp:
    """Return the day of a date, string or time (with a zone: its day in UTC)."""
    try:
        stamp = pd.Timestamp(value)
    except (ValueError, TypeError) as error:
        raise ForecastError("start and end as dates", repr(value), "write them as 2001-01-31") from error
    return (stamp.tz_convert(None) if stamp.tzinfo else stamp).normalize()
