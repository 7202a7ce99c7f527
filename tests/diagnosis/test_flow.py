"""The gradient by lag: against powers worked by hand, and against one long graph."""

from __future__ import annotations

import math

import pytest
import torch

from forecast.diagnosis import flow, passed
from forecast.diagnosis.flow import Flow
from forecast.errors import ForecastError
from forecast.models.base import Shape
from tests.diagnosis.planted import Linear2, windows
from tests.models.small import build, each, inputs


def test_of_a_linear_network_it_is_the_power_of_its_matrix() -> None:
    model = Linear2([[0.5, 0.0], [0.0, 0.25]], [1.0, 1.0])
    found = flow(passed(model, *windows(steps=30)))
    first = math.hypot(0.5, 0.25)
    expected = [math.hypot(0.5 ** (lag + 1), 0.25 ** (lag + 1)) / first for lag in range(30)]
    assert found.gradient == pytest.approx(expected, rel=1e-5)
    assert found.rate == pytest.approx(0.5, rel=1e-3) and (found.by, found.windows) == ("state", 2)


def test_a_matrix_that_is_not_normal_first_lets_it_grow() -> None:
    model = Linear2([[0.5, 1.0], [0.0, 0.5]], [1.0, 0.0])  # W' = ((.5, 0), (1, .5)): (.5, 1), (.25, 1), (.125, .75)
    found = flow(passed(model, *windows(steps=4)))
    first = math.hypot(0.5, 1)
    assert found.gradient[:3] == pytest.approx([1, math.hypot(0.25, 1) / first, math.hypot(0.125, 0.75) / first])


@pytest.mark.parametrize(("size", "reach"), [(0.5, 19), (0.1, 6), (1.0, math.nan), (1.5, math.nan)])
def test_the_reach_is_the_last_lag_with_a_millionth_of_the_first(size: float, reach: float) -> None:
    turned = Linear2([[0.0, -size], [size, 0.0]], [1.0, 0.0])  # |W' v| = size |v|; 0.5^19 = 1.9e-6, 0.5^20 = 0.95e-6
    found = flow(passed(turned, *windows(steps=40)))
    assert found.gradient == pytest.approx([size**lag for lag in range(40)], rel=1e-4)
    assert found.reach == pytest.approx(reach, nan_ok=True) and found.rate == pytest.approx(size, rel=1e-5)


def test_it_neither_under_nor_overflows() -> None:
    for size in (1e-3, 1e3):
        model = Linear2([[size, 0.0], [0.0, size]], [1.0, 0.0])
        x, _, target = windows(steps=60)
        found = flow(passed(model, x * 0, None, target))  # x = 0: the state itself stays finite
        assert [math.log10(size) for size in found.gradient[1:]] == pytest.approx(
            [lag * math.log10(size) for lag in range(1, 60)], rel=1e-5
        )


def test_a_network_that_forgets_all_reaches_lag_0() -> None:
    found = flow(passed(Linear2([[0.0, 1.0], [0.0, 0.0]], [1.0, 0.0]), *windows(steps=9)))
    assert found.gradient == (1.0, *[0.0] * 8) and found.reach == found.rate == 0


@each
def test_step_by_step_it_is_what_one_long_graph_gives(name: str, shape: Shape) -> None:
    model, steps = build(name, shape), 6
    x, future = inputs(shape, steps)
    target = torch.zeros(2, steps, shape.leads, shape.outputs, *(shape.grid or ()), dtype=x.dtype)
    found, kept, state, loss = flow(passed(model, x, future, target)), [], model.initial(2), None
    if not model.aligned:
        assert len(found.gradient) == steps and found.by == "inputs" and found.gradient[0] == pytest.approx(1)
        return
    for step in range(steps):
        state = {
            key: part.clone().requires_grad_() for key, part in state.items()
        }  # no tensor that a layer above reads
        kept.append(state)
        ahead = None if future is None else future[:, step : step + 1]
        y, state = model(x[:, step : step + 1], ahead, state)
        loss = y.square().sum()
    sizes = []
    for state in reversed(kept):
        parts = torch.autograd.grad(loss, list(state.values()), retain_graph=True, allow_unused=True)
        sizes.append(torch.cat([part.flatten(1) for part in parts if part is not None], dim=1).norm(dim=1))
    expected = (torch.stack(sizes) / sizes[0]).median(dim=1).values
    assert found.gradient == pytest.approx(expected.tolist(), rel=1e-6, abs=1e-12)


def test_of_a_model_that_is_not_aligned_it_is_by_the_inputs() -> None:
    shape = Shape(inputs=1, leads=1)
    model = build("birnn", shape, residual="none").float()
    x, _, target = windows(steps=5)
    given = x.clone().requires_grad_()
    y, _ = model(given)
    (y[:, -1] - target[:, -1]).square().sum().backward()
    sizes = given.grad.abs()[:, :, 0].flip(1)  # type: ignore[union-attr]
    found = flow(passed(model, x, None, target))
    assert found.gradient == pytest.approx((sizes / sizes[:, :1]).median(dim=0).values.tolist(), rel=1e-4)
    assert math.isnan(found.reach) and math.isnan(found.rate)


def test_windows_without_a_target_at_their_end_do_not_count() -> None:
    model = Linear2([[0.5, 0.0], [0.0, 0.5]], [1.0, 0.0])
    x, _, target = windows(steps=6, count=3)
    target[0, -1] = torch.nan
    assert flow(passed(model, x, None, target)).windows == 2
    with pytest.raises(ForecastError, match=r"(?s)windows whose last step has a target.*none of 3.*choose windows"):
        flow(passed(model, x, None, torch.full_like(target, torch.nan)))


def test_the_spin_up_is_read_and_not_looked_at() -> None:
    model = Linear2([[0.5, 0.0], [0.0, 0.5]], [1.0, 1.0])
    x, future, target = windows(steps=7)
    seen = passed(model, x, future, target, spin_up=3)
    torch.testing.assert_close(seen.states[0], model(x[:, :3])[1])
    assert (seen.steps, seen.size, len(flow(seen).gradient)) == (4, 2, 4)
    with pytest.raises(ForecastError, match=r"(?s)windows longer than the spin-up.*7 steps, spin-up 7.*longer windows"):
        passed(model, x, future, target, spin_up=7)


def test_without_lags_there_is_no_rate() -> None:
    assert math.isnan(Flow((1.0, 0.5)).rate) and math.isnan(Flow().reach)
