"""A masked cell never leaks: what it holds moves no forecast, state or gradient; and how others make up for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from forecast.errors import ForecastError
from forecast.models import MODELS
from forecast.models.base import Model, Shape, create
from forecast.models.convolution import Convolution
from forecast.training.losses import Objective
from tests.models.small import MAP, inputs, kind, shaken, small, takes

GRID = (4, 5)
CELLS = torch.tensor([[1, 1, 0, 1, 1], [1, 0, 0, 0, 1], [1, 1, 0, 1, 0], [0, 0, 1, 1, 1]], dtype=torch.bool)
MASKED = replace(MAP, masked=True)
MAPS = [name for name in MODELS if "map" in kind(name).kinds]
WAYS: list[tuple[str, dict[str, object]]] = [(name, {}) for name in MAPS]
WAYS += [(name, {"peepholes": True}) for name in MAPS if takes(name, "peepholes")]
each = pytest.mark.parametrize(("name", "more"), WAYS, ids=[f"{name}{'-peepholes' * bool(m)}" for name, m in WAYS])


def build(name: str, shape: Shape = MASKED, cells: Tensor | None = CELLS, **more: object) -> Model:
    model = create(kind(name), shape, {**small(name), **more}, 3, cells).double().eval()
    shaken(model, 0.3)
    return model


def changed(x: Tensor) -> Tensor:
    """The same maps, but for what masked cells hold."""
    draw = torch.randn(x.shape, generator=torch.Generator().manual_seed(9), dtype=x.dtype)
    return torch.where(CELLS, x, 1e6 * draw)


def learned(model: Model, x: Tensor, target: Tensor) -> list[Tensor]:
    """Gradients of a loss that carries the state from one chunk to the next."""
    model.train()
    model.zero_grad()
    y, state = model(x[:, :3])
    rest, _ = model(x[:, 3:], None, state)
    loss, _ = Objective().mean(torch.cat([y, rest], dim=1), target, int(target.isfinite().sum()))
    loss.backward()
    return [value.grad.clone() for value in model.parameters() if value.grad is not None]


@each
@pytest.mark.parametrize("globe", [False, True])
def test_what_a_masked_cell_holds_moves_no_forecast_and_no_state(
    name: str, more: dict[str, object], globe: bool
) -> None:
    closed = replace(MASKED, grid=(4, 6), periodic=True, poles=(0, 1))
    cells = torch.cat([CELLS, CELLS[:, :1]], dim=1) if globe else CELLS
    model = build(name, closed if globe else MASKED, cells, **more)
    x, _ = inputs(model.shape, steps=5)
    other = torch.where(cells, x, 1e6)
    (y, state), (expected, last) = model(other), model(x)
    assert torch.equal(y, expected) and not y[..., ~cells].any()
    assert all(torch.equal(state[key], value) for key, value in last.items())
    inside = x.clone()
    inside[..., 0, 0] += 1
    assert not torch.equal(model(inside)[0], expected)


@each
def test_what_a_masked_cell_holds_moves_no_gradient(name: str, more: dict[str, object]) -> None:
    model, (x, _) = build(name, **more), inputs(MASKED, steps=5)
    target = torch.where(CELLS, inputs(MASKED, steps=5, seed=1)[0][:, :, None, :1], torch.nan)
    target = target.expand(-1, -1, MASKED.leads, -1, -1, -1)
    x = x.requires_grad_()
    mine = learned(model, x, target)
    assert x.grad is not None and not x.grad[..., ~CELLS].any() and x.grad[..., CELLS].any()
    theirs = learned(model, changed(x.detach()), target)
    assert len(mine) == len(theirs) > 2 and all(map(torch.equal, mine, theirs))


@each
def test_the_state_is_0_in_masked_cells(name: str, more: dict[str, object]) -> None:
    model = build(name, **more)
    _, state = model(changed(inputs(MASKED, steps=3)[0]))
    assert not any(value[..., ~CELLS].any() for value in state.values())


@each
def test_one_step_at_a_time_from_the_carried_state_is_the_unbroken_pass(name: str, more: dict[str, object]) -> None:
    model, (x, _) = build(name, **more), inputs(MASKED, steps=5)
    whole, _ = model(x)
    state, parts = None, []
    for step in x.split(1, dim=1):
        y, state = model(step, None, state)
        parts.append(y)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-12, rtol=0)


@each
def test_a_mask_that_leaves_nothing_out_changes_nothing(name: str, more: dict[str, object]) -> None:
    whole, plain = build(name, cells=torch.ones(GRID, dtype=torch.bool), **more), build(name, MAP, None, **more)
    x, _ = inputs(MAP, steps=4)
    torch.testing.assert_close(whole(x)[0], plain(x)[0], atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", MAPS)
def test_the_mask_travels_with_the_weights(name: str) -> None:
    model, other = build(name), build(name, cells=None)
    other.load_state_dict(model.state_dict())
    x, _ = inputs(MASKED, steps=2)
    assert torch.equal(other(changed(x))[0], model(x)[0])


def test_a_partial_convolution_makes_up_for_masked_cells_by_their_number() -> None:
    convolution = Convolution(1, 1, 3, Shape(inputs=1, leads=1, grid=(1, 4)))
    torch.nn.init.ones_(convolution.weight)
    torch.nn.init.constant_(convolution.bias, 0.5)
    cells = torch.tensor([[True, True, False, False]])
    y = convolution(torch.tensor([[[[1.0, 2.0, 0.0, 0.0]]]]), convolution.share(cells))
    # rows and columns repeat at the edges: 3 (1 + 1 + 2), 9 of 9 cells; 3 (1 + 2), 6 of 9; 3 x 2, 3 of 9; none
    assert y.flatten().tolist() == pytest.approx([12.5, 9 * 9 / 6 + 0.5, 6 * 9 / 3 + 0.5, 0.5])


def test_beside_a_mask_an_even_field_looks_even() -> None:
    convolution = Convolution(2, 3, 3, Shape(inputs=2, leads=1, grid=GRID), dilation=2)
    convolution.weight.data[:] = convolution.weight.data.mean(dim=(2, 3), keepdim=True)
    y = convolution(torch.ones(1, 2, *GRID) * CELLS, convolution.share(CELLS))[0][:, CELLS]
    torch.testing.assert_close(y, y[:, :1].expand_as(y))


@pytest.mark.parametrize("shape", [MAP, replace(MASKED, grid=(2, 2))])
def test_cells_of_another_shape_are_refused(shape: Shape) -> None:
    with pytest.raises(ForecastError, match=r"(?s)which cells count.*12 of \(4, 5\), masked = .*the frames' own grid"):
        build("cnn", shape)


def test_a_mask_that_leaves_no_cell_is_refused() -> None:
    with pytest.raises(ForecastError, match=r"one at least(.|\n)*got 0 of \(4, 5\), masked = True"):
        build("cnn", cells=torch.zeros(GRID, dtype=torch.bool))
