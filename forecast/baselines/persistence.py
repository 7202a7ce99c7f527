"""Persistence: tomorrow is as the last observed value, at every lead (Wilks 2019, section 9.1)."""

from __future__ import annotations

import numpy as np
import xarray as xr

from forecast.baselines.base import MAX_AGE, Baseline, by_columns, last_observed


class Persistence(Baseline):
    """The last value observed at or before the reference, if it is at most ``MAX_AGE`` steps old; else NaN."""

    one_pass = True

    @property
    def context(self) -> int:
        """The age that a value may have."""
        return MAX_AGE

    def _fit(self, train: xr.DataArray, leads: int, validate: xr.DataArray | None) -> xr.Dataset:
        return xr.Dataset()

    def _forecast(self, observed: xr.DataArray, at: np.ndarray) -> np.ndarray:
        def repeated(values: np.ndarray) -> np.ndarray:
            return np.repeat(last_observed(values)[0][at][:, None], self.leads, axis=1)

        return by_columns(repeated, observed, len(at) * self.leads)
