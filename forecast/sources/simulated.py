"""Simulated weather maps: years of daily 500 hPa heights in seconds, for a machine without data."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import Field, field_validator

from forecast.schema import LAT, LON, TIME, VARIABLES, check_observations
from forecast.sources import base
from forecast.sources.axis import clip
from forecast.sources.quasigeostrophic import LAT_NORTH, LAT_SOUTH, heights

ROWS, COLUMNS = 32, 64
SEASON_ORIGIN = pd.Timestamp("2000-01-15")  # mid-winter, from which the model's year is counted


class SimulatedOptions(base.Options):
    """Options of the simulation.

    Attributes:
        seed: which weather; another seed is another, equally plausible record.
        start: first day of the record. Another start is another record, not a part of the same one.
        years: length of the record, in years of 365.25 days.
        noise: standard deviation of Gaussian observation errors, m.
    """

    seed: int = Field(0, ge=0)
    start: str = "2001-01-01"
    years: float = Field(6.0, gt=0, le=100)
    noise: float = Field(0.0, ge=0)

    @field_validator("start")
    @classmethod
    def _start(cls, start: str) -> str:
        if pd.Timestamp(start) != pd.Timestamp(start).normalize():
            raise ValueError(f"{start!r} is not a date such as '2001-01-01'")
        return start


class Simulated(base.Source):
    """Daily maps ``z500``, 32 latitudes by 64 longitudes, periodic; says it is simulated wherever it goes."""

    Options: ClassVar[type[base.Options]] = SimulatedOptions
    simulated: ClassVar[bool] = True
    targets: ClassVar[tuple[str, ...]] = ("z500",)

    def fetch(self, start: Any = None, end: Any = None) -> xr.Dataset:
        """Return maps (time, lat, lon) in [start, end]; a longer span repeats the days of a shorter one exactly."""
        options: Any = self.options
        first = pd.Timestamp(options.start)
        count = round(options.years * 365.25)
        times = pd.date_range(first, periods=count, unit="ns")
        wanted = clip(xr.Dataset(coords={TIME: times}), start, end)[TIME].to_index()
        days = (wanted - first).days.to_numpy()
        until = min(count, -(-(days.max(initial=0) + 1) // 365) * 365)  # whole years, so that later calls find them
        phase = float((first - SEASON_ORIGIN).days)
        values = heights(options.seed, phase, until, ROWS, COLUMNS)[days].astype("float32")
        for row, day in enumerate(days if options.noise else ()):
            error = np.random.default_rng([options.seed, int(day)]).standard_normal((ROWS, COLUMNS))
            values[row] += options.noise * error
        known = VARIABLES["z500"]
        attrs = {"units": known.units, "standard_name": known.standard_name, "long_name": known.long_name}
        band = (LAT_NORTH - LAT_SOUTH) / ROWS
        coords = {
            TIME: wanted,
            LAT: LAT_SOUTH + band * (np.arange(ROWS) + 0.5),
            LON: -180 + 360 / COLUMNS * np.arange(COLUMNS),
        }
        data = xr.Dataset({"z500": ((TIME, LAT, LON), values, {**attrs, "cell_methods": "time: mean"})}, coords=coords)
        data.attrs = {
            "title": "simulated 500 hPa height: a two-layer quasi-geostrophic channel, not the atmosphere of any date",
            "source": f"computed from seed {options.seed}",
            "licence": "CC0-1.0",
            "simulated": "yes",
        }
        return check_observations(data)
