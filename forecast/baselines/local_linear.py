"""Local linear forecast of maps: each cell regressed by ridge on the cells around it, now and a few steps back.

    forecast(t + l) = c(t + l) + sum over cells d around and lags k of  B_l(d, k) a(t - k)(cell + d)

with anomalies a about the climatology c, and for every cell and lead coefficients of its own, direct. What flows past
is seen coming, whatever the large-scale patterns do: the counterpart of the regression on patterns (`linear`). The
penalty, a share of the mean of the Gram matrix's diagonal (Hoerl and Kennard 1970, Technometrics 12, 55-67), is one for
all cells of a lead, that which does best on the validation span. Beyond the edges the outermost values stand again;
where longitudes close the circle they go round.

It costs about cells x steps x features squared: minutes from some ten thousand cells on, so it is not among the default
baselines.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import scipy.linalg
import xarray as xr

from forecast import climatology, schema
from forecast.baselines import ridge
from forecast.baselines.base import MAX_AGE, Baseline, joined, lagged, last_observed

WIDTH = 9  # cells across: of 2.5 degrees they hold a day's travel of a low to either side
LAGS = 3


class LocalLinear(Baseline):
    """Direct ridge regression of every cell on its surroundings; climatology where nothing recent is known."""

    kinds: ClassVar[tuple[str, ...]] = ("map",)

    @property
    def context(self) -> int:
        """The lags, and the age that a value may have that stands in for the oldest of them."""
        return LAGS + MAX_AGE

    def _fit(self, train: xr.DataArray, leads: int, validate: xr.DataArray | None) -> xr.Dataset:
        whole, (start, stop) = joined(train, validate)
        count, usual = train.sizes[schema.TIME], climatology.fit(train)
        anomaly = whole.values - climatology.at(usual, whole[schema.TIME].values).values
        near, target = _Near(anomaly, _periodic(train)), anomaly.reshape(len(anomaly), -1)

        def sums(cell: int, first: int, last: int) -> ridge.Sums:
            known = np.isfinite(target[:, cell])
            features = lagged(near(cell), LAGS)
            return ridge.sums(features, np.nan_to_num(target[:, cell : cell + 1]), known, leads, first, last)

        cells, everything = range(target.shape[1]), np.arange(LAGS * WIDTH**2)
        learn = [sums(cell, 0, min(start, count)) for cell in cells]
        loss = [ridge.losses(learn[cell], sums(cell, start, stop), everything) for cell in cells]
        penalty = np.asarray(ridge.PENALTIES)[np.nansum(loss, axis=0).argmin(axis=0)]
        whole_span = learn if start >= count else [sums(cell, 0, count) for cell in cells]
        weight = np.stack([_solved(one, penalty) for one in whole_span], axis=-1)
        dims = ("forecast_lead", "feature", *schema.space_dims(train))
        weight = weight.reshape(leads, len(everything), *anomaly.shape[1:]).astype("float32")
        return usual.assign(weight=(dims, weight), penalty=("forecast_lead", penalty))

    def _forecast(self, observed: xr.DataArray, at: np.ndarray) -> np.ndarray:
        usual, ahead = self._usual(observed), self._ahead(at)
        anomaly = observed.values - usual[: observed.sizes[schema.TIME]]
        near = _Near(anomaly, _periodic(observed))
        weight = self.fitted["weight"].values.reshape(self.leads, LAGS * WIDTH**2, -1)
        columns = [lagged(near(cell), LAGS)[at] @ weight[:, :, cell].T for cell in range(weight.shape[2])]
        departure = np.stack(columns, axis=-1).reshape(*ahead.shape, *usual.shape[1:])
        return usual[ahead] + departure


class _Near:
    """The anomalies around a cell, (time, WIDTH x WIDTH), the last observed carried forward, 0 where there is none."""

    def __init__(self, anomaly: np.ndarray, periodic: bool) -> None:
        filled = np.nan_to_num(last_observed(anomaly)[0], nan=0.0)
        half = WIDTH // 2
        wide = np.pad(filled, ((0, 0), (half, half), (0, 0)), mode="edge")
        self.wide = np.pad(wide, ((0, 0), (0, 0), (half, half)), mode="wrap" if periodic else "edge")
        self.columns = anomaly.shape[2]

    def __call__(self, cell: int) -> np.ndarray:
        row, column = divmod(cell, self.columns)
        return self.wide[:, row : row + WIDTH, column : column + WIDTH].reshape(len(self.wide), -1)


def _periodic(data: xr.DataArray) -> bool:
    return schema.LON in data.dims and schema.is_periodic(data[schema.LON].values)


def _solved(sums: ridge.Sums, penalty: np.ndarray) -> np.ndarray:
    """Return the coefficients (lead, feature) of one cell; 0 where it was never observed."""
    if not sums.rows:
        return np.zeros(sums.cross.shape[:2])
    gram = sums.gram / sums.rows
    mean = max(float(np.diagonal(gram).mean()), np.finfo("float32").tiny)
    right = sums.cross[:, :, 0] / np.maximum(sums.pairs, 1)[:, None]
    unit = np.eye(len(gram))
    return np.stack(
        [scipy.linalg.solve(gram + p * mean * unit, one, assume_a="pos") for p, one in zip(penalty, right, strict=True)]
    )
