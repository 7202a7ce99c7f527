"""Losses by hand."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats
from torch import Tensor

from forecast.errors import ForecastError
from forecast.training.losses import Objective

NAN = math.nan


def value(objective: Objective, y: Tensor, target: Tensor) -> float:
    cost, weight = objective(y, target)
    return float(cost / weight)


def at(*numbers: float) -> Tensor:
    """Numbers along the leads: (B, T, L, K) = (1, 1, n, 1)."""
    return torch.tensor(numbers).reshape(1, 1, -1, 1)


def test_squared_is_the_mean_square_over_what_has_a_target() -> None:
    assert value(Objective(), at(1.0, 2.0, 9.0), at(0.0, 5.0, NAN)) == pytest.approx((1 + 9) / 2)


def test_a_missing_target_has_no_gradient() -> None:
    y = at(1.0, 2.0).requires_grad_()
    cost, _ = Objective()(y, at(NAN, 1.0))
    cost.backward()
    assert y.grad is not None and y.grad.flatten().tolist() == [0.0, 2.0]


def test_lead_weights_repeat_the_last_one() -> None:
    found = value(Objective(leads=(3.0, 1.0)), at(1.0, 2.0, 3.0), at(0.0, 0.0, 0.0))
    assert found == pytest.approx((3 * 1 + 4 + 9) / 5)


def test_cells_weigh_maps_and_missing_cells_do_not_count() -> None:
    y = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 1, 1, 1, 2, 2)
    target = torch.tensor([[0.0, 0.0], [0.0, NAN]]).reshape(1, 1, 1, 1, 2, 2)
    weighted = Objective(cells=torch.tensor([[2.0], [1.0]]))
    assert value(weighted, y, target) == pytest.approx((2 * 1 + 2 * 4 + 1 * 9) / 5)


def test_lead_and_cell_weights_multiply() -> None:
    y = torch.ones(1, 1, 2, 1, 1, 2) * torch.tensor([1.0, 2.0])
    both = Objective(leads=(3.0, 1.0), cells=torch.tensor([[1.0, 2.0]]))
    assert value(both, y, torch.zeros_like(y)) == pytest.approx((3 * (1 + 8) + (1 + 8)) / (9 + 3))


def test_pinball_costs_q_below_and_1_minus_q_above() -> None:
    y = torch.tensor([1.0, 4.0]).reshape(1, 1, 1, 2)  # the 10 % and the 90 % quantile
    found = value(Objective("pinball", (0.1, 0.9)), y, at(2.0))
    assert found == pytest.approx((0.1 * 1 + 0.1 * 2) / 2)


def test_pinball_takes_targets_one_after_another_and_leaves_out_missing_ones() -> None:
    y = torch.tensor([1.0, 4.0, 7.0, 7.0]).reshape(1, 1, 1, 4)
    target = torch.tensor([2.0, NAN]).reshape(1, 1, 1, 2)
    assert value(Objective("pinball", (0.1, 0.9)), y, target) == pytest.approx(0.15)


def test_pinball_of_maps_weighs_cells() -> None:
    y = torch.zeros(1, 1, 1, 1, 1, 2)
    target = torch.tensor([1.0, 2.0]).reshape(1, 1, 1, 1, 1, 2)
    objective = Objective("pinball", (0.5,), cells=torch.tensor([[3.0, 1.0]]))
    assert value(objective, y, target) == pytest.approx((3 * 0.5 + 1 * 1) / 4)


def test_binary_cross_entropy_is_that_of_logits() -> None:
    assert value(Objective("binary_cross_entropy"), at(0.0, 2.0), at(1.0, NAN)) == pytest.approx(math.log(2))


def test_cross_entropy_is_that_of_the_softmax_over_outputs() -> None:
    y = torch.tensor([0.0, math.log(3.0)]).reshape(1, 1, 1, 2)
    assert value(Objective("cross_entropy"), y, torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 2)) == pytest.approx(
        -math.log(3 / 4)
    )


def test_pinball_without_quantiles_is_refused() -> None:
    with pytest.raises(ForecastError, match=r"quantiles for the pinball loss(.|\n)*\[task\] quantiles"):
        Objective("pinball")


def test_a_class_may_be_given_by_its_number() -> None:
    logits = torch.tensor([[0.3, -1.0, 2.0], [1.0, 0.0, 0.0]]).reshape(1, 2, 1, 3)
    one_hot = torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]).reshape(1, 2, 1, 3)
    number = torch.tensor([2.0, 1.0]).reshape(1, 2, 1, 1)
    assert value(Objective("cross_entropy"), logits, number) == pytest.approx(
        value(Objective("cross_entropy"), logits, one_hot)
    )
    half = torch.tensor([2.0, NAN]).reshape(1, 2, 1, 1)
    expected = -torch.log_softmax(logits[0, 0, 0], dim=0)[2].item()
    assert value(Objective("cross_entropy"), logits, half) == pytest.approx(expected)


@pytest.mark.parametrize(
    "objective", [Objective(), Objective(leads=(1.0,)), Objective(leads=(3.0, 1.0)), Objective("binary_cross_entropy")]
)
@pytest.mark.parametrize("missing", [False, True])
def test_the_mean_is_the_ratio_of_the_sums(objective: Objective, missing: bool) -> None:
    y, target = torch.randn(2, 3, 2, 1), torch.rand(2, 3, 2, 1)
    target[0, 0, 0, 0] = NAN if missing else 0.5
    cost, weight = objective(y, target)
    mean, count = objective.mean(y, target, int(torch.isfinite(target).sum()))
    assert (mean.item(), count) == (pytest.approx(float(cost / weight)), pytest.approx(float(weight)))


def test_a_class_that_is_none_is_refused() -> None:
    target = torch.tensor([[[[0.0]], [[5.0]]]])
    with pytest.raises(ForecastError, match=r"(?s)classes from 0 to 3.*from 0 to 5.*mend the targets"):
        Objective("cross_entropy")(torch.zeros(1, 2, 1, 4), target)


def test_student_t_takes_parameters_target_by_target_and_leaves_out_missing_ones() -> None:
    y = torch.tensor([1.0, 0, 0, 9, 9, 9]).reshape(1, 1, 1, 6)  # two targets; log scale 0, df = 3
    target = torch.tensor([2.0, NAN]).reshape(1, 1, 1, 2)
    assert value(Objective("student_t"), y, target) == pytest.approx(-stats.t.logpdf(2, 3, 1, 1.001), abs=1e-6)


def test_negative_binomial_counts_along_the_way_back() -> None:
    y, back = torch.zeros(1, 1, 2, 2), torch.tensor([[[1.0, 4.0, 1.0]]])  # counts 1 + 4 z
    mean, n = 4 * (1e-6 + math.log1p(math.exp(0.25))), math.sqrt(5) / (1e-6 + math.log(2))
    cost, weight = Objective("negative_binomial")(y, at(0.5, NAN), back)
    assert float(cost / weight) == pytest.approx(-stats.nbinom.logpmf(3, n, n / (n + mean)), abs=1e-6)


def test_a_missing_count_has_no_gradient() -> None:
    y = torch.zeros(1, 1, 2, 2, requires_grad=True)
    Objective("negative_binomial")(y, at(NAN, 1.0), torch.tensor([[[1.5, 0.5, 1.0]]]))[0].backward()
    assert y.grad is not None and y.grad[0, 0, 0].tolist() == [0.0, 0.0] and (y.grad[0, 0, 1] != 0).all()


def test_leads_weigh_likelihoods_too() -> None:
    y, target = torch.zeros(1, 1, 2, 3), at(0.0, 2.0)
    each = -stats.t.logpdf([0, 2], 3, 0, 1.001)
    found = value(Objective("student_t", leads=(3.0, 1.0)), y, target)
    assert found == pytest.approx((3 * each[0] + each[1]) / 4, abs=1e-6)
