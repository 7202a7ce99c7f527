"""What the tests of training share: red noise, small networks, a quick way to learn, and a death on the way."""

from __future__ import annotations

import torch

from forecast.batches import Frames, Streams
from forecast.models.base import Model, Shape, create
from forecast.models.lstm import LSTM
from forecast.training.settings import Training

SHAPE = Shape(inputs=1, leads=2)
QUICK = Training(
    balance=False, k1=5, k2=10, streams=4, epochs=6, patience=3, learning_rate=0.02, weight_decay=0.01, average=0.0
)


def noise(steps: int = 60, tapes: int = 2) -> Frames:
    """A red-noise tape: x_t = 0.8 x_{t-1} + e, float64."""
    draw = torch.randn(tapes, steps, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    values = [draw[:, 0]]
    for step in draw.unbind(1)[1:]:
        values.append(0.8 * values[-1] + 0.6 * step)
    return Frames(torch.stack(values, dim=1).unsqueeze(2), targets=1, leads=2)


def build(kind: type[Model] = LSTM, dropout: float = 0.0, **options: object) -> Model:
    return create(kind, SHAPE, {"hidden": 4, "dropout": dropout, **options}, seed=2).double()


def data() -> tuple[Streams, Streams]:
    seen = noise(steps=200, tapes=2)
    return Streams(seen, [(0, 140)], 4, 5), Streams(seen, [(145, 200)], 2, 5)


class Killed(Exception):
    pass
