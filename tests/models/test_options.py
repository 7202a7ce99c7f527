"""What the options of recurrent models do: parts taken away, coupled gates, normalisation, activations."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from forecast.errors import ForecastError
from forecast.models.activations import activation
from forecast.models.base import Model, Shape, create
from forecast.models.layer import Dense
from tests.models.small import kind, shaken

ONE = Shape(inputs=3, leads=1)
s = torch.sigmoid
PARTS = ["input gate", "forget gate", "output gate", "input activation", "output activation"]


def build(name: str, **options: Any) -> Model:
    small = {"hidden": 4, "layers": 1, "dropout": 0.0, "residual": "none"}
    return shaken(create(kind(name), ONE, {**small, **options}, seed=1).double().eval(), std=0.6)


def layer(name: str, **options: Any) -> Dense:
    return build(name, **options).stack.layers[0]


def series(streams: int = 2, steps: int = 5, seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(streams, steps, 3, generator=draw, dtype=torch.float64)


def begun(one: Dense, streams: int = 2) -> dict[str, Tensor]:
    return {key: torch.full((streams, *size), 0.5, dtype=torch.float64) for key, size in one.sizes.items()}


def ablated(one: Dense, x: Tensor, without: tuple[str, ...], coupled: bool) -> tuple[Tensor, Tensor]:
    """Greff et al. 2017: a gate left out is 1, an activation left out the identity, the coupled input gate 1 - f."""
    h = c = torch.full((len(x), 4), 0.5, dtype=torch.float64)
    for step in x.unbind(1):
        net = step @ one.seen.weight.T + one.seen.bias + h @ one.carried.weight.T
        i, f, g, o = net.chunk(4, dim=1)
        f = torch.ones_like(f) if "forget gate" in without else s(f)
        i = torch.ones_like(i) if "input gate" in without else 1 - f if coupled else s(i)
        g = g if "input activation" in without else torch.tanh(g)
        c = f * c + i * g
        h = c if "output activation" in without else torch.tanh(c)
        if "output gate" not in without:
            h = s(o) * h
    return h, c


ABLATIONS = [((part,), False) for part in PARTS] + [((), True), (tuple(PARTS), False), (("output gate",), True)]


@pytest.mark.parametrize(("without", "coupled"), ABLATIONS, ids=str)
def test_an_lstm_without_a_part_follows_what_is_left_of_its_equations(without: tuple[str, ...], coupled: bool) -> None:
    one = layer("lstm", without=without, coupled=coupled)
    x = series()
    h, state = one(x, begun(one))
    expected, c = ablated(one, x, without, coupled)
    torch.testing.assert_close(h[:, -1], expected, atol=1e-12, rtol=0)
    torch.testing.assert_close(state["c"], c, atol=1e-12, rtol=0)


@pytest.mark.parametrize(("without", "coupled"), ABLATIONS, ids=str)
def test_the_sweep_of_what_is_left_learns_as_its_steps_do(without: tuple[str, ...], coupled: bool) -> None:
    one, x = layer("lstm", without=without, coupled=coupled), series()
    grads = []
    for run in (one.sweep, one.unroll):
        one.zero_grad()
        run(x, begun(one))[0].square().sum().backward()
        grads.append([weight.grad.clone() for weight in one.parameters() if weight.grad is not None])
    for sweep, steps in zip(*grads, strict=True):
        torch.testing.assert_close(sweep, steps, atol=1e-12, rtol=0)


@pytest.mark.parametrize(("without", "coupled"), ABLATIONS[:-2], ids=str)
def test_every_part_makes_a_difference(without: tuple[str, ...], coupled: bool) -> None:
    one, whole = layer("lstm", without=without, coupled=coupled), layer("lstm")
    assert not torch.allclose(one(series(), begun(one))[0], whole(series(), begun(whole))[0], atol=1e-3)


@pytest.mark.parametrize("part", ["input gate", "forget gate", "output gate"])
def test_a_gate_left_out_is_not_in_the_trace(part: str) -> None:
    shown = build("lstm", without=(part,)).trace(series())
    assert f"layer0.{part}" not in shown and "layer0.hidden" in shown


def test_without_its_forget_gate_an_lstm_adds_up_what_its_input_gate_lets_in() -> None:
    one = layer("lstm", without=("forget gate", "input gate", "input activation"))
    nn.init.zeros_(one.carried.weight)
    x = series()
    _, state = one(x, begun(one))
    admitted = one.drive(x).chunk(4, dim=2)[2].sum(1)
    torch.testing.assert_close(state["c"], 0.5 + admitted, atol=1e-12, rtol=0)


def test_coupled_gates_add_up_to_one() -> None:
    shown = build("lstm", coupled=True).trace(series())
    total = shown["layer0.input gate"] + shown["layer0.forget gate"]
    torch.testing.assert_close(total, torch.ones_like(total))


@pytest.mark.parametrize("part", ["input gate", "forget gate"])
def test_coupled_gates_cannot_be_taken_away_as_well(part: str) -> None:
    with pytest.raises(ForecastError, match="coupled gates are one gate"):
        build("lstm", coupled=True, without=(part,))


def test_a_part_that_the_lstm_does_not_have_is_refused_with_those_it_has() -> None:
    with pytest.raises(ForecastError, match=r"without\.0: Input should be 'input gate', 'forget gate'"):
        build("lstm", without=("peephole",))


def test_a_gru_whose_update_gate_writes_is_one_that_keeps_with_the_gates_signs_turned() -> None:
    keep, write = layer("gru"), layer("gru", update="write")
    with torch.no_grad():
        for value in (*write.seen.parameters(), *write.carried.parameters()):
            value[4:8].neg_()
    x = series()
    torch.testing.assert_close(write(x, begun(write))[0], keep(x, begun(keep))[0], atol=1e-12, rtol=0)
    kept, written = (one.trace(x, begun(one))[2]["update gate"] for one in (keep, write))
    torch.testing.assert_close(written, 1 - kept)


def test_resets_before_and_after_the_product_agree_where_the_reset_gate_is_open_and_only_there() -> None:
    before, after = layer("gru", reset="before"), layer("gru", reset="after")
    x = series()
    assert not torch.allclose(before(x, begun(before))[0], after(x, begun(after))[0], atol=1e-3)
    with torch.no_grad():
        for one in (before, after):
            one.seen.bias[:4] = 1e3
    torch.testing.assert_close(before(x, begun(before))[0], after(x, begun(after))[0], atol=1e-12, rtol=0)


def test_a_reset_before_the_product_takes_no_layer_normalisation() -> None:
    with pytest.raises(ForecastError, match='one recurrent product, so reset = "after"'):
        build("gru", reset="before", normalise="layer")


def standard(z: Tensor) -> Tensor:
    """Mean 0 and variance 1 over the units of each stream and step."""
    centred = z - z.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()


def test_layer_normalisation_standardises_both_products_and_adds_the_bias_afterwards() -> None:
    one = layer("rnn", normalise="layer")
    h = torch.full((2, 4), 0.5, dtype=torch.float64)
    for step in (x := series()).unbind(1):
        seen = standard(step @ one.seen.weight.T) * one.seen_norm.weight
        carried = standard(h @ one.carried.weight.T) * one.carried_norm.weight
        h = torch.tanh(seen + carried + one.seen.bias)
    torch.testing.assert_close(one(x, begun(one))[0][:, -1], h, atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", ["rnn", "forget_rnn", "lstm", "gru"])
def test_layer_normalisation_makes_the_scale_of_weights_and_inputs_irrelevant(name: str) -> None:
    one = layer(name, normalise="layer")
    x = series()
    h, _ = one(x, begun(one))
    scaled, _ = one(1000 * x, begun(one))
    torch.testing.assert_close(scaled, h, atol=1e-3, rtol=0)
    with torch.no_grad():
        one.carried.weight.mul_(1000)
    torch.testing.assert_close(one(x, begun(one))[0], h, atol=1e-3, rtol=0)


def test_batch_normalisation_standardises_the_input_product_over_streams_and_steps() -> None:
    one = layer("rnn", normalise="batch").train()
    nn.init.zeros_(one.carried.weight)
    x = series(streams=3)
    product = x @ one.seen.weight.T
    mean, variance = product.mean((0, 1)), product.var((0, 1), correction=0)
    expected = (product - mean) / (variance + 1e-5).sqrt() * one.seen_norm.weight + one.seen.bias
    torch.testing.assert_close(one(x, begun(one, 3))[0], expected.tanh(), atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", ["rnn", "forget_rnn", "lstm", "gru", "mlp"])
def test_batch_normalisation_goes_by_its_running_statistics_when_forecasting(name: str) -> None:
    options = {} if name == "mlp" else {"layers": 1}
    model = create(kind(name), ONE, {"hidden": 4, "normalise": "batch", "dropout": 0.0, **options}).double()
    x, other = series(), series(seed=1)
    beside = torch.cat([x[:1], other[:1]])
    for _ in range(3):
        model.train()(x)
    assert not torch.allclose(model(x)[0][0], model(beside)[0][0])  # training: each stream sees its batch
    model.eval()
    kept = {key: value.clone() for key, value in model.state_dict().items()}
    torch.testing.assert_close(model(x)[0][0], model(beside)[0][0])
    assert all(torch.equal(value, kept[key]) for key, value in model.state_dict().items())
    assert any("running_mean" in key and value.any() for key, value in kept.items())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tanh", [-0.7615942, 0.0, 0.9640276]),
        ("relu", [0.0, 0.0, 2.0]),
        ("leaky_relu", [-0.01, 0.0, 2.0]),
        ("prelu", [-0.25, 0.0, 2.0]),
        ("elu", [-0.6321206, 0.0, 2.0]),
        ("selu", [-1.1113307, 0.0, 2.1014020]),
    ],
)
def test_an_activation_is_its_formula_and_the_rnns_own(name: Any, expected: list[float]) -> None:
    net = torch.tensor([-1.0, 0.0, 2.0])
    torch.testing.assert_close(activation(name)(net), torch.tensor(expected))
    one = layer("rnn", activation=name)
    x, h = series(steps=1), begun(one)
    net_input = x[:, 0] @ one.seen.weight.T + one.seen.bias + h["h"] @ one.carried.weight.T
    torch.testing.assert_close(one(x, h)[0][:, 0], one.activation(net_input))


def test_the_slope_of_prelu_is_learned_and_one_for_each_layer() -> None:
    model = build("rnn", activation="prelu", layers=2)
    slopes = [one.activation.weight for one in model.stack.layers]
    assert slopes[0] is not slopes[1] and all(any(slope is value for value in model.parameters()) for slope in slopes)
    before = model(series())[0]
    before.square().sum().backward()
    assert all(slope.grad is not None and slope.grad.any() for slope in slopes)
    torch.optim.SGD(slopes, lr=0.1).step()
    assert not torch.allclose(model(series())[0], before)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "mlp"])
def test_a_single_row_is_normalised_by_the_running_statistics_while_training_too(name: str) -> None:
    model = create(kind(name), ONE, {"hidden": 4, "normalise": "batch", "dropout": 0.0}).double()
    model.train()(series())
    x = series(streams=1, steps=1)
    trained, kept = model(x)[0], {key: value.clone() for key, value in model.state_dict().items()}
    torch.testing.assert_close(trained, model.eval()(x)[0])
    assert all(torch.equal(value, kept[key]) for key, value in model.state_dict().items())


def test_under_autocast_the_lstm_trains_in_float32_on_a_cpu() -> None:
    model = create(kind("lstm"), ONE, {"hidden": 4, "dropout": 0.0}).train()
    x = series().float()
    with torch.autocast("cpu", torch.bfloat16):
        y, _ = model(x)
    y.float().square().sum().backward()
    assert all(one.grad is not None and one.grad.isfinite().all() for one in model.parameters())
    torch.testing.assert_close(y.float(), model(x)[0], atol=0.02, rtol=0.02)
