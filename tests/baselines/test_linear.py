"""The linear baseline: what it must find, how it chooses, and the algebra beneath it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast.baselines import ridge
from forecast.baselines.base import lagged
from forecast.baselines.linear import Linear
from forecast.errors import ForecastError


def array(values: np.ndarray, freq: str = "D") -> xr.DataArray:
    time = pd.date_range("2001-01-01", periods=len(values), freq=freq)
    if values.ndim == 2:
        coords = {"time": time, "series": [f"s{i}" for i in range(values.shape[1])]}
        return xr.DataArray(values, coords, ("time", "series"), "x", {"units": "K"})
    coords = {"time": time, "lat": 40 + 5.0 * np.arange(values.shape[1]), "lon": 5.0 * np.arange(values.shape[2])}
    return xr.DataArray(values, coords, ("time", "lat", "lon"), "x", {"units": "K"})


def autoregression(first: float, second: float, steps: int, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=steps)
    values = np.zeros(steps)
    for step in range(2, steps):
        values[step] = first * values[step - 1] + second * values[step - 2] + noise[step]
    return values


def error(baseline: Linear, data: xr.DataArray, start: int) -> np.ndarray:
    """RMSE by lead over references from ``start``."""
    at = np.arange(start, len(data) - baseline.leads)
    found = baseline.forecast(data, data["time"].values[at]).values
    truth = data.values[at[:, None] + np.arange(1, baseline.leads + 1)]
    return np.sqrt(((found - truth) ** 2).mean(axis=(0, *range(2, truth.ndim))))


def test_an_autoregression_is_forecast_as_well_as_its_noise_allows() -> None:
    data = array(autoregression(1.4, -0.6, 3000, 1)[:, None])
    baseline = Linear()
    baseline.fit(data[:1800], 2, data[1800:2400])
    # One step ahead the noise alone (1); two steps ahead sqrt(1 + 1.4^2).
    np.testing.assert_allclose(error(baseline, data, 2400), [1, np.sqrt(1 + 1.4**2)], rtol=0.08)


def test_series_of_the_same_law_share_a_regression_and_others_have_their_own() -> None:
    steps = 240
    same = np.stack([autoregression(1.4, -0.6, steps, seed) for seed in range(12)], axis=1)
    other = np.stack([autoregression(1.4 * sign, -0.6, steps, 20 + sign) for sign in (-1, 1)], axis=1)
    shared, own = Linear(), Linear()
    shared.fit(array(same[:160]), 1, array(same)[160:])
    own.fit(array(other[:160]), 1, array(other)[160:])
    assert shared.fitted["shared"].values.tolist() == [1]
    assert own.fitted["shared"].values.tolist() == [0]


def test_a_travelling_wave_is_carried_on() -> None:
    step, lon = np.arange(500)[:, None, None], np.arange(12)[None, None]
    wave = 280 + np.cos(2 * np.pi * (lon / 12 - step / 17)) * np.ones((1, 3, 1))
    wave = wave + 0.01 * np.random.default_rng(0).normal(size=wave.shape)
    data = array(wave)
    baseline = Linear()
    baseline.fit(data[:300], 4, data[300:400])
    assert (error(baseline, data, 400) < 0.05).all()


def test_more_cells_than_steps_are_no_obstacle() -> None:
    rng = np.random.default_rng(5)
    pattern = rng.normal(size=(1, 9, 10))
    data = array(pattern * autoregression(1.4, -0.6, 80, 2)[:, None, None] + 0.01 * rng.normal(size=(80, 9, 10)))
    baseline = Linear()
    baseline.fit(data[:50], 1, data[50:65])
    noise = np.sqrt((pattern**2).mean())
    assert error(baseline, data, 65)[0] < 1.5 * noise < data.values[65:].std()


def test_memory_that_changes_with_the_hour_is_used() -> None:
    rng = np.random.default_rng(4)
    hours, values = 24 * 120, np.zeros(24 * 120)
    for step in range(1, hours):
        values[step] = (0.9 if step % 24 < 12 else -0.9) * values[step - 1] + rng.normal()
    data = array(values[:, None], "h")
    baseline = Linear()
    baseline.fit(data[:1800], 1, data[1800:2400])
    assert (baseline.fitted["weight"].values[0, 0, -4:] != 0).any()
    assert error(baseline, data, 2400)[0] < 0.85 * data.values[2400:].std()


def test_gaps_in_training_do_not_spoil_it() -> None:
    values = autoregression(1.4, -0.6, 3000, 6)
    values[:2400][np.random.default_rng(0).random(2400) < 0.1] = np.nan
    data = array(values[:, None])
    baseline = Linear()
    baseline.fit(data[:1800], 2, data[1800:2400])
    assert (error(baseline, data, 2440) < [1.25, 2.0]).all()


def test_a_validation_span_that_overlaps_training_is_refused() -> None:
    data = array(autoregression(0.5, 0, 100, 0)[:, None])
    with pytest.raises(ForecastError, match=r"a validation span after 2001-02-19[\s\S]+2001-02-10[\s\S]+overlap"):
        Linear().fit(data[:50], 1, data[40:])


def test_maps_that_are_hardly_observed_are_refused() -> None:
    sparse = np.full((30, 3, 4), np.nan)
    sparse[np.arange(30), np.arange(30) % 3, np.arange(30) % 4] = 1.0
    with pytest.raises(
        ForecastError, match=r"2 training maps of x or more with 50% [\s\S]+got 0[\s\S]+leave `linear` out"
    ):
        Linear().fit(array(sparse), 1)


@pytest.mark.parametrize("shape", [(3, 2), (3, 2, 2)])
def test_three_steps_are_enough_to_say_something(shape: tuple[int, ...]) -> None:
    data = array(np.random.default_rng(0).normal(size=shape))
    baseline = Linear()
    baseline.fit(data, 4)
    assert np.isfinite(baseline.forecast(data, data["time"].values)).all()


def test_lags_put_the_newest_first_and_zero_before_the_first_step() -> None:
    assert lagged(np.array([[1.0], [2.0], [3.0]]), 2).tolist() == [[1, 0], [2, 1], [3, 2]]


def sums_and_rows(seed: int) -> tuple[ridge.Sums, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 2))
    return ridge.sums(x, y, np.ones(40, dtype=bool), 1, 0, 40), x[:-1], y[1:]


def test_ridge_solves_its_normal_equations() -> None:
    learn, x, y = sums_and_rows(0)
    columns = np.array([0, 2])
    gram = x[:, columns].T @ x[:, columns] / 39
    expected = np.linalg.solve(gram + 0.1 * np.trace(gram) / 2 * np.eye(2), x[:, columns].T @ y / 39)
    found = ridge.solve(learn, 0, columns, 0.1)
    np.testing.assert_allclose(found[columns], expected)
    assert found[1].tolist() == [0, 0]


def test_losses_from_sums_are_those_of_the_rows() -> None:
    learn, _, _ = sums_and_rows(0)
    judge, x, y = sums_and_rows(1)
    columns = np.arange(3)
    expected = [
        ((y - x @ ridge.solve(learn, 0, columns, penalty)) ** 2).sum(axis=1).mean() for penalty in ridge.PENALTIES
    ]
    np.testing.assert_allclose(ridge.losses(learn, judge, columns)[:, 0], expected)


def test_a_missing_target_costs_one_pair() -> None:
    known = np.array([True, True, False, True, True])
    found = ridge.sums(np.ones((5, 1)), np.arange(5.0)[:, None], known, 2, 0, 5)
    # Lead 1: 0 to 1 and 3 to 4; lead 2: 1 to 3; the targets are the steps themselves.
    assert (found.rows, found.pairs.tolist()) == (3, [2, 1])
    assert found.cross[:, 0, 0].tolist() == [1 + 4, 3]
