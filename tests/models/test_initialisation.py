"""How weights begin: each draw has its variance, gates begin open, chrono spreads memories over the span."""

from __future__ import annotations

from math import log
from typing import Any

import pytest
import torch

from forecast.errors import ForecastError
from forecast.models.base import Shape, create
from forecast.models.convlstm import ConvLSTM
from forecast.models.initialisation import draw, open_memory
from forecast.models.layer import Dense
from tests.models.small import kind

ROWS, COLUMNS = 300, 200  # fan-out and fan-in
VARIANCES = {
    "glorot_uniform": 2 / (ROWS + COLUMNS),
    "glorot_normal": 2 / (ROWS + COLUMNS),
    "he_uniform": 2 / COLUMNS,
    "he_normal": 2 / COLUMNS,
    "lecun_normal": 1 / COLUMNS,
}
GATED = ["forget_rnn", "lstm", "gru"]


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def layer(name: str, hidden: int = 8, inputs: int = 3, **options: Any) -> Dense:
    small = {"hidden": hidden, "layers": 1, **options}
    return create(kind(name), Shape(inputs=inputs, leads=1), small, seed=4).stack.layers[0]


def bias(one: Dense, gate: str) -> torch.Tensor:
    total = one.seen.bias + (one.carried.bias if one.biased else 0)
    return total.chunk(len(one.gates))[one.gates.index(gate)].detach()


@pytest.mark.parametrize(("drawn", "variance"), VARIANCES.items())
def test_a_draw_has_its_mean_and_variance(drawn: Any, variance: float) -> None:
    weight = torch.empty(ROWS, COLUMNS)
    draw(weight, drawn)
    # 60,000 values: the variance's standard error is at most 0.6 %
    assert weight.var().item() == pytest.approx(variance, rel=0.03)
    assert abs(weight.mean().item()) < 4 * (variance / weight.numel()) ** 0.5


@pytest.mark.parametrize(("drawn", "variance"), VARIANCES.items())
def test_a_uniform_draw_has_its_bounds_and_a_normal_one_exceeds_them(drawn: Any, variance: float) -> None:
    weight = torch.empty(ROWS, COLUMNS)
    draw(weight, drawn)
    bound = (3 * variance) ** 0.5
    assert (weight.abs().max().item() <= bound) == drawn.endswith("uniform")


@pytest.mark.parametrize("drawn", ["glorot_uniform", "he_normal", "orthogonal"])
def test_blocks_are_drawn_each_by_itself_and_a_gain_multiplies_all(drawn: Any) -> None:
    weight = torch.empty(4 * 100, 100)
    draw(weight, drawn, blocks=4, gain=2.0)
    expected = {"glorot_uniform": 1 / 100, "he_normal": 2 / 100, "orthogonal": 1 / 100}[drawn]
    for block in weight.chunk(4):
        assert block.var().item() == pytest.approx(4 * expected, rel=0.06)


@pytest.mark.parametrize(("rows", "columns"), [(6, 6), (6, 4), (4, 6)])
def test_an_orthogonal_draw_has_orthonormal_rows_or_columns(rows: int, columns: int) -> None:
    weight = torch.empty(rows, columns)
    draw(weight, "orthogonal")
    square = weight @ weight.T if rows <= columns else weight.T @ weight
    torch.testing.assert_close(square, torch.eye(min(rows, columns)), atol=1e-5, rtol=0)


def test_identity_blocks_are_identities() -> None:
    weight = torch.empty(6, 3)
    draw(weight, "identity", blocks=2, gain=0.5)
    assert torch.equal(weight, 0.5 * torch.eye(3).repeat(2, 1))


@pytest.mark.parametrize("name", ["rnn", *GATED])
def test_recurrent_weights_begin_orthogonal_gate_by_gate_and_input_weights_glorot(name: str) -> None:
    one = layer(name, hidden=64, inputs=32)
    for block in one.recurrent_weights().values():
        torch.testing.assert_close(block @ block.T, torch.eye(64), atol=1e-5, rtol=0)
    for block in one.seen.weight.chunk(len(one.gates)):
        assert block.var().item() == pytest.approx(2 / (64 + 32), rel=0.1)
        assert block.abs().max() <= (6 / (64 + 32)) ** 0.5


@pytest.mark.parametrize("name", ["rnn", *GATED])
def test_draws_are_the_users_choice(name: str) -> None:
    one = layer(name, hidden=64, inputs=64, input_weights="he_normal", recurrent_weights="identity")
    assert all(torch.equal(block, torch.eye(64)) for block in one.recurrent_weights().values())
    assert one.seen.weight.var().item() == pytest.approx(2 / 64, rel=0.1)


@pytest.mark.parametrize("name", ["forget_rnn", "lstm"])
@pytest.mark.parametrize("normalise", ["none", "layer", "batch"])
def test_the_forget_gate_begins_near_073_and_the_others_half_open(name: str, normalise: str) -> None:
    one = layer(name, hidden=64, normalise=normalise).eval()
    state = {key: torch.zeros(8, *size) for key, size in one.sizes.items()}
    _, _, shown = one.trace(torch.zeros(8, 1, 3), state)
    for gate in one.gates:
        expected = 0.7310586 if gate == "forget gate" else 0.5
        if gate in shown:
            torch.testing.assert_close(shown[gate], torch.full((8, 1, 64), expected))


@pytest.mark.parametrize("update", ["keep", "write"])
def test_the_update_gate_begins_half_open_unless_it_is_given_a_bias_to_keep(update: str) -> None:
    assert not bias(layer("gru", update=update), "update gate").any()
    sign = 1 if update == "keep" else -1
    assert bias(layer("gru", update=update, forget_bias=2.0), "update gate").tolist() == [2.0 * sign] * 8


def test_all_other_biases_begin_at_zero() -> None:
    for name in ["rnn", *GATED]:
        one = layer(name)
        for gate in set(one.gates) - {one.keeper}:
            assert not bias(one, gate).any()


def test_chrono_spreads_the_forget_biases_as_the_log_of_a_uniform_time() -> None:
    biases = torch.empty(20_000)
    open_memory(biases, "chrono", span=50)
    times = biases.exp()  # uniform in [1, 49]: mean 25, standard deviation 48 / sqrt 12
    assert 1 <= times.min() < 1.1 and 48.9 < times.max() <= 49
    assert times.mean().item() == pytest.approx(25, abs=0.4)
    assert times.std().item() == pytest.approx(48 / 12**0.5, rel=0.02)


def test_chrono_makes_a_gate_that_forgets_at_about_one_over_the_time() -> None:
    biases = torch.empty(1000)
    open_memory(biases, "chrono", span=100)
    torch.testing.assert_close(1 / (1 - torch.sigmoid(biases)), 1 + biases.exp(), rtol=1e-3, atol=0)


@pytest.mark.parametrize("span", [2, 3])
def test_chrono_with_the_shortest_span_begins_at_zero_or_little_above(span: int) -> None:
    biases = torch.empty(100)
    open_memory(biases, "chrono", span=span)
    assert (biases >= 0).all() and (biases <= log(max(1.001, span - 1)) + 1e-6).all()


@pytest.mark.parametrize("name", GATED)
def test_chrono_opens_the_gate_that_keeps_and_in_the_lstm_closes_the_input_gate_as_far(name: str) -> None:
    one = layer(name, hidden=200, forget_bias="chrono", span=30)
    kept = bias(one, one.keeper or "")
    assert (kept >= 0).all() and (kept <= log(29)).all() and kept.std() > 0.3
    if name == "lstm":
        assert torch.equal(bias(one, "input gate"), -kept)
    for gate in set(one.gates) - {one.keeper, one.closed}:
        assert not bias(one, gate).any()


def test_chrono_in_a_gru_whose_update_gate_writes_has_the_opposite_sign() -> None:
    keep, write = (layer("gru", update=update, forget_bias="chrono") for update in ("keep", "write"))
    assert torch.equal(bias(write, "update gate"), -bias(keep, "update gate"))


def test_the_convlstms_forget_gate_begins_open_and_its_kernels_with_one_over_fan_in() -> None:
    cell = create(ConvLSTM, Shape(inputs=6, leads=1, grid=(5, 5)), {"hidden": [16], "kernel": 5}).stack.layers[0]
    assert cell.seen.bias.tolist() == [0] * 16 + [1] * 16 + [0] * 32
    assert cell.seen.weight.var().item() == pytest.approx(1 / (6 * 25), rel=0.05)
    assert cell.carried.weight.var().item() == pytest.approx(1 / (16 * 9), rel=0.05)


def test_a_span_below_two_steps_is_refused() -> None:
    with pytest.raises(ForecastError, match="span: Input should be greater than or equal to 2"):
        layer("lstm", span=1)
