"""How weights move, by hand."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from forecast.models.base import Shape, create
from forecast.models.convlstm import ConvLSTM
from forecast.training.optimisation import Average, clip, optimiser, rate
from forecast.training.settings import Training


def test_one_cycle_rises_from_a_25th_to_the_peak_and_falls_to_nothing() -> None:
    settings = Training(learning_rate=1.0, warmup=0.3)
    found = [rate(settings, progress) for progress in (0, 0.15, 0.3, 0.65, 1)]
    assert found == pytest.approx([0.04, 0.52, 1.0, 0.500002, 4e-6])


def test_a_constant_rate_stays() -> None:
    assert rate(Training(learning_rate=0.5, schedule="constant"), 0.9) == 0.5


def test_clipping_by_norm_keeps_the_direction() -> None:
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, 4.0])
    assert clip([weight], Training(clip_norm=1.0)) == pytest.approx(5.0)
    torch.testing.assert_close(weight.grad, torch.tensor([0.6, 0.8]), atol=1e-5, rtol=0)


def test_clipping_by_value_cuts_each_element() -> None:
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, -0.1])
    clip([weight], Training(clip_norm=None, clip_value=0.5))
    assert weight.grad.tolist() == pytest.approx([0.5, -0.1])


def test_without_clipping_the_gradient_stays() -> None:
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, 4.0])
    assert clip([weight], Training(clip_norm=None)) == pytest.approx(5.0)
    assert weight.grad.tolist() == [3.0, 4.0]


def test_weights_decay_and_biases_and_damping_do_not() -> None:
    model = create(ConvLSTM, Shape(inputs=1, leads=1, grid=(3, 3)), {"hidden": [2]})
    decaying, free = optimiser(model, Training(weight_decay=0.3)).param_groups
    assert (decaying["weight_decay"], free["weight_decay"]) == (0.3, 0.0)
    assert {parameter.dim() for parameter in decaying["params"]} == {4} and len(decaying["params"]) == 3
    assert len(free["params"]) == 3  # two biases, the damping


def test_gradients_lie_in_memory_as_their_weights_do() -> None:
    """Fused AdamW steps wrongly where the two differ, as channels-last maps could make them."""
    model = create(ConvLSTM, Shape(inputs=2, leads=2, grid=(5, 6)), {"hidden": [3, 3]})
    y, _ = model(torch.randn(2, 3, 2, 5, 6))
    y.square().mean().backward()
    for parameter in model.parameters():
        assert parameter.grad is not None and parameter.grad.stride() == parameter.stride()


def test_the_average_forgets_slowly_once_it_has_seen_enough() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average = Average(model, 0.5)
    nn.init.ones_(model.weight)
    average.update()  # kept share min(0.5, 2 / 11)
    assert average.now()["weight"].item() == pytest.approx(9 / 11)
    average.updates = 1000
    average.update()
    assert average.now()["weight"].item() == pytest.approx((9 / 11 + 1) / 2)


def test_without_a_decay_the_weights_themselves_are_judged() -> None:
    model = nn.Linear(1, 1, bias=False)
    average = Average(model, 0.0)
    nn.init.constant_(model.weight, 3.0)
    average.update()
    assert average.now()["weight"].item() == 3.0


def test_an_update_later_than_its_own_stretch_is_refused() -> None:
    with pytest.raises(ValidationError, match="k1 = 9 > k2 = 3: an update cannot come later than its own stretch"):
        Training(k1=9, k2=3)
