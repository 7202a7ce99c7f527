"""Distributions that a small network learns are those the data were drawn from: coverage, and the score of counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from scipy import stats

from forecast.batches import Panel, Streams, panel, run
from forecast.models.base import Model, Shape, create
from forecast.models.likelihood import LIKELIHOODS
from forecast.models.lstm import LSTM
from forecast.outputs import quantiles
from forecast.scaling import SeriesScaling
from forecast.training.settings import Training
from forecast.training.tbptt import train

SERIES, STEPS, KEPT = 40, 160, 120
LEVELS = (0.05, 0.1, 0.5, 0.9, 0.95)
QUICK = Training(k1=20, k2=20, streams=SERIES, epochs=30, learning_rate=0.01, average=0.9, balance=False)


def framed(values: np.ndarray) -> Panel:
    """Series (time, series), scaled by their first 120 steps."""
    coords = {"time": pd.date_range("2001-01-01", periods=STEPS), "series": np.arange(SERIES)}
    table = xr.Dataset({"y": (("time", "series"), values, {"units": "1"})}, coords)
    return panel(table, SeriesScaling.fit(table.isel(time=slice(0, KEPT)), ["y"]), ["y"], calendar="none")


def learned(data: Panel, loss: str) -> Model:
    """A small network that learned the next step from the first 120."""
    likelihood = LIKELIHOODS.get(loss)
    outputs = likelihood.parameters if likelihood else len(LEVELS) if loss == "pinball" else 1
    shape = Shape(data.channels, 1, outputs, likelihood=loss if likelihood else "")
    model = create(LSTM, shape, {"hidden": 12, "dropout": 0.0}, seed=1)
    streams = Streams(data, [(0, KEPT)], SERIES, 20, valid=(0, KEPT))
    train(model, streams, None, QUICK.model_copy(update={"loss": loss}), quantiles=LEVELS if loss == "pinball" else ())
    return model


def said(model: Model, data: Panel) -> tuple[torch.Tensor, torch.Tensor]:
    """What it says of the last 40 steps, (S, R, 1, outputs), and what came, (S, R)."""
    assert isinstance(data.values, torch.Tensor)
    y, _ = run(model, data, steps=(KEPT - 1, STEPS - 1))
    return y, data.values[:, KEPT:, 0]


def red_noise() -> np.ndarray:
    """An autoregression of order 1 with heavy tails, each series at a level of its own."""
    rng = np.random.default_rng(0)
    level, x = rng.normal(scale=50, size=SERIES), np.zeros((STEPS, SERIES))
    for step in range(1, STEPS):
        x[step] = 0.8 * x[step - 1] + rng.standard_t(4, size=SERIES)
    return x + level


def counts(usual: float = 20.0) -> np.ndarray:
    """Counts about a mean that wanders, their variance m + m^2 / 2."""
    rng = np.random.default_rng(1)
    level, x = np.log(usual) + rng.uniform(-1, 1, size=SERIES), np.zeros(SERIES)
    rows = []
    for _ in range(STEPS):
        x = 0.9 * x + 0.2 * rng.normal(size=SERIES)
        mean = np.exp(level + x)
        rows.append(rng.negative_binomial(2.0, 2.0 / (2.0 + mean)))
    return np.stack(rows).astype(float)


@pytest.mark.parametrize(
    ("loss", "values"), [("student_t", red_noise), ("pinball", red_noise), ("negative_binomial", counts)]
)
def test_what_is_learned_covers_what_it_says_it_does(loss: str, values: object) -> None:
    data = framed(values())  # type: ignore[operator]
    model = learned(data, loss)
    y, truth = said(model, data)
    found = quantiles(y, model.shape, LEVELS, data.back(torch.arange(SERIES)))[:, :, 0, 0]
    for low, high, share in ((1, 3, 0.8), (0, 4, 0.9)):
        inside = (truth > found[..., low] - 1e-4) & (truth < found[..., high] + 1e-4)
        beyond = (truth > found[..., low] + 1e-4) & (truth < found[..., high] - 1e-4)
        assert beyond.float().mean() - 0.05 < share < inside.float().mean() + 0.05  # counts may lie on the quantile
        assert abs((inside.float() + beyond.float()).mean() / 2 - share) < 0.05


def test_counts_are_likelier_under_their_own_distribution_than_under_a_normal_one() -> None:
    data = framed(counts(4.0))
    model = learned(data, "negative_binomial")
    y, truth = said(model, data)
    cost = LIKELIHOODS["negative_binomial"].cost(
        y.unflatten(3, (1, -1)), truth[..., None, None], data.back(torch.arange(SERIES))
    )
    mean, z = said(learned(data, "squared"), data)
    a, b, p = data.back(torch.arange(SERIES)).unbind(-1)  # type: ignore[union-attr]
    assert isinstance(data.values, torch.Tensor)
    count, centre = ((a + b * one) ** (1 / p) for one in (z, mean[..., 0, 0]))
    spread = (count - centre).std(dim=1, keepdim=True)  # of the very errors that are scored, and still
    normal = stats.norm(centre.numpy(), spread.numpy())
    share = normal.cdf(count.numpy() + 0.5) - normal.cdf(count.numpy() - 0.5)
    assert cost.mean().item() < -np.log(share.clip(1e-12)).mean() - 0.1
