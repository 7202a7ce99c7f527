"""The linear start: what it says, that a step left out is forecast as by a regression without it, what it carries."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from forecast.models.base import Shape, create
from forecast.models.convlstm import ConvLSTM
from forecast.models.linear_start import STATE, LinearStart, Regression

SHAPE = Shape(inputs=1, leads=2, grid=(1, 2))


def hand() -> LinearStart:
    """One component, the first cell; it forecasts (1, 2) times 1/2 z(t) + 1/4 z(t - 1), a day later half of that."""
    start = LinearStart(SHAPE).double()
    weight = torch.tensor([[0.5, 0.25], [0.25, 0.125]]).reshape(2, 2, 1, 1)
    maps = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[1.0, 2.0]]])
    start.give([Regression(*maps, weight, torch.zeros(2, 2, 2))])
    return start


def maps(*first: float) -> Tensor:
    return torch.tensor([[value, 9.0] for value in first], dtype=torch.float64).reshape(1, -1, 1, 1, 2)


def test_the_newest_components_and_those_before_forecast_every_lead() -> None:
    start = hand()
    said, _ = start.said(maps(4.0, 8.0), start.initial(torch.zeros(1, 1, 1, 2).double()))
    assert said.reshape(2, 2, 2).tolist() == [[[2, 4], [1, 2]], [[5, 10], [2.5, 5]]]


def test_components_of_the_steps_before_are_carried() -> None:
    start, blank = hand(), torch.zeros(1, 1, 1, 2).double()
    whole, last = start.said(maps(4.0, 8.0, 1.0), start.initial(blank))
    first, state = start.said(maps(4.0), start.initial(blank))
    rest, after = start.said(maps(8.0, 1.0), state)
    assert torch.equal(torch.cat([first, rest], dim=1), whole) and torch.equal(after[STATE], last[STATE])


def regressed(features: Tensor, target: Tensor, penalty: float) -> Tensor:
    return torch.linalg.solve(features.T @ features + penalty * torch.eye(features.shape[1]), features.T @ target)


@pytest.mark.parametrize("left_out", [0, 7, 20])
def test_a_step_learned_from_is_forecast_as_by_the_regression_without_it(left_out: int) -> None:
    shape, draw = Shape(inputs=2, leads=1, grid=(2, 2)), torch.Generator().manual_seed(0)
    x = torch.randn(1, 30, 2, 2, 2, generator=draw, dtype=torch.float64)
    truth = torch.randn(1, 30, 1, 1, 2, 2, generator=draw, dtype=torch.float64)
    features, target = x[0, :, 0].flatten(1), truth[0, :, 0, 0].flatten(1)
    identity = torch.eye(4, dtype=torch.float64)
    inverse = torch.linalg.inv(features.T @ features + 0.3 * identity)
    start = LinearStart(shape).double()
    each = identity.reshape(4, 2, 2)
    start.give([Regression(each, each, (inverse @ features.T @ target)[None, None], inverse[None])])
    said, _ = start.said(x, start.initial(torch.zeros(1, 1, 2, 2).double()), truth)
    kept = torch.arange(30) != left_out
    without = features[left_out] @ regressed(features[kept], target[kept], 0.3).double()
    torch.testing.assert_close(said[0, left_out, 0, 0].flatten(), without)


def test_a_step_whose_truth_is_unknown_is_forecast_as_any_other() -> None:
    start = hand()
    start.inverse = torch.full_like(start.inverse, 0.1) if len(start.inverse) else torch.zeros(0)
    before = start.initial(torch.zeros(1, 1, 1, 2).double())
    unknown = torch.full((1, 2, 2, 1, 1, 2), torch.nan, dtype=torch.float64)
    assert torch.equal(start.said(maps(4.0, 8.0), before, unknown)[0], start.said(maps(4.0, 8.0), before)[0])


def built(shape: Shape = SHAPE) -> ConvLSTM:
    model = create(ConvLSTM, shape, {"hidden": [3], "dilation": [1], "residual": "linear", "dropout": 0.0})
    assert isinstance(model, ConvLSTM) and isinstance(model.start, LinearStart)
    weight = torch.tensor([[0.5, 0.25], [0.25, 0.125]]).reshape(2, 2, 1, 1)
    maps = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[1.0, 2.0]]])
    model.start.give([Regression(*maps, weight, torch.full((2, 2, 2), 0.02))])
    return model.eval()


def test_the_network_adds_to_the_linear_forecast_times_its_gain() -> None:
    model, x = built(), maps(4.0, 8.0).float()
    torch.nn.init.zeros_(model.head.weight)
    assert model(x)[0].reshape(2, 2, 2).tolist() == [[[2, 4], [1, 2]], [[5, 10], [2.5, 5]]]
    torch.nn.init.constant_(model.start.gain, 0.5)
    assert model(x)[0].reshape(2, 2, 2).tolist() == [[[1, 2], [0.5, 1]], [[2.5, 5], [1.25, 2.5]]]


def test_its_state_is_carried_beside_that_of_the_layers() -> None:
    model, x = built(), maps(4.0, 8.0, 1.0, 2.0).float()
    whole, _ = model(x)
    first, state = model(x[:, :3])
    assert set(state) == {"h0", "c0", STATE}
    torch.testing.assert_close(torch.cat([first, model(x[:, 3:], None, state)[0]], dim=1), whole)


def test_the_truth_is_used_while_training_and_the_weights_that_are_saved_hold_all_that_a_forecast_needs() -> None:
    model, x = built(), maps(4.0, 8.0).float()
    truth = torch.full((1, 2, 2, 1, 1, 2), 3.0)
    assert not torch.equal(model(x, None, None, truth)[0], model(x)[0])
    again = create(ConvLSTM, SHAPE, model.options.model_dump(), seed=5).eval()
    again.load_state_dict(model.state_dict())
    assert "start.inverse" not in model.state_dict() and torch.equal(again(x)[0], model(x)[0])
