"""The first tensor that is not finite is named with its step."""

from __future__ import annotations

import math

import pytest
import torch

from forecast.diagnosis import strange
from forecast.models.base import Shape
from tests.diagnosis.planted import Flaw, Linear2, windows
from tests.models.small import build, each, inputs

HALF = [[0.5, 0.0], [0.0, 0.5]]


def found(model: Linear2, steps: int = 9) -> str:
    return str(strange(model, *windows(steps)))


@each
def test_where_all_is_finite_nothing_is_named(name: str, shape: Shape) -> None:
    model, (x, future) = build(name, shape), inputs(shape, steps=4)
    target = torch.zeros(2, 4, shape.leads, shape.outputs, *(shape.grid or ()), dtype=x.dtype)
    assert strange(model, x, future, target) is None
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_an_input_is_named_by_its_window_and_step() -> None:
    x, _, target = windows(steps=5)
    x[1, 3] = math.inf
    assert str(strange(Linear2(HALF, [1.0, 1.0]), x, None, target)) == "the input x of window 1 at step 3"


def test_a_weight_is_named() -> None:
    model = build("lstm", Shape(inputs=1, leads=1))
    with torch.no_grad():
        model.stack.layers[1].carried.weight[0, 0] = math.nan
    x, _, target = windows(steps=3)
    assert str(strange(model, x.double(), None, target)) == "the weight `stack.layers.1.carried.weight`"


@pytest.mark.parametrize(("steps", "first"), [(9, 3), (90, 5), (90, 80)])
def test_a_module_that_goes_wrong_is_named_with_its_step(steps: int, first: int) -> None:
    model = Linear2(HALF, [1.0, 1.0], Flaw(lambda h: h * math.nan, first))
    assert found(model, steps) == f"the output of `part` at step {first}"


def test_an_overflow_is_named_where_it_first_comes_out() -> None:
    model = Linear2([[1e20, 0.0], [0.0, 1.0]], [0.0, 1.0])  # 1e20, then 1e40: more than float32 holds
    assert found(model) == "the output of `part` at step 2"


def test_a_gradient_is_named_by_who_gave_and_who_read_its_tensor() -> None:
    class Rooted(Flaw):
        """Identity, then a root whose slope at 0 is infinite."""

        def __init__(self) -> None:
            super().__init__(lambda h: self.root(self.level(h)))
            self.level, self.root = torch.nn.Identity(), Flaw(lambda h: (h * 0).sqrt(), first=4)

    expected = "the gradient by the output of `part.level`, read by `part.root`, at step 8"
    assert found(Linear2(HALF, [1.0, 1.0], Rooted())) == expected


def test_a_loss_that_overflows_is_named() -> None:
    x, _, target = windows(steps=3)
    assert str(strange(Linear2(HALF, [1.0, 1.0]), x, None, target * 1e30)) == "the loss at step 2"


def test_a_gradient_that_no_module_shows_is_named_by_its_weight() -> None:
    class Bare(Linear2):
        def advance(self, x, future, state):
            y, after = super().advance(x, future, state)
            return y + (self.head * 0).sum().sqrt(), after

    assert found(Bare(HALF, [1.0, 1.0])) == "the gradient of the weight `head`"
