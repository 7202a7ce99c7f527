"""The ConvLSTM's geometry: kernels, dilation, circles; its equations are in test_equations.py."""

from __future__ import annotations

import pytest
import torch

from forecast.errors import ForecastError
from forecast.models.base import Shape, create
from forecast.models.convlstm import ConvLSTM


def test_a_kernel_that_wraps_round_the_circle_more_than_once_is_refused() -> None:
    shape = Shape(inputs=1, leads=1, grid=(8, 3), periodic=True)
    with pytest.raises(ForecastError, match="a kernel that fits on the circle of longitudes"):
        create(ConvLSTM, shape, {"hidden": [2, 2]})


def test_dilation_spreads_the_kernel_of_its_layer() -> None:
    net = create(ConvLSTM, Shape(inputs=1, leads=1, grid=(9, 9)), {"hidden": [2, 2, 2], "dilation": [1, 3]})
    assert [cell.seen.dilation for cell in net.cells] == [(1, 1), (3, 3), (3, 3)]
    y, _ = net(torch.zeros(1, 2, 1, 9, 9))
    assert y.shape == (1, 2, 1, 1, 9, 9)
