"""Drift: the straight line through the first and the last observed value (Hyndman and Athanasopoulos 2021, 5.2).

    forecast(t + l) = y_t + l (y_t - y_1) / (t - 1)

All that was observed matters, from the first value on. Where the last value is older than the reference the line
begins at it.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from forecast.baselines.base import EVERYTHING, MAX_AGE, Baseline, by_columns


class Drift(Baseline):
    """The last value and the mean change so far; the last value alone where it is the only one; NaN where too old."""

    one_pass = True

    @property
    def context(self) -> int:
        """All there is."""
        return EVERYTHING

    def _fit(self, train: xr.DataArray, leads: int, validate: xr.DataArray | None) -> xr.Dataset:
        return xr.Dataset()

    def _forecast(self, observed: xr.DataArray, at: np.ndarray) -> np.ndarray:
        lead = np.arange(1, self.leads + 1)

        def line(values: np.ndarray) -> np.ndarray:
            seen = np.isfinite(values)
            first = np.argmax(seen, axis=0)
            start = np.take_along_axis(values, first[None], axis=0)[0]
            steps = np.arange(len(values)).reshape(-1, *[1] * (values.ndim - 1))
            last = np.maximum.accumulate(np.where(seen, steps, -1), axis=0)[at]
            value = np.take_along_axis(values, np.maximum(last, 0), axis=0)
            slope = np.where(last > first, (value - start) / np.maximum(last - first, 1), 0.0)
            age = at.reshape(-1, *[1] * (values.ndim - 1)) - last
            value = np.where((last >= 0) & (age <= MAX_AGE), value, np.nan)
            ahead = lead.reshape(-1, *[1] * (values.ndim - 1)) + age[:, None]
            return value[:, None] + slope[:, None] * ahead

        return by_columns(line, observed, len(at) * self.leads)
