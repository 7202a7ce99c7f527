"""The bridge to tensors: channels, calendar, streams that never cross a gap or look ahead, the unbroken pass."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as some

from forecast.batches import Frames, Streams, frames, run
from forecast.errors import ForecastError
from forecast.models.base import Shape, create
from forecast.models.bilstm import BiLSTM
from forecast.models.convlstm import ConvLSTM
from forecast.models.lstm import LSTM
from forecast.models.mlp import MLP
from forecast.scaling import Scaling


def counting(tapes: int = 1, steps: int = 12, leads: int = 2) -> Frames:
    """Frames whose value at step t of tape s is 100 s + t, so that every number says where it comes from."""
    values = torch.arange(steps, dtype=torch.float32) + 100 * torch.arange(tapes)[:, None]
    return Frames(values[:, :, None], targets=1, leads=leads)


def hourly(steps: int = 96) -> xr.Dataset:
    time = pd.date_range("2021-03-01", periods=steps, freq="h")
    noise = np.random.default_rng(0).normal(size=(2, steps, 2))
    variables = {
        name: (("time", "series"), part, {"units": "K"}) for name, part in zip(("t2m", "dew"), noise, strict=True)
    }
    return xr.Dataset(variables, coords={"time": time, "series": ["a", "b"]})


def daily_maps(steps: int = 40, lon: np.ndarray | None = None) -> xr.Dataset:
    time = pd.date_range("2021-01-01", periods=steps)
    lon = np.array([0.0, 2.0, 4.0]) if lon is None else lon
    values = np.random.default_rng(0).normal(size=(steps, 2, len(lon)))
    return xr.Dataset(
        {"slp": (("time", "lat", "lon"), values, {"units": "Pa"})},
        coords={"time": time, "lat": [30.0, 90.0], "lon": lon},
    )


def made(observed: xr.Dataset, targets: tuple[str, ...], covariates: tuple[str, ...] = (), **more: object) -> Frames:
    return frames(observed, Scaling.fit(observed, [*targets, *covariates]), targets, covariates, leads=3, **more)


ALL = (torch.tensor([0]), torch.tensor([0]))


def test_channels_of_series_are_targets_covariates_season_and_hour() -> None:
    observed = hourly()
    seen = made(observed, ("t2m",), ("dew",))
    x = seen.inputs(torch.tensor([0, 1]), torch.tensor([0, 6]), 4)
    assert seen.channels == 6 and x.shape == (2, 4, 6) and seen.future == 4 and seen.grid is None
    scaled = Scaling.fit(observed, ["t2m", "dew"]).apply(observed)
    np.testing.assert_allclose(x[1, :, 0], scaled["t2m"].values[6:10, 1], rtol=1e-6)
    np.testing.assert_allclose(x[1, :, 1], scaled["dew"].values[6:10, 1], rtol=1e-6)
    torch.testing.assert_close(x[1, 0, 4:], torch.tensor([1.0, 0.0]), atol=1e-6, rtol=0)  # 6 h: a quarter turn
    season = 2 * np.pi * (59 + 6 / 24) / 365
    np.testing.assert_allclose(x[1, 0, 2:4], [np.sin(season), np.cos(season)], rtol=1e-5)


def test_futures_are_the_calendar_of_the_steps_ahead_beyond_the_last_observation() -> None:
    seen = made(hourly(), ("t2m",))
    ahead = seen.futures(torch.tensor([95]), 1)
    assert ahead is not None and ahead.shape == (1, 1, 3, 4)
    hours = torch.atan2(ahead[0, 0, :, 2], ahead[0, 0, :, 3]) * 24 / (2 * torch.pi)
    torch.testing.assert_close(hours, torch.tensor([0.0, 1.0, 2.0]), atol=1e-4, rtol=0)


def test_channels_of_maps_end_with_season_and_position() -> None:
    seen = made(daily_maps(), ("slp",))
    x = seen.inputs(*ALL, 2)
    assert x.shape == (1, 2, 5, 2, 3) and seen.grid == (2, 3) and seen.future == 0 and not seen.periodic
    torch.testing.assert_close(x[0, 0, 3], torch.tensor([[0.5] * 3, [1.0] * 3]))
    torch.testing.assert_close(x[0, 0, 4], torch.tensor([[-1.0, 0.0, 1.0]] * 2))
    assert seen.futures(torch.tensor([0]), 2) is None


def test_a_closed_circle_has_sine_and_cosine_of_longitude() -> None:
    seen = made(daily_maps(lon=np.array([-90.0, 0.0, 90.0, 180.0])[:4] - 90), ("slp",))
    assert seen.periodic and seen.channels == 6
    torch.testing.assert_close(seen.inputs(*ALL, 1)[0, 0, 4, 0], torch.tensor([0.0, -1.0, 0.0, 1.0]), atol=1e-6, rtol=0)


def test_a_missing_value_is_0_among_the_inputs_marked_by_the_mask_and_nan_as_target() -> None:
    observed = hourly()
    observed["t2m"][5, 0] = np.nan
    seen = made(observed, ("t2m",), ("dew",))
    x = seen.inputs(*ALL, 8)
    assert seen.mask and seen.channels == 7
    assert x[0, 5, 0] == 0 and x[0, :, 2].tolist() == [1, 1, 1, 1, 1, 0.5, 1, 1]
    truth = seen.truth(*ALL, 8, (0, 96))[0, :, :, 0]
    assert torch.isnan(truth).nonzero().tolist() == [[2, 2], [3, 1], [4, 0]]


def test_the_mask_channel_is_kept_or_left_out_as_in_training() -> None:
    assert made(hourly(), ("t2m",), mask=True).channels == 6
    assert made(hourly(), ("t2m",)).channels == 5


def test_another_calendar_has_frames_too() -> None:
    observed = daily_maps(60)
    observed["time"] = xr.date_range("2001-12-01", periods=60, calendar="360_day", use_cftime=True)
    seen = made(observed, ("slp",))
    assert seen.calendar is not None and seen.calendar.shape == (63, 2)
    torch.testing.assert_close(seen.calendar[30], torch.tensor([0.0, 1.0]))  # the first day of a year


def test_an_uneven_axis_is_refused() -> None:
    observed = hourly().isel(time=[*range(10), *range(12, 96)])
    with pytest.raises(ForecastError, match=r"an even time axis with a step of 0 days 01:00:00(.|\n)*reindex"):
        made(observed, ("t2m",))


def test_an_unknown_variable_is_refused() -> None:
    observed = hourly()
    with pytest.raises(ForecastError, match="no rain among"):
        frames(observed, Scaling.fit(observed, ["t2m"]), ["t2m"], ["rain"], 1)


def test_one_stream_walks_through_its_stretch_in_order() -> None:
    streams = Streams(counting(), [(0, 12)], streams=1, chunk=4)
    assert len(streams) == 3
    assert [chunk.x[0, :, 0].tolist() for chunk in streams] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert [chunk.fresh.tolist() for chunk in streams] == [[True], [False], [False]]
    assert streams[0].y[0, :, :, 0].tolist() == [[1, 2], [2, 3], [3, 4], [4, 5]]
    assert torch.isnan(streams[2].y[0, :, :, 0]).nonzero().tolist() == [[2, 1], [3, 0], [3, 1]]


def test_streams_share_the_tapes_in_equal_runs() -> None:
    streams = Streams(counting(tapes=2), [(0, 12)], streams=4, chunk=3)
    assert streams[0].x[:, 0, 0].tolist() == [0, 6, 100, 106]
    assert streams[1].x[:, 0, 0].tolist() == [3, 9, 103, 109]
    assert streams[0].fresh.all() and not streams[1].fresh.any()


def test_a_chunk_never_crosses_a_gap() -> None:
    streams = Streams(counting(), [(0, 5), (7, 12)], streams=1, chunk=4)
    assert [chunk.x[0, 0, 0].item() for chunk in streams] == [0, 4, 7, 11]
    assert [chunk.fresh.item() for chunk in streams] == [True, False, True, False]
    assert torch.isnan(streams[1].y[0, 1:]).all() and torch.isfinite(streams[1].y[0, 0]).all()


def test_targets_stay_within_the_steps_that_count() -> None:
    streams = Streams(counting(), [(0, 8)], streams=1, chunk=8)
    assert torch.isnan(streams[0].y[0, :, :, 0]).nonzero().tolist() == [[6, 1], [7, 0], [7, 1]]
    later = Streams(counting(), [(0, 12)], streams=1, chunk=12, valid=(9, 11))[0].y
    assert later[torch.isfinite(later)].tolist() == [9, 9, 10, 10]


def test_spin_up_steps_are_read_and_do_not_count() -> None:
    streams = Streams(counting(), [(2, 12)], streams=2, chunk=4, spin_up=3)
    assert streams[0].x[:, 0, 0].tolist() == [2, 4]  # the second begins 3 steps before its piece [7, 12)
    assert torch.isnan(streams[0].y[1, :3]).all() and streams[0].y[1, 3, 0, 0] == 8


def test_few_data_make_fewer_streams() -> None:
    assert len(Streams(counting(), [(0, 12)], streams=16, chunk=6)[0].x) == 2


def test_no_stretch_is_refused() -> None:
    with pytest.raises(ForecastError, match="at least one unbroken stretch"):
        Streams(counting(), [])


@settings(max_examples=60, deadline=None)
@given(
    tapes=some.integers(1, 3),
    lengths=some.lists(some.integers(1, 24), min_size=1, max_size=4),
    streams=some.integers(1, 6),
    chunk=some.integers(1, 9),
    offset=some.integers(0, 500),
    spin_up=some.integers(0, 5),
)
def test_every_step_has_its_targets_once_whatever_the_deal(
    tapes: int, lengths: list[int], streams: int, chunk: int, offset: int, spin_up: int
) -> None:
    stretches, start = [], 0
    for length in lengths:
        stretches.append((start, start + length))
        start += length + 1
    data = counting(tapes, start + 1, leads=1)
    dealt = Streams(data, stretches, streams, chunk, spin_up=spin_up, valid=(0, start + 1)).shifted(offset)
    seen = []
    for piece in dealt:
        there = torch.isfinite(piece.y[:, :, 0, 0])
        assert torch.equal(piece.y[:, :, 0, 0][there], piece.x[:, :, 0][there] + 1)
        seen += piece.x[:, :, 0][there].tolist()
    assert sorted(seen) == [100 * s + t for s in range(tapes) for a, b in stretches for t in range(a, b)]


@settings(max_examples=30, deadline=None)
@given(chunk=some.integers(1, 9), streams=some.integers(1, 5), offset=some.integers(0, 60))
def test_a_stream_that_is_not_fresh_goes_on_where_it_stopped(chunk: int, streams: int, offset: int) -> None:
    dealt = Streams(counting(steps=60), [(0, 25), (30, 60)], streams, chunk).shifted(offset)
    for before, after in zip([dealt[i] for i in range(len(dealt) - 1)], list(dealt)[1:], strict=True):
        going = ~after.fresh
        assert torch.equal(after.x[going, 0, 0], before.x[going, -1, 0] + 1)


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
    _, before = model(seen.inputs(tapes, zero, 41), seen.futures(zero, 41))
    expected, _ = model(seen.inputs(tapes, zero + 41, 10), seen.futures(zero + 41, 10), before)
    torch.testing.assert_close(y[:, 0], expected[:, -1], atol=1e-6, rtol=0)
    assert torch.isfinite(run(model, seen, window=10, steps=(0, 5))[0]).all()


def test_steps_beyond_the_frames_are_refused() -> None:
    with pytest.raises(ForecastError, match=r"steps within \[0, 12\)(.|\n)*\[3, 13\)"):
        run(create(LSTM, Shape(inputs=1, leads=2), {}), counting(), steps=(3, 13))


def test_a_single_step_can_be_framed_when_the_step_is_told() -> None:
    observed = daily_maps()
    scaling = Scaling.fit(observed, ["slp"])
    alone = frames(observed.isel(time=[5]), scaling, ["slp"], leads=3, step=pd.Timedelta("1D"))
    among = frames(observed, scaling, ["slp"], leads=3)
    assert torch.equal(alone.inputs(*ALL, 1), among.inputs(ALL[0], torch.tensor([5]), 1))
    assert torch.equal(alone.calendar, among.calendar[5:9])
    with pytest.raises(ForecastError, match="at least 2 time steps"):
        frames(observed.isel(time=[5]), scaling, ["slp"], leads=3)
    with pytest.raises(ForecastError, match="an even time axis with a step of 0 days 12:00:00"):
        frames(observed, scaling, ["slp"], leads=3, step=pd.Timedelta("12h"))
