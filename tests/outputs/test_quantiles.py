"""Outputs become quantiles: sorted where a network says them, taken of its likelihood, averaged over an ensemble's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from forecast.models.base import Shape
from forecast.outputs import outer, quantiles

BACK = torch.tensor([[[0.0, 10.0, 1.0]]])


def shape(outputs: int, targets: int = 1, likelihood: str = "") -> Shape:
    return Shape(inputs=targets, leads=1, outputs=outputs, targets=targets, likelihood=likelihood)


def at(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float32).reshape(1, 1, 1, -1)


def test_quantiles_that_cross_are_sorted_target_by_target() -> None:
    found = quantiles(at(3, 1, 2, 9, 8, 7), shape(6, 2), (0.1, 0.5, 0.9))
    assert found[0, 0, 0].tolist() == [[1, 2, 3], [7, 8, 9]]


def test_a_value_without_levels_is_itself() -> None:
    assert quantiles(at(4, 5), shape(2, 2))[0, 0, 0].tolist() == [[4], [5]]


def test_parameters_become_the_quantiles_of_their_distribution() -> None:
    found = quantiles(at(1, 0.5, 0), shape(3, likelihood="student_t"), (0.1, 0.5, 0.9))
    expected = stats.t.ppf([0.1, 0.5, 0.9], 3, 1, 1e-3 + np.exp(0.5))
    np.testing.assert_allclose(found.flatten().numpy(), expected, rtol=1e-6)


def test_an_ensembles_quantiles_are_the_mean_of_its_networks_not_those_of_their_mixture() -> None:
    one, other = at(-3, 0, 6), at(3, 0, 6)  # two nearly normal distributions, six units apart
    kind = shape(3, likelihood="student_t")
    found = quantiles(torch.cat([one, other], dim=3), kind, (0.1, 0.5, 0.9))
    each = [quantiles(y, kind, (0.1, 0.5, 0.9)) for y in (one, other)]
    torch.testing.assert_close(found, (each[0] + each[1]) / 2)
    assert found.flatten()[2] < 1.4  # of the mixture it is 3.8


def test_the_outer_quantiles_never_lie_on_the_median() -> None:
    level = quantiles(at(2, 2, 2), shape(3), (0.1, 0.5, 0.9))
    low, high = outer(level, shape(3))
    assert (low < 2).all() and (high > 2).all()


def test_outer_quantiles_of_counts_lie_half_a_count_further_out() -> None:
    kind = shape(2, likelihood="negative_binomial")
    found = quantiles(at(-20, 0), kind, (0.1, 0.5, 0.9), BACK)
    assert found.flatten().tolist() == [0, 0, 0]
    low, high = outer(found, kind, BACK)
    assert (10 * low).item() == pytest.approx(-0.5, abs=2e-3) and (10 * high).item() == pytest.approx(0.5, abs=2e-3)
