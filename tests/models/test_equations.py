"""Each model against its equations, written out step by step, and its initial weights."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from forecast.errors import ForecastError
from forecast.models.base import Model, Shape, create
from forecast.models.bilstm import BiLSTM
from forecast.models.convlstm import ConvLSTM, pad
from forecast.models.gru import GRU
from forecast.models.lstm import LSTM
from forecast.models.mlp import MLP
from forecast.models.rnn import RNN

ONE = Shape(inputs=2, leads=1)
PLAIN = {"hidden": 3, "dropout": 0.0, "residual": "none"}


def series(steps: int = 5) -> Tensor:
    return torch.randn(1, steps, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def build(kind: type[Model], shape: Shape = ONE, **options: object) -> Model:
    model = create(kind, shape, {**PLAIN, **options}, seed=1).double().eval()
    for value in model.parameters():  # biases too, so that each has its place
        nn.init.normal_(value, std=0.5, generator=torch.Generator().manual_seed(value.numel()))
    return model


def gates(cell: nn.RNNBase, x: Tensor, h: Tensor, count: int) -> tuple[list[Tensor], list[Tensor]]:
    """The input's part and the state's part of each gate."""
    seen = cell.weight_ih_l0 @ x + cell.bias_ih_l0
    carried = cell.weight_hh_l0 @ h + cell.bias_hh_l0
    return list(seen.chunk(count)), list(carried.chunk(count))


def test_the_rnn_follows_its_equation() -> None:
    model, x, h = build(RNN), series(), torch.zeros(3, dtype=torch.float64)
    for step in x[0]:
        (seen,), (carried,) = gates(model.cell, step, h, 1)
        h = torch.tanh(seen + carried)
    torch.testing.assert_close(model(x)[0][0, -1, :, 0], model.head.linear(h))


def lstm(cell: nn.RNNBase, steps: Tensor) -> Tensor:
    h = c = torch.zeros(3, dtype=torch.float64)
    for step in steps:
        seen, carried = gates(cell, step, h, 4)
        i, f, g, o = (a + b for a, b in zip(seen, carried, strict=True))
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
    return h


def test_the_lstm_follows_its_equations() -> None:
    model, x = build(LSTM), series()
    torch.testing.assert_close(model(x)[0][0, -1, :, 0], model.head.linear(lstm(model.cell, x[0])))


def test_the_gru_follows_its_equations() -> None:
    model, x, h = build(GRU), series(), torch.zeros(3, dtype=torch.float64)
    for step in x[0]:
        seen, carried = gates(model.cell, step, h, 3)
        r, z = torch.sigmoid(seen[0] + carried[0]), torch.sigmoid(seen[1] + carried[1])
        h = (1 - z) * torch.tanh(seen[2] + r * carried[2]) + z * h
    torch.testing.assert_close(model(x)[0][0, -1, :, 0], model.head.linear(h))


def test_the_bilstm_joins_both_directions_at_the_output() -> None:
    model, x = build(BiLSTM), series()
    both = torch.cat([lstm(model.onward, x[0]), lstm(model.reverse, x[0].flip(0))])
    torch.testing.assert_close(model(x)[0][0, -1, :, 0], model.head.linear(both))


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
    cell = model.cells[0]
    peek = cell.peepholes if peepholes else torch.zeros(3, 3, 3, 4, dtype=torch.float64)
    h = c = torch.zeros(1, 3, 3, 4, dtype=torch.float64)
    for step in x.unbind(1):
        i, f, g, o = (cell.seen(pad(step, 3, False)) + cell.carried(pad(h, 3, False))).chunk(4, dim=1)
        c = torch.sigmoid(f + peek[1] * c) * c + torch.sigmoid(i + peek[0] * c) * torch.tanh(g)
        h = torch.sigmoid(o + peek[2] * c) * torch.tanh(c)
    torch.testing.assert_close(model(x)[0][:, -1, :, 0], model.head(pad(h, 3, False)))


def test_edges_repeat_and_a_closed_circle_wraps_in_longitude_only() -> None:
    x = torch.arange(6.0).reshape(1, 1, 2, 3)  # rows 0 1 2 and 3 4 5
    open_, closed = pad(x, 3, False)[0, 0], pad(x, 3, True)[0, 0]
    assert open_.tolist() == [[0, 0, 1, 2, 2], [0, 0, 1, 2, 2], [3, 3, 4, 5, 5], [3, 3, 4, 5, 5]]
    assert closed.tolist() == [[2, 0, 1, 2, 0], [2, 0, 1, 2, 0], [5, 3, 4, 5, 3], [5, 3, 4, 5, 3]]
    assert pad(x, 1, True) is x


def test_on_a_closed_circle_a_shifted_input_gives_a_shifted_forecast() -> None:
    shape = Shape(inputs=1, leads=1, grid=(3, 6), periodic=True)
    model = create(ConvLSTM, shape, {"hidden": [4, 4], "dropout": 0.0}).double().eval()
    x = torch.randn(1, 3, 1, 3, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(model(x.roll(2, dims=-1))[0], model(x)[0].roll(2, dims=-1))


def test_recurrent_weights_begin_orthogonal_and_the_forget_gate_open() -> None:
    model = create(LSTM, ONE, {"hidden": 4})
    for gate in model.cell.weight_hh_l0.chunk(4):
        torch.testing.assert_close(gate @ gate.T, torch.eye(4), atol=1e-6, rtol=0)
    total = model.cell.bias_ih_l0 + model.cell.bias_hh_l0
    assert total.tolist() == [0] * 4 + [1] * 4 + [0] * 8
    cell = create(ConvLSTM, Shape(inputs=1, leads=1, grid=(3, 3)), {"hidden": [4]}).cells[0]
    assert cell.seen.bias.tolist() == [0] * 4 + [1] * 4 + [0] * 8


def test_dropout_acts_in_training_only_and_alike_on_all_steps_of_a_chunk() -> None:
    shape = Shape(inputs=1, leads=1, grid=(2, 2))
    model = create(ConvLSTM, shape, {"hidden": [64], "dropout": 0.5, "residual": "none"})
    x = torch.ones(1, 2, 1, 2, 2)
    dropped = model._dropped([torch.ones(1, 64, 2, 2)] * 2)
    assert set(dropped[0].unique().tolist()) == {0.0, 2.0} and torch.equal(dropped[0], dropped[1])
    model.eval()
    assert torch.equal(model(x)[0], model(x)[0])


def test_an_even_kernel_is_refused() -> None:
    with pytest.raises(ForecastError, match="odd width, so that it has a middle: 3 or 5"):
        create(ConvLSTM, Shape(inputs=1, leads=1, grid=(3, 3)), {"kernel": 4})
