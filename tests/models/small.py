"""What the tests of models share: every registered member built small, in float64, and inputs that fit it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from forecast.models import MODELS
from forecast.models.base import Model, Shape, State, create
from forecast.registry import member

SERIES = Shape(inputs=4, leads=3, outputs=4, future=2, targets=2)
MAP = Shape(inputs=3, leads=2, outputs=1, grid=(4, 5))
# A member takes of these what it knows; a line of its own goes before.
ALL = {"hidden": 4, "layers": 2, "heads": 2, "dropout": 0.0}
OWN = {name: {"hidden": [3, 2], "kernel": 3} for name in ("cnn", "convlstm", "encoder_forecaster")}
OWN["mlp"] = {"context": 3}


def kind(name: str) -> type[Model]:
    return member("model", MODELS, name)


def small(name: str) -> dict[str, object]:
    return {key: value for key, value in (ALL | OWN.get(name, {})).items() if key in kind(name).Options.model_fields}


def takes(name: str, option: str) -> bool:
    return option in kind(name).Options.model_fields


def build(name: str, shape: Shape, seed: int = 3, **options: object) -> Model:
    return create(kind(name), shape, {**small(name), **options}, seed).double().eval()


def shaken(module: nn.Module, std: float = 0.4) -> nn.Module:
    """Weights and biases with values of their own, so that each has its place."""
    for number, value in enumerate(module.parameters()):
        nn.init.normal_(value, std=std, generator=torch.Generator().manual_seed(number))
    return module


def inputs(shape: Shape, steps: int, streams: int = 2, seed: int = 0) -> tuple[Tensor, Tensor | None]:
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(streams, steps, shape.inputs, *(shape.grid or ()), generator=draw, dtype=torch.float64)
    if not shape.future:
        return x, None
    return x, torch.randn(streams, steps, shape.leads, shape.future, generator=draw, dtype=torch.float64)


def part(future: Tensor | None, start: int, stop: int) -> Tensor | None:
    return None if future is None else future[:, start:stop]


def forecasts(model: Model, y: Tensor) -> Tensor:
    """The outputs that are forecasts: all, or the last of a model that is not aligned."""
    return y if model.aligned else y[:, -1:]


def in_chunks(
    model: Model, x: Tensor, future: Tensor | None, sizes: tuple[int, ...], state: State | None = None
) -> tuple[list[Tensor], State]:
    """Outputs of chunks of these sizes, the state carried, and the last state."""
    kept, start = [], 0
    for size in sizes:
        y, state = model(x[:, start : start + size], part(future, start, start + size), state)
        kept.append(y)
        start += size
    assert state is not None
    return kept, state


CASES = [
    (name, shape) for name in MODELS for shape, data in ((SERIES, "series"), (MAP, "map")) if data in kind(name).kinds
]
each = pytest.mark.parametrize(
    ("name", "shape"), CASES, ids=[f"{name}-{len(shape.grid or ())}d" for name, shape in CASES]
)
