"""A layer's sweep over time and its own steps agree, in outputs and gradients; both agree with torch's modules."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from forecast.models import MODELS
from forecast.models.base import Shape, State, create, reset
from forecast.models.bidirectional import Bidirectional
from forecast.models.layer import Dense, Layer
from forecast.models.recurrent import Recurrent
from tests.models.small import kind, shaken

BOUND = {torch.float32: 1e-6, torch.float64: 1e-10}  # relative to the largest value
NORMS = ("none", "layer", "batch")
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "rnn": [{"activation": act, "normalise": norm} for act, norm in product(("tanh", "relu", "prelu"), NORMS)],
    "forget_rnn": [{"normalise": norm} for norm in NORMS],
    "lstm": [{"normalise": norm} for norm in NORMS],
    "gru": [
        {"reset": reset, "update": update, "normalise": norm}
        for reset, update, norm in product(("before", "after"), ("keep", "write"), NORMS)
        if (reset, norm) != ("before", "layer")
    ],
    "slstm": [{"heads": heads, "forget": form} for heads, form in product((1, 2), ("sigmoid", "exponential"))],
    "mlstm": [{"heads": heads} for heads in (1, 2)],
}
FUSED = [
    (name, options)
    for name in MODELS
    if issubclass(kind(name), Recurrent) and not issubclass(kind(name), Bidirectional)
    if kind(name).layer.sweep is not Layer.sweep
    for options in VARIANTS.get(name, [{}])
]
swept = pytest.mark.parametrize(
    ("name", "options"), FUSED, ids=["-".join([name, *map(str, options.values())]) for name, options in FUSED]
)


def near(got: Tensor, expected: Tensor, what: str = "") -> None:
    error, bound = (got - expected).abs().max(), BOUND[got.dtype] * max(1e-3, expected.abs().max().item())
    assert error <= bound, f"{what}: off by {error:.1e}, allowed {bound:.1e}"


def noise(*sizes: int, dtype: torch.dtype, seed: int = 0) -> Tensor:
    return torch.randn(sizes, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def begun(layer: Layer, streams: int, dtype: torch.dtype) -> State:
    sizes = enumerate(layer.sizes.items())
    return {key: noise(streams, *size, dtype=dtype, seed=5 + number).abs() for number, (key, size) in sizes}


def results(layer: Layer, sweep: Any, x: Tensor, state: State) -> dict[str, Tensor]:
    """Outputs, the last state, and the gradients of a sum of both, each output weighted differently."""
    leaves = {"x": x.clone().requires_grad_(), **{key: value.clone().requires_grad_() for key, value in state.items()}}
    h, last = sweep(leaves["x"], {key: leaves[key] for key in state})
    total = (h * noise(*h.shape, dtype=x.dtype, seed=1)).sum()
    total = total + sum((value * noise(*value.shape, dtype=x.dtype, seed=2)).sum() for value in last.values())
    leaves |= dict(layer.named_parameters())
    gradients = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    found = {"h": h, **{f"last {key}": value for key, value in last.items()}}
    return found | {
        f"gradient of {key}": value for key, value in zip(leaves, gradients, strict=True) if value is not None
    }


@swept
@pytest.mark.parametrize("dtype", BOUND, ids=["float32", "float64"])
@pytest.mark.parametrize(("streams", "steps"), [(3, 12), (1, 1)])
def test_a_sweep_gives_the_outputs_and_gradients_of_single_steps(
    name: str, options: dict[str, Any], dtype: torch.dtype, streams: int, steps: int
) -> None:
    member = kind(name)
    layer = shaken(member.layer(4, member.Options(hidden=8, **options))).to(dtype).eval()
    x, state = noise(streams, steps, 4, dtype=dtype), begun(layer, streams, dtype)
    swept, stepped = results(layer, layer, x, state), results(layer, layer.unroll, x, state)
    assert list(swept) == list(stepped) and any(key.startswith("gradient") for key in swept)
    for key, expected in stepped.items():
        near(swept[key], expected, key)


@swept
def test_the_trace_shows_the_hidden_units_and_the_state_of_the_sweep(name: str, options: dict[str, Any]) -> None:
    member = kind(name)
    layer = shaken(member.layer(4, member.Options(hidden=8, **options))).double().eval()
    x = noise(3, 6, 4, dtype=torch.float64)
    h, last = layer(x, begun(layer, 3, torch.float64))
    traced, state, shown = layer.trace(x, begun(layer, 3, torch.float64))
    near(traced, h)
    near(shown["hidden"], h)
    for key, expected in last.items():
        near(state[key], expected)
        if key == "c" and "cell" in shown:
            near(shown["cell"][:, -1], expected)


@swept
def test_stacks_swept_over_chunks_with_a_stream_begun_anew_give_what_single_steps_give(
    name: str, options: dict[str, Any]
) -> None:
    shape, small = Shape(inputs=3, leads=2), {"hidden": 8, "layers": 3, "dropout": 0.0, "initial": "learned"}
    model = shaken(create(kind(name), shape, {**small, **options})).double().eval()
    x = noise(2, 9, 3, dtype=torch.float64)

    def losses() -> tuple[Tensor, ...]:
        first, state = model(x[:, :4])
        second, state = model(x[:, 4:], None, reset(state, torch.tensor([False, True]), model.initial(2)))
        y = torch.cat([first, second], dim=1)
        total = (y * noise(*y.shape, dtype=y.dtype, seed=1)).sum()
        return y, *state.values(), *torch.autograd.grad(total, list(model.parameters()), allow_unused=True)

    swept = losses()
    for layer in model.stack.layers:
        layer.sweep = layer.unroll
    for got, expected in zip(swept, losses(), strict=True):
        near(got, expected)


TORCH = [
    ("lstm", {}, nn.LSTM, {}),
    ("gru", {}, nn.GRU, {}),
    ("rnn", {}, nn.RNN, {"nonlinearity": "tanh"}),
    ("rnn", {"activation": "relu"}, nn.RNN, {"nonlinearity": "relu"}),
]


@pytest.mark.parametrize(("name", "options", "module", "more"), TORCH, ids=["lstm", "gru", "rnn", "rnn-relu"])
@pytest.mark.parametrize("dtype", BOUND, ids=["float32", "float64"])
def test_with_equal_weights_a_stack_gives_the_outputs_and_gradients_of_torchs_own(
    name: str, options: dict[str, Any], module: type[nn.RNNBase], more: dict[str, Any], dtype: torch.dtype
) -> None:
    small = {"hidden": 5, "layers": 2, "dropout": 0.0, **options}
    stack = shaken(create(kind(name), Shape(inputs=3, leads=1), small).stack).to(dtype)
    theirs = module(3, 5, num_layers=2, batch_first=True, dtype=dtype, **more)
    pairs = []
    for number, layer in enumerate(stack.layers):
        pairs += [(layer.seen.weight, getattr(theirs, f"weight_ih_l{number}"))]
        pairs += [(layer.carried.weight, getattr(theirs, f"weight_hh_l{number}"))]
        pairs += [(layer.seen.bias, getattr(theirs, f"bias_ih_l{number}"))]
        other = getattr(theirs, f"bias_hh_l{number}")
        pairs += [(layer.carried.bias, other)] if layer.biased else []
        nn.init.zeros_(other)
    with torch.no_grad():
        for ours, other in pairs:
            other.copy_(ours)
    x = noise(4, 10, 3, dtype=dtype)
    state = {key: noise(4, *size, dtype=dtype, seed=3) for key, size in stack.sizes.items()}
    h, last = stack(x, state)
    before = tuple(value.transpose(0, 1).contiguous() for value in state.values())
    expected, after = theirs(x, before if name == "lstm" else before[0])
    near(h, expected)
    for key, value in zip(last, after if name == "lstm" else [after], strict=True):
        near(last[key], value.transpose(0, 1))
    towards = noise(*h.shape, dtype=dtype, seed=1)
    for output, weights in ((h, [ours for ours, _ in pairs]), (expected, [other for _, other in pairs])):
        for weight, gradient in zip(weights, torch.autograd.grad((output * towards).sum(), weights), strict=True):
            weight.grad = gradient
    for ours, other in pairs:
        near(ours.grad, other.grad)


@pytest.mark.parametrize("name", [name for name in VARIANTS if issubclass(kind(name).layer, Dense)])
def test_recurrent_weights_are_the_blocks_of_the_recurrent_product_by_what_they_feed(name: str) -> None:
    model = create(kind(name), Shape(inputs=3, leads=1), {"hidden": 4, "layers": 2})
    weights, gates = model.recurrent_weights(), kind(name).layer.gates
    assert list(weights) == [f"layer{number}.{gate}" for number in range(2) for gate in gates]
    for number, layer in enumerate(model.stack.layers):
        blocks = [weights[f"layer{number}.{gate}"] for gate in gates]
        assert torch.equal(torch.cat(blocks), layer.carried.weight)
        assert blocks[0].data_ptr() == layer.carried.weight.data_ptr()
