"""No forecast sees beyond its issue time, as forecasts are made: over frames, for every registered model."""

from __future__ import annotations

from functools import cache

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from forecast.batches import Frames, run
from forecast.models.base import Model, Shape, create
from tests.models.small import each, kind, small

STEPS, LEADS = 12, 2


@cache
def model_of(name: str, grid: tuple[int, int] | None) -> Model:
    shape = Shape(inputs=4, leads=LEADS, future=2) if grid is None else Shape(inputs=3, leads=LEADS, grid=grid)
    return create(kind(name), shape, small(name), seed=1).double()


def frames(values: Tensor) -> Frames:
    steps = values.shape[1]
    turn = torch.arange(steps + LEADS, dtype=torch.float64) / 7
    calendar = torch.stack([turn.sin(), turn.cos()], dim=1)
    return Frames(values, targets=1, leads=LEADS, calendar=calendar)


def noise(grid: tuple[int, int] | None, seed: int) -> Tensor:
    """Two series of two variables, or one variable on maps."""
    sizes = (2, STEPS, 2) if grid is None else (1, STEPS, 1, *grid)
    return torch.randn(sizes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


issue_times = given(
    at=st.integers(0, STEPS - 2), window=st.integers(1, 8), chunk=st.integers(1, 15), seed=st.integers(0, 99)
)
few = settings(max_examples=5, deadline=None, derandomize=True)


@each
@few
@issue_times
def test_a_changed_future_moves_no_forecast_and_a_changed_present_does(
    name: str, shape: Shape, at: int, window: int, chunk: int, seed: int
) -> None:
    model, values = model_of(name, shape.grid), noise(shape.grid, seed)
    y, _ = run(model, frames(values), window=window, chunk=chunk)
    assert y.isfinite().all()
    other = torch.cat([values[:, : at + 1], 100 * noise(shape.grid, seed + 1)[:, at + 1 :]], dim=1)
    other[:, -1] = torch.nan  # missing altogether
    changed, _ = run(model, frames(other), window=window, chunk=chunk)
    torch.testing.assert_close(changed[:, : at + 1], y[:, : at + 1], atol=1e-12, rtol=0)
    assert not torch.allclose(changed[:, at + 1], y[:, at + 1])


@each
@few
@issue_times
def test_a_forecast_is_the_one_made_when_nothing_later_existed(
    name: str, shape: Shape, at: int, window: int, chunk: int, seed: int
) -> None:
    model, values = model_of(name, shape.grid), noise(shape.grid, seed)
    y, _ = run(model, frames(values), window=window, chunk=chunk, steps=(at, at + 1))
    past = frames(values[:, : at + 1])
    then, _ = run(model, past, window=window, chunk=chunk, steps=(at, at + 1))
    torch.testing.assert_close(then, y, atol=1e-12, rtol=0)
