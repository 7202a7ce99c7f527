"""Bad input to every registered model is refused, and named; symbols are read as they should be."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from forecast.errors import ForecastError
from forecast.models.base import Shape
from forecast.models.reading import Reading
from tests.models.small import CASES, MAP, SERIES, build, each, forecasts, inputs

SYMBOLS = Shape(inputs=2, leads=2, outputs=5, targets=0, symbols=5)
of_series = pytest.mark.parametrize("name", [name for name, shape in CASES if shape is SERIES])


@each
def test_wrong_channels_are_refused(name: str, shape: Shape) -> None:
    x, future = inputs(shape, steps=2)
    with pytest.raises(ForecastError, match=rf"inputs \(B, T, {shape.inputs}") as refusal:
        build(name, shape)(x[:, :, 1:], future)
    assert str(tuple(x[:, :, 1:].shape)) in str(refusal.value)


@each
@pytest.mark.parametrize(("streams", "steps"), [(0, 2), (2, 0)])
def test_an_empty_batch_is_refused(name: str, shape: Shape, streams: int, steps: int) -> None:
    with pytest.raises(ForecastError, match=rf"at least one stream and one step\n.*got \({streams}, {steps}, "):
        build(name, shape)(*inputs(shape, steps, streams))


@each
@pytest.mark.parametrize("strange", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_refused_with_its_place(name: str, shape: Shape, strange: float) -> None:
    x, future = inputs(shape, steps=4)
    x[(1, 2, 0, *[1] * len(shape.grid or ()))] = strange
    x[1, 3] = torch.nan
    place = "stream 1, step 2, channel 0" + (", row 1, column 1" if shape.grid else "")
    with pytest.raises(ForecastError, match=f"inputs that are finite(.|\n)*got {strange} at {place}\n"):
        build(name, shape)(x, future)


@each
def test_large_inputs_that_overflow_when_added_up_are_finite_all_the_same(name: str, shape: Shape) -> None:
    x, future = (None if one is None else one.float() for one in inputs(shape, steps=2))
    y, _ = build(name, shape).float()(torch.full_like(x, 3e38), future)  # type: ignore[arg-type]
    assert y.shape[:2] == (2, 2)


@each
def test_a_state_of_other_streams_is_refused(name: str, shape: Shape) -> None:
    model = build(name, shape)
    x, future = inputs(shape, steps=2)
    _, state = model(x, future)
    with pytest.raises(ForecastError, match="a state of 1 streams"):
        model(x[:1], None if future is None else future[:1], state)


@each
def test_an_unknown_option_is_refused_with_the_known_ones(name: str, shape: Shape) -> None:
    with pytest.raises(ForecastError, match=r"hidden(.|\n)*got hiden: Extra inputs"):
        build(name, shape, hiden=3)


@of_series
def test_missing_future_features_are_refused(name: str) -> None:
    x, _ = inputs(SERIES, steps=2)
    with pytest.raises(ForecastError, match=r"future features \(2, 2, 3, 2\)"):
        build(name, SERIES)(x)


@of_series
def test_outputs_that_are_no_multiple_of_the_targets_are_refused(name: str) -> None:
    with pytest.raises(ForecastError, match="3 outputs for 2 targets"):
        build(name, Shape(inputs=2, leads=1, outputs=3, targets=2))


def test_maps_are_refused_by_a_model_of_series() -> None:
    with pytest.raises(ForecastError, match=r"series data for LSTM(.|\n)*map data"):
        build("lstm", MAP)


@pytest.mark.parametrize("name", [name for name, shape in CASES if shape is MAP])
def test_symbols_on_maps_are_refused(name: str) -> None:
    with pytest.raises(ForecastError, match="symbols in a series(.|\n)*got symbols on a map"):
        build(name, Shape(inputs=1, leads=1, symbols=3, targets=0, grid=(2, 2)))


def symbols() -> Tensor:
    """Codes 0 to 4 beside a channel of numbers."""
    numbers = torch.randn(2, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return torch.stack([torch.stack([torch.arange(5), torch.arange(5).flip(0)]), numbers], dim=2)


@of_series
@pytest.mark.parametrize("embedding", [None, 3])
def test_symbols_are_read_with_an_embedding_and_without(name: str, embedding: int | None) -> None:
    model, x = build(name, SYMBOLS, embedding=embedding), symbols()
    y, _ = model(x)
    assert y.shape == (2, 5, 2, 5) and forecasts(model, y).isfinite().all()
    other = x.clone()
    other[0, -1, 0] = 0  # was 4
    changed, _ = model(other)
    assert not torch.allclose(changed[0, -1], y[0, -1]) and torch.equal(changed[1, -1], y[1, -1])


@of_series
@pytest.mark.parametrize(("code", "said"), [(5.0, "5"), (-1.0, "-1"), (1.5, "1.5"), (-0.5, "-0.5")])
def test_what_is_no_symbol_is_refused_with_its_place(name: str, code: float, said: str) -> None:
    x = symbols()
    x[1, 2, 0] = code
    with pytest.raises(ForecastError, match=f"codes from 0 to 4\n.*got {said} at stream 1, step 2\n"):
        build(name, SYMBOLS)(x)


def test_without_an_embedding_a_symbol_is_one_hot_and_numbers_follow_it() -> None:
    x = torch.tensor([[[2.0, 0.25], [0.0, -1.0]]])
    reading = Reading(Shape(inputs=2, leads=1, symbols=3), None)
    assert reading.width == 4 and reading(x).tolist() == [[[0, 0, 1, 0.25], [1, 0, 0, -1]]]


def test_with_an_embedding_a_symbol_is_its_row_of_the_learned_table() -> None:
    reading = Reading(Shape(inputs=1, leads=1, symbols=3), 2)
    read = reading(torch.tensor([[[2.0], [0.0]]]))
    assert reading.width == 2 and torch.equal(read[0], reading.embed.weight[[2, 0]])
    read.sum().backward()
    assert reading.embed.weight.grad.tolist() == [[1, 1], [0, 0], [1, 1]]


def test_future_features_that_are_not_finite_are_refused_with_their_place() -> None:
    x, future = inputs(SERIES, steps=3)
    future[1, 2, 0, 1] = math.nan  # type: ignore[index]
    words = r"(?s)future features that are finite.*nan at stream 1, step 2, lead 0, feature 1.*fill what is missing"
    with pytest.raises(ForecastError, match=words):
        build("lstm", SERIES)(x, future)
