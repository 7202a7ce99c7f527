"""Every registered model passes one contract: shapes, carried state, seeds, gradients, no look-ahead, refusals."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from forecast.errors import ForecastError
from forecast.models import MODELS
from forecast.models.base import Model, Shape, State, create, detach, reset
from forecast.registry import member

SERIES = Shape(inputs=4, leads=3, outputs=4, future=2, targets=2)
MAP = Shape(inputs=3, leads=2, outputs=1, grid=(4, 5))
SMALL = {"convlstm": {"hidden": [3, 2], "kernel": 3}, "mlp": {"hidden": 5, "context": 3}}
CASES = [
    (name, shape)
    for name in MODELS
    for shape, kind in ((SERIES, "series"), (MAP, "map"))
    if kind in member("model", MODELS, name).kinds
]
each = pytest.mark.parametrize(
    ("name", "shape"), CASES, ids=[f"{name}-{len(shape.grid or ())}d" for name, shape in CASES]
)


def build(name: str, shape: Shape, **options: object) -> Model:
    options = {**SMALL.get(name, {"hidden": 5, "layers": 2}), "dropout": 0.0, **options}
    return create(member("model", MODELS, name), shape, options, seed=3).double().eval()


def inputs(shape: Shape, steps: int, streams: int = 2, seed: int = 0) -> tuple[Tensor, Tensor | None]:
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(streams, steps, shape.inputs, *(shape.grid or ()), generator=draw, dtype=torch.float64)
    if not shape.future:
        return x, None
    return x, torch.randn(streams, steps, shape.leads, shape.future, generator=draw, dtype=torch.float64)


def part(future: Tensor | None, start: int, stop: int) -> Tensor | None:
    return None if future is None else future[:, start:stop]


def forecasts(model: Model, y: Tensor) -> Tensor:
    """The outputs that are forecasts: all, or the last of a model that is not aligned."""
    return y if model.aligned else y[:, -1:]


@each
def test_y_has_every_lead_and_output_of_every_step(name: str, shape: Shape) -> None:
    model = build(name, shape)
    x, future = inputs(shape, steps=7)
    y, state = model(x, future)
    assert y.shape == (2, 7, shape.leads, shape.outputs, *(shape.grid or ()))
    assert torch.isfinite(forecasts(model, y)).all()
    assert state and all(len(tensor) == 2 for tensor in state.values())


@each
def test_only_the_last_output_of_a_model_that_is_not_aligned_is_a_number(name: str, shape: Shape) -> None:
    model = build(name, shape)
    y, _ = model(*inputs(shape, steps=4))
    assert torch.isnan(y[:, :-1]).all() != model.aligned


@each
@pytest.mark.parametrize("cuts", [(0, 3, 7), (0, 1, 2, 3, 4, 5, 6, 7)])
def test_chunks_with_carried_state_give_what_one_unbroken_run_gives(
    name: str, shape: Shape, cuts: tuple[int, ...]
) -> None:
    model = build(name, shape)
    x, future = inputs(shape, steps=7)
    whole, last = model(x, future)
    state: State | None = None
    parts = []
    for start, stop in pairwise(cuts):
        y, state = model(x[:, start:stop], part(future, start, stop), state)
        parts.append(y)
    for key in last:
        torch.testing.assert_close(state[key], last[key], atol=1e-12, rtol=0)  # type: ignore[index]
    if model.aligned:
        torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-12, rtol=0)


@each
def test_a_state_of_zeros_is_the_initial_state(name: str, shape: Shape) -> None:
    model = build(name, shape)
    x, future = inputs(shape, steps=3)
    _, state = model(x, future)
    zeros = reset(state, torch.tensor([True, True]))
    torch.testing.assert_close(model(x, future, zeros)[0], model(x, future)[0], equal_nan=True)


@each
def test_reset_touches_the_marked_streams_only(name: str, shape: Shape) -> None:
    _, state = build(name, shape)(*inputs(shape, steps=3))
    after = reset(state, torch.tensor([True, False]))
    for key, tensor in after.items():
        assert not tensor[0].any()
        assert torch.equal(tensor[1], state[key][1])


@each
def test_equal_seeds_give_equal_weights_and_others_do_not(name: str, shape: Shape) -> None:
    kind, options = member("model", MODELS, name), SMALL.get(name, {})
    first, again, other = (create(kind, shape, options, seed) for seed in (1, 1, 2))
    for key, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[key])
    assert any(not torch.equal(value, other.state_dict()[key]) for key, value in first.state_dict().items())


@each
def test_building_leaves_the_global_generator_alone(name: str, shape: Shape) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    build(name, shape)
    assert torch.equal(torch.rand(1), expected)


@each
def test_the_gradient_is_the_numerical_one(name: str, shape: Shape) -> None:
    model = build(name, shape)
    x, future = inputs(shape, steps=3, streams=1)
    names, values = zip(*model.named_parameters(), strict=True)

    def function(x: Tensor, *weights: Tensor) -> Tensor:
        y, _ = torch.func.functional_call(model, dict(zip(names, weights, strict=True)), (x, future))
        return forecasts(model, y)

    assert torch.autograd.gradcheck(function, (x.requires_grad_(), *values), fast_mode=True)


@each
def test_saved_weights_give_the_same_forecasts(name: str, shape: Shape) -> None:
    model, other = (
        build(name, shape),
        create(member("model", MODELS, name), shape, SMALL.get(name, {"hidden": 5, "layers": 2}), 9),
    )
    other.double().eval().load_state_dict(model.state_dict())
    x, future = inputs(shape, steps=3)
    assert torch.equal(forecasts(model, model(x, future)[0]), forecasts(model, other(x, future)[0]))


@each
def test_a_later_input_changes_no_earlier_forecast(name: str, shape: Shape) -> None:
    model = build(name, shape)
    x, future = inputs(shape, steps=6)
    other, later = inputs(shape, steps=6, seed=1)
    mixed = torch.cat([x[:, :4], other[:, 4:]], dim=1)
    ahead = None if future is None or later is None else torch.cat([future[:, :4], later[:, 4:]], dim=1)
    y, _ = model(x, future)
    changed, _ = model(mixed, ahead)
    if model.aligned:
        assert torch.equal(y[:, :4], changed[:, :4])
    assert not torch.allclose(y[:, -1], changed[:, -1])


@each
def test_the_carried_state_matters(name: str, shape: Shape) -> None:
    model = build(name, shape)
    x, future = inputs(shape, steps=1)
    _, state = model(*inputs(shape, steps=4, seed=2))
    assert not torch.allclose(model(x, future, state)[0], model(x, future)[0])


@each
def test_a_detached_state_carries_values_and_no_gradient(name: str, shape: Shape) -> None:
    model = build(name, shape)
    _, state = model(*inputs(shape, steps=3))
    for key, tensor in detach(state).items():
        assert torch.equal(tensor, state[key]) and not tensor.requires_grad


@each
@pytest.mark.parametrize(("residual", "expected"), [("none", 0.0), ("persistence", 1.0), ("damped", 0.5)])
def test_a_network_that_says_nothing_forecasts_its_start(
    name: str, shape: Shape, residual: str, expected: float
) -> None:
    model = build(name, shape, residual=residual)
    for key, value in model.named_parameters():
        if "start" not in key:
            torch.nn.init.zeros_(value)
    model.prime(torch.full((shape.leads, shape.targets, *(shape.grid or ())), 0.5, dtype=torch.float64))
    x, future = inputs(shape, steps=2)
    y, _ = model(x, future)
    repeats = shape.outputs // shape.targets
    start = expected * x[:, :, : shape.targets].repeat_interleave(repeats, dim=2).unsqueeze(2).expand_as(y)
    torch.testing.assert_close(forecasts(model, y), forecasts(model, start))


@each
def test_wrong_channels_are_refused(name: str, shape: Shape) -> None:
    x, future = inputs(shape, steps=2)
    with pytest.raises(ForecastError, match=rf"inputs \(B, T, {shape.inputs}") as refusal:
        build(name, shape)(x[:, :, 1:], future)
    assert str(tuple(x[:, :, 1:].shape)) in str(refusal.value)


@each
def test_a_state_of_other_streams_is_refused(name: str, shape: Shape) -> None:
    model = build(name, shape)
    x, future = inputs(shape, steps=2)
    _, state = model(x, future)
    with pytest.raises(ForecastError, match="a state of 1 streams"):
        model(x[:1], None if future is None else future[:1], state)


@each
def test_an_unknown_option_is_refused_with_the_known_ones(name: str, shape: Shape) -> None:
    with pytest.raises(ForecastError, match=r"hidden(.|\n)*got hiden: Extra inputs"):
        build(name, shape, hiden=3)


def test_missing_future_features_are_refused() -> None:
    x, _ = inputs(SERIES, steps=2)
    with pytest.raises(ForecastError, match=r"future features \(2, 2, 3, 2\)"):
        build("lstm", SERIES)(x)


def test_maps_are_refused_by_a_model_of_series() -> None:
    with pytest.raises(ForecastError, match=r"series data for LSTM(.|\n)*map data"):
        build("lstm", MAP)


def test_outputs_that_are_no_multiple_of_the_targets_are_refused() -> None:
    with pytest.raises(ForecastError, match="3 outputs for 2 targets"):
        build("lstm", Shape(inputs=2, leads=1, outputs=3, targets=2))
