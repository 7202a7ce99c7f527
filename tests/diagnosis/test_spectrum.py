"""Spectral radii and the growth of small changes, against eigenvalues worked by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from forecast.diagnosis import growth, passed, radii, radius
from forecast.models.base import Shape
from tests.diagnosis.planted import Linear2, windows
from tests.models.small import build, each, inputs, shaken


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        ([[0.5, 9.0], [0.0, -0.8]], 0.8),  # a triangle: its diagonal
        ([[0.0, -1.1], [1.1, 0.0]], 1.1),  # a turn: +- 1.1 i
        ([[2.0, 1.0], [1.0, 2.0]], 3.0),
        ([[0.0, 1.0], [0.0, 0.0]], 0.0),  # forgets all in two steps
    ],
)
def test_of_a_linear_network_the_growth_a_step_is_the_spectral_radius(
    weight: list[list[float]], expected: float
) -> None:
    model = Linear2(weight, [1.0, 1.0])
    assert radius(torch.tensor(weight)) == pytest.approx(expected, abs=1e-6)
    assert radii(model) == {"candidate": pytest.approx(expected, abs=1e-6)}
    x, future, target = windows(steps=12)
    assert growth(passed(model, x, future, target)) == pytest.approx(expected, rel=1e-5)


def test_a_tanh_unit_shrinks_changes_by_one_minus_its_square() -> None:
    shape = Shape(inputs=1, leads=1)
    model = build("rnn", shape, hidden=1, layers=1)
    layer = model.stack.layers[0]
    with torch.no_grad():
        layer.carried.weight.fill_(2.0)
        layer.seen.weight.fill_(1.0)
        layer.seen.bias.zero_()
    x, _ = inputs(shape, steps=5, streams=1)
    h = model.trace(x)["layer0.hidden"][0, :, 0]
    expected = float((2 * (1 - h**2)).prod() ** (1 / 5))  # J_t = 2 (1 - h_t^2)
    assert growth(passed(model, x, None, torch.zeros(1, 5, 1, 1))) == pytest.approx(expected, rel=1e-9)


def whole(model: torch.nn.Module, x: Tensor, future: Tensor | None, window: int) -> float:
    """The growth by the full Jacobian of all steps at once."""
    state = {name: part[window : window + 1] for name, part in model.initial(len(x)).items()}
    sizes = [part.numel() for part in state.values()]

    def last(flat: Tensor) -> Tensor:
        parts = {
            name: one.reshape(part.shape)
            for (name, part), one in zip(state.items(), flat.split(sizes), strict=True)
        }  # fmt: skip
        after = model(x[window : window + 1], None if future is None else future[window : window + 1], parts)[1]
        return torch.cat([after[name].flatten() for name in state])

    product = torch.autograd.functional.jacobian(last, torch.cat([part.flatten() for part in state.values()]).detach())
    return radius(product) ** (1 / x.shape[1])


@each
def test_few_rows_find_what_the_whole_product_has(name: str, shape: Shape) -> None:
    model = shaken(build(name, shape))
    x, future = inputs(shape, steps=8, streams=1)
    target = torch.zeros(1, 8, shape.leads, shape.outputs, *(shape.grid or ()), dtype=x.dtype)
    seen = passed(model, x, future, target)
    exact = whole(model, x, future, 0)
    assert growth(seen, rows=seen.size) == pytest.approx(exact, rel=1e-3, abs=1e-2)
    assert growth(seen, rows=6) == pytest.approx(exact, rel=0.02, abs=1e-2)
