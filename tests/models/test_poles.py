"""Across the poles lies the other side of the globe: what is beyond the first and the last row."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from forecast.models.base import Shape, create
from forecast.models.convolution import Convolution, pad
from tests.models.small import kind, shaken, small

GLOBE = Shape(inputs=1, leads=2, grid=(5, 8), periodic=True, poles=(0, 0))
X = torch.arange(12.0).reshape(1, 1, 3, 4)  # rows 0 1 2 3, 4 5 6 7, 8 9 10 11


def test_beyond_a_pole_between_rows_is_the_same_row_half_way_round() -> None:
    padded = pad(X, 5, True, poles=(0, 0))[0, 0, :, 2:-2]
    assert padded[:2].tolist() == [[6, 7, 4, 5], [2, 3, 0, 1]]
    assert padded[-2:].tolist() == [[10, 11, 8, 9], [6, 7, 4, 5]]


def test_beyond_a_row_on_the_pole_is_the_next_row_half_way_round() -> None:
    padded = pad(X, 3, True, poles=(1, None))[0, 0]
    assert padded[0].tolist() == [5, 6, 7, 4, 5, 6]
    assert padded[-1].tolist() == [11, 8, 9, 10, 11, 8]  # no pole there: the edge repeats


def test_a_kernel_that_reaches_past_the_other_pole_stays_on_the_last_row() -> None:
    assert pad(X, 9, True, poles=(0, 0))[0, 0, 0, 4:-4].tolist() == [10, 11, 8, 9]


@pytest.mark.parametrize("poles", [(0, 0), (1, 1), (None, 0)])
@pytest.mark.parametrize("name", ["cnn", "convlstm", "encoder_forecaster"])
def test_turning_the_globe_turns_the_forecast(name: str, poles: tuple[int | None, int | None]) -> None:
    model = create(kind(name), replace(GLOBE, poles=poles), {**small(name), "residual": "persistence"}).double().eval()
    shaken(model, 0.5)
    x = torch.randn(1, 3, 1, 5, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(model(x.roll(3, dims=-1))[0], model(x)[0].roll(3, dims=-1))


def test_a_plane_over_the_pole_is_straight_across_it() -> None:
    """Rows at 86.25 and 88.75 degrees of z = (90 - lat) cos(lon): along a meridian it goes on as it came."""
    away = torch.tensor([3.75, 1.25], dtype=torch.float64)
    plane = away[:, None] * torch.cos(torch.arange(8).double() * torch.pi / 4)
    shape = Shape(inputs=1, leads=1, grid=(2, 8), periodic=True, poles=(None, 0))
    bend = Convolution(1, 1, 3, shape, bias=False).double()
    bend.weight.data = torch.tensor([[0.0, 1, 0], [0, -2, 0], [0, 1, 0]]).double().reshape(1, 1, 3, 3)
    torch.testing.assert_close(bend(plane[None, None])[0, 0, 1], torch.zeros(8).double())


def test_a_shape_comes_back_from_json_as_it_was() -> None:
    assert Shape.restored(json.loads(json.dumps(GLOBE.plain()))) == GLOBE
