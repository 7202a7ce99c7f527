"""Map networks under truncated BPTT: losses and weights are those of the definition, with a mask and without."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from forecast.batches import Frames, Streams
from forecast.models import MODELS
from forecast.models.base import Model, Shape, State, create, detach
from forecast.training.tbptt import train
from tests.models.small import kind, small, takes
from tests.training.definition import plain

GRID, STEPS, LEADS, RATE = (3, 4), 14, 2, 0.05
CELLS = torch.tensor([[1, 1, 0, 1], [1, 0, 1, 1], [1, 1, 1, 1]], dtype=torch.bool)
MAPS = [name for name in MODELS if "map" in kind(name).kinds]


def network(name: str, masked: bool) -> Model:
    options = {**small(name), "residual": "none"} | ({"peepholes": True} if takes(name, "peepholes") else {})
    shape = Shape(inputs=1, leads=LEADS, grid=GRID, masked=masked)
    return create(kind(name), shape, options, 4, CELLS if masked else None).double()


def descend(model: Model, x: Tensor, target: Tensor, k1: int, k2: int) -> list[float]:
    """One stream from the definition: after each k1 steps run the last k2 again from the state kept before them."""
    kept: dict[int, State | None] = {0: None}
    losses = []
    for stop in range(k1, STEPS + 1, k1):
        start, state, costs = max(0, stop - k2), kept[max(0, stop - k2)], []
        for step in range(start, stop):
            y, state = model(x[:, step : step + 1], None, state)
            kept[step + 1] = detach(state)
            there = target[:, step].isfinite()
            if step >= stop - k1:
                costs.append((y[:, 0] - target[:, step])[there].square())
        loss = torch.cat(costs).mean()
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= 0 if parameter.grad is None else RATE * parameter.grad
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize(("k1", "k2"), [(2, 2), (2, 5)])
def test_losses_and_weights_are_those_of_the_definition(name: str, masked: bool, k1: int, k2: int) -> None:
    values = torch.randn(1, STEPS, 1, *GRID, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    if masked:
        values[..., ~CELLS] = torch.nan
    values[0, 5, 0, 0, 0] = torch.nan
    frames = Frames(values, targets=1, leads=LEADS)
    at = torch.tensor([0])
    x, target = frames.inputs(at, at, STEPS), frames.truth(at, at, STEPS, (0, STEPS))
    slow, quick = network(name, masked), network(name, masked)
    losses = descend(slow, x, target, k1, k2)
    train(quick, Streams(frames, None, 1, k1), None, plain(k1, k2, 1, RATE))
    for key, value in slow.state_dict().items():
        torch.testing.assert_close(quick.state_dict()[key], value, atol=1e-10, rtol=0)
    assert len(losses) == STEPS // k1
