"""The insolation at the top of the atmosphere against values that are known, and as channels of maps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

from forecast import schema
from forecast.batches.sun import MEAN, S0, Sun, daily_mean, instantaneous
from forecast.errors import ForecastError
from tests.batches.made import daily_maps, hourly, made


def season(date: str) -> float:
    return float(schema.day_of_year(xr.DataArray(pd.DatetimeIndex([date]), dims="time"))[0])


EQUINOX, JUNE, DECEMBER = season("2021-03-20T12:00"), season("2021-06-21"), season("2021-12-21")


def test_the_equator_at_an_equinox_gets_the_suns_constant_over_pi() -> None:
    assert daily_mean(EQUINOX, 0.0) == pytest.approx(S0 / np.pi, rel=0.01)


def test_the_pole_in_its_winter_gets_nothing_and_in_its_summer_more_than_the_equator_ever() -> None:
    assert daily_mean(DECEMBER, 80.0) == daily_mean(JUNE, -90.0) == 0
    # S0 (1 AU / 1.0163 AU)^2 sin 23.44 degrees
    assert daily_mean(JUNE, 90.0) == pytest.approx(1361 / 1.0163**2 * np.sin(np.deg2rad(23.44)), rel=0.005)


def test_sixty_five_north_at_midsummer_gets_what_milankovitchs_readers_know() -> None:
    assert daily_mean(JUNE, 65.0) == pytest.approx(478, rel=0.01)  # Berger & Loutre 1991, today's orbit, 1360 W m-2


def test_over_the_year_and_the_globe_it_is_a_quarter_of_the_suns_constant() -> None:
    lat = np.rad2deg(np.arcsin(np.linspace(-1, 1, 401)[:-1] + 1 / 400))  # bands of equal area
    year = daily_mean(np.arange(365)[:, None] / 365, lat)
    assert year.mean() == pytest.approx(S0 / 4, rel=0.002)


@pytest.mark.parametrize("lat", [-70.0, 0.0, 25.0, 66.0])
def test_moments_add_up_to_the_mean_of_their_day(lat: float) -> None:
    moments = instantaneous(JUNE, np.arange(1440) / 1440, lat, 37.0)
    assert moments.mean() == pytest.approx(float(daily_mean(JUNE, lat)), rel=2e-3)


def test_the_sun_stands_highest_at_noon_where_it_is_noon() -> None:
    day = np.arange(1440) / 1440
    for lon, noon in ((0.0, 0.5), (90.0, 0.25), (-90.0, 0.75)):
        highest = day[np.argmax(instantaneous(EQUINOX, day, 10.0, lon))]
        assert abs(highest - noon) < 10 / 1440  # the equation of time: 7.5 minutes


def test_daily_maps_have_the_suns_mean_today_and_a_quarter_of_a_year_later() -> None:
    observed = daily_maps(120)
    frames = made(observed, ("slp",), calendar="insolation", fields=())
    x = frames.inputs(torch.tensor([0]), torch.tensor([70]), 10)
    assert frames.channels == x.shape[2] == 3 and frames.calendar is None
    at = season("2021-03-20T12:00")  # step 78
    for channel, when in ((1, at), (2, at + 0.25)):
        expected = daily_mean(when, observed["lat"].values) / MEAN
        np.testing.assert_allclose(x[0, 8, channel], np.repeat(expected[:, None], 3, axis=1), atol=1e-5)


def test_hourly_maps_have_the_sun_of_the_middle_of_the_hour_and_six_hours_later() -> None:
    observed = daily_maps(60)
    observed["time"] = pd.date_range("2021-03-20", periods=60, freq="h")
    sun = Sun.over(observed, pd.Timedelta("1h")).at(torch.tensor([[9]]))[0, 0]
    assert sun.shape == (2, 2, 3)
    for channel, hours in ((0, 9.5), (1, 15.5)):
        expected = instantaneous(season("2021-03-20T09:30"), hours / 24, 30.0, observed["lon"].values) / MEAN
        np.testing.assert_allclose(sun[channel, 0], expected, atol=1e-5)


def test_a_projected_grid_has_the_sun_of_each_cells_own_place() -> None:
    lat, lon = np.array([[50.0, 51.0], [52.0, 53.0]]), np.array([[0.0, 1.0], [2.0, 3.0]])
    time = xr.date_range("2001-02-30", periods=2, calendar="360_day", use_cftime=True)
    places = {"lat": (("y", "x"), lat), "lon": (("y", "x"), lon)}
    values = np.zeros((2, 2, 2))
    observed = xr.Dataset({"t": (("time", "y", "x"), values)}, {"time": time, "y": [0, 1], "x": [0, 1], **places})
    sun = Sun.over(observed, pd.Timedelta("1D")).at(torch.tensor([0]))
    np.testing.assert_allclose(sun[0, 0], daily_mean(59.5 / 360, lat) / MEAN, rtol=1e-5)


def test_series_have_no_sun() -> None:
    with pytest.raises(ForecastError, match=r'(?s)maps for \[task\] calendar = "insolation".*series.*"season"'):
        made(hourly(), ("t2m",), calendar="insolation")
