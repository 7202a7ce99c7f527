"""The linear skip of a network upon smoothing starts as the regression that closed form gives."""

from __future__ import annotations

import numpy as np
import torch
import xarray as xr

from forecast.batches import Streams, panel
from forecast.models.base import Shape, create, reset
from forecast.models.lstm import LSTM
from forecast.models.smoothed import Smoothed, smoothed
from forecast.scaling import SeriesScaling
from forecast.schema import SERIES, TIME
from forecast.stages import skip_start

PHASE = np.arange(200)[:, None] * 2 * np.pi / 9.8 + np.array([0.0, 1.0])
WAVE = 5 * np.sin(PHASE)  # each value a linear map of any two before it
TIMES = np.datetime64("2001-01-01", "ns") + np.arange(200) * np.timedelta64(1, "D")


def learn(leads: int) -> Streams:
    attrs = {"units": "1", "season": 1}
    data = xr.Dataset({"v": ((TIME, SERIES), WAVE, attrs)}, {TIME: TIMES, SERIES: ["a", "b"]})
    tapes = panel(data, SeriesScaling.fit(data, ["v"]), ["v"], (), leads, calendar="none")
    return Streams(tapes, None, 2, 50)


def loss(network: Smoothed, streams: Streams) -> float:
    state, squares, count = None, 0.0, 0
    with torch.no_grad():
        for chunk in streams:
            blank = network.initial(len(chunk.fresh))
            state = blank if state is None else reset(state, chunk.fresh, blank)
            y, state = network.eval()(chunk.x, chunk.future, state)
            left = chunk.y[..., 0] - network.centre(y)[..., 0]
            squares, count = squares + left.nan_to_num().square().sum().item(), count + int(left.isfinite().sum())
    return squares / count


def test_a_linear_series_is_forecast_before_anything_is_learned() -> None:
    streams = learn(2)
    network = smoothed("lstm", Shape(inputs=2, leads=2, outputs=3, targets=1), {"hidden": 4}, skip=4)
    assert isinstance(network, Smoothed)
    before = loss(network, streams)
    skip_start.give([network], streams)
    assert loss(network, streams) < before / 20


def test_what_has_no_skip_and_what_has_too_few_steps_are_left_alone() -> None:
    shape = Shape(inputs=2, leads=2, outputs=1, targets=1)
    others = [smoothed("lstm", shape, {"hidden": 4}), create(LSTM, shape, {"hidden": 4})]
    wide = smoothed("lstm", shape, {"hidden": 4}, skip=600)
    weights = [{name: one.clone() for name, one in model.state_dict().items()} for model in (*others, wide)]
    skip_start.give([*others, wide], learn(2))
    for model, before in zip((*others, wide), weights, strict=True):
        assert all(torch.equal(one, before[name]) for name, one in model.state_dict().items())
