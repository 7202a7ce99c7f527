"""The local linear forecast, worked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from forecast.baselines.local_linear import LocalLinear


def drifting(columns: int, days: int = 700, seed: int = 3) -> xr.DataArray:
    """Noise that moves one column to the east a day, round a circle of longitudes."""
    noise = np.random.default_rng(seed).normal(size=(days, 3, columns))
    lon = np.arange(columns) * 360 / columns - 180
    values = np.stack([np.roll(noise[0] + 0.0 * noise[day], day, axis=-1) for day in range(days)])
    values = values + 0.1 * noise
    coords = {"time": pd.date_range("2001", periods=days), "lat": [-5.0, 0.0, 5.0], "lon": lon}
    return xr.DataArray(values, coords, ("time", "lat", "lon"), name="t2m", attrs={"units": "K"})


def test_what_flows_past_is_seen_coming_also_across_the_date_line() -> None:
    data = drifting(12)
    baseline = LocalLinear()
    baseline.fit(data[:500], 2, data[502:600])
    forecast = baseline.forecast(data, data["time"].values[600:690])
    for lead in (0, 1):
        error = forecast.isel(lead=lead).values - data.values[601 + lead : 691 + lead]
        by_column = np.sqrt((error**2).mean(axis=(0, 1)))
        assert by_column.max() < 0.2  # the noise is 0.1; whoever did not look across the edge would err by about 1


def test_its_coefficients_solve_the_regularised_normal_equations_of_a_cell() -> None:
    data = drifting(12)
    baseline = LocalLinear()
    baseline.fit(data[:500], 1, data[502:600])
    weight = baseline.fitted["weight"].values[0, :, 1, 6]
    values = (data[:500] - data[:500].mean("time")).values
    assert float(baseline.fitted["penalty"][0]) > 0
    wide = np.pad(values, ((0, 0), (4, 4), (0, 0)), mode="edge")
    wide = np.pad(wide, ((0, 0), (0, 0), (4, 4)), mode="wrap")
    around = np.stack([wide[:, 1 : 1 + 9, 6 : 6 + 9].reshape(500, -1)])[0]
    before = np.zeros_like(around)
    rows = [np.concatenate([around[t], *(around[t - k] if t >= k else before[0] for k in (1, 2))]) for t in range(499)]
    x, y = np.stack(rows), values[1:, 1, 6]
    gram = x.T @ x / len(x)
    penalty = float(baseline.fitted["penalty"][0]) * np.diagonal(gram).mean()
    np.testing.assert_allclose((gram + penalty * np.eye(len(gram))) @ weight, x.T @ y / len(x), atol=2e-4)
