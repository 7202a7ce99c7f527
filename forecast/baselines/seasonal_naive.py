"""Seasonal naive: the value one season before the valid time (Hyndman and Athanasopoulos 2021, section 5.2).

The season is a day for data finer than a day, else a year of 365 days (360 in the 360-day calendar; a forecast across
29 February is one day off).
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from forecast import schema
from forecast.baselines.base import Baseline

# Where a value is missing, the season before it is asked, up to this many: a week of days, or seven years.
MAX_SEASONS = 7


class SeasonalNaive(Baseline):
    """The newest observed value at the same phase of the season; NaN where the history holds none."""

    one_pass = True

    @property
    def season(self) -> int:
        """Length of the season in steps."""
        return int(self._learned().attrs["season"])

    @property
    def context(self) -> int:
        """The seasons that may be asked."""
        return MAX_SEASONS * self.season

    def _fit(self, train: xr.DataArray, leads: int, validate: xr.DataArray | None) -> xr.Dataset:
        calendar = train[schema.TIME].dt.calendar
        return xr.Dataset(attrs={"season": schema.season_steps(schema.time_step(train), calendar)})

    def _forecast(self, observed: xr.DataArray, at: np.ndarray) -> np.ndarray:
        values = observed.values
        found = np.full((len(at), self.leads, *values.shape[1:]), np.nan)
        back = self.season * -(-np.arange(1, self.leads + 1) // self.season)
        newest = self._ahead(at) - back
        for seasons in range(MAX_SEASONS):
            where = newest - seasons * self.season
            asked = values[np.maximum(where, 0)]
            inside = (where >= 0).reshape(*where.shape, *[1] * (values.ndim - 1))
            found = np.where(np.isnan(found) & inside, asked, found)
        return found
