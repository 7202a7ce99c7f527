"""The engine against the definition: equal losses and weights, whatever the data, the cell, k1, k2 and the streams."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from forecast.batches import Sequences, Streams
from forecast.models import MODELS
from forecast.models.base import Model, Shape, create
from forecast.models.recurrent import Recurrent
from forecast.registry import member
from forecast.training.tbptt import train
from tests.batches.dealing import lines
from tests.training.definition import descend, plain

RATE, EPOCHS = 0.02, 2  # at 0.1 an mLSTM of two layers was found that blows up
CELLS = sorted(
    name
    for name in MODELS
    if issubclass(kind := member("model", MODELS, name), Recurrent) and kind.aligned and not kind.taught
)


def network(cell: str, initial: str, layers: int) -> Model:
    options = {"hidden": 4, "layers": layers, "dropout": 0.0, "residual": "none", "initial": initial}
    model = create(member("model", MODELS, cell), Shape(inputs=2, leads=1, outputs=2), options, seed=3).double()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "learned" in name:
                parameter.add_(0.3)  # a learned beginning that is not 0
    return model


@settings(max_examples=25, deadline=None)
@given(
    lengths=some.lists(some.integers(1, 16), min_size=1, max_size=4),
    streams=some.integers(1, 4),
    k1=some.integers(1, 6),
    more=some.integers(0, 7),
    cell=some.sampled_from(CELLS),
    initial=some.sampled_from(["zero", "learned"]),
    layers=some.integers(1, 2),
    whole=some.booleans(),
    seed=some.integers(0, 99),
)
def test_losses_and_weights_are_those_of_the_definition(
    lengths: list[int],
    streams: int,
    k1: int,
    more: int,
    cell: str,
    initial: str,
    layers: int,
    whole: bool,
    seed: int,
) -> None:
    steps, draw = sum(lengths), np.random.default_rng(seed)
    inputs, targets = draw.normal(size=(steps, 2)), draw.normal(size=(steps, 2))
    targets[draw.random((steps, 2)) < 0.3] = np.nan
    targets[0] = 1.0
    slow, quick = network(cell, initial, layers), network(cell, initial, layers)
    starts = np.cumsum(lengths) - lengths
    dealt = lines(
        [(0, int(start), int(start + n)) for start, n in zip(starts, lengths, strict=True)], streams, k1, whole
    )
    expected = []
    for _ in range(EPOCHS):
        tensors = torch.from_numpy(inputs), torch.from_numpy(targets)
        losses, counts = descend(slow, dealt, *tensors, k1, k1 + more, RATE)
        expected.append(float(np.average(losses, weights=counts)))
    history = train(
        quick,
        Streams(Sequences(inputs, targets, lengths, dtype=torch.float64), None, streams, k1, whole=whole),
        None,
        plain(k1, k1 + more, EPOCHS, RATE),
    )
    assert history.train == pytest.approx(expected, abs=1e-10)
    for name, value in slow.state_dict().items():
        torch.testing.assert_close(quick.state_dict()[name], value, atol=1e-10, rtol=0)
