"""The encoder-forecaster: states are copied layer by layer, leads are unrolled, one convolution reads all layers."""

from __future__ import annotations

import torch
from torch.nn.functional import conv2d

from forecast.models.base import Shape, create
from forecast.models.encoder_forecaster import EncoderForecaster
from tests.models.small import shaken

SHAPE = Shape(inputs=2, leads=3, grid=(3, 4))


def build(**options: object) -> EncoderForecaster:
    given = {"hidden": [3, 2], "kernel": 3, "dropout": 0.0, "residual": "none", "peepholes": True, **options}
    model = shaken(create(EncoderForecaster, SHAPE, given).double().eval())
    assert isinstance(model, EncoderForecaster)
    return model


def test_the_leads_are_unrolled_from_copies_of_the_encoders_states() -> None:
    model = build()
    x = torch.randn(2, 4, 2, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y, _ = model(x)
    for step in range(4):
        _, state = model(x[:, : step + 1])
        h, c = ([state[f"{name}{number}"] for number in range(2)] for name in "hc")
        for lead in range(3):
            maps = torch.full((2, 1, 3, 4), (lead + 1) / 3, dtype=torch.float64)
            for number, layer in enumerate(model.forecaster.layers):
                (h[number],), (c[number],) = layer([maps], h[number], c[number])
                maps = h[number]
            expected = conv2d(torch.cat(h, dim=1), model.head.weight, model.head.bias)
            torch.testing.assert_close(y[:, step, lead], expected, atol=1e-12, rtol=0)


def test_copies_are_exact_while_channels_are_dropped() -> None:
    model = build(dropout=0.5).train()
    x = torch.randn(1, 3, 2, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    given: list[dict[str, torch.Tensor]] = []
    model.forecaster.register_forward_pre_hook(lambda _, given_: given.append(given_[1]))
    _, state = model(x)
    for name, value in state.items():
        assert torch.equal(given[0][name][-1:], value)


def test_one_lead_is_enough() -> None:
    model = create(EncoderForecaster, Shape(inputs=1, leads=1, grid=(3, 3)), {"hidden": [2], "kernel": 3})
    assert model(torch.zeros(2, 3, 1, 3, 3))[0].shape == (2, 3, 1, 1, 3, 3)
