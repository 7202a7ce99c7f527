"""The ConvLSTM's geometry: kernels, dilation, circles, dropout; its equations are in test_equations.py."""

from __future__ import annotations

import pytest
import torch

from forecast.errors import ForecastError
from forecast.models.base import Shape, create
from forecast.models.convlstm import ConvLSTM
from forecast.models.convolution import pad


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


def test_a_kernel_that_wraps_round_the_circle_more_than_once_is_refused() -> None:
    shape = Shape(inputs=1, leads=1, grid=(8, 3), periodic=True)
    with pytest.raises(ForecastError, match="a kernel that fits on the circle of longitudes"):
        create(ConvLSTM, shape, {"hidden": [2, 2]})


def test_an_even_kernel_is_refused() -> None:
    with pytest.raises(ForecastError, match="odd width, so that it has a middle: 3 or 5"):
        create(ConvLSTM, Shape(inputs=1, leads=1, grid=(3, 3)), {"kernel": 4})


def test_dilation_spreads_the_kernel_of_its_layer() -> None:
    net = create(ConvLSTM, Shape(inputs=1, leads=1, grid=(9, 9)), {"hidden": [2, 2, 2], "dilation": [1, 3]})
    assert [cell.seen.dilation for cell in net.stack.layers] == [(1, 1), (3, 3), (3, 3)]
    y, _ = net(torch.zeros(1, 2, 1, 9, 9))
    assert y.shape == (1, 2, 1, 1, 9, 9)


def test_dropout_is_alike_on_all_steps_and_cells_of_a_chunk() -> None:
    model = create(ConvLSTM, Shape(inputs=1, leads=1, grid=(2, 2)), {"hidden": [64], "dropout": 0.5})
    dropped = model.train().stack.dropped([torch.ones(1, 64, 2, 2)] * 2)
    assert set(dropped[0].unique().tolist()) == {0.0, 2.0} and torch.equal(dropped[0], dropped[1])
    assert (dropped[0] == dropped[0][:, :, :1, :1]).all()


def test_the_trace_shows_each_layers_gates_and_what_the_head_reads() -> None:
    model = create(ConvLSTM, Shape(inputs=1, leads=1, grid=(3, 4)), {"hidden": [2, 3], "kernel": 3}).eval()
    x = torch.randn(2, 4, 1, 3, 4, generator=torch.Generator().manual_seed(0))
    traced, (_, state) = model.trace(x), model(x)
    names = ["input gate", "forget gate", "output gate", "cell", "hidden"]
    assert list(traced) == [f"layer{number}.{name}" for number in range(2) for name in names]
    for number in range(2):
        torch.testing.assert_close(traced[f"layer{number}.hidden"][:, -1], state[f"h{number}"])
        torch.testing.assert_close(traced[f"layer{number}.cell"][:, -1], state[f"c{number}"])


def test_noise_is_on_the_targets_maps_and_only_while_training() -> None:
    model = create(ConvLSTM, Shape(inputs=3, leads=1, grid=(40, 40)), {"hidden": [1], "noise": 0.5})
    x = torch.zeros(1, 2, 3, 40, 40)
    assert isinstance(model, ConvLSTM) and model.eval()._blurred(x) is x
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        noisy = model.train()._blurred(x)
    assert torch.equal(noisy[:, :, 1:], x[:, :, 1:]) and abs(float(noisy[:, :, 0].std()) - 0.5) < 0.03
