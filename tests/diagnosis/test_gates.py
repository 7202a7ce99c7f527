"""Gates and units against values set by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from forecast.diagnosis import gates, units
from forecast.models.base import Model, Shape
from tests.models.small import build, inputs

SHAPE = Shape(inputs=2, leads=1)


def blank(name: str, **options: object) -> Model:
    """A model with all weights 0 but its biases, so that each gate stands at the logistic function of its bias."""
    model = build(name, SHAPE, layers=1, **options)
    for key, value in model.named_parameters():
        if "weight" in key:
            nn.init.zeros_(value)
    return model


def traced(model: Model) -> dict[str, torch.Tensor]:
    return model.trace(inputs(SHAPE, steps=7)[0])


@pytest.mark.parametrize("name", ["lstm", "forget_rnn", "gru"])
def test_a_gate_at_three_quarters_keeps_half_for_two_point_four_steps(name: str) -> None:
    model = blank(name, forget_bias=math.log(3))
    keeper = "layer0.update gate" if name == "gru" else "layer0.forget gate"
    gate = gates(traced(model))[keeper]
    assert gate.half_lives == pytest.approx([2.4094] * 4, abs=1e-4)  # ln 0.5 / ln 0.75
    assert (gate.low, gate.high) == (0, 0) and gate.shares[15] + gate.shares[14] == pytest.approx(1)


def test_an_update_gate_that_writes_keeps_as_long() -> None:
    model = blank("gru", forget_bias=math.log(3), update="write")
    found = gates(traced(model))
    assert found["layer0.update gate"].half_lives == pytest.approx([2.4094] * 4, abs=1e-4)
    assert found["layer0.reset gate"].half_lives == ()


@pytest.mark.parametrize(("bias", "low", "high"), [(3.0, 0.0, 1.0), (-3.0, 1.0, 0.0), (2.0, 0.0, 0.0)])
def test_a_gate_is_saturated_below_a_tenth_and_above_nine(bias: float, low: float, high: float) -> None:
    model = blank("lstm", forget_bias=bias)  # s(3) = 0.953, s(2) = 0.881
    gate = gates(traced(model))["layer0.forget gate"]
    assert (gate.low, gate.high) == (low, high) and sum(gate.shares) == pytest.approx(1)


def test_the_half_life_is_that_of_the_product_over_time_not_of_the_mean() -> None:
    shown = {"layer0.forget gate": torch.tensor([[[0.5, 1.0], [0.125, 1.0]]])}  # sqrt(0.5 x 0.125) = 0.25
    gate = gates(shown)["layer0.forget gate"]
    assert gate.half_lives == (pytest.approx(0.5), math.inf)
    assert (gate.low, gate.high) == (0, 0.5)


def test_a_gate_that_once_shuts_keeps_nothing() -> None:
    gate = gates({"a.forget gate": torch.tensor([[[1.0], [0.0]]])})["a.forget gate"]
    assert gate.half_lives == (0.0,)


def test_channels_of_maps_are_units() -> None:
    values = torch.rand(2, 3, 5, 4, 4)
    assert len(gates({"layer0.forget gate": values})["layer0.forget gate"].half_lives) == 5
    still = values[:1, :1].expand(2, 3, 5, 4, 4).clone()  # differs from cell to cell, not in time
    still[:, 2, 1, 3, 3] += 1
    assert units({"layer0.hidden": still})["layer0"].dead == 4


def test_rectifiers_that_never_open_are_dead() -> None:
    model = build("rnn", SHAPE, layers=2, activation="relu")
    with torch.no_grad():
        model.stack.layers[1].seen.bias[:3] = -100.0
    found = units(traced(model))
    assert (found["layer1"].count, found["layer1"].dead) == (4, 3) and found["layer0"].dead == 0


def test_a_unit_that_tells_windows_apart_is_alive() -> None:
    held = torch.tensor([0.5, -0.5]).reshape(2, 1, 1).expand(2, 9, 1)
    assert units({"hidden": held})["hidden"].dead == 0
