"""Each model against its equations, written out step by step, and worked examples with their numbers."""

from __future__ import annotations

from math import log
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from forecast.models.base import Model, Shape, create
from forecast.models.bigru import BiGRU
from forecast.models.bilstm import BiLSTM
from forecast.models.birnn import BiRNN
from forecast.models.convlstm import ConvLSTM
from forecast.models.convolution import pad
from forecast.models.forget_rnn import ForgetRNN, blend
from forecast.models.gru import GRU
from forecast.models.layer import Dense
from forecast.models.lstm import LSTM
from forecast.models.mlp import MLP
from forecast.models.recurrent import Stack
from forecast.models.rnn import RNN
from tests.models.small import shaken

ONE = Shape(inputs=2, leads=1)
PLAIN = {"hidden": 3, "dropout": 0.0, "residual": "none"}
s = torch.sigmoid


def series(steps: int = 5) -> Tensor:
    return torch.randn(1, steps, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def build(kind: type[Model], shape: Shape = ONE, **options: object) -> Model:
    return shaken(create(kind, shape, {**PLAIN, **options}, seed=1).double().eval(), std=0.5)


def blocks(layer: Dense) -> list[tuple[Tensor, Tensor, Tensor]]:
    """W, U and b of each gate."""
    parts = (layer.seen.weight, layer.carried.weight, layer.seen.bias)
    return list(zip(*(part.chunk(len(layer.gates)) for part in parts), strict=True))


def rnn(layer: Dense, steps: Tensor) -> Tensor:
    ((W, U, b),), h = blocks(layer), torch.zeros(3, dtype=torch.float64)
    for x in steps:
        h = torch.tanh(W @ x + U @ h + b)
    return h


def forget_rnn(layer: Dense, steps: Tensor) -> Tensor:
    (Wf, Uf, bf), (Wu, Uu, bu) = blocks(layer)
    h = torch.zeros(3, dtype=torch.float64)
    for x in steps:
        f, u = s(Wf @ x + Uf @ h + bf), torch.tanh(Wu @ x + Uu @ h + bu)
        h = f * h + (1 - f) * u
    return h


def lstm(layer: Dense, steps: Tensor) -> Tensor:
    (Wi, Ui, bi), (Wf, Uf, bf), (Wg, Ug, bg), (Wo, Uo, bo) = blocks(layer)
    h = c = torch.zeros(3, dtype=torch.float64)
    for x in steps:
        i, f, o = s(Wi @ x + Ui @ h + bi), s(Wf @ x + Uf @ h + bf), s(Wo @ x + Uo @ h + bo)
        c = f * c + i * torch.tanh(Wg @ x + Ug @ h + bg)
        h = o * torch.tanh(c)
    return h


def gru(layer: Dense, steps: Tensor, before: bool = False, write: bool = False) -> Tensor:
    (Wr, Ur, br), (Wz, Uz, bz), (Wn, Un, bn) = blocks(layer)
    cr, cz, cn = layer.carried.bias.chunk(3)
    h = torch.zeros(3, dtype=torch.float64)
    for x in steps:
        r, z = s(Wr @ x + br + Ur @ h + cr), s(Wz @ x + bz + Uz @ h + cz)
        n = torch.tanh(Wn @ x + bn + (Un @ (r * h) + cn if before else r * (Un @ h + cn)))
        h = (1 - z) * h + z * n if write else z * h + (1 - z) * n
    return h


EQUATIONS = [(RNN, BiRNN, rnn), (ForgetRNN, None, forget_rnn), (LSTM, BiLSTM, lstm), (GRU, BiGRU, gru)]


@pytest.mark.parametrize(("kind", "equations"), [(kind, equations) for kind, _, equations in EQUATIONS])
def test_a_layer_follows_its_equations(kind: type[Model], equations: Any) -> None:
    model, x = build(kind), series()
    h = equations(model.stack.layers[0], x[0])
    torch.testing.assert_close(model(x)[0][0, -1, :, 0], model.head.linear(h))


@pytest.mark.parametrize(("kind", "equations"), [(kind, equations) for _, kind, equations in EQUATIONS if kind])
def test_a_bidirectional_model_joins_both_directions_at_the_output_and_carries_the_forward_one(
    kind: type[Model], equations: Any
) -> None:
    model, x = build(kind), series()
    _, state = model(x[:, :2])
    y, _ = model(x[:, 2:], None, state)
    onward, back = equations(model.stack.layers[0], x[0]), equations(model.reverse.layers[0], x[0, 2:].flip(0))
    torch.testing.assert_close(y[0, -1, :, 0], model.head.linear(torch.cat([onward, back])))


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("write", [False, True])
def test_the_gru_follows_the_equations_of_either_reset_and_either_update(before: bool, write: bool) -> None:
    model = build(GRU, reset="before" if before else "after", update="write" if write else "keep")
    h = gru(model.stack.layers[0], series()[0], before, write)
    torch.testing.assert_close(model(series())[0][0, -1, :, 0], model.head.linear(h))


def test_a_layer_reads_what_the_one_below_puts_out() -> None:
    model, x = build(LSTM, layers=2), series()
    low, high = model.stack.layers
    below = torch.stack([lstm(low, x[0, : number + 1]) for number in range(5)])
    torch.testing.assert_close(model(x)[0][0, -1, :, 0], model.head.linear(lstm(high, below)))


def test_a_forget_gate_blends_the_last_state_with_the_candidate() -> None:
    forget = torch.tensor([0.9, 1.0, 0.0, 0.1, 0.5], dtype=torch.float64)
    last = torch.tensor([-0.94, 1.05, 0.39, 0.97, 0.90], dtype=torch.float64)
    candidate = torch.tensor([0.5, 2.5, -1.0, -0.5, 0.8], dtype=torch.float64)
    expected = torch.tensor([-0.796, 1.05, -1.0, -0.353, 0.85], dtype=torch.float64)
    torch.testing.assert_close(blend(forget, last, candidate), expected, atol=1e-15, rtol=0)


def test_a_forget_gate_at_1_keeps_the_state_and_at_0_the_candidate_to_the_last_bit() -> None:
    h, candidate = torch.tensor([0.1]), torch.tensor([12345.678])
    assert torch.equal(blend(torch.ones(1), h, candidate), h)
    assert torch.equal(blend(torch.zeros(1), h, candidate), candidate)


LN3 = log(3)  # s(ln 3) = 3/4, s(-ln 3) = 1/4, tanh(ln 3 / 2) = 1/2


def single(kind: type[Model], seen: list[float], carried: list[float], **options: object) -> Stack:
    """One unit, one input, no bias: net input of a gate = seen x + carried h."""
    stack = create(kind, Shape(inputs=1, leads=1), {**PLAIN, "hidden": 1, **options}).stack.double()
    (layer,) = stack.layers
    for value in layer.parameters():
        nn.init.zeros_(value)
    with torch.no_grad():
        layer.seen.weight[:, 0] = torch.tensor(seen)
        layer.carried.weight[:, 0] = torch.tensor(carried)
    return stack


def state(**values: float) -> dict[str, Tensor]:
    return {name: torch.tensor([[[value]]], dtype=torch.float64) for name, value in values.items()}


def test_a_step_of_the_lstm_worked_by_hand() -> None:
    # x = 1, h = 2: net inputs 3 ln 3 - 2 ln 3 = ln 3, 3 ln 3 - 4 ln 3 = -ln 3, ln 3 / 2, ln 3
    stack = single(LSTM, [3 * LN3, 3 * LN3, LN3 / 2, LN3], [-LN3, -2 * LN3, 0.0, 0.0])
    h, after = stack(torch.ones(1, 1, 1, dtype=torch.float64), state(h=2.0, c=2.0))
    # i = 3/4, f = 1/4, g = 1/2, o = 3/4: c = 1/4 . 2 + 3/4 . 1/2 = 0.875, h = 3/4 tanh 0.875
    assert after["c"].item() == pytest.approx(0.875, abs=1e-7)
    assert h.item() == after["h"].item() == pytest.approx(0.5279292, abs=1e-7)


@pytest.mark.parametrize(
    ("reset", "update", "expected"),
    [
        ("after", "keep", 0.625),  # n = tanh(3/4 (ln 3 / 3 + ln 3 / 3)) = 1/2; 1/4 . 1 + 3/4 n
        ("after", "write", 0.875),  # 3/4 . 1 + 1/4 n
        ("before", "keep", 0.6741122),  # n = tanh(3/4 . ln 3 / 3 + ln 3 / 3) = 0.5654829
        ("before", "write", 0.8913707),
    ],
)
def test_a_step_of_the_gru_worked_by_hand(reset: str, update: str, expected: float) -> None:
    # x = 1, h = 1: r = s(ln 3) = 3/4, z = s(-ln 3) = 1/4
    stack = single(GRU, [LN3, 0.0, 0.0], [0.0, -LN3, LN3 / 3], reset=reset, update=update)
    with torch.no_grad():
        stack.layers[0].carried.bias[2] = LN3 / 3
    h, after = stack(torch.ones(1, 1, 1, dtype=torch.float64), state(h=1.0))
    assert h.item() == after["h"].item() == pytest.approx(expected, abs=1e-7)


def test_the_mlp_sees_its_context_and_nothing_older() -> None:
    model, x = build(MLP, context=2), series(3)
    first, last = model.body[0], model.head.linear
    lags = x[0, 1:].T.flatten()  # variable by variable, oldest first
    torch.testing.assert_close(model(x)[0][0, -1, :, 0], last(torch.tanh(first(lags))))
    older = x.clone()
    older[:, 0] += 1
    assert torch.equal(model(older)[0][:, -1], model(x)[0][:, -1])


@pytest.mark.parametrize("peepholes", [False, True])
def test_the_convlstm_follows_its_equations(peepholes: bool) -> None:
    shape = Shape(inputs=2, leads=2, grid=(3, 4))
    model = build(ConvLSTM, shape, hidden=[3], kernel=3, peepholes=peepholes)
    x = torch.randn(1, 4, 2, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    cell = model.stack.layers[0]
    peek = cell.peepholes if peepholes else torch.zeros(3, 3, 3, 4, dtype=torch.float64)
    h = c = torch.zeros(1, 3, 3, 4, dtype=torch.float64)
    for step in x.unbind(1):
        drive = conv2d(pad(step, 3, False), cell.seen.weight, cell.seen.bias)
        i, f, g, o = (drive + conv2d(pad(h, 3, False), cell.carried.weight)).chunk(4, dim=1)
        c = s(f + peek[1] * c) * c + s(i + peek[0] * c) * torch.tanh(g)
        h = s(o + peek[2] * c) * torch.tanh(c)
    expected = conv2d(pad(h, 3, False), model.head.weight, model.head.bias)
    torch.testing.assert_close(model(x)[0][:, -1, :, 0], expected)
