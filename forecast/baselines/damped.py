"""Damped persistence: climatology plus the present anomaly, shrunk by one factor a cell and lead.

    forecast(t + l) = c(t + l) + r_l a(t),   r_l = sum a(t) a(t + l) / sum a(t)^2 over the training pairs

the least-squares forecast from one anomaly (Lorenz 1973, J. Appl. Meteorol. 12, 543-546; Wilks 2019, section 10.3).
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from forecast import climatology, schema
from forecast.baselines.base import MAX_AGE, Baseline, last_observed


class DampedPersistence(Baseline):
    """Climatology plus the damped anomaly of the last observed value.

    A value g steps old is damped as one that is forecast lead + g steps ahead; one older than ``MAX_AGE`` steps tells
    nothing, and the climatology stands alone.
    """

    @property
    def context(self) -> int:
        """The age that an anomaly may have."""
        return MAX_AGE

    def _fit(self, train: xr.DataArray, leads: int, validate: xr.DataArray | None) -> xr.Dataset:
        usual = climatology.fit(train)
        anomaly = train.values.astype("float64") - climatology.at(usual, train[schema.TIME].values).values
        factor = np.stack([_factor(anomaly, lag) for lag in range(1, leads + MAX_AGE + 1)])
        return usual.assign(factor=(("lag", *schema.space_dims(train)), factor))

    def _forecast(self, observed: xr.DataArray, at: np.ndarray) -> np.ndarray:
        usual = self._usual(observed)
        anomaly, age = last_observed(observed.values - usual[: observed.sizes[schema.TIME]])
        present = np.nan_to_num(anomaly[at], nan=0.0)
        factor, age = self.fitted["factor"].values, np.minimum(age[at], MAX_AGE)
        damped = [np.take_along_axis(factor, age + lead, axis=0) * present for lead in range(self.leads)]
        return usual[self._ahead(at)] + np.stack(damped, axis=1)


def _factor(anomaly: np.ndarray, lag: int) -> np.ndarray:
    """Return the regression of the anomaly on itself ``lag`` steps before, by cell; 0 where it never varies."""
    before, after = anomaly[:-lag], anomaly[lag:]
    both = np.isfinite(before) & np.isfinite(after)
    before, after = np.where(both, before, 0.0), np.where(both, after, 0.0)
    power = (before**2).sum(axis=0)
    return np.divide((before * after).sum(axis=0), power, out=np.zeros_like(power), where=power > 0)
