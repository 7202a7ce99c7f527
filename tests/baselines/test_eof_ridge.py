"""The regression of maps: the inverse that takes a step out of it again belongs to the weights."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from forecast.baselines import eof_ridge
from forecast.baselines.base import lagged
from forecast.baselines.linear import Linear

STEPS = 400


def wave() -> xr.DataArray:
    rng = np.random.default_rng(0)
    values = np.zeros((STEPS, 3, 4))
    for at in range(1, STEPS):
        values[at] = 0.7 * np.roll(values[at - 1], 1, axis=1) + rng.normal(size=(3, 4))
    coords = {"time": pd.date_range("2001-01-01", periods=STEPS), "lat": [30.0, 45.0, 60.0], "lon": [0.0, 5, 10, 15]}
    return xr.DataArray(values, coords, ("time", "lat", "lon"), name="slp", attrs={"units": "hPa"})


def test_the_inverse_times_features_and_targets_gives_the_weights() -> None:
    train, linear = wave(), Linear()
    linear.fit(train, 2)
    inverse, fitted = eof_ridge.inverse(linear.fitted, train), linear.fitted
    leads, lags, width, _ = fitted["weight"].shape
    anomaly = train.values - linear._usual(train)[:STEPS]
    component = anomaly.reshape(STEPS, -1) @ fitted["projection"].values.reshape(width, -1).T
    features = lagged(component, lags)
    for lead in range(leads):  # the baseline means each part over the pairs that it has: alike but for the edges
        x, y = features[: STEPS - 1 - lead], component[1 + lead :]
        weight = fitted["weight"].values[lead].reshape(lags * width, width)
        np.testing.assert_allclose(inverse[lead] @ x.T @ y, weight, rtol=0, atol=0.02 * np.abs(weight).max())
        used = np.abs(weight).sum(axis=1) > 0
        assert (np.abs(inverse[lead]).sum(axis=1) > 0).tolist() == used.tolist()
