"""Linear: ridge regression on the recent past, the baseline that a network must beat.

Series: lags of the series and terms of the season (lag_ridge.py). Maps: components of the anomalies (eof_ridge.py).
Settings are chosen on the validation span; the regression itself learns from the training span alone.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from forecast import schema
from forecast.baselines import eof_ridge, lag_ridge
from forecast.baselines.base import MAX_AGE, Baseline
from forecast.errors import ForecastError

# Without a validation span the last fifth of the training span chooses, and the regression then learns from all of it.
HELD_BACK = 0.2


class Linear(Baseline):
    """Direct ridge regression for every lead, by the kind of the data; climatology where nothing recent is known."""

    @property
    def context(self) -> int:
        """The lags, and the age that a value may have that stands in for the oldest of them."""
        return int(self._learned().sizes["lag"]) + MAX_AGE

    def _fit(self, train: xr.DataArray, leads: int, validate: xr.DataArray | None) -> xr.Dataset:
        joined, choose = _joined(train, validate)
        member = eof_ridge if schema.kind(train) == "map" else lag_ridge
        return member.fit(train, joined, choose, leads)

    def _forecast(self, observed: xr.DataArray, at: np.ndarray) -> np.ndarray:
        member = eof_ridge if schema.kind(observed) == "map" else lag_ridge
        return member.forecast(self.fitted, observed, self._usual(observed), self._ahead(at))


def _joined(train: xr.DataArray, validate: xr.DataArray | None) -> tuple[xr.DataArray, tuple[int, int]]:
    """Return one even axis of training and validation (NaN between them), and the span of positions that chooses."""
    count = train.sizes[schema.TIME]
    if validate is None or not np.isfinite(validate.values).any():
        return train, (count - max(1, int(HELD_BACK * count)), count)
    step = schema.time_step(train)
    index, later = train[schema.TIME].to_index(), validate[schema.TIME].to_index()
    if later[0] <= index[-1]:
        raise ForecastError(
            f"a validation span after {index[-1]}", f"{later[0]}", "mend [split]: spans may not overlap"
        )
    start, stop = round((later[0] - index[0]) / step), round((later[-1] - index[0]) / step) + 1
    axis = schema.valid_times(train[schema.TIME].values[:1], np.arange(stop) * np.timedelta64(step.value, "ns"))[0]
    return xr.concat([train, validate], schema.TIME).reindex({schema.TIME: axis}), (start, stop)
