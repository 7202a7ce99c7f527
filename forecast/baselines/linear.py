"""Linear: ridge regression on the recent past, the baseline that a network must beat.

Series: lags of the series and terms of the season (lag_ridge.py); tables of many series, whose data say their season:
lags alone, one regression for all (panel_ridge.py). Maps: components of the anomalies (eof_ridge.py).
Settings are chosen on the validation span; the regression itself learns from the training span alone.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from forecast import schema
from forecast.baselines import eof_ridge, lag_ridge, panel_ridge
from forecast.baselines.base import MAX_AGE, Baseline, joined


class Linear(Baseline):
    """Direct ridge regression for every lead, by the kind of the data; climatology where nothing recent is known."""

    @property
    def context(self) -> int:
        """The lags, and the age that a value may have that stands in for the oldest of them."""
        return int(self._learned().sizes["lag"]) + MAX_AGE

    def _fit(self, train: xr.DataArray, leads: int, validate: xr.DataArray | None) -> xr.Dataset:
        whole, choose = joined(train, validate)
        if schema.kind(train) == "series" and "season" in train.attrs:
            return panel_ridge.fit(train, whole, choose, leads)
        member = eof_ridge if schema.kind(train) == "map" else lag_ridge
        return member.fit(train, whole, choose, leads)

    def _forecast(self, observed: xr.DataArray, at: np.ndarray) -> np.ndarray:
        if "season" in self.fitted.attrs:
            return panel_ridge.forecast(self.fitted, observed, at)
        member = eof_ridge if schema.kind(observed) == "map" else lag_ridge
        return member.forecast(self.fitted, observed, self._usual(observed), self._ahead(at))
