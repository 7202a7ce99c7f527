"""Seasonal naive: the value one season before the valid time (Hyndman and Athanasopoulos 2021, section 5.2).

The season is the attribute ``season`` of the data (1: none), which tables of many series have; there the last observed
value stands in where the history holds nothing at that phase. Without the attribute it is a day for data finer than a
day, else a year of 365 days (360 in the 360-day calendar; a forecast across 29 February is one day off).
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from forecast import schema
from forecast.baselines.base import MAX_AGE, Baseline, by_columns, last_observed

# Where a value is missing, the season before it is asked, up to this many: a week of days, or seven years.
MAX_SEASONS = 7


class SeasonalNaive(Baseline):
    """The newest observed value at the same phase of the season; NaN where there is none and none stands in."""

    one_pass = True

    @property
    def season(self) -> int:
        """Length of the season in steps."""
        return int(self._learned().attrs["season"])

    @property
    def context(self) -> int:
        """The seasons that may be asked, and the age of a value that stands in."""
        return max(MAX_SEASONS * self.season, MAX_AGE)

    def _fit(self, train: xr.DataArray, leads: int, validate: xr.DataArray | None) -> xr.Dataset:
        return xr.Dataset(attrs={"season": schema.season_of_data(train), "stands_in": int("season" in train.attrs)})

    def _forecast(self, observed: xr.DataArray, at: np.ndarray) -> np.ndarray:
        back = self.season * -(-np.arange(1, self.leads + 1) // self.season)
        newest = self._ahead(at) - back

        def same_phase(values: np.ndarray) -> np.ndarray:
            found = np.full((len(at), self.leads, *values.shape[1:]), np.nan, values.dtype)
            for seasons in range(MAX_SEASONS):
                missing = np.isnan(found)
                if not missing.any():
                    break
                where = newest - seasons * self.season
                inside = (where >= 0).reshape(*where.shape, *[1] * (values.ndim - 1))
                found = np.where(missing & inside, values[np.maximum(where, 0)], found)
            if self.fitted.attrs["stands_in"]:
                found = np.where(np.isnan(found), last_observed(values)[0][at][:, None], found)
            return found

        return by_columns(same_phase, observed, len(at) * self.leads)
