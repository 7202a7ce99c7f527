"""Likelihoods against scipy, at their extremes, and as heads: which outputs take a start and are heard."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from forecast.errors import ForecastError
from forecast.models.base import Shape, create
from forecast.models.ensemble import Ensemble
from forecast.models.feedback import heard
from forecast.models.heads import Start
from forecast.models.likelihood import LIKELIHOODS
from forecast.models.lstm import LSTM
from forecast.models.mlp import MLP

T, COUNTS = LIKELIHOODS["student_t"], LIKELIHOODS["negative_binomial"]
BACK = torch.tensor([[[3.0, 2.0, 0.5]], [[0.0, 40.0, 1.0]]], dtype=torch.float64)  # y = (3 + 2 z)^2, 40 z


def outputs(parameters: int, seed: int = 0) -> Tensor:
    """Outputs (2, 3, 4, 1, P) of a spread of some units."""
    draw = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(2, 3, 4, 1, parameters, generator=draw, dtype=torch.float64)


def counts(o: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """n and p of scipy's negative binomial, worked out beside the code."""
    a, b, p = (BACK[..., part].reshape(2, 1, 1, 1).numpy() for part in range(3))
    mean = (b * (1e-6 + np.logaddexp(0, o[..., 0].numpy() + a / b))) ** (1 / p)
    n = np.sqrt((a + b) ** (1 / p)) / (1e-6 + np.logaddexp(0, o[..., 1].numpy()))
    return n, n / (n + mean)


def test_student_t_costs_what_scipy_says() -> None:
    o, z = outputs(3), 5 * outputs(1, seed=1)[..., 0]
    scale, df = 1e-3 + o[..., 1].exp(), 2 + o[..., 2].clamp(max=6).exp()
    expected = -stats.t.logpdf(z.numpy(), df.numpy(), o[..., 0].numpy(), scale.numpy())
    np.testing.assert_allclose(T.cost(o, z).numpy(), expected, rtol=1e-9, atol=1e-9)


def test_negative_binomial_costs_what_scipy_says_of_the_counts() -> None:
    o = outputs(2)
    y = torch.randint(0, 200, o.shape[:-1], generator=torch.Generator().manual_seed(2)).double()
    a, b, p = BACK[:, None, None].unbind(-1)
    expected = -stats.nbinom.logpmf(y.numpy(), *counts(o))
    np.testing.assert_allclose(COUNTS.cost(o, (y**p - a) / b, BACK).numpy(), expected, rtol=1e-7, atol=1e-6)


def test_quantiles_are_scipys_and_counts_are_whole() -> None:
    levels = torch.tensor([0.05, 0.5, 0.975], dtype=torch.float64)
    o = outputs(3)
    scale, df = 1e-3 + o[..., 1:2].exp(), 2 + o[..., 2:].clamp(max=6).exp()
    expected = stats.t.ppf(levels.numpy(), df.numpy(), o[..., :1].numpy(), scale.numpy())
    np.testing.assert_allclose(T.quantile(o, levels).numpy(), expected, rtol=1e-7)
    o = outputs(2)
    n, chance = counts(o)
    a, b, p = BACK[:, None, None, :, None].unbind(-1)
    found = (a + b * COUNTS.quantile(o, levels, BACK)) ** (1 / p)
    expected = stats.nbinom.ppf(levels.numpy(), n[..., None], chance[..., None])
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-9)


def test_a_series_of_counts_as_good_as_poisson_is_poisson() -> None:
    o = torch.tensor([math.log(math.expm1(5.0)), -60.0], dtype=torch.float64).reshape(1, 1, 1, 1, 2)
    back = torch.tensor([[[0.0, 1.0, 1.0]]], dtype=torch.float64)
    for y in (0, 5, 11):
        cost = COUNTS.cost(o, torch.full((1, 1, 1, 1), float(y), dtype=torch.float64), back)
        assert cost.item() == pytest.approx(-stats.poisson.logpmf(y, 5), abs=1e-4)


@pytest.mark.parametrize("name", list(LIKELIHOODS))
@pytest.mark.parametrize("size", [-1e4, -50.0, 0.0, 50.0, 1e4])
def test_cost_and_gradient_stay_finite_at_extremes_in_float32(name: str, size: float) -> None:
    one, once = LIKELIHOODS[name], torch.tensor([[[0.0, 1.0, 1.0]]])
    levels = torch.tensor([0.1, 0.5, 0.9])
    for z in (0.0, 3.0, 1e6):
        for sign in ([1, 1, 1], [1, -1, 1], [-1, 1, -1]):
            o = (size * torch.tensor(sign[: one.parameters]).float()).reshape(1, 1, 1, 1, -1).requires_grad_()
            cost = one.cost(o, torch.full((1, 1, 1, 1), z), once)
            (slope,) = torch.autograd.grad(cost.sum(), o)
            assert cost.isfinite().all() and slope.isfinite().all()
            assert one.quantile(o.detach(), levels, once).isfinite().all()


def test_what_is_no_count_is_refused() -> None:
    o, back = torch.zeros(1, 1, 1, 1, 2), torch.tensor([[[0.0, 1.0, 1.0]]])
    for value in (-1.0, 0.5):
        with pytest.raises(ForecastError, match=rf"(?s)counts, 0, 1, 2 .*got {value:g}.*student_t"):
            COUNTS.cost(o, torch.full((1, 1, 1, 1), value), back)


def test_counts_without_a_way_back_are_refused() -> None:
    for back in (None, torch.tensor([[[torch.nan, 1.0, 1.0]]])):
        with pytest.raises(ForecastError, match=r"(?s)counts that are scaled series by series.*another scaling.*task"):
            COUNTS.cost(torch.zeros(1, 1, 1, 1, 2), torch.zeros(1, 1, 1, 1), back)


def test_only_the_first_parameter_of_each_target_takes_the_start_and_is_heard() -> None:
    shape = Shape(inputs=3, leads=2, outputs=6, targets=2, likelihood="student_t")
    start, x = Start(shape, "damped"), torch.tensor([[[5.0, 7.0, 9.0]]])
    start.prime(torch.tensor([[0.5, 1.0], [0.1, 0.2]]))
    found = start(torch.ones(1, 1, 2, 6), x)[0, 0]
    torch.testing.assert_close(found, torch.tensor([[3.5, 1, 1, 8, 1, 1], [1.5, 1, 1, 2.4, 1, 1]]))
    assert heard(torch.arange(6.0).reshape(1, 6), shape, "numbers").tolist() == [[0.0, 3.0]]


def test_an_ensemble_says_the_parameters_of_each_network() -> None:
    shape = Shape(inputs=1, leads=2, outputs=3, likelihood="student_t")
    networks = [create(LSTM, shape, {"hidden": 3}, seed).eval() for seed in (1, 2)]
    x = torch.randn(2, 4, 1, generator=torch.Generator().manual_seed(0))
    y, _ = Ensemble(networks)(x)
    torch.testing.assert_close(y, torch.cat([network(x)[0] for network in networks], dim=3))


def test_a_likelihood_of_maps_is_refused() -> None:
    maps = Shape(inputs=1, leads=1, outputs=3, grid=(3, 4), likelihood="student_t")
    bits = Shape(inputs=1, leads=1, outputs=3, targets=0, likelihood="student_t")
    for shape, what in ((maps, "maps"), (bits, "classes or bits")):
        with pytest.raises(ForecastError, match=rf"(?s)a likelihood of series.*student_t of {what}.*pinball"):
            create(MLP, shape, {})
