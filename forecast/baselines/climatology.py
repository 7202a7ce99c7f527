"""Climatology: what is usual for the valid time, whatever was observed (see forecast/climatology.py)."""

from __future__ import annotations

import numpy as np
import xarray as xr

from forecast import climatology
from forecast.baselines.base import Baseline


class Climatology(Baseline):
    """The climatology of the training span at the valid time; NaN in cells never observed in training."""

    one_pass = True

    @property
    def context(self) -> int:
        """Nothing observed matters."""
        return 0

    def _fit(self, train: xr.DataArray, leads: int, validate: xr.DataArray | None) -> xr.Dataset:
        return climatology.fit(train)

    def _forecast(self, observed: xr.DataArray, at: np.ndarray) -> np.ndarray:
        return self._usual(observed)[self._ahead(at)]
