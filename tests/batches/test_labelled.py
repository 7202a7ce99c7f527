"""Labelled arrays as frames: channels, calendar, mask, fields, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

from forecast.batches import frames
from forecast.errors import ForecastError
from forecast.scaling import Scaling
from tests.batches.made import ALL, daily_maps, hourly, made


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
    ahead = seen.futures(torch.tensor([0]), torch.tensor([95]), 1)
    assert ahead is not None and ahead.shape == (1, 1, 3, 4)
    hours = torch.atan2(ahead[0, 0, :, 2], ahead[0, 0, :, 3]) * 24 / (2 * torch.pi)
    torch.testing.assert_close(hours, torch.tensor([0.0, 1.0, 2.0]), atol=1e-4, rtol=0)


def test_channels_of_maps_end_with_season_and_position() -> None:
    seen = made(daily_maps(), ("slp",))
    x = seen.inputs(*ALL, 2)
    assert x.shape == (1, 2, 5, 2, 3) and seen.grid == (2, 3) and seen.future == 0 and not seen.periodic
    torch.testing.assert_close(x[0, 0, 3], torch.tensor([[0.5] * 3, [1.0] * 3]))
    torch.testing.assert_close(x[0, 0, 4], torch.tensor([[-1.0, 0.0, 1.0]] * 2))
    assert seen.futures(torch.tensor([0]), torch.tensor([0]), 2) is None


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


def test_given_fields_have_mean_0_and_spread_1_over_the_cells_that_count_and_0_elsewhere() -> None:
    observed = daily_maps()
    observed["slp"][:, 1, 2] = np.nan
    height = xr.DataArray([[0.0, 200.0, 400.0], [np.nan, 200.0, 9e9]], dims=("lat", "lon"))
    seen = made(observed, ("slp",), fields=["orog"], static=xr.Dataset({"orog": height}), calendar="none")
    assert seen.channels == 2 and not seen.mask and seen.calendar is None
    assert seen.cells is not None and seen.cells.tolist() == [[True] * 3, [True, True, False]]
    deviation = np.sqrt(2 * 200**2 / 4)  # of 0, 200, 400, 200
    expected = torch.tensor([[-200, 0, 200], [0, 0, 0]]) / deviation
    torch.testing.assert_close(seen.inputs(*ALL, 1)[0, 0, 1], expected.float())


def test_the_spread_is_that_of_each_targets_anomalies_in_the_training_span() -> None:
    observed = daily_maps()
    observed["slp"] *= xr.DataArray([1.0, 2.0, 4.0], dims="lon")
    x = made(observed, ("slp",), fields=["spread", "position"]).inputs(*ALL, 1)[0, 0]
    raw = observed["slp"].std("time").values
    np.testing.assert_allclose(x[3], (raw - raw.mean()) / raw.std(), rtol=1e-4)
    assert len(x) == 6


def test_a_field_that_was_not_given_is_refused_with_those_that_were() -> None:
    with pytest.raises(ForecastError, match=r"(?s)static fields among position, spread, lsm.*'orog'.*\[task\] static"):
        made(daily_maps(), ("slp",), fields=["orog"], static=xr.Dataset({"lsm": ((), 0.0)}))


def test_a_cell_counts_where_any_variable_was_ever_observed() -> None:
    observed = daily_maps()
    observed["wet"] = observed["slp"].copy()
    observed["slp"][:, 0] = observed["wet"][:, 0, :2] = np.nan
    seen = made(observed, ("slp",), ("wet",))
    assert seen.cells is not None and seen.cells.tolist() == [[False, False, True], [True] * 3]
    assert seen.mask  # of the two variables one is missing in a cell that counts
    assert made(daily_maps(), ("slp",)).cells is None


def test_rows_that_reach_a_pole_of_a_closed_circle_are_told() -> None:
    whole = daily_maps(lon=np.arange(-180.0, 180.0, 90.0))
    assert made(whole, ("slp",)).poles == (None, 1)  # rows at 30 and 90 degrees
    assert made(daily_maps(), ("slp",)).poles == (None, None)
    assert made(daily_maps(lon=np.arange(-180.0, 180.0, 120.0)), ("slp",)).poles == (None, None)  # no cell opposite


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
