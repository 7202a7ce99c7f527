"""What a network adds to its linear start is shrunk to the share that does best where it did not learn."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from torch import Tensor

from forecast.batches import Chunk, Streams
from forecast.models.base import Model, Shape, create
from forecast.models.convlstm import ConvLSTM
from forecast.models.ensemble import Ensemble
from forecast.models.linear_start import LinearStart, Regression
from forecast.stages.linear_start import settle

SHAPE = Shape(inputs=1, leads=2, grid=(3, 4))


class Early(list[Chunk]):
    """Chunks with weights of cells, as streams have them."""

    weights = torch.tensor([1.5, 1.0, 0.5]).reshape(3, 1).expand(3, 4)


def network(seed: int) -> ConvLSTM:
    model = create(ConvLSTM, SHAPE, {"hidden": [3], "dilation": [1], "residual": "linear", "dropout": 0.0}, seed)
    assert isinstance(model, ConvLSTM) and isinstance(model.start, LinearStart)
    draw = torch.Generator().manual_seed(9)
    maps = torch.randn(2, 3, 4, generator=draw), torch.randn(2, 3, 4, generator=draw)
    weight = torch.randn(2, 1, 2, 2, generator=draw)
    model.start.give([Regression(*maps, weight, torch.zeros(2, 2, 2))])
    torch.nn.init.constant_(model.start.gain, 0.8)
    return model.eval()


@torch.no_grad()
def parts(model: Model, first: ConvLSTM, x: Tensor) -> tuple[Tensor, Tensor]:
    assert isinstance(first.start, LinearStart)
    return model(x)[0], first.start.said(x, first.initial(len(x)))[0]


@pytest.mark.parametrize("together", [False, True])
def test_the_share_of_each_lead_is_what_the_early_stopping_span_asks_for(together: bool) -> None:
    first = network(0)
    model: Model = Ensemble([first, network(1)]).eval() if together else first
    x = torch.randn(2, 8, 1, 3, 4, generator=torch.Generator().manual_seed(1))
    y, said = parts(model, first, x)
    asked = torch.tensor([0.75, -0.5]).reshape(2, 1, 1, 1)
    truth = said + asked * (y - said)
    truth[:, :2] = torch.nan
    fresh = torch.tensor([True, True])
    chunks = [
        Chunk(x[:, :4], None, truth[:, :4], fresh, True, 1),
        Chunk(x[:, 4:], None, truth[:, 4:], ~fresh, False, 1),
    ]
    settle(model, cast(Streams, Early(chunks)))
    torch.testing.assert_close(parts(model, first, x)[0], said + asked.clamp(min=0) * (y - said), rtol=1e-4, atol=1e-5)


def test_a_model_without_a_linear_start_stays_as_it_is() -> None:
    model = create(ConvLSTM, SHAPE, {"hidden": [3], "dilation": [1]})
    before: dict[str, Any] = {name: value.clone() for name, value in model.state_dict().items()}
    settle(model, cast(Streams, Early()))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
