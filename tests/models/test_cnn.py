"""The CNN: its equations, and that it sees its context and nothing older."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import conv2d

from forecast.errors import ForecastError
from forecast.models.base import Shape, create
from forecast.models.cnn import CNN
from forecast.models.convolution import pad
from tests.models.small import shaken

X = torch.randn(1, 4, 2, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def build(**options: object) -> CNN:
    given = {"hidden": [3, 2], "kernel": 3, "dilation": [1, 2], "context": 2, "residual": "none", **options}
    model = shaken(create(CNN, Shape(inputs=2, leads=2, grid=(3, 4)), given).double().eval())
    assert isinstance(model, CNN)
    return model


def test_the_layers_read_the_last_maps_and_the_head_reads_all_layers() -> None:
    model = build()
    maps, read = torch.cat([X[:, 2], X[:, 3]], dim=1), []
    for apart, layer in zip((1, 2), model.layers, strict=True):
        maps = torch.relu(conv2d(pad(maps, 3, False, apart), layer.weight, layer.bias, dilation=apart))
        read.append(maps)
    expected = conv2d(pad(torch.cat(read, dim=1), 3, False), model.head.weight, model.head.bias)
    torch.testing.assert_close(model(X)[0][:, -1, :, 0], expected)


def test_what_is_older_than_the_context_does_not_matter() -> None:
    model, older = build(), X.clone()
    older[:, 1] += 1
    y, changed = model(X)[0], model(older)[0]
    assert torch.equal(y[:, 3], changed[:, 3]) and not torch.equal(y[:, 2], changed[:, 2])
    assert build(context=1).initial(2)["context"].shape == (2, 0, 2, 3, 4)


def test_a_kernel_that_wraps_round_the_circle_more_than_once_is_refused() -> None:
    with pytest.raises(ForecastError, match="a kernel that fits on the circle of longitudes"):
        create(CNN, Shape(inputs=1, leads=1, grid=(8, 3), periodic=True), {})
