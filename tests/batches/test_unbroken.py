"""The unbroken pass: how a model forecasts, live and past."""

from __future__ import annotations

import pytest
import torch

from forecast.batches import Frames, run
from forecast.errors import ForecastError
from forecast.models.base import Shape, create
from forecast.models.bilstm import BiLSTM
from forecast.models.convlstm import ConvLSTM
from forecast.models.lstm import LSTM
from forecast.models.mlp import MLP
from tests.batches.made import counting, daily_maps, hourly, made

SHAPE = Shape(inputs=6, leads=3, future=4)


@pytest.mark.parametrize("kind", [LSTM, MLP, BiLSTM])
def test_stepping_one_at_a_time_is_the_unbroken_pass(kind: type) -> None:
    seen = made(hourly(), ("t2m",), ("dew",))
    model = create(kind, SHAPE, {"hidden": 8})
    whole, last = run(model, seen, window=10)
    parts, state = [], None
    for at in range(96):
        now = Frames(seen.values[:, at : at + 1], 1, 3, seen.calendar[at : at + 4])  # type: ignore[index]
        y, state = run(model, now, state, window=10)
        parts.append(y)
    for key in last:
        torch.testing.assert_close(state[key], last[key], atol=1e-6, rtol=0)  # type: ignore[index]
    assert whole.shape == (2, 96, 3, 1)
    if model.aligned:
        torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-6, rtol=0)


def test_wanted_steps_are_those_of_the_whole_pass() -> None:
    seen = made(daily_maps(), ("slp",))
    model = create(ConvLSTM, Shape(inputs=5, leads=3, grid=(2, 3)), {"hidden": [4], "kernel": 3})
    whole, last = run(model, seen)
    part, state = run(model, seen, steps=(7, 30), chunk=8)
    torch.testing.assert_close(part, whole[:, 7:30], atol=1e-6, rtol=0)
    assert part.shape == (1, 23, 3, 1, 2, 3)
    torch.testing.assert_close(state["c0"], last["c0"], atol=1e-6, rtol=0)


def test_a_bidirectional_forecast_reads_its_window_after_the_carried_state() -> None:
    seen = made(hourly(), ("t2m",), ("dew",))
    model = create(BiLSTM, SHAPE, {"hidden": 8})
    y, _ = run(model, seen, window=10, steps=(50, 51))
    tapes, zero = torch.arange(2), torch.zeros(2, dtype=torch.long)
    _, before = model(seen.inputs(tapes, zero, 41), seen.futures(tapes, zero, 41))
    expected, _ = model(seen.inputs(tapes, zero + 41, 10), seen.futures(tapes, zero + 41, 10), before)
    torch.testing.assert_close(y[:, 0], expected[:, -1], atol=1e-6, rtol=0)
    assert torch.isfinite(run(model, seen, window=10, steps=(0, 5))[0]).all()


def test_steps_beyond_the_frames_are_refused() -> None:
    with pytest.raises(ForecastError, match=r"steps within \[0, 12\)(.|\n)*\[3, 13\)"):
        run(create(LSTM, Shape(inputs=1, leads=2), {}), counting(), steps=(3, 13))
