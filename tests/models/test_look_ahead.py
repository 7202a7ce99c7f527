"""No forecast sees beyond its issue time, as forecasts are made and as they are scored, for every registered model."""

from __future__ import annotations

from functools import cache

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from forecast.batches import Frames, Streams, run
from forecast.models.base import Model, Shape, create
from forecast.training.walk import Walk
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
few = settings(max_examples=4, deadline=None, derandomize=True)


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


def scored(model: Model, values: Tensor, k1: int, k2: int) -> dict[int, Tensor]:
    """The forecasts that training scores, by the step they are made at."""
    walk = Walk(model.eval(), Streams(frames(values[:1]), [(0, STEPS)], streams=1, chunk=k1), k2)
    found = {}
    for number, window in enumerate(walk):
        first = (number + 1) * k1 - window.y.shape[1]
        found |= {first + place: y.detach() for place, y in enumerate(window.y.unbind(1)) if first + place < STEPS}
    return found


@each
@few
@given(at=st.integers(0, STEPS - 2), k1=st.integers(1, 4), longer=st.integers(0, 5), seed=st.integers(0, 99))
def test_what_training_scores_does_not_see_beyond_its_step_either(
    name: str, shape: Shape, at: int, k1: int, longer: int, seed: int
) -> None:
    model, values = model_of(name, shape.grid), noise(shape.grid, seed)
    y = scored(model, values, k1, k1 + longer)
    other = torch.cat([values[:, : at + 1], 100 * noise(shape.grid, seed + 1)[:, at + 1 :]], dim=1)
    changed = scored(model, other, k1, k1 + longer)
    assert set(y) >= set(range(k1 - 1, STEPS, k1)) and changed.keys() == y.keys()
    for step, forecast in y.items():
        if step <= at:
            torch.testing.assert_close(changed[step], forecast, atol=1e-12, rtol=0)
        else:
            assert not torch.allclose(changed[step], forecast)
