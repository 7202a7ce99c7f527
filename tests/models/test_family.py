"""Every registered model passes one contract: shapes, carried state, seeds, gradients, no look-ahead, bf16, saving."""

from __future__ import annotations

import pytest
import safetensors.torch
import torch
from torch import Tensor

from forecast.models.base import Shape, create, detach
from forecast.models.bidirectional import Bidirectional
from forecast.models.recurrent import Recurrent
from tests.models.small import build, each, forecasts, in_chunks, inputs, kind, part, small, takes

BF16 = 5 * 2**-8  # five roundings to eight bits, relative to the largest output


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
@pytest.mark.parametrize("sizes", [(3, 4), (1, 1, 1, 1, 1, 1, 1)])
def test_chunks_with_carried_state_give_what_one_unbroken_run_gives(
    name: str, shape: Shape, sizes: tuple[int, ...]
) -> None:
    model = build(name, shape)
    x, future = inputs(shape, steps=7)
    whole, last = model(x, future)
    parts, state = in_chunks(model, x, future, sizes)
    assert list(state) == list(last)
    for key in last:
        torch.testing.assert_close(state[key], last[key], atol=1e-12, rtol=0)
    if model.aligned:
        torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-12, rtol=0)


@each
def test_streams_do_not_see_each_other(name: str, shape: Shape) -> None:
    model = build(name, shape)
    x, future = inputs(shape, steps=5)
    y, state = model(x, future)
    alone, alone_state = model(x[1:], None if future is None else future[1:])
    torch.testing.assert_close(forecasts(model, alone), forecasts(model, y[1:]), atol=1e-12, rtol=0)
    for key, value in alone_state.items():
        torch.testing.assert_close(value, state[key][1:], atol=1e-12, rtol=0)


@each
def test_the_carried_state_matters(name: str, shape: Shape) -> None:
    model = build(name, shape)
    x, future = inputs(shape, steps=1)
    _, state = model(*inputs(shape, steps=4, seed=2))
    assert not torch.allclose(model(x, future, state)[0], model(x, future)[0])


@each
def test_a_detached_state_carries_values_and_no_gradient(name: str, shape: Shape) -> None:
    model = build(name, shape)
    x, future = inputs(shape, steps=3)
    _, state = model(x.requires_grad_(), future)
    assert any(tensor.requires_grad for tensor in state.values())
    for key, tensor in detach(state).items():
        assert torch.equal(tensor, state[key]) and not tensor.requires_grad


@each
def test_equal_seeds_give_equal_weights_and_forecasts_and_others_do_not(name: str, shape: Shape) -> None:
    first, again, other = (build(name, shape, seed) for seed in (1, 1, 2))
    for key, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[key])
    x, future = inputs(shape, steps=4)
    y, expected = forecasts(first, first(x, future)[0]), forecasts(again, again(x, future)[0])
    assert torch.equal(y, expected)
    assert torch.equal(y, forecasts(first, first(x, future)[0]))
    assert not torch.allclose(y, forecasts(other, other(x, future)[0]))


@each
def test_building_leaves_the_global_generator_alone(name: str, shape: Shape) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    build(name, shape)
    assert torch.equal(torch.rand(1), expected)


@each
def test_the_gradient_is_the_numerical_one_across_a_carried_state(name: str, shape: Shape) -> None:
    model = build(name, shape)
    x, future = inputs(shape, steps=4, streams=1)
    names, values = zip(*model.named_parameters(), strict=True)

    def function(x: Tensor, *weights: Tensor) -> Tensor:
        weights_by_name, state, outputs = dict(zip(names, weights, strict=True)), None, []
        for start in (0, 2):
            chunk = (x[:, start : start + 2], part(future, start, start + 2), state)
            y, state = torch.func.functional_call(model, weights_by_name, chunk)
            outputs.append(forecasts(model, y))
        return torch.cat(outputs, dim=1)

    assert torch.autograd.gradcheck(function, (x.requires_grad_(), *values), fast_mode=True)


@each
def test_saved_weights_give_the_same_forecasts(name: str, shape: Shape) -> None:
    options = {"initial": "learned"} if takes(name, "initial") else {}
    model, other = build(name, shape, 3, **options), build(name, shape, 9, **options)
    other.load_state_dict(safetensors.torch.load(safetensors.torch.save(model.state_dict())))
    x, future = inputs(shape, steps=3)
    assert torch.equal(forecasts(model, model(x, future)[0]), forecasts(other, other(x, future)[0]))


@each
def test_a_later_input_changes_no_earlier_forecast(name: str, shape: Shape) -> None:
    model = build(name, shape)
    (x, future), (other, later) = inputs(shape, steps=6), inputs(shape, steps=6, seed=1)
    ahead = None if future is None or later is None else torch.cat([future[:, :4], later[:, 4:]], dim=1)
    y, _ = model(x, future)
    changed, _ = model(torch.cat([x[:, :4], other[:, 4:]], dim=1), ahead)
    if model.aligned:
        torch.testing.assert_close(changed[:, :4], y[:, :4], atol=1e-13, rtol=0)
    assert not torch.allclose(y[:, -1], changed[:, -1])


@each
def test_in_bf16_forecasts_and_gradients_are_near_those_in_float32(name: str, shape: Shape) -> None:
    x, future = (None if one is None else one.float() for one in inputs(shape, steps=6))
    expected = forecasts(kind(name), build(name, shape).float()(x, future)[0])
    model = build(name, shape).bfloat16()
    y, state = model(x.bfloat16(), None if future is None else future.bfloat16())
    assert {y.dtype, *(tensor.dtype for tensor in state.values())} == {torch.bfloat16}
    y = forecasts(model, y).float()
    assert (y - expected).abs().max() < BF16 * expected.abs().max()
    y.square().mean().backward()
    assert all(value.grad is None or value.grad.isfinite().all() for value in model.parameters())


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
def test_without_a_target_among_the_inputs_nothing_is_added(name: str, shape: Shape) -> None:
    bare = Shape(inputs=3, leads=1, outputs=2, targets=0, grid=shape.grid)
    x, _ = inputs(bare, steps=3)
    y, none = (build(name, bare, residual=residual)(x)[0] for residual in ("damped", "none"))
    assert torch.equal(y.isnan(), none.isnan()) and y.shape[3] == 2
    assert not any("start" in key for key, _ in build(name, bare, residual="damped").named_parameters())


@each
def test_the_trace_shows_gates_in_0_to_1_and_the_hidden_units_of_the_forward_pass(name: str, shape: Shape) -> None:
    model = build(name, shape)
    x, future = inputs(shape, steps=5)
    _, carried = model(*inputs(shape, steps=3, seed=4))
    traced = model.trace(x, future, carried)
    assert all(value.shape[:2] == (2, 5) and not value.requires_grad for value in traced.values())
    gates = [value for key, value in traced.items() if key.endswith("gate")]
    assert all((gate >= 0).all() and (gate <= 1).all() for gate in gates)
    if isinstance(model, Recurrent):
        heard: list[Tensor] = []
        model.head.register_forward_pre_hook(lambda _, given: heard.append(given[0]))
        _, state = model(x, future, carried)
        for number in range(model.options.layers):
            hidden = traced[f"layer{number}.hidden"]
            if "h" in state:
                torch.testing.assert_close(hidden[:, -1], state["h"][:, number], atol=1e-6, rtol=0)
        if isinstance(model, Bidirectional):
            hidden, heard = hidden[:, -1:], [heard[0][..., : hidden.shape[-1]]]
        torch.testing.assert_close(hidden, heard[0], atol=1e-6, rtol=0)


@each
def test_recurrent_weights_are_square_and_as_wide_as_the_layer(name: str, shape: Shape) -> None:
    weights = build(name, shape).recurrent_weights()
    assert {weight.shape for weight in weights.values()} <= {(4, 4)}
    assert bool(weights) != (name in ("mlp", "cnn", "convlstm", "encoder_forecaster", "mlstm"))  # these have none


@each
def test_dropout_acts_in_training_only(name: str, shape: Shape) -> None:
    model = create(kind(name), shape, {**small(name), "dropout": 0.5}, seed=1)
    x, future = (None if one is None else one.float() for one in inputs(shape, steps=3))
    y, again = (forecasts(model, model.train()(x, future)[0]) for _ in range(2))
    assert not torch.equal(y, again)
    y, again = (forecasts(model, model.eval()(x, future)[0]) for _ in range(2))
    assert torch.equal(y, again)
